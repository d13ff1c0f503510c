"""Is the embedded server running? Told from its files and its socket, quickly, without the driver."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from pathlib import Path

from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.local import places


@frozen
class Postmaster:
    """What postmaster.pid says; the file stays behind after a crash."""

    pid: int
    folder: str
    port: int
    ready: bool


def answering() -> Postmaster | None:
    """The running server, found without importing anything slow: its socket takes a connection."""
    postmaster = on_file(places.data_folder())
    if postmaster is None or not postmaster.ready:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            probe.connect(f"{postmaster.folder}/.s.PGSQL.{postmaster.port}")
    except OSError:
        return None
    return postmaster


def on_file(data: Path) -> Postmaster | None:
    """What the file says once the server is up, or None. Raises UsageError when it is another user's."""
    try:
        lines = [line.strip() for line in (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()]
        return Postmaster(int(lines[0]), lines[4], int(lines[3]), lines[7:8] == ["ready"])
    except PermissionError as error:
        raise UsageError(f"{data} belongs to another user") from error
    except (OSError, ValueError, IndexError):
        return None


def pid_on_file(data: Path) -> int | None:
    """The process id alone: all there is in the first moments of a start."""
    try:
        return int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def runs_here(pid: int, data: Path) -> bool:
    """Whether that process is the server of this folder, and not another one that was given its id after a reboot."""
    if not is_alive(pid):
        return False
    command = Path(f"/proc/{pid}/cmdline")
    with contextlib.suppress(OSError):
        return str(data) in command.read_text(errors="replace").split("\0")
    with contextlib.suppress(OSError):
        listed = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return f"-D {data}" in listed.stdout
    return True


def is_alive(pid: int) -> bool:
    """Whether there is a process of that id, anybody's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
