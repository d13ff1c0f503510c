"""`chatops diagnose` on one screen: verdict and queue, what is urgent by line, the rest by code, the next command last."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatops import formatting
from chatops.chats import planting, population
from chatops.checks import load
from chatops.checks.began import began
from chatops.checks.findings import filled, findings, shown, tally
from chatops.checks.results import Result as Result_
from chatops.flows import watch_option
from chatops.model import Text
from chatops.screens import diagnose_short as short
from chatops.screens.evidence import evidence
from chatops.screens.lines import Reader
from tests.ailing import look, recent
from tests.conftest import Result, build_core, build_latest, clean_environment
from tests.locks import wait_until_blocked
from tests.servers import Database, Farm, Server
from tests.shift import furnish
from tests.test_command_line import run_in_terminal
from tests.test_plants import opened
from tests.test_questions import Terminal

Run = Callable[..., Result]
UNUSABLE = """insert into platform_config (key, value) values ('max_reassignments', '"3"')
              on conflict (key) do update set value = excluded.value"""


def troubled(database: Database) -> None:
    """The demo's system: deployed, populated, with one of every trouble."""
    build_core(database)
    with opened(database) as connection:
        population.populate(connection, size=population.SMALLEST, seed=1)
        planting.plant_all(connection)


@pytest.fixture
def demo(new_database: Callable[..., Database], farm: Farm, server: Server) -> Database:
    return new_database(on=server, template=recent(farm, server, "troubled", troubled))


def found(run: Run, database: Database) -> list[dict[str, object]]:
    answer: list[dict[str, object]] = json.loads(run("diagnose", "-o", "json", db=database, check=1).stdout)["findings"]
    return answer


