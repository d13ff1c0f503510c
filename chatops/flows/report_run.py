"""`chatops report --last`: the newest run in the ledger, and what all checks say now."""

from __future__ import annotations

from chatops.checks import began, run
from chatops.checks.results import with_rows
from chatops.checks.window import SINCE_MIGRATION
from chatops.flows import earlier_look, run_checks
from chatops.flows.run import Invocation
from chatops.flows.verify import GROUPS, ROWS_DATED, ROWS_SHOWN
from chatops.migrations.last_run import last_run
from chatops.screens.report_run import RunReport


def of_last_run(invocation: Invocation) -> RunReport:
    """Reads the ledger, runs the checks. Raises RefusedError where no run is in the ledger."""
    with invocation.reading() as database:
        ran = last_run(database)
    checks = run_checks.choose(invocation.configuration, None, (), (), GROUPS)
    survey = run_checks.survey(
        invocation, checks, since=SINCE_MIGRATION, threshold=(), timeout=run.WHOLE_BUDGET_SECONDS, rows=ROWS_DATED
    )
    aged = began.ages(survey, earlier_look.last_tick(invocation, None) if survey.inventory.migrated_at else None)
    target = invocation.target
    parts = (ran[-1].environment or target.name, target.shown(), f"schema {target.schema}")
    place = " · ".join(part for part in parts if part)
    return RunReport(ran, with_rows(survey, ROWS_SHOWN), aged, place, run_checks.reader(invocation))
