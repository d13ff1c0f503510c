"""Re-applies what a file that is in can make any number of times: those of its `create or replace` functions, procedures and
views that are missing or differ from it.

Of its triggers, those that are missing: to make the others again takes a lock that stops every write of the table. Of its
indexes, those that are missing or invalid: each by itself, and concurrently, whether the file builds them so or not.

For a definition that drifted, or a file whose text was corrected. What a later file made or dropped since is left to that one.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.errors import RefusedError
from chatops.frozen import frozen
from chatops.migrations import ledger as ledgers
from chatops.migrations.ask_same import planned_alike
from chatops.migrations.citus_form import form_of
from chatops.migrations.made_again import Made, anything, made_later
from chatops.migrations.plan import Entry, MigrationPlan, State
from chatops.migrations.rights_again import Rights, rights_of
from chatops.migrations.routine_options import differing, options_of, plain_options, view_options
from chatops.migrations.scanner import Statement, normalised, scan, significant
from chatops.migrations.source import SHIPPED, MigrationFile
from chatops.migrations.statements import plain
from chatops.migrations.views import READ_AS_CALLER
from chatops.model import Values

ROUTINES = ("function", "procedure", "view")
"""What comes with the rights of any new object where it was missing."""


@frozen
class Piece:
    """One object that is made again: what stands in the database now, what the file has for it, and whether that is the same."""

    kind: str
    name: str
    now: str | None
    then: str
    same: bool
    makes: bool = True
    """Whether it is made, where it differs: a trigger that is there is left as it is, and so are columns, tables and the like."""
    pinned: bool = False
    """Whether a later file has pinned its path, which `create or replace` takes off it again."""

    @property
    def diff(self) -> list[str]:
        """The lines of a diff from the database to the file, without their heads: + is what comes back."""
        now = [] if self.now is None else self.now.strip("\n").splitlines()
        return list(difflib.unified_diff(now, self.then.strip("\n").splitlines(), lineterm=""))[2:]


@frozen
class Again:
    """What would be done: what is made, all pieces, those left to a later file, whether the file's new text counts afterwards."""

    entry: Entry
    made: tuple[Made, ...]
    """The statements of what is missing or differs."""
    pieces: tuple[Piece, ...]
    left: tuple[tuple[str, str], ...]
    accepts: bool
    rights: tuple[Rights, ...] = ()
    """Who may use what was missing, as the files have said."""
    waits: tuple[tuple[str, str], ...] = ()
    """Triggers that are missing, and the function of each, which is missing too and another file's."""

    @property
    def file(self) -> MigrationFile:
        """The file, which is there."""
        assert self.entry.file is not None
        return self.entry.file

    @property
    def built(self) -> tuple[Made, ...]:
        """The indexes among what is made, each of which is built outside a transaction."""
        return tuple(one for one in self.made if one.kind == "INDEX")

    @property
    def nothing(self) -> bool:
        """Whether everything that can be made again is as the file makes it."""
        return not self.accepts and not self.made


Judged = Mapping[tuple[str, str], Values]
"""What the checks found of objects, by kind and name; `found_as` and `wanted_as` are what differs of one that is there."""


