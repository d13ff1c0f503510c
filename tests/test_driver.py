"""The driver is loaded without what only its asynchronous half uses, and the usual way where that does not go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environment

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
        "print(asyncio.run(asyncio.sleep(0, 'awake')), callable(ctypes.util.find_library), zoneinfo.ZoneInfo('UTC'))\n"
        "print(isinstance(asyncio.CancelledError(), psycopg.errors.CancelledError), isinstance(1, psycopg.errors.CancelledError))\n",
        home,
    ) == ["", "True True", "awake True UTC", "True False"]


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
