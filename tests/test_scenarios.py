"""`verify --scenarios`: the guide's tests are lived through, and nothing of them remains."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from chatops.chats import scenarios
from tests.locks import sessions, wait_for

COUNTS = """select (select count(*) from operators), (select count(*) from real_users), (select count(*) from fictional_users),
  (select count(*) from chats), (select count(*) from messages), (select count(*) from chat_assignments)"""


def played(result: Any) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(result.stdout)["scenarios"]}


def test_everything_the_guide_promises_holds_on_the_newest_schema(
    latest_database_everywhere: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    before = latest_database_everywhere.execute(COUNTS)
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=latest_database_everywhere, check=0)
    assert {row["result"] for row in played(result).values()} == {"passed"}
    assert len(played(result)) == 13
    # The late reply was refused, and refusals are counted where no rollback reaches.
    assert json.loads(result.stdout)["sequences_moved"] == {"chatops.queue_returns": 1, "chatops.refusal_count": 1}
    assert latest_database_everywhere.execute(COUNTS) == before
    rows = json.loads(result.stdout)["rows"]
    assert {"public.chats", "public.messages", "public.operators", "chatops.actions", "chatops.migrations"} <= set(rows)
    assert rows["chatops.migrations"]["before"] > 20
    assert all(row["before"] == row["after"] for row in rows.values())


def test_rows_are_told_table_by_table_and_what_was_not_counted_is_named(
    latest_database: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    shown = chatops_inprocess("verify", "--scenarios", db=latest_database, check=0).stdout
    assert re.search(r"rows of \d+ tables counted before and after: all as before$", shown, re.MULTILINE)
    latest_database.execute("update pg_class set reltuples = 2000000 where oid = 'messages'::regclass")
    shown = chatops_inprocess("verify", "--scenarios", db=latest_database, check=0).stdout
    assert "all as before; not counted: public.messages\n" in shown
    busy = scenarios.Performance((), 0, {}, {"public.messages": (1200, 1203), "public.chats": (5, 5)})
    shown = "".join(span.text for line in scenarios.answer(busy).body[0].lines for span in line)
    assert "rows of 2 tables counted before and after: public.messages 1,200 → 1,203 (others wrote meanwhile)" in shown


def test_steps_that_take_too_long_together_are_rolled_back_and_unknown(
    latest_database: Any, chatops_inprocess: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenarios, "LONGEST_SECONDS", 0)
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=latest_database, check=1)
    assert {row["result"] for row in played(result).values()} == {"unknown"}
    assert "take longer than 0 s here" in played(result)["made-up people and chats"]["seen"]


def test_a_client_that_hangs_with_its_locks_is_ended_by_the_server(
    latest_database: Any, chatops_inprocess: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = scenarios._Stage.gets

    def hangs(stage: Any, operator: Any, chat: Any) -> tuple[bool, str]:
        with latest_database.connect(autocommit=True) as looking:
            wait_for(lambda: not sessions(looking, "application_name = 'chatops verify'"), "the hanging session ends")
        return going_on(stage, operator, chat)

    monkeypatch.setattr(scenarios, "LONGEST_SECONDS", 1)
    monkeypatch.setattr(scenarios._Stage, "gets", hangs)
    lost = chatops_inprocess("verify", "--scenarios", db=latest_database, check=3)
    assert "idle-in-transaction timeout" in lost.stderr


def test_the_deployed_sql_breaks_the_promises_that_it_is_known_to_break(
    core_database_everywhere: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=core_database_everywhere, check=1)
    failed = {name for name, row in played(result).items() if row["result"] != "passed"}
    assert failed == {"stale write of the application", "late reply", "admin reassign", "stats"}
    assert json.loads(result.stdout)["sequences_moved"] == {}
    line = chatops_inprocess("verify", "--scenarios", "-o", "nagios", db=core_database_everywhere, check=2).stdout
    assert line.startswith("CHATOPS CRITICAL - verify: 4 of 13 checks: stale write of the application ")


def test_chats_that_really_wait_are_left_alone(latest_database: Any, chatops_inprocess: Callable[..., Any]) -> None:
    latest_database.execute(
        "with u as (insert into real_users (name) values ('U') returning id), p as (insert into fictional_users (name) values ('P') returning id) "
        "insert into chats (real_user_id, fictional_user_id) select u.id, p.id from u, p"
    )
    latest_database.execute("insert into messages (chat_id, sender_type, content) select id, 'real', 'hello' from chats")
    before = latest_database.execute("select xmin, c from chats as c")
    chatops_inprocess("verify", "--scenarios", db=latest_database, check=0)
    assert latest_database.execute("select xmin, c from chats as c") == before


def test_where_an_operator_cannot_be_made_up_every_step_is_unknown_with_the_reason(
    latest_database: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    latest_database.execute("alter table operators add column account uuid not null")
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=latest_database, check=1)
    rows = played(result)
    assert {row["result"] for row in rows.values()} == {"unknown"}
    assert "account" in rows["made-up people and chats"]["seen"]


def test_an_assign_that_always_gives_a_real_chat_ends_the_play_at_once(
    latest_database: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    latest_database.execute(
        "create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid language sql "
        "as 'select ''00000000-0000-4000-8000-000000000001''::uuid'"
    )
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=latest_database, check=1)
    rows = played(result)
    assert rows["made-up people and chats"]["result"] == "passed"
    assert "a real chat" in rows["assign: the oldest chat first"]["seen"]
    assert latest_database.value("select count(*) from chats") == 0


def test_several_sessions_race_in_a_copy_that_is_dropped_again(
    latest_database: Any, new_database: Callable[..., Any], chatops_inprocess: Callable[..., Any]
) -> None:
    before = latest_database.execute(COUNTS)
    latest_database.close()  # a copy takes a source that nobody is connected to
    result = chatops_inprocess("verify", "--scenarios", "--concurrent", "-o", "json", db=latest_database, check=0)
    rows = played(result)
    assert {name: row["result"] for name, row in rows.items()} == {
        "double clicks of everybody at once": "passed",
        "messages of the user at once": "passed",
        "replies against the idle release": "passed",
    }
    assert "4 hold a chat" in rows["double clicks of everybody at once"]["seen"]
    assert latest_database.execute(COUNTS) == before
    elsewhere = new_database()
    assert elsewhere.value("select count(*) from pg_database where datname like 'chatops!_clone!_%' escape '!'") == 0


def test_several_sessions_show_what_the_deployed_sql_breaks_every_time(
    core_database_everywhere: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    core_database_everywhere.close()
    for _ in range(2):
        result = chatops_inprocess("verify", "--scenarios", "--concurrent", "-o", "json", db=core_database_everywhere, check=1)
        rows = played(result)
        assert {name for name, row in rows.items() if row["result"] == "failed"} == {
            "double clicks of everybody at once",
            "replies against the idle release",
        }, rows
        assert "at most 2 each" in rows["double clicks of everybody at once"]["seen"]


def test_no_copy_is_made_of_a_database_that_others_use_or_that_is_production(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Any
) -> None:
    with latest_database.connect() as other:
        other.execute("select 1")
        refused = chatops_inprocess("verify", "--scenarios", "--concurrent", db=latest_database, check=4)
    assert "no copy of" in refused.stderr
    (tmp_path / "chatops.toml").write_text(f'[env.production]\nurl = "{latest_database.url}"\nproduction = true\n')
    assert "not on a production one" in chatops_inprocess("verify", "--scenarios", "--concurrent", "--yes", check=4).stderr
    assert "give both" in chatops_inprocess("verify", "--concurrent", db=latest_database, check=2).stderr
