"""Finds the numbered SQL files of a folder: what each is called, in which order they come, and what they hold."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from chatops import sqlfiles
from chatops.errors import UsageError

if TYPE_CHECKING:
    from chatops.migrations.edits import Edit
    from chatops.migrations.migration_text import MigrationText

SHIPPED = "chatops"
"""The source of the files that chatops ships; others are called by their folder."""
# More statements than that are not remembered one by one: an edit of such a file is then told for the file as a whole.
MOST_DIGESTS = 2000
DIGEST_LENGTH = 16
_NUMBERED = re.compile(r"(\d+)(?!\d).*\.sql", re.DOTALL)
# What other tools keep beside a migration to take it back.
_DOWN = re.compile(r".*\.(down|undo|rollback)\.sql", re.IGNORECASE)


@dataclass(frozen=True)
class MigrationFile:
    """One numbered file. Its identity is `source` and `name` (the whole name without .sql); two files may share a number.

    `checksum` is the sha256 of its text without byte order mark and with \\n for \\r\\n, so that a checkout on another system
    is the same file. `shown` is how messages name it. `reading` is what stands in it, looked at when it is first asked for.
    """

    source: str
    name: str
    number: int
    path: Path
    shown: str
    checksum: str
    _data: bytes | OSError = field(repr=False)

    @property
    def key(self) -> tuple[int, str]:
        """What files are ordered by."""
        return (self.number, self.name)

    @cached_property
    def reading(self) -> MigrationText:
        """Its statements, how it has to be run, and everything that is wrong with it."""
        # Here, not above: whoever only compares checksums does not pay for a scanner.
        from chatops.migrations import preflight

        if isinstance(self._data, OSError):
            return preflight.unreadable(self.shown, self._data)
        return preflight.examine(self.shown, self._data)

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
        # Here, not above: most files were never edited.
        from chatops.migrations import edits

        if isinstance(before, str):
            before = json.loads(before)
        if before is None or self.digests is None:
            return None
        now = replace(self.reading, hashes=tuple(self.digests))
        if finished is not None:
            return edits.edited_finished(list(before), finished, now)
        return edits.edited_statements(list(before), now)


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one source in their order. `left_alone` are .sql files without a number, which are never run."""

    source: str
    path: Path
    files: tuple[MigrationFile, ...]
    left_alone: tuple[str, ...] = ()

    @property
    def duplicates(self) -> dict[int, list[str]]:
        """The numbers that several files bear, with the names of those files."""
        by_number: dict[int, list[str]] = defaultdict(list)
        for file in self.files:
            by_number[file.number].append(file.name)
        return {number: names for number, names in by_number.items() if len(names) > 1}

    @property
    def latest(self) -> MigrationFile | None:
        """The last file in order."""
        return self.files[-1] if self.files else None


def chosen(directory: Path | None, source: str | None) -> Folder:
    """The folder of --dir and --source: the shipped files when neither is given. Raises UsageError."""
    if directory is None:
        if source is not None and source != SHIPPED:
            raise UsageError("--source names the files of a folder: give --dir too")
        return shipped()
    return discover(directory, source=source)


def shipped() -> Folder:
    """The files that chatops ships."""
    return discover(sqlfiles.root() / "migrations", source=SHIPPED, shown="")


def discover(folder: Path, *, source: str | None = None, shown: str | None = None) -> Folder:
    """The numbered files directly in a folder, each read once; a file that cannot be read is there with its reason.

    `source` defaults to the folder's path in its repository. Raises UsageError when there is no such folder or nothing in it.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if path.name.lower().endswith(".sql"))
    except FileNotFoundError:
        raise UsageError(f"there is no folder {folder}") from None
    except NotADirectoryError:
        raise UsageError(f"{folder} is a file; --dir takes the folder of the numbered .sql files") from None
    except OSError as error:
        raise UsageError(f"cannot read the folder {folder}: {error.strerror}") from None
    own = source or source_of(folder)
    prefix = f"{folder}/" if shown is None else shown
    numbered = [name for name in names if _NUMBERED.fullmatch(name) and not _DOWN.fullmatch(name)]
    files = sorted((read(folder / name, own, prefix + name) for name in numbered), key=lambda file: file.key)
    if not files:
        more = f"; without a number: {', '.join(names)}" if names else ""
        raise UsageError(f"{folder} holds no numbered .sql file (001_name.sql){more}")
    known = set(numbered)
    return Folder(own, folder, tuple(files), tuple(name for name in names if name not in known))


def read(path: Path, source: str, shown: str) -> MigrationFile:
    """One file; see MigrationFile."""
    name = path.name[: -len(".sql")]
    number = int(re.match(r"\d+", name)[0])  # type: ignore[index]  # it was discovered by its number
    try:
        data = path.read_bytes()
    except OSError as error:
        return MigrationFile(source, name, number, path, shown, checksum(b""), error)
    return MigrationFile(source, name, number, path, shown, checksum(data), data)


def source_of(folder: Path) -> str:
    """What a folder is called in the ledger on every machine: its path in its repository, else its last two names.

    The shipped folder is itself, however it was named.
    """
    here = folder.resolve()
    if here == (sqlfiles.root() / "migrations").resolve():
        return SHIPPED
    for above in (here, *here.parents):
        if (above / ".git").exists():
            return here.relative_to(above).as_posix() if here != above else here.name
    return "/".join(here.parts[-2:]).lstrip("/")


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
