"""migrate for several databases or schemas: looked at first, each on its own, the worst exit code for all."""

from __future__ import annotations

import json
import shlex
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.errors import DatabaseError
from chatops.migrations import locks
from chatops.migrations.ledger import LOCK_CLASS, lock_object
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


def test_a_dry_run_of_many_says_what_is_pending_in_each(
    three: list[Database], chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {**FILES, "003_c.sql": "do $$ begin raise notice 'hello'; end $$"})
    chatops_inprocess("migrate", "--dir", where, "--to", "1", db=three[0], check=0)
    chatops_inprocess("migrate", "--dir", where, db=three[1], check=0)
    named = [part for one in three for part in ("--db", one.url)]
    told = json.loads(chatops_inprocess(*named, "migrate", "--dir", where, "--dry-run", "-o", "json", check=0).stdout)
    assert [(row["result"], row["files"]) for row in told["targets"]] == [("to apply", 2), ("nothing to do", 0), ("to apply", 3)]
    assert told["pending"] == 2
    page = chatops_inprocess(*named, "migrate", "--dir", where, "--dry-run", check=0).stdout
    assert page.startswith("2 of 3 targets have files to apply; nothing was changed.\n")
    assert [names(one) for one in three[:2]] == [["001_a"], ["001_a", "002_b", "003_c"]]
    assert three[2].value("select to_regclass('chatops.migrations')::text") is None


