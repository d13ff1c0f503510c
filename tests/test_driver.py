"""The driver is loaded without what only its asynchronous half uses, and the usual way where that does not go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chatops.errors import DatabaseError
from tests.ailing import opened
from tests.conftest import ROOT, clean_environment
from tests.servers import Database

LOADER = ROOT / "chatops" / "db" / "driver.py"


def told_by(code: str, home: Path, *arguments: str | Path) -> list[str]:
    """What a fresh Python says, line by line."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=clean_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_command_pays_for_no_half_of_the_driver_that_it_does_not_use(home: Path) -> None:
    assert told_by(
        "import sys, chatops.db, psycopg\n"
        "print(*sorted({'asyncio', 'ctypes', 'importlib.metadata', 'ssl', 'subprocess', 'typing_extensions', 'zoneinfo'} & set(sys.modules)))\n"
        "from importlib.metadata import version\n"
        "print(psycopg.__version__ == version('psycopg'), psycopg.pq.__impl__ == 'binary')\n"
        "import asyncio, ctypes.util, zoneinfo\n"
        "print(asyncio.run(asyncio.sleep(0, 'awake')), callable(ctypes.util.find_library), zoneinfo.ZoneInfo('UTC'))\n",
        home,
    ) == ["", "True True", "awake True UTC"]


def test_who_has_loaded_it_already_keeps_all_of_it(home: Path) -> None:
    assert told_by(
        "import asyncio, psycopg, chatops.db, psycopg._acompat as half\n"
        "print(issubclass(half.AQueue, asyncio.Queue), psycopg.errors.CancelledError is asyncio.CancelledError)\n",
        home,
    ) == ["True True"]


ONE, TWO = ["psycopg-9.9.dist-info"], ["psycopg-9.9.dist-info", "psycopg-8.8.dist-info"]
OTHERS: list[tuple[str, list[str]]] = [
    ("import asyncio\nassert issubclass(asyncio.Queue, object)\n", ONE),
    ("import zoneinfo\nassert zoneinfo.ZoneInfo('UTC')\n", ONE),
    ("from importlib import metadata\nassert metadata.version('psycopg') in ('9.9', '8.8')\n", TWO),
    ("from importlib import metadata\nassert metadata.version('pip')\n", ONE),
    ("from importlib import metadata\nassert metadata.PackageNotFoundError\n", ONE),
    ("from importlib import metadata\nassert metadata.PackageNotFoundError\n", []),
]
"""What drivers may do while they are loaded, and the metadata that lie beside them."""


@pytest.mark.parametrize(("body", "known"), OTHERS)
def test_another_driver_is_loaded_the_usual_way(body: str, known: list[str], tmp_path: Path, home: Path) -> None:
    package = tmp_path / "psycopg"
    package.mkdir()
    (package / "__init__.py").write_text(f"from psycopg import half\n{body}")
    (package / "half.py").write_text("import asyncio\n")
    for name in known:
        (tmp_path / name).mkdir()
        (tmp_path / name / "METADATA").write_text(f"Name: psycopg\nVersion: {name.split('-')[1].removesuffix('.dist')}\n")
    told = told_by(
        "import runpy, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "runpy.run_path(sys.argv[2])\n"
        "import psycopg.half\n"
        "print(psycopg.__file__)\n"
        "stand_ins = [name for name, module in sys.modules.items() if type(module).__name__ == '_StandIn']\n"
        "print(stand_ins)\n",
        home, tmp_path, LOADER,
    )  # fmt: skip
    assert told[-2:] == [str(package / "__init__.py"), "[]"]


