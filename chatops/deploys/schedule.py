"""When a watch looks: the plan as text, its slots, and which one is due."""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import timedelta
from functools import lru_cache
from itertools import accumulate

from chatops import formatting
from chatops.errors import UsageError
from chatops.frozen import frozen

GUIDE = "15m*4,1h*23"
MOST_SLOTS = 10_000
# Cron starts a little early now and then: that is the slot it was meant for.
EARLY_SHARE, EARLY_MOST = 0.1, timedelta(seconds=60)


@frozen
class Schedule:
    """The slots of a plan as distances from the start, ascending."""

    text: str
    slots: tuple[timedelta, ...]

    @property
    def length(self) -> timedelta:
        """From the start to the last slot."""
        return self.slots[-1]

    def early(self, slot: int) -> timedelta:
        """How much before its time a look still counts as this slot's."""
        step = self.slots[slot] - (self.slots[slot - 1] if slot else timedelta())
        return min(step * EARLY_SHARE, EARLY_MOST)


@frozen
class Due:
    """What a look at some moment is: `slot` to take (None: none), the `missed` ones before it, the `following` slot if any."""

    slot: int | None
    missed: tuple[int, ...]
    following: int | None


@lru_cache(maxsize=16)  # a watch asks for its plan once for each of its looks
def parse(text: str) -> Schedule:
    """A plan such as `15m*4,1h*23`: four looks 15 minutes apart, then 23 an hour apart. Raises UsageError.

    >>> [str(slot) for slot in parse("15m*2,1h").slots]
    ['0:15:00', '0:30:00', '1:30:00']
    """
    steps: list[timedelta] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([^*]+?)\s*(?:\*\s*(\d{1,5}))?\s*", part)
        if match is None:
            raise UsageError(f"--plan takes steps such as 15m*4,1h*23, not “{formatting.visible(text)}”")
        step, times = formatting.span(match[1], "--plan"), int(match[2] or 1)
        if step <= timedelta() or times < 1:
            raise UsageError("--plan: a step takes some time, and is made at least once")
        steps += [step] * min(times, MOST_SLOTS + 1)
        if len(steps) > MOST_SLOTS:
            raise UsageError(f"--plan: more than {formatting.count(MOST_SLOTS)} looks")
    return Schedule(text.strip(), tuple(accumulate(steps)))


def due(schedule: Schedule, elapsed: timedelta, settled: int) -> Due:
    """Which slot a look belongs to that comes `elapsed` after the start; the first `settled` slots were taken or missed.

    >>> plan = parse("15m*4")
    >>> due(plan, timedelta(minutes=46), 1)
    Due(slot=2, missed=(1,), following=3)
    >>> due(plan, timedelta(minutes=16), 1)
    Due(slot=None, missed=(), following=1)
    """
    numbers = range(len(schedule.slots))
    reached = bisect_right(numbers, elapsed, key=lambda number: schedule.slots[number] - schedule.early(number))
    following = reached if reached < len(numbers) else None
    if reached <= settled:
        return Due(None, (), following)
    return Due(reached - 1, tuple(range(settled, reached - 1)), following)
