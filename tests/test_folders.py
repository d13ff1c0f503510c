"""Folders of other people: which files run, in which order, under which name, and that they leave what psql leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatops.errors import UsageError
from chatops.migrations.layout import key_of, order_of, sort_out
from chatops.migrations.preflight import examine
from tests.conftest import ROOT, Result
from tests.servers import Database, run

Chatops = Callable[..., Result]
CORPUS = ROOT / "tests" / "corpus" / "folders"
LEDGER = "select source, name from chatops.migrations order by source, name"


def folder(tmp_path: Path, files: dict[str, str], name: str = "migrations") -> Path:
    made = tmp_path / name
    for file, text in files.items():
        (made / file).parent.mkdir(parents=True, exist_ok=True)
        (made / file).write_text(text)
    return made


def dump(database: Database) -> str:
    """Everything in a database but what chatops remembers, as pg_dump tells it."""
    dumped = run([database.server.bin / "pg_dump", "--no-owner", "--exclude-schema=chatops", database.url])
    assert dumped.returncode == 0, dumped.stderr
    return re.sub(r"(?m)^\\(un)?restrict .*$|^--.*$", "", dumped.stdout)


def by_psql(database: Database, *paths: Path) -> None:
    for path in paths:
        done = database.psql(path.read_text(), "-1", "-f", "-")
        assert done.returncode == 0, done.stderr


def applied(database: Database) -> list[str]:
    return [name for _, name in database.execute(LEDGER)]


# -- as psql ------------------------------------------------------------------------------------------------------------

AS_PSQL = [
    "02-temp-table-shadow", "03-mixed-width-numbers", "04-empty-files", "06-notices", "10c-deferred-other-tables",
    "15-long-number", "20-begin-commit", "25-names", "30-adopt-long-name", "31-adopt-drop-function-without-arguments",
    "33-adopt-set-search-path", "36-adopt-behind", "38-adopt-constraint-dropped-and-made-again-in-the-file",
    "40-adopt-behind-false-applied", "44-folder-without-git", "45-postgres-18", "53-path-from-current",
]  # fmt: skip


@pytest.mark.sampled(6)
@pytest.mark.parametrize("case", AS_PSQL)
def test_a_folder_leaves_what_psql_leaves(
    case: str, new_database: Callable[..., Database], any_server: object, chatops_inprocess: Chatops
) -> None:
    ours, theirs = new_database(on=any_server), new_database(on=any_server)
    if case == "45-postgres-18" and ours.server.version < 180000:
        pytest.skip("its text is for Postgres 18")
    files = sorted(
        (path for path in (CORPUS / case).iterdir() if path.suffix.lower() == ".sql"), key=lambda p: os.fsencode(p.name)
    )
    by_psql(theirs, *files)
    chatops_inprocess("migrate", "--dir", CORPUS / case, "--yes", db=ours, check=0)
    assert applied(ours) == sorted(path.stem for path in files)
    assert dump(ours) == dump(theirs)
    again = chatops_inprocess("migrate", "--dir", CORPUS / case, "--yes", db=ours, check=0)
    assert again.stdout.startswith("Nothing to apply")


MODULES = {
    "uuid-ossp": "uuid_generate_v4() returns uuid language sql as 'select gen_random_uuid()'",
    "pgcrypto": "gen_random_bytes(int) returns bytea language sql as 'select ''abc''::bytea'",
}


def test_a_file_sees_the_path_of_its_role(database_everywhere: Database, chatops_inprocess: Chatops) -> None:
    database = database_everywhere
    with database.role("shelver") as role:
        database.execute("create schema extensions; grant usage on schema extensions to public")
        # Where a contrib module is not there, a function of its name and place is.
        for module, function in MODULES.items():
            if database.value("select count(*) from pg_available_extensions where name = %s", (module,)):
                database.execute(f'create extension "{module}" schema extensions')
            else:
                database.execute(f"create function extensions.{function}")
        database.execute(f'alter role {role} set search_path = "$user", public, extensions')
        database.execute(f'grant create on database "{database.name}" to {role}; grant create on schema public to {role}')
        url = database.url.replace("postgres@", f"{role}@")
        chatops_inprocess("migrate", "--dir", CORPUS / "01-extensions-search-path", "--yes", db=url, check=0)
        database.execute("insert into shelves (label) values ('a')")
        assert database.value("select count(id) from shelves") == 1


def test_a_tenants_schema_stands_in_front_of_the_sessions_path(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database.execute("create schema \"Acme\"; create function public.answer() returns int language sql as 'select 42'")
    where = folder(tmp_path, {"001_t.sql": "create table t as select answer(), current_setting('search_path') as path"})
    chatops_inprocess("migrate", "--dir", where, "--schema", "Acme", "--yes", db=database, check=0)
    assert database.execute('select * from "Acme".t') == [(42, '"Acme", "$user", public')]


def test_what_a_file_sets_holds_for_its_later_statements_outside_a_transaction_too(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    text = (
        "create schema ship;\nset search_path to ship;\ncreate table crew (id int);\n"
        "create index concurrently crew_id on crew (id);\nset local work_mem = '1MB';\ninsert into crew values (1);\n"
    )
    chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_ship.sql": text}), "--yes", db=database, check=0)
    assert database.execute(
        "select indrelid::regclass::text, indisvalid from pg_index where indexrelid = 'ship.crew_id'::regclass"
    ) == [("ship.crew", True)]
    assert database.value("select count(*) from ship.crew") == 1


def test_another_tools_word_for_no_transaction_is_kept(database_everywhere: Database, chatops_inprocess: Chatops) -> None:
    done = chatops_inprocess("migrate", "--dir", CORPUS / "51-foreign-directives", "--yes", db=database_everywhere, check=0)
    assert database_everywhere.execute("select h::text from paint") == [("teal",)]
    assert "statement by statement" in done.stderr


NO_TRANSACTION = [
    "-- migrate:up transaction:false\n", "-- +goose NO TRANSACTION\n-- +goose Up\n", "-- +migrate Up notransaction\n",
    "-- transactional: false\n", "---- tern: disable-tx ----\n", "--! no-transaction\n", "-- :disable-transaction\n",
    "-- atlas:txmode none\n", "-- flyway:executeInTransaction=false\n", "-- evolve-tx-off\n", "-- no-transaction\n",
    "-- postgres-migrations disable-transaction\n", "-- txn-mode = off\n", "-- chatops: no-transaction\n",
    "--liquibase formatted sql\n--changeset me:1 runInTransaction:false\n", "-- +goose Up\n-- +goose NO TRANSACTION\n",
]  # fmt: skip


@pytest.mark.parametrize("head", NO_TRANSACTION)
def test_every_tools_word_for_no_transaction_is_known(head: str) -> None:
    read = examine("001_x.sql", f"{head}vacuum;\nselect 1;\n".encode())
    assert (read.mode, read.runnable) == ("statements", True)
    assert not [problem for problem in read.problems if problem.code == "mixed-file"]


@pytest.mark.parametrize(
    "head", ["-- no transaction is needed here\n", "-- transactional: true\n", "-- migrate:up\n", "-- +goose Up\n"]
)
def test_a_note_about_transactions_is_none(head: str) -> None:
    assert examine("001_x.sql", f"{head}select 1;\n".encode()).mode == "transaction"


# -- which files, in which order ----------------------------------------------------------------------------------------


def test_digits_that_go_on_as_a_word_are_no_number(database: Database, chatops_inprocess: Chatops) -> None:
    done = chatops_inprocess("migrate", "--dir", CORPUS / "49-digit-name", "--yes", db=database, check=0)
    assert applied(database) == ["001_first"]
    assert "ignored (no number): 2fa_backup_codes.sql, 3rd_party_cleanup_DO_NOT_RUN.sql" in done.stderr


@pytest.mark.parametrize(
    ("case", "tool", "way"),
    [
        ("19-flyway-folder", "Flyway", "V1__init.sql → 001_init.sql"),
        ("19c-prisma", "Prisma", "20240101000000_init/migration.sql"),
    ],
)
def test_the_layout_of_another_tool_is_named_with_what_to_do(
    case: str, tool: str, way: str, database: Database, chatops_inprocess: Chatops
) -> None:
    for command in ("migrate", "status"):
        refused = chatops_inprocess(command, "--dir", CORPUS / case, db=database, check=2)
        assert tool in refused.stderr
        assert way in refused.stderr


def test_the_way_out_of_folders_in_a_folder_works_as_printed(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(
        tmp_path,
        {"1700000000001_b/up.sql": "create table b ()", "1700000000001_b/down.sql": "drop table b",
         "1700000000000_a/up.sql": "create table a ()"},
    )  # fmt: skip
    refused = chatops_inprocess("migrate", "--dir", where, db=database, check=2)
    assert "Hasura" in refused.stderr
    step = refused.stderr.partition("make a folder of files: ")[2].splitlines()[0]
    subprocess.run(["bash", "-c", step], cwd=tmp_path, check=True)
    chatops_inprocess("migrate", "--dir", tmp_path / "flat", "--yes", db=database, check=0)
    assert applied(database) == ["1700000000000_a", "1700000000001_b"]


def test_two_files_that_differ_in_the_case_of_their_ending_alone_are_refused(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {"001_a.sql": "select 1", "001_a.SQL": "select 2"})
    assert "001_a" in chatops_inprocess("migrate", "--dir", where, db=database, check=2).stderr


def test_the_plan_says_which_order_it_follows(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    numbers = folder(tmp_path, {"9_a.sql": "select 1", "10_b.sql": "select 1"})
    stamps = folder(tmp_path, {"20260420_b.sql": "select 1", "20260420010000_a.sql": "select 1"}, "stamps")
    first = json.loads(chatops_inprocess("migrate", "--dir", numbers, "--dry-run", "-o", "json", db=database, check=0).stdout)
    then = json.loads(chatops_inprocess("migrate", "--dir", stamps, "--dry-run", "-o", "json", db=database, check=0).stdout)
    assert (first["order"], [row["name"] for row in first["pending"]]) == ("number", ["9_a", "10_b"])
    assert (then["order"], [row["name"] for row in then["pending"]]) == ("name", ["20260420010000_a", "20260420_b"])
    told = chatops_inprocess("migrate", "--dir", stamps, "--dry-run", db=database, check=0).stdout
    assert "to apply from files, in the order of their names" in told


@given(st.lists(st.from_regex(r"\A[0-9]{8,20}[_-][a-z]{1,3}\Z"), min_size=1, max_size=8, unique=True))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines may be busy
def test_time_stamps_come_in_the_order_of_their_bytes(names: list[str]) -> None:
    assert order_of(f"{name}.sql" for name in names) == "name"
    assert sorted(names, key=lambda name: key_of(name, "name")) == sorted(names, key=lambda name: f"{name}.sql".encode())


@given(st.lists(st.lists(st.integers(0, 120), min_size=1, max_size=4), min_size=1, max_size=8, unique_by=tuple))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_versions_come_in_the_order_of_their_parts(versions: list[list[int]]) -> None:
    names = [".".join(map(str, version)) + "_x" for version in versions]
    ordered = sorted(names, key=lambda name: key_of(name, "number"))
    assert ordered == [name for _, name in sorted(zip(versions, names, strict=True))]


@pytest.mark.parametrize("sign", ["##ddl##", "_", "-", "."])
def test_versions_are_no_numbers_that_several_files_bear(
    sign: str, database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    texts = {
        "1.0.0": "create table t (n int)",
        "1.0.2": "alter table t add m int",
        "1.0.10": "alter table t rename m to o; select 1/0",
    }
    where = folder(tmp_path, {f"{version}{sign}x.sql": text for version, text in texts.items()})
    chatops_inprocess("migrate", "--dir", where, "--to", "1.0.2", db=database, check=0)
    assert applied(database) == [f"1.0.0{sign}x", f"1.0.2{sign}x"]
    failed = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "1.0.10 was rolled back; nothing else was tried." in failed.stderr
    assert "bear the number" not in failed.stderr


def test_files_of_one_number_are_told_apart_where_one_fails(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {"001_a.sql": "select 1", "001_b.sql": "select 1/0", "001_c.sql": "select 1"})
    failed = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "001_b was rolled back; 001_a is in and stays in; 001_c was not tried." in failed.stderr


# -- what undoes is not run ---------------------------------------------------------------------------------------------

BOATS = "create table boats (id int primary key)"


@pytest.mark.parametrize("case", [path.name for path in sorted((CORPUS / "05-down-sections").iterdir())])
def test_the_part_that_goes_up_runs_and_the_other_is_left_out(
    case: str, database_everywhere: Database, chatops_inprocess: Chatops
) -> None:
    database = database_everywhere
    where = CORPUS / "05-down-sections" / case
    told = chatops_inprocess("migrate", "--dir", where, "--dry-run", db=database, check=0)
    if "empty" not in case:
        assert "left out" in told.stdout + told.stderr
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    assert database.value("select count(*) from boats") == 0
    assert len(applied(database)) == 1


TAKEN_APART = {
    "dbmate": ("-- migrate:up", "-- migrate:down"),
    "goose": ("-- +goose Up", "-- +goose Down"),
    "sql-migrate": ("-- +migrate Up", "-- +migrate Down"),
    "node-pg-migrate": ("-- Up Migration", "-- Down Migration"),
    "shmig": ("-- ====  UP  ====", "-- ==== DOWN ===="),
}
REFUSED = {
    "micrate": "-- +micrate Down", "rambler": "-- rambler down",
    "tern": "---- create above / drop below ----", "Play": "# --- !Downs", "MyBatis": "-- //@UNDO", "dbdeploy": "--//@UNDO",
    "Liquibase": "--rollback drop table boats;", "Atlas": "-- down.sql --", "Sqitch": "-- Revert shop:boats from pg",
    "another tool": "-- pgmigrate:down",
    "Alembic": "-- Running downgrade ae1027a6acf -> 1975ea83b712",
}  # fmt: skip


@pytest.mark.parametrize("tool", TAKEN_APART)
@given(
    semicolon=st.sampled_from([";", "", ";\n", " ;"]),
    down=st.sampled_from(["drop table boats;", "drop table boats", "drop table boats; 'never closed", "select $$ -- $$;"]),
    swapped=st.booleans(),
    case=st.sampled_from([str, str.upper, str.lower]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_only_the_part_that_goes_up_is_sent(
    tool: str, semicolon: str, down: str, swapped: bool, case: Callable[[str], str]
) -> None:
    up_mark, down_mark = (case(mark) for mark in TAKEN_APART[tool])
    parts = [f"{up_mark}\n{BOATS}{semicolon}\n", f"{down_mark}\n{down}\n"]
    if swapped and "never closed" in down:
        return  # the rest of the file would be that string's
    text = "".join(reversed(parts) if swapped else parts)
    read = examine("001_boats.sql", text.encode())
    assert [statement.text for statement in read.statements] == [BOATS]
    assert read.problems == ()
    assert "drop" not in read.sent
    assert len(read.sent) == len(read.text)
    assert any(tool in note for note in read.notes)


@pytest.mark.parametrize("tool", REFUSED)
def test_every_other_tools_mark_is_refused_by_name(tool: str) -> None:
    read = examine("001_boats.sql", f"{BOATS};\n{REFUSED[tool]}\ndrop table boats;\n".encode())
    assert [(problem.line, problem.code) for problem in read.problems if problem.severity == "error"] == [(2, "down-section")]
    assert tool in read.problems[0].message
    if tool != "Liquibase":  # it keeps what undoes in comments
        assert examine("001_boats.sql", f"{BOATS};\n{REFUSED[tool]}\n-- nothing\n".encode()).runnable


@pytest.mark.parametrize(
    ("mark", "runs"),
    [("context:test", False), ("labels:x", False), ("dbms:oracle", False), ("dbms:postgresql", True), ("runOnChange:true", True)],
)
def test_what_liquibase_runs_in_some_places_only_is_refused(mark: str, runs: bool) -> None:
    text = f"--liquibase formatted sql\n--changeset bob:1 {mark}\n{BOATS};\n"
    assert examine("001_boats.sql", text.encode()).runnable is runs


def test_sqitchs_and_alembics_words_in_a_sentence_are_no_mark() -> None:
    assert examine("001_x.sql", f"{BOATS};\n-- revert prices from text to numeric\nselect 1;".encode()).runnable


@pytest.mark.parametrize(
    "mark",
    [
        "-- down",
        "-- DOWN:",
        "-- Rollback",
        "-- undo",
        "/* DOWN */",
        "-- @down",
        "--- down migration ---",
        "-- [revert]",
        "--!Down",
    ],
)
def test_a_comment_that_says_no_more_than_down_is_refused_where_something_would_run(mark: str) -> None:
    up = "-- up\n" if "migration" not in mark else ""
    assert not examine("001_x.sql", f"{up}{BOATS};\n{mark}\ndrop table boats;\n".encode()).runnable
    # What is only told, as a note for people, does no harm.
    assert examine("001_x.sql", f"{BOATS};\n{mark}\n-- drop table boats;\n".encode()).problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "-- undo the harm of 006\nupdate t set n = 1;",
        "-- going down is not supported\nselect 1;",
        "create table t (\n  -- down\n  a int\n);",
        "select '\n-- migrate:down\n';\nselect 2;",
        "do $$\nbegin\n-- migrate:down\nend $$;",
        "/*\n-- migrate:down\n*/\nselect 1;",
        "create table rollback (id int); -- rollback\nselect 1;",
        "copy t from stdin;\n-- migrate:down\n\\.\nselect 1;",
    ],
)
def test_text_that_only_looks_like_a_mark_runs(text: str) -> None:
    read = examine("001_x.sql", text.encode())
    assert read.runnable, read.problems
    assert read.sent == read.text


def test_files_named_for_undoing_are_left_out_beside_their_partner_and_refused_alone(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    beside = {
        "001_a.sql": "create table a ()", "001_a_down.sql": "drop table a", "002_b.up.sql": "create table b ()",
        "002_b.down.sql": "drop table b", "003_c.sql": "create table c ()", "003_c-down.SQL": "drop table c",
        "004_d.sql": "create table d ()", "004_d_rollback.sql": "drop table d", "005_e-up.sql": "create table e ()",
        "005_e-undo.sql": "drop table e", "006.do.f.sql": "create table f ()", "006.undo.f.sql": "drop table f",
    }  # fmt: skip
    where = folder(tmp_path, beside)
    done = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    assert applied(database) == ["001_a", "002_b.up", "003_c", "004_d", "005_e-up", "006.do.f"]
    assert done.stderr.count("left out:") == 6
    (where / "007_slow_down.sql").write_text("create table slow ()")
    refused = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=4)
    assert "007_slow_down.sql" in refused.stderr
    assert "--all-files" in refused.stderr
    chatops_inprocess("migrate", "--dir", where, "--all-files", "--yes", db=database, check=0)
    assert applied(database)[-1] == "007_slow_down"
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)


def test_the_word_for_undoing_may_follow_the_number(tmp_path: Path) -> None:
    where = folder(
        tmp_path, {"001-up-a.sql": "", "001-down-a.sql": "", "002_down_payments.sql": "", "003_undo.sql": "", "003.sql": ""}
    )
    found = sort_out(where)
    assert found.migrations == ("001-up-a.sql", "002_down_payments.sql", "003.sql")
    assert [(one.name, one.partner) for one in found.undoing] == [("001-down-a.sql", "001-up-a.sql"), ("003_undo.sql", "003.sql")]
    assert not found.alone


def test_a_name_that_is_no_text_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_text("")
    (tmp_path / os.fsdecode(b"002_caf\xe9.sql")).write_text("")
    with pytest.raises(UsageError, match=r"not UTF-8.*002_caf\\xe9\.sql"):
        sort_out(tmp_path)


@pytest.mark.parametrize(("command", "hint"), [("\\if false", "nothing of the other branch"), ("\\q", "everything behind it")])
def test_a_command_of_psql_that_leaves_something_out_is_not_simply_to_be_removed(command: str, hint: str) -> None:
    (problem,) = examine("001_a.sql", f"{command}\ndrop table a;\n".encode()).problems
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("text", "runs"),
    [("set client_encoding = 'latin1'; select 'é'", False), ("set names 'SJIS'; select 'é'", False), ("set client_encoding='latin1'; select 1", True),
     ("set client_encoding TO 'UTF8'; select 'é'", True), ("SET client_encoding = UTF8;\nselect 'é'", True),
     ("select 'é'; set client_encoding to latin1;", True)],
)  # fmt: skip
def test_text_that_psql_would_read_in_another_encoding_is_refused(text: str, runs: bool) -> None:
    assert examine("001_a.sql", text.encode()).runnable is runs


def test_a_folder_of_what_undoes_is_not_recommended(tmp_path: Path, chatops_inprocess: Chatops) -> None:
    folder(tmp_path, {"up/001_a.sql": "", "down/001_a.sql": ""}, "all")
    told = chatops_inprocess(
        "migrate", "--dir", tmp_path / "all", "--dry-run", "--db", "postgresql://nobody@127.0.0.1:1/x", check=2
    )
    assert "up/ in it does" in told.stderr


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("begin;\ncreate table t ();\ncommit;\n", []),
        ("-- head\nstart transaction;\ncreate table t ();\nend", []),
        ("BEGIN WORK;\nselect 1;\nCOMMIT AND NO CHAIN;", []),
        ("begin isolation level read committed, read write, not deferrable;\nselect 1;\ncommit;\n", []),
        ("begin;\nselect 1;\nrollback;\n", ["1:1", "3:1"]),
        ("start transaction read only;\nselect 1;\ncommit;\n", ["1:1", "3:1"]),
        ("begin isolation level serializable;\nselect 1;\ncommit;\n", ["1:1", "3:1"]),
        ("begin;\nselect 1;\ncommit;\nbegin;\nselect 2;\ncommit;\n", ["3:1", "4:1"]),
        ("set x.y = 1;\nbegin;\nselect 1;\ncommit;\n", ["2:1", "4:1"]),
        ("begin;\nselect 1;\ncommit and chain;\n", ["1:1", "3:1"]),
    ],
)
def test_a_transaction_around_the_whole_file_is_left_out_and_any_other_refused_by_place(text: str, places: list[str]) -> None:
    read = examine("001_x.sql", text.encode())
    assert [f"{problem.line}:{problem.column}" for problem in read.problems] == places
    assert places or any("one transaction" in note for note in read.notes)
    assert len(read.sent) == len(read.text)


def test_why_a_transaction_of_another_kind_is_not_left_out_is_said() -> None:
    read = examine("001_x.sql", b"begin isolation level serializable; select 1; commit;")
    assert "the file's transaction is the run's" in read.problems[0].message


NO_FILES = {
    "a pipe": lambda path: os.mkfifo(path), "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path), "a folder": lambda path: path.mkdir(),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
}  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused_by_name(kind: str, database: Database, chatops: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_a.sql": "create table a ()"})
    NO_FILES[kind](where / "002_b.sql")
    for words in (("migrate", "--yes"), ("status",), ("rehearse", "--yes"), ("adopt", "--dry-run"), ("lint", "--all")):
        told = chatops(*words, "--dir", where, db=database)
        assert told.exit_code in ((0, 1) if words[0] in ("status", "adopt", "lint") else (4,)), told
        if words[0] != "status":
            assert "cannot be read" in told.stdout + told.stderr
    assert database.value("select to_regclass('a') is null")


def test_adopt_records_no_file_that_cannot_be_read(database: Database, chatops: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_a.sql": "create table a ()", "003_c.sql": "create table c ()", "004_d.sql": "-- later"})
    (where / "002_b.sql").symlink_to("nowhere")
    by_psql(database, where / "001_a.sql", where / "003_c.sql")
    refused = chatops("adopt", "--dir", where, "--yes", db=database, check=4)
    assert "002_b cannot be read" in refused.stderr
    shown = chatops("adopt", "--dir", where, "--dry-run", db=database).stdout
    assert "holds nothing to run" in shown


# -- what a folder is called --------------------------------------------------------------------------------------------

HITS = {"001_a.sql": "create table if not exists hits (n int);\ninsert into hits values (1);\n"}


def test_one_folder_in_five_places_is_applied_once(database: Database, chatops: Chatops, tmp_path: Path) -> None:
    repository = folder(tmp_path, HITS, "repository/db/migrations")
    (tmp_path / "repository" / ".git").mkdir()
    copy = folder(tmp_path, HITS, "srv/app/migrations")
    folder(tmp_path, HITS, "releases/1/migrations")
    (tmp_path / "current").symlink_to("releases/1")
    renamed = folder(tmp_path, HITS, "elsewhere/sql")
    container = folder(tmp_path, HITS, "app")
    for where in (repository, copy, tmp_path / "current" / "migrations", renamed):
        chatops("migrate", "--dir", where, "--yes", db=database, check=0)
    chatops("migrate", "--dir", ".", "--yes", db=database, check=0, cwd=container)
    folder(tmp_path, HITS, "releases/2/migrations")
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("releases/2")
    last = chatops("migrate", "--dir", "current/migrations", "--yes", db=database, check=0)
    assert last.stdout.startswith("Nothing to apply")
    assert database.value("select count(*) from hits") == 1
    assert database.execute(LEDGER) == [("files", "001_a")]


def earlier_ledger(database: Database, chatops: Chatops, where: Path, *sources: str) -> None:
    """A ledger as an earlier version of chatops has left it, which called a folder by its path."""
    chatops("migrate", "--dir", where, "--yes", db=database, check=0)
    columns = "name, number, kind, state, checksum, statements, steps_done, applied_at"
    for source in sources[1:]:
        database.execute(f"insert into chatops.migrations (target_schema, source, {columns}) select target_schema, '{source}', {columns}"
                         " from chatops.migrations where source = 'files'")  # fmt: skip
    database.execute(f"update chatops.migrations set source = '{sources[0]}' where source = 'files'")


@pytest.mark.parametrize("source", ["db/migrations", "repository/db/migrations", "migrations", "old/place/of/it"])
def test_a_ledger_that_calls_folders_by_path_is_carried_over(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path, source: str
) -> None:
    where = folder(tmp_path, HITS, "repository/db/migrations")
    earlier_ledger(database, chatops_inprocess, where, source)
    status = chatops_inprocess("status", "--dir", where, "--exit-code", db=database, check=0)
    assert "nothing is pending" in status.stdout
    rehearsed = chatops_inprocess("migrate", "--dir", where, "--dry-run", db=database, check=0)
    assert "Nothing to apply" in rehearsed.stdout
    assert database.execute(LEDGER) == [(source, "001_a")]
    adopted = chatops_inprocess("adopt", "--dir", where, "-o", "json", db=database)
    assert json.loads(adopted.stdout)["source"] == "files"
    (where / "002_b.sql").write_text("insert into hits values (2)")
    done = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    assert [line for line in done.stderr.splitlines() if source in line and "from now on" in line]
    assert database.execute(LEDGER) == [("files", "001_a"), ("files", "002_b")]
    assert database.value("select count(*) from hits") == 2


def test_a_ledger_is_carried_over_where_nothing_is_pending_and_by_the_text_for_psql(
    new_database: Callable[..., Database], chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, HITS)
    for way in ("run", "text"):
        database = new_database()
        earlier_ledger(database, chatops_inprocess, where, "a/migrations")
        if way == "run":
            chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
        else:
            text = chatops_inprocess("migrate", "--dir", where, "--dry-run", "-o", "sql", db=database, check=0).stdout
            assert database.psql(text).returncode == 0
        assert database.execute(LEDGER) == [("files", "001_a")]


def test_two_paths_that_hold_the_same_file_are_refused_until_one_is_named(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, HITS, "releases/2/migrations")
    earlier_ledger(database, chatops_inprocess, where, "1/migrations", "2/migrations")
    for command in (("migrate", "--yes"), ("status",)):
        refused = chatops_inprocess(*command, "--dir", where, db=database, check=4)
        assert "--source '1/migrations'" in refused.stderr
        assert "--source '2/migrations'" in refused.stderr
    done = chatops_inprocess("migrate", "--dir", where, "--source", "2/migrations", "--yes", db=database, check=0)
    assert done.stdout.startswith("Nothing to apply")
    assert database.value("select count(*) from hits") == 1


def test_a_pending_file_that_is_in_under_another_name_is_refused_with_the_flag(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, HITS)
    chatops_inprocess("migrate", "--dir", where, "--source", "billing", "--yes", db=database, check=0)
    refused = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=4)
    assert "--source 'billing'" in refused.stderr
    assert database.value("select count(*) from hits") == 1
    other = folder(tmp_path, {"001_other.sql": "select 1"}, "other")
    chatops_inprocess("migrate", "--dir", other, "--yes", db=database, check=0)
    strange = chatops_inprocess(
        "migrate", "--dir", folder(tmp_path, {"001_x.sql": "select 2"}, "third"), "--yes", db=database, check=4
    )
    assert "is another folder" in strange.stderr
    assert "--source NAME" in strange.stderr


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project whose chatops.toml names its folder."""
    folder(tmp_path, HITS, "supabase/migrations")
    (tmp_path / "chatops.toml").write_text('[migrations]\ndir = "supabase/migrations"\nsource = "app"\n')
    yield tmp_path
    shutil.rmtree(tmp_path / "supabase")


