"""Since when an object is missing or otherwise: by the commit that made it, where that is kept, else after its file went in."""

from __future__ import annotations

from typing import Any

from chatops import formatting, sqlfiles
from chatops.db import Database
from chatops.errors import DatabaseError
from chatops.model import Values

ABOUT_OBJECTS = frozenset({"DB003", "DB018", "DB019", "DB031"})
NOT_KEPT = "no time is kept: track_commit_timestamp is off"


def completed(database: Database, row: Values) -> dict[str, Any]:
    """A row with `changed_at`, or in `changed` what is known in its place; as it is where neither can be asked."""
    missing = "found_as" not in row and row.get("migration") is not None
    kind, name = str(row.get("kind") or "constraint"), str(row["object"]).partition("(")[0]
    of, _, own = name.rpartition(".")
    asked = {"kind": kind, "of": str(row.get("relation") or of), "name": own}
    try:
        with database.savepoint("chatops_when_changed"):
            at, kept = (None, True) if missing else database.tuples(sqlfiles.body_of("mending/when_changed.sql"), asked)[0]
            if at is not None:
                return {**row, "changed_at": at}
            file = row.get("migration")
            put_in = None
            if file is not None and database.value("select pg_catalog.to_regclass('chatops.migrations') is not null"):
                put_in = database.value(sqlfiles.body_of("mending/went_in.sql"), {"migration": file})
    except DatabaseError:
        return dict(row)  # it may not be asked
    if put_in is not None:
        return {**row, "changed": f"after {_called(str(file))} went in at {formatting.instant(put_in)}"}
    return dict(row) if kept else {**row, "changed": NOT_KEPT}


def _called(file: str) -> str:
    """A file as one speaks of it: a migration by its number.

    >>> _called("021_write_path"), _called("views/chat_queue")
    ('021', 'views/chat_queue')
    """
    number = file.partition("_")[0]
    return number if number.isdigit() else file
