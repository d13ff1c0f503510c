"""`monitor`: a day in a moment, on a real database; every transition is told once."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chatops.checks import load
from chatops.deploys import monitor_state, notice, schedule, watch_file
from chatops.deploys.monitor_state import Look, Seen, Verdict
from chatops.errors import ExitCode, UsageError
from chatops.flows import monitor_look
from chatops.render import nagios
from chatops.screens import monitor as screen
from tests.conftest import LONG, build_latest, url_as
from tests.servers import Database, Server

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
    from chatops.flows.given import Given
    from chatops.flows.monitor import Watching
    from chatops.flows.run import Invocation

    monkeypatch.setenv("CHATOPS_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    invocation = Invocation(Given())
    invocation.command = "monitor"
    more = {"plan": schedule.GUIDE, "path": tmp_path / "state.json", **more}
    return Watching(invocation, clock=day.clock, sleep=day.sleep, **more)


@pytest.fixture
def alone(own_server: Callable[..., Server]) -> Database:
    """What `migrate` makes, on a server that nobody else uses: it may be stopped."""
    database = own_server("18").create_database()
    build_latest(database)
    return database


FEW = ("CHAT001", "CHAT003", "CONF001")


@pytest.fixture
def few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look asks these alone: what it remembers and tells is the same of few. With all of them a whole day is watched in the long form."""
    monkeypatch.setattr(
        monitor_look, "load", SimpleNamespace(shipped=lambda: [check for check in load.shipped() if check.code in FEW])
    )


def stop(database: Database) -> None:
    """Stops a server as a crash would."""
    database.close()
    database.server.stop("immediate")


