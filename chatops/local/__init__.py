"""The embedded server behind `--db local` and `--db demo`: a real Postgres from a wheel, durable, started on demand.

Its programs are copied out of the wheel beside the data, so that a virtual environment may be rebuilt or removed under a
running server. The wheel's own launcher is not used: it takes a recycled process id for a running server, gives up on a
recovery after 10 seconds, and as root opens every parent folder to everybody.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from chatops import db, settings
from chatops.db import Database, identifier
from chatops.errors import RefusedError
from chatops.frozen import frozen
from chatops.local import launch, places
from chatops.local.places import DATABASE, SUPERUSER, data_folder
from chatops.local.postmaster import Postmaster, answering

Say = Callable[[str], None]

__all__ = [
    "DATABASE",
    "Status",
    "create_database",
    "data_folder",
    "drop_database",
    "ensure_running",
    "has_database",
    "remove",
    "status",
    "stop",
    "url",
]


@frozen
class Status:
    """The embedded server as it is now; `pid` and `socket` are None while it does not run, `size` is in bytes."""

    data: Path
    log: Path
    exists: bool
    pid: int | None
    socket: Path | None
    size: int

    @property
    def running(self) -> bool:
        """Whether it takes connections."""
        return self.pid is not None


def url(database: str = DATABASE, say: Say | None = None) -> str:
    """The connection URL of one of its databases, after the server was started if need be.

    `say` is told about what takes a while. Raises what `ensure_running` raises.
    """
    running = _running(say)
    return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={quote(running.folder, safe='')}&port={running.port}"


def ensure_running(say: Say | None = None) -> str:
    """Starts the server unless it runs; the URL of its database `postgres`.

    Raises UsageError when the programs are not installed or the folder cannot be used, UnreachableError, with the
    server's last words, when it does not start, ConflictError when another process takes too long to start it.
    """
    return url("postgres", say)


def create_database(name: str, say: Say | None = None) -> bool:
    """Creates an empty database unless it is there; whether it was created."""
    with _connected(say) as database:
        if _exists(database, name):
            return False
        database.execute(f"create database {identifier(name)} template template0")
        return True


def drop_database(name: str, say: Say | None = None) -> bool:
    """Drops a database, whoever is connected to it; whether there was one."""
    with _connected(say) as database:
        there = _exists(database, name)
        database.execute(f"drop database if exists {identifier(name)} with (force)")
        return there


def has_database(name: str) -> bool:
    """Whether the server has that database; False, without starting it, when there is no server yet."""
    if not (data_folder() / "PG_VERSION").exists():
        return False
    with _connected(None) as database:
        return _exists(database, name)


def status() -> Status:
    """Looks at the server without starting it."""
    data = data_folder()
    running = answering()
    return Status(
        data=data,
        log=places.log(),
        exists=(data / "PG_VERSION").exists(),
        pid=running.pid if running else None,
        socket=Path(running.folder) if running else None,
        size=_size(data),
    )


def stop() -> bool:
    """Stops the server: open transactions are rolled back, committed data stays. Whether it ran.

    Raises UnreachableError when it does not end.
    """
    if not data_folder().exists():
        return False
    with launch.alone(None):
        return launch.stop()


def remove() -> bool:
    """Stops the server and deletes all its data, programs and log. Whether there was anything."""
    data = data_folder()
    if not data.parent.exists():
        return False
    with launch.alone(None):
        there = data.exists()
        launch.stop()
        for folder in (data, places.half_made(), *places.copies(), Path(places.socket_folder(data))):
            shutil.rmtree(folder, ignore_errors=True)
        for log in (places.log(), places.old_log()):
            log.unlink(missing_ok=True)
        if data.exists():
            raise RefusedError(f"{data} could not be deleted wholly")
    return there


@contextlib.contextmanager
def _connected(say: Say | None) -> Iterator[Database]:
    """A connection to the server's database `postgres`, through the one file that knows the driver."""
    running = _running(say)
    parameters = {"host": running.folder, "port": str(running.port), "user": SUPERUSER, "dbname": "postgres"}
    target = settings.Target(parameters, "embedded server", production=False, embedded="local")
    with db.connect(target, "local", "act") as database:
        yield database


def _exists(database: Database, name: str) -> bool:
    return bool(database.value("select 1 from pg_database where datname = :'name'", {"name": name}))


def _running(say: Say | None) -> Postmaster:
    if running := answering():
        return running
    return launch.start(say or (lambda line: None))


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total