@pytest.mark.parametrize(
    ("statement", "title"),
    [
        ("drop index idx_chats_last_operator", "index idx_chats_last_operator (014_chat_state_management) is missing"),
        ("drop function assign_chat_to_operator(uuid), release_and_reassign_chat(uuid, text)",
         "all of 015_fix_assignment_function is missing: nobody can be given a chat"),
        ("drop table chatops.watches", "table chatops.watches is missing"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_the_file_that_makes_it(
    statement: str, title: str, core_database: Database, chatops_inprocess: Run
) -> None:
    core_database.execute(statement)
    shown = chatops_inprocess("diagnose", "--only", "DB003", db=core_database, check=1).stdout
    assert f"DB003     {title}\n" in shown
    assert "thing" not in shown


def test_one_line_stays_one_whatever_is_wrong(chatops_inprocess: Run, demo: Database) -> None:
    shown = chatops_inprocess("diagnose", "--brief", db=demo, check=1).stdout
    assert shown.count("\n") == 1
    assert re.search(r"(?: [A-Z]+\d{3}){6} and \d+ more \(diagnose\) · ", shown)
    assert len(shown) < 200


def test_the_demo_fits_24_lines_of_80_with_everything_urgent_by_line(chatops_inprocess: Run, demo: Database) -> None:
    checks = {check.code: check for check in load.shipped()}
    shown = chatops_inprocess("diagnose", db=demo, terminal=(80, 24), check=1)
    lines = shown.stdout.splitlines()
    banner = shown.stderr.split("\r")[0].splitlines()[0]
    assert "demo" in banner or "test" in banner
    # The prompt stands below.
    assert len(lines) + 1 <= 24, shown.stdout
    assert all(len(line) <= 80 for line in lines)
    # All were asked: said in fewer words where the whole of it is wider than the line.
    assert re.match(
        rf"BAD  \d+ critical, \d+ warnings, \d+ advice  {len(checks)} checks  not production  \d\d:\d\d UTC$", lines[0]
    )
    wider = chatops_inprocess("diagnose", db=demo, terminal=(100, 24), check=1).stdout.splitlines()[0]
    all_of_them = f"{len(checks)} of {len(checks)} checks"
    assert re.match(rf"BAD  \d+ critical, \d+ warnings, \d+ advice   {all_of_them}   not production   \d\d:\d\d UTC$", wider)
    assert re.match(r"\d+ wait, \+\d+ in no queue, oldest .*   \d+ free( \(\d+ silent\))?   \d+ busy$", lines[1])
    heads = {line.split()[0]: line for line in lines[2:] if line[:1].isupper()}
    first = next(number for number, line in enumerate(lines) if line.split()[0] in ("ROWS", "SCHEMA", "PAST"))
    folded = " ".join(lines[first:-1]).split()
    urgent = [one for one in found(chatops_inprocess, demo) if one["severity"] != "advice"]
    for finding in urgent:
        code = str(finding["code"])
        felt = code in heads and any(row.get("felt") for row in finding["rows"])  # on a screen as full as this by its code
        if finding["severity"] == "critical" or checks[code].users_wait or felt:
            assert re.search(
                r"(\d\d:\d\d|\d\d-\d\d|     )  (repair|reassign|release|reopen|people|past|psql|by hand)$", heads[code]
            )
        else:
            assert code in folded, code
    assert re.fullmatch(r"next: \S*chatops .*repair --dry-run   \(\d+ of \d+, not DB017 and 1 more\)", lines[-1])


def test_what_room_a_screen_has_holds_what_is_not_urgent_by_line(demo: Database) -> None:
    """Of every part of what the demo has: nothing is left out, and a code stands alone only where its line would not fit."""
    survey = look(demo)
    reader = Reader(80, True, True, lambda *words: " ".join(("chatops", *words)))
    well = [replace(one, rows=[], count=0, status="passed") for one in survey.results]
    wrong = [(number, one.severity.value) for number, one in enumerate(survey.results) if one.status == "failed"]
    filled_up = {"none": 0, "some": 0, "all": 0}

    @given(st.sets(st.sampled_from([number for number, word in wrong if word != "advice"]), min_size=1))
    def holds(of: set[int]) -> None:
        part = replace(survey, results=[survey.results[n] if n in of else one for n, one in enumerate(well)])
        told = short.on_one_screen(part, short.Desk("demo"), reader).body[0]
        assert isinstance(told, Text)
        lines = ["".join(span if isinstance(span, str) else span.text for span in line) for line in told.lines]
        assert len(lines) <= short.SCREEN
        words = " ".join(lines).replace(";", " ").replace(",", " ").split()
        for number in of:
            assert survey.results[number].check.code in words
        codes = [line for line in lines if re.fullmatch(r"(ROWS \d+|SCHEMA \d+|and|) +([A-Z]+\d{3} ?)+( .*)?", line)]
        titled = [line for line in lines if re.match(r"(ROWS|SCHEMA) \d+ +since  mend$", line)]
        filled_up["some" if codes and titled else "none" if codes else "all"] += 1
        if codes and not any(line.startswith("PAST") or "PAST" in line for line in codes):
            assert len(lines) >= short.SCREEN - 3, lines  # a group begins with a head, and one finding may take two lines

    holds()
    assert filled_up["none"] + filled_up["some"], filled_up
    assert filled_up["all"], filled_up


def test_the_verdict_is_one_line_for_every_name_that_leaves_room_for_the_rest(demo: Database) -> None:
    survey = look(demo)
    reader = Reader(80, True, True, lambda *words: " ".join(("chatops", *words)))
    rest = re.compile(r"BAD  \d+ critical, \d+ warnings(, \d+ advice)?  +(\d+ of )?\d+ checks  +(\S.*?)  +\d\d:\d\d UTC")
    counts = tally(survey)
    least = f"BAD  {counts['critical']} critical, {counts['warning']} warnings  {survey.ran} checks    00:00 UTC"
    seen = set()
    for production in (False, True):
        for long in range(1, 60):
            place, shown = "e" * long, ("PRODUCTION " if production else "") + "e" * long
            said = short.on_one_screen(survey, short.Desk(place, production), reader).body[0]
            assert isinstance(said, Text)
            first, second = ("".join(span if isinstance(span, str) else span.text for span in line) for line in said.lines[:2])
            assert len(first) <= 80
            told = rest.fullmatch(first)
            assert (told is not None) is (len(shown) <= 80 - len(least)), (first, second)
            if told is not None:
                assert told[3] == shown
                seen.add((told[1] is not None, told[2] is not None))
            else:  # then it says all of it, on more lines
                assert re.match(r"BAD  \d+ critical, \d+ warnings, \d+ advice  (\d+) of \1 checks", first)
                assert second.startswith("  ")
    assert seen == {(True, True), (True, False), (False, False)}


def test_whatever_is_urgent_has_a_title_that_fits_however_long_the_names_in_it_are() -> None:
    room = 80 - short.CODE - short.SINCE - short.MEND - len(" new")
    of_a_row = {
        "queue_sla_minutes": "15",
        "waiting_for": timedelta(hours=23, minutes=59),
        "stuck_for": timedelta(days=9),
        "overtaken": 99,
    }
    for check in load.shipped():
        judged = re.search(r"\\bas (critical|blocks)\\b", check.sql) is not None or check.severity.value == "critical"
        if not (judged or check.users_wait):
            continue
        for count in (1, 1234):
            texts = [check.narrow_heading(count), (check.brief or "").replace("{count}", f"{count:,}"), check.heading(count)]
            told = [filled(text, of_a_row, datetime.now(UTC)) for text in texts if text]
            assert any(len(one) <= room and "…" not in one for one in told), (check.code, told)


def test_with_many_findings_each_is_one_line_and_none_is_cut(chatops_inprocess: Run, demo: Database) -> None:
    name = "a_trigger_whose_name_is_as_long_as_a_name_can_be_and_that_is_63_"[:63]
    demo.execute(f"alter trigger update_chat_on_message on messages rename to {name}")
    lines = chatops_inprocess("diagnose", db=demo, terminal=(80, 24), check=1).stdout.splitlines()
    urgent = lines[2 : next(number for number, line in enumerate(lines) if line.startswith(("ROWS", "SCHEMA", "PAST")))]
    assert all(re.match(r"[A-Z]{2,8}\d{3} |CRITICAL|USERS WAIT", line) for line in urgent), urgent
    assert not [line for line in urgent if ".." in line or "…" in line]
    assert any(re.match(r"DB017     message counts of chats are not kept: 1 trigger is off  +psql$", line) for line in urgent), (
        urgent
    )


@pytest.mark.parametrize(("held", "waits", "mend"), [(True, False, "release"), (False, True, "people"), (True, True, "release")])
def test_what_mends_a_stuck_chat_is_told_by_whether_somebody_holds_it(
    latest_database: Database, held: bool, waits: bool, mend: str
) -> None:
    rows = [{"mend": "operators --free"}] * waits + [{"mend": "release --stuck 60m --dry-run"}] * held
    check = next(one for one in load.shipped() if one.code == "CHAT013")
    result = Result_(check, "failed", check.severity, len(rows), tuple(rows), helped=tuple(rows))
    survey = replace(look(latest_database), results=(result,))
    (one,) = findings(survey, lambda *words: " ".join(words))
    assert short.how_mended(one) == mend
    assert one.commands == tuple(row["mend"] for row in rows)


@pytest.mark.parametrize("rows", [
    [{"mend": None, "remedy": "select 1;"}, {"mend": "migrate --again 019"}],
    [{"mend": "diagnose --only CHAT020", "remedy": "select 1;"}, {"mend": "migrate --again 019"}],
    [{"mend": "migrate --again 019"}, {"mend": None, "remedy": "select 1;"}],
])  # fmt: skip
def test_what_mends_several_objects_is_told_by_the_first_command_that_the_finding_prints(
    latest_database: Database, rows: list[dict[str, Any]]
) -> None:
    check = next(one for one in load.shipped() if one.code == "DB003")
    for some, mend in ((rows, "migrate"), ([row for row in rows if row.get("remedy")], "psql")):
        result = Result_(check, "failed", check.severity, len(some), tuple(some), helped=tuple(some))
        (one,) = findings(replace(look(latest_database), results=(result,)), lambda *words: " ".join(words))
        assert short.how_mended(one) == mend


def test_a_setting_that_says_when_it_was_changed_is_told_with_it(chatops_inprocess: Run, core_database: Database) -> None:
    def line() -> str:
        shown = chatops_inprocess("diagnose", "--only", "CONF001", db=core_database, check=1).stdout
        return next(line for line in shown.splitlines() if line.strip().startswith("evidence"))

    core_database.execute(UNUSABLE)
    assert "changed" not in line()
    for kind, value, told in (
        ("timestamptz", "now() - interval '3 hours'", True), ("timestamptz", "'infinity'", False), ("text", "'2026-02-30T03:12:00+00:00'", False),
        ("text", "'2026-01-15'", False), ("date", "now()", False), ("int", "7", False),
    ):  # fmt: skip
        core_database.execute(f"alter table platform_config add updated_at {kind} default {value}")
        assert ("changed" in line()) is told, (kind, value)
        core_database.execute("alter table platform_config drop updated_at")


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"chat_state": ""}, 'chat state ""'),
        ({"chat_state": "waiting_assignment"}, "chat state waiting_assignment"),
        ({"chat_state": "assigned "}, 'chat state "assigned "'),
        ({"release_reason": "five"}, "release reason five"),
        ({"release_reason": "none"}, 'release reason "none"'),
        ({"release_reason": None}, "release reason none"),
        ({"release_reason": "a: b\n"}, 'release reason "a: b\\n"'),
        ({"setting": " max_reassignments"}, '" max_reassignments"'),
        ({"operator": "Ada  "}, '"Ada  "'),
    ],
)  # fmt: skip
def test_what_the_database_holds_is_told_apart_from_our_words(
    latest_database: Database, row: dict[str, object], told: str
) -> None:
    assert evidence(row, look(latest_database), Reader(80, True, True, lambda *words: " ".join(words))) == told


