"""Databases and applications that do what the platform's own does not: ids that change, triggers that answer, further senders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import APPLICATION_OWNER, url_as
from tests.desk import Desk
from tests.original_writers import refused
from tests.servers import Database
from tests.test_writes import chat_row, healthy, stranger

CASCADES = """do $$ declare v record; begin
  for v in select conrelid::regclass as it, conname, pg_get_constraintdef(oid) as text from pg_constraint
            where contype = 'f' and connamespace = 'public'::regnamespace
  loop
    execute format('alter table %s drop constraint %I', v.it, v.conname);
    execute format('alter table %s add constraint %I %s on update cascade', v.it, v.conname, v.text);
  end loop;
end $$"""
SAY = "insert into messages (chat_id, sender_type, content) values (%s, %s, 'x')"


@pytest.fixture
def desk(latest_database_everywhere: Database) -> Desk:
    return Desk(latest_database_everywhere)


@pytest.mark.parametrize("table", ["operators", "chats"])
def test_rows_follow_an_id_that_changes(desk: Desk, table: str) -> None:
    desk.database.script(CASCADES)
    ann, ben = desk.operator(), desk.operator()
    desk.answered_chat(ann)
    desk.held_chat(ann)
    rows = desk.app.value("select count(*) from chat_assignments")
    with stranger(desk) as client:
        client.execute(f"update {table} set id = gen_random_uuid() where id <> %s", [ben])
    # Each key is proved anew: a row that did not follow fails it.
    for relation, name in desk.app.execute(
        "select conrelid::regclass::text, conname from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace"
    ):
        text = desk.app.value("select pg_get_constraintdef(oid) from pg_constraint where conname = %s", [name])
        desk.app.execute(f"alter table {relation} drop constraint {name}")
        desk.app.execute(f"alter table {relation} add constraint {name} {text}")
    assert desk.app.value("select count(*) from chat_assignments") == rows
    healthy(desk)
    (held, holder), *more = desk.app.execute("select id, assigned_operator_id from chats where chat_state = 'assigned'")
    assert more == []
    assert desk.replies(held, holder)
    healthy(desk)


@pytest.mark.parametrize("name", ["a_bot", "zz_bot"])
def test_what_a_trigger_answers_at_once_comes_after_what_it_answers(desk: Desk, name: str) -> None:
    desk.database.script(
        f"""create function answers() returns trigger language plpgsql security definer as $$ begin
              if new.sender_type = 'real' then
                insert into messages (chat_id, sender_type, content) values (new.chat_id, 'fictional', 'we are closed');
              end if;
              return null;
            end $$;
            create trigger {name} after insert on messages for each row execute function answers()"""
    )
    chat = desk.empty_chat()
    with stranger(desk) as client:
        client.execute(SAY, [chat, "real"])
        client.execute(
            "insert into messages (chat_id, sender_type, content) values (%s, 'real', 'x'), (%s, 'real', 'y')", [chat] * 2
        )
    said = [row[0] for row in desk.app.execute("select sender_type from messages where chat_id = %s order by created_at", [chat])]
    assert said[:2] == ["real", "fictional"]
    assert (said[-1], len(said)) == ("fictional", 6)
    assert desk.state(chat) == "waiting_real_user_reply"
    healthy(desk)


def test_who_is_neither_user_nor_profile_is_counted_and_changes_nobodys_turn(desk: Desk) -> None:
    desk.database.script("alter table messages drop constraint messages_sender_type_check")
    ann = desk.operator()
    held = desk.held_chat(ann)
    waiting, empty = desk.waiting_chat(), desk.empty_chat()
    with stranger(desk) as client:
        for chat in (held, waiting, empty):
            before = chat_row(desk, chat)
            client.execute(SAY, [chat, "system"])
            after = chat_row(desk, chat)
            assert (after[0], after[2], after[4], after[5]) == (before[0], before[2], before[4], before[5])
            assert after[1] == before[1] + 1
    assert desk.replies(held, ann)
    healthy(desk)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("table", "column"), [("chat_assignments", "branch"), ("chat_assignments", "updated_at"), ("operator_activity", "branch")]
)
@pytest.mark.parametrize("filled", [False, True])
def test_a_column_that_nobody_fills_in_is_told_before_anything_is_changed(
    core_database: Database, chatops_inprocess: Callable[..., Any], table: str, column: str, filled: bool
) -> None:
    core_database.script(f"alter table {table} add column {column} text not null")
    if filled:
        core_database.script(
            f"create function fills() returns trigger language plpgsql as $$ begin new.{column} := 'here'; return new; end $$;"
            f"create trigger fills before insert on {table} for each row execute function fills()"
        )
    looked = chatops_inprocess("diagnose", "--only", "DB004", "-o", "json", db=core_database, check=0 if filled else 1)
    assert (f"column {table}.{column}" in looked.stdout) != filled
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database, check=0)
    told = chatops_inprocess("migrate", "--yes", db=core_database, check=0 if filled else 4)
    if filled:
        desk = Desk(core_database)
        ann = desk.operator()
        assert desk.replies(desk.held_chat(ann), ann)
        healthy(desk)
    else:
        assert f"{table}.{column} must have a value and has no default" in told.stderr
        assert not core_database.value("select exists (select from pg_attribute where attname = 'waiting_since')")


@pytest.mark.parametrize("policy", ["", "for select using (true)", "to platform_owner using (true)"])
def test_row_level_security_that_is_forced_on_the_owner_is_refused_before_anything_is_changed(
    application_database: Database, chatops_inprocess: Callable[..., Any], policy: str
) -> None:
    application_database.execute(f'grant create on database "{application_database.name}" to {APPLICATION_OWNER}')
    with application_database.connect(user=APPLICATION_OWNER) as owner:
        for table in ("chats", "operators"):
            owner.execute(f"alter table {table} force row level security".encode())
            if policy:
                owner.execute(f"create policy of_owner on {table} {policy}".encode())
    url = url_as(application_database, APPLICATION_OWNER)
    chatops_inprocess("adopt", "--through", "017", "--yes", db=url, check=0)
    seen = policy.startswith("to")
    told = chatops_inprocess("migrate", "--yes", db=url, check=0 if seen else 4)
    assert ("row level security is forced on the owner of chats, operators" in told.stderr) != seen
    assert seen or not application_database.value("select exists (select from pg_attribute where attname = 'waiting_since')")


def test_whoever_may_ask_until_when_the_queue_is_paused_is_told(desk: Desk, chatops_inprocess: Callable[..., Any]) -> None:
    chatops_inprocess("pause", "--for", "15m", "--reason", "x", "--yes", db=desk.database, check=0)
    with stranger(desk) as client:
        assert client.value("select paused_until() > now()")


@pytest.mark.parametrize(
    ("columns", "kind", "says"),
    [
        ("chats.last_operator_id chat_assignments.operator_id messages.handled_by_operator_id", "text", "text and not uuid"),
        ("chats.last_operator_id messages.chat_id", "number", "number and not uuid"),
        ("messages.created_at chats.last_message_at", "timestamptz(3)", "timestamp(3) with time zone and not timestamp with"),
        (
            "chat_assignments.assigned_at operators.last_activity",
            "timestamp",
            "timestamp without time zone and not timestamp with",
        ),
    ],
)
def test_ids_and_instants_of_another_kind_are_refused_by_name_before_anything_is_changed(
    core_database: Database, chatops_inprocess: Any, columns: str, kind: str, says: str
) -> None:
    for row in core_database.execute("select conrelid::regclass::text, conname from pg_constraint where contype = 'f'"):
        core_database.execute(f"alter table {row[0]} drop constraint {row[1]}")
    core_database.script("create domain number as uuid; drop view if exists chat_state_summary cascade")
    for table, name in (column.split(".") for column in columns.split()):
        core_database.script(f"alter table {table} alter column {name} type {kind} using {name}::{kind}")
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database)
    told = chatops_inprocess("migrate", "--yes", db=core_database, check=4)
    assert all(f"{column} is {says.split(' and ')[0]}" in told.stderr for column in columns.split())
    assert says in told.stderr
    assert core_database.value("select count(*) from pg_attribute where attname = 'waiting_since'") == 0


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_in_an_older_snapshot_a_busy_operator_is_a_reason_to_ask_again(desk: Desk, isolation: str) -> None:
    ann = desk.operator()
    first, second = desk.waiting_chat(), desk.waiting_chat()
    older = desk.session()
    older.execute(f"begin isolation level {isolation}")
    older.execute("select count(*) from chats")
    desk.app.execute("select reassign_chat(%s, %s)", [first, ann])
    assert refused(lambda: older.execute("select reassign_chat(%s, %s)", [second, ann])) == "40001"
    older.execute("rollback")
    assert refused(lambda: older.execute("select reassign_chat(%s, %s)", [second, ann])) == "55000"
    healthy(desk)
