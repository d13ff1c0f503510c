"""Where the embedded server keeps its things: data, log, programs, socket."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from chatops import settings
from chatops.errors import UsageError

MAJOR = 18
DATABASE = "chatops"
SUPERUSER = "postgres"
PORT = 5432
"""Only names the socket: the server listens on no network."""

LONGEST_SOCKET_FOLDER = 80
"""Bytes; a socket's whole path may have about 100, and the file's own name takes 20 of them."""


def data_folder() -> Path:
    """Where its data is: in the user data folder; for root in /var/lib, because the server runs as another user."""
    if os.geteuid() == 0 and not os.environ.get("XDG_DATA_HOME"):
        return Path("/var/lib/chatops") / f"postgres-{MAJOR}"
    return settings.data_dir() / f"postgres-{MAJOR}"


def socket_folder(data: Path) -> str:
    """The data folder itself; a short one of the user's own when its path is too long, or odd, for a socket."""
    text = str(data)
    if len(os.fsencode(text)) <= LONGEST_SOCKET_FOLDER and text.isascii() and not set(text) & set(",'\"\\"):
        return text
    return f"/tmp/chatops-{os.geteuid()}-{hashlib.sha256(os.fsencode(text)).hexdigest()[:8]}"


def half_made() -> Path:
    """Where a new data folder is made, to be moved to its place when it is whole."""
    return data_folder().with_suffix(".part")


def log() -> Path:
    """What the server says."""
    return data_folder().with_suffix(".log")


def old_log() -> Path:
    """What it said before the log grew too long."""
    return data_folder().with_suffix(".log.1")


def copy_of(version: str) -> Path:
    """Where the programs of a version of the wheel are copied to."""
    return data_folder().with_name(f"postgres-programs-{version}")


def copies() -> list[Path]:
    """Copies of programs, newest first."""
    found = data_folder().parent.glob("postgres-programs-*")
    return sorted((path for path in found if path.suffix != ".part"), key=lambda path: path.stat().st_mtime, reverse=True)


def unusable(path: Path, error: OSError) -> UsageError:
    """The error for a folder that cannot be written."""
    return UsageError(
        f"the embedded Postgres cannot keep its data in {path}: {error.strerror or error}",
        details=("to keep it elsewhere, set XDG_DATA_HOME to a folder that can be written",),
    )
