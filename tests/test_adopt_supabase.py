"""The real Supabase CLI beside `adopt`: what it takes for pending, and where it fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result, clean_environment, program, supabase_program, why_not_supabase
from tests.servers import Database
from tests.test_adopt import HISTORY, PROJECT, by_hand

Run = Callable[..., Result]
Push = Callable[..., str]


@pytest.fixture
def push(tmp_path: Path, home: Path) -> Push:
    """`supabase db push` of a copy of the project: everything that it said; `check` is the exit code to insist on."""
    if (reason := why_not_supabase()) is not None:
        pytest.skip(reason)
    supabase = supabase_program()
    assert supabase is not None
    where = tmp_path / "shop"
    shutil.copytree(PROJECT.parent, where / "supabase")
    (where / "supabase" / "config.toml").write_text('project_id = "shop"\n', encoding="utf-8")

    def run(database: Database, *more: str, check: int = 0) -> str:
        pushing = ["db", "push", "--db-url", f"{database.url}?sslmode=disable", "--workdir", where, "--yes"]
        quiet = {"SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1"}
        done = program(supabase, *pushing, *more, env=clean_environment(home, quiet), cwd=where)
        assert done.returncode == check, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Where `push` looks for migrations."""
    return tmp_path / "shop" / "supabase" / "migrations"


@pytest.fixture
def pushed(push: Push, database: Database, project: Path) -> Database:
    """A database with the project's files up to 017, put in by hand, and Supabase's history, which knows none of them."""
    by_hand(database, project, last="017")
    database.script(HISTORY)
    return database


@pytest.mark.long
def test_supabase_fails_at_the_second_file_of_a_number(push: Push, database: Database) -> None:
    told = push(database, check=1)
    assert "duplicate key value violates unique constraint" in told
    assert "(005)" in told
    assert database.value("select count(*) from supabase_migrations.schema_migrations") == 5


@pytest.mark.long
def test_after_adopt_supabase_finds_nothing_to_push_but_the_files_that_adopt_has_named(
    push: Push, pushed: Database, project: Path, chatops_inprocess: Run
) -> None:
    shown = chatops_inprocess("adopt", "--dir", project, db=pushed, check=0).stdout
    assert "cannot take 005_storage, 013_release" in shown
    assert "name them 018_storage.sql, 019_release.sql" in shown
    chatops_inprocess("adopt", "--dir", project, "--yes", db=pushed, check=0)
    before = pushed.execute("select version from supabase_migrations.schema_migrations order by 1")
    told = push(pushed, check=1)
    assert {line for line in told.splitlines() if line.startswith("supabase/migrations/")} == {
        "supabase/migrations/005_storage.sql", "supabase/migrations/013_release.sql",
    }  # fmt: skip
    assert pushed.execute("select version from supabase_migrations.schema_migrations order by 1") == before


@pytest.mark.long
def test_after_adopt_of_a_folder_whose_numbers_are_its_own_supabase_finds_nothing_to_push(
    push: Push, pushed: Database, project: Path, chatops_inprocess: Run
) -> None:
    (project / "005_storage.sql").rename(project / "018_storage.sql")
    (project / "013_release.sql").rename(project / "019_release.sql")
    chatops_inprocess("adopt", "--dir", project, "--through", "019", "--yes", db=pushed, check=0)
    told = push(pushed)
    assert "up to date" in told
    # What is new goes in through either, and the other one knows.
    (project / "020_more.sql").write_text("create table more ();\n", encoding="utf-8")
    push(pushed)
    assert "020_more.sql" in told
    chatops_inprocess("adopt", "--dir", project, "--yes", db=pushed, check=0)
    assert "Nothing to apply" in chatops_inprocess("migrate", "--dir", project, "--yes", db=pushed, check=0).stdout
