"""`verify --scenarios`: the guide's tests are lived through, and nothing of them remains."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

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
