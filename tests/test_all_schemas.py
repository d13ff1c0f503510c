"""One page for many tenants: the worst first, those that are well counted, what cannot be seen UNKNOWN by name."""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Callable

import pytest

from tests.conftest import Result
from tests.servers import Database

Chatops = Callable[..., Result]


@pytest.fixture
def tenants(database: Database, chatops_inprocess: Chatops) -> Database:
    """Four tenants that are up to date, and a schema without chats."""
    for name in ("tenant_a", "tenant_b", "tenant_c", "tenant d'or", "tenant_without"):
        database.execute(f'create schema "{name}"')
    for name in ("tenant_a", "tenant_b", "tenant_c", "tenant d'or"):
        chatops_inprocess("migrate", "--all-schemas", name, db=database, check=0)
    return database


def test_summary_and_status_of_all_schemas_are_one_page(tenants: Database, chatops_inprocess: Chatops) -> None:
    found = json.loads(chatops_inprocess("summary", "--all-schemas", "tenant*", "-o", "json", db=tenants, check=0).stdout)
    assert {row["schema"] for row in found["tenants"]} == {"tenant_a", "tenant_b", "tenant_c", "tenant d'or"}
    assert all(row["waiting"] == 0 for row in found["tenants"])
    page = chatops_inprocess("summary", "--all-schemas", "tenant*", db=tenants, check=0)
    assert page.stdout.splitlines()[0] == "4 tenants · 0 wait"
    assert "1 schema has no chats: tenant_without" in page.stderr

    tenants.execute("delete from chatops.migrations where target_schema = 'tenant_b' and name like '027%'")
    status = chatops_inprocess("status", "--all-schemas", "tenant_*", "--exit-code", db=tenants, check=1)
    lines = status.stdout.splitlines()
    assert lines[0] == "2 of 4 tenants up to date"
    assert "--schema tenant_" in lines[-1]
    assert lines[-1].endswith("status")


def test_a_tenant_that_cannot_be_seen_is_unknown_by_name(tenants: Database, chatops_inprocess: Chatops) -> None:
    role = f"sees_two_{uuid.uuid4().hex[:12]}"
    tenants.execute(f"create role {role} login; grant usage on schema tenant_a, tenant_b, chatops to {role}")
    tenants.execute(
        f"grant select on all tables in schema tenant_a to {role}; grant select on all tables in schema chatops to {role}"
    )
    url = tenants.url.replace("//postgres@", f"//{role}@")
    done = chatops_inprocess("--db", url, "summary", "--all-schemas", "tenant_*", "-o", "json", check=0)
    rows = {row["schema"]: row["unknown"] for row in json.loads(done.stdout)["tenants"]}
    assert rows["tenant_a"] is None
    assert rows["tenant_b"].startswith("UNKNOWN: ")
    assert rows["tenant_c"] == "UNKNOWN: this role may not use the schema"
    people = chatops_inprocess("--db", url, "summary", "--all-schemas", "tenant_*", check=0)
    assert "2 UNKNOWN" in people.stdout.splitlines()[0]
    command = people.stdout.splitlines()[-1].partition("the worst: ")[2]
    assert shlex.split(command)[-3:] == ["--schema", "tenant_b", "summary"]


def test_the_tenant_with_a_finding_is_on_the_first_line(tenants: Database, chatops_inprocess: Chatops) -> None:
    tenants.execute("alter table tenant_c.chats disable trigger user")
    done = chatops_inprocess("diagnose", "--all-schemas", "tenant*", "--jobs", "2", db=tenants)
    first, *rest = done.stdout.splitlines()
    assert first.startswith("tenant_c: ")
    assert done.exit_code == 1
    assert rest[-1].split()[-3:] == ["--schema", "tenant_c", "diagnose"]
    junit = chatops_inprocess("diagnose", "--all-schemas", "tenant*", "-o", "json", db=tenants, check=1)
    rows = json.loads(junit.stdout)["tenants"]
    assert next(row["schema"] for row in rows) == "tenant_c"
    assert len(rows) == 4


def test_all_schemas_goes_with_neither_schema_nor_a_pattern_of_nothing(tenants: Database, chatops_inprocess: Chatops) -> None:
    for words in (["summary"], ["status"], ["diagnose"]):
        both = chatops_inprocess("--schema", "tenant_a", *words, "--all-schemas", "tenant_*", db=tenants, check=2)
        assert "--schema and --all-schemas" in both.stderr
        none = chatops_inprocess(*words, "--all-schemas", "tenent_a", db=tenants, check=2)
        assert "did you mean tenant_a" in none.stderr
