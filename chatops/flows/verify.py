"""`chatops verify`: the checks that judge a deploy, in one snapshot."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.checks import before_files, began, compare_looks, load
from chatops.checks.began import Age
from chatops.checks.compare_looks import Earlier
from chatops.checks.load import Check
from chatops.checks.results import Survey, with_rows
from chatops.db import Database
from chatops.errors import ExitCode, UsageError
from chatops.flows import earlier_look, own_look, pager, run_checks, tenants
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.later import later
from chatops.screens import outcomes
from chatops.screens import verify as screen
from chatops.screens.tenants_checks import VERIFY

if TYPE_CHECKING:  # other questions than checks
    from chatops.flows import verify_receipt, verify_scenarios
else:
    verify_receipt, verify_scenarios = later("chatops.flows.verify_receipt"), later("chatops.flows.verify_scenarios")

GROUPS = ("schema", "data")
ROWS_DATED, ROWS_SHOWN = 5_000, 3
"""Of so many rows of each finding it is asked when they began (of more it is not told), and so many are told."""


@frozen
class VerifyRequest:
    """What was asked: a group of checks, some of them, or another question than checks."""

    group: str
    only: tuple[str, ...]
    skip: tuple[str, ...]
    listed: bool
    since: str
    fail_on: str
    threshold: tuple[str, ...]
    checks_dir: Path | None
    timeout: float
    scenarios: bool
    concurrent: bool
    against: Path | None
    diff: bool
    yes: bool

    @property
    def chooses_checks(self) -> bool:
        """Whether it says which checks."""
        return bool(self.group or self.only or self.skip or self.listed or self.threshold or self.checks_dir is not None)


def verify(invocation: Invocation, request: VerifyRequest) -> ExitCode:
    """1 when something above advice failed or could not be checked. Raises UsageError for what does not go together."""
    if (code := load.code_typed(request.group)) is not None and not request.only:
        request = replace(request, group="", only=(code,))
    groups = GROUPS if not request.group else (request.group,)
    if set(groups) - set(GROUPS):
        guess = formatting.did_you_mean(request.group, GROUPS)
        if re.search(r"\d$", request.group):
            raise load.no_check(request.group, load.shipped())
        raise UsageError(
            f"verify looks at schema or data, not at {request.group!r}{guess}",
            next_steps=[("one check", "chatops verify --only CODE")],
        )
    if request.concurrent and not request.scenarios:
        raise UsageError("--concurrent is a way of --scenarios: give both")
    if request.diff and request.against is None:
        raise UsageError("--diff is a way of --against: give both")
    if invocation.has_tenants:
        if request.scenarios or request.against is not None or request.listed:
            raise UsageError("--scenarios, --against and --list are about one tenant: name one")
        return tenants.over_all(invocation, lambda one: verify(one, request), VERIFY)
    if request.scenarios or request.against is not None:
        return _promises(invocation, request)
    severity = run_checks.fail_on(request.fail_on)
    only, skip = load.codes_or_sets(request.only), load.codes_or_sets(request.skip)
    checks = run_checks.choose(invocation.configuration, request.checks_dir, only, skip, groups)
    invocation.check_output()
    if request.listed:
        pager.show_paged(invocation, screen.catalogue(checks))
        return ExitCode.OK
    survey, aged, before = looked(invocation, checks, request.since, request.threshold, request.timeout)
    own = () if request.checks_dir is None else ("--checks-dir", shlex.quote(str(request.checks_dir)))
    answer = screen.verification(survey, replace(run_checks.reader(invocation), own=own), severity, aged, before)
    pager.show_paged(invocation, outcomes.with_outcomes(answer, survey, severity, invocation.here))
    return run_checks.exit_code(survey, severity)


def looked(
    invocation: Invocation, checks: Sequence[Check], since: str, threshold: Sequence[str], timeout: float
) -> tuple[Survey, dict[str, Age], Earlier | None]:
    """What the checks find, since when it is so, and the look from just before the last migration: what a deploy is judged by."""
    looks: list[Earlier | None] = []
    stored: list[str | None] = []

    def remembered(database: Database, found: Survey) -> None:
        looks.append(before_files.kept(database, found.inventory.migrated_at))
        if any(one.status == "failed" for one in found.results):
            stored.append(earlier_look.stored_watch(database))

    survey = run_checks.survey(
        invocation, checks, since=since, threshold=threshold, timeout=timeout, rows=ROWS_DATED, beside=remembered
    )
    before = looks[0] if looks else None
    return with_rows(survey, ROWS_SHOWN), _ages(invocation, survey, before, stored[0] if stored else None), before


def _ages(invocation: Invocation, survey: Survey, before: Earlier | None, stored: str | None) -> dict[str, Age]:
    """By the rows, the look from just before the migration, and what `diagnose` would say of the looks since."""
    at = survey.inventory.migrated_at
    if at is None or not any(one.status == "failed" for one in survey.results):
        return {}
    tick, own = earlier_look.last_tick(invocation, stored), own_look.before(invocation, survey)
    came = compare_looks.bounds(survey, compare_looks.compare(survey, tick) if tick is not None else None, own)
    older = [one for one in (tick, own.earlier if own is not None else None) if one is not None and one.at <= at]
    return began.ages(survey, before or max(older, key=lambda one: one.at, default=None), came)


def _promises(invocation: Invocation, request: VerifyRequest) -> ExitCode:
    if request.chooses_checks:
        given = [request.group, *(f"--{name}" for name, there in (
            ("only", request.only), ("skip", request.skip), ("list", request.listed), ("threshold", request.threshold),
            ("checks-dir", request.checks_dir is not None)) if there)]  # fmt: skip
        which = "--scenarios runs the guide's tests" if request.scenarios or request.against is None else "--against compares"
        left_out = ", ".join(one for one in given if one)
        without = "verify --scenarios" if request.against is None else f"verify --against {shlex.quote(str(request.against))}"
        raise UsageError(f"{which}, no checks: leave out {left_out} ({without})")
    if request.against is None:
        play = verify_scenarios.concurrent if request.concurrent else verify_scenarios.scenarios
        return play(invocation, yes=request.yes)
    if request.scenarios:
        raise UsageError("--scenarios and --against are two questions: ask one at a time")
    return verify_receipt.against(invocation, request.against, diff=request.diff)
