"""show: one chat or operator, why it is as it is, and what happened, oldest first."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from chatops import sqlfiles
from chatops.chats import planting
from chatops.checks import load, run
from tests.ailing import healthy, opened
from tests.servers import Database
from tests.test_tables import SYSTEM

__all__ = ["healthy"]

FREE, BUSY = "00000000-0000-0000-0000-0000000000a1", "00000000-0000-0000-0000-0000000000a2"


@pytest.fixture
def system(core_database: Database) -> Database:
    core_database.script(SYSTEM)
    return core_database


def test_a_waiting_chat_says_who_could_take_it_and_what_keeps_the_others(system: Database, chatops_inprocess) -> None:
    text = chatops_inprocess("show", "chat", "c0000002", db=system, check=0).stdout
    assert "its user wrote and nobody has taken it since" in text
    assert "1 chat before it" in text
    for rule in ("1 was last", "1 busy", "1 away", "1 inactive"):
        assert rule in text
    assert "nobody can take it now" in text
    assert "nobody is free, so no time can be told" in text
    assert "its turn is in" not in text
    assert "1 free" in chatops_inprocess("show", "chat", "c0000001", db=system, check=0).stdout


@pytest.mark.parametrize(
    ("chat", "why"),
    [
        ("c0000003", "before any message"),
        ("c0000004", "neither answered nor given it back"),
        ("c0000005", "it is the user's turn"),
        ("c0000006", "nobody was called"),
        ("c0000007", "it was ended"),
    ],
)
def test_each_state_is_explained(chat: str, why: str, system: Database, chatops_inprocess) -> None:
    assert why in chatops_inprocess("show", "chat", chat, db=system, check=0).stdout


def test_the_timeline_is_oldest_first_and_hides_what_was_written(system: Database, chatops_inprocess) -> None:
    system.execute("update messages set content = 'my secret' where chat_id::text like 'c0000002%'")
    hidden = chatops_inprocess("show", "chat", "c0000002", "-o", "json", db=system, check=0).stdout
    assert "my secret" not in hidden
    events = json.loads(hidden)["events"]
    instants = [event["at"] for event in events]
    assert instants == sorted(instants)
    assert [event["event"] for event in events] == ["created", "user wrote", "operator answered", "user wrote"]
    assert "my secret" in chatops_inprocess("show", "chat", "c0000002", "--show-text", db=system, check=0).stdout


def test_an_operator_is_shown_by_part_of_their_name(system: Database, chatops_inprocess) -> None:
    answer = json.loads(chatops_inprocess("show", "operator", "bert", "-o", "json", db=system, check=0).stdout)
    assert answer["operator"]["id"] == BUSY
    assert answer["operator"]["chat_id"].startswith("c0000004")
    assert "Busy Bert" not in chatops_inprocess("show", "operator", BUSY, db=system, check=0).stdout
    assert "Busy Bert" in chatops_inprocess("show", "operator", BUSY, "--show-names", db=system, check=0).stdout


def test_unknown_ambiguous_and_hostile_names_are_usage_errors_with_the_candidates(system: Database, chatops_inprocess) -> None:
    several = chatops_inprocess("show", "chat", "c000", db=system, check=2).stderr
    assert "matches 9 chats; use an id" in several
    assert "c0000001-0000-4000-8000-000000000000" in several
    assert "Busy Bert" not in several
    for wrong in ("zzzz", "c0", "%", "\x1b[31m", "'; drop table chats; --", "00000000-0000-0000-0000-000000000000"):
        result = chatops_inprocess("show", "chat", wrong, db=system, check=2)
        assert "\x1b" not in result.stderr
    assert chatops_inprocess("show", "nonsense", "c0000001", db=system).exit_code == 2


def test_what_is_meant_is_guessed_and_may_be_pasted(system: Database, chatops_inprocess) -> None:
    chat = str(system.value("select id from chats where id::text like 'c0000004%'"))
    pasted = (
        chat[:8], chat, chat.upper(), f"{{{chat}}}", f'"{chat}",', f"https://admin.acme.example/chats/{chat}?tab=log#last",
        f"urn:uuid:{chat}", f"/operators/{BUSY}x/../chats/{chat}/",
    )  # fmt: skip
    for text in pasted:
        shown = json.loads(chatops_inprocess("show", "chat", text, "-o", "json", db=system, check=0).stdout)
        assert shown["chat"]["chat_id"] == chat, text
    for text in pasted[:-1]:
        assert json.loads(chatops_inprocess("show", text, "-o", "json", db=system, check=0).stdout)["chat"]["chat_id"] == chat
    for text in (BUSY, "bert", f"https://admin.acme.example/staff/{BUSY}"):
        assert json.loads(chatops_inprocess("show", text, "-o", "json", db=system, check=0).stdout)["operator"]["id"] == BUSY
    assert "say which chat" in chatops_inprocess("show", "chat", db=system, check=2).stderr
    assert "did you mean chat?" in chatops_inprocess("show", "chta", chat, db=system, check=2).stderr


def test_candidates_are_told_apart_by_people_state_and_age(system: Database, chatops_inprocess) -> None:
    told = chatops_inprocess("show", "chat", "c000", "--show-names", db=system, check=2, terminal=(200, 40)).stderr
    line = next(line for line in told.splitlines() if "c0000004" in line)
    assert re.search(r"\S+ → \S+, assigned, held by Busy Bert, (last message .+ ago|no message)", line)
    both = chatops_inprocess("show", "e", db=system).stderr
    assert "too short" in both


# ---- when its turn comes ----------------------------------------------------------------------------------------------------


def test_a_turn_is_told_by_the_order_in_which_the_installed_function_picks(core_database: Database, chatops_inprocess) -> None:
    core_database.script(SYSTEM)
    # It waits longest and is the youngest: 017 picks by age, and older chats that come back pass it again and again.
    core_database.execute("update chats set created_at = now() - interval '4 h' where id::text like 'c0000001%'")
    core_database.execute(
        """insert into chat_assignments (chat_id, operator_id, assigned_at, released_at)
           select (select id from chats where id::text like 'c0000005%'), '00000000-0000-0000-0000-0000000000a1',
                  now() - n * interval '1 minute', now() - n * interval '1 minute' + interval '20 s' from generate_series(1, 95) n"""
    )
    text = " ".join(chatops_inprocess("show", "chat", "c0000001", db=core_database, check=0).stdout.split())
    assert "2 chats before it" in text
    assert "takes the oldest by created_at, not by the wait" in text
    assert "95 other chats were taken while it waited" in text
    assert "its turn is in" not in text
    core_database.execute("update chat_assignments set assigned_at = assigned_at - interval '3 hours'")
    core_database.execute(
        """insert into chat_assignments (chat_id, operator_id, assigned_at)
           select id, '00000000-0000-0000-0000-0000000000a1', now() - interval '1 minute' from chats where id::text like 'c0000006%'"""
    )
    text = " ".join(chatops_inprocess("show", "chat", "c0000001", db=core_database, check=0).stdout.split())
    assert "its turn is in about 3 h" in text
    core_database.execute(
        """insert into chat_assignments (chat_id, operator_id, assigned_at, released_at)
           select id, '00000000-0000-0000-0000-0000000000a1', now() - n * interval '1 second', now() - interval '5 minutes'
             from chats, generate_series(1300, 1400) n where id::text like 'c0000005%'"""
    )
    core_database.execute("delete from chat_assignments where assigned_at > now() - interval '5 minutes'")
    text = " ".join(chatops_inprocess("show", "chat", "c0000001", db=core_database, check=0).stdout.split())
    assert "nobody has taken a chat for 21 m" in text


def test_on_the_newest_schema_a_turn_is_told_by_the_wait(latest_database: Database, chatops_inprocess) -> None:
    latest_database.execute("insert into real_users (name) select 'u' || n from generate_series(1, 3) n")
    latest_database.execute("insert into fictional_users (name) values ('p')")
    latest_database.execute(
        "insert into chats (real_user_id, fictional_user_id) select u.id, f.id from real_users u, fictional_users f order by u.name"
    )
    for (chat,) in latest_database.execute("select c.id from chats c join real_users u on u.id = c.real_user_id order by u.name"):
        latest_database.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'hello')", (chat,))
    latest_database.execute("insert into operators (name, is_active, is_available) values ('Ann', true, true)")
    latest_database.execute("select assign_chat_to_operator(id) from operators")
    last = latest_database.value(
        "select id from chats where chat_state = 'waiting_assignment' order by waiting_since desc limit 1"
    )
    text = " ".join(chatops_inprocess("show", "chat", str(last), db=latest_database, check=0).stdout.split())
    assert "1 chat before it" in text
    assert "nobody is free, so no time can be told" in text
    latest_database.execute(
        "insert into operators (name, is_active, is_available, last_activity) values ('Ben', true, true, now())"
    )
    text = " ".join(chatops_inprocess("show", "chat", str(last), db=latest_database, check=0).stdout.split())
    assert "its turn is in about 2 h" in text
    assert "not by the wait" not in text


def test_no_turn_is_told_where_the_function_does_not_say_its_order(core_database: Database, chatops_inprocess) -> None:
    core_database.script(SYSTEM)
    core_database.execute(
        """create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid language sql as
           $$ select null::uuid $$"""
    )
    text = " ".join(chatops_inprocess("show", "chat", "c0000001", db=core_database, check=0).stdout.split())
    assert "cannot be told from its text" in text


TOLD = {check.code for check in load.shipped() if check.told_by_own_rows}
CLOCKS = """set session_replication_role = replica;
update chats set waiting_since = null where id = (select chat_id from chat_queue order by chat_id limit 1);
update chats set waiting_since = waiting_since - interval '1 hour'
 where id = (select chat_id from chat_queue order by chat_id desc limit 1)"""
"""QUEUE012 and QUEUE013, of which there is no plant."""
OF_ALL = ("wait_beside", "wait_beside_since", "because", "rows")
"""What a row tells of the others that are like it."""


@pytest.mark.sampled(1)
def test_a_chat_s_own_rows_tell_of_it_what_all_rows_tell(healthy: Database) -> None:
    """With every trouble planted: of each chat that a check names, the same rows by its own rows as by all, in one snapshot."""
    with opened(healthy, "act") as connection:
        with connection.reading():
            pass
        planting.plant_all(connection)
        for code in planting.codes():
            if planting.kept_out(code) and code in TOLD:
                planting.plant(connection, code)
        if latest := bool(connection.value("select to_regclass('chat_queue') is not null")):
            connection.script(CLOCKS)
    checks = [check for check in load.shipped() if check.group == "data"]
    asked: dict[str, set[str]] = {}
    with opened(healthy) as connection, connection.reading():
        whole = {one.check.code: one for one in run.run(connection, checks, rows=5_000, whole_seconds=120).results}
        found = {code: [row for row in one.rows if "chat" in " ".join(row)] for code, one in whole.items()}
        for code, rows in found.items():
            for chat in [one for row in rows for one in (row.get("chat_id"), *row.get("chat_ids", ())) if one is not None][:2]:
                asked.setdefault(str(chat), set()).add(code)
        for chat in asked:
            beside = [row[0] for row in connection.tuples(sqlfiles.read("queries/told_beside.sql"), {"chat": chat})]
            survey = run.run(connection, checks, rows=5_000, about=chat, beside=beside, whole_seconds=120)
            for one in survey.results:
                alike = [row for row in found[one.check.code] if chat in json.dumps(row, default=str)]
                assert (one.check.code, one.status, _of_one(one.rows)) == (
                    one.check.code, "failed" if alike else "passed", _of_one(alike)
                )  # fmt: skip
    assert TOLD - set().union(*asked.values()) <= {"DATA006"} | (set() if latest else {"QUEUE012", "QUEUE013"})
    assert len(asked) > 15


def _of_one(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return sorted(({key: str(value) for key, value in row.items() if key not in OF_ALL} for row in rows), key=str)


def test_what_one_repair_did_to_several_rows_of_a_chat_is_one_line_for_people(
    latest_database: Database, chatops_inprocess
) -> None:  # type: ignore[no-untyped-def]
    latest_database.script(SYSTEM)
    chat = str(latest_database.value("select id from chats where id::text like 'c0000002%%'"))
    for code in ("CHAT004", "CHAT004", "CHAT004", "CHAT008"):
        latest_database.execute(
            f"insert into chatops.actions (action, code, chat_id, target_schema) values ('repair', '{code}', '{chat}', 'public')"
        )
    text = chatops_inprocess("show", "chat", chat, db=latest_database, terminal=(120, 50), check=None).stdout
    assert len(re.findall(r"repair CHAT004", text)) == 1, text
    assert re.search(r"repair CHAT004, 3 rows .*actions \d+ to \d+", text), text
    assert "repair CHAT008" in text
    answer = json.loads(chatops_inprocess("show", "chat", chat, "-o", "json", db=latest_database, check=None).stdout)
    assert [one["event"] for one in answer["events"]].count("repair CHAT004") == 3