@pytest.mark.parametrize(
    ("trouble", "last"),
    [
        # A warning that `repair` mends is no way out of what is critical and mended by SQL.
        (f"alter table messages disable trigger user; {UNUSABLE}", "next: chatops diagnose --only DB017"),
        (UNUSABLE, "next: chatops repair CONF001 --dry-run"),
        ("drop index idx_chats_last_operator", "next: chatops diagnose --only DB003"),
    ],
)
def test_the_next_command_is_for_the_worst(chatops_inprocess: Run, latest_database: Database, trouble: str, last: str) -> None:
    latest_database.execute(trouble)
    shown = chatops_inprocess("diagnose", db=latest_database, terminal=(120, 24), check=1).stdout
    total = len(found(chatops_inprocess, latest_database))
    assert shown.splitlines()[-1] == last.format(total=total), shown


def test_nobody_is_free_since_nobody_knows_when(chatops_inprocess: Run, core_database: Database) -> None:
    core_database.execute(
        """with u as (insert into real_users (name) values ('u') returning id), f as (insert into fictional_users (name) values ('f') returning id),
                c as (insert into chats (real_user_id, fictional_user_id, chat_state) select u.id, f.id, 'waiting_assignment' from u, f returning id)
           insert into messages (chat_id, sender_type, content, created_at) select id, 'real', 'hello', now() - interval '40 days' from c"""
    )
    lines = chatops_inprocess("diagnose", db=core_database, terminal=(80, 24), check=1).stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("QUEUE011")]
    assert re.search(r"^QUEUE011  1 wait and nobody is free, 1 of them for over 1 m +people", line), line


def test_who_blocks_users_stands_where_users_wait_with_a_pid_that_can_be_typed(
    chatops_inprocess: Run, core_database: Database
) -> None:
    holder, waiter = core_database.connect(), core_database.connect()
    holder.execute("begin; lock table operator_activity in share mode")
    writing = threading.Thread(target=lambda: waiter.execute("update operator_activity set last_activity = now()"))
    writing.start()
    pid = holder.info.backend_pid
    try:
        wait_until_blocked(core_database.connect(), waiter.info.backend_pid)
        screens = [
            chatops_inprocess("diagnose", db=core_database, terminal=(wide, 24), check=1).stdout for wide in (160, 120, 80)
        ]
        full = chatops_inprocess("diagnose", "--only", "DB010", db=core_database, check=1).stdout
    finally:
        holder.execute("rollback")
        writing.join()
    told = f"the session with pid {pid} holds ShareLock on operator_activity (writes wait for it); waiting behind it: 1"
    assert re.search(rf"^USERS WAIT .*^DB010     {re.escape(told)} .*psql$", screens[0], re.MULTILINE | re.DOTALL), screens[0]
    # Where a line has no room for it, it goes on below: nothing else stands there.
    for screen in screens[1:]:
        first, *more = screen.partition("USERS WAIT")[2].splitlines()[1:]
        begun = re.fullmatch(r"DB010     (the session with .*?) +\d\d:\d\d  psql", first)
        assert begun is not None, screen
        below = [line.strip() for line in more if line.startswith(" " * short.CODE)]
        assert below
        assert " ".join([begun[1], *below]) == told, screen
        assert f"pid {pid} " in first
    assert f"select pg_terminate_backend({pid});" in full
    assert f"chatops psql --write -- -c 'select pg_terminate_backend({pid});'" in full


