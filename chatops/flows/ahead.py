"""A database that a newer chatops has migrated: every command says so first, reading goes on, writing refuses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chatops import __version__, formatting, sqlfiles
from chatops.db import Database
from chatops.errors import DatabaseError, RefusedError


@dataclass(frozen=True, slots=True)
class FileAhead:
    """A file of a newer chatops that is in, and the version that applied it."""

    name: str
    chatops_version: str | None


def files_ahead(database: Database) -> list[FileAhead]:
    """The files that are in and later than the last one here, the newest first; none where the ledger cannot be read."""
    if database.facts is None or not database.facts.has_ledger:
        return []
    text, asked = sqlfiles.read("queries/ledger_ahead.sql"), {"schema": database.target.schema, "newest": newest_here()}
    try:
        if not database.in_transaction:
            return database.glance_at(FileAhead, text, asked)
        with database.savepoint("chatops_ahead"):
            return database.rows(FileAhead, text, asked)
    except DatabaseError:
        return []


def among(rows: Iterable[tuple[str, str | None]]) -> list[FileAhead]:
    """The same of rows of the ledger that were read already."""
    later = [FileAhead(name, version) for name, version in rows if name[:1].isdigit() and name > newest_here()]
    return sorted(later, key=lambda one: one.name, reverse=True)


def newest_here() -> str:
    """The last shipped file."""
    return sqlfiles.names("migrations")[-1]


def told(ahead: list[FileAhead]) -> str:
    """One sentence about it, with the version to install."""
    names = formatting.visible(", ".join(one.name for one in reversed(ahead[:3])))
    version = next((one.chatops_version for one in ahead if one.chatops_version), None)
    install = f"install chatops {formatting.visible(version)} or newer" if version else "install a newer chatops"
    return f"this database is ahead of chatops {__version__}: {names} {'is' if len(ahead) == 1 else 'are'} in; {install}"


def refuse_ahead(database: Database, known: list[FileAhead] | None = None) -> None:
    """Refuses to write what a newer chatops has made; `known` is what the ledger said, where it was read already."""
    if ahead := files_ahead(database) if known is None else known:
        raise RefusedError(f"{told(ahead)}; nothing was changed")
