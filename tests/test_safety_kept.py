"""Row level security, policies and publications that were there when chatops last looked are missed when they go."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from tests.conftest import APPLICATION_OWNER, Result, url_as
from tests.servers import Database
from tests.wire import proxy

Run = Callable[..., Result]

GONE = {
    "row level security of messages": "alter table messages disable row level security",
    "row level security of admins": "alter table admins disable row level security",
    "policy chats_read of chats": "drop policy chats_read on chats",
    "policy config_write of platform_config": "drop policy config_write on platform_config",
    "chats in publication supabase_realtime": "alter publication supabase_realtime drop table chats",
}


def test_what_protected_or_published_a_table_is_missed_and_brought_back_by_the_help(
    migrated_application_database_everywhere: Database, chatops_inprocess: Run
) -> None:
    """One after the other: what the help brought back leaves nothing of it."""
    database = migrated_application_database_everywhere
    chatops_inprocess("verify", "--only", "DB030", db=database, check=0)
    shape = """select (select jsonb_agg(p order by p.tablename, p.policyname) from pg_policies as p where schemaname = 'public'),
                      (select jsonb_agg(t order by t.tablename) from pg_publication_tables as t),
                      (select jsonb_agg(relname order by relname) from pg_class where relrowsecurity)"""
    before = database.execute(shape)
    for what, text in GONE.items():
        database.execute(text)
        for url in (database.url, url_as(database, APPLICATION_OWNER)):
            shown = chatops_inprocess("diagnose", "--only", "DB030", "-o", "json", db=url, check=1).stdout
            (finding,) = json.loads(shown)["findings"]
            assert [row["object"] for row in finding["rows"]] == [what]
        database.execute(finding["help_sql"])
        assert database.execute(shape) == before
        chatops_inprocess("verify", "--only", "DB030", db=database, check=0)


def test_what_was_meant_to_go_is_forgotten_by_the_statement_of_the_help_and_kept_again(
    migrated_application_database: Database, chatops_inprocess: Run
) -> None:
    database = migrated_application_database
    database.execute("drop policy chats_read on chats")
    database.execute("drop table admins cascade")
    shown = chatops_inprocess("diagnose", "--only", "DB030", "-o", "json", db=database, check=1).stdout
    (finding,) = json.loads(shown)["findings"]
    assert finding["count"] == 1, "of a table that is gone nothing is missed"
    database.execute(finding["help_text"].partition(": ")[2])
    chatops_inprocess("verify", "--only", "DB030", db=database, check=0)
    chatops_inprocess("monitor", "--once", "--store", "--yes", db=database)
    database.execute("alter table chats disable row level security")
    chatops_inprocess("diagnose", "--only", "DB030", db=database, check=1)


def test_what_an_application_changes_in_its_releases_is_kept_anew_by_a_deliberate_act_and_not_by_a_look(
    migrated_application_database: Database, chatops_inprocess: Run
) -> None:
    database = migrated_application_database
    database.execute(
        "alter table chats alter column is_active set default false; alter policy chats_read on chats using (is_admin())"
    )
    database.execute("alter table messages alter column id drop default; drop policy chats_begin on chats")

    def told() -> set[str]:
        shown = chatops_inprocess("diagnose", "--only", "DB030", "--rows", "9", "-o", "json", db=database, check=1).stdout
        return {row["object"] for one in json.loads(shown)["findings"] for row in one["rows"]}

    everything = {"column chats.is_active", "policy chats_read of chats", "column messages.id", "policy chats_begin of chats"}
    assert told() == everything
    chatops_inprocess("monitor", "--once", "--store", "--yes", db=database)
    assert told() == everything, "a look keeps what is new, and forgets nothing"
    database.execute("delete from chatops.migrations where name like '028%'")
    chatops_inprocess("migrate", "--yes", db=database, check=0)
    assert told() == {"policy chats_begin of chats"}, "what protects is missed until somebody says that it was meant to go"


def test_what_is_kept_by_an_older_chatops_is_read(migrated_application_database: Database, chatops_inprocess: Run) -> None:
    database = migrated_application_database
    database.execute("""update chatops.settings set value = (select jsonb_object_agg(key, value - '{is,lasting}'::text[])
        from jsonb_each(value) where (value ->> 'lasting')::boolean and key not like 'foreign%' and key not like 'trigger%') where key = 'safety'""")
    chatops_inprocess("verify", "--only", "DB030", db=database, check=0)
    database.execute("alter policy chats_read on chats using (true); drop policy chats_write on chats")
    shown = chatops_inprocess("diagnose", "--only", "DB030", "-o", "json", db=database, check=1).stdout
    assert [row["object"] for row in json.loads(shown)["findings"][0]["rows"]] == ["policy chats_write of chats"]


def test_what_protects_each_tenant_of_a_fleet_is_kept_in_the_request_that_migrates_it(
    database: Database, chatops_inprocess: Run
) -> None:
    tenants = [f"tenant_{number}" for number in range(4)]
    database.execute("; ".join(f"create schema {name}" for name in tenants))
    everybody = ("migrate", "--all-schemas", "tenant_*", "--yes")
    kept = "select target_schema from chatops.settings where key = 'safety' order by 1"
    chatops_inprocess(*everybody, "--to", "027", db=database, check=0)
    assert [row[0] for row in database.execute(kept)] == tenants, "each alone, for 019 builds its indexes"
    database.execute("delete from chatops.settings; alter table tenant_1.chats enable row level security")
    database.execute("create table tenant_2.notes (id int); alter table tenant_2.notes enable row level security")
    # The newest file and the views are small: they go as one request for all.
    with proxy(database, uncounted="(watching)") as wire:
        chatops_inprocess(*everybody, "--jobs", "1", db=wire.url, check=0)
        together = wire.round_trips
    assert [row[0] for row in database.execute(kept)] == tenants
    database.execute("delete from chatops.migrations where name like '028%'; delete from chatops.settings")
    database.execute("alter table chatops.settings add constraint nothing check (target_schema <> 'tenant_0')")
    with proxy(database, uncounted="(watching)") as wire:
        chatops_inprocess(*everybody, "--jobs", "1", db=wire.url, check=0)
        # The first run also asked once more where a role lost something, if another test had made the hosting's roles.
        assert wire.round_trips <= together, "what cannot be kept in one keeps nobody from being migrated"
    assert [row[0] for row in database.execute(kept)] == tenants[1:]
    for schema, table in (("tenant_1", "chats"), ("tenant_2", "notes")):
        database.execute(f"alter table {schema}.{table} disable row level security")
        shown = chatops_inprocess("--schema", schema, "diagnose", "--only", "DB030", "-o", "json", db=database, check=1).stdout
        assert [row["object"] for row in json.loads(shown)["findings"][0]["rows"]] == [f"row level security of {table}"]
    chatops_inprocess("--schema", "tenant_0", "verify", "--only", "DB030", db=database, check=0)


def test_what_came_since_is_not_told_as_what_was_taken_away(
    migrated_application_database: Database, chatops_inprocess: Run
) -> None:
    """Each row with its own cause and its own consequence, where some of them came and others went."""
    database = migrated_application_database

    def told() -> str:
        shown = chatops_inprocess(
            "diagnose", "--only", "DB030", "--rows", "9", db=database, check=None, terminal=(400, 50)
        ).stdout
        return "\n".join(re.findall(r"^ +(?:why|so) .*$", shown, re.M)) or shown

    own = "trigger own before insert on operators for each row execute function suppress_redundant_updates_trigger()"
    database.execute(f"create {own}")
    came = told()
    assert "made it since chatops last looked" in came
    assert "took" not in came
    assert "closed to them" not in came
    database.execute("drop trigger own on operators")
    for closing in (
        "create policy hides on messages as restrictive using (content <> '')",
        "alter table chats force row level security",
    ):
        database.execute(closing)
        shut = told()
        assert "closed the table since" in shut, shut
        assert "closed to them" not in shut, shut
        assert "force" not in closing or "rows that were seen are hidden" in shut, shut  # advice has no consequence
        assert "restore" not in shut, shut
        database.execute("drop policy if exists hides on messages")
        database.execute("alter table chats no force row level security")
    database.execute(f"create {own}")
    database.execute("drop policy chats_read on chats")
    assert "somebody took" in told()