def test_a_pause_stands_among_what_users_wait_for_new_since_the_first_look_of_the_monitor(
    chatops_inprocess: Run, latest_database: Database
) -> None:
    chatops_inprocess("monitor", "--once", db=latest_database)
    chatops_inprocess("pause", "--for", "1h", "--reason", "release", db=latest_database, check=0)
    shown = chatops_inprocess("diagnose", db=latest_database, terminal=(120, 24), check=1).stdout
    assert ": +1 warning" in shown
    waits = shown.partition("USERS WAIT")[2].splitlines()
    assert re.match(r"CONF003   the queue is paused by \w+ \(release\); it goes on in \d.* \d\d:\d\d  resume new$", waits[1]), (
        shown
    )
    assert re.search(r"^  PAUSED until \d\d:\d\d   |^PAUSED until .*\d\d:\d\d   ", shown, re.M), shown
    assert "diagnose --only CONF003" in shown.rstrip().splitlines()[-1]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"pid": 15034, "waits": 15034}, "pid 15034  waits 15,034"),
        ({"holder_pid": 2345678}, "holder pid 2345678"),
        ({"pids": [15034, 15035]}, "pids 15034, 15035"),
    ],
)
def test_a_pid_is_told_as_it_is_typed(latest_database: Database, row: dict[str, object], told: str) -> None:
    survey = look(latest_database)
    assert evidence(row, survey, Reader(80, True, True, lambda *words: " ".join(words))) == told
    for name in row:
        assert filled(f"{{{name}}}", row, survey.now) in told


def test_what_has_more_rows_than_at_an_earlier_look_is_told_as_grown(
    chatops_inprocess: Run, latest_database: Database, tmp_path: Path
) -> None:
    latest_database.execute("alter table chats disable trigger chatops_guard_chat")
    kept = tmp_path / "look.json"
    chatops_inprocess("diagnose", "--write", f"json={kept}", db=latest_database, check=1)
    asked = ("diagnose", "--since-file", str(kept))
    same = chatops_inprocess(*asked, db=latest_database, terminal=(80, 24), check=1).stdout
    assert "nothing new" in same
    assert "GROWN" not in same
    latest_database.execute("alter table messages disable trigger user; alter table chats disable trigger user")
    many = latest_database.value("select count(*) from pg_trigger where tgenabled = 'D' and not tgisinternal")
    grown = chatops_inprocess(*asked, db=latest_database, terminal=(80, 24), check=1).stdout
    assert "1 grown" in grown.splitlines()[1]
    assert "nothing new" not in grown
    assert re.search(rf"^GROWN 1 +DB017 1 → {many}$", grown, re.MULTILINE), grown
    full = chatops_inprocess(*asked, "--full", db=latest_database, check=1).stdout
    assert re.search(rf"ongoing since \S+.*, grown 1 → {many} since ", full), full


def test_since_when_comes_from_the_evidence_and_else_from_an_earlier_look(
    chatops_inprocess: Run, core_database: Database, tmp_path: Path
) -> None:
    def line() -> str:
        shown = chatops_inprocess("diagnose", *compared, db=core_database, terminal=(80, 24))
        return next(line for line in shown.stdout.splitlines() if line.startswith("QUEUE010"))

    core_database.execute(
        """with u as (insert into real_users (name) values ('u') returning id), f as (insert into fictional_users (name) values ('f') returning id),
                c as (insert into chats (real_user_id, fictional_user_id, chat_state) select u.id, f.id, 'waiting_assignment' from u, f returning id)
           insert into messages (chat_id, sender_type, content, created_at) select id, 'real', 'hello', now() - interval '40 days' from c"""
    )
    compared: tuple[str, ...] = ()
    day = core_database.value("select to_char(created_at at time zone 'utc', 'MM-DD') from messages")
    assert re.search(rf" {day}  people$", line())
    kept = tmp_path / "look.json"
    chatops_inprocess("diagnose", "--write", f"json={kept}", db=core_database)
    compared = ("--since-file", str(kept))
    assert re.search(rf" {day}  people$", line())  # not when the file was written
    looked = json.loads(kept.read_text())
    known = [one for one in looked["findings"] if one["code"] != "QUEUE010"]
    kept.write_text(json.dumps({**looked, "findings": known, "passed": [*looked["passed"], "QUEUE010"]}))
    assert line().endswith("people new"), line()


