"""The Supabase CLI's own history, kept in step: what it has is never run again, and what is run here is written there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chatops import db, formatting, sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.later import later
from chatops.migrations.histories import HISTORIES, is_supabase_folder, rest_of, said, version_of
from chatops.migrations.ledger import DEFAULT_SCHEMA, Ledger
from chatops.migrations.plan import LedgerRow
from chatops.migrations.source import SHIPPED, Folder, MigrationFile

if TYPE_CHECKING:  # what reads files, for whoever works in another schema than the default one
    from chatops.migrations import history_schema
else:
    history_schema = later("chatops.migrations.history_schema")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class InStep:
    """A folder whose history Supabase keeps: the names of its files that the history has; why nothing can be written there."""

    ran: frozenset[str]
    why_not: str | None = None

    def texts(self, file: MigrationFile) -> list[str]:
        """The statement that tells the history that a file is in."""
        if self.why_not is not None:
            return []
        row = {"version": version_of(file), "name": rest_of(file), "statements": [one.text for one in file.reading.statements]}
        return [db.inlined(sqlfiles.read("queries/catalog_record_history.sql"), {"files": db.json([row])})]


def in_step(database: Database, folder: Folder, ledger: Ledger) -> InStep | None:
    """What the history says of a folder; None where there is none, or it is not this folder's."""
    if folder.source == SHIPPED or not ledger.facts.has_supabase_history:
        return None
    with database.reading():
        table = database.mappings(sqlfiles.read("queries/catalog_has_history.sql"))[0]
        if not table["readable"]:
            return None
        rows: Sequence[Mapping[str, str | None]] = database.mappings(sqlfiles.read("queries/catalog_history.sql"))
        told = said(folder, HISTORIES[0], [(row["version"], row["name"], "") for row in rows])
        if told is None and not is_supabase_folder(folder.path):
            return None
        place = _place(database)
        if place != DEFAULT_SCHEMA and not _speaks_of(database, folder, told[0] if told is not None else None, place):
            return InStep(frozenset(), f"it does not speak of {formatting.visible(place)}")
    ran = told[0] if told is not None else frozenset()
    if not table["writable"]:
        return InStep(ran, "this role may not write supabase_migrations.schema_migrations")
    return InStep(ran, None if table["named"] else "supabase_migrations.schema_migrations has not the columns of today's CLI")


def _place(database: Database) -> str:
    """The schema in which a session makes what the bare names of a folder of one's own mean."""
    if (schema := database.target.schema) != DEFAULT_SCHEMA:
        return schema
    own = database.mappings(sqlfiles.read("queries/adopt_path.sql"))[0]["schemas"]
    return own[0] if own else schema


def _speaks_of(database: Database, folder: Folder, ran: Collection[str] | None, place: str) -> bool:
    own = database.target.schema == DEFAULT_SCHEMA
    if ran is None:
        return own
    files = [file for file in folder.files if file.name in ran]
    return history_schema.speaks_of(database, files, place, kept_in="supabase_migrations", of_the_tool=True, own=own)


def unrecorded(history: InStep | None, folder: Folder, ledger: Ledger) -> list[MigrationFile]:
    """The files that the history has and the ledger has not."""
    if history is None or not history.ran:
        return []
    known = {row.name for row in ledger.rows if row.source == folder.source and row.kind == "versioned"}
    return [file for file in folder.files if file.name in history.ran and file.name not in known]


def with_history(ledger: Ledger, files: Sequence[MigrationFile]) -> Ledger:
    """The ledger as it reads once these files are recorded as being in."""
    rows = (
        LedgerRow(
            file.source, file.name, file.number, "versioned", "adopted", file.checksum, file.digests, 0, _EPOCH, None, None,
            "supabase", None,
        )
        for file in files
    )  # fmt: skip
    return replace(ledger, rows=(*ledger.rows, *rows))
