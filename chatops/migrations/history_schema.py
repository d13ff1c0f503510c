"""Of which schema another tool's history speaks: it names files, not where that tool ran them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chatops import sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.migrations.claims import Thing
from chatops.migrations.ledger import DEFAULT_SCHEMA
from chatops.migrations.objects_made import claims_of, path_after, temporary_names
from chatops.migrations.replay import Replay
from chatops.migrations.source import MigrationFile
from chatops.migrations.sql_walk import Walk, tokens_of
from chatops.migrations.standing import RELATIONS, Cell

_WHEREVER = "chatops: the first schema of the path"


@frozen
class Done:
    """What files do: relations that they leave and make in any case, by bare names; whether anything goes by a bare name, and
    anything by a whole one or for all of the database."""

    relations: frozenset[str]
    bare: bool
    named: bool


def done_by(files: Sequence[MigrationFile]) -> Done:
    """What so many files do, as far as their text says so."""
    claims = [claims_of(file.reading, (_WHEREVER,)) for file in files]
    replay = Replay(claims, (_WHEREVER,), (_WHEREVER,))

    def certain(thing: Thing) -> bool:
        return any(write.certain for write in replay.cells.get(Cell(thing), ()))

    made = [thing for thing, there in replay.standing.items() if there and thing.kind in RELATIONS and certain(thing)]
    relations = frozenset(thing.name for thing in made if thing.schema == _WHEREVER)
    schemas = {cell.thing.schema for cell in replay.cells} | {schema for file in files for schema in _filled(file)}
    return Done(relations, _WHEREVER in schemas, bool(schemas - {_WHEREVER}))


def _filled(file: MigrationFile) -> Iterator[str]:
    """The schemas of the tables whose rows a file writes."""
    now: tuple[str, ...] = (_WHEREVER,)
    session: set[str] = set()
    for statement in file.reading.statements:
        tokens = tokens_of(statement.text)
        if (changed := path_after(tokens, (_WHEREVER,), now)) is not None:
            now = changed
            continue
        session |= temporary_names(tokens, statement.text, now)
        if not tokens or tokens[0].upper not in _MAY_FILL:
            continue
        walk = Walk(tokens, statement.text, statement.line, now)
        for at, token in enumerate(tokens):
            # Elsewhere the word is part of a clause: FOR UPDATE, DO UPDATE SET, THEN DELETE.
            if token.upper not in _FILLS or (at and tokens[at - 1].text not in ("(", ")")):
                continue
            walk.at = at + 1
            walk.take(_FILLS[token.upper])
            walk.take("ONLY")
            named = walk.qualified()
            if named is not None and not (walk.bare and named[1] in session):
                yield named[0]


# The statements that write rows, and the word that may stand before the table.
_FILLS = {"INSERT": "INTO", "MERGE": "INTO", "DELETE": "FROM", "UPDATE": "ONLY", "TRUNCATE": "TABLE", "COPY": "ONLY"}
_MAY_FILL = frozenset(("WITH", *_FILLS))


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
    done = done_by(files)
    if not done.relations:
        return own or (done.named and not done.bare)
    found = database.tuples(sqlfiles.read("queries/schemas_with.sql"), {"names": sorted(done.relations)})
    counts = {str(schema): int(count) for schema, count in found}
    most = max(counts.values(), default=0)
    if own:
        return counts.get(place, 0) == most
    return [schema for schema, count in counts.items() if count == len(done.relations)] == [place]
