"""adopt on other people's folders: the corpus, drift of every kind, the histories of other tools, a wrong adopt taken back."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops import db
from chatops import settings as configured
from chatops.migrations.fingerprint import fingerprint
from tests.conftest import LONG, ROOT, Result
from tests.servers import Database, Server, run

Run = Callable[..., Result]
CORPUS = ROOT / "tests" / "corpus" / "folders"
PROJECT = Path(__file__).with_name("supabase_project") / "supabase" / "migrations"


def told(chatops: Run, database: Database, folder: Path, *options: object, check: int | None = 0) -> dict[str, Any]:
    """What adopt tells programs."""
    shown = chatops("adopt", "--dir", folder, *options, "-o", "json", db=database, check=check)
    return dict(json.loads(shown.stdout))


def states(shown: dict[str, Any]) -> str:
    """The verdicts in order."""
    return " ".join(file["state"] for file in shown["files"])


def written(folder: Path, *texts: str) -> Path:
    """A folder of numbered files."""
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts, 1):
        (folder / f"{number:03}_x.sql").write_text(text + "\n", encoding="utf-8")
    return folder


def by_psql(database: Database, folder: Path, *names: str) -> None:
    """Runs files of a folder as people do: all, or those named."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() == ".sql" and (not names or path.stem in names):
            done = database.psql(path.read_text(encoding="utf-8"), "-1")
            assert done.returncode == 0, f"{path.name}: {done.stderr}"


# -- the corpus ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "ran", "expected"),
    [
        ("02-temp-table-shadow", (), "applied applied"),
        ("02-temp-table-shadow", ("001_base",), "applied unprovable"),
        ("30-adopt-long-name", (), "applied applied"),
        ("31-adopt-drop-function-without-arguments", (), "applied applied"),
        ("33-adopt-set-search-path", (), "applied applied"),
        ("36-adopt-behind", ("001_a",), "applied pending pending"),
        ("38-adopt-constraint-dropped-and-made-again-in-the-file", (), "applied applied"),
        ("40-adopt-behind-false-applied", ("001_a",), "applied unprovable unprovable unprovable"),
    ],
)
def test_a_folder_of_the_corpus(
    case: str, ran: tuple[str, ...], expected: str, chatops_inprocess: Run, database_everywhere: Database
) -> None:
    by_psql(database_everywhere, CORPUS / case, *ran)
    shown = told(chatops_inprocess, database_everywhere, CORPUS / case)
    assert states(shown) == expected
    wanted = [file["name"] for file in shown["files"] if file["state"] == "applied"]
    assert shown["to_record"] == wanted


def test_what_a_later_file_makes_again_is_read_on_18(chatops_inprocess: Run, database: Database) -> None:
    by_psql(database, CORPUS / "45-postgres-18")
    assert states(told(chatops_inprocess, database, CORPUS / "45-postgres-18")) == "applied applied"


def test_rows_that_are_still_to_come_come_with_migrate(chatops_inprocess: Run, database: Database) -> None:
    folder = CORPUS / "40-adopt-behind-false-applied"
    by_psql(database, folder, "001_a")
    chatops_inprocess("adopt", "--dir", folder, "--yes", db=database, check=0)
    chatops_inprocess("migrate", "--dir", folder, "--yes", db=database, check=0)
    assert database.execute("select name from plans order by id") == [("basic",), ("paid",)]


def test_supabases_history_says_what_is_in_and_what_is_not(chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CORPUS / "41-supabase-history", tmp_path / "supabase" / "migrations"))
    (folder / "20240103000000_rows.sql").write_text("insert into public.labels values (2);\n")
    by_psql(database, folder, "20240101000000_a")
    database.script(
        "create schema supabase_migrations; create table supabase_migrations.schema_migrations "
        "(version text primary key, statements text[], name text);"
        "insert into supabase_migrations.schema_migrations values ('20240101000000', null, 'a')"
    )
    shown = told(chatops_inprocess, database, folder)
    assert states(shown) == "applied pending pending"
    assert shown["histories"] == [{"tool": "Supabase", "table": "supabase_migrations.schema_migrations"}]
    chatops_inprocess("adopt", "--dir", folder, "--yes", db=database, check=0)
    chatops_inprocess("migrate", "--dir", folder, "--yes", db=database, check=0)
    assert database.execute("select id from labels order by id") == [(1,), (2,)]


