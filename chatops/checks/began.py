"""Since when something is so, by the evidence itself; and whether that is from before the last migration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from chatops.checks.compare_looks import Bounds, Earlier
from chatops.checks.results import Result, Survey
from chatops.model import Values

Age = Literal["older", "newer", "partly newer", "undated"]


def ages(survey: Survey, earlier: Earlier | None = None, came: Mapping[str, Bounds] | None = None) -> dict[str, Age]:
    """Of each failed check, by code, whether all it found began before the last migration, or all or some of it later.

    What a look from after the migration found well (`came`) is newer.
    What a look from before the migration found well is newer, whatever its rows say: a wait that began before may have passed
    its limit since. `undated`: neither says when, or not all rows are at hand. Empty where nobody knows when the last migration
    went in.
    """
    at = survey.inventory.migrated_at
    if at is None:
        return {}
    before = earlier if earlier is not None and earlier.at <= at else None
    later = {code for code, between in (came or {}).items() if between.well >= at}
    return {
        one.check.code: "newer" if one.check.code in later and one.check.kind != "history" else _age(one, survey.now, at, before)
        for one in survey.results
        if one.status == "failed"
    }


def _age(result: Result, now: datetime, at: datetime, before: Earlier | None) -> Age:
    was = before.found.get(result.check.code) if before is not None else None
    # What is told of a window of history was not looked at then: the window has moved on.
    if before is not None and was is None and result.check.code in (before.passed or ()) and result.check.kind != "history":
        return "newer"
    times = [began(row, now) for row in result.rows] if result.check.dated else []
    newer = sum(one is not None and one >= at for one in times)
    if newer:
        return "newer" if newer == len(times) else "partly newer"
    grown = was is not None and was.count is not None and was.count < result.count
    if times and None not in times and len(times) >= result.count:
        return "partly newer" if grown and result.check.kind != "history" else "older"
    if before is not None and was is None and result.check.code in (before.passed or ()):
        return "newer"
    return "older" if was is not None and was.word != "unknown" and not grown else "undated"


def simply(ages: Mapping[str, Age]) -> dict[str, Age]:
    """The same where it does not matter whether all of it is newer, or some."""
    return {code: "newer" if age == "partly newer" else age for code, age in ages.items()}


def oldest(rows: Sequence[Values], now: datetime) -> datetime | None:
    """The oldest instant of what is offending: of each row the first column that says since when, for how long, or when.

    >>> noon = datetime.fromisoformat("2026-11-22T12:00Z")
    >>> oldest([{"chat_id": 1, "held_for": timedelta(hours=2)}], noon).hour
    10
    """
    return min((at for row in rows if (at := began(row, now)) is not None), default=None)


def began(row: Values, now: datetime) -> datetime | None:
    """Since when one row offends, None where it does not say so. Only a span that still goes on tells an instant.

    >>> noon = datetime.fromisoformat("2026-11-22T12:00Z")
    >>> began({"assigned_at": noon - timedelta(days=2), "user_waited": timedelta(minutes=1)}, noon).day
    20
    """
    for endings, known in _INSTANTS:
        values = [known(value, now) for key, value in row.items() if key.endswith(endings) and key not in _OF_PEOPLE]
        instants = [value for value in values if value is not None and value <= now]
        if instants:
            return instants[0]
    return None


_OF_PEOPLE = ("user_waits_since", "wait_beside_since", "user_wrote_at", "operator_replied_at")
"""Since when somebody waits, or when they wrote, in a chat that is wrong since another instant."""


def _at(value: object, now: datetime) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _ago(value: object, now: datetime) -> datetime | None:
    return now - value if isinstance(value, timedelta) else None


_INSTANTS: Sequence[tuple[tuple[str, ...], Callable[[object, datetime], datetime | None]]] = (
    (("since", "last_seen_at"), _at),
    (("waiting_for", "stuck_for", "held_for", "open_for"), _ago),
    (("_at",), _at),
)
