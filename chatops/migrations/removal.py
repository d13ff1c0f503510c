"""What chatops has made in a schema, and the statements that take it out again: what was there before comes back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chatops import db, formatting, interrupts, sqlfiles
from chatops.db import Database, literal
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.citus_form import form_of
from chatops.migrations.plan import short
from chatops.migrations.preflight import examine
from chatops.migrations.removal_rows import Recorded, Routine, Structure
from chatops.migrations.source import DEPLOYED
from chatops.migrations.transaction import replaced_by
from chatops.model import Values

ObjectsByFile = Mapping[str, Mapping[str, Values | None]]
"""What each shipped file makes, by the file's name in `sql/catalog` and the object's label; None: it takes that out."""
FIRST_OF_OURS = "018"
"""Numbered files before it are the application's own; those from it on are taken out."""
SCHEMA = "chatops"
ORDER = ("trigger", "view", "function", "constraint", "index", "column", "sequence", "schema")
KEPT_IN = {"actions": "the log", "migrations": "the ledger", "runs": "runs", "settings": "settings", "watches": "watches"}
"""What the tables of schema chatops hold, in words."""
_LOSES = {
    "trigger": "writes that it refused or put right are taken as they are",
    "constraint": "rows that contradict themselves are taken again",
    "column": "the values in it",
    "sequence": "the count in it",
}


@frozen
class Step:
    """One object: gone, or (`action` is restore) as it was before. `loses` is what cannot be had back, "" where nothing is;
    `becomes` what one that comes back is then."""

    action: str
    kind: str
    object: str
    loses: str = ""
    becomes: str = ""


@frozen
class Removal:
    """What would be done to a database. `tenants` are the other schemas for which schema chatops stays; `stand` is the number of
    the newest file that stays in, `was_there` whether it was in before chatops came."""

    schema: str
    steps: Sequence[Step]
    statements: Sequence[str]
    stand: str
    was_there: bool
    tenants: Sequence[str] = ()
    notes: Sequence[str] = ()
    distributed: bool = False
    """The schema is a tenant of a Citus cluster: statements go one at a time, and its counters are on every node."""
    locks: Sequence[str] = ()
    """The tables that nobody reads or writes meanwhile."""

    @property
    def loses_log(self) -> bool:
        """Whether what was logged goes with it."""
        return any(step.kind == "schema" for step in self.steps)

    @property
    def transaction(self) -> list[str]:
        """The statements as one transaction, all or nothing."""
        settings = ledger.CLUSTER_SETTINGS if self.distributed else ()
        return ["begin", *settings, f"set local search_path = {db.identifier(self.schema)}, pg_temp",
                "set local lock_timeout = '3s'", "set local statement_timeout = 0", "set local check_function_bodies = off",
                *ledger.lock_text(self.schema, bookkeeping=True), *self.statements, "commit"]  # fmt: skip

    @property
    def afterwards(self) -> list[str]:
        """What goes when the rest is gone: counters of a tenant that no transaction reaches."""
        if not self.distributed:
            return []
        return [db.inlined(sqlfiles.read("queries/citus_forget_counters.sql"), {"schema": self.schema})]

    @property
    def pasteable(self) -> str:
        """The same for psql."""
        gone = sum(step.action == "remove" for step in self.steps)
        back = len(self.steps) - gone
        goes, comes = formatting.plural(gone, "object goes", "objects go"), formatting.plural(back, "comes", "come")
        said = [f"Takes chatops out of schema {self.schema}: {goes}, {comes} back as at {self.stand}."]
        said += [f"{step.object}: with it goes what is in it, {step.loses}." for step in self.steps if step.kind == "schema"]
        said.append("All or nothing, and it cannot be undone. Rows of the application stay.")
        # A name may hold a line's end: of a comment it must not begin a statement.
        head = "".join(f"-- {formatting.visible(line)}\n" for line in said)
        return head + "".join(f"{text.rstrip().removesuffix(';')};\n" for text in (*self.transaction, *self.afterwards))


@dataclass(slots=True)
class _Plan:
    schema: str
    live: Mapping[str, Structure]
    recorded: Values
    replaced_by: Mapping[str, str]
    """By which file each object that was kept was replaced."""
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    distributed: bool = False
    comments: Mapping[str, str] = field(default_factory=dict)
    """What the database says of a column or sequence, by its label."""

    def loses(self, kind: str, name: str) -> str:
        """What goes with it: in the words of its comment, where it has one."""
        said = re.split(r"[.;:](?:\s|$)", self.comments.get(f"{kind} {name}", ""))[0].strip()
        return said[:1].lower() + said[1:] if said else _LOSES.get(kind, "")

    def as_before(self, name: str) -> str:
        """How an object that was kept comes back."""
        file = self.replaced_by.get(name, self.replaced_by.get(db.identifier(name), ""))
        return f"as it was before {short(file)} replaced it"

    def named(self, name: str) -> str:
        return f"{db.identifier(self.schema)}.{db.identifier(name)}"


