"""Refuses a database that cannot be migrated at all: what keeps every file from running is named before the first one."""

from __future__ import annotations

from collections.abc import Iterable

from chatops.db import Database, Facts
from chatops.db.unfit import reset_text, unfit
from chatops.errors import RefusedError
from chatops.migrations.source import SHIPPED, Folder, MigrationFile
from chatops.migrations.transaction_problems import has_plain_backslash
from chatops.tables_there import right_database


def refuse_unfit(database: Database, facts: Facts, folder: Folder) -> None:
    """Raises RefusedError with everything at once, if there is something."""
    found = list(unfit(database, facts))
    if not found:
        return
    steps = [(one.label, one.sql) for one in found]
    # A folder of one's own is for a database of its own, with tables that nobody here knows.
    if folder.source == SHIPPED and not facts.has_chats and not facts.has_ledger and facts.schema_owner is None:
        # Whoever meant another database is not to make this one fit.
        with database.reading():
            asks, look = right_database(database)
        raise RefusedError(
            f"no table of the chat platform is in schema {database.target.schema} of {facts.database}: {asks}",
            details=[f"nothing was run; {'; '.join(one.message for one in found)}"],
            next_steps=[*look, *((f"if it is, {label}", sql) for label, sql in steps)],
        )
    raise RefusedError(f"{found[0].message}; nothing was run", details=[one.message for one in found[1:]], next_steps=steps)


def refuse_odd_strings(database: Database, facts: Facts, files: Iterable[MigrationFile], so: str = "nothing was run") -> None:
    """Refuses files with backslashes in plain literals where the server takes them for more than a character."""
    if not database.odd_strings:
        return
    found = next((file for file in files if has_plain_backslash(file.reading.sent)), None)
    if found is not None:
        raise RefusedError(
            "standard_conforming_strings is off here: backslashes in literals mean something else than chatops reads "
            f"({found.name}); {so}",
            next_steps=[("set it as it is everywhere (SQL)", reset_text(database, facts, "standard_conforming_strings", "on"))],
        )
