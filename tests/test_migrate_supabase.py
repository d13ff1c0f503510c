"""Supabase's own history stays in step with what migrate does, and what it has is never run again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Result
from tests.servers import Database
from tests.test_folders import LEDGER, applied

Chatops = Callable[..., Result]
CASE = ROOT / "tests" / "corpus" / "folders" / "41-supabase-history"
HISTORY = """create schema supabase_migrations;
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);"""
VERSIONS = "select version, name, cardinality(statements) from supabase_migrations.schema_migrations order by 1"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A Supabase project of two files, where a test may add to them."""
    return shutil.copytree(CASE, tmp_path / "supabase" / "migrations")


@pytest.fixture
def deployed(database_everywhere: Database) -> Database:
    """A database to which `supabase db push` has brought the first file."""
    database_everywhere.execute(HISTORY)
    database_everywhere.execute((CASE / "20240101000000_a.sql").read_text())
    database_everywhere.execute("insert into supabase_migrations.schema_migrations values ('20240101000000', '{x}', 'a')")
    return database_everywhere


def test_after_adopt_each_file_writes_its_row(deployed: Database, chatops_inprocess: Chatops) -> None:
    chatops_inprocess("adopt", "--dir", CASE, "--yes", db=deployed, check=0)
    chatops_inprocess("migrate", "--dir", CASE, "--yes", db=deployed, check=0)
    assert deployed.execute(VERSIONS) == [("20240101000000", "a", 1), ("20240102000000", "b", 2)]
    assert deployed.value("select count(*) from labels") == 1
    again = chatops_inprocess("migrate", "--dir", CASE, "--yes", db=deployed, check=0)
    assert again.stdout.startswith("Nothing to apply")


def test_what_the_history_has_is_recorded_and_not_run(deployed: Database, chatops_inprocess: Chatops) -> None:
    assert "1 file is pending" in chatops_inprocess("status", "--dir", CASE, db=deployed, check=0).stdout
    done = chatops_inprocess("migrate", "--dir", CASE, "--yes", db=deployed, check=0)
    assert "recorded, not run" in done.stderr
    assert deployed.execute("select name, state from chatops.migrations order by 1") == [
        ("20240101000000_a", "adopted"), ("20240102000000_b", "applied"),
    ]  # fmt: skip
    assert deployed.value("select count(*) from labels") == 1


def test_what_was_pushed_meanwhile_is_not_run_again(deployed: Database, chatops_inprocess: Chatops, project: Path) -> None:
    chatops_inprocess("adopt", "--dir", project, "--yes", db=deployed, check=0)
    deployed.execute((project / "20240102000000_b.sql").read_text())
    deployed.execute("insert into supabase_migrations.schema_migrations values ('20240102000000', '{x,y}', 'b')")
    text = chatops_inprocess("migrate", "--dir", project, "--dry-run", db=deployed, check=0)
    assert "Nothing to apply" in text.stdout
    (project / "20240103000000_c.sql").write_text("create table c ()")
    chatops_inprocess("migrate", "--dir", project, "--yes", db=deployed, check=0)
    assert deployed.value("select count(*) from labels") == 1
    assert len(applied(deployed)) == 3
    assert [version for version, _, _ in deployed.execute(VERSIONS)][-1] == "20240103000000"


def test_files_outside_a_transaction_and_of_one_number_and_by_psql(
    deployed: Database, chatops_inprocess: Chatops, project: Path
) -> None:
    (project / "20240103000000_c.sql").write_text("create index concurrently labels_id on labels (id)")
    (project / "20240103000000_d.sql").write_text("create table d ()")
    chatops_inprocess("migrate", "--dir", project, "--yes", db=deployed, check=0)
    assert deployed.execute(VERSIONS)[1:] == [("20240102000000", "b", 2), ("20240103000000", "c", 1)]
    (project / "20240104000000_e.sql").write_text("vacuum labels")
    (project / "20240105000000_f.sql").write_text("create table f ()")
    text = chatops_inprocess("migrate", "--dir", project, "--dry-run", "-o", "sql", db=deployed, check=0).stdout
    assert deployed.psql(text).returncode == 0
    assert [name for _, name, _ in deployed.execute(VERSIONS)] == ["a", "b", "c", "e", "f"]
    assert len(deployed.execute(LEDGER)) == 6


def test_a_file_that_fails_leaves_no_row(deployed: Database, chatops_inprocess: Chatops, project: Path) -> None:
    (project / "20240102000000_b.sql").write_text("create table b (); select 1 / 0")
    chatops_inprocess("migrate", "--dir", project, "--yes", db=deployed, check=4)
    assert len(deployed.execute(VERSIONS)) == 1


def test_a_history_of_another_folder_is_left_alone(deployed: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "001_own.sql").write_text("create table own ()")
    chatops_inprocess("migrate", "--dir", tmp_path / "own", "--yes", db=deployed, check=0)
    assert len(deployed.execute(VERSIONS)) == 1


def test_a_history_that_may_not_be_written_is_named_and_stops_nothing(deployed: Database, chatops_inprocess: Chatops) -> None:
    with deployed.role("reader") as role:
        deployed.execute(f"grant usage on schema supabase_migrations to {role}; grant all on schema public to {role}")
        deployed.execute(f"grant select on supabase_migrations.schema_migrations to {role}")
        deployed.execute(f'grant create on database "{deployed.name}" to {role}')
        url = deployed.url.replace("postgres@", f"{role}@")
        done = chatops_inprocess("migrate", "--dir", CASE, "--yes", db=url, check=0)
        assert "Supabase's history is not kept in step" in done.stderr
        assert len(deployed.execute(VERSIONS)) == 1
        assert len(applied(deployed)) == 2
