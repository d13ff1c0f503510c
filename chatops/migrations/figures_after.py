"""What the published reading functions say now, and will say once ours are in: other figures, and nothing is wrong."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError
from chatops.frozen import frozen
from chatops.migrations.prepare import Prepared

MOST_SECONDS = 5
"""So long at most each is counted."""


@frozen
class Figure:
    """One figure of a reading function, before and after; `why` says what makes the difference."""

    reader: str
    name: str
    before: int | float | datetime | None
    after: int | float | datetime | None
    why: str = ""


@frozen
class Figures:
    """Those that change; `in_state` is how many chats chat_state_summary counts as waiting, then as now; `uncounted` are the
    readers that could not be asked."""

    changed: tuple[Figure, ...] = ()
    in_state: int | None = None
    uncounted: tuple[str, ...] = ()


STATUS, STUCK = "get_assignment_queue_status", "detect_stuck_chats"


def figures_after(database: Database, prepared: Prepared) -> Figures:
    """Of the reading functions that the plan puts in; counted in snapshots of their own, each a few seconds at most."""
    comes = {view.name.rpartition(".")[2] for view in prepared.views}
    if not prepared.ledger.facts.has_chats:
        return Figures()
    changed: list[Figure] = []
    in_state, uncounted = None, []
    for name, query in ((STATUS, "queries/figures_queue.sql"), (STUCK, "queries/figures_stuck.sql")):
        if name not in comes:
            continue
        try:
            with database.reading(statement_timeout=f"{MOST_SECONDS}s"):
                facts = database.facts or database.glance()
                (one,) = database.mappings(sqlfiles.query(query, before_018=not facts.goes_by_clocks))
        except ConnectionLostError:
            raise
        except DatabaseError:
            uncounted.append(name)
            continue
        if name == STATUS:
            in_state = int(one["in_state"])
            changed += [
                Figure(name, "total_waiting", one["waiting"], one["waiting_then"], "those whose user waits"),
                Figure(name, "total_assigned", one["assigned"], one["assigned_then"], "those that an operator holds"),
                Figure(name, "oldest_waiting_chat", one["oldest"], one["oldest_then"]),
                Figure(name, "average_wait_time_minutes", _number(one["minutes"]), _number(one["minutes_then"]),
                       "since the user wrote"),
            ]  # fmt: skip
        else:
            changed.append(Figure(name, "rows", one["found"], one["found_then"], "without those that wait for their users"))
    return Figures(tuple(one for one in changed if one.before != one.after), in_state, tuple(uncounted))


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
