"""What of assigning and releasing each role that works on the chats may call after a run, and what of it a file took."""

from __future__ import annotations

from collections.abc import Sequence

from chatops import sqlfiles
from chatops.db import Database
from chatops.frozen import frozen


@frozen
class RoleNow:
    """A role that works on the chats. `calls` are the functions that it may call, `granted` to it or one of its groups."""

    role: str
    logs_in: bool
    members: Sequence[str]
    writes: bool
    calls: Sequence[str]
    granted: bool


@frozen
class Taken:
    """A call that a role could make before the files, and the grant that gives it back."""

    role: str
    name: str
    remedy: str


def run_roles(database: Database) -> tuple[Sequence[RoleNow], Sequence[Taken]]:
    """Inside a transaction that reads; nothing where there are no chats."""
    facts = database.facts or database.glance()
    if not facts.has_chats:
        return (), ()
    roles = database.rows(RoleNow, sqlfiles.query("queries/run_roles.sql"), {})
    readable = "select coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass('chatops.settings')::oid, 'select'), false)"
    kept = bool(database.value(readable))
    return roles, database.rows(Taken, sqlfiles.read("queries/run_roles_lost.sql"), {}) if kept else ()
