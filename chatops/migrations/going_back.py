"""Going back from a file: what takes out what it made here, and brings back what it replaced, as statements.

Of files that make functions and views alone nothing else remains. What changes tables or rows is named, and left to a person.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.migrations.made_again import Made, made_by
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.plan import Entry, LedgerRow
from chatops.migrations.scanner import Statement
from chatops.migrations.source import DEPLOYED, SHIPPED
from chatops.migrations.statements import first_word

HARMLESS = ("COMMENT", "GRANT", "REVOKE", "SET", "RESET", "ANALYZE")
"""Statements whose effects go with the function or view that they are about, or with the session."""
_OF_SQL = ("current_", "session_", "system_")
_DEFAULT = re.compile(r"\s*(?:\bdefault\b|:=|=).*", re.IGNORECASE | re.DOTALL)


@frozen
class GoingBack:
    """Of one file: the `statements` that take it back, what of it comes back as it was, and the lines of what they leave."""

    statements: tuple[str, ...]
    dropped: tuple[str, ...]
    restored: tuple[str, ...]
    beyond: tuple[int, ...]


def ours_alone(source: str, name: str) -> bool:
    """Whether a file is one of those that go together, with `remove`."""
    return source == SHIPPED and name.partition("_")[0] > DEPLOYED


def made(reading: MigrationText) -> list[Made]:
    """The functions and views that a file makes or replaces."""
    found = [
        one for statement in reading.statements if first_word(statement) == "CREATE" and (one := made_by(statement)) is not None
    ]
    return list({(one.kind, one.name, one.arguments): one for one in found}.values())


def made_before(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether an earlier file that is in makes something of the same, which then is there no more."""
    assert entry.file is not None
    own = {(one.kind, one.name) for one in made(entry.file.reading)}
    return any(
        (one.kind, one.name) in own
        for other in entries[: entries.index(entry)] if other.file is not None and other.state.is_in
        for one in made(other.file.reading)
    )  # fmt: skip


def beyond(reading: MigrationText) -> tuple[int, ...]:
    """The lines of the statements that do anything else than making functions and views."""
    return tuple(one.line for one in reading.statements if not _goes_along(one))


def _goes_along(statement: Statement) -> bool:
    word = first_word(statement)
    return word in HARMLESS or (word == "CREATE" and made_by(statement) is not None)


def made_later(entry: Entry, entries: Sequence[Entry]) -> list[str]:
    """The later files that are in and make the same, or drop it: they go first."""
    assert entry.file is not None
    own = {(one.kind, one.name) for one in made(entry.file.reading)}
    return [
        other.name
        for other in entries[entries.index(entry) + 1 :]
        if other.file is not None and other.state.is_in
        and any((one.kind, one.name) in own for statement in other.file.reading.statements if (one := made_by(statement)))
    ]  # fmt: skip


def dropping(one: Made, schema: str) -> str:
    """What takes out something that was not there before.

    >>> from chatops.migrations.scanner import scan
    >>> [dropping(made_by(one), "public") for one in scan("create function f(a int default 1, b text) returns int as $$ $$")]
    ['drop function public."f"(a int, b text);']
    """
    name = f"{_shown(schema)}.{_shown(one.name)}"
    if one.kind == "VIEW":
        return f"drop view {name};"
    arguments = ", ".join(_DEFAULT.sub("", part).replace(" ,", ",").strip() for part in _parts(one.arguments))
    return f"drop {one.kind.lower()} {name}({arguments});"


def _shown(name: str) -> str:
    """A name as people write it: quoted where it is no plain word, or may be one of SQL's own."""
    plain = name == "public" or (re.fullmatch(r"[a-z][a-z0-9]*_[a-z0-9_]+", name) and not name.startswith(_OF_SQL))
    return name if plain else db.identifier(name)


def _parts(arguments: str) -> list[str]:
    """A list of arguments at its commas, save those between brackets."""
    depth, parts = 0, [""]
    for sign in arguments:
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part for part in parts if part.strip()]


