"""Asks the server, in one round trip, which of the files' definitions are those of the catalog."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.migrations.catalog import Catalog
from chatops.migrations.claims import Definition
from chatops.migrations.replay import Replay
from chatops.migrations.same_definition import settled
from chatops.migrations.scanner import significant
from chatops.migrations.standing import Cell

MOST_PAIRS = 5000


@frozen
class Question:
    """A part of a thing, what a file writes there, and the two texts to be planned."""

    cell: Cell
    written: Definition
    ours: str
    live: str


def compared(database: Database, replay: Replay, catalog: Catalog, path: str) -> Mapping[tuple[Cell, Definition], bool | None]:
    """The answers for everything that the texts alone do not settle; inside a transaction that reads."""
    questions = list(questions_of(replay, catalog))[:MOST_PAIRS]
    if not questions:
        return {}
    before = "select set_config('chatops.before', current_setting('search_path'), true)"
    after = "select set_config('search_path', current_setting('chatops.before'), true)"
    database.script(f"{before}; select set_config('search_path', {db.literal(path)}, true)")
    told = planned_alike(database, [(one.ours, one.live) for one in questions])
    database.script(after)
    return {(one.cell, one.written): alike for one, alike in zip(questions, told, strict=True)}


def planned_alike(database: Database, pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
    """Whether the texts of each pair mean the same, under the path that is set; None where one cannot be planned. Inside a
    transaction that reads."""
    given = f"select set_config('chatops.pairs', {db.literal(json.dumps(pairs))}, true)"
    asked = f"{given}; {sqlfiles.read('queries/adopt_compare.sql')}\nselect current_setting('chatops.compared')"
    meaning = {"s": True, "d": False}
    return [meaning.get(letter) for letter in str(database.script(asked)[-1][0][0])]


def questions_of(replay: Replay, catalog: Catalog) -> Iterable[Question]:
    """What has to be asked."""
    where_missing: dict[Cell, list[Definition]] = {}
    for (_, thing), ways in replay.where_missing.items():
        for part, definition in (one for way in ways for one in way.items()):
            where_missing.setdefault(Cell(thing, part), []).append(definition)
    for cell in dict.fromkeys([*replay.cells, *where_missing]):
        if not cell.part or not catalog.has(cell.thing) or (live := catalog.text(cell)) is None:
            continue
        for written in dict.fromkeys([*_written(replay, cell, set()), *where_missing.get(cell, ())]):
            if written.how == "any" or settled(written, live) is not None or _several(written.text):
                continue
            texts = [_planned(cell, catalog, one, written.how) for one in (written.text, live)]
            yield Question(cell, written, *texts)


def _written(replay: Replay, cell: Cell, seen: set[Cell]) -> Iterable[Definition]:
    """Every definition that a cell may hold, by a write of its own or moved there from elsewhere."""
    seen.add(cell)
    for write in replay.writes(cell):
        if write.value is not None:
            yield write.value
        if write.source is not None and write.source not in seen:
            yield from _written(replay, write.source, seen)


def _several(text: str) -> bool:
    """Whether a text is more than one expression or query: such a one is never sent."""
    return any(token.text == ";" or token.kind == "open" for token in significant(text))


def _planned(cell: Cell, catalog: Catalog, text: str, how: str) -> str:
    """The statement whose plan shows what a text means."""
    if how == "query":
        return text
    if how == "type":
        return f"select null::{text}"
    thing = cell.thing
    if how == "default":
        live_type = catalog.text(Cell(thing, "type"))
        return f"select (\n{text}\n)::{live_type}"
    table = f"{db.identifier(thing.schema)}.{db.identifier(catalog.table_of(thing))}"
    if how == "keys":
        return f"select row(\n{text}\n) from only {table}"
    if thing.kind == "trigger":
        return f'select (\n{text}\n) from only {table} as "new", only {table} as "old"'
    return f"select (\n{text}\n) from only {table}"
