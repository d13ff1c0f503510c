"""The desk's second line says the same in less room: what is left out is left out whole, and never a figure in part."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatops.chats.desk import Lag
from chatops.screens import console_head
from chatops.widths import cells

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NUMBER = st.integers(0, 12345)


def line(width: int, numbers: tuple[int, int, int], waiting: int, locked: int, beside: int, *, paused: bool, lag: bool) -> str:
    """The line as people see it."""
    look: Any = SimpleNamespace(
        queue=SimpleNamespace(waiting=waiting, oldest=NOW - timedelta(minutes=30, seconds=59)), locked=range(locked), now=NOW,
        paused=NOW if paused else None, unseen={}, facts=SimpleNamespace(standby=False),
        lag=Lag(False, None, 1 if lag else 0, 7.0),
    )  # fmt: skip
    survey = SimpleNamespace(thresholds={"queue_sla_minutes": SimpleNamespace(value=15)})
    found: Any = SimpleNamespace(survey=survey)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console_head, "tally", lambda _: dict(zip(("critical", "warning", "unknown"), numbers, strict=True)))
        aside = f", +{beside:,} in no queue" if beside else ""
        patch.setattr(console_head.waits_beside, "of_survey", lambda _: (aside, []))
        told = console_head._verdict(SimpleNamespace(trouble=None), look, found, width)  # type: ignore[arg-type]
    return "".join(getattr(span, "text", span) for span in told)


@given(
    st.sampled_from([80, 100, 120, 200]), st.tuples(NUMBER, NUMBER, NUMBER), NUMBER, NUMBER, NUMBER, st.booleans(), st.booleans()
)
def test_what_has_no_room_gives_way_by_rank_and_whole(
    width: int, numbers: tuple[int, int, int], waiting: int, locked: int, beside: int, paused: bool, lag: bool
) -> None:
    told = line(width, numbers, waiting, locked, beside, paused=paused, lag=lag)
    assert cells(told) <= width
    assert "…" not in told
    everything = line(400, numbers, waiting, locked, beside, paused=paused, lag=lag)
    assert set(re.findall(r"[\d,]*\d", told)) <= set(re.findall(r"[\d,]*\d", everything))
    assert f"{waiting:,} wait" in told
    assert "oldest 30 m" in told or not waiting
    assert ("PAUSED" in told) == paused


def test_at_80_columns_locked_beside_and_oldest_stand_together() -> None:
    told = line(80, (7, 29, 1), 27, 27, 1, paused=False, lag=True)
    assert told == " BAD  7 critical  27 wait, 27 of 27 locked, +1 in no queue, oldest 30 m"
    whole = line(200, (7, 29, 1), 27, 3, 1, paused=False, lag=True)
    assert whole == (
        " BAD  7 critical, 29 warnings, 1 unknown    27 wait, 3 of 27 locked, +1 in no queue, oldest 30 m (limit 15 m)    lag 7 s"
    )
