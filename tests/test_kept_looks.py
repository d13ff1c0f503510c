"""The looks of `diagnose` that a machine keeps: which, and that what is kept of them says the same."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from chatops.checks import kept_looks
from chatops.checks.kept_looks import Look

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CODES = [f"CODE{number:03}" for number in range(20)]


def look(ago: timedelta, found: set[str], *, part: bool = False) -> Look:
    """A look so long before noon."""
    passed = [code for code in CODES if code not in found]
    open_now = {code: ["warning", 1] for code in sorted(found)}
    return {"at": (NOON - ago).isoformat(), "place": "db public", "found": open_now, "passed": passed, "came": {}, "part": part}


looks_of_days = st.lists(
    st.tuples(st.integers(0, 3000), st.sets(st.sampled_from(CODES[:3])), st.booleans()), min_size=1, max_size=60
).map(lambda some: [look(timedelta(minutes=ago), found, part=part) for ago, found, part in sorted(some, key=lambda one: -one[0])])


@given(looks_of_days, st.integers(1000, 20_000))
def test_the_looks_of_a_day_and_the_newest_few_are_kept_as_they_were(looks: list[Look], most: int) -> None:
    with mock.patch.object(kept_looks, "MOST_BYTES", most):
        kept = kept_looks.packed(looks, NOON)
    again = kept_looks.unpacked(json.loads(json.dumps(kept)))
    whole = [one for one in looks if not one["part"]]
    assert again[-1] == looks[-1]
    assert not whole or whole[-1] in again
    tail = again if again == looks[len(looks) - len(again) :] else again[1:]
    assert tail == looks[len(looks) - len(tail) :]
    assert len(json.dumps(kept)) <= most + 2 * len(json.dumps(looks[-1]))
    if len(json.dumps(looks)) < most:
        assert len(tail) >= min(len(looks), kept_looks.KEPT_ALWAYS)
        assert all(one in again for one in looks if NOON - datetime.fromisoformat(one["at"]) <= kept_looks.KEPT_FOR)


@given(looks_of_days)
def test_looks_between_two_that_found_the_same_are_passed_over(looks: list[Look]) -> None:
    read = kept_looks.unpacked(json.loads(json.dumps(kept_looks.packed(looks, NOON))))
    every, seen = ([(one["found"], one["passed"]) for one in some] for some in (read, kept_looks.turning(read)))
    assert [one for one, _ in itertools.groupby(seen)] == [one for one, _ in itertools.groupby(every)]
    assert all(not (one == two == three) for one, two, three in zip(seen, seen[1:], seen[2:], strict=False))


def test_a_day_of_looks_that_find_the_same_every_minute_has_room() -> None:
    looks = [look(timedelta(minutes=ago), {"CODE001"}) for ago in range(1440, -1, -1)]
    assert len(kept_looks.packed(looks, NOON)) == len(looks)
