"""`monitor`: a day in a moment, on a real database; every transition is told once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chatops.deploys import schedule, watch
from chatops.deploys.watch import Look, Seen
from chatops.errors import ExitCode, UsageError

START = datetime(2026, 1, 1, tzinfo=UTC)
ILL = "update platform_config set value = '\"3\"' where key = 'max_reassignments'"
WELL = "update platform_config set value = '3' where key = 'max_reassignments'"


class Day:
    """A clock that sleeping moves on; things happen at their hour."""

    def __init__(self, events: dict[float, Callable[[], None]]) -> None:
        self.now = START
        self.events = dict(events)

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        for hour in [hour for hour in self.events if START + timedelta(hours=hour) <= self.now]:
            self.events.pop(hour)()


def watching(database: Any, tmp_path: Path, day: Day, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Any:
    from chatops.cli.invocation import Invocation
    from chatops.cli.watching import Watching

    monkeypatch.setenv("CHATOPS_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    invocation = Invocation([])
    invocation.command = "monitor"
    more = {"plan": schedule.GUIDE, "path": tmp_path / "state.json", **more}
    return Watching(invocation, clock=day.clock, sleep=day.sleep, **more)


def test_a_day_with_a_restart_in_the_middle_ends_in_the_right_verdict(
    own_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.conftest import build_latest

    server = own_server("18")
    database = server.create_database()
    build_latest(database)
    database.execute("insert into platform_config (key, value) values ('max_reassignments', '3') on conflict (key) do nothing")

    def ill() -> None:
        database.execute(ILL)

    def well() -> None:
        database.execute(WELL)

    def stop() -> None:
        database.close()
        server.stop("immediate")

    day = Day({2.5: ill, 5.5: well, 10.5: stop, 11.5: server.start})
    told = tmp_path / "told"
    day_long = watching(database, tmp_path, day, monkeypatch, notify=f"cat >> {told}")
    assert day_long.loop() is ExitCode.OK
    assert len(day_long.watch.ticks) == 27
    transitions = [(line["code"], line["kind"], line["slot"]) for line in map(json.loads, told.read_text().splitlines())]
    assert transitions == [
        ("CONF001", "new", 5),
        ("CONF001", "resolved", 9),
        ("UNREACHABLE", "new", 13),
        ("UNREACHABLE", "resolved", 15),
    ]
    assert day_long.verdict.sentence == "24 h after deploy: no worse; 1 critical opened and closed; 1 warning opened and closed"
    assert capsys.readouterr().out.count("resolved") == 2


def test_early_late_doubled_and_dropped_ticks_do_no_harm(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    day = Day({})
    for minutes in (0, 5, 14.5, 14.6, 15, 31, 75, 76):
        day.now = START + timedelta(minutes=minutes)
        assert watching(latest_database, tmp_path, day, monkeypatch).once() is ExitCode.OK
    kept = watch.read(tmp_path / "state.json")
    assert kept is not None
    assert [tick.slot for tick in kept.ticks] == [0, 1, 3]
    assert kept.missed == (2,)
    assert "missed  tick 3, due at 00:45 UTC" in capsys.readouterr().err


def test_only_two_good_ticks_clear_and_a_flap_is_told_once() -> None:
    state = watch.begin("here", "1m*6", START, {})
    bad = Look({}, {"CHAT001": Seen("critical", "two chats")})
    told = []
    for slot, look in enumerate((bad, Look(), bad, Look(reached=False), Look(), Look())):
        state, new = watch.advance(state, slot, (), START + timedelta(minutes=slot + 1), look)
        told += [(one.slot, one.code, one.kind) for one in new]
    assert told == [(0, "CHAT001", "new"), (3, "UNREACHABLE", "new"), (5, "CHAT001", "resolved"), (5, "UNREACHABLE", "resolved")]
    assert watch.verdict(state).code is ExitCode.OK


def test_what_was_there_before_is_not_worse_and_what_is_new_is() -> None:
    state = watch.begin("here", "1m", START, {"findings": ["CHAT006"]})
    old, new = Seen("warning", "lost"), Seen("critical", "two")
    state, told = watch.advance(state, 0, (), START, Look({}, {"CHAT006": old, "CHAT001": new}))
    assert [one.code for one in told] == ["CHAT001"]
    verdict = watch.verdict(state)
    assert verdict.code is ExitCode.FOUND
    assert verdict.sentence == "1 m after deploy: worse; CHAT001 is open; 1 of before is still there"


def test_a_day_on_which_the_database_was_never_reached_is_not_healthy() -> None:
    state, _ = watch.advance(watch.begin("here", "1m", START, {}), 0, (), START, Look(reached=False))
    assert watch.verdict(state).code is ExitCode.FOUND


def test_fail_fast_ends_at_the_first_new_finding_and_until_healthy_at_the_first_good_tick(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = watching(latest_database, tmp_path, Day({}), monkeypatch, until_healthy=True, path=tmp_path / "a")
    assert healthy.loop() is ExitCode.OK
    assert len(healthy.watch.ticks) == 1
    latest_database.execute(
        "insert into platform_config (key, value) values ('max_reassignments', '3') on conflict (key) do nothing"
    )
    day = Day({1.5: lambda: latest_database.execute(ILL)})
    failing = watching(latest_database, tmp_path, day, monkeypatch, fail_fast=True, path=tmp_path / "b")
    assert failing.loop() is ExitCode.FOUND
    assert len(failing.watch.ticks) == 5


def test_a_notify_command_that_fails_is_a_warning(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    latest_database.execute(
        "insert into platform_config (key, value) values ('max_reassignments', '3') on conflict (key) do nothing"
    )
    day = Day({0.1: lambda: latest_database.execute(ILL)})
    one = watching(latest_database, tmp_path, day, monkeypatch, plan="15m", notify="exit 3")
    assert one.loop() is ExitCode.FOUND
    assert "--notify ended with 3 for CONF001" in capsys.readouterr().err


@pytest.mark.parametrize("plan", ["", "15", "0m*4", "15m*0", "15m**4", "1s*99999"])
def test_a_plan_that_cannot_be_kept_is_refused(plan: str) -> None:
    with pytest.raises(UsageError):
        schedule.parse(plan)


def test_the_command_itself_runs_a_plan_and_remembers_it(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    done = chatops_inprocess("monitor", "--plan", "5ms*3", "--state", "state.json", db=latest_database, check=0)
    assert "no worse" in done.stderr
    assert "3/3" in done.stdout
    again = chatops_inprocess("monitor", "--once", "--plan", "5ms*3", "--state", "state.json", db=latest_database, check=0)
    assert "no worse" in again.stderr
