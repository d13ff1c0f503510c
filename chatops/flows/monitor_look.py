"""One look of `monitor` and `deploy` at the database: figures, and findings above advice."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable

from chatops import sqlfiles
from chatops.chats import reports
from chatops.checks import load, run
from chatops.checks.findings import findings
from chatops.db import Database
from chatops.deploys.monitor_state import Look, Seen
from chatops.errors import DatabaseError


def look(database: Database, here: Callable[..., str]) -> Look:
    """Figures and findings of one snapshot; advice is left out."""
    with database.reading():
        assert database.facts is not None
        figures: dict[str, float | None] = {}
        if database.facts.has_chats:
            with contextlib.suppress(DatabaseError), database.savepoint("chatops_figures"):
                summary = reports.summary(database)
                queue = summary.queue
                states: Counter[str] = Counter()
                for row in summary.states:
                    states[row.state] += row.chats
                figures |= states
                oldest = (database.facts.now - queue.oldest).total_seconds() if queue.oldest else 0.0
                figures |= {"waiting": queue.waiting, "oldest_seconds": round(oldest, 1), "free": queue.free,
                            "busy": queue.busy, "p95_seconds": queue.p95_seconds and round(queue.p95_seconds, 1)}  # fmt: skip
        figures |= database.mappings(sqlfiles.read("queries/monitor_counters.sql"))[0]
        survey = run.run(database, load.shipped())
        found = {one.code: Seen(one.word, one.title, one.result.count) for one in findings(survey, here) if one.word != "advice"}
    return Look(figures, found)
