"""The same writes in other words: merges, upserts, chats and messages of one statement, late triggers, a clock that went back."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from chatops.chats import writers
from tests.desk import Desk
from tests.original_writers import refused
from tests.servers import Database
from tests.test_writes import chat_row, healthy, refusals, stranger

PAIR = "select real_user_id, fictional_user_id from chats where id = %s"
SAY = "insert into messages (chat_id, sender_type, content, handled_by_operator_id) values "


@pytest.fixture
def desk(latest_database_everywhere: Database) -> Desk:
    return Desk(latest_database_everywhere)


def a_pair(desk: Desk) -> tuple[UUID, UUID]:
    """A user and a profile who have no chat yet."""
    return (
        desk.app.value("insert into real_users (name) values (gen_random_uuid()::text) returning id"),
        desk.app.value("insert into fictional_users (name) values ('profile') returning id"),
    )


@pytest.mark.parametrize("conflict", ["", "on conflict (real_user_id, fictional_user_id) do update set updated_at = now()"])
def test_a_chat_and_its_message_go_in_one_statement(desk: Desk, conflict: str) -> None:
    pair = a_pair(desk)
    statement = (
        f"with c as (insert into chats (real_user_id, fictional_user_id) values (%s, %s) {conflict} returning id)"
        " insert into messages (chat_id, sender_type, content) select id, 'real', 'x' from c, generate_series(1, 2) returning chat_id"
    )
    with stranger(desk) as client:
        for count in (2, 4) if conflict else (2,):
            chat = client.value(statement, pair)
            assert chat_row(desk, chat)[:2] == ("waiting_assignment", count)
    healthy(desk)


def test_merges_are_inserts_updates_and_deletes(desk: Desk) -> None:
    chat = desk.answered_chat(desk.operator())
    merge = (
        "merge into messages m using (select gen_random_uuid() id, %s::uuid chat_id from generate_series(1, 2)) x on m.id = x.id"
    )
    with stranger(desk) as client:
        client.execute(
            f"{merge} when not matched then insert (id, chat_id, sender_type, content, created_at)"
            " values (x.id, x.chat_id, 'real', 'x', now() - interval '1 day')",
            [chat],
        )
        assert chat_row(desk, chat)[:2] == ("waiting_assignment", 4)
        healthy(desk)
        client.execute(
            "merge into chats c using (select %s::uuid id) x on c.id = x.id when matched then"
            " update set chat_state = 'waiting_real_user_reply', message_count = 77",
            [chat],
        )
        assert chat_row(desk, chat)[:2] == ("waiting_assignment", 4)
        client.execute(
            "merge into messages m using (select %s::uuid id) x on m.chat_id = x.id and m.content = 'x' when matched then delete",
            [chat],
        )
    assert chat_row(desk, chat)[:2] == ("waiting_real_user_reply", 2)
    healthy(desk)


@pytest.mark.parametrize("column", ["created_at", "sender_type", "handled_by_operator_id", "chat_id"])
def test_a_stored_message_is_not_robbed_of_what_it_keeps(desk: Desk, column: str) -> None:
    for nullable in ("created_at", "sender_type", "chat_id"):
        desk.app.execute(f"alter table messages alter {nullable} drop not null")
    chat = desk.answered_chat(desk.operator())
    read = "select id, chat_id, sender_type, handled_by_operator_id, created_at from messages order by id"
    before = desk.app.execute(read)
    with stranger(desk) as client:
        client.execute(f"update messages set {column} = null where chat_id = %s", [chat])
        client.execute(
            f"merge into messages m using (select 1) x on true when matched and m.chat_id = %s then update set {column} = null",
            [chat],
        )
    assert desk.app.execute(read) == before
    healthy(desk)


@pytest.mark.parametrize("time", ["now() + interval '1 year'", "now() - interval '1 year'", "'infinity'", "null"])
def test_a_time_that_a_later_trigger_makes_up_is_put_right(desk: Desk, time: str) -> None:
    for table, column in (("messages", "created_at"), ("chats", "updated_at")):
        desk.app.execute(f"alter table {table} alter {column} drop not null")
    desk.database.script(
        f"create function dates_it() returns trigger language plpgsql as $$ begin new.created_at := {time}; return new; end $$;"
        "create trigger zz_last before insert on messages for each row execute function dates_it()"
    )
    chat, ann = desk.empty_chat(), desk.operator()
    with stranger(desk) as client:
        client.execute(f"{SAY} (%s, 'real', 'x', null)", [chat])
        assert desk.takes(ann) == chat
        client.execute(f"{SAY} (%s, 'fictional', 'x', %s)", [chat, ann])
    assert desk.state(chat) == "waiting_real_user_reply"
    assert desk.app.value("select bool_and(abs(extract(epoch from now() - created_at)) < 60) from messages")
    assert desk.app.value("select abs(extract(epoch from now() - last_message_at)) < 60 from chats")
    healthy(desk)


@pytest.mark.parametrize(
    "conflict", ["(id) do nothing", "do nothing", "(real_user_id, fictional_user_id) do update set updated_at = now()"]
)
def test_an_upsert_of_a_chat_that_is_there_is_no_move_to_a_busy_operator(desk: Desk, conflict: str) -> None:
    ann = desk.operator()
    held, other = desk.held_chat(ann), desk.waiting_chat()
    pair = desk.app.execute(PAIR, [other])[0]
    before = chat_row(desk, other)
    insert = "insert into chats (id, real_user_id, fictional_user_id, chat_state, assigned_operator_id) values (%s, %s, %s, 'assigned', %s)"
    with stranger(desk) as client:
        client.execute(f"{insert} on conflict {conflict}", [other, *pair, ann])
        assert refused(lambda: client.execute(insert, [other, *pair, ann])) == "23505"
        assert refusals(desk) == 0
        new = desk.app.value("select gen_random_uuid()")
        assert refused(lambda: client.execute(f"{insert} on conflict {conflict}", [new, *a_pair(desk), ann])) == "55000"
    assert (refusals(desk), chat_row(desk, other), desk.holder(held)) == (1, before, ann)
    healthy(desk)


@pytest.mark.parametrize("conflict", ["", "on conflict do nothing", "on conflict (chat_id, operator_id) do update set last_activity = excluded.last_activity"])  # fmt: skip
def test_a_heartbeat_answers_with_its_row_however_it_is_written(desk: Desk, conflict: str) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    with stranger(desk) as client:
        for ago in (3, 2):
            told = client.value(
                f"insert into operator_activity (chat_id, operator_id, last_activity) values (%s, %s, now() - make_interval(mins => %s))"
                f" {conflict} returning round(extract(epoch from now() - last_activity) / 60)",
                [chat, ann, ago],
            )
            assert told == ago
    assert desk.app.value("select count(*) from operator_activity") == 1
    healthy(desk)


@pytest.mark.parametrize(
    "change",
    [
        "assigned_at = '2020-01-01' where operator_id = %(ben)s",
        "assigned_at = null where operator_id = %(ben)s",
        "released_at = now() + interval '1 hour' where operator_id = %(ann)s",
        "released_at = null where operator_id = %(ann)s",
        "operator_id = %(ann)s where released_at is null",
        "chat_id = %(other)s where released_at is null",
        "chat_id = null, operator_id = null",
    ],
)
def test_a_turn_keeps_its_chat_its_operator_and_its_times(desk: Desk, change: str) -> None:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.answered_chat(ann)
    desk.says(chat)
    assert desk.takes(ben) == chat
    who = {"ann": ann, "ben": ben, "other": desk.waiting_chat()}
    before = desk.app.execute("select * from chat_assignments order by id")
    with stranger(desk) as client:
        client.execute(f"update chat_assignments set {change}", who)
        client.execute("update chat_assignments set release_reason = 'seen' where released_at is not null")
    desk.app.execute("update chat_assignments set release_reason = 'operator_sent_message' where released_at is not null")
    assert desk.app.execute("select * from chat_assignments order by id") == before
    healthy(desk)


BACK = """
update messages set created_at = created_at + interval '30 s';
update chats set last_message_at = last_message_at + interval '30 s', operator_replied_at = operator_replied_at + interval '30 s',
  assignment_time = assignment_time + interval '30 s', state_since = state_since + interval '30 s',
  waiting_since = waiting_since + interval '30 s', updated_at = updated_at + interval '30 s';