def removal(database: Database, made: ObjectsByFile) -> Removal:
    """What would be done to the target's schema; inside a reading transaction."""
    schema = database.target.schema
    live = {f"{row.kind} {row.name}": row
            for row in database.rows(Structure, sqlfiles.body(sqlfiles.read("checks/shared/structure.sql")))}  # fmt: skip
    bookkeeping = database.facts is not None and database.facts.has_bookkeeping
    tenants: list[str] = []
    kept: Sequence[Recorded] = ()
    stand: tuple[str, bool] | None = None
    if bookkeeping:
        asked = {"schema": schema}
        kept = database.rows(Recorded, sqlfiles.read("queries/removal_recorded.sql"), asked)
        stand = next(((short(name), there) for name, there in
                      database.tuples(sqlfiles.read("queries/removal_stand.sql"), asked)), None)  # fmt: skip
        tenants = [str(row[0]) for row in database.tuples(sqlfiles.read("queries/removal_tenants.sql"), asked)]
    recorded = {row.object: row.definition for row in kept}
    if stand is None:
        stand = min(DEPLOYED, str(database.value(sqlfiles.read("queries/deployed_files.sql")))), True
    before = {label for file, objects in made.items() if file[:3].isdigit() and file < FIRST_OF_OURS for label in objects}
    ours = {label: one for file, objects in made.items() if not file[:3].isdigit() or file >= FIRST_OF_OURS
            for label, one in objects.items() if one is not None}  # fmt: skip
    comments = dict(database.tuples(sqlfiles.read("queries/removal_comments.sql"), {"schema": schema}))
    plan = _Plan(
        schema, live, recorded, {row.object: row.replaced_by for row in kept}, comments=comments,
        distributed=database.facts is not None and database.facts.distributed,
    )  # fmt: skip
    arguments = _arguments(made)
    names = {label.partition(" ")[2] for label in ours if label.startswith("function ")} | _named(recorded)
    routines = database.rows(Routine, sqlfiles.read("queries/removal_routines.sql"), {"schema": schema, "names": sorted(names)})
    mine = [label for label in live if label in ours and label not in before]
    there = [label for label in live if label in ours and label in before]
    statements = _triggers(plan, mine)
    statements += _views(plan, mine, there)
    back = [one for one in routines if f"function {one.name}" in before or f"function {one.name}" not in ours]
    gone = [one for one in routines if one not in back and one.arguments in arguments.get(one.name, ())]
    back = [one for one in back if one.object in recorded or (f"function {one.name}" in there and _is_ours(live, made, one.name))]
    statements += _drop_routines(plan, gone)
    statements += [text for one in back for text in _restored_routine(plan, one)]
    statements += _of_tables(plan, mine)
    statements += [text for label in there if label.startswith("view ") for text in _restored_view(plan, label.partition(" ")[2])]
    statements += _sequences(plan, mine)
    statements += _bookkeeping(plan, database, tenants) if _stands(live) else []
    locks: tuple[str, ...] = ()
    if tables := sorted({live[label].of or "" for label in mine if "." not in (live[label].of or ".")}):
        # As whoever moves a chat does: the chat before all that hangs on it.
        locks = tuple(sorted(tables, key=lambda name: (name != "chats", name)))
        statements.insert(0, f"lock table {', '.join(plan.named(name) for name in locks)} in access exclusive mode")
    steps = sorted(plan.steps, key=lambda step: (step.action == "restore", ORDER.index(step.kind), step.object))
    if plan.distributed:
        plan.notes.append("the schema stays distributed; on the coordinator alone (SQL):"
                          f" select citus_schema_undistribute({literal(db.identifier(schema))}::regnamespace);")  # fmt: skip
    return Removal(schema, steps, statements, *stand, tenants, plan.notes, plan.distributed, locks)


def carry_out(database: Database, found: Removal) -> None:
    """Does it, all or nothing. Raises DatabaseError; ConflictError's kind while a lock is not to be had."""
    if found.distributed:
        ran = database.run_apart([text.rstrip().removesuffix(";") for text in found.transaction])
        if ran.error is not None:
            database.rollback()
            raise ran.error
        for text in found.afterwards:
            database.execute(text)
        return
    try:
        database.glance()  # so that no limit of the session ends what follows
        with interrupts.held(database.cancel):
            database.script(";\n".join(text.rstrip().removesuffix(";") for text in found.transaction))
            interrupts.note_commit()
    except DatabaseError:
        database.rollback()
        interrupts.unless_asked_to_stop()
        raise


