"""What the application's configuration says about idle operators and releases, whether saved as numbers or as texts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from chatops import sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.tables_there import require_rows

DEFAULTS = {"idle_timeout_minutes": 5.0, "max_reassignments": 3.0, "own_chat_after_seconds": 300.0}
RANGES = {
    "idle_timeout_minutes": (Decimal("0.01"), Decimal(1440)),
    "max_reassignments": (Decimal(1), Decimal(1000)),
    "own_chat_after_seconds": (Decimal(0), Decimal(604800)),
}
_NUMBER = re.compile(r"\s*\d{1,9}(\.\d{1,30})?\s*", re.ASCII)
"""What the function policy_number takes for a number."""


@frozen
class Policy:
    """After how long a silent operator loses the chat, after how many releases without a reply it is closed, and after how long
    in the queue an operator may get the chat that they had last.
    """

    idle_timeout: timedelta
    max_reassignments: int
    own_chat_after: timedelta


def read(database: Database) -> Policy:
    """The policy that the application runs under; an unusable value counts as the default. Inside a transaction."""
    found = dict(DEFAULTS)
    text = sqlfiles.read("queries/release_policy.sql")
    require_rows(database, text)
    for key, value in database.tuples(text):
        found[key] = usable(key, value)
    return _policy(found)


def _policy(found: Mapping[str, float]) -> Policy:
    return Policy(
        timedelta(minutes=found["idle_timeout_minutes"]), math.ceil(found["max_reassignments"]),
        timedelta(seconds=found["own_chat_after_seconds"]),
    )  # fmt: skip


DEFAULT = _policy(DEFAULTS)
"""The policy where nothing is configured."""


def usable(key: str, text: str | None) -> float:
    """A value of platform_config as a number in its range, else its default.

    >>> usable("max_reassignments", "3"), usable("max_reassignments", "three"), usable("idle_timeout_minutes", "-1")
    (3.0, 3.0, 5.0)
    """
    if not _NUMBER.fullmatch(text or ""):
        return DEFAULTS[key]
    number = Decimal(text or "")
    low, high = RANGES[key]
    return float(number) if low <= number <= high else DEFAULTS[key]
