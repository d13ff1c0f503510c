"""How many rows the repairs of pending files find now: what a run is about to write, before it begins."""

from __future__ import annotations

import time
from collections.abc import Mapping

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.migrations.prepare import Prepared
from chatops.repairs import texts

LOOKS_FOR_S = 60.0
"""How long the counting may take in all."""


@frozen
class RepairCount:
    """What the repairs of one file find: rows by code. What one file mends is not counted again for the next.

    `uncounted` are the codes that could not be looked for: the time was up, or a column is only made by a file before it.
    """

    found: Mapping[str, int]
    uncounted: tuple[str, ...] = ()

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
        found: dict[str, int] = {}
        uncounted = []
        for repair in texts.chosen(entry.file.reading.repairs):
            if repair.code in counted or not prepared.ledger.facts.has_chats:
                continue
            counted.add(repair.code)
            rows = _count(database, repair, until)
            if rows is None:
                uncounted.append(repair.code)
            elif rows:
                found[repair.code] = rows
        counts[entry.name] = RepairCount(found, tuple(uncounted))
    return counts


def _count(database: Database, repair: texts.Repair, until: float) -> int | None:
    left = until - time.monotonic()
    if left <= 0:
        return None
    try:
        with database.reading(statement_timeout=f"{max(1, int(left * 1000))}ms"):
            database.script("; ".join(texts.FIND_SETTINGS))
            before_018 = database.facts is not None and not database.facts.has_queue_clocks
            return int(database.value(sqlfiles.counted(repair.finding(before_018=before_018))))
    except DatabaseError:
        return None
