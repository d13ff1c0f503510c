"""`chatops diagnose --all-schemas`: the checks of every tenant, a snapshot each, the worst tenant first."""

from __future__ import annotations

from collections.abc import Callable

from chatops.checks import run, stored_snoozes
from chatops.checks.findings import counts_as_found, findings
from chatops.db import Database
from chatops.errors import ExitCode, UsageError
from chatops.flows import run_checks
from chatops.flows.all_schemas import each
from chatops.flows.diagnose import DiagnoseRequest, understood
from chatops.flows.run import Invocation
from chatops.screens import all_schemas as screen
from chatops.screens.all_schemas import DiagnosisOf


def diagnose_all(invocation: Invocation, request: DiagnoseRequest, pattern: str, jobs: int) -> ExitCode:
    """1 when something counts as found in any tenant, or one of them cannot be seen."""
    if request.chat or request.rehearse or request.since_file or request.capture or request.replay or request.watch is not None:
        raise UsageError("--all-schemas: not with CHAT, --rehearse, --since-file, --capture, --replay or --watch")
    severity = run_checks.fail_on(request.fail_on)
    plan = understood(invocation, request)

    def ask(database: Database, here: Callable[..., str]) -> DiagnosisOf:
        silent = {one.code for one in stored_snoozes.read(database) if one.code not in plan.asked}
        checks = [check for check in plan.checks if check.code not in silent]
        survey = run.run(database, checks, since=plan.since, given=plan.given, rows=1, whole_seconds=request.timeout)
        counts = any(counts_as_found(result, severity) for result in survey.results)
        return screen.diagnosis_of(database.target.schema, findings(survey, here), counts=counts, seconds=survey.seconds)

    found = each(invocation, pattern, ask, jobs=jobs)
    rows = [one.found or screen.not_diagnosed(one.schema, one.unknown) for one in found]
    invocation.show(screen.diagnoses(rows, {one.schema: one.here("diagnose") for one in found}, invocation.now))
    return ExitCode.FOUND if any(row.counts for row in rows) and severity != "never" else ExitCode.OK