def _stands(live: Mapping[str, Structure]) -> bool:
    return any(row.name.startswith(f"{SCHEMA}.") for row in live.values())


def _is_ours(live: Mapping[str, Structure], made: ObjectsByFile, name: str) -> bool:
    """Whether a function that the deployed system has stands as one of our files makes it."""
    body = live[f"function {name}"].definition.get("body")
    return any(
        (objects.get(f"function {name}") or {}).get("body") == body for file, objects in made.items() if file >= FIRST_OF_OURS
    )


def _arguments(made: ObjectsByFile) -> dict[str, set[str]]:
    """The arguments that our functions of a name have had, so that an overload of somebody else's stays."""
    found: dict[str, set[str]] = {}
    for file, objects in made.items():
        for label, one in objects.items():
            kind, _, name = label.partition(" ")
            if kind == "function" and one and "arguments" in one and file >= FIRST_OF_OURS:
                told = one["arguments"]
                found.setdefault(name, set()).update([told] if isinstance(told, str) else told.values())
    return found


def _named(recorded: Iterable[str]) -> set[str]:
    return {object_.partition("(")[0].strip('"') for object_ in recorded if "(" in object_ and not object_.startswith("about ")}


def _triggers(plan: _Plan, mine: Collection[str]) -> list[str]:
    found = []
    for label in sorted(one for one in mine if one.startswith("trigger ")):
        row = plan.live[label]
        own = row.name.rpartition(".")[2]
        found.append(f"drop trigger {db.identifier(own)} on {plan.named(row.of or '')}")
        plan.steps.append(Step("remove", "trigger", row.name, plan.loses("trigger", row.name)))
    return found


def _views(plan: _Plan, mine: Collection[str], there: Collection[str]) -> list[str]:
    """In one statement, for some read others."""
    own = sorted(label.partition(" ")[2] for label in mine if label.startswith("view ") and "." not in label)
    back = sorted(
        label.partition(" ")[2] for label in there if label.startswith("view ") and _view_before(plan, label) is not None
    )
    plan.steps += [Step("remove", "view", name) for name in own]
    return [f"drop view {', '.join(plan.named(name) for name in [*own, *back])}"] if own or back else []


def _view_before(plan: _Plan, label: str) -> str | None:
    name = label.partition(" ")[2]
    found = plan.recorded.get(name, plan.recorded.get(db.identifier(name)))
    return None if found is None else str(found)


def _restored_view(plan: _Plan, name: str) -> list[str]:
    text = _view_before(plan, f"view {name}")
    if text is None:
        return []
    about = plan.recorded.get(f"about {name}", {})
    options = f" with ({about['options']})" if about.get("options") else ""
    plan.steps.append(Step("restore", "view", name, becomes=plan.as_before(name)))
    return [f"create view {plan.named(name)}{options} as {text}", *_about("view", plan.named(name), about, None)]


def _drop_routines(plan: _Plan, gone: Sequence[Routine]) -> list[str]:
    plan.steps += [Step("remove", "function", one.signature) for one in gone]
    names = [f"{db.identifier(plan.schema)}.{one.signature}" for one in gone]
    return [f"drop routine {', '.join(names)}"] if names else []


def _restored_routine(plan: _Plan, one: Routine) -> list[str]:
    text, becomes = plan.recorded.get(one.object), plan.as_before(one.object)
    about = plan.recorded.get(f"about {one.object}")
    if text is None:
        shipped = _shipped_before(one.name, in_cluster=plan.distributed)
        if shipped is not None:
            text, becomes = shipped[1], f"as {short(shipped[0])} makes it: the ledger has not kept what it was"
        if text is None:
            plan.notes.append(f"function {one.signature} stays: the ledger does not say what it was")
            return []
    differs = one.differs(str(text), about)
    if not differs:
        return []  # it stays as it is
    if "text" not in differs:
        becomes = f"as it was before {_from(plan, one)}, in its {' and '.join(differs)} alone"
    if about is None:
        plan.notes.append(f"who may call {one.signature} stays as it is now: the ledger does not say who might before")
    plan.steps.append(Step("restore", "function", one.signature, becomes=becomes))
    name = f"{db.identifier(plan.schema)}.{one.signature}"
    return [str(text), *_about("function", name, about, one)]


