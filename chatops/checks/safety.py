"""Keeps in the database what protects, publishes and shapes its tables, so that it is missed when it goes."""

from __future__ import annotations

import contextlib

from chatops import cluster_log, sqlfiles
from chatops.db import Database, inlined
from chatops.errors import DatabaseError


def keep(database: Database, *, anew: bool = True, functions: bool = False) -> None:
    """Adds what is there now to what is kept; one request. Where this role may not, nothing is kept, and nothing is missed.

    `anew`: after a deliberate act; what the application may change in its own releases is then kept as it is now.
    `functions`: how they are, too, for files are taken over as they stand.
    """
    texts = [sqlfiles.query("queries/safety_keep.sql")]
    if functions:
        texts.append(sqlfiles.query("queries/functions_keep.sql"))
    with contextlib.suppress(DatabaseError):
        if (database.facts or database.glance()).citus is not None:
            with database.acting():
                for text in texts:
                    cluster_log.keep(database, text, {"anew": anew})
        else:
            database.at_once([inlined(text, {"anew": anew}) for text in texts], {})


def statement() -> str:
    """What does it after a deliberate act in the schema that comes first on the path, for plain Postgres."""
    return inlined(sqlfiles.query("queries/safety_keep.sql"), {"anew": True})