def test_many_targets_do_not_repeat_the_notices_of_a_file(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    files = {"001_a.sql": "do $$ begin raise notice 'hello'; raise warning 'careful'; end $$"}
    for number in range(7):
        database.execute(f"create schema many_{number}")
    done = chatops_inprocess("migrate", "--dir", folder(tmp_path, files), "--all-schemas", "many_*", db=database, check=0)
    assert "hello" not in done.stderr
    assert done.stderr.count("careful") == 7


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
    wild = chatops_inprocess("--env", "s*", "migrate", "--dir", where, "--dry-run", check=0)
    assert "staging: to apply: 2 files" in wild.stderr
    assert "spare: to apply: 2 files" in wild.stderr
    assert "live" not in wild.stderr
    dry = chatops_inprocess("--env", "staging,live", "migrate", "--dir", where, "--dry-run", check=0)
    assert f"live (127.0.0.1:{three[0].server.port}): to apply: 2 files (001_a, 002_b)" in dry.stderr
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


def tenants(database: Database, number: int) -> list[str]:
    found = [f"tenant_{one:02d}" for one in range(number)]
    database.execute("; ".join(f"create schema {name}" for name in found))
    return found


def counts(database: Database) -> dict[str, int]:
    rows = database.execute("select target_schema, count(*) from chatops.migrations where kind = 'versioned' group by 1")
    return {str(schema): int(number) for schema, number in rows}


@pytest.mark.parametrize("turn", [1, 2])
def test_a_fresh_fleet_is_wholly_migrated_and_then_has_nothing_to_do(
    turn: int, database: Database, chatops_inprocess: Chatops
) -> None:
    names_of = tenants(database, 8)
    done = chatops_inprocess("migrate", "--all-schemas", "tenant_*", "--jobs", "8", "-o", "json", db=database, check=0)
    found = json.loads(done.stdout)
    assert [row["target"] for row in found["targets"]] == names_of
    assert len(set(counts(database).values())) == 1
    assert sorted(counts(database)) == names_of
    ends = [line for line in done.stderr.splitlines() if "of 8)" in line]
    assert len(ends) == 8
    assert ends[-1].endswith("(8 of 8)")
    again = chatops_inprocess("migrate", "--all-schemas", "tenant_*", db=database, check=0)
    assert again.stdout.split("\n") == ["8 of 8 targets are as asked.", "8 targets: nothing to do.", ""]
    assert again.stderr.count("nothing to do") == 1


def test_a_fleet_has_no_more_connections_than_jobs_and_two(
    database: Database, chatops_inprocess: Chatops, through_pgbouncer: Callable[..., str]
) -> None:
    role = f"tenants_{uuid.uuid4().hex[:12]}"
    database.execute(f"create role {role} login connection limit 4")
    database.execute(f"grant create on database {database.name} to {role}")
    for name in (names_of := tenants(database, 6)):
        database.execute(f"alter schema {name} owner to {role}")
    url = database.url.replace("//postgres@", f"//{role}@")
    chatops_inprocess("--db", url, "migrate", "--all-schemas", "tenant_*", "--jobs", "2", check=0)
    assert sorted(counts(database)) == names_of
    database.execute("; ".join(f"create schema more_{one}" for one in range(3)))
    pooled = through_pgbouncer(database, "session", default_pool_size=4)
    chatops_inprocess("--db", pooled, "migrate", "--all-schemas", "more_*", "--jobs", "2", check=0)
    assert len(counts(database)) == 9


def test_whoever_stops_a_request_of_many_tenants_stops_no_other(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    names_of = tenants(database, 14)
    every = ("--all-schemas", "tenant_*", "--jobs", "1")
    chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_a.sql": "create table a ()"}), *every, db=database, check=0)
    where = folder(tmp_path, {**FILES, "003_c.sql": "do $$ begin raise notice 'made'; end $$; create table c ()"})
    database.execute(f"create table {names_of[2]}.b (); create table {names_of[9]}.c ()")
    with database.connect() as holder:
        holder.execute("select pg_advisory_lock(%s, %s)", (LOCK_CLASS, lock_object(names_of[5])))
        done = chatops_inprocess("migrate", "--dir", where, *every, "--max-wait", "1s", "-o", "json", db=database, check=4)
    found = {row["target"]: (row["result"], row["files"], row["exit_code"]) for row in json.loads(done.stdout)["targets"]}
    odd = {names_of[2]: ("failed", 0, 4), names_of[5]: ("conflict", 0, 5), names_of[9]: ("failed", 1, 4)}
    assert found == {name: odd.get(name, ("applied", 2, 0)) for name in names_of}
    assert counts(database) == {name: 3 - (2 - odd[name][1]) if name in odd else 3 for name in names_of}
    database.execute(f"drop table {names_of[2]}.b; drop table {names_of[9]}.c")
    again = chatops_inprocess("migrate", "--dir", where, *every, db=database, check=0)
    assert "11 targets: nothing to do." in again.stdout
    assert set(counts(database).values()) == {3}


def test_the_others_follow_canaries_that_are_well(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    names_of = tenants(database, 9)
    where = folder(tmp_path, FILES)
    database.execute(f"create table {names_of[1]}.b ()")
    held = chatops_inprocess("migrate", "--dir", where, "--all-schemas", "tenant_*", "--canary", "2", db=database, check=4)
    assert counts(database) == {names_of[0]: 2, names_of[1]: 1}
    assert "not begun: 1 canary failed (tenant_01)" in held.stdout
    assert "The same command again goes on where this run ended." in held.stderr
    database.execute(f"drop table {names_of[1]}.b")
    done = chatops_inprocess("migrate", "--dir", where, "--all-schemas", "tenant_*", "--canary", "2", db=database, check=0)
    assert "2 canaries are in and well; 6 others follow" in done.stderr
    assert set(counts(database).values()) == {2}
    assert len(counts(database)) == 9


def test_no_further_target_begins_after_too_many_failures(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    names_of = tenants(database, 7)
    for name in names_of[:3]:
        database.execute(f"create table {name}.a ()")
    done = chatops_inprocess(
        "migrate", "--dir", folder(tmp_path, FILES), "--all-schemas", "tenant_*", "--jobs", "1", "--max-failures", "2",
        "-o", "junit", db=database, check=4,
    )  # fmt: skip
    suite = ET.fromstring(done.stdout).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("7", "7")
    told = [case.find("failure").get("message", "") for case in suite.iter("testcase")]  # type: ignore[union-attr]
    assert [text for text in told if text.startswith("not begun")] == ["not begun: 2 targets failed"] * 5
    assert database.value("select to_regclass('chatops.migrations') is not null")
    assert counts(database) == {}


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (DatabaseError("tuple concurrently updated", sqlstate="XX000"), True),
        (DatabaseError("tuple concurrently deleted", sqlstate="XX000"), True),
        (DatabaseError("some other defect", sqlstate="XX000"), False),
        (DatabaseError("duplicate", sqlstate="23505", constraint="pg_type_typname_nsp_index", table="pg_type"), True),
        (DatabaseError("duplicate", sqlstate="23505", constraint="chats_pkey", table="chats"), False),
        (DatabaseError("duplicate", sqlstate="23505", constraint="pg_of_mine", table="chats"), False),
    ],
)
def test_what_lost_a_race_for_the_catalog_is_tried_again(error: DatabaseError, again: bool) -> None:
    assert locks.retried(error) is again
