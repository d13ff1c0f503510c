"""migrate for several databases or schemas: looked at first, each on its own, the worst exit code for all."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result
from tests.servers import Database
from tests.test_migrate import folder, names

Chatops = Callable[..., Result]
FILES = {"001_a.sql": "create table a ()", "002_b.sql": "create table b ()"}


@pytest.fixture
def three(new_database: Callable[..., Database]) -> list[Database]:
    return [new_database() for _ in range(3)]


def test_one_target_that_fails_stops_no_other_and_gives_the_exit_code(
    three: list[Database], chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    three[1].execute("create table b ()")
    named = [part for one in three for part in ("--db", one.url)]
    done = chatops_inprocess(*named, "migrate", "--dir", folder(tmp_path, FILES), "-o", "json", "--jobs", "2", check=4)
    found = json.loads(done.stdout)
    assert [(row["result"], row["files"], row["last_in"], row["exit_code"]) for row in found["targets"]] == [
        ("applied", 2, "002", 0),
        ("failed", 1, "001", 4),
        ("applied", 2, "002", 0),
    ]
    assert found["well"] == 2
    assert 'relation "b" already exists' in done.stderr
    assert [names(one) for one in three] == [["001_a", "002_b"], ["001_a"], ["001_a", "002_b"]]


def test_what_cannot_be_reached_or_is_refused_is_known_before_anything_is_applied(
    three: list[Database], chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, FILES)
    chatops_inprocess("migrate", "--dir", where, "--to", "1", db=three[0], check=0)
    three[0].execute("update chatops.migrations set checksum = 'another', statements = null")
    gone = three[1].url + "_is_not_there"
    done = chatops_inprocess("--db", three[0].url, "--db", gone, "--db", three[2].url, "migrate", "--dir", where, check=4)
    lines = done.stderr.splitlines()
    outlook = [line for line in lines if ": to apply" in line or ": the server at" in line or ": 1 problem" in line]
    assert len(outlook) == 3
    assert lines.index(outlook[2]) < next(i for i, line in enumerate(lines) if "✓ 001_a" in line)
    assert names(three[2]) == ["001_a", "002_b"]
    assert names(three[0]) == ["001_a"]


def test_every_schema_that_matches_is_a_target(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    for schema in ("tenant_a", "tenant_b", "tenantxc", "other"):
        database.execute(f"create schema {schema}")
    where = folder(tmp_path, FILES)
    done = chatops_inprocess("migrate", "--dir", where, "--all-schemas", "tenant_*", db=database, check=0)
    assert done.stdout.startswith("2 of 2 targets are as asked.")
    assert database.execute("select target_schema, count(*) from chatops.migrations group by 1 order by 1") == [
        ("tenant_a", 2),
        ("tenant_b", 2),
    ]
    nothing = chatops_inprocess("migrate", "--dir", where, "--all-schemas", "nobody_*", db=database, check=2)
    assert "matches nobody_*" in nothing.stderr


def test_environments_may_be_a_list_and_production_among_them_needs_yes(
    three: list[Database], chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    tables = [f"[env.{name}]\nurl = '{one.url}'\nproduction = {str(name == 'live').lower()}\n"
              for name, one in zip(("live", "staging", "spare"), three, strict=True)]  # fmt: skip
    (tmp_path / "chatops.toml").write_text("\n".join(tables))
    where = folder(tmp_path, FILES)
    refused = chatops_inprocess("--env", "staging,live", "migrate", "--dir", where, check=4)
    assert "migrate changes production (live): give --yes" in refused.stderr
    assert three[1].value("select to_regclass('a')") is None
    dry = chatops_inprocess("--env", "staging,live", "migrate", "--dir", where, "--dry-run", check=0)
    assert "live: to apply: 2 files (001_a, 002_b)" in dry.stderr
    chatops_inprocess("--env", "staging,live", "migrate", "--dir", where, "--yes", check=0)
    assert names(three[0]) == names(three[1]) == ["001_a", "002_b"]
    assert three[2].value("select to_regclass('a')") is None
    again = chatops_inprocess("--env", "staging,live", "migrate", "--dir", where, "--yes", check=0)
    assert again.stdout.count("nothing to do") == 2


def test_a_printed_command_names_its_target(three: list[Database], chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_a.sql": "select 1 / 0"})
    failed = chatops_inprocess("--db", three[0].url, "--db", three[1].url, "migrate", "--dir", where, check=4)
    for one in three[:2]:
        assert f"again: chatops --db {shlex.quote(one.url)} migrate --dir {where}" in failed.stderr
