"""What checks have found: the result of each, and all results of one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from chatops import formatting
from chatops.checks.inventory import Inventory
from chatops.checks.load import Check
from chatops.checks.thresholds import Threshold
from chatops.checks.window import DEFAULT_SINCE
from chatops.db import Facts
from chatops.frozen import frozen
from chatops.model import Severity, Values

LEAST_HISTORY = timedelta(minutes=10)
"""In less history than that, that nothing was found says little."""
MOST_HELPED = 100
"""Where each row has a help of its own, that of so many is told, however few rows are shown."""
Status = Literal["passed", "failed", "unknown"]


@frozen
class Result:
    """How one check ended. `count` is exact; `rows` are the first of the offending rows, by column.

    `reason` says why it is unknown, or as what it passed; `remedy` is the SQL that lets it run next time, `command` what follows
    the word chatops for that.
    """

    check: Check
    status: Status
    severity: Severity
    count: int = 0
    rows: tuple[Values, ...] = ()
    reason: str | None = None
    remedy: str | None = None
    command: str | None = None
    seconds: float = 0.0
    locked: bool = False
    """It is unknown because somebody held a table; `remedy` ends that session, where it was still there."""
    helped: tuple[Values, ...] = ()
    """Where each row has a help of its own, the rows whose help is told: more than those that are shown."""


@frozen
class Survey:
    """All results of one snapshot, with what they were measured against."""

    results: tuple[Result, ...]
    thresholds: Mapping[str, Threshold]
    facts: Facts
    inventory: Inventory
    since: str
    seconds: float
    touched: str = DEFAULT_SINCE
    """How far back was looked for what was written lately."""
    by_migration: bool = False
    """History begins with the newest file, not with what somebody asked for."""

    @property
    def now(self) -> datetime:
        """The database's clock at the snapshot."""
        return self.facts.now

    @property
    def young(self) -> bool:
        """There is so little history since the newest file that finding nothing in it says little."""
        return self.by_migration and formatting.span(self.since.replace(" hours", "h"), "--since") < LEAST_HISTORY

    def judged(self, result: Result) -> bool:
        """Whether a check that passed has had something to look at: history of seconds is none."""
        return not (self.young and result.status == "passed" and result.check.kind == "history" and not result.reason)

    @property
    def ran(self) -> int:
        """How many checks gave an answer."""
        return sum(result.status != "unknown" for result in self.results)

    @property
    def locked(self) -> Result | None:
        """The first check that could not be asked because somebody held a table."""
        return next((result for result in self.results if result.locked), None)


def with_rows(survey: Survey, rows: int) -> Survey:
    """The survey with at most so many rows of evidence for each finding, and the help of no more than a run would keep for them.

    Counts stay exact.
    """
    helped = max(rows, MOST_HELPED)
    return replace(
        survey, results=tuple(replace(one, rows=one.rows[:rows], helped=one.helped[:helped]) for one in survey.results)
    )


def only(survey: Survey, result: Result) -> Survey:
    """The survey with this result alone."""
    return replace(survey, results=(result,))
