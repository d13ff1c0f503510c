"""Decides, from the folder's expected catalog and the live one, which files are in; needs no server."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum

from chatops.frozen import frozen
from chatops.migrations.catalog import Catalog
from chatops.migrations.claims import Claims, Definition, Thing
from chatops.migrations.inference import Facts, Live, infer
from chatops.migrations.replay import OF_ALL_TENANTS, Replay
from chatops.migrations.row_evidence import Candidate
from chatops.migrations.source import Folder, MigrationFile
from chatops.migrations.standing import THERE, Cell, Write

_WHAT_IT_DOES = frozenset(("body", "query", "expression"))
"""How those parts are compared that say what a thing does."""


class Verdict(Enum):
    """What the catalog says of a file.

    recorded: the ledger has it · applied: what it makes is there as it makes it · pending: it is not · partial: some is there,
    some is missing · conflict: something is not defined as the file defines it · unprovable: the catalog cannot tell,
    because it moves data, sets privileges, or later files hide what it made.
    """

    RECORDED = "recorded"
    APPLIED = "applied"
    PENDING = "pending"
    PARTIAL = "partial"
    CONFLICT = "conflict"
    UNPROVABLE = "unprovable"


@frozen
class Drift:
    """A thing that is there, but is not what the files make it; both texts as they stand. `body`: a function's text."""

    what: str
    file_text: str
    database_text: str
    body: bool = False


@frozen
class Proof:
    """A file and what is known of it.

    `there` are objects that prove it, `missing` those that speak against it, each with what is wrong, `drifts` what is defined
    otherwise. `silent` counts what it makes and nothing can be learned from, because other files make or drop it too.
    `same` are how many of them are defined as the file defines them, as far as that can be compared; of the rest it is the name.
    `history` is whether the history of another tool has it, None where there is none that speaks of this folder.
    """

    file: MigrationFile
    verdict: Verdict
    there: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    drifts: tuple[Drift, ...] = ()
    silent: int = 0
    data: int = 0
    unread: int = 0
    history: bool | None = None
    same: int = 0
    unlike: tuple[str, ...] = ()
    """The kind of each of the others, of which it is the name alone."""

    @property
    def is_in(self) -> bool:
        """Whether it is proven or recorded already."""
        return self.verdict in (Verdict.RECORDED, Verdict.APPLIED)


@frozen
class Judgement:
    """The proofs of a folder, and what they rest on."""

    proofs: tuple[Proof, ...]
    replay: Replay
    live: Live
    facts: Facts


def schemas_of(claims: Sequence[Claims], path: Sequence[str]) -> list[str]:
    """Every schema that the claims name, those of the search path first."""
    named = {claim.thing.schema for one in claims for claim in one.told} | {
        claim.was.schema for one in claims for claim in one.told if claim.was
    }
    searched = {schema for one in claims for claim in one.told for schema in claim.path}
    return [*path, *sorted((named | searched) - {*path, ""})]


def judge(
    folder: Folder, claims: Sequence[Claims], replay: Replay, catalog: Catalog,
    equal: Mapping[tuple[Cell, Definition], bool | None], *, recorded: Collection[str] = (),
    said_in: Collection[str] = (), said_out: Collection[str] = (), by_rows: Sequence[Candidate] = (),
) -> Judgement:  # fmt: skip
    """What is known of each file.

    `equal` are the comparisons of definitions that the server made. `recorded` are the names that the ledger has; `said_in` and
    `said_out` those that the history of another tool has, and those that it would have. `by_rows` are proven by rows of tables.
    """
    names = [file.name for file in folder.files]
    live = Live(lambda cell: catalog.has(cell.thing), lambda cell, written: catalog.equal(cell, written, equal))
    known = {index: True for index, name in enumerate(names) if name in recorded or name in said_in}
    facts = infer(replay, live, known)
    if denied := {index: False for index, name in enumerate(names) if name in said_out and index not in facts.ran}:
        facts = infer(replay, live, {**known, **denied})
    rows = _told_by_rows(facts, by_rows)
    if rows:
        facts = infer(replay, live, {**known, **denied, **dict.fromkeys(rows, True)})
    court = _Court(replay, live, facts, catalog)
    found = []
    for index, (file, own) in enumerate(zip(folder.files, claims, strict=True)):
        history = True if file.name in said_in else False if file.name in said_out else None
        proof = replace(court.proof(index, file, own), data=own.data, unread=own.unread, history=history)
        if index in rows and proof.verdict is Verdict.APPLIED:
            proof = replace(proof, there=_sorted([*proof.there, *(f"rows of {table}" for table in rows[index])]))
        if file.name in recorded:
            proof = replace(proof, verdict=Verdict.RECORDED)
        elif history and proof.verdict is Verdict.CONFLICT:
            # It was run: a definition that changed since does not undo that, a missing object does.
            proof = replace(proof, verdict=Verdict.APPLIED)
        found.append(proof)
    return Judgement(tuple(found), replay, live, facts)


