"""`diagnose --rehearse`: each fix run for real and rolled back, after a question."""

from __future__ import annotations

from collections.abc import Mapping

from chatops import formatting
from chatops.checks import try_repair
from chatops.checks.results import Survey
from chatops.checks.try_repair import HOLD_MS, Rehearsed
from chatops.flows.run import Invocation


def may_rehearse(invocation: Invocation, *, yes: bool, fixes: int | None = None) -> bool:
    """Asks before fixes are tried; off a terminal production needs --yes. Raises NotATerminalError."""
    what = "the fixes" if fixes is None else formatting.plural(fixes, "fix", "fixes")
    question = f"Run {what} for real, each holding its locks for at most {HOLD_MS} ms, and roll them back,"
    return invocation.consent(question, yes=yes)


def rehearsed(invocation: Invocation, survey: Survey, *, yes: bool) -> Mapping[str, Rehearsed] | None:
    """Each fix tried and rolled back, by code; None when the person at the terminal said no."""
    codes = try_repair.mendable(survey)
    if not codes:
        return {}
    if not may_rehearse(invocation, yes=yes, fixes=len(codes)):
        invocation.note("nothing was rehearsed")
        return None
    found = try_repair.rehearse(invocation.connect("act"), survey, invocation.provenance.annotations())
    if refused := next((one for one in found.values() if one.refused), None):
        invocation.warn(f"nothing was rehearsed: {refused.reason}")
    return found
