"""One flush at the end of a run makes all of its files durable; a crash before it loses whole files, and that is said."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chatops.migrations.plan import listed
from tests.conftest import Result
from tests.locks import sessions, wait_for
from tests.servers import Database, Server
from tests.test_migrate import folder

# The log is written out by commits that wait for it alone, so that a crash takes what none has made durable.
LAZY = {"wal_writer_delay": "10s", "wal_writer_flush_after": "1GB", "synchronous_commit": "on"}
FILES = {"001_a.sql": "create table a (n int);", "002_b.sql": "create table b (n int);"}


def lazy_database(own_server: Callable[..., Server]) -> Database:
    return own_server("18", **LAZY).create_database()


def there(database: Database) -> list[str]:
    found = database.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1"
    )
    return [name for (name,) in found]


def recorded(database: Database) -> list[str]:
    return [name for (name,) in database.execute("select name from chatops.migrations where state = 'applied' order by 1")]


def after_a_crash(database: Database) -> tuple[list[str], list[str]]:
    """The tables, and the files that the ledger has, once the server has crashed and is back."""
    database.server.restart("immediate")
    return there(database), recorded(database)


def test_a_run_that_ended_survives_a_crash_of_the_server(
    own_server: Callable[..., Server], chatops_inprocess: Callable[..., Result], tmp_path: Path
) -> None:
    database = lazy_database(own_server)
    chatops_inprocess("migrate", "--dir", folder(tmp_path, FILES), "--yes", db=database, check=0)
    assert after_a_crash(database) == (["a", "b"], ["001_a", "002_b"])


def test_what_went_in_before_a_file_that_failed_survives_a_crash_of_the_server(
    own_server: Callable[..., Server], chatops_inprocess: Callable[..., Result], tmp_path: Path
) -> None:
    database = lazy_database(own_server)
    files = folder(tmp_path, {**FILES, "003_c.sql": "select 1 / 0;"})
    failed = chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=4)
    assert "001 and 002 are in" in failed.stderr
    assert after_a_crash(database) == (["a", "b"], ["001_a", "002_b"])


def test_a_crash_in_the_middle_loses_whole_files_and_the_verdict_names_them(
    own_server: Callable[..., Server], chatops: Callable[..., Result], tmp_path: Path
) -> None:
    database = lazy_database(own_server)
    chatops("migrate", "--dir", folder(tmp_path, {"000_first.sql": "select 1;"}), "--source", "s", "--yes", db=database, check=0)
    first = {f"{n:03}_t{n}.sql": f"create table t{n} (n int);" for n in range(1, 10)}  # eight of them as one request
    files = folder(tmp_path, {"000_first.sql": "select 1;", **first, "010_slow.sql": "select pg_sleep(600);"})
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(chatops, "migrate", "--dir", files, "--source", "s", "--yes", db=database)
        with database.connect() as look:
            wait_for(lambda: sessions(look, "wait_event = 'PgSleep'"), "the slow file")
        database.server.restart("immediate")
        done = run.result()
    assert done.exit_code == 3, done.stderr
    kept = recorded(database)
    assert there(database) == [name.partition("_")[2] for name in kept if name != "000_first"]
    lost = [f"{n:03}" for n in range(1, 9) if f"{n:03}_t{n}" not in kept]
    assert lost
    assert f"{listed(lost)} had gone in and went out again with the server" in " ".join(done.stderr.split())
    following = "010" if "009_t9" in kept else "009"
    assert f"{following} was rolled back" in done.stderr