def prepare_again(database: Database, plan: MigrationPlan, name: str, judged: Judged) -> Again:
    """Reads what stands in the database; `judged` are the objects that the checks call missing or unlike what their files made
    them. Raises RefusedError for a file that is not in, or that makes nothing anew."""
    entry = entry_of(plan, name)
    if not entry.state.is_in or entry.file is None or entry.row is None:
        raise RefusedError(f"{entry.name} is {entry.state.value}: only what a file that is in has made is applied again")
    if not entry.file.reading.runnable:
        first = entry.file.reading.problems[0]
        raise RefusedError(f"{first.where}  {first.message}; nothing was changed")
    statements: Sequence[Statement] = entry.file.reading.statements
    if database.facts is not None and database.facts.distributed and entry.file.source == SHIPPED:
        form = form_of(entry.name)
        statements = [one for statement in statements for text in form.texts(statement.text) for one in scan(text)]
    own = [one for statement in statements if (one := anything(statement)) is not None and one.replaces]
    later = plan.entries[plan.entries.index(entry) + 1 :]
    others = _makes(later) if own else []
    left = [(one, by) for one in own if (by := made_later(one, others)) is not None]
    made = [one for one in own if one not in [gone for gone, _ in left]]
    others_lack = _beside(entry.name, made, judged)
    if not made and not others_lack:
        more = f": {', '.join(f'{one.name} is left to {by}' for one, by in left)}" if left else ""
        raise RefusedError(
            f"{entry.name} has no function, procedure, view, trigger or index to apply again{more}; nothing was changed"
        )
    # Shipped files make theirs in the target schema alone: of another tenant nothing is said.
    schema = database.target.schema if entry.file.source == SHIPPED else None
    alike = _views_alike(database, [one for one in made if one.kind == "VIEW"], schema, entry.file.source)
    looked = [(one, _piece(database, one, schema, judged, alike)) for one in made]
    comes = {one.name for one in made if one.kind not in ("TRIGGER", "INDEX")}
    waits = [
        (one.name, calls)
        for one, piece in looked
        if one.kind == "TRIGGER" and piece.now is None and (calls := _calls(one.statement)) not in comes
        and not _there(database, "routine", calls, "", schema)
    ]  # fmt: skip
    waiting = {name for name, _ in waits}
    looked = [(one, piece) for one, piece in looked if one.kind != "TRIGGER" or one.name not in waiting]
    made = [one for one, piece in looked if piece.makes and not piece.same]
    pieces = [*(piece for _, piece in looked), *others_lack]
    edits = entry.file.edits(entry.row.statements) if entry.state in (State.EDITED, State.REFORMATTED) else ()
    again = {one.statement.start for one in own}
    accepts = bool(edits) and all(
        edit.what != "removed" and entry.file.reading.statements[edit.index].start in again for edit in edits or ()
    )
    missing = frozenset(piece.name for piece in pieces if piece.now is None and piece.kind in ROUTINES)
    cluster = database.facts is not None and database.facts.distributed
    rights = rights_of(plan.entries, missing, cluster=cluster) if missing else ()
    if not cluster and entry.file.source == SHIPPED and (read := sorted(missing & {*READ_AS_CALLER})):
        rights += (Rights(entry.name, db.inlined(sqlfiles.read("queries/views_rights.sql"), {"views": read}).rstrip(), True),)
    return Again(entry, tuple(made), tuple(pieces), tuple((one.name, by) for one, by in left), accepts, rights, tuple(waits))


def entry_of(plan: MigrationPlan, name: str) -> Entry:
    """The one file of a number or name. Raises RefusedError where there is none, or several."""
    plain = name.removesuffix(".sql")
    found = [one for one in plan.entries if one.name == plain] or [
        one for one in plan.entries if plain.isdigit() and one.number == int(plain)
    ]
    if len(found) != 1:
        several = f"{len(found)} files: {', '.join(one.name for one in found)}" if found else "no file"
        raise RefusedError(f"{name} means {several} of {plan.source}")
    return found[0]


def _makes(entries: Sequence[Entry]) -> list[tuple[str, Made]]:
    """What files that are in make or drop, each with the file's name."""
    return [
        (entry.name, made) for entry in entries if entry.file is not None and entry.state.is_in
        for statement in entry.file.reading.statements if (made := anything(statement)) is not None
    ]  # fmt: skip


def _piece(database: Database, one: Made, schema: str | None, judged: Judged, alike: frozenset[str]) -> Piece:
    """What there is of an object, and what the file has; of several of that name, the one that is nearest."""
    kind = {"VIEW": "view", "TRIGGER": "trigger", "INDEX": "index"}.get(one.kind, "routine")
    found = _there(database, kind, one.name, one.arguments, schema)
    options = {str(text): dict(there) for text, there in found}
    then = _body(one)
    if kind == "trigger":
        now, told = next(iter(options), None), judged.get(("trigger", f"{one.arguments}.{one.name}"))
        if now is not None and told is not None:
            return Piece("trigger", one.name, *_told(told), same=False, makes=False)
        return Piece("trigger", one.name, now, then, now is not None, now is None)
    if kind == "index":
        now, told = next(iter(options), None), judged.get(("index", one.name))
        if now is not None and any(one["valid"] == "false" for one in options.values()):
            return Piece("index", one.name, f"{now} (INVALID)", then, same=False)
        if now is not None and told is not None and told.get("found_as"):
            return Piece("index", one.name, *_told(told), same=False, makes=False)
        return Piece("index", one.name, now, then, now is not None)
    if kind == "view":
        now, told = next(iter(options), None), judged.get(("view", one.name))
        if now is not None and told is not None:
            return Piece("view", one.name, *_told(told), same=False)
        return Piece("view", one.name, now, then, one.name in alike)
    nearest = max(options, key=lambda text: difflib.SequenceMatcher(None, text, then, autojunk=False).quick_ratio(), default=None)
    if nearest is None:
        return Piece(one.kind.lower(), one.name, None, then, False)
    wanted = options_of(one.statement.text, None if schema is None else f"{schema}, pg_temp")
    there = options[nearest]
    differs = differing(wanted, there)
    pinned = schema is not None and len(options) == 1 and "set search_path" in there and "set search_path" not in wanted
    if schema is not None and ("function", one.name) not in judged:
        differs = []  # a later file has set them: as all files together make it, it is
    now = "".join(f"{name}: {there[name]}\n" for name in differs if name in there) + nearest
    then = "".join(f"{name}: {wanted[name]}\n" for name in differs if name in wanted) + then
    if now == then and (told := judged.get(("function", one.name))) is not None:
        now, then = _told(told)  # what a body and options do not show, such as the names of arguments
    return Piece(one.kind.lower(), one.name, now, then, now == then, pinned=pinned)