def test_a_driver_that_cannot_be_loaded_tells_why(tmp_path: Path, home: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError('no library of Postgres here')\n")
    told = told_by(
        "import runpy, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "try:\n    runpy.run_path(sys.argv[2])\nexcept ImportError as error:\n    print(error)\n",
        home, tmp_path, LOADER,
    )  # fmt: skip
    assert told == ["no library of Postgres here"]


EVERY_WAY = """
import os, signal, sys, threading
import chatops.db.driver
assert not {'asyncio', 'ssl', 'zoneinfo'} & set(sys.modules)
from chatops import db, settings
from chatops.errors import ConnectionLostError, DatabaseError, LockTimeoutError, StatementTimeoutError, UnreachableError

def failure(what):
    try:
        what()
    except Exception as error:
        print(type(error).__name__, getattr(error, 'sqlstate', ''))

target = settings.resolve(settings.Options((sys.argv[1],), None, None, None))
nowhere = settings.resolve(settings.Options(('postgresql://nobody@127.0.0.1:1/nothing',), None, None, None))
failure(lambda: db.connect(nowhere, 'test'))
one, other = (db.connect(target, 'test', 'act') for _ in range(2))
said = []
one.on_notice(lambda severity, message: said.append(message))
one.script("do $$ begin raise notice 'heard'; end $$")
print(*said)
failure(lambda: one.value('select 1 / 0'))
failure(lambda: one.script("set local statement_timeout = '10ms'; select pg_sleep(60)"))
one.script('create table told (id int, at timestamptz)')
other.script('begin; lock table told')
failure(lambda: one.script("set local lock_timeout = '10ms'; insert into told values (1)"))
other.rollback()
print(one.run('copy told from stdin', ['1\\t2026-11-26 12:00+00\\n2\\tinfinity\\n']).tags, one.run_apart(['select 1', 'select 2']).firsts)
one.script("set timezone = 'Europe/Berlin'")
print(one.tuples('select at from told order by id'))
with one.reading():
    print([row['id'] for row in one.untrusted_mappings('select * from told')])
print(one.value("select '10.0.0.1'::inet"), one.value("select '{1,2}'::int[]"), one.value("select '[1,3)'::int4range"))
print(one.value("select '{\\"a\\": [1.5, null]}'::jsonb"), one.value('select 1.5::numeric'), one.value("select '1 day'::interval"))

asleep = f"select exists (select from pg_stat_activity where pid = {one.protocol_pid} and wait_event = 'PgSleep')"

def stop():
    while not other.value(asleep):
        pass
    os.kill(os.getpid(), signal.SIGINT)

def stopped():
    threading.Thread(target=stop).start()
    try:
        one.value('select pg_sleep(60)')
    except KeyboardInterrupt:
        print('stopped, and usable:', one.value('select 1'))

stopped()
other.value(f"select pg_terminate_backend({one.protocol_pid})")
failure(lambda: one.value('select 1'))
"""


def test_all_that_is_asked_of_the_driver_it_does_and_every_failure_is_told(core_database: Database, home: Path) -> None:
    assert told_by(EVERY_WAY, home, core_database.url) == [
        "UnreachableError ",
        "heard",
        "DatabaseError 22012",
        "StatementTimeoutError 57014",
        "LockTimeoutError 55P03",
        "('COPY 2',) ('1', '2')",
        (
            "[(datetime.datetime(2026, 11, 26, 13, 0, tzinfo=zoneinfo.ZoneInfo(key='Europe/Berlin')),), "
            "(OddInstant(9999, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.timezone.utc),)]"
        ),
        "[1, 2]",
        "10.0.0.1 [1, 2] [1, 3)",
        "{'a': [1.5, None]} 1.5 1 day, 0:00:00",
        "stopped, and usable: 1",
        "ConnectionLostError 57P01",
    ]


def test_what_is_done_while_the_server_works_changes_nothing_of_the_answer(database: Database) -> None:
    asked = "select 1, 'naïve', null, array[1, 2], timestamptz '2026-01-02 03:04:05+01', interval '3 h'; set local lock_timeout = 7; select 2 where false"
    done: list[str] = []
    with opened(database) as connection:
        assert connection.script_beside(f"begin; {asked}; commit", lambda: done.append("once")) == connection.script(asked)
        with pytest.raises(DatabaseError, match="division by zero") as by_server:
            connection.script_beside("select 1; select 1 / 0", lambda: done.append("twice"))
        with pytest.raises(DatabaseError, match="division by zero") as plain:
            connection.script("select 1; select 1 / 0")
        assert (by_server.value.sqlstate, by_server.value.position) == (plain.value.sqlstate, plain.value.position)
        with pytest.raises(KeyError):
            connection.script_beside("select 1", lambda: dict[str, int]()["no such key"])
        assert connection.script("select 3") == [[(3,)]], "the answer was taken"
    assert done == ["once", "twice"]
