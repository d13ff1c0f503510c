"""Finds the numbered SQL files of a folder: what each is called, in which order they come, and what they hold."""

from __future__ import annotations

import codecs
import errno
import hashlib
import json
import os
import stat
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from chatops import sqlfiles
from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.later import later
from chatops.migrations.layout import Order, Sorted, Undoing, key_of, number_of, sort_out, version_of

if TYPE_CHECKING:  # what stands in files, and how it differs from what stood there: whoever compares checksums needs neither
    from chatops.migrations import edits, preflight
    from chatops.migrations.edits import Edit
    from chatops.migrations.migration_text import MigrationText
else:
    edits = later("chatops.migrations.edits")
    preflight = later("chatops.migrations.preflight")

SHIPPED = "chatops"
"""The source of the files that chatops ships."""
DEPLOYED = "017"
"""The last of them that the deployed system has."""
OWN = "files"
"""The source of any other folder, until somebody gives it a name; where it lies never enters into it."""
# More statements than that are not remembered one by one: an edit of such a file is then told for the file as a whole.
MOST_DIGESTS = 2000
DIGEST_LENGTH = 16
_PIECE = 1 << 16
# A longer file is not kept once it was examined.
_KEPT = 1 << 17


@dataclass(frozen=True)
class MigrationFile:
    """One numbered file. Its identity is `source` and `name` (the whole name without .sql); two files may share a number.

    `checksum` is the sha256 of its text without byte order mark and with \\n for \\r\\n, so that a checkout on another system
    is the same file. `shown` is how messages name it, `key` what files are ordered by. `named_for_undoing` are files that are
    named as if they undid another one, which is not there. `reading` is what stands in it, looked at when it is first asked for.
    """

    source: str
    name: str
    number: int
    path: Path
    shown: str
    checksum: str
    key: tuple[int, str]
    _data: bytes | OSError = field(repr=False)
    named_for_undoing: bool = False

    @cached_property
    def reading(self) -> MigrationText:
        """Its statements, how it has to be run, and everything that is wrong with it."""
        return reading_of(self.shown, self._data)

    @property
    def effect(self) -> str:
        """What it changes, in words for people; "" when it does not say."""
        return self.reading.effect or ""

    @cached_property
    def digests(self) -> list[str] | None:
        """A digest of each statement that blanks and comments do not change; None when there are too many."""
        found = self.reading.hashes
        return None if len(found) > MOST_DIGESTS else [one[:DIGEST_LENGTH] for one in found]

    def edits(self, before: Sequence[str] | str | None, finished: int | None = None) -> Sequence[Edit] | None:
        """How it differs from a text with these digests, or from the first `finished` of them; None when that is not known.

        The digests may be JSON, as the ledger gives them: those of most files are never looked at.
        """
        if isinstance(before, str):
            before = json.loads(before)
        if before is None or self.digests is None:
            return None
        now = replace(self.reading, hashes=tuple(self.digests))
        if finished is not None:
            return edits.edited_finished(list(before), finished, now)
        return edits.edited_statements(list(before), now)


def reading_of(shown: str, data: bytes | OSError) -> MigrationText:
    """What stands in a file, or why it cannot be read; `shown` is how messages name it."""
    if isinstance(data, bytes):
        return (_examined if len(data) <= _KEPT else preflight.examine)(shown, data)
    return preflight.unreadable(shown, data)


@lru_cache(maxsize=64)
def _examined(shown: str, data: bytes) -> MigrationText:
    """A watch, a desk and a fleet look at a folder again and again: its files are examined once."""
    return preflight.examine(shown, data)


@frozen
class Folder:
    """The files of one source in their order. Never run: `left_alone`, .sql files without a number, and `undoing`, which take
    back what another file does. `named` tells whether somebody gave the source its name."""

    source: str
    path: Path
    files: tuple[MigrationFile, ...]
    left_alone: tuple[str, ...] = ()
    undoing: tuple[Undoing, ...] = ()
    order: Order = "number"
    named: bool = True

    def key_of(self, name: str) -> tuple[int, str]:
        """What a file is ordered by, whether it is here or only in the ledger."""
        return key_of(name, self.order)

    @property
    def duplicates(self) -> dict[str, list[str]]:
        """The numbers, or versions, that several files bear, with the names of those files."""
        by_number: dict[str, list[str]] = defaultdict(list)
        for file in self.files:
            by_number[".".join(map(str, version_of(file.name)))].append(file.name)
        return {number: names for number, names in by_number.items() if len(names) > 1}

    @property
    def latest(self) -> MigrationFile | None:
        """The last file in order."""
        return self.files[-1] if self.files else None


