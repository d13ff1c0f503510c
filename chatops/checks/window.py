"""How far checks of history look back."""

from __future__ import annotations

from datetime import datetime

from chatops import formatting
from chatops.errors import UsageError

DEFAULT_SINCE = "24 hours"
SINCE_MIGRATION = "migration"
"""Since the newest file of ours went in, at most 24 hours: what a deploy is judged by."""
EVER = "1000 years"


def window(since: str | None) -> str:
    """How far checks of history look back, as an interval: 24 hours unless said; "all" is everything. Raises UsageError.

    >>> window(None), window("1h30m"), window("all")
    ('24 hours', '5400 seconds', '1000 years')
    """
    if since in (None, DEFAULT_SINCE, SINCE_MIGRATION):
        return DEFAULT_SINCE
    if since.strip().lower() == "all":
        return EVER
    seconds = formatting.span(since, "--since").total_seconds()
    if seconds <= 0:
        raise UsageError("--since takes a span of time above zero, or all")
    return f"{seconds:.0f} seconds"


def since_migration(migrated_at: datetime | None, now: datetime) -> str | None:
    """From the newest file's time on, None where that is longer ago than a day or unknown."""
    if migrated_at is None:
        return None
    seconds = max(1.0, (now - migrated_at).total_seconds())
    return f"{seconds:.0f}s" if seconds < 86400 else None


def is_ever(since: str) -> bool:
    """Whether checks of history read everything.

    >>> is_ever("all"), is_ever("24 hours")
    (True, False)
    """
    return since == "all" or window(since) == EVER
