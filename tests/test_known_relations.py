"""What a rehearsal knows of the relations before it: kept from file to file in `check`, and never older than the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatops import db
from chatops.db import Database as Session
from chatops.migrations import check_folder
from chatops.migrations.known_relations import KnownRelations, SeenRelations
from chatops.migrations.prepare import prepare
from chatops.settings import Options, resolve
from tests.servers import Database, Server
from tests.test_check_folder import checking, written

TABLES = ("a", "b", "c")
STATEMENTS = (
    "create table if not exists {} (x int primary key, y text)", "drop table if exists {} cascade",
    "alter table if exists {} alter column y type text using y || ''", "alter table if exists {} add column if not exists z int",
    "do $$ begin insert into {} select coalesce(max(x), 0) + 1, 'y' from {}; exception when undefined_table then null; end $$",
    "do $$ begin truncate {}; exception when undefined_table then null; end $$",
    "do $$ begin delete from {}; exception when undefined_table then null; end $$",
    "do $$ begin execute 'create index on {} (y)'; exception when undefined_table then null; end $$",
    "do $$ begin execute 'reindex table {}'; exception when undefined_table then null; end $$",
    "do $$ begin perform count(*) from {}; exception when undefined_table then null; end $$",
)  # fmt: skip
FILES = st.lists(
    st.tuples(st.lists(st.sampled_from([one.replace("{}", table) for one in STATEMENTS for table in TABLES]), max_size=4),
              st.booleans(), st.booleans()),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES)
def test_what_is_kept_from_one_rehearsal_to_the_next_is_what_the_server_says(database_everywhere: Database, files: Any) -> None:
    """Whatever files do, commit or roll back, and whatever of it the server has not been told yet."""
    session = db.connect(resolve(Options((database_everywhere.url,))), "migrate")
    kept = KnownRelations()
    try:
        for statements, stays, told in files:
            kept.settle(session)
            session.script("begin")
            expected = dict(KnownRelations().read(session))
            found = kept.read(session)
            assert {oid: found[oid] for oid in expected} == expected
            session.script("; ".join(statements) or "select 1")
            session.script("commit" if stays else "rollback")
            if told:
                vacuumed(session)
    finally:
        session.script("drop table if exists a, b, c cascade")
        session.close()


def vacuumed(session: Session) -> None:
    """What autovacuum changes of pg_class in place."""
    session.execute("vacuum analyze pg_catalog.pg_class")


def test_without_settling_everything_is_read_anew(database: Database) -> None:
    session = db.connect(resolve(Options((database.url,))), "migrate")
    kept = KnownRelations()
    for _ in range(2):
        session.script("begin")
        kept.read(session)
        session.script("rollback")
    session.script("create table counted (x int); insert into counted values (1)")
    session.script("begin")
    found = kept.read(session)
    assert dict(found) == dict(KnownRelations().read(session))
    assert any(changed for _, _, changed in found.values())
    session.close()


def test_a_file_that_is_taken_back_leaves_those_it_touched_as_they_were() -> None:
    rows = {1: (10, 0, 0), 2: (20, 5, 5)}
    relations = SeenRelations(rows)
    first = relations.get(1)
    assert first is not None
    first.relfilenode, first.mode = 11, 7
    before = SeenRelations(rows).get(1)
    assert before is not None
    relations.taken_back({1: before}, {1: (10, 3, 4), 2: (20, 6, 6), 3: (30, 0, 0)})
    again, other = relations.get(1), relations.get(2)
    assert again is not None
    assert (again.relfilenode, again.mode, again.read, again.changed) == (10, -1, 3, 4)
    assert other is not None
    assert (other.read, other.changed) == (6, 6)
    assert relations.get(3) is None
    assert 3 not in relations
    assert rows == {1: (10, 0, 0), 2: (20, 5, 5)}


def test_check_reads_the_whole_folder_anew_only_where_the_server_says_something_else(
    chatops_inprocess: Any, any_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of thousands was planned and read from the ledger once for each of its files."""
    asked: list[int] = []

    def counted(*arguments: Any) -> Any:
        found = prepare(*arguments)
        asked.append(len(found.plan.apply))
        return found

    monkeypatch.setattr(check_folder, "prepare", counted)
    texts = [f"create table t{number} (x int);" for number in range(30)]
    texts[20] = (
        "create schema supabase_migrations; "
        "create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);"
    )
    told = checking(chatops_inprocess, any_server)(written(tmp_path / "files", *texts), code=1)
    assert {file["status"] for file in told["files"]} == {"applied"}
    assert asked == [30, 29, 9]  # from nothing; with a ledger; with a history of Supabase


def test_a_file_that_takes_rows_out_of_the_ledger_is_seen(chatops_inprocess: Any, any_server: Server, tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "create table a (x int);", "delete from chatops.migrations;", "create table b (x int);")
    told = checking(chatops_inprocess, any_server)(folder, code=4)
    assert [file["status"] for file in told["files"]] == ["applied", "applied", "failed"]


def test_where_backslashes_escape_the_file_that_has_one_fails_and_none_before_it(
    chatops_inprocess: Any, any_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "files", "create table a (x int);", r"create table b as select 'a\'' as x;")
    monkeypatch.setenv("PGOPTIONS", "-c standard_conforming_strings=off")
    told = checking(chatops_inprocess, any_server)(folder, code=4)
    assert [file["status"] for file in told["files"]] == ["applied", "failed"]
