"""Which files of a folder are migrations, and in which order they come; which undo others; other tools' layouts."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from chatops import formatting
from chatops.errors import UsageError
from chatops.frozen import frozen

Order = Literal["number", "name"]
# Numbers of so many digits are dates or time stamps.
STAMP_DIGITS = 8
_NUMBERED = re.compile(r"[0-9]+(?:[_.\-].*)?\.sql", re.DOTALL | re.IGNORECASE)
VERSION = re.compile(r"[0-9]+(?:\.[0-9]+(?![0-9A-Za-z]))*")
_WIDEST = 20
_UNDOING = "down|undo|rollback|revert|downgrade"
_MAY_UNDO = re.compile(_UNDOING, re.IGNORECASE)
_UNDOES = re.compile(rf"(?P<base>[0-9].*?)[_.\-](?:{_UNDOING})", re.DOTALL | re.IGNORECASE)
# Postgrator: 001.do.boats.sql, 001.undo.boats.sql
_UNDOES_AT_HEAD = re.compile(r"(?P<number>[0-9]+)\.(?:undo|down)\.(?P<rest>.*)", re.DOTALL | re.IGNORECASE)
# 001_down_boats.sql beside 001_up_boats.sql; alone it is taken for 002_down_payments.sql
_UNDOES_BEHIND_NUMBER = re.compile(
    rf"(?P<number>[0-9]+)(?P<sign>[_.\-])(?:{_UNDOING})(?P<rest>[_.\-].*)", re.DOTALL | re.IGNORECASE
)
_UNDOING_FOLDER = re.compile(rf"{_UNDOING}s?", re.IGNORECASE)
_FLYWAY = re.compile(r"(?:[VUB][0-9][0-9._]*|R)__.*\.sql", re.DOTALL | re.IGNORECASE)
_UP_FILES = ("migration.sql", "up.sql")
_SHOWN = 3


@frozen
class Undoing:
    """A file that takes back what its partner does; it is never run."""

    name: str
    partner: str


@frozen
class Sorted:
    """The .sql files of a folder: the migrations in order, those that undo one of them, and the rest.

    `alone` are migrations that are named as if they undid something, although nothing stands beside them.
    """

    migrations: tuple[str, ...]
    undoing: tuple[Undoing, ...]
    alone: frozenset[str]
    left_alone: tuple[str, ...]
    order: Order


def sort_out(folder: Path, *, all_files: bool = False, empty: bool = False) -> Sorted:
    """What is what in a folder, by the names alone; `all_files` takes files that are named for undoing, too,
    `empty` a folder without a file.

    Raises UsageError where there is no such folder, no migration in it, or the layout of another tool.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda one: one.name if one.name.isascii() else os.fsencode(one.name).decode("latin-1"))
        names = [one.name for one in found if one.name.lower().endswith(".sql")]
        folders = [folder / one.name for one in found if one.name[:1].isdigit() and _is_folder(one)]
        nested = [f"{path.name}/{up}" for path in folders for up in _UP_FILES if (path / up).is_file()]
    except FileNotFoundError:
        raise UsageError(f"there is no folder {folder}") from None
    except NotADirectoryError:
        raise UsageError(f"{folder} is a file; --dir takes the folder of the numbered .sql files") from None
    except OSError as error:
        raise UsageError(f"cannot read the folder {folder}: {error.strerror}") from None
    numbered = [name for name in names if _NUMBERED.fullmatch(name)]
    # Whether any name is one of the rare ones is asked of all of them at once.
    all_names = "\n".join(numbered)
    if not _is_text(all_names):
        odd = [name for name in numbered if not _is_text(name)]
        shown = ", ".join(os.fsencode(name).decode("utf-8", "backslashreplace") for name in odd)
        raise UsageError(f"{folder} holds a file whose name is not UTF-8, and no ledger can hold it: {shown}")
    suspects = [name for name in numbered if _MAY_UNDO.search(name)] if _MAY_UNDO.search(all_names) else []
    by_stem = {name[: -len(".sql")].lower(): name for name in numbered} if suspects else {}
    undoing = [one for name in suspects if (one := _undoing(name, by_stem)) is not None]
    undone = {one.name for one in undoing}
    migrations = [name for name in numbered if name not in undone] if undone else numbered
    alone = frozenset() if all_files else frozenset(name for name in suspects if name not in undone and _undoes(name))
    left_alone = ([name for name in names if not _NUMBERED.fullmatch(name)] if len(numbered) < len(names) else []) + nested
    if not migrations and not (empty and not left_alone):
        raise _nothing(folder, [folder / one.name for one in found], left_alone)
    order = order_of(migrations)
    migrations.sort(key=lambda name: key_of(name[: -len(".sql")], order))
    stems = Counter(name[: -len(".sql")] for name in migrations)
    if twice := [stem for stem, files in stems.items() if files > 1]:
        raise UsageError(f"{folder} holds two files named {', '.join(sorted(twice))}, which differ in their endings alone")
    return Sorted(tuple(migrations), tuple(undoing), alone, tuple(left_alone), order)


