"""DB003 says which rows keep a missing object from being put back, and its statement clears them, for an owner without superuser."""

from __future__ import annotations

import json
import uuid

import psycopg
import pytest

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
    assert "has the same real_user_id, fictional_user_id" in str(found["way"])
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


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("name", "away"),
    [
        ("chats", "alter table chats rename to chats_of_old; create view chats as select * from chats_of_old"),
        ("messages", "create schema attic; alter table messages set schema attic"),
        ("operator_activity", "create schema attic; alter table operator_activity set schema attic"),
        ("platform_config", "alter table platform_config rename to config"),
    ],
)  # fmt: skip
def test_a_table_that_was_moved_or_renamed_comes_back_with_its_rows(
    name: str, away: str, latest_database: Database, chatops_inprocess
) -> None:
    database = latest_database
    # Another tenant's tables bear the same names, and a copy has the same columns.
    database.script(f"create schema other_tenant; create table other_tenant.chats (like chats including all);"
                    f" create table {name}_copy (like {name} including defaults)")  # fmt: skip
    if name != "chats":
        database.script(f"create table other_tenant.{name} (like {name} including all)")
    was = database.value(f"select '{name}'::regclass::oid")
    database.script(away)
    told = json.loads(chatops_inprocess("diagnose", "-o", "json", "--rows", "50", db=database, check=1).stdout)
    [finding] = [one for one in told["findings"] if one["code"] == "DB003"]
    [row] = [one for one in finding["rows"] if one["kind"] == "table"]
    assert "it comes back" in row["in_the_way"]
    assert "create table" not in " ".join(finding["helps"])
    database.execute(row["remedy"])
    assert database.value(f"select '{name}'::regclass::oid") == was
    assert "DB003" not in {
        one["code"] for one in json.loads(chatops_inprocess("diagnose", "-o", "json", db=database).stdout)["findings"]
    }


@pytest.mark.parametrize(("of", "name", "other"), [("messages", "content", "body"), ("operators", "is_available", "on_shift")])
def test_a_column_that_was_renamed_comes_back_with_its_values(
    of: str, name: str, other: str, latest_database: Database, chatops_inprocess
) -> None:
    database = latest_database
    chatops_inprocess("monitor", "--once", "--store", db=database)
    database.execute(f"alter table {of} rename column {name} to {other}")
    found = missing(database, chatops_inprocess, f"{of}.{name}")
    assert f"it stands as {other} now" in str(found["way"])
    [statement] = found["statements"]
    assert statement == f'alter table "{of}" rename column "{other}" to "{name}";'
    database.execute(str(statement))
    chatops_inprocess("diagnose", "--only", "DB003", db=database, check=0)
    # Where it is gone, another one of its type that was there before is none of its names.
    database.execute(f"alter table {of} drop column {name} cascade")
    assert "stands as" not in str(missing(database, chatops_inprocess, f"{of}.{name}")["way"])


def test_where_nothing_was_kept_a_person_decides_which_column_had_another_name(
    latest_database: Database, chatops_inprocess
) -> None:
    latest_database.script(
        "delete from chatops.settings where key = 'safety'; alter table messages rename column content to body"
    )
    told = json.loads(chatops_inprocess("diagnose", "--only", "DB003", "-o", "json", db=latest_database, check=1).stdout)
    [row] = [row for row in told["findings"][0]["rows"] if row["object"] == "messages.content"]
    assert row["remedy"] is None
    assert (
        'where it has only another name, alter table "messages" rename column "body" to "content"; where it is gone'
        in row["decides"]
    )


@pytest.mark.parametrize("on_delete", ["", "on delete cascade", "on delete set null"])
def test_rows_that_a_key_of_the_application_s_own_finds_nothing_for_are_never_deleted(
    on_delete: str, latest_database: Database, chatops_inprocess
) -> None:
    latest_database.script(
        f"""insert into real_users (id, name) values ('{USER}', 'Rainy'); insert into fictional_users (id, name) values ('{PROFILE}', 'Ada');
            insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active)
            values ('{ONE}', '{USER}', '{PROFILE}', 'waiting_assignment', true);
            create table tenants (id int primary key); alter table chats add column tenant_id int not null default 1;
            alter table chats add constraint of_a_tenant foreign key (tenant_id) references tenants (id) {on_delete} not valid"""
    )
    told = json.loads(chatops_inprocess("diagnose", "--only", "DB005", "-o", "json", db=latest_database, check=1).stdout)
    [finding] = told["findings"]
    assert finding["helps"] == []
    assert finding["rows"][0]["in_the_way"] == "1 row of chats belongs to nothing in tenants"
    assert "a person decides" in finding["help_text"]
    latest_database.execute(finding["rows"][0]["statement"])
    chatops_inprocess("diagnose", "--only", "DB005", db=latest_database, check=0)
    assert latest_database.value("select count(*) from chats") == 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "away",
    [
        "alter schema chatops rename to chatops_of_old",
        "alter table chatops.settings set schema public",
        "alter table chatops.actions rename to journal",
        "alter table chatops.migrations rename to ledger; alter table chatops.ledger set schema public",
    ],
)
def test_what_chatops_knows_comes_back_from_where_somebody_moved_it(
    away: str, latest_database: Database, chatops_inprocess
) -> None:
    was = latest_database.value("select count(*) from chatops.migrations")
    latest_database.script(away)
    if away.endswith("public") and "migrations" in away:
        latest_database.script("alter table public.ledger rename to migrations")
    for _ in range(4):
        told = json.loads(
            chatops_inprocess("diagnose", "--only", "DB003", "--rows", "50", "-o", "json", db=latest_database).stdout
        )
        if not told["findings"]:
            break
        finding = told["findings"][0]
        assert not finding["help_command"], "what is there is not made anew"
        latest_database.execute(finding["help_sql"])
    assert told["findings"] == []
    assert latest_database.value("select count(*) from chatops.migrations") == was
