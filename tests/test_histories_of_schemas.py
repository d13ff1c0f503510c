"""A history of another tool speaks of the schema into which that tool ran its files, and of no tenant beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.migrations.history_schema import done_by
from chatops.migrations.source import discover
from tests.conftest import Result
from tests.servers import Database

Chatops = Callable[..., Result]
FILES = {
    "20240101000000_shop": "create table shop (id int primary key);\ncreate view open_shops as select id from shop;",
    "20240102000000_label": "create table label (shop int references shop, name text);",
    "20240103000000_first": "insert into shop values (1);",
}
NAMING = {"20240101000000_audit": "create schema if not exists audit; create table audit.log (x int);"}
SUPABASE = """create schema supabase_migrations;
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);"""
IN_SUPABASE = "select version from supabase_migrations.schema_migrations order by 1"
PLACES = ("public", "tenant_a", "tenant_b")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A Supabase project of three files."""
    return written(tmp_path / "supabase" / "migrations", FILES)


def written(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(f"{text}\n", encoding="utf-8")
    return folder


def with_schemas(database: Database) -> Database:
    """The schemas of two tenants beside public."""
    database.script("create schema tenant_a; create schema tenant_b;")
    return database


def pushed(database: Database, schema: str, files: dict[str, str] = FILES) -> None:
    """Files that run in a schema as a tool would run them, whatever it remembers of them."""
    database.script("; ".join([f"set search_path = {schema}", *files.values(), "reset search_path"]))


def remembered(database: Database, kept: str, files: dict[str, str] = FILES) -> None:
    """A history that has all files: Supabase's, or dbmate's in a schema."""
    if kept == "supabase":
        database.script(SUPABASE)
        rows = ", ".join(f"('{name[:14]}', '{{x}}', '{name[15:]}')" for name in files)
        database.script(f"insert into supabase_migrations.schema_migrations values {rows};")
    else:
        rows = ", ".join(f"('{name[:14]}')" for name in files)
        database.script(f"create table {kept}.schema_migrations (version text primary key);"
                        f"insert into {kept}.schema_migrations values {rows};")  # fmt: skip


def works_in_tenant_b(database: Database) -> None:
    """The role's own search path begins with that schema."""
    database.execute("do $$ begin execute format('alter role %I in database %I set search_path = tenant_b, public', "
                     "current_user, current_database()); end $$")  # fmt: skip


def tables(database: Database, schema: str) -> list[str]:
    found = database.execute("select tablename from pg_tables where schemaname = %s order by 1", (schema,))
    return [name for (name,) in found if name != "schema_migrations"]


def proofs(chatops: Chatops, database: Database, folder: Path, schema: str) -> set[str]:
    told = json.loads(chatops("adopt", "--dir", folder, "--schema", schema, "--dry-run", "-o", "json", db=database).stdout)
    return {file["state"] for file in told["files"] if "first" not in file["name"]}


def test_files_that_were_pushed_into_public_run_in_a_tenant_beside_it(
    chatops_inprocess: Chatops, database_everywhere: Database, project: Path
) -> None:
    database = with_schemas(database_everywhere)
    pushed(database, "public")
    remembered(database, "supabase")
    before = database.execute(IN_SUPABASE)
    status = chatops_inprocess("status", "--dir", project, "--schema", "tenant_b", db=database, check=0)
    assert "3 files are pending" in status.stdout
    assert proofs(chatops_inprocess, database, project, "tenant_b") == {"pending"}
    done = chatops_inprocess("migrate", "--dir", project, "--schema", "tenant_b", "--yes", db=database, check=0)
    assert "recorded, not run" not in done.stderr
    assert "Supabase's history is not kept in step: it does not speak of tenant_b" in done.stderr
    assert tables(database, "tenant_b") == ["label", "shop"]
    assert database.value("select count(*) from public.shop") == database.value("select count(*) from tenant_b.shop") == 1
    (project / "20240104000000_more.sql").write_text("create table more ();\n")
    chatops_inprocess("migrate", "--dir", project, "--schema", "tenant_b", "--yes", db=database, check=0)
    assert tables(database, "tenant_b") == ["label", "more", "shop"]
    assert database.execute(IN_SUPABASE) == before  # `supabase db push` still has to bring it to public
    chatops_inprocess("migrate", "--dir", project, "--yes", db=database, check=0)
    assert tables(database, "public") == ["label", "more", "shop"]
    assert len(database.execute(IN_SUPABASE)) == 4


def test_many_tenants_are_migrated_beside_such_a_history(chatops_inprocess: Chatops, database: Database, project: Path) -> None:
    with_schemas(database)
    pushed(database, "public")
    remembered(database, "supabase")
    chatops_inprocess("migrate", "--dir", project, "--all-schemas", "tenant_*", "--yes", db=database, check=0)
    assert tables(database, "tenant_a") == tables(database, "tenant_b") == ["label", "shop"]
    assert len(database.execute(IN_SUPABASE)) == 3


BY_WHOLE_NAMES = {
    "a table": "create table {}log2 (x int);",
    "a function": "create function {}touch() returns int language sql as 'select 1';",
    "a type": "create type {}mood as enum ('glad');",
    "a column": "alter table {}base add column y int;",
    "a policy": "create policy all_of_it on {}base using (true);",
    "an index that goes": "drop index {}base_x;",
    "rows": "insert into {}base values (7) on conflict (x) do update set x = 7;",
    "rows of a query": "with a as (select 7 as x from pg_class for update) insert into {}base select x from a;",
    "rows that go": "with gone as (delete from only {}base returning x) select count(*) from gone;",
    "rows that change": "update {}base set x = x;",
    "rows that change behind a query": "with a as (select 7 as x) update {}base set x = a.x from a;",
    "rows that are merged": "merge into {}base as b using (select 7 as x) as a on a.x = b.x when matched then delete "
                            "when not matched then insert (x) values (a.x);",
    "all rows": "truncate table {}base;",
    "rows beside temporary ones": "create temporary table t (x int); insert into t values (1); insert into {}base select x from t;",
    "rows of a path": "set local search_path = tenant_b; insert into base values (8); set local search_path = default; "
                      "update {}base set x = x;",
}  # fmt: skip


@pytest.mark.parametrize("what", BY_WHOLE_NAMES)
def test_files_that_name_their_schema_everywhere_are_in_for_every_tenant_and_others_are_not(what: str, tmp_path: Path) -> None:
    named, bare = (BY_WHOLE_NAMES[what].format(prefix) for prefix in ("public.", ""))
    for beside in ({}, NAMING):
        for at, (text, everywhere) in enumerate(((named, True), (bare, False))):
            files = {**beside, "20240102000000_more": text}
            done = done_by(discover(written(tmp_path / f"{len(beside)}-{at}", files)).files)
            assert (done.named and not done.bare) == everywhere, text


def test_what_files_do_by_bare_names_is_done_for_a_tenant(chatops_inprocess: Chatops, database: Database, tmp_path: Path) -> None:
    with_schemas(database)
    database.script("; ".join(f"create table {place}.base (x int)" for place in PLACES))
    files = {"20240101000000_audit": "create schema if not exists audit;", "20240102000000_rows": "insert into base values (7);"}
    pushed(database, "public", files)
    remembered(database, "supabase", files)
    folder = written(tmp_path / "supabase" / "migrations", files)
    chatops_inprocess("migrate", "--dir", folder, "--schema", "tenant_a", "--yes", db=database, check=0)
    assert database.value("select count(*) from tenant_a.base") == 1


def test_files_that_name_their_schema_are_in_for_every_tenant(
    chatops_inprocess: Chatops, database: Database, tmp_path: Path
) -> None:
    with_schemas(database)
    pushed(database, "public", NAMING)
    remembered(database, "supabase", NAMING)
    folder = written(tmp_path / "supabase" / "migrations", NAMING)
    done = chatops_inprocess("migrate", "--dir", folder, "--schema", "tenant_a", "--yes", db=database, check=0)
    assert "recorded, not run" in done.stderr


def test_a_project_that_lives_in_a_schema_of_its_own_is_known_by_its_tables(
    chatops_inprocess: Chatops, database: Database, project: Path
) -> None:
    with_schemas(database)
    pushed(database, "tenant_a")
    remembered(database, "supabase")
    (project / "20240104000000_more.sql").write_text("create table more ();\n")
    done = chatops_inprocess("migrate", "--dir", project, "--schema", "tenant_a", "--yes", db=database, check=0)
    assert "recorded, not run" in done.stderr
    assert tables(database, "tenant_a") == ["label", "more", "shop"]
    assert len(database.execute(IN_SUPABASE)) == 4


@pytest.mark.parametrize("asked", PLACES)
@pytest.mark.parametrize("stands", PLACES)
@pytest.mark.parametrize("kept", ["supabase", "public", "tenant_a"])
def test_what_is_nowhere_in_a_schema_is_never_proven_there_by_a_history(
    chatops_inprocess: Chatops, database: Database, project: Path, kept: str, stands: str, asked: str
) -> None:
    """Which tool and where it keeps its history × where the tables stand × which schema is asked about."""
    with_schemas(database)
    pushed(database, stands)
    remembered(database, kept)
    found = proofs(chatops_inprocess, database, project, asked)
    if asked == stands:
        assert found == {"applied"}
    elif asked == "public" and kept == "supabase":
        assert found == {"partial"}  # what the tool ran by itself was to go there, and is not there
    elif asked == kept:
        assert found == {"partial"}
    else:
        assert found == {"pending"}


@pytest.mark.parametrize("kept", ["supabase", "public"])
def test_where_two_schemas_have_it_all_each_is_proven_by_what_stands_in_it(
    chatops_inprocess: Chatops, database: Database, project: Path, kept: str
) -> None:
    with_schemas(database)
    pushed(database, "public")
    pushed(database, "tenant_a")
    remembered(database, kept)
    assert proofs(chatops_inprocess, database, project, "tenant_a") == {"applied"}
    shown = chatops_inprocess("adopt", "--dir", project, "--schema", "tenant_a", "--dry-run", db=database).stdout
    assert "no evidence here: it does not speak of tenant_a" in shown
    assert "Evidence: " in chatops_inprocess("adopt", "--dir", project, "--dry-run", db=database).stdout


@pytest.mark.parametrize("stands", PLACES)
@pytest.mark.parametrize("kept", ["supabase", "public", "tenant_b"])
def test_a_role_that_works_in_a_schema_of_its_own_is_told_nothing_of_what_stands_in_another_one(
    chatops_inprocess: Chatops, database: Database, project: Path, kept: str, stands: str
) -> None:
    """The same where nobody names a schema, and the role's search path begins with tenant_b."""
    with_schemas(database)
    pushed(database, stands)
    remembered(database, kept)
    works_in_tenant_b(database)
    told = json.loads(chatops_inprocess("adopt", "--dir", project, "--dry-run", "-o", "json", db=database).stdout)
    states = {file["state"] for file in told["files"] if "first" not in file["name"]}
    assert states == {"applied" if stands == "tenant_b" else "partial" if kept == "tenant_b" else "pending"}
    if kept == "supabase":
        done = chatops_inprocess("migrate", "--dir", project, "--yes", db=database, check=0)
        assert ("recorded, not run" in done.stderr) == (stands == "tenant_b")
        assert tables(database, "tenant_b") == ["label", "shop"]
        assert len(database.execute(IN_SUPABASE)) == 3


def test_a_history_speaks_of_the_schema_in_which_most_of_it_stands(
    chatops_inprocess: Chatops, database: Database, project: Path
) -> None:
    """One table that somebody dropped in public changes nothing."""
    with_schemas(database)
    pushed(database, "public")
    remembered(database, "supabase")
    database.script("drop table public.label;")
    works_in_tenant_b(database)
    done = chatops_inprocess("migrate", "--dir", project, "--yes", db=database, check=0)
    assert "recorded, not run" not in done.stderr
    assert tables(database, "tenant_b") == ["label", "shop"]