update chat_assignments set assigned_at = assigned_at + interval '30 s', released_at = released_at + interval '30 s';
update operator_activity set last_activity = last_activity + interval '30 s'"""


@pytest.mark.parametrize("move", ["assign", "reassign", "give", "release", "unassign", "deactivate", "close", "function"])
def test_turns_follow_each_other_although_the_clock_went_back(desk: Desk, move: str) -> None:
    ann, ben, cia = desk.operator(), desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    moves: dict[str, Any] = {
        "assign": lambda: desk.replies(chat, ann),
        "reassign": lambda: desk.app.execute("select reassign_chat(%s, %s)", [chat, cia]),
        "give": lambda: desk.app.execute(
            "update chats set chat_state = 'assigned', assigned_operator_id = %s where id = %s", [cia, chat]
        ),
        "release": lambda: desk.app.execute("select release_chat(%s, %s)", [chat, ann]),
        "unassign": lambda: desk.app.write(writers.unassign(chat)),
        "deactivate": lambda: desk.app.execute("update operators set is_active = false where id = %s", [ann]),
        "close": lambda: desk.app.execute("select close_chat(%s), reopen_chat(%s)", [chat, chat]),
        "function": lambda: desk.app.execute("select operator_reply(%s, %s, 'hi')", [chat, ann]),
    }
    # As if all of it had been written by a clock 30 seconds ahead.
    desk.database.script(f"set local session_replication_role = replica; {BACK}")
    moves[move]()
    desk.says(chat)
    holder = desk.holder(chat) or ben
    assert desk.takes(holder) == chat
    healthy(desk)
    three = ", ".join(["(%s, 'fictional', 'x', %s)"] * 3)
    with stranger(desk) as client:
        client.execute(f"{SAY} {three}", [chat, holder] * 3)
    assert desk.state(chat) == "waiting_real_user_reply"
    desk.says(chat)
    assert desk.takes(desk.operator()) == chat
    healthy(desk)


@pytest.mark.parametrize("column", ["chats.chat_state", "messages.sender_type", "chat_assignments.release_reason"])
def test_words_that_are_an_enumeration_are_refused_before_anything_is_changed(
    core_database: Database, chatops_inprocess: Any, column: str
) -> None:
    table, name = column.split(".")
    core_database.script(
        "drop view if exists chat_state_summary cascade;"
        "create type words as enum ('waiting_assignment', 'assigned', 'waiting_real_user_reply', 'completed', 'real', 'fictional')"
    )
    for kind, of in (("constraint", "pg_constraint c where conrelid = '{0}'::regclass and contype = 'c'"),):
        for row in core_database.execute(f"select conname from {of.format(table)}"):
            core_database.execute(f"alter table {table} drop {kind} {row[0]}")
    for row in core_database.execute(
        "select indexrelid::regclass::text from pg_index where indrelid = %s::regclass and indpred is not null", [table]
    ):
        core_database.execute(f"drop index {row[0]}")
    core_database.script(
        f"alter table {table} alter column {name} drop default; alter table {table} alter column {name} type words using {name}::words"
    )
    core_database.execute("drop trigger if exists update_chat_on_message on messages")
    looked = ("diagnose", "--only", "DB004", "-o", "json")
    findings = json.loads(chatops_inprocess(*looked, db=core_database).stdout)["findings"]
    said = {(row["object"], row["trouble"]): finding["severity"] for finding in findings for row in finding["rows"]}
    assert said[f"column {column}", "is words, not text: migration 018 refuses it"] == "advice"
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database)
    told = chatops_inprocess("migrate", "--yes", db=core_database, check=4)
    assert f"{column} is words and not text" in told.stderr
    assert (
        core_database.value("select count(*) from pg_attribute where attrelid = 'chats'::regclass and attname = 'waiting_since'")
        == 0
    )