def _told_by_rows(facts: Facts, by_rows: Sequence[Candidate]) -> dict[int, list[str]]:
    """The files that nothing else settles and that rows prove, each with the tables."""
    found: dict[int, list[str]] = {}
    for one in sorted(by_rows, key=lambda one: one.file):
        needed = one.needs is None or facts.ran.get(one.needs) or one.needs in found
        if needed and one.file not in facts.ran:
            found.setdefault(one.file, []).append(one.table[1])
    return found


class _Court:
    """The expected catalog, the live one, and what follows from both."""

    def __init__(self, replay: Replay, live: Live, facts: Facts, catalog: Catalog) -> None:
        self.replay = replay
        self.live = live
        self.facts = facts
        self.catalog = catalog
        self.by_file: dict[int, dict[Cell, Write]] = {}
        for cell, writes in replay.cells.items():
            for write in writes:
                self.by_file.setdefault(write.file, {})[cell] = write

    def proof(self, index: int, file: MigrationFile, claims: Claims) -> Proof:
        """One file's proof."""
        ran = self.facts.ran.get(index)
        own = self.by_file.get(index, {})
        if ran is None:
            silent = sum(not cell.part for cell in own)
            found = [self.strange(cell, write, told) for cell, write, told in self.strangers(own) if cell.part]
            drifted = tuple(sorted((one for one in found if isinstance(one, Drift)), key=lambda one: one.what))
            return Proof(file, Verdict.CONFLICT if drifted else Verdict.UNPROVABLE, drifts=drifted, silent=silent)
        if not ran:
            of_its_own = ((cell, write) for cell, write in own.items() if cell.thing.schema != OF_ALL_TENANTS)
            absent = [told for cell, write in of_its_own if (told := self.unfulfilled(cell, write))]
            return Proof(file, Verdict.PENDING, missing=_sorted(absent))
        there: list[str] = []
        missing: list[str] = []
        drifts: list[Drift] = []
        made = {cell.thing for cell in own if not cell.part}
        for cell, write in own.items():
            if self.is_last(cell, write) and cell not in self.facts.strange and (not cell.part or cell.thing not in made):
                there.append(str(cell))
        for cell, write, told in self.strangers(own):
            fault = self.strange(cell, write, told)
            drifts.append(fault) if isinstance(fault, Drift) else missing.append(fault)
        things = {cell.thing for cell in own if str(cell) in there}
        verdict = Verdict.PARTIAL if missing else Verdict.CONFLICT if drifts else Verdict.APPLIED
        # It was there before the file, which leaves it so: that is no conflict, and yet not what the file says.
        left = {thing: other for thing in things if (other := self.left_as_it_was(index, thing))}
        drifted = tuple(sorted([*drifts, *itertools.chain(*left.values())], key=lambda one: one.what))
        unlike = tuple(sorted(thing.kind for thing in things - left.keys() if not self.is_same(index, thing, own)))
        same = len(things) - len(left) - len(unlike)
        return Proof(file, verdict, _sorted(there), _sorted(missing), drifted, same=same, unlike=unlike)

    def is_same(self, index: int, thing: Thing, own: Mapping[Cell, Write]) -> bool:
        """Whether what a file defines of a thing is so, as far as it can be compared; False where none of it can."""
        # The index of a key is what its constraint says.
        keys = (one.thing for one in own if thing.kind == "index" and one.thing.kind == "constraint")
        meant = {thing, *(key for key in keys if (key.schema, key.name) == (thing.schema, thing.name))}
        written = {
            cell: write.value for cell, write in own.items() if cell.thing in meant and cell.part and write.value is not None
        }
        equal = [self.live.equal(cell, value) for cell, value in written.items()]
        return (True in equal and False not in equal) or self.is_made_so(index, thing)

    def is_made_so(self, index: int, thing: Thing) -> bool:
        """Whether what a file leaves as it is where it is there is just as the file makes it."""
        for way in self.ways(index, thing):
            told = [(value.how in _WHAT_IT_DOES, self.live.equal(cell, value)) for cell, value in way.items()]
            if any(equal for _, equal in told) and all(equal or (equal is None and not does) for does, equal in told):
                return True
        return False

    def ways(self, index: int, thing: Thing) -> list[dict[Cell, Definition]]:
        """How a file makes a thing that it leaves as it is where it is there."""
        ways = self.replay.where_missing.get((index, thing), ())
        return [{Cell(thing, part): value for part, value in way.items()} for way in ways]

    def left_as_it_was(self, index: int, thing: Thing) -> list[Drift]:
        """What of a thing is not as the file makes it, which left it as it found it."""
        ways = self.ways(index, thing)
        if not ways or self.is_made_so(index, thing):
            return []
        told = ((cell, value) for cell, value in ways[0].items() if self.live.equal(cell, value) is False)
        return [
            Drift(str(thing if cell.part == "body" else cell), value.text, self.catalog.text(cell) or "", cell.part == "body")
            for cell, value in told
        ]

    def strangers(self, own: Mapping[Cell, Write]) -> Iterable[tuple[Cell, Write, str]]:
        """The cells that no order of the files explains and that a file wrote last, each with what is wrong.

        How a thing is defined is laid at the door of the last file that may have run.
        """
        for cell, write in own.items():
            last = cell in self.facts.strange and self.is_last(cell, write, known=not cell.part)
            if last and (told := self.unfulfilled(cell, write)):
                yield cell, write, told

    def is_last(self, cell: Cell, write: Write, *, known: bool = True) -> bool:
        """Whether no later file that ran (not `known`: that may have run) writes the cell for certain."""
        later = (one for one in self.replay.writes(cell) if one.place > write.place and one.certain and one.file != write.file)
        return not any(self.facts.ran.get(one.file, not known) for one in later)

    def unfulfilled(self, cell: Cell, write: Write) -> str:
        """What is not as the file leaves it; "" where it is, or where that is not certain."""
        if not write.certain:
            return ""
        there = self.live.there(Cell(cell.thing))
        if write.value is None and write.source is None:
            return f"{cell.thing} is still there" if there and not cell.part else ""
        if not cell.part:
            if there:
                return ""
            fault = self.catalog.fault(cell.thing)
            return str(cell) if fault == "missing" else f"{cell} ({fault})"
        if not there or write.value is None:
            return ""
        return str(cell) if self.live.equal(cell, write.value) is False else ""

    def strange(self, cell: Cell, write: Write, told: str) -> str | Drift:
        """What is wrong with a cell that no order of the files explains."""
        if not cell.part or write.value is None:
            return told
        database_text = self.catalog.text(cell) or ""
        what = str(cell.thing) if cell.part == "body" else told
        if write.value.text in ("yes", "on"):
            said = {"row level security": " (off)", "forced row level security": " (off)", "validated": " (not validated)"}
            return told + said.get(cell.part, "")
        earlier = (one for one in self.replay.writes(cell) if one.file < write.file and one.value not in (None, THERE))
        if cell.part == "body" and any(one.value is not None and self.live.equal(cell, one.value) for one in earlier):
            return f"{what} (it has the body of an earlier file)"
        return Drift(what, write.value.text, database_text, cell.part == "body")


def _sorted(told: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(dict.fromkeys(told)))
