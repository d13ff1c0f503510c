"""What somebody on call is told once a fault is mended: whether users are served, and what came of it meanwhile."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from chatops import sqlfiles
from chatops.checks import load
from chatops.checks.explain import parts
from tests.conftest import Result
from tests.servers import Database
from tests.shift import add_chats, add_operators, chat_id, furnish
from tests.test_hand_over import watch_of

Run = Callable[..., Result]
LINE = re.compile(r"what came of it meanwhile: chatops (diagnose --only meanwhile)")
MEANWHILE = {check.code for check in load.shipped() if check.meanwhile}


def came_of_it(run: Run, database: Database) -> tuple[dict[str, str], set[str], str]:
    """What `--only meanwhile` lists with rows, by code, and the codes of which there are none."""
    shown = run("diagnose", "--only", "meanwhile", db=database, terminal=(400, 60)).stdout
    found = dict(re.findall(r"^([A-Z]{4,5}\d{3}) +(\S.*?)  ", shown, re.MULTILINE))
    none = re.search(r"^NONE \d+ +(.*)$", shown, re.MULTILINE)
    return found, set(none[1].split()) if none else set(), shown


def test_whatever_a_finding_aims_at_is_in_the_set_and_its_help_leads_there() -> None:
    text = sqlfiles.read("checks/shared/kept_by.sql")
    aims = {code for line in re.findall(r"'([A-Z0-9 ]+)'\)", text) for code in line.split()}
    assert len(aims) > 10
    assert aims <= MEANWHILE
    assert {one.code for one in load.shipped() if one.leaves_traces} == {"CONF001", "CONF002", "DB003", "DB017", "DB018"}
    assert all(check.group == "data" for check in load.shipped() if check.meanwhile)
    # And so does the page about each.
    pages = {one.code: "\n".join(text for _, text in parts(one)) for one in load.shipped()}
    assert {code for code, page in pages.items() if "diagnose --only meanwhile" in page} == {
        "CONF001",
        "CONF002",
        "DB003",
        "DB017",
        "DB018",
    }
    assert [code for code, page in pages.items() if "CODE" in page] == []


def test_what_came_of_triggers_that_were_off_is_told_by_the_line_that_stands_where_they_are_mended(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    furnish(latest_database, 3, waiting=2, answered=3)
    before, others, _ = came_of_it(chatops_inprocess, latest_database)
    assert before.keys() <= {"CHAT009"}  # of turns that were made up
    assert others == MEANWHILE - before.keys()
    latest_database.execute("alter table messages disable trigger user; alter table chats disable trigger user")
    answered = latest_database.value("select id from chats where chat_state = 'waiting_real_user_reply' limit 1")
    latest_database.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'hello?')", (answered,))
    off = chatops_inprocess("diagnose", "--only", "DB017", db=latest_database, check=1).stdout
    assert LINE.search(off), off
    latest_database.execute("alter table messages enable trigger user; alter table chats enable trigger user")
    on = chatops_inprocess("diagnose", "--only", "DB017", db=latest_database, check=0).stdout
    line = LINE.search(on)
    assert line is not None, on
    found, none, _ = came_of_it(chatops_inprocess, latest_database)
    assert {"CHAT006", "DATA001"} <= found.keys()
    assert found.keys() | none == MEANWHILE
    assert not found.keys() & none
    told = json.loads(chatops_inprocess(*shlex.split(line[1]), "-o", "json", db=latest_database, check=1).stdout)
    assert {one["code"] for one in told["findings"]} | set(told["passed"]) == MEANWHILE
    # As the place of a chat, among other codes, and by verify, too.
    for words in (("diagnose", "meanwhile"), ("verify", "--only", "Meanwhile,DB017")):
        again = json.loads(chatops_inprocess(*words, "-o", "json", db=latest_database, check=1).stdout)
        assert {one["code"] for one in again.get("findings", again.get("checks"))} | set(again["passed"]) >= MEANWHILE
    chatops_inprocess("repair", "CHAT006", "DATA001", "DATA007", "--yes", "--reason", "a test", db=latest_database, check=0)
    assert came_of_it(chatops_inprocess, latest_database)[1] == others


def test_chats_that_a_limit_of_nothing_has_ended_are_told_once_the_limit_is_mended(
    core_database: Database, chatops_inprocess: Run
) -> None:
    add_operators(core_database, 3)
    add_chats(core_database, 3, state="assigned", held_by=1)
    core_database.script("set local session_replication_role = replica; update chats set last_message_at = now() - interval '1 hour';"
                         "update messages set created_at = now() - interval '1 hour'")  # fmt: skip
    core_database.execute("delete from platform_config where key = 'max_reassignments'")
    core_database.execute("insert into platform_config (key, value) values ('max_reassignments', '0')")
    for number in (1, 2):
        assert core_database.value("select release_and_reassign_chat(%s, 'idle_timeout')", (chat_id(number),)) is False
    broken = chatops_inprocess("diagnose", "--only", "CONF001", db=core_database, check=1).stdout
    assert LINE.search(broken), broken
    core_database.execute("update platform_config set value = '3' where key = 'max_reassignments'")
    assert LINE.search(chatops_inprocess("diagnose", "--only", "CONF001", db=core_database, check=0).stdout)
    _, _, shown = came_of_it(chatops_inprocess, core_database)
    assert re.search(r"^ENDED 2 +unanswered in the last 24 h: chatops stuck --review", shown, re.MULTILINE), shown
    assert re.search(r"2 (closed by the limit|ended while)", chatops_inprocess("stuck", "--review", db=core_database).stdout)


SERVED = {
    "nobody waits": ("delete from messages; delete from chats", "nobody waits; 2 free"),
    "somebody may have it": ("", "2 wait, oldest 1 d; 2 of 2 free may have the first, but nobody was given one for an hour"),
    "somebody was given one": (
        """insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason)
           select id, (select min(id::text)::uuid from operators), now() - interval '90 seconds', now() - interval '80 seconds',
                  'idle_timeout' from chats limit 1""", "2 wait, oldest 1 d; 2 of 2 free may have the first; last given 1 m 30 s ago"),
    "all are away": ("update operators set is_available = false", "nobody can be given a chat: nobody is free (0 busy, 2 away)"),
    "all are silent": ("update operators set last_activity = now() - interval '2 hours'", "nobody can be given a chat: of 2 free none may have the first (2 silent)"),
    "one is silent, one had it": (
        """update operators set last_activity = now() - interval '2 hours' where name = 'op-1';
           update chats set last_operator_id = (select id from operators where name = 'op-2')""",
        "of 2 free none may have the first (1 silent, 1 had it last)"),
    "paused": ("insert into chatops.settings (target_schema, key, value, until, set_by) values (current_schema(), 'pause', '\"on\"', now() + interval '1 hour', 'ada')",
               "nobody can be given a chat: paused until "),
    "no function": ("drop function assign_chat_to_operator(uuid)", "nobody can be given a chat: assign_chat_to_operator is missing"),
}  # fmt: skip


@pytest.mark.sampled(4)
@pytest.mark.parametrize("case", SERVED)
def test_what_passed_by_name_says_whether_users_are_served(latest_database: Database, chatops_inprocess: Run, case: str) -> None:
    add_operators(latest_database, 2)
    add_chats(latest_database, 2)
    trouble, told = SERVED[case]
    latest_database.script(f"set local session_replication_role = replica; {trouble}")
    shown = chatops_inprocess("diagnose", "--only", "CHAT001", db=latest_database, check=0).stdout
    assert "CHAT001 passed" in shown
    assert told in shown, shown
    narrow = chatops_inprocess("diagnose", "--only", "CHAT001", db=latest_database, terminal=(40, 20), check=0).stdout
    assert all(len(line) <= 40 for line in narrow.splitlines())
    # Where it did not pass, the finding is what counts.
    latest_database.script("set local session_replication_role = replica; update operators set total_messages = 5")
    assert told not in chatops_inprocess("diagnose", "--only", "DATA001", db=latest_database, check=1).stdout


def test_the_first_screen_names_it_once_what_left_rows_is_gone(latest_database: Database, chatops_inprocess: Run) -> None:
    line = "CONF001 left rows? chatops diagnose --only meanwhile"
    latest_database.execute(
        "insert into platform_config (key, value) values ('max_reassignments', '\"three\"') on conflict (key) do update set value = excluded.value"
    )
    assert line not in chatops_inprocess("diagnose", db=latest_database, terminal=(80, 24)).stdout
    latest_database.execute("delete from platform_config where key = 'max_reassignments'")
    assert line in chatops_inprocess("diagnose", db=latest_database, terminal=(80, 24)).stdout


def test_what_is_gone_since_a_monitor_that_looked_long_ago_is_no_news(latest_database: Database, chatops_inprocess: Run) -> None:
    for ago, gone in ((timedelta(hours=2), True), (timedelta(days=3), False)):
        kept = watch_of([0, 0], [{"CONF001"}, {"CONF001"}], datetime.now(UTC) - ago).text
        latest_database.execute(
            "insert into chatops.watches (target_schema, state) values (current_schema(), %s::jsonb)"
            " on conflict (target_schema) do update set state = excluded.state", (kept,))  # fmt: skip
        shown = chatops_inprocess("diagnose", db=latest_database, check=0).stdout
        assert ("RESOLVED  CONF001" in shown) is gone
        assert ("1 resolved" in shown) is gone