@dataclass
class Listed:
    """The names of a folder's files, in order; `folder` reads them, once, when it is first asked for."""

    source: str
    path: Path
    shown: str
    found: Sorted
    named: bool

    @cached_property
    def folder(self) -> Folder:
        """The files, each read once; a file that cannot be read is there with its reason."""
        found = self.found
        files = tuple(self._file(name) for name in found.migrations)
        return Folder(self.source, self.path, files, found.left_alone, found.undoing, found.order, self.named)

    def _file(self, ended: str) -> MigrationFile:
        path = self.path / ended
        try:
            data: bytes | OSError = _all_of(path)
        except OSError as error:
            data = error
        digest = checksum(data if isinstance(data, bytes) else b"")
        name, alone = ended[: -len(".sql")], ended in self.found.alone
        key = key_of(name, self.found.order)
        return MigrationFile(self.source, name, number_of(name), path, self.shown + ended, digest, key, data, alone)


def chosen(directory: Path | None, source: str | None, *, all_files: bool = False) -> Listed:
    """The folder of --dir and --source: the shipped files when neither is given. Raises UsageError."""
    if directory is None:
        if source is not None and source != SHIPPED:
            raise UsageError("--source names the files of a folder: give --dir too")
        return listed(sqlfiles.root() / "migrations", source=SHIPPED, shown="")
    return listed(directory, source=source, all_files=all_files)


def shipped() -> Folder:
    """The files that chatops ships."""
    return discover(sqlfiles.root() / "migrations", source=SHIPPED, shown="")


def discover(folder: Path, *, source: str | None = None, shown: str | None = None, all_files: bool = False) -> Folder:
    """The numbered files directly in a folder; see `listed`."""
    return listed(folder, source=source, shown=shown, all_files=all_files).folder


def listed(folder: Path, *, source: str | None = None, shown: str | None = None, all_files: bool = False) -> Listed:
    """The names of the numbered files directly in a folder, none of them read yet.

    Raises UsageError when there is no such folder, nothing in it, or a source that is none.
    """
    found = sort_out(folder, all_files=all_files)
    ours = is_shipped(folder)
    if source is not None and (not source.strip() or (source == SHIPPED and not ours)):
        raise UsageError(f"--source “{source}”: give the folder a name; {SHIPPED} are the files that chatops ships")
    own = source or (SHIPPED if ours else OWN)
    return Listed(own, folder, f"{folder}/" if shown is None else shown, found, source is not None or ours)


def _all_of(path: Path) -> bytes:
    """A file's bytes, in half the time of `Path.read_bytes`, which makes and asks more than a thousand small files need."""
    # What is no file may have no end, or nobody who writes to it.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        kind = os.fstat(number).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise OSError(errno.EINVAL, "not a file")
        data = os.read(number, _PIECE)
        while piece := os.read(number, _PIECE):
            data += piece
    finally:
        os.close(number)
    return data


def is_shipped(folder: Path) -> bool:
    """Whether a folder is the one that chatops ships, however it was named."""
    return folder.resolve() == (sqlfiles.root() / "migrations").resolve()


def revision_of(folder: Path) -> str | None:
    """The commit that the folder's repository stands at; None outside one. Reads files, starts no program."""
    for above in (folder.resolve(), *folder.resolve().parents):
        git = above / ".git"
        if not git.exists():
            continue
        try:
            if git.is_file():  # a worktree points to its folder
                git = (above / git.read_text().partition("gitdir:")[2].strip()).resolve()
            head = (git / "HEAD").read_text().strip()
            if not head.startswith("ref:"):
                return head
            ref = head.partition(":")[2].strip()
            common = git / "commondir"
            roots = [git, (git / common.read_text().strip()).resolve()] if common.exists() else [git]
            for root in roots:
                if (root / ref).exists():
                    return (root / ref).read_text().strip()
            for root in roots:
                packed = root / "packed-refs"
                for line in packed.read_text().splitlines() if packed.exists() else ():
                    if line.endswith(f" {ref}"):
                        return line.split()[0]
        except (OSError, UnicodeDecodeError):
            return None
        return None
    return None


def checksum(data: bytes) -> str:
    """The sha256 of a file, line ends and byte order mark normalised; of the bytes as they stand when they are no UTF-8."""
    if b"\r\n" not in data and not data.startswith(codecs.BOM_UTF8):
        return hashlib.sha256(data).hexdigest()
    try:
        text = data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
        return hashlib.sha256(text.encode()).hexdigest()
    except UnicodeDecodeError:
        return hashlib.sha256(data).hexdigest()
