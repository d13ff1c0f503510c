"""migrate: what goes in, in which order, in how many round trips, and what is said when a file fails."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from chatops.migrations import run as runs
from tests.ailing import deployed, plant
from tests.conftest import ROOT, Result
from tests.locks import ADVISORY
from tests.servers import Database, run
from tests.wire import proxy

__all__ = ["deployed"]

Chatops = Callable[..., Result]
APPLIED = "select name from chatops.migrations where kind = 'versioned' and state = 'applied' order by number, name"


def folder(tmp_path: Path, files: Mapping[str, str | bytes], name: str = "migrations") -> Path:
    """A folder of numbered files."""
    made = tmp_path / name
    made.mkdir(exist_ok=True)
    for file, text in files.items():
        (made / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return made


def names(database: Database) -> list[str]:
    return [row[0] for row in database.execute(APPLIED)]


# -- what goes in -------------------------------------------------------------------------------------------------------


def test_the_shipped_files_go_in_whatever_the_current_folder(database_everywhere: Database, chatops: Chatops) -> None:
    shipped = sorted(path.stem for path in (ROOT / "sql" / "migrations").glob("*.sql"))
    done = chatops("migrate", "--yes", db=database_everywhere, check=0)
    assert names(database_everywhere) == shipped
    assert f"{len(shipped)} files, 4 views and 3 functions in " in done.stdout
    assert database_everywhere.value("select count(*) from chat_state_summary") == 0
    again = chatops("migrate", "--yes", db=database_everywhere, check=0)
    assert again.stdout == f"Nothing to apply: {shipped[-1]} is the last one in.\n"


def test_files_go_in_by_number_then_by_name_and_those_without_a_number_are_left_alone_and_named(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(
        tmp_path,
        {
            "010_last.sql": "insert into seen values ('010')",
            "9_b.sql": "insert into seen values ('9_b')",
            "009_a.sql": "create table seen (name text, at bigserial); insert into seen values ('009_a')",
            "verify.sql": "select 1 / 0",
            "010_last.down.sql": "drop table seen",
        },
    )
    done = chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert [row[0] for row in database.execute("select name from seen order by at")] == ["009_a", "9_b", "010"]
    assert "warning:" in done.stderr
    assert "2 files bear the number 9: 009_a, 9_b" in done.stderr
    assert "left out: 010_last.down.sql, which undoes 010_last.sql" in done.stderr
    assert "ignored (no number): verify.sql" in done.stderr
    refused = chatops_inprocess("migrate", "--dir", where, "--strict", db=database, check=4)
    assert "2 files bear the number 9" in refused.stderr


def test_to_stops_at_a_number_or_a_name_and_says_what_is_left(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {f"00{n}_t.sql": f"create table t{n} ()" for n in (1, 2, 3)})
    first = chatops_inprocess("migrate", "--dir", where, "--to", "002", db=database, check=0)
    assert names(database) == ["001_t", "002_t"]
    assert "Not applied, as --to 002 asks: 003." in first.stdout
    unknown = chatops_inprocess("migrate", "--dir", where, "--to", "7", db=database, check=2)
    assert "it has 3 files, from 001_t to 003_t" in unknown.stderr
    chatops_inprocess("migrate", "--dir", where, "--to", "003_t", db=database, check=0)
    assert names(database) == ["001_t", "002_t", "003_t"]


def test_the_ledger_remembers_who_when_how_long_and_which_definitions_were_replaced(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(
        tmp_path,
        {
            "001_f.sql": "create function f() returns int language sql return 1; create view v as select 1 as n",
            "002_f.sql": "create or replace function f() returns int language sql return 2;\n"
            "create or replace view v as select 1 as n, 2 as m",
        },
    )
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    row = database.execute(
        "select applied_by, duration_ms > 0, applied_at > started_at, chatops_version, replaced, jsonb_array_length(statements)"
        " from chatops.migrations where name = '002_f'"
    )[0]
    assert row[:3] == ("postgres", True, True)
    assert row[3]
    assert "RETURN 1" in row[4]["f()"]
    assert "SELECT 1 AS n" in row[4]["v"]
    assert row[5] == 2
    runs = database.execute("select command, r.id = m.run_id from chatops.runs r, chatops.migrations m where m.name = '001_f'")
    assert len(runs) == 1
    assert runs[0][0].startswith("migrate --dir")
    assert runs[0][1] is True


def test_what_a_file_sets_ends_with_the_file(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    with database.role("somebody", "nologin") as role:
        where = folder(
            tmp_path,
            {
                "001_a.sql": f"set search_path = ''; set role {role}; set lock_timeout = 0; set row_security = off",
                "002_b.sql": "create table t as select current_user::text as role, current_setting('search_path') as path,"
                " current_setting('row_security') as rls -- no end",
            },
        )
        chatops_inprocess("migrate", "--dir", where, db=database, check=0)
        assert database.execute("select * from t") == [("postgres", '"$user", public', "on")]


def test_files_may_lean_on_what_is_known_of_the_run(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    reads = ", ".join(
        f"current_setting('chatops.{name}') as {name}"
        for name in ("run_id", "command", "os_user", "environment", "target_schema")
    )
    chatops_inprocess(
        "migrate", "--dir", folder(tmp_path, {"1_t.sql": f"create table t as select {reads}"}), db=database, check=0
    )
    run_id, command, os_user, environment, schema = database.execute("select * from t")[0]
    assert run_id == str(database.value("select id from chatops.runs"))
    assert command.startswith("migrate --dir")
    assert "@" in os_user
    assert (environment, schema) == ("local", "public")


def test_rows_of_a_copy_go_in_with_their_file(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    text = "create table t (n int, s text);\ncopy t from stdin;\n1\tone\n2\ttwo\n\\.\nupdate t set n = n + 1;\n"
    done = chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_t.sql": text}), db=database, check=0)
    assert database.execute("select * from t order by n") == [(2, "one"), (3, "two")]
    assert "4 rows changed" in done.stderr
    broken = text.replace("2\ttwo", "x\ttwo").replace("create table t (n int, s text);", "truncate t;")
    failed = chatops_inprocess("migrate", "--dir", folder(tmp_path, {"002_t.sql": broken}), db=database, check=4)
    assert "002_t.sql:4:1" in failed.stderr
    assert "two" not in failed.stderr  # rows are not for logs
    assert database.value("select count(*) from t") == 2


def test_a_dump_of_pg_dump_goes_in_as_it_is(
    database_everywhere: Database, new_database: Callable[..., Database], chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database = database_everywhere
    database.execute("create type mood as enum ('well', 'ill')")
    database.execute("create table people (id bigint generated always as identity primary key, name text, mood mood)")
    database.execute("insert into people (name, mood) values (E'a\\tb', 'well'), (E'\\\\.', 'ill'), (null, null), (';', 'well')")
    database.execute(
        "create function f() returns bigint language sql set search_path from current begin atomic; select max(id) from people; end"
    )
    database.close()
    dump = run([database.server.bin / "pg_dump", "-O", "-d", database.url])
    assert dump.returncode == 0, dump.stderr
    fresh = new_database(on=database.server)
    where = folder(tmp_path, {"001_dump.sql": dump.stdout, "002_more.sql": "create view v as select f() as last"})
    chatops_inprocess("migrate", "--dir", where, db=fresh, check=0)
    assert fresh.execute("select * from people order by id") == database.execute("select * from people order by id")
    assert fresh.execute("select last from v") == [(4,)]


def test_each_schema_has_its_own_ledger(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    database.execute("create schema tenant_a")
    database.execute('create schema "Tenant B"')
    for schema in ("tenant_a", "Tenant B"):
        chatops_inprocess("migrate", "--yes", "--to", "017", "--schema", schema, db=database, check=0)
    found = "select table_schema from information_schema.tables where table_name = 'chats' order by 1"
    assert database.execute(found) == [("Tenant B",), ("tenant_a",)]
    assert database.execute("select target_schema, count(*) from chatops.migrations group by 1 order by 1") == [
        ("Tenant B", 5), ("tenant_a", 5),
    ]  # fmt: skip
    assert database.value("select prosrc is not null from pg_proc where pronamespace = 'tenant_a'::regnamespace limit 1")


def test_a_schema_that_is_not_there_is_refused(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_t.sql": "create table t ()"})
    refused = chatops_inprocess("migrate", "--dir", where, "--schema", "Nobody", db=database, check=2)
    assert 'create schema "Nobody";' in refused.stderr
    database.execute("drop schema public")
    refused = chatops_inprocess("migrate", "--dir", where, db=database, check=2)
    assert "there is no schema public in database" in refused.stderr
    assert database.value("select count(*) from pg_class where relname = 't'") == 0


# -- round trips -----------------------------------------------------------------------------------------------------------


def test_a_file_costs_at_most_one_round_trip_and_nothing_pending_two(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MOST_TOGETHER", 1)  # several at once: tests/test_migrate_together.py
    where = folder(tmp_path, {f"{n:03}_t.sql": f"create table t{n} (); comment on table t{n} is ';'" for n in range(1, 8)})
    # The migrator's second look at a slow server is no part of the cost: this machine may be slow.
    with proxy(database, uncounted="(watching)") as wire:
        chatops_inprocess("migrate", "--dir", where, "--to", "5", db=wire.url, check=0)
        # The facts, then five files: there is no ledger to read yet.
        assert (wire.round_trips, wire.connections) == (6, 1)
        wire.reset()
        chatops_inprocess("migrate", "--dir", where, db=wire.url, check=0)
        assert (wire.round_trips, wire.connections) == (4, 1)
        wire.reset()
        chatops_inprocess("migrate", "--dir", where, db=wire.url, check=0)
        assert (wire.round_trips, wire.connections) == (2, 1)


def test_the_views_cost_one_round_trip_and_go_in_again_when_their_text_changed(
    database: Database, chatops_inprocess: Chatops
) -> None:
    chatops_inprocess("migrate", "--yes", db=database, check=0)
    database.execute("update chatops.migrations set checksum = 'another' where name in ('views/chat_queue', 'views/stuck_chats')")
    with proxy(database, uncounted="(watching)") as wire:
        done = chatops_inprocess("migrate", "--yes", db=wire.url, check=0)
        # The facts, the ledger, the views; and what protects the tables is kept.
        assert wire.round_trips == 4
    assert "chat_queue, stuck_chats" in done.stderr
    assert "2 views" in done.stdout


def test_a_gate_that_is_pinned_to_a_file_is_closed_until_that_file_is_in_and_blind_to_later_ones(
    database: Database, chatops_inprocess: Chatops
) -> None:
    gate = ("status", "--to", "017", "--exit-code")
    before = chatops_inprocess(*gate, db=database, check=1)
    assert "5 files are pending" in before.stdout
    assert "migrate --to 017" in before.stdout
    chatops_inprocess("migrate", "--to", "017", "--yes", db=database, check=0)
    after = chatops_inprocess(*gate, db=database, check=0)
    assert "nothing is pending" in after.stdout
    chatops_inprocess("status", "--exit-code", db=database, check=1)
    chatops_inprocess("status", "--to", "999", db=database, check=2)


# -- dry runs ----------------------------------------------------------------------------------------------------------------


def test_a_dry_run_names_files_and_effects_and_changes_nothing(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {"001_a.sql": "-- What it is.\n-- effect: adds a table\ncreate table a ()", "002_b.sql": "select 1"})
    done = chatops_inprocess("migrate", "--dir", where, "--dry-run", db=database, check=0)
    assert "2 files to apply" in done.stdout
    assert "001_a  adds a table" in done.stdout
    assert "002_b  1 statement" in done.stdout
    assert database.value("select to_regnamespace('chatops')") is None
    found = json.loads(chatops_inprocess("migrate", "--dir", where, "--dry-run", "-o", "json", db=database, check=0).stdout)
    assert [(row["name"], row["effect"], row["mode"]) for row in found["pending"]] == [
        ("001_a", "adds a table", "transaction"),
        ("002_b", "", "transaction"),
    ]


def test_the_exact_text_runs_in_psql_and_does_the_same(
    database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database = database_everywhere
    where = folder(
        tmp_path,
        {
            "001_a.sql": "create table a (n int);\ncopy a from stdin;\n7\n\\.\n",
            "002_b.sql": "-- ünïcode\ncreate view b as select n from a where n <> 3 -- end",
        },
    )
    arguments = ("migrate", "--dir", where, "--dry-run", "-o", "sql")
    ran = database.psql(chatops_inprocess(*arguments, db=database, check=0).stdout)
    assert ran.returncode == 0, ran.stderr
    assert database.execute("select n from b") == [(7,)]
    database.execute("insert into a select 7 from generate_series(1, 2000)")
    folder(
        tmp_path,
        {
            "003_c.sql": "create unique index concurrently if not exists a_n on a (n);\nvacuum a;\n",
            "004_d.sql": "-- chatops: batched\nupdate a set n = -n where ctid = any (array(select ctid from a where n > 0 "
            "limit current_setting('chatops.batch_size')::int));\nwith gone as (delete from a where n = -1 returning n) "
            "select count(*) from gone;\n",
        },
    )
    ran = database.psql(chatops_inprocess(*arguments, db=database, check=0).stdout)
    assert "could not create unique index" in ran.stderr
    assert database.execute("select name, state, steps_done from chatops.migrations where number > 2") == [
        ("003_c", "running", 0)
    ]
    database.execute("delete from a where ctid not in (select min(ctid) from a)")
    database.execute("insert into a select generate_series(1, 1200) where true except select 7")
    ran = database.psql(chatops_inprocess(*arguments, db=database, check=0).stdout)
    assert ran.returncode == 0, ran.stderr
    assert database.value("select indisvalid from pg_index where indexrelid = 'a_n'::regclass")
    assert database.execute("select count(*), max(n), min(n) from a") == [(1199, -2, -1200)]
    assert database.execute("select state, rows_changed from chatops.migrations where number = 4") == [("applied", 1201)]
    assert "nothing is pending" in chatops_inprocess("status", "--dir", where, "--exit-code", db=database, check=0).stdout


def test_the_exact_text_of_everything_that_is_shipped_mends_the_deployed_system_in_psql(
    deployed: Database, chatops_inprocess: Chatops
) -> None:
    chatops_inprocess("adopt", "--through", "017", "--yes", db=deployed, check=0)
    for code in ("CHAT003", "CHAT002", "CONF001"):
        plant(deployed, code)
    text = chatops_inprocess("migrate", "--dry-run", "-o", "sql", db=deployed, check=0).stdout
    ran = deployed.psql(text)
    assert ran.returncode == 0, ran.stderr
    assert "nothing is pending" in chatops_inprocess("status", "--exit-code", db=deployed, check=0).stdout
    assert deployed.value("select rows_changed > 2 from chatops.migrations where name = '023_repair_rows'")
    assert deployed.value(ADVISORY) == 0
    chatops_inprocess("verify", "schema", db=deployed, check=0)
    assert "3 passed" in chatops_inprocess("verify", "data", "--only", "CHAT002,CHAT003,CONF001", db=deployed, check=0).stdout


def test_sql_is_for_dry_runs(database: Database, chatops_inprocess: Chatops) -> None:
    assert "add --dry-run" in chatops_inprocess("migrate", "-o", "sql", db=database, check=2).stderr


# -- failures -----------------------------------------------------------------------------------------------------------------


def test_a_failure_names_the_place_and_what_is_in_and_what_is_not(
    database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database = database_everywhere
    where = folder(
        tmp_path,
        {
            "001_a.sql": "-- effect: people can be kept\ncreate table a (n int);",
            "002_b.sql": "create table b (n int);",
            "003_c.sql": "-- effect: nobody is forgotten\n\ncreate table c (n int);\n  insert /* ü */ into c values (nope);\n",
            "004_d.sql": "create table d (n int);",
        },
    )
    failed = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert f'{where}/003_c.sql:4:33   column "nope" does not exist  (42703)' in failed.stderr
    assert "4 |   insert /* ü */ into c values (nope);" in failed.stderr
    assert f"\n     | {' ' * 32}^\n" in failed.stderr
    assert "003 was rolled back; 001 and 002 are in and stay in; 004 was not tried." in failed.stderr
    assert "in:      001  people can be kept" in failed.stderr
    assert "not in:  003  nobody is forgotten" in failed.stderr
    assert f"again: chatops migrate --dir {where}" in failed.stderr
    assert names(database) == ["001_a", "002_b"]
    assert database.value("select to_regclass('c')") is None


@pytest.mark.parametrize(
    ("text", "place", "state"),
    [
        ("create table t (n int);\n\ninsert into t values (1), (1);\ncreate unique index one on t (n);\n", "4:21", "23505"),
        ("select 1;\ndo $$\nbegin\n  perform 1;\n  raise exception 'no';\nend $$;", "5:3", "P0001"),
        (
            "create table t (n int);\ninsert into t values (0);\nalter table t\n  add constraint positive check (n > 0);",
            "4:18",
            "23514",
        ),
        ("select 1;\n\n/* x */ select 1 / 0;\nselect 2;", "3:9", "22012"),
        ("select 1;\nselec 2;", "2:1", "42601"),
        ("create table t (n int) -- ; )\n;\n\n  drop table missing cascade", "4:14", "42P01"),
    ],
)
def test_errors_without_a_position_are_found_too(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path, text: str, place: str, state: str
) -> None:
    failed = chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_t.sql": text}), db=database, check=4)
    assert f"001_t.sql:{place} " in failed.stderr
    assert f"({state})" in failed.stderr


def test_a_failing_first_file_leaves_nothing_not_even_the_ledger(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_t.sql": "select 1 / 0"}), db=database, check=4)
    assert database.value("select to_regnamespace('chatops')") is None


def test_rows_in_a_servers_error_are_not_printed(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    text = "create table t (s text unique, n int); insert into t values ('ada@acme.example', -1);"
    where = folder(tmp_path, {"001_t.sql": text, "002_t.sql": "alter table t add constraint c check (n > 0)",
                              "003_t.sql": "insert into t select s, 1 from t"})  # fmt: skip
    chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    (where / "002_t.sql").write_text("select 1")
    failed = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "already exists" in failed.stderr
    assert "ada@" not in failed.stderr


def test_an_already_exists_failure_without_a_ledger_says_adopt(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database.execute("create table t (n int)")
    where = folder(tmp_path, {"001_t.sql": "create table t (n int)"})
    failed = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "take the database over: chatops adopt" in failed.stderr


def test_a_failure_in_json_is_json(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_t.sql": "select 1 / 0"})
    found = json.loads(chatops_inprocess("migrate", "--dir", where, "-o", "json", db=database, check=4).stdout)
    assert found["error"]["sqlstate"] == "22012"
    assert found["error"]["exit_code"] == 4
    assert (found["error"]["file"], found["error"]["line"]) == (f"{where}/001_t.sql", 1)


# -- refusals: all problems at once --------------------------------------------------------------------------------------------


def test_every_problem_of_every_pending_file_is_said_at_once_and_nothing_runs(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(
        tmp_path,
        {
            "001_good.sql": "create table t ()",
            "003_latin.sql": "select 'é'".encode("latin-1"),
            "004_begin.sql": "begin;\nselect 1;\ncommit;\nselect 2;\n",
            "005_meta.sql": "select 1;\n\\echo hello\n",
            "006_open.sql": "select 'open",
            "007_nul.sql": "select 1;\0",
        },
    )
    (where / "008_folder.sql").mkdir()
    refused = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    for expected in ("003_latin.sql", "004_begin.sql:1:1", "004_begin.sql:3:1", "005_meta.sql:2:1",
                     "006_open.sql:1:8", "007_nul.sql", "008_folder.sql"):  # fmt: skip
        assert expected in refused.stderr
    assert database.value("select to_regclass('t')") is None


def test_an_edited_file_is_refused_naming_the_statement_and_a_reformatted_one_is_not(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {"001_a.sql": "create table a (n int);\nselect 1;\n"})
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    (where / "001_a.sql").write_bytes(b"\xef\xbb\xbfcreate table a (n int);\r\nselect 1;\r\n")
    assert "warning" not in chatops_inprocess("migrate", "--dir", where, db=database, check=0).stderr
    (where / "001_a.sql").write_text("-- why\ncreate table a (n   int);\nselect 1;\n")
    done = chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert "differs from its applied text in blanks or comments alone" in done.stderr
    (where / "001_a.sql").write_text("create table a (n int);\n\nselect 2;\n")
    (where / "002_b.sql").write_text("create table b ()")
    refused = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "001_a.sql:3:1  this statement is another than the one that was applied" in refused.stderr
    assert database.value("select to_regclass('b')") is None


def test_a_file_that_vanished_and_one_that_comes_late_are_refused(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {"001_a.sql": "select 1", "003_c.sql": "select 3"})
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    (where / "002_b.sql").write_text("create table b ()")
    late = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "002_b.sql  is not applied, although 003_c is" in late.stderr
    chatops_inprocess("migrate", "--dir", where, "--allow-out-of-order", db=database, check=0)
    assert database.value("select to_regclass('b')") == "b"
    (where / "001_a.sql").unlink()
    gone = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "001_a.sql  was applied, and is gone from the folder" in gone.stderr


def test_older_files_on_a_newer_database_have_nothing_to_do_and_say_why(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {"001_a.sql": "select 1", "002_b.sql": "select 2"})
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    (where / "002_b.sql").unlink()
    done = chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert "the database is ahead" in done.stderr


def test_the_same_name_from_another_folder_is_another_file_once_the_folder_has_a_name(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    one = folder(tmp_path, {"001_a.sql": "create table one ()"}, "one")
    two = folder(tmp_path, {"001_a.sql": "create table two ()"}, "two")
    chatops_inprocess("migrate", "--dir", one, db=database, check=0)
    unnamed = chatops_inprocess("migrate", "--dir", two, db=database, check=4)
    assert "this statement is another than the one that was applied" in unnamed.stderr
    chatops_inprocess("migrate", "--dir", two, "--source", "two", db=database, check=0)
    assert database.execute("select source, name from chatops.migrations order by 1") == [("files", "001_a"), ("two", "001_a")]


@pytest.mark.parametrize("what", ["missing", "file", "empty"])
def test_a_folder_that_is_none_is_a_usage_error(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path, what: str
) -> None:
    where = tmp_path / "there"
    if what == "file":
        where.write_text("")
    elif what == "empty":
        where.mkdir()
        (where / "verify.sql").write_text("select 1")
    told = chatops_inprocess("migrate", "--dir", where, db=database, check=2).stderr
    expected = {"missing": "there is no folder", "file": "is a file", "empty": "without a number: verify.sql"}[what]
    assert expected in told


# -- a database that others migrated ----------------------------------------------------------------------------------------


def by_hand(database: Database, through: str) -> None:
    for path in sorted((ROOT / "sql" / "migrations").glob("*.sql")):
        if path.stem[:3] <= through:
            database.script(path)


def test_a_database_with_chats_and_no_ledger_is_refused_and_adopt_takes_it_over(
    database_everywhere: Database, chatops_inprocess: Chatops
) -> None:
    database = database_everywhere
    by_hand(database, "016")
    refused = chatops_inprocess("migrate", "--yes", db=database, check=4)
    steps = {
        re.sub(r"^.*?take it over: ", "", line).replace(f"--db {database.url} ", "")
        for told in (refused.stderr, chatops_inprocess("status", db=database, check=0).stdout)
        for line in told.splitlines() if "take it over: " in line
    }  # fmt: skip
    points = json.loads(chatops_inprocess("doctor", "-o", "json", db=database).stdout)["points"]
    steps |= {point["remedy"] for point in points if point["area"] in ("log", "objects")}
    assert steps == {"chatops adopt --to 017"}
    assert database.value("select to_regnamespace('chatops')") is None
    preview = chatops_inprocess("adopt", "--through", "016", "--dry-run", db=database, check=0)
    assert "016_chat_state_verification" in preview.stdout
    assert database.value("select to_regnamespace('chatops')") is None
    chatops_inprocess("adopt", "--through", "016", "--yes", db=database, check=0)
    chatops_inprocess("migrate", "--to", "017", "--yes", db=database, check=0)
    assert names(database) == ["017_fix_concurrent_messages"]
    assert database.value("select to_regprocedure('should_keep_assignment(uuid,text,uuid)') is not null")


def test_a_ledger_without_files_does_not_make_migrate_go_over_the_application(
    database: Database, chatops_inprocess: Chatops
) -> None:
    by_hand(database, "017")
    chatops_inprocess("adopt", "--ledger-only", "--yes", db=database, check=0)
    assert database.value("select count(*) from chatops.migrations") == 0
    chatops_inprocess("migrate", "--yes", db=database, check=4)
    assert database.value("select count(*) from chatops.migrations") == 0


# -- who is asked ------------------------------------------------------------------------------------------------------------


def test_production_off_a_terminal_needs_yes(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    (tmp_path / "chatops.toml").write_text(f"[env.production]\nurl = '{database.url}'\nproduction = true\n")
    where = folder(tmp_path, {"001_a.sql": "create table a ()"})
    refused = chatops_inprocess("--env", "production", "migrate", "--dir", where, check=4)
    assert "give --yes" in refused.stderr
    assert database.value("select to_regclass('a')") is None
    chatops_inprocess("--env", "production", "migrate", "--dir", where, "--yes", check=0)
    assert database.value("select to_regclass('a')") == "a"


def test_a_statement_timeout_rolls_the_file_back(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_a.sql": "create table a ();\nselect pg_sleep(60);"})
    failed = chatops_inprocess("migrate", "--dir", where, "--statement-timeout", "600ms", db=database, check=4)
    assert "001_a.sql:2:1" in failed.stderr
    assert "(57014)" in failed.stderr
    assert f"migrate --dir {where} --statement-timeout 0s" in failed.stderr
    assert database.value("select to_regclass('a')") is None


def test_json_says_what_went_in(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_a.sql": "create table a as select generate_series(1, 3) as n; delete from a where n > 1"})
    found: dict[str, Any] = json.loads(chatops_inprocess("migrate", "--dir", where, "-o", "json", db=database, check=0).stdout)
    assert [(row["name"], row["kind"], row["rows"]) for row in found["applied"]] == [("001_a", "file", 2)]
    assert found["left"] == []


# -- printed commands and hostile names ------------------------------------------------------------------------------------


def test_what_status_prints_names_the_folder_and_the_files_so_that_it_works_when_pasted(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    files = {"001_a.sql": "create table a ()", "002_b c.sql": "create table b ()", "003_c.sql": "create table c ()"}
    where = folder(tmp_path, files, "my files")
    told = chatops_inprocess("status", "--dir", where, "--to", "2", db=database, check=0).stdout
    (line,) = (line for line in told.splitlines() if line.startswith("apply them: chatops "))
    chatops_inprocess(*shlex.split(line)[3:], db=database, check=0)
    assert names(database) == ["001_a", "002_b c"]
    (where / "001_a.sql").write_text("create table another ()")
    (where / "002_b c.sql").unlink()
    told = chatops_inprocess("status", "--dir", where, db=database, check=0).stdout
    for label in ("if the database is right as it is:", "if it is gone for good:"):
        (line,) = (line for line in told.splitlines() if label in line)
        corrected = chatops_inprocess(*shlex.split(line.partition(": ")[2])[1:], "--yes", db=database, check=0)
        # Said once, not before and after.
        assert len((corrected.stdout + corrected.stderr).split("counts as the one")) <= 2
    told = chatops_inprocess("status", "--dir", where, db=database, check=0).stdout
    assert "edited" not in told
    assert "missing" not in told


def test_a_database_with_chats_and_no_ledger_is_sent_to_adopt_with_the_same_folder(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database.script(ROOT / "tests" / "deployed_schema.sql")
    where = folder(tmp_path, {"001_a.sql": "create table a ()"})
    for command, code in (("status", 0), ("migrate", 4), ("rehearse", 4)):
        told = chatops_inprocess(command, "--dir", where, db=database, check=code)
        assert f"take it over: chatops adopt --dir {where}\n" in told.stdout + told.stderr, command


def test_a_file_name_cannot_steer_the_terminal(
    new_database: Callable[..., Database], chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    red = "\x1b[31m"
    where = folder(
        tmp_path,
        {
            "001_t.sql": "create table t (n int)",
            f"002_{red}i.sql": "create index concurrently t_n on t (n)",
            f"003_{red}b.sql": "-- chatops: batched\ndelete from t where n in (select n from t limit 1)",
            f"003_{red}c.sql": "select 1",
            f"004_{red}z.sql": "select 1 / 0",
        },
    )
    one, other = new_database(), new_database()
    for command in (
        "status", "migrate --dry-run", "rehearse --yes", "migrate --yes --to 003", "status", "migrate --yes",
        "adopt --source again", "adopt --source again --yes",
    ):  # fmt: skip
        name, *more = command.split()
        told = chatops_inprocess(name, "--dir", where, *more, db=one)
        assert "\x1b" not in told.stdout + told.stderr, command
    told = chatops_inprocess("--db", one.url, "--db", other.url, "migrate", "--dir", where, "--yes", check=4)
    assert "\x1b" not in told.stdout + told.stderr
    assert "to apply: 5 files (001_t, 002_\\x1b[31mi" in told.stderr


def test_every_problem_stands_on_a_line_of_its_own_and_the_way_out_below_it(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {"001_a_long_name_for_a_small_file.sql": "commit;", "002_b.sql": "\\echo a"})
    told = chatops_inprocess("migrate", "--dir", where, db=database, check=4).stderr
    assert "002_b.sql:1:1  \\echo is a command of psql, not SQL\n     → remove it: only psql knows it\n" in told