SHAPES = {
    "a check without a name, made again": (
        "applied unprovable",
        "create table t (a int check (a > 0), b int, check (a < b))",
        "alter table t drop constraint t_a_check; alter table t add check (a >= 0)",
    ),
    "an exclusion without a name, made again": (
        "applied unprovable",
        "create table t (a int4range, exclude using gist (a with &&))",
        "alter table t drop constraint t_a_excl; alter table t add exclude using gist (a with &&)",
    ),
    "a schema under another name": (
        "applied applied applied",
        "create schema app; create table app.u (b int); create index i on app.u (b)",
        "alter schema app rename to api",
        "alter table api.u add column c int",
    ),
    "a sequence that goes with its table": (
        "unprovable unprovable unprovable applied",
        "create sequence s; create table t (a int default nextval('s'))",
        "alter sequence s owned by t.a",
        "drop table t",
        "create table u (a int)",
    ),
    "a sequence that goes with its column": (
        "applied unprovable applied applied",
        "create sequence s; create table t (a int default nextval('s'), b int)",
        "alter sequence s owned by t.a",
        "alter table t drop column a",
        "create table u (a int)",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_ran_is_never_pending(shape: str, chatops_inprocess: Run, database_everywhere: Database, tmp_path: Path) -> None:
    expected, *texts = SHAPES[shape]
    folder = written(tmp_path / "files", *texts)
    by_psql(database_everywhere, folder)
    assert states(told(chatops_inprocess, database_everywhere, folder, check=None)) == expected


def test_what_is_made_unless_it_is_there_was_not_there_before(chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    folder = written(
        tmp_path / "files", "create table a (x int default 0, y bigint)", "create table if not exists a (x int, y bigint)"
    )
    by_psql(database, folder, "002_x")
    assert states(told(chatops_inprocess, database, folder, check=None)).startswith("pending")


ROWS = {
    "written out": ("applied applied", "insert into t values (1, 'a'), (2, null);", ""),
    "written out, one of them gone": (
        "applied unprovable",
        "insert into t values (1, 'a'), (2, null);",
        "delete from t where id = 2",
    ),
    "written out, and something else is done": (
        "applied unprovable",
        "insert into t values (1, 'a'); delete from t where id = 7;",
        "",
    ),
    "written out, and a block writes the table": (
        "applied unprovable",
        "insert into t values (1, 'a'); do $$ begin execute 'insert into t values (3)'; end $$;",
        "",
    ),
    "not written out": ("applied unprovable", "insert into t select 1, 'a';", ""),
    "as volatile as can be": ("applied unprovable", "insert into t values (1, now()::text);", ""),
}


@pytest.mark.parametrize("case", ROWS)
def test_rows_prove_a_file_where_no_other_can_have_written_them(
    case: str, chatops_inprocess: Run, database: Database, tmp_path: Path
) -> None:
    expected, rows, after = ROWS[case]
    folder = written(tmp_path / "files", "create table t (id int primary key, word text)", rows)
    by_psql(database, folder)
    database.script(after or "select 1")
    shown = told(chatops_inprocess, database, folder)
    assert states(shown) == expected
    if expected == "applied applied":
        assert "rows of t" in str(shown["files"][1])
        database.execute("truncate t")
        assert states(told(chatops_inprocess, database, folder)) == "applied unprovable"


@pytest.mark.parametrize(
    ("change", "before", "expected"),
    [
        ("update t set n = n * 2 where id > 1", "", "applied applied"),
        ("update t set n = n * 2 where id > 1", "update t set n = 7 where id = 1", "applied unprovable"),
        ("update t set n = n * 0 + 5", "", "applied unprovable"),  # nothing changes: it may as well not have run
        ("update t set n = abs(n) + 1", "", "applied unprovable"),  # a function is never called
        ("update t set n = (select 9)", "", "applied unprovable"),
        ("update t set n = n + 1 from generate_series(1, 1)", "", "applied applied"),
    ],
)
def test_a_changed_row_proves_the_file_that_changes_it_so(
    change: str, before: str, expected: str, chatops_inprocess: Run, database: Database, tmp_path: Path
) -> None:
    folder = written(
        tmp_path / "files", "create table t (id int primary key, n int); insert into t (id, n) values (1, 5), (2, 5)", change
    )
    by_psql(database, folder)
    database.script(before or "select 1")
    assert states(told(chatops_inprocess, database, folder)) == expected


def test_two_files_that_write_the_same_row_prove_neither(chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    insert = "insert into t (id) values (1) on conflict do nothing"
    folder = written(tmp_path / "files", "create table t (id int primary key)", insert, insert)
    by_psql(database, folder, "001_x", "003_x")
    assert states(told(chatops_inprocess, database, folder)) == "applied unprovable unprovable"


# -- the histories of other tools ----------------------------------------------------------------------------------------

HISTORIES = {
    "dbmate": "create table schema_migrations (version varchar primary key); insert into schema_migrations values ('001'), ('003')",
    "golang-migrate": "create table schema_migrations (version bigint primary key, dirty boolean not null); "
    "insert into schema_migrations values (3, false)",
    "Flyway": "create table flyway_schema_history (version varchar, script varchar, success boolean); "
    "insert into flyway_schema_history values ('1', 'V1__x.sql', true), ('3', 'V3__x.sql', true), ('4', 'V4__x.sql', false)",
    "goose": "create table goose_db_version (id serial, version_id bigint, is_applied boolean, tstamp timestamp); "
    "insert into goose_db_version (version_id, is_applied) values (0, true), (1, true), (3, true), (4, true), (4, false)",
    "Prisma": "create table _prisma_migrations (migration_name varchar, finished_at timestamptz, rolled_back_at timestamptz); "
    "insert into _prisma_migrations values ('001_x', now(), null), ('003_x', now(), null), ('004_x', null, null)",
    "node-pg-migrate": "create table pgmigrations (id serial, name varchar, run_on timestamp); "
    "insert into pgmigrations (name) values ('001_x'), ('003_x')",
    "Alembic": "create table alembic_version (version_num varchar); insert into alembic_version values ('001'), ('003')",
    "sql-migrate": "create table gorp_migrations (id text, applied_at timestamptz); "
    "insert into gorp_migrations values ('001_x.sql'), ('003_x.sql')",
}


FLYWAY = """create table flyway_schema_history (installed_rank int, version varchar, description varchar, type varchar,
script varchar, success boolean); insert into flyway_schema_history values """
ATLAS = """create table atlas_schema_revisions (version varchar, description varchar, type int, applied int, total int);
insert into atlas_schema_revisions values """
TURNS = {  # what a history says besides: the tool, its table, the files' names, and the verdicts
    "undone": ("Flyway", (f"{FLYWAY} (1, '1', 'x', 'SQL', 'V1__x.sql', true), (2, '2', 'x', 'SQL', 'V2__x.sql', true),"
               " (3, '2', 'x', 'UNDO_SQL', 'U2__x.sql', true)"), "001_x 002_x 003_x", "applied pending pending"),
    "taken out": ("Flyway", (f"{FLYWAY} (1, '1', 'x', 'SQL', 'V1__x.sql', true), (2, '2', 'x', 'SQL', 'V2__x.sql', true),"
                  " (3, '2', 'x', 'DELETE', 'V2__x.sql', true)"), "001_x 002_x 003_x", "applied pending pending"),
    "run anew": ("Flyway", (f"{FLYWAY} (1, '1', 'x', 'SQL', 'V1__x.sql', true), (2, '1', 'x', 'UNDO_SQL', 'U1__x.sql', true),"
                 " (3, '1', 'x', 'SQL', 'V1__x.sql', true)"), "001_x 002_x 003_x", "applied pending pending"),
    "baseline": ("Flyway", f"{FLYWAY} (1, '2', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', true)",
                 "001_x 002_x 003_x", "applied applied pending"),
    "dotted": ("Flyway", f"{FLYWAY} (1, '1.1', 'x', 'SQL', 'V1_1__x.sql', true), (2, '1.10', 'x', 'SQL', 'V1_10__x.sql', true)",
               "1.1_x 1.2_x 1.10_x", "applied pending applied"),
    "half-way": ("Atlas", f"{ATLAS} ('001', 'x', 2, 1, 1), ('002', 'x', 2, 1, 3)", "001_x 002_x 003_x", "applied unprovable pending"),
    "its baseline": ("Atlas", f"{ATLAS} ('002', 'x', 1, 0, 0)", "001_x 002_x 003_x", "applied applied pending"),
    "dirty": ("golang-migrate", ("create table schema_migrations (version bigint, dirty boolean);"
              " insert into schema_migrations values (2, true)"), "001_x.up 002_x.up 003_x.up", "applied unprovable pending"),
    "failed": ("Liquibase", ("create table databasechangelog (id varchar, filename varchar, exectype varchar); insert into"
               " databasechangelog values ('a', 'db/001_x.sql', 'EXECUTED'), ('b', 'db/002_x.sql', 'FAILED')"),
               "001_x 002_x 003_x", "applied pending pending"),
    "other words": ("Knex", "create table knex_migrations (name varchar); insert into knex_migrations values ('001_x.js')",
                    "001_x.up 002_x.up 003_x.up", "applied pending pending"),
    "stamps": ("Diesel", ("create table __diesel_schema_migrations (version varchar, run_on timestamp); insert into"
               " __diesel_schema_migrations values ('20240101000000')"),
               "2024-01-01-000000_x 2024-01-02-000000_x 2024-01-02-000001_x", "applied pending pending"),
    "one number": ("tern", "create table schema_version (version int); insert into schema_version values (2)",
                   "001_x 002_x 003_x", "applied applied pending"),
    "rows": ("Postgrator", ("create table schemaversion (version bigint, name text, md5 text, run_at timestamptz);"
             " insert into schemaversion values (0), (1)"), "001.do.x 002.do.x 003.do.x", "applied pending pending"),
    "by name": ("Entity Framework", ('create table "__EFMigrationsHistory" ("MigrationId" varchar, "ProductVersion" varchar);'
                """ insert into "__EFMigrationsHistory" values ('20240101000000_X', '8')"""),
                "20240101000000_X 20240102000000_X 20240103000000_X", "applied pending pending"),
}  # fmt: skip


@pytest.mark.sampled(5)
@pytest.mark.parametrize("turn", TURNS)
def test_what_a_history_says_besides(turn: str, chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    tool, table, names, verdicts = TURNS[turn]
    (tmp_path / "files").mkdir()
    for number, name in enumerate(names.split()):
        (tmp_path / "files" / f"{name}.sql").write_text(f"insert into t values ((select {number}))", encoding="utf-8")
    database.script(f"create table t (x int); {table}")
    shown = told(chatops_inprocess, database, tmp_path / "files")
    assert (states(shown), [one["tool"] for one in shown["histories"]]) == (verdicts, [tool])


def test_a_file_of_several_changes_is_in_when_each_of_them_is(chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    text = "--liquibase formatted sql\n--changeset a:1\ninsert into t values (1);\n--changeset a:2\ninsert into t select 2;"
    folder = written(tmp_path / "files", text, text)
    database.script("create table t (x int); create table databasechangelog (id varchar, filename varchar, exectype varchar)")
    rows = "insert into databasechangelog values ('1', 'db/001_x.sql', 'EXECUTED'), ('2', 'db/001_x.sql', 'MARK_RAN')"
    database.script(f"{rows}, ('1', 'db/002_x.sql', 'EXECUTED')")
    assert states(told(chatops_inprocess, database, folder)) == "applied unprovable"


def test_a_file_is_known_by_its_hash(chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "insert into t select 1", "insert into t select 2")
    known = hashlib.sha256((folder / "001_x.sql").read_bytes()).hexdigest()
    database.script("create schema drizzle; create table t (x int); create table drizzle.__drizzle_migrations (id serial,"
                    f" hash text, created_at bigint); insert into drizzle.__drizzle_migrations (hash) values ('{known}')")  # fmt: skip
    assert states(told(chatops_inprocess, database, folder)) == "applied pending"


@pytest.mark.parametrize("tool", HISTORIES)
def test_the_history_of(tool: str, chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    """…says of files that move rows alone whether they ran: in where it has them, not in where it has them not."""
    rows = "insert into t values ({})"
    folder = written(tmp_path / "files", "create table t (x int)", rows.format(2), rows.format(3), rows.format(4))
    database.script("create table t (x int)")
    database.script(HISTORIES[tool])
    shown = told(chatops_inprocess, database, folder)
    second = "applied" if tool == "golang-migrate" else "pending"  # it remembers one number, to which all is in
    assert states(shown) == f"applied {second} applied pending"
    assert [one["tool"] for one in shown["histories"]] == [tool]


def test_a_history_that_knows_none_of_the_files_says_nothing(chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "create table t (x int)", "insert into t select 1", "create view v as select 1")
    by_psql(database, folder)
    database.script("create table schema_migrations (version varchar); insert into schema_migrations values ('20200101000000')")
    shown = told(chatops_inprocess, database, folder)
    assert states(shown) == "applied unprovable applied"
    assert shown["histories"] == []


# -- drift -----------------------------------------------------------------------------------------------------------------

BASE = """create type mood as enum ('calm', 'cross');
create table t (id int primary key, a int default 5, b numeric(6, 2) not null, at timestamptz default now(), m mood default 'calm',
  constraint positive check (a > 0), constraint refers foreign key (a) references t (id) on delete cascade);
alter table t enable row level security;
create index i on t (a, lower(b::text)) where a in (1, 2);
create policy p on t for select to public using (a > 0 and (b is not null or a = 3));
create function f(x int) returns int language sql stable security definer set search_path = public as $$ select x $$;
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger g before insert or update on t for each row when (new.a is distinct from 4) execute function touch();
create view v with (security_invoker = true) as select id, a from t where a > 1;"""


def test_what_the_server_spells_in_its_own_way_is_no_drift(
    chatops_inprocess: Run, database_everywhere: Database, tmp_path: Path
) -> None:
    folder = written(tmp_path / "files", BASE)
    by_psql(database_everywhere, folder)
    (file,) = told(chatops_inprocess, database_everywhere, folder)["files"]
    assert (file["state"], file["missing"], file["drift"]) == ("applied", [], [])


DRIFTS = {
    "policy": ("alter policy p on t using (a > 1)", "using of policy p on t", "a > 1"),
    "roles of a policy": ("alter policy p on t to pg_monitor", "roles of policy p on t", "pg_monitor"),
    "check": (
        "alter table t drop constraint positive, add constraint positive check (a > 1)", "check of constraint positive on t", "a > 1",
    ),
    "foreign key": (
        "alter table t drop constraint refers, add constraint refers foreign key (a) references t (id)",
        "definition of constraint refers on t", "foreign key (a) references t(id)",
    ),
    "index": ("drop index i; create index i on t (a) where a in (1, 2)", "keys of index i", "a"),
    "where of an index": ("drop index i; create index i on t (a, lower(b::text)) where a in (1, 3)", "where of index i", "3"),
    "unique": ("drop index i; create unique index i on t (a, lower(b::text)) where a in (1, 2)", "unique of index i", "yes"),
    "trigger state": ("alter table t disable trigger g", "state of trigger g on t", "D"),
    "trigger": (
        "create or replace trigger g after insert on t for each row when (new.a is distinct from 4) execute function touch()",
        "definition of trigger g on t", "after insert",
    ),
    "security": ("alter function f(int) security invoker", "security of function f(integer)", "invoker"),
    "search path": ("alter function f(int) reset search_path", "search path of function f(integer)", ""),
    "volatility": ("alter function f(int) immutable", "volatility of function f(integer)", "immutable"),
    "body": (
        "create or replace function f(x int) returns int language sql stable security definer set search_path = public as 'select 1'",
        "function f(integer)", "select 1",
    ),
    "default": ("alter table t alter a set default 6", "default of t.a", "6"),
    "default that is gone": ("alter table t alter at drop default", "default of t.at", ""),
    "type": ("alter table t alter b type numeric(8, 2)", "type of t.b", "numeric(8,2)"),
    "view": ("create or replace view v with (security_invoker = true) as select id, a from t where a > 2", "query of view v", "> 2"),
    "security of a view": ("alter view v reset (security_invoker)", "security invoker of view v", "no"),
}  # fmt: skip


@pytest.mark.sampled(6)
@pytest.mark.parametrize("kind", DRIFTS)
def test_drift_is_told_with_both_texts(kind: str, chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    change, what, now = DRIFTS[kind]
    if kind == "type":
        change = f"drop index i; drop policy p on t; {change}; create index i on t (a, lower(b::text)) where a in (1, 2);"
        change += "create policy p on t for select to public using (a > 0 and (b is not null or a = 3))"
    folder = written(tmp_path / "files", BASE)
    by_psql(database, folder)
    assert database.psql(change).returncode == 0
    (file,) = told(chatops_inprocess, database, folder, check=1)["files"]
    if (kind, what) == ("security of a view", what):
        # A file's `yes` that is not so is missing, like row level security that is off.
        assert (file["state"], file["missing"]) == ("partial", [what])
        return
    assert [one["what"] for one in file["drift"]] == [what], file
    assert (file["state"], now in file["drift"][0]["database"]) == ("conflict", True), file
    assert file["drift"][0]["file"] != file["drift"][0]["database"]
    shown = chatops_inprocess("adopt", "--dir", folder, "--diff", db=database, check=1).stdout
    assert f"001_x: {what}" in shown


# -- the whole folder, whatever of it is in -----------------------------------------------------------------------------


def schema(database: Database) -> str:
    """The fingerprint of its schema public."""
    target = configured.resolve(configured.Options((database.url,), None, "public"))
    with db.connect(target, "test") as connection:
        return fingerprint(connection).text


@pytest.mark.long
def test_the_applications_own_folder_ends_in_the_same_schema_whatever_prefix_of_it_is_in(
    chatops_inprocess: Run, new_database: Callable[..., Database], server: Server
) -> None:
    paths = sorted(PROJECT.glob("[0-9]*.sql"))
    whole = new_database()
    for path in paths:
        assert whole.psql(path.read_text(encoding="utf-8")).returncode == 0
    wanted = schema(whole)
    growing = new_database()
    for index, path in enumerate(paths):
        if not LONG and index % 3:  # every third of the prefixes
            assert growing.psql(path.read_text(encoding="utf-8")).returncode == 0
            continue
        growing.close()
        database = new_database(template=growing.name)
        chatops_inprocess("adopt", "--dir", PROJECT, "--yes", db=database, check=0)
        chatops_inprocess("migrate", "--dir", PROJECT, "--yes", db=database, check=0)
        assert schema(database) == wanted, f"{index} files were in"
        assert growing.psql(path.read_text(encoding="utf-8")).returncode == 0


def test_a_later_text_of_a_function_is_not_taken_for_applied_where_an_earlier_one_stands(
    chatops_inprocess: Run, database: Database
) -> None:
    for path in sorted(PROJECT.glob("[0-9]*.sql"))[:16]:  # to 014
        assert database.psql(path.read_text(encoding="utf-8")).returncode == 0
    shown = told(chatops_inprocess, database, PROJECT)
    assert {file["name"]: file["state"] for file in shown["files"]}["015_fix_assignment_function"] == "pending"
    assert "015_fix_assignment_function" not in shown["to_record"]


def test_a_file_that_was_left_out_is_named_and_run_late(chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "create table a (x int)", "create index i on a (x)", "create table b (x int)")
    by_psql(database, folder, "001_x", "003_x")
    shown = told(chatops_inprocess, database, folder)
    assert (states(shown), shown["to_record"], shown["late"]) == ("applied pending applied", ["001_x", "003_x"], ["002_x"])
    done = chatops_inprocess("adopt", "--dir", folder, "--yes", db=database, check=0)
    assert "--allow-out-of-order" in done.stderr
    chatops_inprocess("migrate", "--dir", folder, "--allow-out-of-order", "--yes", db=database, check=0)
    assert database.value("select to_regclass('i') is not null")


def test_nothing_is_proposed_where_a_file_that_was_left_out_would_undo_a_later_one(
    chatops_inprocess: Run, database: Database, tmp_path: Path
) -> None:
    folder = written(
        tmp_path / "files", "create table a (x int)", "create table b (x int); create policy p on a using (true)",
        "drop policy if exists p on a; create policy p on a using (x > 0)",
    )  # fmt: skip
    by_psql(database, folder, "001_x", "003_x")
    shown = told(chatops_inprocess, database, folder, check=1)
    assert shown["to_record"] == []
    assert "002_x cannot run now: policy p on a is there already" in shown["obstacles"]
    refused = chatops_inprocess("adopt", "--dir", folder, "--yes", db=database, check=4)
    assert "002_x cannot run now" in refused.stderr
    assert "--through 003" in refused.stderr


# -- a wrong adopt ---------------------------------------------------------------------------------------------------------


def test_a_wrong_adopt_is_taken_back(chatops_inprocess: Run, database: Database, tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "create table a (x int)", "create table b (x int)", "create table c (x int)")
    by_psql(database, folder, "001_x")
    chatops_inprocess("adopt", "--dir", folder, "--through", "003", "--yes", db=database, check=0)
    chatops_inprocess("adopt", "--dir", folder, "--forget", "002", "--forget", "003_x", "--yes", db=database, check=0)
    chatops_inprocess("migrate", "--dir", folder, "--yes", db=database, check=0)
    assert database.value("select to_regclass('c') is not null")
    # What was run is not forgotten, and nothing is once something ran on the strength of it.
    assert ", not missing or adopted" in chatops_inprocess("adopt", "--dir", folder, "--forget", "2", db=database, check=2).stderr
    refused = chatops_inprocess("adopt", "--dir", folder, "--forget", "1", "--yes", db=database, check=4)
    assert "002_x, 003_x ran after the adopt; nothing was changed" in refused.stderr


def test_a_standby_answers_what_only_reads(own_server: Callable[..., Server], chatops_inprocess: Run, tmp_path: Path) -> None:
    server = own_server("18")
    database = server.create_database(name="standby")
    folder = written(tmp_path / "files", "create table a (x int); create policy p on a using (x > 0)", "create table b (x int)")
    by_psql(database, folder, "001_x")
    database.close()
    server.stop()
    assert server.data is not None
    run(["touch", server.data / "standby.signal"])
    server.start()
    shown = told(chatops_inprocess, database, folder)
    assert (states(shown), shown["to_record"]) == ("applied pending", ["001_x"])
    plan = chatops_inprocess("migrate", "--dir", folder, "--dry-run", db=database, check=0)
    assert "002_x" in plan.stdout
    assert (
        "create table b" in chatops_inprocess("migrate", "--dir", folder, "--dry-run", "-o", "sql", db=database, check=0).stdout
    )
    for command in ("adopt", "migrate", "rehearse"):
        assert "standby" in chatops_inprocess(command, "--dir", folder, "--yes", db=database, check=4).stderr
