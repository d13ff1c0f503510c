"""A messages table that is partitioned by time: migrated, written to, looked at, and its old months detached."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest

from tests.conftest import ROOT, Result, _command
from tests.desk import Desk
from tests.servers import Database, Farm, Server
from tests.test_writes import healthy, stranger

Chatops = Callable[..., Result]
ONE = "11111111-1111-4111-8111-111111111111"
WRITE = f"insert into messages (chat_id, sender_type, content) values ('{ONE}', 'real', 'hello')"


def build_partitioned(database: Database) -> None:
    """The deployed tables with messages partitioned by created_at, migrated to the newest; a chat in which nobody has written."""
    text = (ROOT / "sql" / "migrations" / "001_chat_core.sql").read_text(encoding="utf-8")
    begin = text.index("  create table messages (")
    end = text.index("  );", begin)
    table = text[begin:end].replace(" primary key default", " default").rstrip() + ",\n    primary key (id, created_at)\n  "
    database.script(text[:begin] + table + ") partition by range (created_at);" + text[end + len("  );") :])
    database.execute("create table messages_before partition of messages for values from (minvalue) to ('2020-01-01')")
    database.execute("create table messages_after partition of messages for values from ('2020-01-01') to ('2090-01-01')")
    _command(database.url, "adopt", "--through", "001", "--yes")
    _command(database.url, "migrate", "--to", "latest", "--yes")
    database.script(f"""
        insert into real_users (id, name) values ('{ONE}', 'Ada');
        insert into fictional_users (id, name) values ('{ONE}', 'Eve');
        insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, created_at)
        values ('{ONE}', '{ONE}', '{ONE}', 'waiting_assignment', true, '2019-06-01')""")


@pytest.fixture
def partitioned(new_database: Callable[..., Database], farm: Farm, any_server: Server) -> Database:
    """The same, on each server of the matrix."""
    return new_database(on=any_server, template=farm.template(any_server, "partitioned", build_partitioned))


def codes(result: Result) -> set[str]:
    return {one["code"] for one in json.loads(result.stdout)["findings"]}


def test_a_message_that_is_written_as_a_partition_ends_is_refused_in_words_and_goes_in_when_it_is_sent_again(
    partitioned: Database,
) -> None:
    partitioned.execute(WRITE)
    with partitioned.connect() as connection:
        connection.execute("begin")
        connection.execute("truncate messages")
        connection.execute("drop table messages_after")
        connection.execute("""do $$
            declare v_end constant timestamptz := now() + interval '30 ms';
            begin
              execute format('create table messages_ends partition of messages for values from (%L) to (%L)', '2020-01-01', v_end);
              execute format('create table messages_next partition of messages for values from (%L) to (%L)', v_end, '2090-01-01');
              while clock_timestamp() <= v_end loop null; end loop;
            end $$""")
        connection.execute("savepoint before")
        with pytest.raises(psycopg.errors.SerializationFailure, match=r"ended while message .* was written: send it again"):
            connection.execute(WRITE)
        connection.execute("rollback to savepoint before")
        counted = connection.execute("select count(*) from messages").fetchone()
        assert counted == (0,)
        connection.execute("commit")
        connection.execute(WRITE)
        found = connection.execute("select tableoid::regclass::text from messages").fetchall()
    assert found == [("messages_next",)]


def test_detached_months_are_no_damage_to_counters(partitioned: Database, chatops_inprocess: Chatops) -> None:
    partitioned.script(f"""
        set local session_replication_role = replica;
        insert into messages (chat_id, sender_type, content, created_at)
        select '{ONE}', 'real', 'once', '2019-06-01'::timestamptz + n * interval '1 hour' from generate_series(1, 9) as n;
        update chats set message_count = 9, last_message_at = '2019-06-02'""")
    partitioned.execute(WRITE)
    assert partitioned.value("select message_count from chats") == 10
    partitioned.execute("alter table messages detach partition messages_before")
    look = ("diagnose", "--only", "DATA001", "-o", "json")
    assert codes(chatops_inprocess(*look, db=partitioned)) == set()
    mended = chatops_inprocess("repair", "DATA001", "--yes", "--reason", "look", db=partitioned)
    assert partitioned.value("select message_count from chats") == 10, mended.stdout
    partitioned.script("set local session_replication_role = replica; update chats set message_count = 0")
    assert codes(chatops_inprocess(*look, db=partitioned)) == {"DATA001"}


def test_a_partition_that_is_missing_is_told_before_it_hurts_with_what_makes_it(
    partitioned: Database, chatops_inprocess: Chatops
) -> None:
    assert codes(chatops_inprocess("diagnose", "--only", "DB025", "-o", "json", db=partitioned, check=0)) == set()
    fine = chatops_inprocess("doctor", db=partitioned)
    assert "messages is partitioned by RANGE (created_at), 2 partitions; a message that is written as one ends" in fine.stdout
    partitioned.execute("drop table messages_after")
    found = chatops_inprocess("diagnose", "--only", "DB025", "-o", "json", db=partitioned, check=1)
    (finding,) = json.loads(found.stdout)["findings"]
    assert finding["severity"] == "critical"
    doctor = json.loads(chatops_inprocess("doctor", "-o", "json", db=partitioned, check=1).stdout)
    (point,) = [one for one in doctor["points"] if one["area"] == "partitions"]
    assert point["verdict"] == "failed"
    partitioned.execute(point["remedy"])
    partitioned.execute(WRITE)
    ahead = partitioned.value("select pg_get_expr(relpartbound, oid) from pg_class where relname like 'messages_2%%'")
    partitioned.execute("create table messages_rest partition of messages default")
    assert codes(chatops_inprocess("diagnose", "--only", "DB025", "-o", "json", db=partitioned, check=0)) == set(), ahead


@pytest.fixture
def archived(partitioned: Database) -> Desk:
    """The same with messages partitioned by whether they are archived, and by time below that."""
    partitioned.script("""
        alter table messages rename to messages_once;
        drop view guarded_columns;
        create table messages (like messages_once including defaults, archived boolean not null default false,
          primary key (id, created_at, archived)) partition by list (archived);
        create table messages_archived partition of messages for values in (true);
        create table messages_kept partition of messages for values in (false) partition by range (created_at);
        create table messages_2020s partition of messages_kept for values from (minvalue) to ('2090-01-01');
        create table messages_rest partition of messages_kept default;
        create index on messages (chat_id, created_at desc);
        drop table messages_once""")
    for name in ("018_queue_clocks", "022_stop_new_damage", "028_partitioned_messages"):
        partitioned.script(ROOT / "sql" / "migrations" / f"{name}.sql")
    return Desk(partitioned)


def told(desk: Desk) -> list[Any]:
    """Chats, turns and messages as they stand."""
    return [
        *desk.app.execute("select to_jsonb(c) from chats as c order by id"),
        *desk.app.execute("select id, chat_id, sender_type, handled_by_operator_id, created_at from messages order by id"),
        *desk.app.execute("select to_jsonb(a) from chat_assignments as a order by id"),
        *desk.app.execute("select id, total_messages from operators order by id"),
    ]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("who", ["client", "owner"])
@pytest.mark.parametrize("times", [1, 3])
def test_messages_that_an_update_moves_to_another_partition_are_no_new_ones(archived: Desk, who: str, times: int) -> None:
    for _ in range(times):
        archived.answered_chat(archived.operator())
        archived.held_chat(archived.operator())
    waiting = archived.waiting_chat()
    before = told(archived)
    with stranger(archived) if who == "client" else nullcontext(archived.app) as client:
        for turn in ("true", "false", "true"):
            client.execute(f"update messages set archived = {turn}")
            assert told(archived) == before
        # What a session says is on its way is not, where it is written.
        client.execute("begin")
        client.execute("select set_config('chatops.moving', %s, true)", [str(waiting)])
        client.execute(
            "insert into messages (id, chat_id, sender_type, content) values (%s, %s, 'real', 'x')", [waiting, waiting]
        )
        client.execute("commit")
        assert archived.app.value("select message_count from chats where id = %s", [waiting]) == 2
        # One that is gone and written anew is a new one.
        gone = archived.app.value("select id from messages where chat_id = %s limit 1", [waiting])
        client.execute("begin")
        client.execute("delete from messages where id = %s", [gone])
        client.execute("insert into messages (id, chat_id, sender_type, content) values (%s, %s, 'real', 'x')", [gone, waiting])
        client.execute("commit")
        client.execute("delete from messages where id = %s", [gone])
    assert archived.app.value("select message_count from chats where id = %s", [waiting]) == 1
    healthy(archived)


def test_partitions_come_and_go_under_a_running_system(archived: Desk) -> None:
    ann = archived.operator()
    chat = archived.held_chat(ann)
    with archived.database.connect() as connection:
        connection.execute("alter table messages detach partition messages_archived concurrently")
        connection.execute("alter table messages attach partition messages_archived for values in (true)")
        connection.execute("alter table messages_kept detach partition messages_rest")
        connection.execute(
            "create table messages_2090s partition of messages_kept for values from ('2090-01-01') to ('2100-01-01')"
        )
    for table in ("messages_archived", "messages_2090s"):
        names = {row[0] for row in archived.app.execute("select tgname from pg_trigger where tgrelid = %s::regclass", [table])}
        assert {"chatops_order_message", "chatops_apply_message", "chatops_keep_message", "chatops_note_moving"} <= names, table
    assert archived.replies(chat, ann)
    archived.says(chat)
    assert archived.takes(archived.operator()) == chat
    with stranger(archived) as client:
        client.execute(
            "insert into messages_archived (chat_id, sender_type, content, archived) values (%s, 'real', 'x', true)", [chat]
        )
        client.execute("update messages set archived = true, created_at = '2095-01-01' where chat_id = %s", [chat])
    assert archived.app.value("select message_count from chats where id = %s", [chat]) == 4
    healthy(archived)


def test_a_message_from_far_ahead_moves_to_the_partition_of_its_right_time(archived: Desk) -> None:
    chat = archived.waiting_chat()
    with archived.history() as past:
        past.execute("update messages set created_at = '2095-01-01' where chat_id = %s", [chat])
        past.execute("update chats set last_message_at = '2095-01-01' where id = %s", [chat])
    with stranger(archived) as client:
        client.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'newest')", [chat])
    said = archived.app.execute("select content, created_at < now() + interval '1 minute' from messages order by created_at")
    assert (said, archived.app.value("select message_count from chats where id = %s", [chat])) == (
        [("hello", True), ("newest", True)],
        2,
    )


@pytest.mark.parametrize("style", ["German", "SQL, DMY"])
def test_whether_a_message_fits_its_partition_is_told_by_no_way_of_writing_dates(partitioned: Database, style: str) -> None:
    partitioned.script("""
        drop table messages_before, messages_after;
        do $$ declare v_end constant timestamptz := now() - interval '1 hour'; begin
          execute format('create table messages_before partition of messages for values from (minvalue) to (%L)', v_end);
          execute format('create table messages_after partition of messages for values from (%L) to (maxvalue)', v_end);
        end $$""")
    desk = Desk(partitioned)
    with stranger(desk) as client:
        # Where IST is written for India's time, and read for another.
        client.execute("select set_config('datestyle', %s, false), set_config('timezone', 'Asia/Kolkata', false)", [style])
        client.execute(
            f"insert into messages (chat_id, sender_type, content, created_at) values ('{ONE}', 'real', 'x', now() - interval '9 minutes')"
        )
        assert client.value("show datestyle").split(",")[0] == style.split(",")[0]
    assert partitioned.value("select abs(extract(epoch from now() - created_at)) < 60 from messages")
