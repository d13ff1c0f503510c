"""`remove`: what chatops made is gone, what was there before is as it was, rows are untouched, and chatops can come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chatops import db, settings
from chatops.migrations.fingerprint import Fingerprint, fingerprint
from tests.conftest import APPLICATION_OWNER, build_latest, url_as
from tests.servers import Database
from tests.shift import add_chats, add_operators

Chatops = Callable[..., Any]
TABLES = ("chats", "messages", "chat_assignments", "operators", "operator_activity", "platform_config")


def looked_at(database: Database) -> Fingerprint:
    target = settings.resolve(settings.Options(db=(database.url,)), environ={})
    with db.connect(target, "test", "read") as connection:
        return fingerprint(connection, "public")


def rows_of(database: Database, columns: dict[str, list[str]]) -> dict[str, Any]:
    return {table: database.execute(f"select {', '.join(names)} from {table} order by 1, 2") for table, names in columns.items()}


def columns_of(database: Database) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, column in database.execute(
        "select table_name, quote_ident(column_name) from information_schema.columns"
        " where table_schema = 'public' and table_name = any(%s) order by 1, ordinal_position",
        [list(TABLES)],
    ):
        found.setdefault(table, []).append(column)
    return found


def migrated(chatops: Chatops, where: Database | str) -> None:
    chatops("adopt", "--through", "017", "--yes", db=where, check=0)
    chatops("migrate", "--to", "latest", "--yes", db=where, check=0)


def test_the_deployed_system_is_as_before_and_chatops_can_come_back(
    core_database_everywhere: Database, chatops_inprocess: Chatops
) -> None:
    add_operators(core_database_everywhere, 3)
    add_chats(core_database_everywhere, 2, state="assigned", held_by=1)
    add_chats(core_database_everywhere, 3, first=11)
    there_and_back(core_database_everywhere, core_database_everywhere, chatops_inprocess)


def test_the_applications_own_database_is_as_before_for_its_owner_who_is_no_superuser(
    application_database_everywhere: Database, chatops_inprocess: Chatops
) -> None:
    application_database_everywhere.execute(
        f"grant create on database {application_database_everywhere.name} to {APPLICATION_OWNER}"
    )
    there_and_back(application_database_everywhere, url_as(application_database_everywhere, APPLICATION_OWNER), chatops_inprocess)


def there_and_back(database: Database, where: Database | str, chatops: Chatops) -> None:
    database.execute("drop schema if exists chatops cascade")
    before, columns = looked_at(database), columns_of(database)
    chats = database.execute("select count(*) from chats")[0][0]
    for _ in range(2):
        migrated(chatops, where)
        assert before.differences(looked_at(database))
        kept = rows_of(database, columns)
        chatops("remove", "--yes", db=where, check=0)
        assert before.differences(looked_at(database)) == []
        assert rows_of(database, columns) == kept
        assert len(kept["chats"]) == chats
        assert database.execute("select count(*) from pg_namespace where nspname = 'chatops'") == [(0,)]
    assert "Nothing of chatops" in chatops("remove", "--yes", db=where, check=0).stdout


def test_what_would_go_is_listed_and_its_text_does_it_in_psql(database: Database, chatops_inprocess: Chatops) -> None:
    # Built now, and not from a template: whose roles it grants to is looked up in the whole server.
    build_latest(database)
    before = looked_at(database)
    shown = chatops_inprocess("remove", "--dry-run", "-o", "json", db=database, check=0)
    steps = json.loads(shown.stdout)["objects"]
    assert looked_at(database).differences(before) == []
    gone = {(one["kind"], one["object"]) for one in steps if one["action"] == "remove"}
    for kind, objects in before.objects.items():
        for name in objects:
            if kind == "trigger" and ".chatops_" in name:
                assert ("trigger", name) in gone
    assert {("column", "chats.waiting_since"), ("schema", "chatops"), ("sequence", "refusals_late_reply")} <= gone
    back = {one["object"] for one in steps if one["action"] == "restore"}
    assert {"assign_chat_to_operator(p_operator_id uuid)", "chat_state_summary"} <= back
    text = chatops_inprocess("remove", "--dry-run", "-o", "sql", db=database, check=0).stdout
    assert text.startswith("-- Takes chatops out of schema public: ")
    assert database.psql(text).returncode == 0
    left = looked_at(database)
    assert not [name for kind in ("trigger", "column", "index", "constraint", "sequence") for name in left.objects.get(kind, {})
                if (kind, name) in gone]  # fmt: skip
    chatops_inprocess("adopt", "--through", "017", "--yes", db=database, check=0)
    chatops_inprocess("migrate", "--to", "latest", "--yes", db=database, check=0)
    assert before.differences(looked_at(database)) == []


def test_a_view_of_somebody_elses_on_it_keeps_everything_in_place(latest_database: Database, chatops_inprocess: Chatops) -> None:
    latest_database.execute("create view who_waits as select id, waiting_since from chats")
    before = looked_at(latest_database)
    refused = chatops_inprocess("remove", "--yes", db=latest_database, check=4)
    assert "who_waits" in refused.stderr
    assert "nothing was changed" in refused.stderr
    assert before.differences(looked_at(latest_database)) == []


def test_it_is_asked_and_a_held_chat_is_waited_for_briefly(latest_database: Database, chatops_inprocess: Chatops) -> None:
    assert "--yes" in chatops_inprocess("remove", db=latest_database, check=4).stderr
    with latest_database.connect() as holder:
        holder.execute("begin; lock table chats in row exclusive mode")
        assert "nothing was changed" in chatops_inprocess("remove", "--yes", db=latest_database, check=5).stderr
    assert latest_database.execute("select count(*) from chatops.migrations where state = 'applied'") > [(0,)]


def test_of_two_tenants_the_schema_chatops_goes_with_the_last(database: Database, chatops_inprocess: Chatops) -> None:
    database.execute("create schema tenant_b")
    for schema in ("public", "tenant_b"):
        chatops_inprocess("migrate", "--to", "latest", "--yes", "--schema", schema, db=database, check=0)
    first = chatops_inprocess("remove", "--yes", "--schema", "tenant_b", db=database, check=0)
    assert "Schema chatops stays for public" in first.stderr
    assert database.execute("select distinct target_schema from chatops.migrations") == [("public",)]
    chatops_inprocess("verify", db=database, check=0)
    chatops_inprocess("remove", "--yes", db=database, check=0)
    assert database.execute("select count(*) from pg_namespace where nspname = 'chatops'") == [(0,)]
    assert database.execute("select count(*) from tenant_b.chats") == [(0,)]
