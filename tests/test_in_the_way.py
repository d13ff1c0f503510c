"""DB003 says which rows keep a missing object from being put back, and its statement clears them, for an owner without superuser."""

from __future__ import annotations

import json
import uuid

import psycopg

from chatops.tables_there import TABLES
from tests.conftest import url_as
from tests.servers import Database

USER, PROFILE, ONE, ANOTHER, OPERATOR, LOST = (uuid.UUID(int=number) for number in range(1, 7))


def missing(database: Database, chatops_inprocess, name: str) -> dict[str, object]:
    told = json.loads(chatops_inprocess("diagnose", "--only", "DB003", "--rows", "50", "-o", "json", db=database, check=1).stdout)
    [finding] = told["findings"]
    [row] = [row for row in finding["rows"] if name in str(row["object"])]
    return {"object": row["object"], "way": str(row.get("in_the_way")), "statements": [row["remedy"]]}


def put_back(database: Database, statements: list[str], word: str) -> None:
    [statement] = [one for one in statements if word in one]
    with database.role("plain_owner") as role:
        owned = [f"alter table {name} owner to {role}" for name in TABLES]
        database.script("; ".join((*owned, f"grant usage, create on schema public to {role}")))
        with psycopg.connect(url_as(database, role), autocommit=True) as owner:
            owner.execute(statement.encode())
        database.script("; ".join(f"alter table {name} owner to postgres" for name in TABLES))


def test_two_chats_of_a_pair_are_merged_and_the_key_is_back(latest_database_everywhere: Database, chatops_inprocess) -> None:
    database = latest_database_everywhere
    key = database.value(
        "select conname from pg_constraint where conrelid = 'chats'::regclass and contype = 'u' and cardinality(conkey) = 2"
    )
    database.script(
        f"""alter table chats drop constraint {key};
            set local session_replication_role = replica;
            insert into real_users (id, name) values ('{USER}', 'Rainy');
            insert into fictional_users (id, name) values ('{PROFILE}', 'Ada');
            insert into operators (id, name, email, is_active) values ('{OPERATOR}', 'Op', 'op@example.test', true);
            insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, operator_replied_at, last_message_at, message_count) values
              ('{ONE}', '{USER}', '{PROFILE}', 'completed', false, now() - interval '2 days', now() - interval '2 days', 2),
              ('{ANOTHER}', '{USER}', '{PROFILE}', 'waiting_real_user_reply', true, now() - interval '1 hour', now() - interval '1 hour', 1);
            insert into messages (chat_id, sender_type, content, created_at) values
              ('{ONE}', 'real', 'a', now() - interval '3 days'), ('{ONE}', 'fictional', 'b', now() - interval '2 days'),
              ('{ANOTHER}', 'fictional', 'c', now() - interval '1 hour');
            insert into chat_assignments (chat_id, operator_id, assigned_at, released_at) values
              ('{ONE}', '{OPERATOR}', now() - interval '3 days', now() - interval '2 days')"""
    )
    found = missing(database, chatops_inprocess, str(key))
    assert "have the same real_user_id, fictional_user_id" in str(found["way"])
    assert str(ONE) in str(found["way"])
    put_back(database, found["statements"], "merging")  # type: ignore[arg-type]
    assert database.execute("select id, message_count from chats") == [(ANOTHER, 3)]
    assert database.value("select count(*) from messages where chat_id = %s", [ANOTHER]) == 3
    assert database.value("select count(*) from chat_assignments where chat_id = %s", [ANOTHER]) == 1
    assert database.value("select count(*) from pg_constraint where conname = %s", [key]) == 1


def test_rows_of_what_is_gone_and_rows_that_a_check_refuses_are_named(
    latest_database_everywhere: Database, chatops_inprocess
) -> None:
    database = latest_database_everywhere
    key = database.value(
        "select conname from pg_constraint where conrelid = 'chat_assignments'::regclass and contype = 'f'"
        " and confrelid = 'chats'::regclass"
    )
    check = "chats_completed_when_inactive"
    database.script(
        f"""alter table chat_assignments drop constraint {key}; alter table chats drop constraint {check};
            set local session_replication_role = replica;
            insert into operators (id, name, email, is_active) values ('{OPERATOR}', 'Op', 'op@example.test', true);
            insert into chat_assignments (chat_id, operator_id, released_at) values ('{LOST}', '{OPERATOR}', now());
            insert into real_users (id, name) values ('{USER}', 'Rainy');
            insert into fictional_users (id, name) values ('{PROFILE}', 'Ada');
            insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, operator_replied_at)
            values ('{ONE}', '{USER}', '{PROFILE}', 'waiting_real_user_reply', false, now())"""
    )
    found = missing(database, chatops_inprocess, str(key))
    assert "1 row of chat_assignments belong to chats that are gone: deleted" in str(found["way"])
    put_back(database, found["statements"], str(key))  # type: ignore[arg-type]
    assert database.value("select count(*) from chat_assignments") == 0
    assert database.value("select count(*) from pg_constraint where conname = %s", [key]) == 1
    refused = missing(database, chatops_inprocess, check)
    assert f"1 row of chats break it: {ONE}" in str(refused["way"])
