"""The fingerprint of a schema: equal for equal schemas, another one for any change that a migration can make."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chatops import db, settings
from chatops.migrations.fingerprint import Fingerprint, fingerprint
from tests.conftest import CORE, ROOT
from tests.servers import Database


def of(database: Database, schema: str = "public") -> Fingerprint:
    target = settings.resolve(settings.Options((database.url,), None, schema))
    with db.connect(target, "test") as connection:
        return fingerprint(connection)


def test_two_databases_of_one_make_have_one_fingerprint(new_database: Callable[..., Database]) -> None:
    prints = []
    for _ in range(2):
        database = new_database()
        for name in CORE:
            database.script(ROOT / "sql" / "migrations" / f"{name}.sql")
        prints.append(of(database))
    assert prints[0] == prints[1]
    assert prints[0].sha256 == prints[1].sha256
    assert prints[0].differences(prints[1]) == []


def test_two_tenants_schemas_of_one_make_have_one_fingerprint(database: Database) -> None:
    prints = []
    for schema in ("tenant_a", '"Tenant B"'):
        database.execute(f"create schema {schema}")
        for name in CORE:
            database.script(ROOT / "sql" / "migrations" / f"{name}.sql", schema)
        prints.append(of(database, schema.strip('"')))
    assert prints[0].differences(prints[1]) == []
    assert prints[0].sha256 == prints[1].sha256


def test_rows_of_tables_do_not_count(core_database: Database) -> None:
    before = of(core_database)
    core_database.execute("insert into operators (name) values ('Ada')")
    assert of(core_database).sha256 == before.sha256


CHANGES = {
    "a column": "alter table chats add column note text",
    "a default": "alter table chats alter column message_count set default 1",
    "nullability": "alter table chats alter column message_count set not null",
    "a type": "alter table chats alter column message_count type bigint",
    "a constraint that was never validated": "alter table chats add constraint c check (message_count >= 0) not valid",
    "a trigger that is switched off": "alter table messages disable trigger update_chat_on_message",
    "a function's body": "create or replace function should_keep_assignment(p_chat_id uuid, p_current_state text, "
    "p_assigned_operator_id uuid) returns boolean language sql immutable as $$ select true $$",
    "a function's search_path": "alter function validate_chat_state_transition() set search_path = public",
    "a function's security": "alter function assign_chat_to_operator(uuid) security invoker",
    "a privilege": "revoke execute on function assign_chat_to_operator(uuid) from public",
    "a column's privilege": "grant select (id) on operators to pg_monitor",
    "row level security": "alter table chats enable row level security",
    "a policy": "create policy p on chats using (true)",
    "a view's option": "alter view chat_state_summary set (security_invoker = true)",
    "a storage option": "alter table chats set (fillfactor = 70)",
    "a type of its own": "create type mood as enum ('ok')",
    "a comment": "comment on table chats is 'hello'",
    "an index": "create index on chats (created_at)",
    "an owner": "alter table chats owner to pg_monitor",
    "a default privilege": "alter default privileges in schema public grant select on tables to pg_monitor",
}


@pytest.mark.sampled(7)
@pytest.mark.parametrize("change", CHANGES)
def test_it_sees(change: str, core_database_everywhere: Database) -> None:
    before = of(core_database_everywhere)
    core_database_everywhere.execute(CHANGES[change])
    after = of(core_database_everywhere)
    assert after.sha256 != before.sha256
    assert before.differences(after)


def test_an_invalid_index_is_another_one_than_a_valid_one(core_database: Database) -> None:
    core_database.execute("create index idx on chats (created_at)")
    before = of(core_database)
    core_database.execute("update pg_index set indisvalid = false where indexrelid = 'idx'::regclass")
    assert of(core_database).differences(before) == ["index idx: valid False here, True there"]


def test_inside_a_transaction_it_sees_what_that_sees_and_leaves_its_settings_alone(core_database: Database) -> None:
    target = settings.resolve(settings.Options((core_database.url,), None, "public"))
    before = of(core_database)
    with db.connect(target, "test", "act") as connection, connection.acting(rollback=True):
        connection.script("alter table chats add column note text; set local search_path = pg_catalog")
        inside = fingerprint(connection)
        assert connection.value("select current_setting('search_path')") == "pg_catalog"
    assert before.differences(inside) == ["column chats.note: only there"]
    assert of(core_database) == before