def _beside(file: str, made: Sequence[Made], judged: Judged) -> list[Piece]:
    """What a check found of the file's other objects, which no statement makes twice: columns, constraints, tables."""
    own = {("trigger", f"{one.arguments}.{one.name}") if one.kind == "TRIGGER" else (one.kind.lower(), one.name) for one in made}
    own |= {("function", name) for kind, name in own if kind == "procedure"}
    found = []
    for (kind, name), row in judged.items():
        if row.get("migration") == file and (kind, name) not in own:
            now, then = _told(row) if row.get("found_as") else (None, "")
            found.append(Piece(kind, name, now, then, same=False, makes=False))
    return found


def _told(row: Values) -> tuple[str, str]:
    """How an object is and how its file makes it, by what a check says of it: a line each, or the text that differs."""
    found, wanted = row.get("found_as") or {}, row.get("wanted_as") or {}
    texts = [(name, str(found[name] or ""), str(wanted.get(name) or "")) for name in found]
    now = "\n".join(there if "\n" in there + then else f"{name}: {there}" for name, there, then in texts)
    then = "\n".join(then if "\n" in there + then else f"{name}: {then}" for name, there, then in texts)
    return now, then


def _views_alike(database: Database, made: Sequence[Made], schema: str | None, source: str) -> frozenset[str]:
    """The views that ask what the file's text asks, under the options that it gives: the server plans both and compares."""
    asked: list[tuple[str, str, str]] = []
    for one in made:
        for text, options in _there(database, "view", one.name, "", schema)[:1]:
            if plain_options(options) == plain_options(view_options(one.statement.text)):
                asked.append((one.name, _body(one), str(text).rstrip().removesuffix(";")))
    if not asked:
        return frozenset()
    same = [name for name, ours, theirs in asked if normalised(ours) == normalised(theirs)]
    with database.reading():
        database.script("; ".join(ledgers.file_path_texts(source, schema or database.target.schema)))
        told = planned_alike(database, [(ours, theirs) for _, ours, theirs in asked])
    return frozenset([*same, *(name for (name, _, _), alike in zip(asked, told, strict=True) if alike)])


def _there(database: Database, kind: str, name: str, table: str, schema: str | None) -> list[tuple[Any, ...]]:
    values = {"kind": kind, "name": name, "table": table, "schema": schema}
    return database.tuples(sqlfiles.read("queries/again_texts.sql"), values)


def _calls(trigger: Statement) -> str:
    """The function that a trigger calls."""
    tokens = list(significant(trigger.text))
    at = max(place for place, token in enumerate(tokens) if token.upper == "EXECUTE") + 2
    while at + 2 < len(tokens) and tokens[at + 1].text == ".":
        at += 2
    return plain(tokens[at])


def _body(one: Made) -> str:
    """The body of a routine as the catalog keeps it, the query of a view; the whole statement where neither is found."""
    tokens = list(significant(one.statement.text))
    for before, token in pairwise(tokens):
        if before.upper == "AS" and one.kind == "VIEW":
            return one.statement.text[token.start :]
        if before.upper == "AS" and token.kind == "string":
            text = token.text
            if text.startswith("$"):
                tag = text[: text.index("$", 1) + 1]
                return text[len(tag) : -len(tag)]
            return text[1:-1].replace("''", "'")
    return one.statement.text