def _is_folder(one: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or leads to one: what the listing tells of most without another question."""
    try:
        return one.is_dir()
    except OSError:
        return False


def _is_text(name: str) -> bool:
    """Whether a name is UTF-8; one that is not came with stand-ins for its odd bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def number_of(name: str) -> int:
    """The number that a migration's name begins with; -1 without one."""
    digits = re.match(r"[0-9]+", name)
    return int(digits[0]) if digits else -1


def order_of(names: Iterable[str]) -> Order:
    """By number; by the bytes of the names where every number is a date or a time stamp, as the tools that make such names do.

    >>> order_of(["001_a.sql", "10_b.sql"]), order_of(["20260420_a.sql", "20260420010000_b.sql"])
    ('number', 'name')
    """
    stamps = all(len(re.match(r"[0-9]*", name)[0]) >= STAMP_DIGITS for name in names)  # type: ignore[index]
    return "name" if stamps else "number"


@lru_cache(maxsize=20_000)  # each file is asked for its place again and again
def key_of(name: str, order: Order) -> tuple[int, str]:
    """What migrations are ordered by; `name` without its ending, which counts in lower case. Versions count part by part.

    >>> key_of("20260420010000_b", "name") < key_of("20260420_a", "name")
    True
    >>> sorted(["1.0.10_d", "1.1_e", "1_a", "1.0.2_c", "1.0.0_b"], key=lambda name: key_of(name, "number"))
    ['1_a', '1.0.0_b', '1.0.2_c', '1.0.10_d', '1.1_e']
    """
    if order == "name":
        return 0, os.fsencode(f"{name}.sql").decode("latin-1")
    first, *further = version_of(name)
    return first, "".join(f".{part:0{_WIDEST}}" for part in further) + f"\0{name}"


@lru_cache(maxsize=20_000)
def version_of(name: str) -> tuple[int, ...]:
    """The number that a migration's name begins with, or the version, part by part.

    >>> version_of("1.0.10##ddl"), version_of("001.2fa_codes"), version_of("001_a")
    ((1, 0, 10), (1,), (1,))
    """
    version = VERSION.match(name)
    return tuple(int(part) for part in version[0].split(".")) if version else (-1,)


def named_for_undoing(name: str) -> bool:
    """Whether a file is named as if it undid another one; `name` with its ending."""
    return _undoes(name) is not None


def _undoes(name: str) -> str | None:
    """What a file that is named for undoing would undo, without its ending; None for all others."""
    stem = name[: -len(".sql")]
    if match := _UNDOES_AT_HEAD.fullmatch(stem):
        return f"{match['number']}.do.{match['rest']}"
    match = _UNDOES.fullmatch(stem)
    return match["base"] if match else None


def _undoing(name: str, by_stem: Mapping[str, str]) -> Undoing | None:
    """A file that undoes another one of the folder, with that one; None where nothing stands beside it."""
    partners: list[str] = []
    if (base := _undoes(name)) is not None:
        partners += [base, *(f"{base}{sign}{word}" for sign in "_.-" for word in ("up", "do", "upgrade"))]
    elif match := _UNDOES_BEHIND_NUMBER.fullmatch(name[: -len(".sql")]):
        partners += [f"{match['number']}{match['sign']}{word}{match['rest']}" for word in ("up", "do", "upgrade")]
    found = (by_stem.get(one.lower(), name) for one in partners)
    return next((Undoing(name, partner) for partner in found if partner != name), None)


def _nothing(folder: Path, found: Sequence[Path], left_alone: Sequence[str]) -> UsageError:
    """Why a folder holds nothing to run, and what to do about it."""
    names = [path.name for path in found]
    if nested := [name for name in left_alone if "/" in name]:
        up = nested[0].rpartition("/")[2]
        tool = "Prisma" if up == "migration.sql" else "Hasura or Diesel"
        return UsageError(
            f"{folder} is laid out as {tool} does, one folder for each migration ({_some(nested)}); "
            "chatops takes numbered files of one folder",
            next_steps=[("make a folder of files", _flatten(folder, up))],
        )
    if flyway := [name for name in left_alone if _FLYWAY.fullmatch(name)]:
        return UsageError(
            f"{folder} is laid out as Flyway does ({_some(flyway)}); chatops takes files that begin with their number",
            details=[*_renamed(flyway), *_repeatables(flyway)],
        )
    if {"sqitch.plan", "deploy"} & set(names):
        return UsageError(
            f"{folder} is laid out as Sqitch does; chatops takes numbered files of one folder",
            details=["number the files of deploy/ in the order of sqitch.plan: deploy/users.sql → 001_users.sql"],
        )
    deeper = next(
        (
            path for path in found
            if path.is_dir() and not _UNDOING_FOLDER.fullmatch(path.name) and any(_looks_right(below) for below in _below(path))
        ),
        None,
    )  # fmt: skip
    if deeper is not None:
        return UsageError(f"{folder} holds no numbered .sql file; {deeper.name}/ in it does: --dir {deeper}")
    more = f"; without a number: {', '.join(left_alone)}" if left_alone else ""
    return UsageError(f"{folder} holds no numbered .sql file (001_name.sql){more}")


def _flatten(folder: Path, up: str) -> str:
    return f'mkdir flat && for d in {folder}/[0-9]*/; do cp "$d/{up}" "flat/$(basename "$d").sql"; done'


def _renamed(flyway: Sequence[str]) -> list[str]:
    """The names that the versioned files could have here."""
    versioned = [name for name in flyway if name[0] in "vV"]
    versioned.sort(key=lambda name: [int(part) for part in re.findall(r"[0-9]+", name.partition("__")[0])])
    width = max(3, len(str(len(versioned))))
    whole = all(re.fullmatch(r"[vV][0-9]+", name.partition("__")[0]) for name in versioned)
    lines = []
    for position, name in enumerate(versioned, 1):
        version, _, rest = name.partition("__")
        lines.append(f"{name} → {version[1:].zfill(width) if whole else str(position).zfill(width)}_{rest}")
    return ["name the files by number and in order:", *(f"  {line}" for line in lines)] if lines else []


def _repeatables(flyway: Sequence[str]) -> list[str]:
    lines = []
    if repeated := [name for name in flyway if name[0] in "rR"]:
        lines.append(f"{_some(repeated)}: a repeatable file; give each change of it a number of its own, after the others")
    if undo := [name for name in flyway if name[0] in "uU"]:
        lines.append(f"{_some(undo)}: undoes; leave it out")
    return lines


def _some(names: Sequence[str]) -> str:
    return formatting.listed(names, _SHOWN)


def _below(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _looks_right(path: Path) -> bool:
    return _NUMBERED.fullmatch(path.name) is not None or any((path / up).is_file() for up in _UP_FILES if path.name[:1].isdigit())
