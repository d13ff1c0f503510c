"""Random folders of migrations that run through: tables, columns, constraints, indexes, policies, functions, triggers, views,
enums and data, made, altered, renamed, dropped and made again under few names, so that files get into each other's way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

TABLES, COLUMNS, NAMES = ("a", "b", "c"), ("x", "y", "z"), ("one", "two")
TYPES = ("int", "bigint", "text", "numeric(6, 2)", "timestamptz", "varchar(20)", "text[]")
DEFAULTS = {
    "int": ("0", "1 + 1", "-5"), "bigint": ("7", "10 * 3"), "text": ("'hey'", "upper('q')", "null"), "numeric(6, 2)": ("1.5", "0"),
    "timestamptz": ("now()", "current_timestamp"), "varchar(20)": ("'v'", "lower('Q')"), "text[]": ("'{}'", "array['p']"),
}  # fmt: skip
CHECKS = (
    "{c} is not null",
    "{c} is null or {c} is not null",
    "not ({c} is null) or true",
    "coalesce({c}::text, '') in ('', 'v', '7')",
)

Make = Callable[["Model", "Choice"], "str | None"]


@dataclass
class Model:
    """What the statements so far have made."""

    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    on_table: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    indexes: dict[str, str] = field(default_factory=dict)
    functions: dict[str, set[str]] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    enums: dict[str, list[str]] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Choice:
    """The numbers that one statement is made from."""

    numbers: tuple[int, int, int]

    def of(self, options: Sequence[str], which: int = 0) -> str | None:
        """One of some options; None where there are none."""
        return options[self.numbers[which] % len(options)] if options else None


def _table(model: Model, choice: Choice) -> str | None:
    return choice.of(sorted(model.tables))


def _column(model: Model, choice: Choice) -> tuple[str, str] | None:
    table = _table(model, choice)
    column = choice.of(sorted(model.tables[table]), 1) if table else None
    return (table, column) if table and column else None


def on_table(make: Callable[[Model, Choice, str], str | None]) -> Make:
    """A statement about one of the tables; none where there is none."""

    def made(model: Model, choice: Choice) -> str | None:
        table = _table(model, choice)
        return None if table is None else make(model, choice, table)

    return made


def on_column(make: Callable[[Model, Choice, str, str], str | None]) -> Make:
    """A statement about a column of one of the tables."""

    def made(model: Model, choice: Choice) -> str | None:
        found = _column(model, choice)
        return None if found is None else make(model, choice, *found)

    return made


def on_names(*names: str) -> Callable[[Callable[[Model, Choice, str, str, str], str | None]], Make]:
    """A statement about what bears one of these names, and stands on a column of one of the tables."""

    def of(make: Callable[[Model, Choice, str, str, str], str | None]) -> Make:
        def made(model: Model, choice: Choice) -> str | None:
            found, name = _column(model, choice), choice.of(names, 2)
            return None if found is None or name is None else make(model, choice, *found, name)

        return made

    return of


def _create_table(model: Model, choice: Choice) -> str | None:
    free = [name for name in TABLES if name not in model.tables and name not in model.views]
    name = choice.of(free)
    if name is None:
        return None
    kinds = [TYPES[(choice.numbers[1] + step) % len(TYPES)] for step in range(2)]
    model.tables[name] = dict(zip(COLUMNS, kinds, strict=False))
    model.on_table[name] = {"constraint": set(), "policy": set(), "trigger": set()}
    lenient = "if not exists " if choice.numbers[2] % 3 == 0 else ""
    default = f" default {DEFAULTS[kinds[0]][0]}" if choice.numbers[2] % 2 else ""
    return f"create table {lenient}{name} (x {kinds[0]}{default}, y {kinds[1]})"


@on_table
def _drop_table(model: Model, choice: Choice, name: str) -> str | None:
    del model.tables[name], model.on_table[name]
    model.indexes = {index: table for index, table in model.indexes.items() if table != name}
    model.views = {view: table for view, table in model.views.items() if table != name}
    return f"drop table {'if exists ' if choice.numbers[1] % 2 else ''}{name} cascade"


def _rename_table(model: Model, choice: Choice) -> str | None:
    name = _table(model, choice)
    free = [one for one in TABLES if one not in model.tables and one not in model.views]
    new = choice.of(free, 1)
    if name is None or new is None:
        return None
    model.tables[new], model.on_table[new] = model.tables.pop(name), model.on_table.pop(name)
    model.indexes = {index: new if table == name else table for index, table in model.indexes.items()}
    model.views = {view: new if table == name else table for view, table in model.views.items()}
    return f"alter table {name} rename to {new}"


@on_table
def _add_column(model: Model, choice: Choice, table: str) -> str | None:
    column = choice.of([one for one in COLUMNS if one not in model.tables[table]], 1)
    if column is None:
        return None
    kind = TYPES[choice.numbers[2] % len(TYPES)]
    model.tables[table][column] = kind
    default = f" default {DEFAULTS[kind][-1]}" if choice.numbers[2] % 2 else ""
    return f"alter table {table} add column {'if not exists ' if choice.numbers[1] % 2 else ''}{column} {kind}{default}"


@on_column
def _drop_column(model: Model, choice: Choice, table: str, column: str) -> str | None:
    del model.tables[table][column]
    return f"alter table {table} drop column {column} cascade"


@on_column
def _rename_column(model: Model, choice: Choice, table: str, column: str) -> str | None:
    new = choice.of([one for one in COLUMNS if one not in model.tables[table]], 2)
    if new is None:
        return None
    model.tables[table][new] = model.tables[table].pop(column)
    return f"alter table {table} rename column {column} to {new}"


@on_column
def _alter_column(model: Model, choice: Choice, table: str, column: str) -> str | None:
    kind = model.tables[table][column]
    defaults = DEFAULTS[kind]
    what = (
        "set not null",
        "drop not null",
        f"set default {defaults[choice.numbers[1] % len(defaults)]}",
        "drop default",
        "type text",
    )
    chosen = what[choice.numbers[2] % len(what)]
    if chosen == "type text":
        model.tables[table][column] = "text"
        chosen = f"drop default, alter column {column} type text"
    return f"alter table {table} alter column {column} {chosen}"


@on_names(*NAMES)
def _constraint(model: Model, choice: Choice, table: str, column: str, name: str) -> str | None:
    there = model.on_table[table]["constraint"]
    if name in there:
        there.discard(name)
        return f"alter table {table} drop constraint if exists {name}"
    there.add(name)
    kind = choice.numbers[2] // 2 % (len(CHECKS) + 1)
    if kind == len(CHECKS):
        return f"alter table {table} add unique ({column})"
    return f"alter table {table} add constraint {name} check ({CHECKS[kind].format(c=column)})"


@on_names(*(f"i_{one}" for one in NAMES))
def _index(model: Model, choice: Choice, table: str, column: str, name: str) -> str | None:
    if name in model.indexes:
        del model.indexes[name]
        return f"drop index if exists {name}"
    model.indexes[name] = table
    keys = (column, f"{column} desc", f"({column} is null)")[choice.numbers[1] % 3]
    where = f" where {column} is not null" if choice.numbers[0] % 2 else ""
    return f"create index {name} on {table} ({keys}){where}"


@on_names(*NAMES)
def _policy(model: Model, choice: Choice, table: str, column: str, name: str) -> str | None:
    using = (f"{column} is not null", "true", f"{column} is null or false")[choice.numbers[1] % 3]
    there = model.on_table[table]["policy"]
    if name in there:
        if choice.numbers[0] % 3 == 0:
            there.discard(name)
            return f"drop policy {name} on {table}"
        return f"drop policy if exists {name} on {table}; create policy {name} on {table} for select using ({using})"
    there.add(name)
    return f"create policy {name} on {table} using ({using})"


@on_table
def _row_security(model: Model, choice: Choice, table: str) -> str | None:
    return f"alter table {table} {('enable', 'disable')[choice.numbers[1] % 2]} row level security"


ARGUMENTS = ("", "int", "int, text")


def _function(model: Model, choice: Choice) -> str | None:
    name = choice.of(("f", "g"))
    assert name is not None
    there = model.functions.setdefault(name, set())
    arguments = ARGUMENTS[choice.numbers[1] % len(ARGUMENTS)]
    if arguments in there and choice.numbers[2] % 4 == 0:
        there.discard(arguments)
        return f"drop function {name}" + ("" if not there else f"({arguments})")
    there.add(arguments)
    security = " security definer" if choice.numbers[2] % 3 == 0 else ""
    return (
        f"create or replace function {name}({arguments}) returns int language sql{security} as 'select {choice.numbers[2] % 3}'"
    )


def _trigger(model: Model, choice: Choice) -> str | None:
    table, name = _table(model, choice), choice.of([f"t_{one}" for one in NAMES], 1)
    if table is None or name is None:
        return None
    there = model.on_table[table]["trigger"]
    if name in there:
        what = choice.numbers[2] % 3
        if what == 0:
            there.discard(name)
            return f"drop trigger {name} on {table}"
        return f"alter table {table} {('enable', 'disable')[what % 2]} trigger {name}"
    there.add(name)
    when = ("before insert", "after update or delete")[choice.numbers[2] % 2]
    function = "create or replace function touch() returns trigger language plpgsql as 'begin return null; end'"
    return f"{function}; create trigger {name} {when} on {table} for each row execute function touch()"


@on_names("v", "w")
def _view(model: Model, choice: Choice, table: str, column: str, name: str) -> str | None:
    if name in model.views:
        del model.views[name]
        return f"drop view if exists {name}"
    model.views[name] = table
    return f"create view {name} as select {column} from {table} where {column} is not null"


def _enum(model: Model, choice: Choice) -> str | None:
    name = choice.of(("mood", "hue"))
    assert name is not None
    if name not in model.enums:
        model.enums[name] = ["p", "q"]
        return f"create type {name} as enum ('p', 'q')"
    if choice.numbers[1] % 3 == 0:
        del model.enums[name]
        return f"drop type {name} cascade"
    label = f"l{choice.numbers[2] % 4}"
    if label in model.enums[name]:
        return f"alter type {name} rename value '{label}' to '{label}{len(model.enums[name])}'"
    model.enums[name].append(label)
    return f"alter type {name} add value if not exists '{label}'"


@on_table
def _data(model: Model, choice: Choice, table: str) -> str | None:
    return f"insert into {table} default values on conflict do nothing"


@on_column
def _rows(model: Model, choice: Choice, table: str, column: str) -> str | None:
    """Rows that are written out; of few values, so that files write the same ones."""
    if model.tables[table][column] not in ("int", "bigint", "text"):
        return None
    return f"insert into {table} ({column}) values ('{choice.numbers[2] % 5}') on conflict do nothing"


def _rename(model: Model, choice: Choice) -> str | None:
    """A policy, trigger, constraint, index, view or function under another name."""
    table = _table(model, choice)
    kind = ("policy", "trigger", "constraint", "index", "view", "function")[choice.numbers[1] % 6]
    new = f"renamed_{choice.numbers[2] % 3}"
    if kind in ("policy", "trigger", "constraint"):
        there = model.on_table[table][kind] if table else set()
        old = choice.of(sorted(there), 2)
        if table is None or old is None or new in there:
            return None
        there.discard(old)
        there.add(new)
        return (
            f"alter table {table} rename constraint {old} to {new}"
            if kind == "constraint"
            else f"alter {kind} {old} on {table} rename to {new}"
        )
    if kind == "function":
        old = choice.of(sorted(name for name, there in model.functions.items() if len(there) == 1), 2)
        if old is None or model.functions.get(new):
            return None
        (arguments,) = model.functions.pop(old)
        model.functions[new] = {arguments}
        return f"alter function {old}({arguments}) rename to {new}"
    names = model.indexes if kind == "index" else model.views
    old = choice.of(sorted(names), 2)
    if old is None or new in model.indexes or new in model.views:
        return None
    names[new] = names.pop(old)
    return f"alter {kind} {old} rename to {new}"


def _alter_part(model: Model, choice: Choice) -> str | None:
    """A policy's expression, a function's security, a replaced view."""
    what = choice.numbers[1] % 3
    if what == 0:
        found = _column(model, Choice((choice.numbers[0], choice.numbers[2], 0)))
        policy = choice.of(sorted(model.on_table[found[0]]["policy"]), 2) if found else None
        return f"alter policy {policy} on {found[0]} using ({found[1]} is null)" if found and policy else None
    if what == 1:
        name = choice.of(sorted(name for name, there in model.functions.items() if there))
        arguments = choice.of(sorted(model.functions[name]), 2) if name else None
        ways = ("security definer", "security invoker", "set search_path = public", "reset search_path", "immutable")
        return f"alter function {name}({arguments}) {ways[choice.numbers[2] % len(ways)]}" if arguments is not None else None
    view = choice.of(sorted(model.views))
    if view is None or not (columns := sorted(model.tables.get(model.views[view], {}))):
        return None
    return f"drop view {view}; create or replace view {view} as select {columns[-1]} from {model.views[view]}"


def _guarded(model: Model, choice: Choice) -> str | None:
    """What a DO block makes unless it is there."""
    free = [name for name in TABLES if name not in model.tables and name not in model.views]
    name = choice.of(free)
    if choice.numbers[1] % 2 and name:
        model.tables[name] = {"x": "int", "y": "text"}
        model.on_table[name] = {"constraint": set(), "policy": set(), "trigger": set()}
        return f"do $$ begin if to_regclass('{name}') is null then create table {name} (x int, y text); end if; end $$"
    if "mood" not in model.enums:
        model.enums["mood"] = ["p", "q"]
        return "do $$ begin create type mood as enum ('p', 'q'); exception when duplicate_object then null; end $$"
    return None


def _inline(model: Model, choice: Choice) -> str | None:
    """A table whose constraints the server names."""
    name = choice.of([one for one in TABLES if one not in model.tables and one not in model.views])
    if name is None:
        return None
    other = choice.of(sorted(model.on_table), 1)
    keyed = other is not None and "keyed" in model.on_table[other]["constraint"]
    model.tables[name] = {"x": "int", "y": "text"}
    model.on_table[name] = {"constraint": {"keyed"}, "policy": set(), "trigger": set()}
    refers = f" references {other} (x)" if keyed and choice.numbers[2] % 2 else ""
    return f"create table {name} (x int constraint keyed_{name} primary key, y text unique check (y <> ''), z int{refers})"


def _elsewhere(model: Model, choice: Choice) -> str | None:
    """Things in another schema, by name or by search_path; sequences, domains, materialized views."""
    what = choice.numbers[0] % 5
    key = ("schema", "table", "sequence", "domain", "materialized view")[what]
    if key == "table":
        if "schema" not in model.others:
            return None
        if "table" in model.others:
            model.others.discard("table")
            return "drop table ship.crew"
        model.others.add("table")
        return ("create table ship.crew (id int)", "set search_path = ship, public; create table crew (id int)")[
            choice.numbers[1] % 2
        ]
    made = {
        "schema": "create schema if not exists ship", "sequence": "create sequence counter", "domain": "create domain tag as text",
        "materialized view": "create materialized view big as select 1 as one",
    }[key]  # fmt: skip
    if key in model.others:
        if key == "schema":
            return None
        model.others.discard(key)
        return f"drop {made.split(' as ')[0].removeprefix('create ')}"
    model.others.add(key)
    return made


MAKERS: tuple[Make, ...] = (
    _create_table, _create_table, _drop_table, _rename_table, _add_column, _add_column, _drop_column, _rename_column, _alter_column,
    _alter_column, _constraint, _constraint, _index, _index, _policy, _policy, _row_security, _function, _function, _trigger, _view,
    _enum, _data, _rows, _rows, _rename, _rename, _alter_part, _alter_part, _guarded, _inline, _elsewhere,
)  # fmt: skip
_number = st.integers(0, 23)
_statement = st.tuples(st.integers(0, len(MAKERS) - 1), _number, _number, _number)
_file = st.lists(_statement, min_size=1, max_size=3)


@dataclass(frozen=True)
class Case:
    """A folder's files, how many of them psql ran, and which of those were left out."""

    files: tuple[str, ...]
    prefix: int
    left_out: frozenset[int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A folder, and what psql ran of it."""
    model = Model()
    files: list[str] = []
    for numbers in draw(st.lists(_file, min_size=3, max_size=9)):
        made = (MAKERS[which](model, Choice((one, two, three))) for which, one, two, three in numbers)
        if statements := [statement for statement in made if statement]:
            files.append(";\n".join(statements) + ";\n")
    # Most of the folder ran, as a rule: numbers count back from its end.
    prefix = max(0, len(files) - draw(st.sampled_from((0, 0, 1, 2, 3, 5, 9))))
    left_out = draw(st.frozensets(st.integers(0, max(prefix - 1, 0)), max_size=2)) if prefix else frozenset()
    return Case(tuple(files), prefix, left_out)
