"""`verify --scenarios`: the guide's tests are lived through, and nothing of them remains."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from chatops import sqlfiles
from chatops.chats import contention, scenario_stage, scenarios
from chatops.chats.scenario_stage import Stage
from chatops.flows import verify_scenarios
from chatops.flows.database_copy import make_copy
from chatops.screens import scenarios as screen
from tests.conftest import APPLICATION_OWNER, LONG, url_as
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
    assert len([name for name in played(result) if not name.startswith("as ")]) == 13
    # The late reply was refused; that is counted where no rollback reaches, and taken back: it was ours.
    assert set(json.loads(result.stdout)["sequences_moved"]) == {"chatops.queue_returns"}
    assert json.loads(result.stdout)["refusals_counted"] == 0
    assert latest_database_everywhere.value("select last_value from refusals_late_reply") == 0
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
    shown = "".join(span.text for line in screen.answer(busy).body[0].lines for span in line)
    refused = "".join(
        span.text for line in screen.answer(scenarios.Performance((), 0, {}, None, 2)).body[0].lines for span in line
    )
    assert "2 refusals of this test stay counted by guard: this role may not take that back" in refused
    assert "rows of 2 tables counted before and after: public.messages 1,200 → 1,203 (others wrote meanwhile)" in shown


def test_steps_that_take_too_long_together_are_rolled_back_and_unknown(
    latest_database: Any, chatops_inprocess: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenario_stage, "LONGEST_SECONDS", 0)
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=latest_database, check=1)
    assert {row["result"] for row in played(result).values()} == {"unknown"}
    assert "take longer than 0 s here" in played(result)["made-up people and chats"]["seen"]


@pytest.mark.own_sessions
def test_a_client_that_hangs_with_its_locks_is_ended_by_the_server(
    latest_database: Any, chatops_inprocess: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = Stage.gets

    def hangs(stage: Any, operator: Any, chat: Any) -> tuple[bool, str]:
        with latest_database.connect(autocommit=True) as looking:
            wait_for(lambda: not sessions(looking, "application_name = 'chatops verify'"), "the hanging session ends")
        return going_on(stage, operator, chat)

    monkeypatch.setattr(scenario_stage, "LONGEST_SECONDS", 2)
    monkeypatch.setattr(Stage, "gets", hangs)
    lost = chatops_inprocess("verify", "--scenarios", db=latest_database, check=3)
    assert "idle-in-transaction timeout" in lost.stderr


def test_the_deployed_sql_breaks_the_promises_that_it_is_known_to_break(
    core_database_everywhere: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=core_database_everywhere, check=0)
    later = {name: row["since"] for name, row in played(result).items() if row["result"] == "not promised"}
    assert later == dict.fromkeys(("stale write of the application", "late reply", "admin reassign", "stats"), "022")
    assert json.loads(result.stdout)["sequences_moved"] == {}
    shown = chatops_inprocess("verify", "--scenarios", db=core_database_everywhere, check=0).stdout
    assert shown.startswith("9 of 13 scenario steps passed, 4 are not promised before 022; rolled back")


def test_a_promise_of_a_file_that_is_in_is_kept_or_broken(latest_database: Any, chatops_inprocess: Callable[..., Any]) -> None:
    for table in ("chats", "messages", "chat_assignments"):
        latest_database.execute(f"alter table {table} disable trigger user")
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=latest_database, check=1)
    assert {"stale write of the application", "late reply"} <= {
        name for name, row in played(result).items() if row["result"] == "failed"
    }
    line = chatops_inprocess("verify", "--scenarios", "-o", "nagios", db=latest_database, check=2).stdout
    assert line.startswith("CHATOPS CRITICAL - verify: ")
    assert "stale write of the application " in line
    shown = chatops_inprocess("verify", "--scenarios", db=latest_database, check=1).stdout
    assert "✗ late reply  promised by 022" in shown


def test_every_promise_names_a_shipped_file() -> None:
    shipped = {name.removesuffix(".sql") for name in sqlfiles.names("migrations")}
    named = {promise.since for promise in (*scenarios.PROMISES, *contention.PROMISES)} - {None}
    assert named
    assert named <= shipped


# ---- on the application's own schema ------------------------------------------------------------------------------------


def test_on_the_applications_schema_made_up_people_are_real_rows_with_accounts_and_are_rolled_back(
    migrated_application_database_everywhere: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    database = migrated_application_database_everywhere
    owner = url_as(database, APPLICATION_OWNER)
    before = (database.execute(COUNTS), database.value("select count(*) from auth.users"))
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=owner, check=0)
    assert {row["result"] for row in played(result).values()} == {"passed"}
    assert (database.execute(COUNTS), database.value("select count(*) from auth.users")) == before


def test_on_the_deployed_application_what_later_files_promise_is_no_failure(
    application_database: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    owner = url_as(application_database, APPLICATION_OWNER)
    # Saved by the settings page as a text, the limit keeps the deployed release from working at all: that is a failure.
    broken = chatops_inprocess("verify", "--scenarios", "-o", "json", db=owner, check=1)
    assert played(broken)["idle release"]["result"] == "failed"
    application_database.execute("update platform_config set value = '3' where key = 'max_reassignments'")
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=owner, check=0)
    assert {row["result"] for row in played(result).values()} == {"passed", "not promised"}


SHAPES = {
    "a row that the account brings": (
        "create function take_account() returns trigger language plpgsql security definer as $f$ begin "
        "insert into public.real_users (id, name, email) values (new.id, 'fresh ' || new.id, new.email); return new; end $f$; "
        "create trigger t after insert on auth.users for each row execute function take_account(); "
        "grant execute on function take_account() to public"
    ),
    "a column that must have a value": "alter table operators add column shift integer not null, add column team text not null",
    "a unique number and a short unique text": (
        "alter table real_users add column phone varchar(12) not null unique, add column number integer not null unique"
    ),
    "an enum, a domain and a document": (
        "create type tier as enum ('basic', 'gold'); create domain nick as text check (length(value) > 2); "
        "alter table fictional_users add column tier tier not null, add column nick nick not null, add column face jsonb not null"
    ),
    "another table that must be there": (
        "create table teams (id uuid primary key, title text not null unique); "
        "alter table operators add column team_id uuid not null references teams (id)"
    ),
    "generated and identity columns": (
        "alter table operators add column n bigint generated always as identity, "
        "add column shout text generated always as (upper(name)) stored"
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("shape", SHAPES)
def test_people_are_made_up_in_whatever_shape_the_tables_have(
    migrated_application_database: Any, chatops_inprocess: Callable[..., Any], shape: str
) -> None:
    migrated_application_database.script(SHAPES[shape])
    chatops_inprocess("verify", "--scenarios", db=migrated_application_database, check=0)


HINDRANCES = {
    "create rule nothing as on insert to operators do instead nothing": "did not take a made-up row",
    "alter table real_users add constraint odd check (name like 'odd%')": "nobody could be made up",
    "revoke all on auth.users from platform_owner": "permission denied for table users",
    "create function no() returns trigger language plpgsql as $f$ begin return null; end $f$; "
    "create trigger a_no before insert on chats for each row execute function no()": "create_chat returned no row",
    "create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid language plpgsql as "
    "$f$ begin raise exception 'out of order' using errcode = 'P0001'; end $f$": "out of order",
    "alter table messages force row level security; alter table chats force row level security": "row-level security",
}


@pytest.mark.parametrize(("breakage", "words"), HINDRANCES.items(), ids=HINDRANCES.values())
def test_what_cannot_be_lived_through_is_told_in_words(
    migrated_application_database: Any, chatops_inprocess: Callable[..., Any], breakage: str, words: str
) -> None:
    migrated_application_database.script(breakage)
    owner = url_as(migrated_application_database, APPLICATION_OWNER)
    result = chatops_inprocess("verify", "--scenarios", db=owner, check=1)
    assert words in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert "bug" not in result.stderr


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
    latest_database.execute("alter table operators add column place point not null")
    result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=latest_database, check=1)
    rows = played(result)
    assert {row["result"] for row in rows.values()} == {"unknown"}
    assert "nobody could be made up" in rows["made-up people and chats"]["seen"]
    assert "place" in rows["made-up people and chats"]["seen"]


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
    assert "a real chat" in rows["assign: the first in the queue"]["seen"]
    assert latest_database.value("select count(*) from chats") == 0


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the databases that races are run in: others make theirs on the same server."""
    made: list[str] = []

    def noted(invocation: Any, server: Any, database: str, clone: str) -> Any:
        made.append(clone)
        return make_copy(invocation, server, database, clone)

    monkeypatch.setattr(verify_scenarios, "make_copy", noted)
    return made


