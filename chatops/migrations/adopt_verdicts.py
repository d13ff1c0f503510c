"""Decides, from the files' claims and the catalog, which files are in; needs no server."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from chatops.migrations.catalog import Catalog
from chatops.migrations.objects_made import Claim, Claims, Thing, claims_of
from chatops.migrations.source import Folder, MigrationFile


class Verdict(Enum):
    """What the catalog says of a file."""

    RECORDED = "recorded"
    APPLIED = "applied"
    PENDING = "pending"
    PARTIAL = "partial"
    CONFLICT = "conflict"
    UNPROVABLE = "unprovable"

    @property
    def meaning(self) -> str:
        """One sentence."""
        return _MEANINGS[self]


_MEANINGS = {
    Verdict.RECORDED: "the ledger has it",
    Verdict.APPLIED: "everything that it makes is there",
    Verdict.PENDING: "nothing that it makes is there",
    Verdict.PARTIAL: "some of what it makes is there, some is missing",
    Verdict.CONFLICT: "all of it is there, but a function has another body than the file gives it",
    Verdict.UNPROVABLE: "the catalog cannot tell: it moves data, sets privileges, or makes only what other files make too",
}


@dataclass(frozen=True, slots=True)
class OtherBody:
    """A function whose text is not the file's; `file_body` and `database_body` as they stand."""

    function: str
    file_body: str
    database_body: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A file and what is known of it.

    `there` are objects that prove it, `missing` those that speak against it, each with what is wrong, `others` the functions
    with another body. `silent` counts the objects that prove nothing, because other files make or drop them too.
    `history` is whether Supabase's history has it.
    """

    file: MigrationFile
    verdict: Verdict
    there: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    others: tuple[OtherBody, ...] = ()
    silent: int = 0
    data: int = 0
    unread: int = 0
    history: bool = False

    @property
    def is_in(self) -> bool:
        """Whether it is proven or recorded already."""
        return self.verdict in (Verdict.RECORDED, Verdict.APPLIED)


@dataclass(frozen=True, slots=True)
class _Event:
    """One claim of one file, by its place among all claims of the folder."""

    place: tuple[int, int]
    claim: Claim

    @property
    def file(self) -> int:
        return self.place[0]


def claims_of_folder(folder: Folder, schema: str) -> list[Claims]:
    """The claims of each file, in the folder's order."""
    return [claims_of(file.reading, schema) for file in folder.files]


def schemas_of(claims: Sequence[Claims], schema: str) -> list[str]:
    """Every schema that the claims name, the target's first."""
    named = {claim.thing.schema for one in claims for claim in one.claims} | {
        claim.was.schema for one in claims for claim in one.claims if claim.was
    }
    return [schema, *sorted(named - {schema, ""})]


def prove(
    folder: Folder, claims: Sequence[Claims], catalog: Catalog, *, recorded: Collection[str] = (), history: Collection[str] = ()
) -> list[Proof]:
    """What is known of each file. `recorded` are the names that the ledger has, `history` those in Supabase's history."""
    court = _Court(claims, catalog)
    found = []
    for index, (file, own) in enumerate(zip(folder.files, claims, strict=True)):
        proof = replace(court.judge(index, file), data=own.data, unread=own.unread, history=file.name in history)
        if file.name in recorded:
            proof = replace(proof, verdict=Verdict.RECORDED)
        elif proof.history:
            proof = replace(proof, verdict=_with_history(proof))
        found.append(proof)
    return found


def _with_history(proof: Proof) -> Verdict:
    """A file that Supabase's history has was run: a body that changed since does not undo that, a missing object does."""
    return Verdict.PARTIAL if proof.missing else Verdict.APPLIED