def test_since_when_it_is_so_does_not_move_with_the_clock(demo: Database) -> None:
    def since() -> dict[str, list[tuple[str, datetime | None]]]:
        survey = look(demo, rows=1000, since="all")
        return {one.check.code: sorted((str(row.get("chat_id")), began(row, survey.now)) for row in one.rows)
                for one in survey.results if one.status == "failed"}  # fmt: skip

    first, later = since(), since()
    assert {"OPER001", "OPER002", "CHAT013", "QUEUE002"} <= first.keys()
    known = 0
    for code in first.keys() & later.keys():
        for (chat, then), (same, now) in zip(first[code], later[code], strict=False):
            if then is not None and chat == same:
                known += 1
                assert now is not None, (code, chat)
                assert abs(now - then) < timedelta(milliseconds=1), (code, chat)
    assert known > 10


def test_a_healthy_system_is_two_lines_and_advice(chatops_inprocess: Run, latest_database: Database) -> None:
    shown = chatops_inprocess("diagnose", db=latest_database, terminal=(80, 24), check=0).stdout.splitlines()
    assert re.match(r"OK  (\d advice   )?\d+ of \d+ checks ", shown[0])
    assert shown[1].startswith("nobody waits   0 free   0 busy")
    assert len(shown) <= 4


@pytest.mark.parametrize("system", ["core_database", "latest_database"])
def test_chats_that_were_ended_while_their_users_waited_are_told_though_no_finding_counts_them(
    chatops_inprocess: Run, request: pytest.FixtureRequest, system: str
) -> None:
    database: Database = request.getfixturevalue(system)
    furnish(database, 3, waiting=8, answered=3, over=2)
    database.script(
        """set local session_replication_role = replica;
           update messages set created_at = created_at + interval '20 hours';
           update chats set last_message_at = last_message_at + interval '20 hours'"""
    )
    before = chatops_inprocess("diagnose", db=database, terminal=(80, 24)).stdout
    assert "ENDED" not in before
    assert "\n8 wait" in before
    database.execute("update chats set chat_state = 'completed', is_active = false where chat_state = 'waiting_assignment'")
    after = chatops_inprocess("diagnose", db=database, terminal=(80, 24)).stdout
    assert "nobody waits" in after
    line = next(line for line in after.splitlines() if line.startswith("ENDED"))
    assert re.match(r"ENDED 8 +unanswered in the last 24 h: chatops stuck --review", line), after
    assert "8 ended while the user waited" in chatops_inprocess("stuck", "--review", db=database, check=0).stdout


