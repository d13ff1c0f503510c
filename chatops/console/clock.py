"""The desk's own clock, which goes on while the machine sleeps: figures from before are old afterwards."""

from __future__ import annotations

import time

_SLEEPLESS = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""Linux stops its monotonic clock in sleep, macOS does not."""


def now() -> float:
    """Seconds since some moment."""
    return time.monotonic() if _SLEEPLESS is None else time.clock_gettime(_SLEEPLESS)
