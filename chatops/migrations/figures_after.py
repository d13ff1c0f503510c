"""What the published reading functions say now, and will say once ours are in: other figures, and nothing is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError
from chatops.frozen import frozen
from chatops.migrations.plan import short
from chatops.migrations.prepare import Prepared
from chatops.migrations.repair_counts import RepairCount
from chatops.migrations.repairs_ahead import Ahead

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
    """Those that change; `in_state` is how many chats chat_state_summary counts as waiting, now and then; `uncounted` are the
    readers that could not be asked. `mending` are the files whose repairs write rows, `counted_in` whether that is counted in."""

    changed: tuple[Figure, ...] = ()
    in_state: tuple[int, int] | None = None
    uncounted: tuple[str, ...] = ()
    mending: tuple[str, ...] = ()
    counted_in: bool = True


STATUS, STUCK = "get_assignment_queue_status", "detect_stuck_chats"


def figures_after(database: Database, prepared: Prepared, counts: Mapping[str, RepairCount]) -> Figures:
    """Of the reading functions that the plan puts in; counted in snapshots of their own, each a few seconds at most.

    What the repairs of the plan change (`counts`, by file) is laid over the tables, where it is known.
    """
    comes = {view.name.rpartition(".")[2] for view in prepared.views}
    if not prepared.ledger.facts.has_chats:
        return Figures()
    mending = {name: count for name, count in counts.items() if count.found or count.uncounted}
    known = all(count.laid is not None for count in mending.values())
    laid: dict[str, dict[str, str | None]] = {}
    for count in mending.values() if known else ():
        for table, rows in (count.laid or {}).items():
            laid.setdefault(table, {}).update(rows)
    files = tuple(short(name).partition("_")[0] for name, count in mending.items() if not known or count.laid)
    changed: list[Figure] = []
    in_state, uncounted = None, []
    for name, query in ((STATUS, "queries/figures_queue.sql"), (STUCK, "queries/figures_stuck.sql")):
        if name not in comes:
            continue
        try:
            with database.reading(statement_timeout=f"{MOST_SECONDS}s"):
                facts = database.facts or database.glance()
                text = sqlfiles.query(query, before_018=not facts.goes_by_clocks)
                (now,) = database.mappings(text)
                then = now
                if any(laid.values()):
                    (then,) = database.mappings(Ahead(database, laid).over(sqlfiles.body(text)))
        except ConnectionLostError:
            raise
        except DatabaseError:
            uncounted.append(name)
            continue
        if name == STATUS:
            in_state = int(now["in_state"]), int(then["in_state"])
            more = then["waiting_then"] - now["waiting_then"]
            mended = f", {abs(more):,} {'more' if more > 0 else 'fewer'} once {' and '.join(files)} mended rows" if more else ""
            changed += [
                Figure(name, "total_waiting", now["waiting"], then["waiting_then"], f"those whose user waits{mended}"),
                Figure(name, "total_assigned", now["assigned"], then["assigned_then"], "those that an operator holds"),
                Figure(name, "oldest_waiting_chat", now["oldest"], then["oldest_then"]),
                Figure(name, "average_wait_time_minutes", _number(now["minutes"]), _number(then["minutes_then"]),
                       "since the user wrote"),
            ]  # fmt: skip
        else:
            changed.append(Figure(name, "rows", now["found"], then["found_then"], "without those that wait for their users"))
    return Figures(tuple(one for one in changed if one.before != one.after), in_state, tuple(uncounted), files, known)


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