def left(database: Any, copies: list[str]) -> int:
    """How many of them are still there."""
    assert copies
    return int(database.value("select count(*) from pg_database where datname = any (%s)", (copies,)))


def test_several_sessions_race_in_a_copy_that_is_dropped_again(
    latest_database: Any, copies: list[str], chatops_inprocess: Callable[..., Any]
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
    assert left(latest_database, copies) == 0


@pytest.mark.sampled(0)
@pytest.mark.long
def test_several_sessions_show_what_the_deployed_sql_breaks_every_time(
    core_database_everywhere: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    core_database_everywhere.close()
    for _ in range(5 if LONG else 1):
        result = chatops_inprocess("verify", "--scenarios", "--concurrent", "-o", "json", db=core_database_everywhere, check=0)
        rows = played(result)
        assert {name for name, row in rows.items() if row["result"] == "not promised"} == {
            "double clicks of everybody at once",
            "replies against the idle release",
        }, rows
        assert "at most 2 each" in rows["double clicks of everybody at once"]["seen"]


def test_beside_others_who_are_connected_the_races_are_run_in_a_database_of_the_same_structure(
    latest_database_everywhere: Any, copies: list[str], chatops_inprocess: Callable[..., Any]
) -> None:
    database = latest_database_everywhere
    database.execute("update platform_config set value = '7' where key = 'max_reassignments'")
    with database.connect() as other:
        other.execute("select 1")
        result = chatops_inprocess("verify", "--scenarios", "--concurrent", "-o", "json", db=database, check=0)
        assert {row["result"] for row in played(result).values()} == {"passed"}
        # What is run is what is there: a function that was made worse by hand is told.
        other.execute(
            "create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid language sql security definer "
            "set search_path = public, pg_temp as 'select id from chats where chat_state = ''waiting_assignment'' limit 1'"
        )
        worse = played(chatops_inprocess("verify", "--scenarios", "--concurrent", "-o", "json", db=database, check=1))
        assert worse["double clicks of everybody at once"]["result"] != "passed"
        assert left(database, copies) == 0


def test_production_is_not_copied(latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Any) -> None:
    (tmp_path / "chatops.toml").write_text(f'[env.production]\nurl = "{latest_database.url}"\nproduction = true\n')
    assert "not on a production one" in chatops_inprocess("verify", "--scenarios", "--concurrent", "--yes", check=4).stderr
    assert "give both" in chatops_inprocess("verify", "--concurrent", db=latest_database, check=2).stderr
