"""Who waits beside the queue, in no queue at all, and whom nobody is given because somebody keeps their chats locked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chatops.chats import reports
from chatops.chats.reports import Beside
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError, RefusedError

LIMIT_MS = 1000
"""So long a command that must be quick waits for it."""
LEAVE = "rollback to savepoint chatops_beside; release savepoint chatops_beside"


def read(database: Database) -> Beside:
    """Both, inside `reading`; what cannot be seen here, takes too long, or would with so many chats, is left open."""
    counted = _rows(database, "queries/in_no_queue.sql")
    since = counted[0]["since"] if counted else None
    return Beside(int(counted[0]["chats"]) if counted else None, since, locked(database))


def locked(database: Database) -> Mapping[UUID, int | None] | None:
    """Which chats of the queue are locked, and by whom; None on a cluster, whose tables do not tell."""
    if database.facts is None or database.facts.citus is not None:
        return None
    found = _rows(database, "queries/waiting_locked.sql")
    return None if found is None else {row["chat_id"]: row["pid"] for row in found}


def _rows(database: Database, file: str) -> list[dict[str, Any]] | None:
    try:
        text = reports.query(database, file)
    except RefusedError:
        return None
    begin = f"savepoint chatops_beside; set local statement_timeout = '{LIMIT_MS}ms'; set local jit = off"
    apart = database.facts is None or database.facts.citus is not None  # a cluster takes a request of many statements for one
    if apart:
        database.script(begin)
    try:
        return database.mappings_before(text, LEAVE, first="" if apart else f"{begin};\n")
    except ConnectionLostError:
        raise
    except DatabaseError:
        database.script(LEAVE)
        return None
