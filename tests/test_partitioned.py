"""A messages table that is partitioned by time: migrated, written to, looked at, and its old months detached."""

from __future__ import annotations

import json
from collections.abc import Callable

import psycopg
import pytest

from tests.conftest import ROOT, Result, _command
from tests.servers import Database, Farm, Server

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
