"""Looks as a file keeps them: those of a day and the newest few, each as what is other than in the one before; pure."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chatops.model import Values

KEPT_FOR, KEPT_ALWAYS = timedelta(hours=24), 12
"""So long looks are kept, and so many of the newest however old they are."""
MOST_BYTES = 128 * 1024
"""No file is longer: the oldest looks go first."""

Look = dict[str, Any]


def packed(looks: Sequence[Look], now: datetime) -> list[Look]:
    """What is kept of these, the oldest first: of the newest at all checks later ones say what is new, so it stays."""
    others = [_other(before, look) for before, look in itertools.pairwise(looks)]
    first, room = len(looks), MOST_BYTES - _size(looks[-1])
    for place in range(len(looks) - 1, -1, -1):
        room -= _size(others[place - 1]) if place else 0
        if first < len(looks) and room < 0:
            break
        if len(looks) - place > KEPT_ALWAYS and now - datetime.fromisoformat(looks[place]["at"]) > KEPT_FOR:
            break
        first = place
    kept = [*looks[first : first + 1], *others[first:]]
    whole = max((place for place, look in enumerate(looks) if not look.get("part")), default=first)
    return kept if whole >= first else [looks[whole], {**looks[first]}, *others[first:]]


def unpacked(kept: Sequence[Values]) -> list[Look]:
    """The looks again, each whole; what is as before is the same object."""
    looks: list[Look] = []
    for one in kept:
        looks.append({**(looks[-1] if looks else {}), **one})
    return looks


def turning(looks: Sequence[Look]) -> list[Look]:
    """Without those that found the same as the looks right before and after them."""

    def same(one: int, other: int) -> bool:
        return all(looks[one].get(key) is looks[other].get(key) for key in ("found", "passed"))

    last = len(looks) - 1
    return [
        one for place, one in enumerate(looks) if not 0 < place < last or not (same(place - 1, place) and same(place, place + 1))
    ]


def _other(before: Look, look: Look) -> Look:
    return {key: value for key, value in look.items() if key not in before or (before[key] is not value and before[key] != value)}


def _size(look: Look) -> int:
    return len(json.dumps(look)) + 2
