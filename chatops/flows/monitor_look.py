"""One look of `monitor` and `deploy` at the database: figures, and findings above advice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from chatops import formatting, sqlfiles
from chatops.chats import reports
from chatops.checks import load, run
from chatops.checks.findings import findings
from chatops.checks.load import Check
from chatops.db import Database
from chatops.deploys.monitor_state import Look, Seen
from chatops.errors import ConnectionLostError, DatabaseError, LockTimeoutError, RefusedError, StatementTimeoutError
from chatops.tables_there import require_schema


def look(
    database: Database, here: Callable[..., str], asks: Callable[[Check], bool] = lambda check: True,
    require: Callable[[Database], None] = require_schema, *, quick: bool = False,
) -> Look:  # fmt: skip
    """Figures and findings of one snapshot; advice is left out. What could not be measured is no figure, and says why.

    `require` refuses where there is nothing to look at; `quick` as of the run.
    """
    with database.reading():
        require(database)
        figures, unseen = _measured(database)
        # A look comes by its plan, not because somebody waits for it; one of many tenants has them wait for each other.
        survey = run.run(database, [check for check in load.shipped() if asks(check)], quick=quick, patient=not quick)
        found = {one.code: Seen(one.word, one.title, one.result.count) for one in findings(survey, here) if one.word != "advice"}
        remedies = {one.check.code: one.remedy for one in survey.results if one.status == "unknown" and one.remedy}
    return Look(figures, found, unseen=unseen, remedies=remedies)


def _measured(database: Database) -> tuple[dict[str, float | None], str | None]:
    """The figures that could be measured, and why not all were."""
    figures: dict[str, float | None] = {}
    reasons = []
    for measure in (_counters, _chats):
        try:
            with database.savepoint("chatops_figures"):
                figures |= measure(database)
        except ConnectionLostError:
            raise
        except (DatabaseError, RefusedError) as error:
            if isinstance(error, RefusedError):  # not the server's: the savepoint is still open
                database.execute("release savepoint chatops_figures")
            reasons.append(_reason(error))
    return figures, "; ".join(reasons) or None


def _chats(database: Database) -> dict[str, float | None]:
    facts = database.facts
    assert facts is not None
    summary = reports.summary(database)
    queue = summary.queue
    states: Counter[str] = Counter()
    for row in summary.states:
        states[row.state] += row.chats
    oldest = (facts.now - queue.oldest).total_seconds() if queue.oldest else 0.0
    return {
        **states, "waiting": queue.waiting, "oldest_seconds": round(oldest, 1), "free": queue.free, "busy": queue.busy,
        "p95_seconds": queue.p95_seconds and round(queue.p95_seconds, 1),
    }  # fmt: skip


def _counters(database: Database) -> dict[str, float | None]:
    return database.mappings(sqlfiles.read("queries/monitor_counters.sql"))[0]


def _reason(error: DatabaseError | RefusedError) -> str:
    if isinstance(error, LockTimeoutError):
        return "a table is locked by somebody else"
    if isinstance(error, StatementTimeoutError):
        return "it took longer than allowed"
    grant = next((f"; {label}: {text}" for label, text in error.next_steps if text.startswith("grant ")), "")
    return formatting.visible(error.message + grant)
