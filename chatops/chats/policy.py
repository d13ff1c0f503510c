"""What the application's configuration says about idle operators and releases, whether saved as numbers or as texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from chatops import sqlfiles
from chatops.db import Database

DEFAULTS = {"idle_timeout_minutes": 5.0, "max_reassignments": 3.0}
RANGES = {"idle_timeout_minutes": (0.1, 1440.0), "max_reassignments": (1.0, 1000.0)}


@dataclass(frozen=True, slots=True)
class Policy:
    """After how long a silent operator loses the chat, and after how many releases without a reply it is closed."""

    idle_timeout: timedelta
    max_reassignments: int


def read(database: Database) -> Policy:
    """The policy that the application runs under; an unusable value counts as the default. Inside a transaction."""
    found = dict(DEFAULTS)
    for key, value in database.tuples(sqlfiles.read("queries/release_policy.sql")):
        found[key] = usable(key, value)
    return Policy(timedelta(minutes=found["idle_timeout_minutes"]), int(found["max_reassignments"]))


def usable(key: str, text: str | None) -> float:
    """A value of platform_config as a number in its range, else its default.

    >>> usable("max_reassignments", "3"), usable("max_reassignments", "three"), usable("idle_timeout_minutes", "-1")
    (3.0, 3.0, 5.0)
    """
    try:
        number = float(text or "")
    except ValueError:
        return DEFAULTS[key]
    low, high = RANGES[key]
    return number if low <= number <= high else DEFAULTS[key]