def going_back(
    database: Database, reading: MigrationText, source: str, name: str, *, is_in: bool, inside: bool = False
) -> GoingBack:
    """What takes a file back here: by the ledger for one that `is_in`, by what is there now for one that is not.

    `inside`: inside a transaction that reads.
    """
    own, schema = made(reading), database.target.schema
    with contextlib.nullcontext() if inside else database.reading():
        rows = _there(database, own, source, name, ledger=is_in)
    statements: list[str] = []
    dropped: list[str] = []
    restored: list[str] = []
    for one in reversed(own):
        before = _before(rows, one, is_in=is_in)
        if before is None:
            statements.append(dropping(one, schema))
            dropped.append(f"{one.kind.lower()} {one.name}")
        else:
            statements += [before] if before else []
            restored.append(f"{one.kind.lower()} {one.name}")
    return GoingBack(tuple(statements), tuple(dropped), tuple(restored), beyond(reading))


def forgetting(schema: str, row: LedgerRow) -> str:
    """The statement by which the ledger forgets a file whose whole effect is taken back, and the log keeps what it knew."""
    values = {"target_schema": schema, "source": row.source, "name": row.name, "before": row.checksum}
    return db.inlined(sqlfiles.body_of("queries/ledger_taken_back.sql"), values) + ";"


def _there(database: Database, own: Sequence[Made], source: str, name: str, *, ledger: bool) -> Sequence[Mapping[str, object]]:
    file = {"schema": database.target.schema, "source": source, "name": name}
    kept = database.value(sqlfiles.read("queries/ledger_kept_of.sql"), file) if ledger else None
    values = {"schema": database.target.schema, "names": [one.name for one in own], "replaced": kept or "{}"}
    return database.mappings(sqlfiles.read("queries/going_back.sql"), values)


def _before(rows: Sequence[Mapping[str, object]], one: Made, *, is_in: bool) -> str | None:
    """The statement that brings back what stood here before the file, "" where it is still to be kept; None: nothing did."""
    kind = "view" if one.kind == "VIEW" else "routine"
    same = [row for row in rows if row["kind"] == kind and row["own"] == one.name]
    if not is_in:
        return "" if any(_alike(str(row["object"]), one) for row in same) else None
    for row in same:
        if row["before"] is not None and _alike(str(row["object"]), one):
            text = str(row["before"]).strip().rstrip(";")
            return _view(str(row["object"]), text, str(row["grants"] or "")) if kind == "view" else f"{text};"
    return None


def _view(name: str, text: str, grants: str) -> str:
    """The statement that gives a view its former text: in place where it has the same columns or fewer now, else made anew.

    >>> print(_view("v", "select 1 as a", "grant select on v to app;"))
    do $back$
    begin
      create or replace view v as
    select 1 as a;
    exception when invalid_table_definition then -- it has other columns now
      drop view v;
      create view v as
    select 1 as a;
      grant select on v to app;
    end
    $back$;
    """
    mark = next(mark for mark in ("$back$", *(f"$back{n}$" for n in range(1, 100))) if mark not in text)
    own = [f"  {line}" for line in grants.splitlines()]
    return "\n".join([
        f"do {mark}", "begin", f"  create or replace view {name} as", f"{text};",
        "exception when invalid_table_definition then -- it has other columns now",
        f"  drop view {name};", f"  create view {name} as", f"{text};", *own, "end", f"{mark};",
    ])  # fmt: skip


def _alike(object_: str, one: Made) -> bool:
    """Whether that is the function of so many arguments: their names and types are written in many ways."""
    if one.kind == "VIEW":
        return True
    inside = object_.partition("(")[2].rstrip(")")
    wanted = [part for part in _parts(one.arguments) if not re.match(r"\s*out\b", part, re.IGNORECASE)]
    return len(_parts(inside)) == len(wanted)