def test_the_folder_and_its_name_stand_in_the_configuration(database: Database, chatops: Chatops, project: Path) -> None:
    chatops("migrate", "--yes", db=database, check=0)
    assert database.execute(LEDGER) == [("app", "001_a")]
    (project / "deeper").mkdir()
    assert chatops("migrate", "--yes", db=database, check=0, cwd=project / "deeper").stdout.startswith("Nothing to apply")
    assert "app: 001_a is the last one in" in chatops("status", "--dir", "supabase/migrations", db=database, check=0).stdout
    assert "001_chat_core" in chatops("migrate", "--source", "chatops", "--dry-run", db=database, check=0).stdout
    (project / "chatops.toml").write_text("[migrations]\ndir = 3\n")
    assert "[migrations] dir is a" in chatops("status", db=database, check=2).stderr


def test_nobody_takes_the_name_of_the_shipped_files(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    for name in ("chatops", " "):
        refused = chatops_inprocess("migrate", "--dir", folder(tmp_path, HITS), "--source", name, db=database, check=2)
        assert "give the folder a name" in refused.stderr


# -- what the server says -----------------------------------------------------------------------------------------------


def test_a_file_that_lets_go_of_every_lock_lets_go_of_the_run_and_the_next_one_goes_in(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(
        tmp_path,
        {
            "001_a.sql": "create table a (id int)",
            "002_b.sql": "-- chatops: no-transaction\nselect pg_advisory_unlock_all();\ncreate index concurrently i on a (id);",
            "003_c.sql": "create table c (id int)",
        },
    )
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    assert applied(database) == ["001_a", "002_b", "003_c"]


def test_what_the_server_says_is_heard_by_file_and_line(database_everywhere: Database, chatops_inprocess: Chatops) -> None:
    where = CORPUS / "06-notices"
    done = chatops_inprocess("migrate", "--dir", where, "--yes", db=database_everywhere, check=0)
    shown = re.findall(r"001_backfill\.sql:(\d+)  (\w+)  (.*)", done.stderr)
    assert shown == [
        ("8", "NOTICE", "filled 3 jars"),
        ("9", "WARNING", "3 jars had no count: check the importer"),
        ("10", "INFO", "info line"),
        ("12", "RESULT", "note=answer of a query, count=3"),
    ]


def test_what_the_server_says_is_data_for_programs_and_quiet_leaves_the_warnings(
    new_database: Callable[..., Database], chatops_inprocess: Chatops
) -> None:
    where = CORPUS / "06-notices"
    told = json.loads(chatops_inprocess("migrate", "--dir", where, "-o", "json", db=new_database(), check=0).stdout)["said"]
    assert [(one["line"], one["severity"]) for one in told] == [(8, "NOTICE"), (9, "WARNING"), (10, "INFO"), (12, "RESULT")]
    assert (told[3]["columns"], told[3]["rows"]) == (["note", "count"], [["answer of a query", "3"]])
    quiet = chatops_inprocess("migrate", "--dir", where, "-q", db=new_database(), check=0).stderr
    assert "check the importer" in quiet
    assert "filled" not in quiet
    assert "answer of a query" not in quiet


def test_a_kind_is_said_once_with_how_often(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    drops = "".join(f"drop table if exists t{n};\n" for n in range(76))
    where = folder(
        tmp_path, {"001_a.sql": drops, "002_b.sql": "select 1 as a;\nselect 2 as a;\nselect 3 as b;", "003_c.sql": "select 1"}
    )
    done = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    lines = [line for line in done.stderr.splitlines() if "NOTICE" in line]
    assert len(lines) == 1
    assert '001_a.sql:1  NOTICE  table "t0" does not exist, skipping (and 75 more like it)' in lines[0]
    assert "a=1 (and 1 more like it)" in done.stderr


@pytest.mark.parametrize("head", ["", "-- chatops: no-transaction\n", "-- chatops: batched\n"])
def test_a_file_is_heard_however_it_is_run(head: str, database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_a.sql": f"{head}do $$ begin\n  raise notice 'heard %', 7;\nend $$;"} if "batched" not in head else {
        "001_a.sql": f"{head}select count(*) from (select f() limit current_setting('chatops.batch_size')::int) x where false;",
        "000_f.sql": "create function f() returns int language plpgsql as $$ begin raise notice 'heard'; return 0; end $$",
    })  # fmt: skip
    if "batched" in head:
        (where / "001_a.sql").write_text(f"{head}select f();")
    done = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    line = 2 + head.count("\n") - ("batched" in head)
    assert re.search(rf"001_a\.sql:{line}  NOTICE  heard", done.stderr), done.stderr


def test_what_was_said_before_a_failure_stands_in_its_log(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_a.sql": "do $$ begin raise warning 'row 17 looks odd'; end $$;\nselect 1 / 0;"})
    failed = chatops_inprocess("migrate", "--dir", where, "--yes", "-o", "json", db=database, check=4)
    assert "row 17 looks odd" in failed.stderr
    assert any("001_a.sql:1  WARNING  row 17 looks odd" in line for line in json.loads(failed.stdout)["error"]["details"])


@pytest.mark.parametrize("head", ["", "-- chatops: no-transaction\n"])
def test_each_file_has_a_session_of_its_own_as_with_psql(
    head: str, database_everywhere: Database, new_database: Callable[..., Database], chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database, theirs = database_everywhere, new_database(on=database_everywhere.server)
    where = folder(
        tmp_path,
        {
            "001_a.sql": "create table prices (n int); insert into prices values (1);",
            "002_b.sql": f"{head}create temp table prices as select 7 as n; prepare p as select 1; set search_path to pg_temp;",
            "003_c.sql": f"{head}update prices set n = n + 1; prepare p as select 2;",
            "004_d.sql": "begin; declare c cursor with hold for select 1; listen bell; select pg_advisory_lock(17); commit;",
            "005_e.sql": "update prices set n = n * 10; declare c cursor with hold for select 2;",
            "006_f.sql": "create sequence s; create table told (ears int, locks int); select nextval('s');",
            "007_g.sql": "insert into told select count(*), 0 from pg_listening_channels();"
            "insert into told select 0, count(*) from pg_locks where locktype = 'advisory' and objid = 17 and pid = pg_backend_pid();",
        },
    )
    by_psql(theirs, *(path for path in sorted(where.iterdir()) if "no-transaction" not in head))
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    assert database.execute("select n from public.prices") == [(20,)]
    assert database.execute("select * from told") == [(0, 0), (0, 0)]
    (where / "008_h.sql").write_text("select currval('s')")
    refused = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=4)
    assert "is not yet defined in this session" in refused.stderr
    if not head:
        assert dump(database) == dump(theirs)
