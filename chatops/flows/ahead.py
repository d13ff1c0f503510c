"""A database that a newer chatops has migrated: every command says so first, reading goes on, writing refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Protocol

from chatops import __version__, db, formatting, sqlfiles
from chatops.db import Database, Intent
from chatops.errors import DatabaseError, RefusedError
from chatops.frozen import frozen
from chatops.later import later
from chatops.settings import Target

if TYPE_CHECKING:  # where a newer chatops was here
    from chatops.migrations import source
else:
    source = later("chatops.migrations.source")

NAMED = 3
"""Files that are named where there are many."""


class Recorded(Protocol):
    """What the ledger says of a file, by its columns."""

    @property
    def source(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def checksum(self) -> str: ...

    @property
    def chatops_version(self) -> str | None: ...


@frozen
class Ahead:
    """A file that a newer chatops applied and this one does not have, or a column of schema chatops that it does not know."""

    source: str
    name: str
    kind: str
    checksum: str
    chatops_version: str | None


def connect(target: Target, command: str, intent: Intent) -> Database:
    """A connection that asks, before it first writes, whether a newer chatops was here."""
    database = db.connect(target, command, intent)
    if intent != "read":
        database.before_writing = refuse_ahead
    return database


def files_ahead(database: Database) -> list[Ahead]:
    """What a newer chatops has left here, the newest first; none where the ledger cannot be read."""
    if database.facts is None or not database.facts.has_ledger:
        return []
    asked = {"schema": database.target.schema, "newest": newest_here(), "version": __version__, "known": list(_bookkeeping())}
    found = _ask(database, sqlfiles.read("queries/ledger_ahead.sql"), asked)
    files = among(found)
    # A column that nobody here knows may be somebody's own: the newest run tells.
    columns = [one for one in found if one.kind == "bookkeeping"]
    if columns and not files:
        version = _newest_run(database)
        files = [replace(one, chatops_version=version) for one in columns] if is_newer(version) else []
    return files


def read_already(database: Database, rows: Iterable[Recorded]) -> list[Ahead]:
    """As `files_ahead`, of rows of the ledger that were read already: nothing is asked unless there are columns of others."""
    found = among(rows)
    if not found and database.facts is not None and database.facts.bookkeeping_columns > len(_bookkeeping()):
        return files_ahead(database)
    return found


def _ask(database: Database, text: str, asked: Mapping[str, object]) -> list[Ahead]:
    try:
        if not database.in_transaction:
            return database.glance_at(Ahead, text, asked)
        with database.savepoint("chatops_ahead"):
            return database.rows(Ahead, text, asked)
    except DatabaseError:
        return []


@frozen
class _NewestRun:
    chatops_version: str


def _newest_run(database: Database) -> str | None:
    text = sqlfiles.read("queries/ledger_newest_run.sql")
    try:
        if not database.in_transaction:
            rows = database.glance_at(_NewestRun, text, {})
        else:
            with database.savepoint("chatops_ahead"):
                rows = database.rows(_NewestRun, text, {})
    except DatabaseError:
        return None
    return rows[0].chatops_version if rows else None


def among(rows: Iterable[Recorded]) -> list[Ahead]:
    """The same of rows of the ledger: files later than our last, and texts of a newer version that are not ours."""
    found = [
        Ahead(row.source, row.name, row.kind, row.checksum, row.chatops_version)
        for row in rows
        if row.kind != "bookkeeping" and (_is_later(row) or _is_newer_text(row)) and row.source == source.SHIPPED
    ]
    return sorted(found, key=lambda one: (one.kind == "versioned", one.name), reverse=True)


def _is_later(row: Recorded) -> bool:
    return row.kind == "versioned" and row.name[:1].isdigit() and row.name > newest_here()


def _is_newer_text(row: Recorded) -> bool:
    return is_newer(row.chatops_version) and row.checksum not in _texts_here(row.name)


@cache
def _texts_here(name: str) -> frozenset[str]:
    """The checksums of the texts that this version has for a file, by its name in the ledger."""
    path = f"{name}.sql" if "/" in name else f"migrations/{name}.sql"
    texts = {path, sqlfiles.variant(path)}
    return frozenset(source.checksum((sqlfiles.root() / one).read_bytes()) for one in texts if (sqlfiles.root() / one).exists())


@cache
def _bookkeeping() -> tuple[str, ...]:
    """The columns of schema chatops that this version knows, as table.column."""
    prefix, made = "column chatops.", json.loads(sqlfiles.read("catalog/bookkeeping.json"))["objects"]
    return tuple(label.removeprefix(prefix) for label in made if label.startswith(prefix))


def newest_here() -> str:
    """The last shipped file."""
    return sqlfiles.names("migrations")[-1]


def is_newer(version: str | None) -> bool:
    """Whether a version of chatops comes after this one.

    >>> is_newer("99.0"), is_newer("0.0.9"), is_newer(None), is_newer("a text")
    (True, False, False, False)
    """
    return version is not None and _order(version) > _order(__version__)


def _order(version: str) -> tuple[int, ...]:
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers else ()


def told(ahead: Sequence[Ahead]) -> str:
    """One sentence about it, with the version to install."""
    names = ", ".join(_named(one) for one in reversed(ahead[:NAMED]))
    names = " ".join(filter(None, (names, formatting.and_more(len(ahead) - NAMED))))
    versions = [one.chatops_version for one in ahead if one.chatops_version]
    newer = f"chatops {formatting.visible(max(versions, key=_order))} or newer" if versions else "a newer chatops"
    verb = "is" if len(ahead) == 1 else "are"
    return f"this database is ahead of chatops {__version__}: {formatting.visible(names)} {verb} in; install {newer}"


def _named(one: Ahead) -> str:
    if one.kind == "bookkeeping":
        return f"column chatops.{one.name}"
    return f"a newer {one.name}" if _texts_here(one.name) else one.name


def refuse_ahead(database: Database, known: Sequence[Ahead] | None = None) -> None:
    """Refuses to write what a newer chatops has made; `known` is what the ledger said, where it was read already."""
    if ahead := files_ahead(database) if known is None else known:
        raise RefusedError(f"{told(ahead)}; nothing was changed")
    database.before_writing = None
