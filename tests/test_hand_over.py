"""The hand-over of a shift: answers and refusals an hour, findings that came and went, by the looks that a monitor remembers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from chatops.checks import compare_looks
from chatops.checks.results import Survey
from chatops.deploys import hand_over, monitor_state
from chatops.deploys.monitor_state import Look, Seen, Watch
from chatops.flows import earlier_look
from chatops.model import Severity
from tests.conftest import Result
from tests.servers import Database

Run = Callable[..., Result]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def watch_of(refusals: Sequence[int | None], found: Sequence[set[str]], start: datetime = NOON, step: int = 30) -> Watch:
    """A watch with a look every so many minutes, the first one step after its start, where nothing had been refused."""
    kept = monitor_state.begin("db public", f"{step}m*{len(found)}", start, {"figures": {"refusals": 0}})
    for slot, (counted, codes) in enumerate(zip(refusals, found, strict=True)):
        figures = {} if counted is None else {"refusals": counted}
        look = Look(figures, {code: Seen("warning", f"{code} is found") for code in codes})
        kept, _ = monitor_state.advance(kept, slot, (), start + timedelta(minutes=step * (slot + 1)), look)
    return kept


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(0, 30))
def test_refusals_of_all_hours_are_what_was_counted_since_then(more: list[int], first: int) -> None:
    counted = [sum(more[: place + 1]) for place in range(len(more))]
    since = NOON + timedelta(minutes=30 * first)
    seen = hand_over.watched([watch_of(counted, [set()] * len(more))], since)
    expected = sum(one for place, one in enumerate(more) if NOON + timedelta(minutes=30 * (place + 1)) >= since)
    assert (sum(seen.refused.values()) if seen else 0) == expected
    assert seen is None or all(hour.minute == 0 for hour in seen.refused)


def test_a_counter_that_was_set_back_or_not_read_invents_nothing() -> None:
    seen = hand_over.watched([watch_of([5, None, 7, 2], [set()] * 4)], NOON)
    assert seen is not None
    assert sum(seen.refused.values()) == 5 + 2 + 2


def test_findings_came_and_went_in_the_window_and_some_are_open() -> None:
    kept = watch_of([None] * 6, [{"A"}, {"A", "B"}, {"B"}, {"B"}, {"B"}, {"B", "C"}])
    whole = hand_over.watched([kept], NOON)
    assert whole is not None
    assert [one.code for one in whole.opened] == ["A", "B", "C"]
    assert [one.code for one in whole.closed] == ["A"]
    late = hand_over.watched([kept], NOON + timedelta(hours=2, minutes=45))
    assert late is not None
    assert ([one.code for one in late.opened], set(late.open), late.looks) == (["C"], {"B", "C"}, 1)
    assert hand_over.watched([kept], NOON + timedelta(days=1)) is None
    assert hand_over.watched([], NOON) is None


@given(st.lists(st.booleans(), min_size=2, max_size=12), st.integers(1, 60))
def test_a_finding_came_between_two_looks_of_a_monitor_or_of_this_command(found: list[bool], later: int) -> None:
    """Of all who look the last that was well, and the first after it that was not."""
    kept = watch_of([None] * len(found), [{"A"} if one else set() for one in found])
    look = earlier_look.looked(kept, "chatops monitor")
    assert look is not None
    now = look.at + timedelta(minutes=later)
    result = SimpleNamespace(check=SimpleNamespace(code="A"), status="failed", severity=Severity.WARNING, count=1)
    survey = cast("Survey", SimpleNamespace(results=[result], now=now))
    told = compare_looks.bounds(survey, compare_looks.compare(survey, look)).get("A")
    wells = [place for place, one in enumerate(found) if not one]
    if not found[-1]:
        assert told == compare_looks.Bounds(look.at, now)
    elif told is not None:
        ticks = [datetime.fromisoformat(tick.at) for tick in kept.ticks]
        assert told.well == max(ticks[place] for place in wells if ticks[place] < told.ill)
        assert told.ill in ticks


def test_since_takes_a_time_in_many_words_and_none_that_is_to_come(latest_database: Database, chatops_inprocess: Run) -> None:
    for words in (["summary"], ["operators", "--figures"]):
        for since in ("1.5h", "90min", "90 minutes", "1 hour 30 mins", "5400 sec", "5400000ms", "1H30M"):
            shown = chatops_inprocess(*words, "--since", since, db=latest_database, check=0).stdout
            assert "last 1 h 30 m" in shown
        for since in ("90", "-1", "0", "", "P1D", "1h30", "1mo", "1 y", "8hh", "2999-01-01", "2999-01-01T00:00Z", "now"):
            assert "--since" in chatops_inprocess(*words, "--since", since, db=latest_database, check=2).stderr


def test_the_hand_over_tells_what_the_monitor_saw(latest_database: Database, chatops_inprocess: Run) -> None:
    nobody = chatops_inprocess("summary", "--since", "8h", db=latest_database, terminal=(100, 40), check=0).stdout
    assert "nobody looked" in nobody
    assert "monitor --store" in nobody
    now = datetime.now(UTC)
    kept = watch_of([0, 3, 3, 4], [{"CHAT003"}, set(), set(), {"OPER001"}], now - timedelta(hours=3))
    latest_database.execute(
        "insert into chatops.watches (target_schema, state) values (current_schema(), %s::jsonb)", (kept.text,)
    )
    shown = chatops_inprocess("summary", "--since", "8h", db=latest_database, terminal=(100, 40), check=0).stdout
    assert "4 refused" in shown
    assert "findings opened: CHAT003 " in shown
    assert "findings closed: CHAT003 " in shown
    assert re.search(r"findings open at \d\d:\d\d: OPER001 \(4 looks\)", shown)
    begun = kept.started[11:16]
    assert f"findings before {begun}: not known, no look of then is kept" in shown
    later = chatops_inprocess("summary", "--since", "2h", db=latest_database, terminal=(100, 40), check=0).stdout
    assert "not known" not in later
    told = json.loads(chatops_inprocess("summary", "--since", "8h", "-o", "json", db=latest_database, check=0).stdout)
    assert told["refused"] == 4
    assert [(one["code"], one["kind"]) for one in told["findings"]] == [
        ("CHAT003", "new"), ("CHAT003", "resolved"), ("OPER001", "new"),
    ]  # fmt: skip


def test_the_newest_looks_are_told_whoever_took_them(latest_database: Database, chatops_inprocess: Run) -> None:
    """What `diagnose` of this machine saw, until a monitor has looked later."""

    def told() -> str:
        shown = chatops_inprocess("summary", "--since", "8h", db=latest_database, terminal=(200, 40), check=0).stdout
        assert re.search(r"^findings before \d\d:\d\d: not known", shown, re.M), "the first look is younger than the span"
        return "\n".join(line for line in shown.splitlines() if line.startswith("findings"))

    trouble = "insert into platform_config (key, value) values ('queue_sla_minutes', '\"much\"') on conflict (key) do update set value = '\"much\"'"
    chatops_inprocess("diagnose", db=latest_database, terminal=(80, 24))
    latest_database.execute(trouble)
    chatops_inprocess("diagnose", db=latest_database, terminal=(80, 24))
    assert re.search(r"findings opened: CONF001 \d\d:\d\d\nfindings open at \d\d:\d\d: CONF001 \(2 looks of diagnose on ", told())
    latest_database.execute("delete from platform_config where key = 'queue_sla_minutes'")
    chatops_inprocess("diagnose", db=latest_database, terminal=(80, 24))
    assert re.search(r"findings closed: CONF001 .*\nfindings open at \d\d:\d\d: none \(3 looks", told())
    older, later = datetime.now(UTC) - timedelta(hours=3), datetime.now(UTC) + timedelta(hours=1)
    for began, looks in ((older, "3 looks of diagnose"), (later, "2 looks)")):
        kept = watch_of([0, 0], [{"CHAT003"}, {"CHAT003"}], began)
        latest_database.execute(
            "insert into chatops.watches (target_schema, state) values (current_schema(), %s::jsonb)"
            " on conflict (target_schema) do update set state = excluded.state",
            (kept.text,),
        )
        assert looks in told()