class _Court:
    """The claims of all files, and the catalog that they are held against."""

    def __init__(self, claims: Sequence[Claims], catalog: Catalog) -> None:
        self.catalog = catalog
        self.events = [
            _Event((index, position), claim) for index, own in enumerate(claims) for position, claim in enumerate(own.claims)
        ]
        self.by_thing: dict[Thing, list[_Event]] = {}
        for event in self.events:
            self.by_thing.setdefault(event.claim.thing, []).append(event)
        self.drops = [event for event in self.events if not event.claim.there]
        self.moves = [event for event in self.events if event.claim.was is not None]

    def judge(self, index: int, file: MigrationFile) -> Proof:
        """One file's proof by the catalog alone."""
        last = {event.claim.thing: event for event in self.events if event.file == index}
        satisfied = {event.claim.thing.name for event in last.values() if event.claim.there and self.place_of(event) is not None}
        there: list[str] = []
        missing: list[str] = []
        others: list[OtherBody] = []
        silent = 0
        for event in last.values():
            told = self.dropped(event) if not event.claim.there else self.made(event, satisfied)
            if told is None:
                silent += 1
            elif isinstance(told, OtherBody):
                others.append(told)
            elif told:
                missing.append(told)
            else:
                there.append(str(event.claim.thing))
        if missing and not there:
            verdict = Verdict.PENDING
        elif missing:
            verdict = Verdict.PARTIAL
        elif others:
            verdict = Verdict.CONFLICT
        else:
            verdict = Verdict.APPLIED if there else Verdict.UNPROVABLE
        return Proof(file, verdict, tuple(there), tuple(missing), tuple(others), silent)

    def made(self, event: _Event, satisfied: Collection[str]) -> str | OtherBody | None:
        """For what a file makes: "" when its being there proves the file, None when that proves nothing, else what is wrong."""
        claim = event.claim
        place = self.place_of(event)
        if place is None:
            if self.dropped_later(event) or claim.guards & set(satisfied):
                return None
            fault = self.catalog.fault(claim.thing)
            return str(claim.thing) if fault == "missing" else f"{claim.thing} ({fault})"
        if claim.body is not None and (live := self.catalog.body(place)) is not None:
            told = self.body(event, *live)
            # Behind an early return the file leaves alone what it finds.
            return None if told and claim.guards & set(satisfied) else told
        if self.dropped_later(event) and self.made_after(event):
            return None
        if claim.was is not None and self.catalog.has(claim.was):
            return f"{claim.was} is still called that"
        return None if self.made_before(event) else ""

    def body(self, event: _Event, text: str, live: str) -> str | OtherBody | None:
        """The same for a function whose text can be compared."""
        claim = event.claim
        before = [one.claim.body for one in self.by_thing[claim.thing] if one.file < event.file and one.claim.body]
        after = [one.claim.body for one in self.by_thing[claim.thing] if one.file > event.file and one.claim.body]
        if live == claim.body:
            return None if live in before else ""
        if live in after:
            return None if live in before else ""
        if live in before:
            return f"{claim.thing} (it has the body of an earlier file)"
        return OtherBody(str(claim.thing), claim.source or "", text)

    def dropped(self, event: _Event) -> str | None:
        """For what a file drops: "" when its absence proves the file, None when that proves nothing, else what is wrong."""
        thing = event.claim.thing
        others = self.by_thing[thing]
        if any(one.place > event.place and one.claim.there for one in others):
            return None
        if self.catalog.has(thing):
            return f"{thing} is still there"
        return "" if any(one.place < event.place and one.claim.there for one in others) else None

    def made_before(self, event: _Event) -> bool:
        """Whether an earlier file makes the same thing."""
        return any(one.file < event.file and one.claim.there for one in self.by_thing[event.claim.thing])

    def made_after(self, event: _Event) -> bool:
        """Whether a later file makes the same thing."""
        return any(one.file > event.file and one.claim.there for one in self.by_thing[event.claim.thing])

    def place_of(self, event: _Event) -> Thing | None:
        """What the thing of a claim is called now, following later renames; None when it is not there."""
        thing = event.claim.thing
        if self.catalog.has(thing):
            return thing
        for move in self.moves:
            if move.place > event.place and (renamed := _renamed(thing, move.claim)) is not None:
                thing = renamed
                if self.catalog.has(thing):
                    return thing
        return None

    def dropped_later(self, event: _Event) -> bool:
        """Whether something that comes after a claim takes its thing away."""
        return any(drop.place > event.place and _takes(drop.claim, event.claim) for drop in self.drops)


def _renamed(thing: Thing, move: Claim) -> Thing | None:
    """What a rename makes of a thing; None where it does not touch it."""
    was, now = move.was, move.thing
    if was is None:
        return None
    if thing == was:
        return now
    if was.kind == "table" and (thing.schema, thing.parent) == (was.schema, was.name) and thing.kind != "function":
        return replace(thing, schema=now.schema, parent=now.name)
    if was.kind == "table" and (thing.kind, thing.schema, thing.name) == ("row level security", was.schema, was.name):
        return replace(thing, schema=now.schema, name=now.name)
    if was.kind == "column" and thing.kind in ("not null", "default") and replace(thing, kind="column") == was:
        return replace(thing, name=now.name)
    return None


_RELATIONS = frozenset(("table", "view", "materialized view"))


def _takes(drop: Claim, claim: Claim) -> bool:
    """Whether a drop takes along the thing of an earlier claim."""
    gone, thing = drop.thing, claim.thing
    if gone == thing or (drop.cascade and gone.name in claim.words):
        return True
    if gone.kind == "schema":
        return thing.schema == gone.name
    if gone.kind == "function":
        return gone.parent == "*" and thing.kind == "function" and (thing.schema, thing.name) == (gone.schema, gone.name)
    if gone.kind in _RELATIONS and thing.schema == gone.schema:
        of_table = thing.parent == gone.name and thing.kind != "function"
        return of_table or (thing.kind in ("index", "row level security", "sequence") and gone.name in claim.words)
    if gone.kind == "column":
        same_table = thing.parent == gone.parent or (thing.kind == "index" and gone.parent in claim.words)
        return same_table and thing.schema == gone.schema and (thing.name == gone.name or gone.name in claim.words)
    if gone.kind == "constraint":
        return thing.kind == "validated" and (thing.schema, thing.parent, thing.name) == (gone.schema, gone.parent, gone.name)
    if gone.kind == "type":
        return thing.kind == "label" and thing.parent == gone.name
    return False


def in_history(folder: Folder, rows: Sequence[Mapping[str, str | None]]) -> set[str]:
    """The names of the files that Supabase's history has: by number and name, by number alone where it keeps no name."""
    by_version: dict[str, list[MigrationFile]] = {}
    for file in folder.files:
        by_version.setdefault(version_of(file), []).append(file)
    found = set()
    for row in rows:
        files = by_version.get(row["version"] or "", [])
        if row["name"]:
            found |= {file.name for file in files if rest_of(file) == row["name"]}
        elif len(files) == 1:
            found.add(files[0].name)
    return found


def version_of(file: MigrationFile) -> str:
    """The number of a file as it is written, which is Supabase's version."""
    digits = len(file.name) - len(file.name.lstrip("0123456789"))
    return file.name[:digits]


def rest_of(file: MigrationFile) -> str:
    """A file's name without its number, which is Supabase's name."""
    return file.name[len(version_of(file)) :].lstrip("_")
