"""What the looks of a monitor tell of a span of time: findings that came and went, and what the guards refused in each hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime

from chatops.deploys.monitor_state import Transition, Watch, increase
from chatops.frozen import frozen


@frozen
class Watched:
    """What was seen since an instant: transitions in order, codes still open by severity, refusals by hour; and how often."""

    looks: int
    transitions: tuple[Transition, ...] = ()
    open: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[datetime, int] = field(default_factory=dict)
    by_hand: bool = False
    """Whether these are looks of `diagnose` that this machine remembers, and no monitor's."""
    at: str = ""
    """When the last of them was."""
    begins: str = ""
    """When the first of all was, where none is remembered from before the span: of what was earlier nothing is known."""

    @property
    def opened(self) -> tuple[Transition, ...]:
        """The findings that appeared."""
        return tuple(one for one in self.transitions if one.kind == "new")

    @property
    def closed(self) -> tuple[Transition, ...]:
        """The findings that went."""
        return tuple(one for one in self.transitions if one.kind == "resolved")


def watched(kept: Iterable[Watch], since: datetime) -> Watched | None:
    """What the newest of these watches saw since an instant; None where nobody looked."""
    having = [watch for watch in kept if any(_at(tick.at) >= since for tick in watch.ticks)]
    if not having:
        return None
    watch = max(having, key=lambda one: _at(one.ticks[-1].at))
    seen = [tick for tick in watch.ticks if _at(tick.at) >= since]
    told = tuple(one for one in watch.transitions if _at(one.at) >= since)
    left = {code: one.severity for code, one in watch.open.items()}
    begins = watch.started if _at(watch.started) > since else ""
    return Watched(len(seen), told, left, _refused(watch, since), at=seen[-1].at, begins=begins)


def newest(one: Watched | None, other: Watched | None) -> Watched | None:
    """Whose last look is the newer."""
    return max((some for some in (one, other) if some is not None), key=lambda some: _at(some.at), default=None)


def _refused(watch: Watch, since: datetime) -> dict[datetime, int]:
    """What the guards refused between two looks, in the hour of the later one; nothing where they were not counted."""
    counted = [(_at(tick.at), tick.figures.get("refusals")) for tick in watch.ticks if tick.reached]
    known = [(at, number) for at, number in counted if number is not None]
    first = watch.baseline.get("figures", {}).get("refusals")
    pairs = zip([(None, first), *known], known, strict=False)
    refused: Counter[datetime] = Counter()
    for (_, before), (at, now) in pairs:
        if at >= since and before is not None:
            refused[at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)] += increase(now, before)
    return dict(refused)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
