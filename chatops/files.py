"""Files that are written whole or not at all, and are nobody else's business unless they were before."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from chatops.errors import ConflictError, UsageError

MOST_IN_MEMORY = 16 << 20


def write_file(path: Path, text: str, *, append: bool = False, private: bool = False) -> None:
    """Writes a text as a `whole_file`, or appends it."""
    data = text.encode("utf-8", "backslashreplace")
    if append:
        try:
            with path.open("ab") as kept:
                kept.write(data)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None
        return
    with whole_file(path, private=private) as file:
        file.write(data)


@contextlib.contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[IO[bytes]]:
    """A file that is there when the block has ended well, and is as it was else; a device or pipe gets what was written then.

    A link is followed; the owner and mode of an existing file are kept; a new one is readable by its owner alone when `private`.
    Raises UsageError when it cannot be written.
    """
    try:
        there = path.stat() if path.exists() else None
        if there is not None and not stat.S_ISREG(there.st_mode):
            yield from _beside(path, "ab")
        else:
            yield from _replace(Path(os.path.realpath(path)), there, private=private)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def read_json(path: Path, what: str, *, largest: int = 32 << 20) -> object:
    """What a JSON file holds, read with a bounded memory. Raises FileNotFoundError, and UsageError naming `what` it should be."""
    try:
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > largest:
        raise UsageError(f"{path} is no {what}: it is larger than {largest >> 20} MB")
    return parse_json(data, str(path), what)


def parse_json(text: str | bytes, where: str, what: str) -> object:
    """A text as JSON. Raises UsageError naming `what` it should be."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else "not JSON"
        raise UsageError(f"{where} is no {what}: it is {why}") from None
    return found


@contextlib.contextmanager
def locked(path: Path, *, seconds: float = 5.0, gone: bool = False) -> Iterator[None]:
    """Nobody else holds this file meanwhile; with `gone` it goes afterwards. Raises ConflictError when it is not had in time."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ends = time.monotonic() + seconds
    while True:
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w") as lock:  # noqa: PTH123 - by its descriptor
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() >= ends:
                        raise ConflictError(f"another chatops holds {path}: waited for {seconds:.0f} s") from None
                    time.sleep(0.05)
            if not _is_still(path, lock):
                continue  # whoever had it before has taken it away: another one is at this place
            try:
                yield
            finally:
                if gone:
                    path.unlink(missing_ok=True)
            return


def _is_still(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _replace(path: Path, there: os.stat_result | None, *, private: bool) -> Iterator[IO[bytes]]:
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600 if private or there is not None else 0o666)
    except OSError:
        if there is None:
            raise
        # A file of its own in a folder that takes no others, such as one mounted into a container.
        yield from _beside(path, "r+b")
        return
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            if there is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(there.st_mode))
                with contextlib.suppress(PermissionError):
                    os.fchown(file.fileno(), there.st_uid, there.st_gid)
        if there is not None and _owner(part.stat()) != _owner(there):
            with part.open("rb") as made, path.open("r+b") as kept:
                shutil.copyfileobj(made, kept)
                kept.truncate()
        else:
            part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _beside(path: Path, mode: str) -> Iterator[IO[bytes]]:
    """What is written goes into the file, or through the device, once it is whole."""
    with tempfile.SpooledTemporaryFile(MOST_IN_MEMORY) as made:
        yield made
        made.seek(0)
        with path.open(mode) as kept:
            shutil.copyfileobj(made, kept)
            if mode == "r+b":
                kept.truncate()


def _owner(found: os.stat_result) -> tuple[int, int]:
    return found.st_uid, found.st_gid