def _from(plan: _Plan, one: Routine) -> str:
    file = plan.replaced_by.get(one.object, "")
    return f"{short(file)} changed it" if file else "chatops came"


def _shipped_before(name: str, *, in_cluster: bool) -> tuple[str, str] | None:
    """The newest file of the deployed system that makes a function, and its text of it."""
    for file in reversed([one for one in sqlfiles.names("migrations") if one < FIRST_OF_OURS]):
        reading = examine(f"{file}.sql", sqlfiles.read(f"migrations/{file}.sql").encode())
        if name in replaced_by(reading):
            for statement in reading.statements:
                if f"function {name}(" in statement.text.lower():
                    return file, form_of(file).texts(statement.text)[0] if in_cluster else statement.text
    return None


def _about(kind: str, name: str, about: Values | None, now: Routine | None) -> list[str]:
    """Whose it was, who might use it, what was said of it."""
    if about is None:
        return []
    found = []
    if now is None or now.owner != about["owner"]:
        found.append(f"alter {kind} {name} owner to {db.identifier(about['owner'])}")
    # A new view has what the default privileges give; of a function it is known who may call it now.
    others = ["public", *(db.identifier(role) for role in (now.granted_to if now else ()) if role)]
    others += [db.identifier(one["to"]) for one in about["grants"] or () if one["to"]]
    on = f"on {'function' if kind == 'function' else 'table'} {name}"
    found.append(f"revoke all {on} from {', '.join(dict.fromkeys(others))}")
    for one in about["grants"] or ():
        grantable = " with grant option" if one["grantable"] else ""
        found.append(f"grant {one['privilege']} {on} to {db.identifier(one['to']) if one['to'] else 'public'}{grantable}")
    said = about.get("comment")
    found.append(f"comment on {kind} {name} is {literal(said) if said else 'null'}")
    return found


def _of_tables(plan: _Plan, mine: Collection[str]) -> list[str]:
    found = []
    for kind in ("constraint", "index", "column"):
        for label in sorted(one for one in mine if one.startswith(f"{kind} ") and not one.startswith(f"{kind} {SCHEMA}.")):
            row = plan.live[label]
            if kind == "index":
                found.append(f"drop index {plan.named(row.name)}")
            else:
                found.append(f"alter table {plan.named(row.of or '')} drop {kind} {db.identifier(row.name.rpartition('.')[2])}")
            plan.steps.append(Step("remove", kind, row.name, plan.loses(kind, row.name)))
    return found


def _sequences(plan: _Plan, mine: Collection[str]) -> list[str]:
    names = sorted(label.partition(" ")[2] for label in mine if label.startswith("sequence ") and "." not in label)
    plan.steps += [Step("remove", "sequence", name, plan.loses("sequence", name)) for name in names]
    return [f"drop sequence {plan.named(name)}" for name in names]


def _bookkeeping(plan: _Plan, database: Database, tenants: Sequence[str]) -> list[str]:
    """Schema chatops: its tables by name, so that what others have put into it keeps it from going."""
    tables = sorted(
        row.name.partition(".")[2] for row in plan.live.values() if row.kind == "table" and row.name.startswith(f"{SCHEMA}.")
    )
    if tenants:
        named = literal(plan.schema)
        with_schema = [name for name in tables if f"column {SCHEMA}.{name}.target_schema" in plan.live]
        plan.steps.append(Step("remove", "schema", f"rows of {plan.schema} in {SCHEMA}", "its log, ledger and settings"))
        return [f"delete from {SCHEMA}.{db.identifier(name)} where target_schema = {named}" for name in with_schema]
    count = "select pg_catalog.count(*) from "
    told = ", ".join(
        f"{KEPT_IN.get(name, name)} ({database.value(f'{count}{SCHEMA}.{db.identifier(name)}'):,})" for name in tables
    )
    plan.steps.append(Step("remove", "schema", SCHEMA, told))
    found = [f"drop table {', '.join(f'{SCHEMA}.{db.identifier(name)}' for name in tables)}"] if tables else []
    for kind in ("view", "sequence"):
        for row in sorted(plan.live.values(), key=lambda one: one.name):
            # A sequence that belongs to a column goes with its table.
            own = row.name.partition(".")[2]
            if row.kind == kind and row.name.startswith(f"{SCHEMA}."):
                found.append(f"drop {kind} if exists {SCHEMA}.{db.identifier(own)}")
    if plan.distributed:
        # Its nodes hold a counter in it that this one does not know of.
        return [*found, sqlfiles.read("queries/removal_nothing_else.sql"), f"drop schema {SCHEMA} cascade"]
    return [*found, f"drop schema {SCHEMA}"]
