"""Findings that are silent for everybody: kept in the database, by whom, until when, seen from any machine."""

from __future__ import annotations

from datetime import datetime

from chatops import cluster_log, formatting, settings, sqlfiles
from chatops.db import Database
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.provenance import Provenance


@frozen
class StoredSnooze:
    """A finding that is not shown until an instant."""

    code: str
    until: datetime
    reason: str | None
    set_by: str
    set_at: datetime

    @property
    def told(self) -> str:
        """The code, with until when and by whom it is silent."""
        return f"{self.code} (snoozed until {settings.until_in_words(self.until)} by {formatting.visible(self.set_by)})"


def listed(database: Database) -> list[StoredSnooze]:
    """The findings that are silent now; none where there is no schema chatops. Inside a transaction."""
    if database.facts is None or not database.facts.has_bookkeeping:
        return []
    return database.rows(StoredSnooze, sqlfiles.read("queries/snoozes.sql"), {"schema": database.target.schema})


def read(database: Database) -> list[StoredSnooze]:
    """The same; none where they cannot be read, too: then nothing is silent."""
    try:
        with database.savepoint("chatops_snoozes"):
            return listed(database)
    except DatabaseError:
        return []


def store(database: Database, provenance: Provenance, code: str, until: datetime, reason: str) -> int:
    """Silences a finding until an instant; the number of the action. Not inside a transaction."""
    parameters = {"key": _key(code), "code": code, "until": until, "reason": reason}
    with database.acting():
        database.annotate(provenance.annotations(reason=reason))
        before = {"key": _key(code), "who": provenance.os_user or ""}
        [(was, name)] = database.tuples(sqlfiles.read("queries/snooze_before.sql"), before)
        parameters |= {"was": was, "name": name}
        [(number,)] = cluster_log.carry_out(database, sqlfiles.read("queries/snooze_store.sql"), parameters)
    return int(number)


def end(database: Database, provenance: Provenance, code: str) -> int | None:
    """Lets a finding be shown again; the number of the action, None when it was not silent. Not inside a transaction."""
    with database.acting():
        database.annotate(provenance.annotations())
        rows = cluster_log.carry_out(database, sqlfiles.read("queries/snooze_end.sql"), {"key": _key(code), "code": code})
    return int(rows[0][0]) if rows else None


def _key(code: str) -> str:
    return f"snooze {code}"