def test_screens_that_count_the_same_come_to_the_same(chatops_inprocess: Run, demo: Database) -> None:
    def asked(*words: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(chatops_inprocess(*words, "-o", "json", db=demo).stdout)
        return answer

    summary, queue, found = asked("summary"), asked("queue", "--top", "1000"), asked("diagnose", "--rows", "1000")
    operators, free = asked("operators"), asked("operators", "--free")
    everything = asked("stuck", "--longer-than", "0s", "--limit", "10000")["stuck"]
    states = {(row["state"], row["why"]): row["chats"] for row in summary["states"]}
    rows = {one["code"]: one["rows"] for one in found["findings"]}
    now = datetime.fromisoformat(found["at"])
    # Who waits.
    waits = {row["chat_id"]: datetime.fromisoformat(row["waiting_since"]) for row in queue["queue"]}
    assert len(waits) == queue["waiting"] == summary["waiting"] == states["waiting_assignment", None]
    assert waits.keys() == {row["chat_id"] for row in everything if row["reason"] == "waiting"}
    limit = timedelta(minutes=found["thresholds"]["queue_sla_minutes"]["value"])
    assert {row["chat_id"] for row in rows["QUEUE010"]} == {chat for chat, since in waits.items() if now - since > limit}
    line = chatops_inprocess("diagnose", db=demo, terminal=(80, 24)).stdout.splitlines()[1]
    silent = len(rows["OPER003"])
    beside = len(rows.get("CHAT006", ()))
    assert line.startswith(f"{len(waits)} wait, " + (f"+{beside} in no queue, " if beside else "") + "oldest ")
    assert f"   {free['free']} free ({silent} silent)   {operators['busy']} busy" in line
    for place, row in enumerate(queue["queue"][:2]):
        told = " ".join(chatops_inprocess("show", row["chat_id"], db=demo, check=0).stdout.split())
        by_wait = re.search(r"(\d+) chats? before it", told)
        assert by_wait is not None
        assert "by created_at" in told or int(by_wait[1]) == place
    # Who works.
    for kind in ("free", "busy", "away", "inactive"):
        assert operators[kind] == summary[f"operators_{kind}"] == sum(row["load"] == kind for row in operators["operators"])
    assert len(free["operators"]) == free["free"] == operators["free"]
    # What is held: an operator with two chats is one who is busy.
    held = {row["chat_id"] for row in everything if row["reason"] == "assigned"}
    assert held == {
        row["chat_id"] for row in asked("chats", "--state", "assigned", "--limit", "10000")["chats"] if row["operator_id"]
    }
    assert len(held) == sum(row["held_chats"] for row in operators["operators"])
    assert len(held) == states["assigned", None] - sum(
        row["chat_state"] == "assigned"
        for row in rows["CHAT003"]  # without an operator
    )
    # What does not move: the finding, the list that it prints, and whom it leaves to another finding.
    hours = {
        row["chat_id"]
        for row in asked("stuck", "--longer-than", "60m", "--limit", "10000")["stuck"]
        if row["reason"] != "unanswered"
    }
    assert (
        {row["chat_id"] for row in rows["CHAT013"]}
        <= hours
        <= {row["chat_id"] for row in rows["CHAT013"] + rows["OPER001"]} | waits.keys()
    )
    gone = {row["chat_id"] for row in rows["OPER001"]}
    assert gone == {row["chat_id"] for row in asked("release", "--where", "OPER001", "--dry-run")["chats"]}
    # Who was left alone.
    ended = [row for row in asked("stuck", "--review", "--limit", "1000")["review"] if row["reason"] in ("ended", "limit")]
    assert {row["chat_id"] for code in ("CHAT012", "CHAT018") for row in rows.get(code, [])} <= {row["chat_id"] for row in ended}


def troubled_newest(database: Database) -> None:
    """The newest system, with some of the troubles, and somebody who leaves after their chat."""
    build_latest(database)
    with opened(database) as connection:
        population.populate(connection, size=population.SMALLEST, seed=1)
        for code in ("CHAT007", "CHAT011", "OPER001", "OPER003"):
            planting.plant(connection, code)
    database.script(
        """set local session_replication_role = replica;
           update operators set is_available = false
            where id = (select assigned_operator_id from chats where chat_state = 'assigned' and is_active order by id limit 1)"""
    )


@pytest.fixture
def newest(new_database: Callable[..., Database], farm: Farm, server: Server) -> Database:
    return new_database(on=server, template=recent(farm, server, "troubled-newest", troubled_newest))


@pytest.mark.parametrize("system", ["demo", "newest"])
def test_every_screen_says_as_many_wait_are_held_and_are_free(
    chatops_inprocess: Run, request: pytest.FixtureRequest, system: str
) -> None:
    """Whatever counts those who wait, are held, free, silent, busy, away or inactive comes to the same, or says what else it counts."""
    database: Database = request.getfixturevalue(system)

    def asked(*words: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(chatops_inprocess(*words, "-o", "json", db=database).stdout)
        return answer

    def said(*words: str) -> str:
        return " ".join(chatops_inprocess(*words, db=database, terminal=(200, 60)).stdout.split())

    summary = asked("summary")
    wait, free, silent = summary["waiting"], summary["operators_free"], summary["operators_free_and_silent"]
    busy, held, leaving = summary["operators_busy"], summary["chats_held"], summary["operators_busy_and_leaving"]
    assert (wait > 0, held > busy > 0 if system == "demo" else leaving > 0, free > silent > 0) == (True, True, True)
    with_chats = f"{busy} busy" + (f" with {held} chats" if held != busy else "")
    last = f" ({leaving} get{'s' if leaving == 1 else ''} no next chat)" if leaving else ""
    line = f"{free} free ({silent} silent) · {with_chats}{last} · {summary['operators_away']} away"
    # The line of the queue, wherever it stands.
    for words in (("summary",), ("queue",), ("summary", "--since", "8h")):
        assert f"{line} · {wait} wait · " in said(*words), words
    assert f"{line} · {summary['operators_inactive']} inactive" in said("operators")
    for words in (("diagnose",), ("diagnose", "--brief")):
        assert re.search(rf"\b{wait} wait,", said(*words)), words
    assert f"{free} free ({silent} silent) {busy} busy{last}" in said("diagnose")
    # Rows of tables.
    operators = asked("operators")["operators"]
    assert sum(one["held_chats"] for one in operators) == held
    assert sum(one["load"] == "busy" and not one["next_chat"] for one in operators) == leaving
    assert said("operators").count(" busy, not available ") == leaving
    assert said("operators").count(" free, silent ") == silent
    apart = {(row["state"], row["why"]): row["chats"] for row in summary["states"]}
    every = sum(chats for (state, _), chats in apart.items() if state == "waiting_assignment")
    listed = said("chats", "--state", "waiting")
    assert listed.startswith(f"{every} chats, {wait} of them in the queue, " if every != wait else f"{wait} chats, ")
    longest = said("chats", "--state", "waiting", "--sort", "wait")
    assert longest.partition(",")[0] == listed.partition(",")[0]
    assert ("in the queue" in longest) is (every != wait)
    assert f"of {wait}" in said("queue", "--limit", "2") or f"and {wait - 2} more" in said("queue", "--limit", "2")
    assert (re.search("answered already|nobody wrote yet", said("summary")) is not None) is (every != wait)
    # For programs.
    figures = chatops_inprocess("summary", "-o", "prometheus", db=database).stdout
    assert re.search(rf"^chatops_queue_waiting{{.*}} {wait}$", figures, re.MULTILINE)
    assert re.search(rf'^chatops_operators{{.*load="free"}} {free}$', figures, re.MULTILINE)
    assert asked("queue")["waiting"] == wait
    for found_ in asked("diagnose", "--only", "QUEUE004")["findings"]:  # on the newest nobody waits for a minute yet
        assert found_["count"] <= wait
        assert (found_["rows"][0]["free_operators"], found_["rows"][0]["of_them_silent"]) == (free, silent)
    # The same wait.
    told = asked("queue", "--limit", "1")
    assert told["queue"][0]["waiting_since"] == told["oldest_waiting_since"]


@given(st.floats(1, 90 * 86400))
def test_for_how_long_it_is_so_is_told_as_the_age_of_the_same_instant(seconds: float) -> None:
    now = datetime(2026, 1, 15, 12, tzinfo=UTC)
    span = timedelta(seconds=seconds)
    assert shown(span, now) == formatting.age(now - span, now)


def test_brief_is_one_line_everywhere_and_full_is_what_a_pipe_gets(chatops_inprocess: Run, core_database: Database) -> None:
    core_database.execute(UNUSABLE)
    for terminal in (None, (80, 24)):
        brief = chatops_inprocess("diagnose", "--brief", db=core_database, terminal=terminal)
        assert len(" ".join(brief.stdout.split("\n  ")).splitlines()) == 1
        assert "CONF001" in brief.stdout
        assert brief.exit_code == 1
    full = chatops_inprocess("diagnose", "--full", db=core_database, terminal=(100, 24)).stdout
    piped = chatops_inprocess("diagnose", db=core_database).stdout
    for text in (full, piped):
        assert "evidence" in text
        assert "chatops repair CONF001 --dry-run" in " ".join(text.split())
    assert chatops_inprocess("diagnose", "--full", "--brief", db=core_database).exit_code == 2


def test_what_is_longer_than_the_screen_goes_through_the_pager(core_database: Database, home: Path) -> None:
    core_database.execute(UNUSABLE)
    environment = clean_environment(
        home, {"CHATOPS_DATABASE_URL": core_database.url, "TERM": "xterm", "PAGER": "sed s/^/paged:/"}
    )
    _, long = run_in_terminal(["diagnose", "--full"], environment, 40)
    assert "paged:" in long
    _, preview = run_in_terminal(["repair", "--dry-run"], {**environment, "LINES": "5"}, 80)
    assert "paged:" in preview
    _, short = run_in_terminal(["diagnose", "--brief"], environment, 120)
    assert "paged:" not in short
    _, plain = run_in_terminal(["diagnose", "--full"], {**environment, "PAGER": "cat"}, 40)
    assert "paged:" not in plain
    assert "CONF001" in plain
    _, failed = run_in_terminal(["diagnose", "--full"], {**environment, "PAGER": "sed --no-such-option"}, 40)
    assert "CONF001" in failed


@pytest.mark.parametrize("set_to", [{}, {"LESS": "-i"}, {"LESS": ""}], ids=["unset", "without colours", "empty"])
def test_a_pager_by_its_bare_name_shows_colours_as_colours(home: Path, tmp_path: Path, set_to: dict[str, str]) -> None:
    pager = tmp_path / "less"
    pager.write_text('#!/bin/sh\ncat >/dev/null\necho "given <$*> and <$LESS>"\n')
    pager.chmod(0o755)
    environment = clean_environment(home, {"TERM": "xterm", "PAGER": str(pager), **set_to})
    _, shown = run_in_terminal(["help", "on-call"], environment, 80)
    assert f"given <-R> and <{set_to.get('LESS', 'EFRX')}>" in shown
    _, plain = run_in_terminal(["help", "on-call"], {**environment, "NO_COLOR": "1"}, 80)
    assert "given <>" in plain


def test_ctrl_c_in_the_pager_is_the_pagers(home: Path, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\ntrap 'echo interrupted' INT\ncat >/dev/null\necho reading\nread line </dev/tty\n"
                     "test -n \"$line\" || read line </dev/tty\necho \"left with $line\"\n")  # fmt: skip
    pager.chmod(0o755)
    terminal = Terminal(home, "help", "on-call", PAGER=str(pager))
    terminal.until("reading")
    terminal.type(b"\x03")
    terminal.until("interrupted")
    terminal.type(b"q\n")
    terminal.until("left with q")
    assert terminal.end() == 0


def test_watch_looks_again_and_tells_what_is_new(
    chatops_inprocess: Run, core_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt
        core_database.execute(UNUSABLE)

    monkeypatch.setattr(watch_option, "pause", pause)
    shown = chatops_inprocess("diagnose", "--watch", "5", db=core_database, terminal=(80, 24), check=0).stdout
    assert shown.count(" checks ") == 2
    assert "+1 warning" in shown.rpartition("\x1b[J")[2]
    assert chatops_inprocess("diagnose", "--watch", "5", "--rehearse", db=core_database).exit_code == 2


def test_what_this_machine_saw_well_a_moment_ago_began_after_that_and_what_went_since_is_gone(
    chatops_inprocess: Run, latest_database: Database
) -> None:
    """Each look is compared with the one before it: what is over is told once; since when a finding is new is kept by all of them."""

    def shown() -> str:
        return chatops_inprocess("diagnose", db=latest_database, terminal=(80, 24)).stdout

    shown()
    at = latest_database.value("select to_char(now() at time zone 'utc', 'HH24:MI')")
    latest_database.execute("alter table messages disable trigger user")
    broken = shown()
    line = next(line for line in broken.splitlines() if line.startswith("DB017"))
    assert "new: DB017" in broken
    again = shown()
    assert line in again.splitlines()
    assert "since the look" not in again, "nothing came or went since the look before"
    assert re.search(r" >\d\d:\d\d \S+$", line), line
    assert line.split(">")[1][:5] >= at or at > "23:50", line
    assert len(line) <= 80
    latest_database.execute(
        "alter table messages enable trigger user; update platform_config set value = '\"five\"' where key = 'idle_timeout_minutes'"
    )
    assert "new: CONF001" in (again := shown()), again
    assert "gone: DB017" in again
    latest_database.execute("update platform_config set value = '5' where key = 'idle_timeout_minutes'")
    assert re.search("gone: CONF001$", last := shown(), re.M), last
    assert "since the look" not in shown()


def test_who_was_in_psql_is_named_only_where_a_look_before_found_it_well_and_none_between_found_it_ill(
    chatops_inprocess: Run, latest_database: Database
) -> None:
    """Neither who came before the last look that was well, nor who came after the first that was ill, nor anybody without a look."""
    database = latest_database
    off, on = (f"alter table messages {word} trigger chatops_keep_message" for word in ("disable", "enable"))

    def session(at: str, took: str, given: str, ended: str = "left as usual") -> int:
        opened = database.value(
            "insert into chatops.actions (action, at, os_user, target_schema, detail) "
            f"values ('psql opened', now() - interval '{at}', 'ada', 'public', %s) returning id",
            (given,),
        )
        database.execute(
            "insert into chatops.actions (action, at, os_user, target_schema, detail) values ('psql closed', "
            f"now() - interval '{at}' + interval '{took}', 'ada', 'public', 'action {opened} is over after 1 s, {ended}')"
        )
        return int(opened)

    def shown(*words: str) -> str:
        return chatops_inprocess("diagnose", *words, db=database, terminal=(80, 40)).stdout

    session("2 minutes", "1 second", off)
    database.execute(off)
    assert "BY HAND" not in shown(), "no look found it well"
    database.execute(on)
    assert "DB017" not in shown().partition("since the look")[0]
    made = session("0 seconds", "1 second", off, "its last statement failed")
    open_still = database.value(
        "insert into chatops.actions (action, os_user, target_schema, detail) values "
        "('psql opened', 'ben', 'public', 'a session that may write; what is typed in it is not logged') returning id"
    )
    database.execute(off)
    for _ in range(2):
        screen = shown()
        assert f"log {open_still}" in screen
        assert "psql by ben" in screen
        assert "1 more then" in screen
    database.execute("delete from chatops.actions where id = %s", (open_still,))
    session("0 seconds", "1 second", on)
    for screen in (shown(), shown("--only", "DB017")):
        assert f"log {made}" in screen, screen
        assert "its last statement failed" in screen
        assert "more then" not in screen
    assert "its last statement failed" in chatops_inprocess("log", str(made), db=database).stdout


def test_where_all_that_is_left_is_past_it_is_folded_and_nothing_is_left_to_do(
    chatops_inprocess: Run, latest_database: Database
) -> None:
    """Also what is critical by line as long as something else can be mended."""
    latest_database.script(
        """update chatops.migrations set applied_at = applied_at - interval '1 year'; set session_replication_role = replica;
        insert into operators (id, name, is_active, is_available) select gen_random_uuid(), 'o' || n, true, false from generate_series(1, 2) n;
        insert into real_users (id, name) values (gen_random_uuid(), 'u'); insert into fictional_users (id, name) values (gen_random_uuid(), 'f');
        insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, created_at)
        select gen_random_uuid(), u.id, f.id, 'waiting_assignment', true, now() - interval '9 h' from real_users u, fictional_users f;
        insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason)
        select c.id, o.id, now() - interval '2 h', now() - interval '1 h', 'manual_unassign' from chats c, operators o;
        reset session_replication_role"""
    )

    def shown() -> str:
        return chatops_inprocess("diagnose", db=latest_database, terminal=(80, 24), check=1).stdout

    over = shown()
    assert re.search(r"^PAST \d +.*CHAT010", over, re.M), over
    assert "CRITICAL" not in over
    assert "nothing is left to do: what is past is told for 24 h" in over
    latest_database.execute("alter table messages disable trigger chatops_keep_message")
    more = shown()
    assert "nothing is left to do" not in more
    assert re.search(r"^CHAT010 ", more, re.M), more


def test_a_right_that_went_is_one_line_whichever_checks_tell_of_it(chatops_inprocess: Run, latest_database: Database) -> None:
    database = latest_database

    def shown(*words: str) -> str:
        return chatops_inprocess("diagnose", *words, db=database, terminal=(100, 40), check=1).stdout

    with database.role("pages", "login") as pages:
        database.script(
            f"""grant usage on schema public to {pages}; grant select, insert, update on chats, messages to {pages}; grant select on chat_queue, stuck_chats to {pages};
                grant execute on function assign_chat_to_operator(uuid), user_message to {pages}"""
        )
        chatops_inprocess("monitor", "--once", "--store", "--yes", db=database)
        database.execute(f"revoke execute on function assign_chat_to_operator(uuid) from {pages}")
        screen = " ".join(shown().split())
        assert re.search(r" DB030 .*; DB009, too", screen), screen
        assert screen.count("DB009") == 1, screen
        assert "see DB030, it is the same right" in shown("--only", "DB009", "--only", "DB030")
        database.execute(f"revoke execute on function user_message from {pages}")
        assert "operators lose" not in (screen := shown())
        assert re.search("DB030.*DB009", screen, re.S), screen


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ((), True),
        (("--full",), True),
        (("--brief",), True),
        (("--only", "DB017,DB003"), True),
        (("--ignore", "DB003"), True),
        (("--since", "1h", "--rows", "9"), True),
        (("-o", "json"), False),
        (("-o", "plain"), False),
        (("--threshold", "DB017=1h"), False),
    ],
)
def test_every_look_that_a_terminal_shows_tells_when_a_finding_came(
    chatops_inprocess: Run, latest_database: Database, words: Sequence[str], kept: bool
) -> None:
    """Whoever mended it after that look has not made it; a look of a program leaves nothing."""
    database = latest_database

    def shown(*given: str) -> str:
        return chatops_inprocess("diagnose", *given, db=database, terminal=(80, 40), check=None).stdout

    shown()
    database.execute("alter table messages disable trigger user")
    shown(*words)
    database.execute(
        "insert into chatops.actions (action, at, os_user, target_schema, detail) "
        "values ('psql opened', clock_timestamp(), 'ada', 'public', 'alter table messages enable trigger user')"
    )
    assert ("BY HAND" not in shown()) == kept
