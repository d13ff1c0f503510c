"""Starting and stopping the embedded server, one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shlex
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from chatops.errors import ConflictError, RefusedError, UnreachableError
from chatops.local import places, programs
from chatops.local.postmaster import Postmaster, answering, is_alive, on_file, pid_on_file, runs_here

START_SECONDS = 120
STOP_SECONDS = 60
ORPHANS_SECONDS = 10
LARGEST_LOG = 16 << 20

Say = Callable[[str], None]


@contextlib.contextmanager
def alone(say: Say | None) -> Iterator[None]:
    """Only one process at a time starts, stops or removes the server."""
    path = places.data_folder().with_suffix(".lock")
    try:
        handle = path.open("a")
    except OSError as error:
        raise places.unusable(path, error) from None
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


def start(say: Say) -> Postmaster:
    """Starts the server, made before if it is the first time; returns when it takes connections."""
    data = places.data_folder()
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise places.unusable(data.parent, error) from None
    with alone(say):
        if running := answering():
            return running
        folder = programs.folder(say)
        is_new = not (data / "PG_VERSION").exists()
        if is_new:
            say(f"preparing the embedded Postgres in {data}")
            _initialise(folder, data)
        pid = pid_on_file(data)
        if pid is None or not runs_here(pid, data):
            if pid is not None:
                say("the embedded Postgres was not stopped cleanly; it recovers now")
                if is_alive(pid):
                    # The process id belongs to somebody else by now, and Postgres would believe both files.
                    for stale in (data / "postmaster.pid", Path(places.socket_folder(data)) / f".s.PGSQL.{places.PORT}.lock"):
                        stale.unlink(missing_ok=True)
            elif not is_new:
                say("the embedded Postgres was stopped; it starts again")
            _launch(folder, data)
        return _when_ready(data)


def stop() -> bool:
    """Stops the server, by the fast way of Postgres; whether it ran. The caller is `alone`."""
    data = places.data_folder()
    pid = pid_on_file(data)
    if pid is None or not runs_here(pid, data):
        return False
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    while runs_here(pid, data) and pid_on_file(data) == pid:
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"the embedded Postgres (process {pid}) does not stop after {STOP_SECONDS} s",
                next_steps=[_read_the_log()],
            )
        time.sleep(0.02)
    return True


def _initialise(folder: Path, data: Path) -> None:
    """Makes the data folder, with our first database, beside its place, and moves it there when it is whole."""
    making = places.half_made()
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    if user := programs.server_user(data):
        shutil.chown(making, user)
    initdb: list[str | Path] = [
        folder / "initdb", "-D", making, "-U", places.SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "-c", "listen_addresses=", "-c", "timezone=UTC",
        "-c", "log_timezone=UTC",
    ]  # fmt: skip
    create: list[str | Path] = [folder / "postgres", "--single", "-D", making, "postgres"]
    for command, text in ((initdb, ""), (create, f"create database {places.DATABASE} template template0\n")):
        done = programs.run(command, data, text)
        if done.returncode:
            shutil.rmtree(making, ignore_errors=True)
            raise UnreachableError("the embedded Postgres could not be prepared", details=_last_lines(done.stderr or done.stdout))
    making.rename(data)


def _launch(folder: Path, data: Path) -> None:
    socket_folder = places.socket_folder(data)
    if socket_folder != str(data):
        _private_folder(Path(socket_folder), data)
    log = places.log()
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(places.old_log())
    log.touch(mode=0o600)
    if user := programs.server_user(data):
        shutil.chown(log, user)
    options = f"-k {shlex.quote(socket_folder)} -p {places.PORT} -c listen_addresses="
    command: list[str | Path] = [folder / "pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-s", "-D", data, "-l", log,
                                 "-o", options]  # fmt: skip
    deadline = time.monotonic() + ORPHANS_SECONDS
    while (started := programs.run(command, data)).returncode:
        # A killed server's sessions may outlive it for a moment, and it does not start beside them.
        if "shared memory block" not in _log_text()[-1000:] or time.monotonic() > deadline:
            if on_file(data) is not None:
                return
            raise _does_not_start(started.stderr)
        time.sleep(0.2)


def _private_folder(folder: Path, data: Path) -> None:
    """A folder that only the server's user and root can enter; refuses one that somebody else put there."""
    user = programs.server_user(data)
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if user:
            shutil.chown(folder, user)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != owner or found.st_mode & 0o077:
        raise RefusedError(f"{folder} is not a private folder of the embedded Postgres; remove it and try again")


def _when_ready(data: Path) -> Postmaster:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if running := answering():
            return running
        pid = pid_on_file(data)
        if pid is None or not runs_here(pid, data):
            raise _does_not_start("")
        time.sleep(0.02)
    raise UnreachableError(
        f"the embedded Postgres is not ready after {START_SECONDS} s; it goes on starting",
        details=_last_lines(_log_text()),
        next_steps=[_read_the_log()],
    )


def _does_not_start(said: str) -> UnreachableError:
    return UnreachableError(
        "the embedded Postgres does not start",
        details=_last_lines(_log_text() or said),
        next_steps=[_read_the_log()],
    )


def _last_lines(text: str) -> tuple[str, ...]:
    return tuple(text.strip().splitlines()[-6:])


def _log_text() -> str:
    try:
        return places.log().read_text(encoding="utf-8", errors="replace")[-8000:]
    except OSError:
        return ""


def _read_the_log() -> tuple[str, str]:
    return "its log", f"tail -n 40 {shlex.quote(str(places.log()))}"
