"""What `verify` and `diagnose` ask in the same way: which checks, on which snapshot, for whom, and how it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast, get_args

from chatops import formatting, settings
from chatops.checks import load, run, thresholds, window
from chatops.checks.findings import FailOn, counts_as_found
from chatops.checks.load import Check
from chatops.checks.results import Survey
from chatops.db import Database
from chatops.errors import ConnectionLostError, ExitCode, UsageError
from chatops.flows.run import Invocation
from chatops.screens.lines import Reader
from chatops.settings import Configuration


def fail_on(text: str) -> FailOn:
    """From which severity on a run ends in 1. Raises UsageError."""
    if text not in get_args(FailOn):
        guess = formatting.did_you_mean(text, get_args(FailOn))
        raise UsageError(f"--fail-on takes critical, warning, advice or never, not {text!r}{guess}")
    return cast(FailOn, text)


def choose(
    configuration: Configuration,
    folder: Path | None,
    only: Sequence[str],
    skip: Sequence[str],
    groups: Sequence[str] | None = None,
) -> tuple[Check, ...]:
    """The shipped checks and those of a folder (the flag, else `[verify] checks_dir` or `checks_dir` of chatops.toml), by group
    and code. Raises UsageError."""
    checks = load.shipped()
    if folder is None:
        of_verify = settings.table_of(configuration.data, "verify").get("checks_dir")
        configured = of_verify if of_verify is not None else configuration.data.get("checks_dir")
        if isinstance(configured, str) and configuration.path is not None:
            folder = configuration.path.parent / configured
    if folder is not None:
        checks += load.from_folder(folder)
    found = tuple(check for check in load.chosen(checks, only, skip) if groups is None or check.group in groups)
    if not found:
        among = "" if groups is None else f" among those of {' and '.join(groups)}"
        raise UsageError(f"no check is left{among}: nothing would be looked at", next_steps=[("all codes", "chatops explain")])
    return found


def survey(
    invocation: Invocation,
    checks: Sequence[Check],
    *,
    since: str | None,
    threshold: Sequence[str],
    timeout: float,
    rows: int = 3,
    beside: Callable[[Database, Survey], None] | None = None,
) -> Survey:
    """Runs the checks in one snapshot of the target; partial when the connection was lost on the way, or the time was
    over; `beside` asks more in the same snapshot."""
    given = thresholds.parse(threshold)
    window.window(since)
    found: Survey | None = None
    ends = time.monotonic() + timeout
    try:
        with invocation.reading(ends=ends + run.GRACE_SECONDS) as database:
            found = run.run(
                database, checks, since=since, given=given, rows=rows, whole_seconds=ends - time.monotonic(),
                progress=progress(invocation), quick=invocation.is_one_of_many,
            )  # fmt: skip
            if beside is not None and not database.failed:
                beside(database, found)
    except ConnectionLostError:
        if found is None:
            raise
    return found


def reader(invocation: Invocation) -> Reader:
    """How lines for people look on this run's stdout."""
    medium = invocation.medium()
    table = invocation.format() == "table"
    return Reader(medium.width if table else 0, short_ids=table, show_names=medium.show_names, here=invocation.here)


def exit_code(survey: Survey, severity: FailOn) -> ExitCode:
    """1 when something counts as found."""
    return ExitCode.FOUND if any(counts_as_found(result, severity) for result in survey.results) else ExitCode.OK


def progress(invocation: Invocation) -> Callable[[Check, int, int], None] | None:
    """Which check is running, redrawn in place on a terminal's stderr; nothing elsewhere."""
    medium = invocation.medium(stream=sys.stderr)
    if invocation.is_one_of_many or not medium.redraws or medium.width < 40:
        return None

    def show(check: Check, position: int, of: int) -> None:
        text = f"  check {position + 1} of {of}: {check.code}" if position + 1 < of else ""
        sys.stderr.write(f"\r{text:<38}\r")
        sys.stderr.flush()

    return show
