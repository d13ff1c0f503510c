"""Instants and plans as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from chatops import formatting
from chatops.errors import UsageError

CLOCKS_DIFFER = timedelta(hours=1)
"""So far ahead of the database the clock of whoever types may be."""


def instant(text: str | None, flag: str, now: datetime | None) -> datetime | None:
    """An instant: a span of time before `now`, or a date with or without a time, in UTC unless it says otherwise.

    Raises UsageError for what is neither, and for a beginning that is still to come.

    >>> instant("2026-11-22", "--since", None)
    datetime.datetime(2026, 11, 22, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            return (now or datetime.now(UTC)) - formatting.span(text, flag)
        except UsageError:
            raise UsageError(
                f"{flag} takes a span such as 2h or 7d, or an instant such as 2026-11-22T14:00Z, not “{formatting.visible(text)}”"
            ) from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if flag == "--since" and found > (now or datetime.now(UTC)) + CLOCKS_DIFFER:
        raise UsageError(f"{flag} {formatting.visible(text)} is still to come")
    return found


def plan_id(text: str | None) -> UUID | None:
    """The id of a plan. Raises UsageError when it is none."""
    if text is None:
        return None
    try:
        return UUID(text.strip())
    except ValueError:
        raise UsageError(f"“{formatting.visible(text)}” is no plan's id") from None
