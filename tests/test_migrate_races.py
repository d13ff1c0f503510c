"""migrate killed, cut off and run many times at once: each file wholly in or wholly out, once, and a verdict that is right."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from chatops import db, settings
from chatops.migrations import fingerprint as fingerprints
from chatops.migrations.fingerprint import Fingerprint
from tests.conftest import Result, clean_environment
from tests.locks import ADVISORY, Connection, sessions, wait_for
from tests.servers import Database, Server, pause
from tests.test_migrate import folder, names

Chatops = Callable[..., Result]
LONG = os.environ.get("CHATOPS_TEST_LONG") == "1"
KILLS, TERMINATIONS, RESTARTS = (100, 60, 40) if LONG else (10, 6, 4)
MANY = 50 if LONG else 8

SLOWLY = "select pg_sleep(0.02);"
FILES = {
    "001_seen.sql": "create table seen (name text, at bigserial); insert into seen (name) values ('001');",
    "002_rows.sql": f"create table rows as select n, 0 as passes from generate_series(1, 600) as n; {SLOWLY}"
    " insert into seen (name) values ('002');",
    "003_batches.sql": "-- chatops: batched\n"
    "update rows set passes = passes + 1 where n in (select n from rows where passes = 0 order by n limit 50);",
    "004_index.sql": "create index concurrently rows_n on rows (n);\nalter table rows add constraint passed check (passes = 1);\n"
    "insert into seen (name) values ('004');\ncreate unique index concurrently rows_n_passes on rows (n, passes);",
    "005_view.sql": f"create view passed as select n from rows; {SLOWLY} insert into seen (name) values ('005'); {SLOWLY}",
    "006_more.sql": f"alter table rows add column m int; insert into seen (name) values ('006'); {SLOWLY}",
}
SEEN = [("001",), ("002",), ("004",), ("005",), ("006",)]


def fingerprint(database: Database) -> Fingerprint:
    target = settings.resolve(settings.Options(db=(database.url,)), environ={}, configuration=settings.Configuration())
    with db.connect(target, "test") as connection:
        return fingerprints.fingerprint(connection)


@pytest.fixture
def undisturbed(new_database: Callable[..., Database], chatops_inprocess: Chatops, tmp_path: Path) -> Fingerprint:
    """What the files make of a database when nobody interferes."""
    database = new_database()
    chatops_inprocess("migrate", "--dir", folder(tmp_path, FILES), db=database, check=0)
    return fingerprint(database)


class Client:
    """The command line in a process of its own that shares nothing with the test but what was imported; for killing.

    It comes from a process that has imported the modules already: two hundred of these would spend minutes on importing.
    """

    FORKS = multiprocessing.get_context("forkserver")

    def __init__(self, url: str, where: Path, home: Path) -> None:
        self.FORKS.set_forkserver_preload(["tests.test_migrate_races", "chatops.flows.migrate"])
        self.told = home / f"told-{next(_unique)}"
        arguments = ["migrate", "--dir", str(where), "--max-wait", "5m"]
        environment = clean_environment(home, {"CHATOPS_DATABASE_URL": url})
        self.process = self.FORKS.Process(target=run_client, args=(arguments, environment, str(self.told)))
        self.process.start()

    @property
    def ended(self) -> bool:
        return not self.process.is_alive()

    def kill(self) -> None:
        self.process.kill()
        self.process.join(timeout=60)

    def result(self) -> tuple[int, str]:
        """Exit code and everything that was said."""
        self.process.join(timeout=300)
        assert self.process.exitcode is not None, "the client has not ended"
        return self.process.exitcode, self.told.read_text(encoding="utf-8")


_unique = itertools.count(1)


def run_client(arguments: list[str], environment: dict[str, str], told: str) -> None:
    """What the process does: one run of the command line."""
    from chatops.cli import main

    os.environ.clear()
    os.environ.update(environment)
    with Path(told).open("w", encoding="utf-8") as out, Path(os.devnull).open(encoding="utf-8") as nothing:
        sys.stdin, sys.stdout, sys.stderr = nothing, out, out
        code = main(arguments)
        out.flush()
        os._exit(code)


def at_a_random_moment(looking: Connection, client: Client) -> list[int]:
    """Some time after the client has connected; its sessions."""
    migrators = "application_name = 'chatops migrate'"
    wait_for(lambda: sessions(looking, migrators) or client.ended, "the client connects", timeout=60)
    pause(random.uniform(0, 0.4))
    return sessions(looking, migrators)


def finished_as_if_undisturbed(database: Database, where: Path, chatops: Chatops, undisturbed: Fingerprint) -> None:
    chatops("migrate", "--dir", where, "--max-wait", "60s", db=database, check=0)
    assert names(database) == [name.removesuffix(".sql") for name in FILES]
    assert database.execute("select name from seen order by at") == SEEN
    assert database.execute("select passes, count(*) from rows group by 1") == [(1, 600)]
    assert undisturbed.differences(fingerprint(database)) == []
    assert database.value("select count(*) from pg_index where not indisvalid") == 0


def verdict_is_right(result: tuple[int, str], database: Database) -> None:
    """A client that lost its connection and could look again says which files are in, and which is not."""
    code, told = result
    assert code in (0, 3, 4), told
    there = names(database) if database.value("select to_regclass('chatops.migrations')") else []
    if code == 0:
        assert there == [name.removesuffix(".sql") for name in FILES]
        return
    for number in re.findall(r"(\d{3}) was rolled back", told):
        assert not [name for name in there if name.startswith(number)], told
    # A server that crashed takes what was not yet flushed with it, file by file: who can look again says so.
    lost = [number for said in re.findall(r"([\d, and]+) had gone in and went out again", told) for number in said.split()]
    could_look = "not known" not in told and "no new connection" not in told
    for name in re.findall(r"✓ (\d{3}_\w+)", told):
        assert name in there or name[:3] in {number.strip(",") for number in lost} or not could_look, told
    assert not [name for name in there if name[:3] in lost], told
    assert "rolled back" in told or "goes on there" in told or "not known" in told or "no new connection" in told, told


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize(("how", "times"), [("the client is killed", KILLS), ("its backends are terminated", TERMINATIONS)])
def test_ended_at_any_moment_the_next_run_finishes_and_nothing_is_done_twice(
    new_database: Callable[..., Database],
    chatops_inprocess: Chatops,
    tmp_path: Path,
    home: Path,
    undisturbed: Fingerprint,
    how: str,
    times: int,
    part: int,
) -> None:
    where = tmp_path / "migrations"
    for _ in range(times // 2):
        database = new_database()
        client, looking = Client(database.url, where, home), database.connect()
        pids = at_a_random_moment(looking, client)
        if how == "the client is killed":
            client.kill()
        else:
            for pid in pids:
                looking.execute("select pg_terminate_backend(%s)", (pid,))
            verdict_is_right(client.result(), database)
        finished_as_if_undisturbed(database, where, chatops_inprocess, undisturbed)
        database.drop()


@pytest.mark.long
def test_a_server_that_crashes_is_a_verdict_and_the_next_run_finishes(
    own_server: Callable[..., Server], chatops_inprocess: Chatops, tmp_path: Path, home: Path, undisturbed: Fingerprint
) -> None:
    where = tmp_path / "migrations"
    server = own_server("18")
    for _ in range(RESTARTS):
        database = server.create_database()
        client = Client(database.url, where, home)
        at_a_random_moment(database.connect(), client)
        database.close()
        server.restart("immediate")
        verdict_is_right(client.result(), database)
        finished_as_if_undisturbed(database, where, chatops_inprocess, undisturbed)
        database.drop()


@pytest.mark.long
def test_many_migrators_at_once_apply_each_file_once_and_all_end_well(database: Database, tmp_path: Path, home: Path) -> None:
    many_at_once(database, database.url, folder(tmp_path, FILES), home, FILES)


@pytest.mark.long
def test_many_migrators_through_a_transaction_pooler_apply_each_file_once(
    database: Database, tmp_path: Path, home: Path, through_pgbouncer: Callable[..., str]
) -> None:
    files = {name: text for name, text in FILES.items() if "concurrently" not in text}
    many_at_once(database, through_pgbouncer(database), folder(tmp_path, files), home, files)
    assert database.value(ADVISORY) == 0


def many_at_once(database: Database, url: str, where: Path, home: Path, files: dict[str, str]) -> None:
    results = [client.result() for client in [Client(url, where, home) for _ in range(MANY)]]
    assert [code for code, _ in results] == [0] * MANY, "\n".join(told for _, told in results)
    assert names(database) == [name.removesuffix(".sql") for name in files]
    assert database.execute("select name from seen order by at") == [
        row for row in SEEN if any(name.startswith(row[0]) for name in files)
    ]
    assert database.execute("select passes, count(*) from rows group by 1") == [(1, 600)]
    # What one says it did, no other says too.
    done = [name for _, told in results for name in re.findall(r"✓ (00[12456]_\w+)", told)]
    assert len(done) == len(set(done))


THREE = {f"00{place}_{name}.sql": f"create table {name} ()" for place, name in enumerate("abc", start=1)}


def test_an_answer_that_was_lost_is_looked_up_and_the_run_goes_on(database: Database, chatops: Chatops, tmp_path: Path) -> None:
    from tests.wire import proxy

    where = folder(tmp_path, THREE)
    with proxy(database) as wire:
        wire.cut_after = "create table b"
        done = chatops("migrate", "--dir", where, db=wire.url, check=0)
    assert names(database) == ["001_a", "002_b", "003_c"]
    assert "✓ 002_b" in done.stderr


def test_a_request_that_was_lost_is_rolled_back_and_said_to_be(database: Database, chatops: Chatops, tmp_path: Path) -> None:
    from tests.wire import proxy

    where = folder(tmp_path, THREE)
    with proxy(database) as wire:
        wire.cut_before = "create table b"
        lost = chatops("migrate", "--dir", where, db=wire.url, check=3)
    assert "002 was rolled back; 001 is in and stays in; 003 was not tried." in lost.stderr
    assert names(database) == ["001_a"]


def test_an_interrupted_run_ends_its_statement_and_says_what_became_of_the_file(
    database: Database, tmp_path: Path, home: Path
) -> None:
    where = folder(tmp_path, {"001_a.sql": "create table a ()", "002_b.sql": "create table b ();\nselect pg_sleep(600);"})
    looking = database.connect()
    client = Client(database.url, where, home)
    wait_for(lambda: sessions(looking, "application_name = 'chatops migrate' and wait_event = 'PgSleep'"), "the file sleeps", 60)
    assert client.process.pid is not None
    os.kill(client.process.pid, signal.SIGTERM)
    code, told = client.result()
    assert code == 130, told
    assert "002 was rolled back; 001 is in and stays in" in told
    wait_for(lambda: not sessions(looking, "wait_event = 'PgSleep'"), "the statement ends")
    assert names(database) == ["001_a"]


def test_a_pooled_connection_is_given_back_as_it_was(
    database: Database, chatops: Chatops, tmp_path: Path, through_pgbouncer: Callable[..., str]
) -> None:
    url = through_pgbouncer(database, default_pool_size=1)
    chatops("migrate", "--dir", folder(tmp_path, {"001_a.sql": "set role pg_monitor; select 1 / 0"}), db=url, check=4)
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as other:
        assert other.execute("select current_user, current_setting('lock_timeout')").fetchone() == ("postgres", "0")
