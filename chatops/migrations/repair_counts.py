"""How many rows the repairs of pending files find now: what a run is about to write, before it begins."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from chatops import formatting, sqlfiles
from chatops.db import Database
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.migrations.prepare import Prepared
from chatops.migrations.repairs_ahead import Ahead, TooManyRowsError
from chatops.repairs import texts

LOOKS_FOR_S = 60.0
"""How long the counting may take in all."""


@frozen
class RepairCount:
    """What the repairs of one file find: rows by code. What one file mends is not counted again for the next.

    `uncounted` are the codes that could not be looked for: the time was up, or a column is only made by a file before it.
    `alone`: each was counted by itself, though what one mends may be nothing to the next. `laid` are the rows as they will be, by
    table and key; None where that is not known.
    """

    found: Mapping[str, int]
    uncounted: tuple[str, ...] = ()
    alone: bool = False
    laid: Mapping[str, Mapping[str, str | None]] | None = None

    @property
    def in_words(self) -> str:
        """How many rows, in words.

        >>> RepairCount({"CHAT003": 2}).in_words, RepairCount({"CHAT003": 2, "CHAT007": 1}, alone=True).in_words
        ('2 rows to mend', 'about 3 rows to mend')
        """
        return f"{'about ' if self.alone else ''}{formatting.plural(sum(self.found.values()), 'row')} to mend"

    @property
    def rows(self) -> int | None:
        """All rows; None where something was not counted."""
        return None if self.uncounted else sum(self.found.values())


def count_repairs(database: Database, prepared: Prepared) -> dict[str, RepairCount]:
    """By the names of the pending files that run repairs; each look reads in a transaction of its own."""
    counted: set[str] = set()
    counts = {}
    until = time.monotonic() + LOOKS_FOR_S
    for entry in prepared.plan.apply:
        if entry.file is None or entry.file.reading.repairs is None:
            continue
        repairs = [one for one in texts.chosen(entry.file.reading.repairs) if one.code not in counted]
        if not prepared.ledger.facts.has_chats:
            repairs = []
        counted |= {one.code for one in repairs}
        counts[entry.name] = _in_turn(database, repairs, until) or _each_alone(database, repairs, until)
    return counts


def _in_turn(database: Database, repairs: Sequence[texts.Repair], until: float) -> RepairCount | None:
    """How many rows each mends when its turn comes; None where that cannot be told."""
    if database.facts is None or database.facts.distributed or until <= time.monotonic():
        return None
    before_018 = not database.facts.has_queue_clocks
    found: dict[str, int] = {}
    try:
        with database.reading(statement_timeout=_limit(until)):
            database.script("; ".join(texts.FIND_SETTINGS))
            ahead = Ahead(database)
            for repair in repairs:
                if time.monotonic() > until:
                    return None
                if rows := ahead.count(repair, before_018=before_018):
                    found[repair.code] = rows
    except (DatabaseError, TooManyRowsError):
        return None
    return RepairCount(found, laid=ahead.rows)


def _each_alone(database: Database, repairs: Sequence[texts.Repair], until: float) -> RepairCount:
    counts = {repair.code: _count(database, repair, until) for repair in repairs}
    found = {code: rows for code, rows in counts.items() if rows}
    return RepairCount(found, tuple(code for code, rows in counts.items() if rows is None), alone=len(found) > 1)


def _limit(until: float) -> str:
    return f"{max(1, int((until - time.monotonic()) * 1000))}ms"


def _count(database: Database, repair: texts.Repair, until: float) -> int | None:
    left = until - time.monotonic()
    if left <= 0:
        return None
    try:
        with database.reading(statement_timeout=_limit(until)):
            database.script("; ".join(texts.FIND_SETTINGS))
            before_018 = database.facts is not None and not database.facts.has_queue_clocks
            return int(database.value(sqlfiles.counted(repair.finding(before_018=before_018))))
    except DatabaseError:
        return None
