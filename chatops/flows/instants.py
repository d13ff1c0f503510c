"""Instants and plans as people type them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from chatops import formatting
from chatops.errors import UsageError


def instant(text: str | None, flag: str, now: datetime | None) -> datetime | None:
    """An instant: a span of time before `now`, or a date with or without a time, in UTC unless it says otherwise.

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
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def plan_id(text: str | None) -> UUID | None:
    """The id of a plan. Raises UsageError when it is none."""
    if text is None:
        return None
    try:
        return UUID(text.strip())
    except ValueError:
        raise UsageError(f"“{formatting.visible(text)}” is no plan's id") from None
