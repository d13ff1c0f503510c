"""Whom each file of a plan keeps waiting, on the database as it is: only what is there already is used by anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from chatops import sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.migrations.file_locks import FileLock, FileLocks, file_locks
from chatops.migrations.going_back import GoingBack, going_back, ours_alone
from chatops.migrations.lock_modes import BLOCKS_READS
from chatops.migrations.prepare import Prepared


@frozen
class Relation:
    """A relation that is there now; `rows` and `bytes` are those of its table, by the last ANALYZE, 0 where there was none."""

    name: str | None
    kind: str | None
    on_table: str | None
    rows: int | None
    bytes: int | None
    partners: Sequence[str]
    unknown: Sequence[str]
    """Functions that were asked for and are none of the server's own: the same in each row."""


@frozen
class Waits:
    """Whom a file keeps waiting at the most. `reads` are relations that nobody reads or writes meanwhile, `writes` those that
    nobody writes; `perhaps` are those of both that a condition of the file may leave alone; `works` are those of them, and of
    the tables whose rows it changes, through which it goes meanwhile."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]
    works: tuple[str, ...]
    changes: tuple[str, ...]
    unknown: tuple[str, ...]
    lost: tuple[str, ...]
    perhaps: tuple[str, ...] = ()


MOST_TAKEN_BACK = 3


@frozen
class PlanLocks:
    """By the names of the pending files; and every relation that any of them is about."""

    files: Mapping[str, Waits]
    relations: Mapping[str, Relation]
    back: Mapping[str, GoingBack] = field(default_factory=dict)
    """What takes back the files that are not of those that go together, where they are few."""
    others: tuple[str, ...] = ()
    """All of these files."""
    views: Waits | None = None
    """Of the views that come with them, where any does."""


def plan_locks(database: Database, prepared: Prepared, *, leave: bool = False) -> PlanLocks:
    """Reads the statements of the pending files, and the catalog once."""
    told = {entry.name: file_locks(entry.file.reading) for entry in prepared.plan.apply if entry.file is not None}
    views = FileLocks(tuple(FileLock(view.name.rpartition(".")[2], BLOCKS_READS) for view in prepared.views))
    there = relations_of(database, [*told.values(), views])
    unknown = {name for row in there.values() for name in row.unknown}
    waits = {name: judged(file, there, unknown) for name, file in told.items()}
    source = prepared.plan.source
    others = [entry for entry in prepared.plan.apply if entry.file is not None and not ours_alone(source, entry.name)]
    back = {
        entry.name: going_back(database, entry.file.reading, source, entry.name, is_in=False)
        for entry in others
        if leave and entry.file is not None and len(others) <= MOST_TAKEN_BACK
    }
    of_views = judged(views, there, unknown) if prepared.views else None
    return PlanLocks(waits, there, back, tuple(entry.name for entry in others), of_views)


def relations_of(database: Database, files: Sequence[FileLocks]) -> dict[str, Relation]:
    """What is there of all that the files lock or change; under "" what is known beside that."""
    names = {one.relation for file in files for one in file.locks} | {name for file in files for name in file.changes}
    names |= {relation for file in files for relation, _ in file.lost if relation}
    calls = {name for file in files for name in file.calls}
    parameters = {"names": sorted(names), "calls": sorted(calls)}
    with database.reading():
        rows = database.rows(Relation, sqlfiles.read("queries/plan_relations.sql"), parameters)
    return {row.name or "": row for row in rows}


def judged(file: FileLocks, there: Mapping[str, Relation], unknown: set[str]) -> Waits:
    """What of a file's locks anybody feels; `unknown` are the functions of which nothing is known."""
    locks = list(file.locks)
    for one in file.locks:
        if one.goes and one.relation in there:
            locks += [FileLock(name, one.mode, perhaps=one.perhaps) for name in there[one.relation].partners]
    found: dict[str, tuple[int, bool, bool]] = {}
    for one in locks:
        relation = there.get(one.relation)
        if relation is None and one not in file.locks:
            table = one.relation
        elif relation is None:
            continue  # the files make it themselves
        else:
            table = relation.on_table or one.relation
        mode, works, perhaps = found.get(table, (0, False, True))
        found[table] = max(mode, one.mode), works or one.works, perhaps and one.perhaps
    changes = tuple(name for name in file.changes if name in there)
    return Waits(
        reads=tuple(name for name, (mode, _, _) in found.items() if mode >= BLOCKS_READS),
        writes=tuple(name for name, (mode, _, _) in found.items() if mode < BLOCKS_READS),
        works=tuple(name for name, (_, works, _) in found.items() if works),
        changes=changes,
        unknown=(*file.unknown, *(f"it calls {name}()" for name in file.calls if name in unknown)),
        perhaps=tuple(name for name, (_, _, perhaps) in found.items() if perhaps),
        lost=tuple(told for relation, told in file.lost if not relation or relation in there),
    )