def test_a_day_with_a_restart_in_the_middle_ends_in_the_right_verdict(
    alone: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    if not LONG:
        request.getfixturevalue("few_checks")
    database = alone
    database.execute("insert into platform_config (key, value) values ('max_reassignments', '3') on conflict (key) do nothing")

    def ill() -> None:
        database.execute(ILL)

    def well() -> None:
        database.execute(WELL)

    day = Day({2.5: ill, 5.5: well, 10.5: lambda: stop(database), 11.5: database.server.start})
    told = tmp_path / "told"
    day_long = watching(database, tmp_path, day, monkeypatch, notify=f"cat >> {told}")
    assert day_long.loop() is ExitCode.OK
    assert len(day_long.watch.ticks) == 27
    messages = [json.loads(line) for line in told.read_text().splitlines()]
    assert [bool(one["finished"]) for one in messages] == [False, False, False, False, True]
    assert messages[-1]["summary"].endswith(f"finished: {day_long.verdict.sentence}")
    transitions = [(each["code"], each["kind"], each["slot"]) for one in messages for each in (*one["new"], *one["gone"])]
    assert transitions == [
        ("CONF001", "new", 5),
        ("CONF001", "resolved", 9),
        ("UNREACHABLE", "new", 13),
        ("UNREACHABLE", "resolved", 15),
    ]
    assert (
        day_long.verdict.sentence == "24 h after the start: no worse; 1 critical opened and closed; 1 warning opened and closed"
    )
    assert capsys.readouterr().out.count("resolved") == 2


@pytest.mark.usefixtures("few_checks")
def test_early_late_doubled_and_dropped_ticks_do_no_harm(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    day = Day({})
    for minutes in (0, 5, 14.5, 14.6, 15, 31, 75, 76):
        day.now = START + timedelta(minutes=minutes)
        assert watching(latest_database, tmp_path, day, monkeypatch).once() is ExitCode.OK
    kept = watch_file.read(tmp_path / "state.json")
    assert kept is not None
    assert [tick.slot for tick in kept.ticks] == [0, 1, 3]
    assert kept.missed == (2,)
    assert "missed  look 3, due at 00:45 UTC" in capsys.readouterr().err


def test_only_two_good_ticks_clear_and_a_flap_is_told_once() -> None:
    state = monitor_state.begin("here", "1m*6", START, {})
    bad = Look({}, {"CHAT001": Seen("critical", "two chats")})
    told = []
    for slot, look in enumerate((bad, Look(), bad, Look(reached=False), Look(), Look())):
        state, new = monitor_state.advance(state, slot, (), START + timedelta(minutes=slot + 1), look)
        told += [(one.slot, one.code, one.kind) for one in new]
    assert told == [(0, "CHAT001", "new"), (3, "UNREACHABLE", "new"), (5, "CHAT001", "resolved"), (5, "UNREACHABLE", "resolved")]
    assert monitor_state.verdict(state).code is ExitCode.OK


def test_what_was_there_before_is_not_worse_and_what_is_new_is() -> None:
    state = monitor_state.begin("here", "1m", START, {"findings": ["CHAT006"]})
    old, new = Seen("warning", "lost"), Seen("critical", "two")
    state, told = monitor_state.advance(state, 0, (), START, Look({}, {"CHAT006": old, "CHAT001": new}))
    assert [one.code for one in told] == ["CHAT001"]
    verdict = monitor_state.verdict(state)
    assert verdict.code is ExitCode.FOUND
    assert verdict.sentence == "1 m after the start: worse than before, CHAT001 is new; 1 older finding remains"


def test_what_could_not_be_checked_at_the_start_is_no_health_and_not_known_to_have_been_there() -> None:
    blind, calm = Seen("unknown", "may not read"), Look({"waiting": 1})
    begun = monitor_state.begin("here", "1m*9", START, monitor_state.baseline_of(replace(calm, findings={"DB030": blind})))
    assert nagios.state(screen.answer(begun, [])) == 3
    assert notice.message(begun)["event_action"] == "trigger"
    still, told = monitor_state.advance(begun, 0, (), START, replace(calm, findings={"DB030": blind}))
    assert told == ()
    assert monitor_state.verdict(still) == Verdict("1 m after the start: unknown, DB030 could not be checked", ExitCode.FOUND)
    assert nagios.state(screen.answer(still, [])) == 3
    assert "unknown  DB030" in "\n".join(screen.tick_lines(still, begun, told))
    assert "nothing new is open" not in str(screen.page(still, [], 80))
    still = monitor_state.parse_state(still.text, "here")
    seen, told = monitor_state.advance(still, 1, (), START, replace(calm, findings={"DB030": Seen("warning", "gone")}))
    assert [(one.code, one.kind, one.severity) for one in told] == [("DB030", "new", "warning")]
    assert "worse than before, DB030 is new" in monitor_state.verdict(seen).sentence
    well, told = monitor_state.advance(still, 1, (), START, calm)
    assert (told, monitor_state.verdict(well).code, nagios.state(screen.answer(well, []))) == ((), ExitCode.OK, 0)


def test_what_was_there_before_and_cannot_be_checked_meanwhile_is_not_new_when_it_is_seen_again() -> None:
    ill, blind = Look({}, {"DB030": Seen("warning", "gone")}), Look({}, {"DB030": Seen("unknown", "locked")})
    watch = monitor_state.begin("here", "1m*9", START, monitor_state.baseline_of(ill))
    codes = []
    for slot, look in enumerate((ill, blind, ill)):
        watch, told = monitor_state.advance(watch, slot, (), START, look)
        assert told == ()
        codes.append((int(monitor_state.verdict(watch).code), nagios.state(screen.answer(watch, []))))
    assert codes == [(0, 0), (1, 3), (0, 0)]


def test_a_first_look_that_could_not_check_all_says_so_to_every_reader(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    with latest_database.role("sees_half") as role:
        latest_database.script(
            f"grant usage on schema public, chatops to {role}; grant select on all tables in schema public to {role}; "
            f"grant select on chatops.migrations to {role}; grant pg_monitor to {role}"
        )
        flags = ("monitor", "--once", "--restart", "--plan", "5ms,1h", "--state", "s.json", "--write", "prometheus=m.prom")
        for how, code in (("nagios", 3), ("json", 1), ("plain", 1), ("junit", 1)):
            done = chatops_inprocess(*flags, "-o", how, db=url_as(latest_database, role))
            assert done.exit_code == code, (how, done.stdout, done.stderr)
            assert "could not be checked at the start" in done.stderr
            if how == "nagios":
                assert done.stdout.startswith("CHATOPS UNKNOWN - monitor: ")
                assert "unknown, " in done.stdout
            assert re.search(r"^chatops_monitor_unknown\{.*\} [1-9]", (tmp_path / "m.prom").read_text(), re.MULTILINE)
        # The look that follows, and one that is not due, say the same.
        again = (*(word for word in flags if word != "--restart"), "-o", "nagios")
        for _ in range(2):
            assert chatops_inprocess(*again, db=url_as(latest_database, role)).exit_code == 3


def test_what_was_there_before_keeps_its_severity_and_its_words() -> None:
    before = monitor_state.baseline_of(Look({"waiting": 1}, {"CHAT001": Seen("critical", "two chats")}))
    state = monitor_state.begin("here", "1m", START, before)
    assert (state.open["CHAT001"].severity, state.open["CHAT001"].title) == ("critical", "two chats")
    assert monitor_state.verdict(state).sentence == "no look was due yet"


@pytest.mark.usefixtures("few_checks")
def test_until_healthy_is_not_well_when_the_plan_ends_before_it(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    latest_database.execute("insert into platform_config (key, value) values ('max_reassignments', '3') on conflict do nothing")
    latest_database.execute(ILL)
    never = watching(latest_database, tmp_path, Day({}), monkeypatch, until_healthy=True, plan="1m*2")
    assert never.loop() is ExitCode.FOUND
    assert len(never.watch.ticks) == 2
    assert "not healthy at the end" in capsys.readouterr().err


def test_looking_counts_as_no_rollback(latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = "select xact_rollback from pg_stat_database where datname = current_database()"
    quiet = watching(latest_database, tmp_path, Day({}), monkeypatch, plan="1m*3")
    assert quiet.loop() is ExitCode.OK
    latest_database.execute("select pg_stat_clear_snapshot()")
    seen = [tick.figures["rollbacks"] for tick in quiet.watch.ticks]
    assert seen[0] == seen[-1] == latest_database.value(counted)


def test_a_day_on_which_the_database_was_never_reached_is_not_healthy() -> None:
    state, _ = monitor_state.advance(monitor_state.begin("here", "1m", START, {}), 0, (), START, Look(reached=False))
    assert monitor_state.verdict(state).code is ExitCode.FOUND


@pytest.mark.usefixtures("few_checks")
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


@pytest.mark.usefixtures("few_checks")
def test_a_notify_command_that_fails_is_a_warning(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    latest_database.execute(
        "insert into platform_config (key, value) values ('max_reassignments', '3') on conflict (key) do nothing"
    )
    day = Day({0.1: lambda: latest_database.execute(ILL)})
    one = watching(latest_database, tmp_path, day, monkeypatch, plan="15m", notify="exit 3")
    assert one.loop() is ExitCode.FOUND
    assert "--notify ended with 3" in capsys.readouterr().err


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


# ---- in the database, beside it, for those who listen ------------------------------------------------------------------


@pytest.mark.usefixtures("few_checks")
def test_a_watch_in_the_database_is_shared_by_all_who_tick(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    flags = ("monitor", "--store", "--plan", "5ms*2,1h")
    refused = chatops_inprocess(*flags, "--state", "x.json", db=latest_database, check=2)
    assert "in one place" in refused.stderr
    latest_database.execute("drop table chatops.watches")  # bookkeeping that is older than it
    chatops_inprocess(*flags, "--once", db=latest_database, check=0)
    ticked = chatops_inprocess(*flags, "--once", db=latest_database, check=0)
    assert "2/3" in ticked.stdout
    assert "missed" in ticked.stderr
    again = chatops_inprocess(*flags, "--once", db=latest_database, check=0)
    assert "no look is due" in again.stderr
    assert latest_database.value("select state->'ticks'->0->'slot' from chatops.watches") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("few_checks")
def test_two_runs_that_take_the_same_tick_write_it_once_in_the_database(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from chatops.flows.monitor_state import InDatabase

    day = Day({})
    first, second = (watching(latest_database, tmp_path, day, monkeypatch, plan="15m*2") for _ in range(2))
    for one in (first, second):
        one.keeper = InDatabase(one.invocation)
    assert first.once() is ExitCode.OK
    assert second.open(restart_finished=False) is False
    day.now += timedelta(minutes=15)
    assert first.once() is ExitCode.OK
    capsys.readouterr()
    assert second.tick() is False  # it had read the state before the first one wrote it
    assert capsys.readouterr().out == ""
    assert [tick.slot for tick in second.watch.ticks] == [0]


@pytest.mark.usefixtures("few_checks")
def test_a_server_that_is_away_is_remembered_by_the_run_and_written_when_it_is_back(
    alone: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from chatops.flows.monitor_state import InDatabase

    day = Day({0.3: lambda: stop(alone), 0.6: alone.server.start})
    one = watching(alone, tmp_path, day, monkeypatch, plan="15m*5")
    one.keeper = InDatabase(one.invocation)
    assert one.loop() is ExitCode.OK
    assert [tick["reached"] for tick in alone.value("select state->'ticks' from chatops.watches")] == [
        True,
        False,
        True,
        True,
        True,
    ]
    assert "written when it is back" in capsys.readouterr().err


@pytest.mark.usefixtures("few_checks")
def test_commands_run_beside_a_tick_their_text_is_text_and_a_failing_one_is_a_finding(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from chatops.flows import monitor_commands as module

    monkeypatch.setattr(module, "COMMAND_SECONDS", 3)
    errors = tmp_path / "errors"
    commands = (
        r"printf 'first\n3 errors \033[31m'",
        f"test ! -e {errors} || (echo 500; exit 9)",
        f"test ! -e {errors} || sleep 3600",
    )
    day = Day({0.4: errors.touch, 0.7: errors.unlink})
    one = watching(latest_database, tmp_path, day, monkeypatch, plan="15m*5", commands=commands)
    assert one.loop() is ExitCode.OK
    told = capsys.readouterr().out
    assert "3 errors \\x1b[31m" in told
    assert "\x1b" not in told
    assert "new      warning  COMMAND2" in told
    assert "ended with 9: 500" in told
    assert "took longer than 3 s" in told
    assert {one.code for one in one.watch.transitions if one.kind == "resolved"} == {"COMMAND2", "COMMAND3"}


@pytest.mark.usefixtures("few_checks")
def test_what_the_guards_refused_between_two_ticks_is_told(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        latest_database.execute("select count_refusal('late_reply'), count_refusal('operator_busy')")

    one = watching(latest_database, tmp_path, Day({0.3: refuse}), monkeypatch, plan="15m*3")
    assert one.loop() is ExitCode.OK
    lines = [line for line in capsys.readouterr().out.splitlines() if "/3" in line]
    assert ["refusal" in line for line in lines] == [False, True, False]
    assert "2 refusals" in lines[1]


class Listener:
    """An HTTP server that answers as it is told: a status, or None for not at all. `taken` is what it answered with 200."""

    def __init__(self, answers: list[int | None]) -> None:
        self.heard: list[Any] = []
        self.taken: list[Any] = []
        self.asked: list[str] = []
        self.end = threading.Event()
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                listener.heard.append(said)
                answer = answers.pop(0) if answers else 200
                if answer is None:
                    listener.end.wait()
                    return
                if answer == 200:
                    listener.taken.append(said)
                self.send_response(answer)
                if answer == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def do_GET(self) -> None:
                listener.asked.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-token?routing_key=R123"

    def __enter__(self) -> Listener:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.usefixtures("few_checks")
@pytest.mark.parametrize("stored", [False, True], ids=["file", "database"])
def test_a_message_a_look_is_sent_until_it_is_taken_and_never_twice(
    stored: bool, latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from chatops.flows import notify
    from chatops.flows.monitor_state import InDatabase

    monkeypatch.setattr(notify, "NOTIFY_SECONDS", 2.0)
    latest_database.execute(
        "insert into platform_config (key, value) values ('max_reassignments', '3') on conflict (key) do nothing"
    )
    day = Day({0.3: lambda: latest_database.execute(ILL), 2.6: lambda: latest_database.execute(WELL)})
    # Slots 2 to 6 are refused in every way; 7 takes it. What went is told with slot 13, the verdict with the last one.
    with Listener([302, 429, 500, None, 404]) as listener:
        one = watching(latest_database, tmp_path, day, monkeypatch, plan="15m*14", notify=listener.url)
        if stored:
            one.keeper = InDatabase(one.invocation)
            one.keeper.prepare()
        assert one.loop() is ExitCode.OK
    assert listener.asked == []
    assert len(listener.heard) == 5 + len(listener.taken)
    first = listener.taken[0]
    assert [each["code"] for each in first["new"]] == ["CONF001"]
    assert first["gone"] == []
    assert {one["dedup_key"] for one in listener.heard} == {first["dedup_key"]}
    assert first["text"].startswith(first["summary"])
    assert "CONF001" in first["summary"]
    assert "worse than before, CONF001 is new" in first["verdict"]
    assert (first["event_action"], first["routing_key"]) == ("trigger", "R123")
    assert set(first["payload"]) == {"summary", "source", "severity"}
    assert first["payload"]["severity"] in ("critical", "error", "warning", "info")
    assert [(each["code"], each["kind"]) for one in listener.taken for each in (*one["new"], *one["gone"])] == [
        ("CONF001", "new"), ("CONF001", "resolved"),
    ]  # fmt: skip
    assert [one["finished"] for one in listener.taken] == [False, *[False] * (len(listener.taken) - 2), True]
    assert listener.taken[-1]["event_action"] == "resolve"
    told = capsys.readouterr().err
    for wrong in ("answered with 302", "answered with 429", "answered with 500", "not answered within 2 s", "answered with 404"):
        assert wrong in told
    assert "secret-token" not in told
    assert "R123" not in told
    again = watching(latest_database, tmp_path, day, monkeypatch, plan="15m*14", notify=listener.url)
    if stored:
        again.keeper = InDatabase(again.invocation)
    assert again.once() is ExitCode.OK
    assert "could not be sent" not in capsys.readouterr().err  # all is told: the listener that is gone is not asked


@pytest.mark.usefixtures("few_checks")
def test_a_verdict_that_was_not_taken_is_sent_by_the_next_run(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    day = Day({})
    with Listener([500]) as listener:
        watching(latest_database, tmp_path, day, monkeypatch, plan="15m*2", notify=listener.url).loop()
        assert listener.taken == []
        for _ in range(2):
            watching(latest_database, tmp_path, day, monkeypatch, plan="15m*2", notify=listener.url).once()
    assert len(listener.heard) == 2
    assert [one["finished"] for one in listener.taken] == [True]


def test_one_tick_answers_a_plugin_and_fills_a_textfile(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    latest_database.execute(
        "insert into platform_config (key, value) values ('max_reassignments', '3') on conflict (key) do nothing"
    )
    ended = ("monitor", "--once", "--plan", "5ms", "--state", "e.json", "-o", "nagios")
    for _ in range(3):
        assert chatops_inprocess(*ended, db=latest_database, check=0).stdout.startswith("CHATOPS OK - monitor: ")
    flags = ("monitor", "--once", "--plan", "5ms,1h", "--state", "s.json", "-o", "nagios", "--write", "prometheus=m.prom")
    assert chatops_inprocess(*flags, db=latest_database, check=0).stdout.startswith("CHATOPS OK - monitor: ")  # it starts
    latest_database.execute(ILL)
    done = chatops_inprocess(*flags, db=latest_database, check=1)
    assert done.stdout.startswith("CHATOPS WARNING - monitor: 1 of 1 check: CONF001 ")
    assert chatops_inprocess(*flags, db=latest_database, check=1).stdout == done.stdout  # not due: the standing answer
    found = {family.name for family in text_string_to_metric_families((tmp_path / "m.prom").read_text())}
    assert {"chatops_monitor_waiting", "chatops_monitor_worse", "chatops_monitor_deadlocks"} <= found
    assert chatops_inprocess("monitor", "-o", "nagios", db=latest_database, check=3).stdout.startswith("CHATOPS UNKNOWN")


@pytest.mark.usefixtures("few_checks")
@pytest.mark.parametrize("columns", [80, 40])
def test_on_a_terminal_the_watch_is_a_page_drawn_in_place(
    latest_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    from chatops.flows.run import Invocation
    from chatops.render import Medium

    latest_database.execute(
        "insert into platform_config (key, value) values ('max_reassignments', '3') on conflict (key) do nothing"
    )
    monkeypatch.setattr(
        Invocation, "medium", lambda self, stream=None: Medium(columns, terminal=True, redraws=True, show_names=True)
    )
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "30")
    monkeypatch.setenv("TERM", "xterm")
    day = Day({0.3: lambda: latest_database.execute(ILL), 0.8: lambda: latest_database.execute(WELL)})
    one = watching(latest_database, tmp_path, day, monkeypatch, plan="15m*6")
    one.invocation.output = "table"
    assert one.loop() is ExitCode.OK
    pages = re.split(r"\x1b\[\d+F\x1b\[J", capsys.readouterr().out)
    assert len(pages) == 6
    assert ["new      warning  CONF001" in page for page in pages] == [False, True, False, False, False, False]
    assert ["ongoing  warning  CONF001" in page for page in pages] == [False, False, True, True, False, False]
    assert "resolved warning  CONF001" in pages[-1]
    assert "nothing new is open" in pages[-1]
    assert re.search("wait for an operator +0  ▁{4,6}\n", pages[-1])
    assert "finished: " in pages[-1]
    assert all(
        len(line) <= columns or "CONF001" in line or "deploy" in line or "Ctrl-C" in line for line in pages[-1].splitlines()
    )


@pytest.mark.parametrize("wrong", [timedelta(hours=3), timedelta(days=-40)])
def test_looks_are_taken_by_the_servers_clock(
    wrong: timedelta, latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatops.flows import monitor

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + wrong

    flags = ("monitor", "--once", "--plan", "1h*2", "--state", "s.json")
    before = latest_database.execute("select clock_timestamp()")[0][0]
    monkeypatch.setattr(monitor, "datetime", Wrong)
    chatops_inprocess(*flags, db=latest_database, check=0)
    kept = watch_file.read(tmp_path / "s.json")
    assert kept is not None
    started = datetime.fromisoformat(kept.started)
    assert before - timedelta(seconds=1) <= started <= latest_database.execute("select clock_timestamp()")[0][0]
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert "no look is due" in chatops_inprocess(*flags, db=latest_database, check=0).stderr  # a machine with another clock
