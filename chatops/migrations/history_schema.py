"""Of which schema another tool's history speaks: it names files, not where that tool ran them."""

from __future__ import annotations

from collections.abc import Sequence

from chatops import sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.migrations.claims import Thing
from chatops.migrations.ledger import DEFAULT_SCHEMA
from chatops.migrations.objects_made import claims_of
from chatops.migrations.replay import Replay
from chatops.migrations.source import MigrationFile
from chatops.migrations.standing import RELATIONS, Cell

_WHEREVER = "chatops: the first schema of the path"


@frozen
class Relations:
    """What is to stand once files have run: relations that they make by bare names, and whether they make some by whole names."""

    bare: frozenset[str]
    named: bool


def relations_of(files: Sequence[MigrationFile]) -> Relations:
    """What so many files leave, and make in any case."""
    claims = [claims_of(file.reading, (_WHEREVER,)) for file in files]
    replay = Replay(claims, (_WHEREVER,), (_WHEREVER,))

    def certain(thing: Thing) -> bool:
        return any(write.certain for write in replay.cells.get(Cell(thing), ()))

    made = [thing for thing, there in replay.standing.items() if there and thing.kind in RELATIONS and certain(thing)]
    bare = frozenset(thing.name for thing in made if thing.schema == _WHEREVER)
    return Relations(bare, any(thing.schema != _WHEREVER for thing in made))


def speaks_of(
    database: Database, files: Sequence[MigrationFile], place: str, *, kept_in: str, of_the_tool: bool, own: bool
) -> bool:
    """Whether a history that has `files` speaks of the schema `place`; inside a reading transaction.

    `kept_in` is the schema of its table, `of_the_tool` one in which that tool keeps nothing else. `own`: nobody has asked for
    another schema than the session has by itself, so that doubt is for the history; of a tenant that is asked for, what stands
    in it and in no other schema has to say so.
    """
    if kept_in == place or (own and of_the_tool and place == DEFAULT_SCHEMA):
        return True
    made = relations_of(files)
    if not made.bare:
        return own or made.named
    found = database.tuples(sqlfiles.read("queries/schemas_with.sql"), {"names": sorted(made.bare)})
    counts = {str(schema): int(count) for schema, count in found}
    most = max(counts.values(), default=0)
    if own:
        return counts.get(place, 0) == most
    return [schema for schema, count in counts.items() if count == len(made.bare)] == [place]
