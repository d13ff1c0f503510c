"""The pause of the queue: a row of chatops.settings that assign reads."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chatops import formatting, sqlfiles
from chatops.db import Database
from chatops.errors import DatabaseError, LockTimeoutError, RefusedError
from chatops.frozen import frozen
from chatops.later import later

if TYPE_CHECKING:  # who pauses; every look asks only whether somebody has
    from chatops.chats import audit
    from chatops.provenance import Provenance
else:
    audit = later("chatops.chats.audit")

LONGEST = timedelta(hours=24)


@frozen
class Paused:
    """What a pause, or its end, left in the log."""

    action_id: int
    until: datetime | None


def begin(database: Database, provenance: Provenance, span: timedelta, reason: str) -> Paused:
    """Pauses the queue for a span of time, logged in the same transaction. Raises RefusedError where assign does not look."""
    with audit.acting(database, provenance, reason=reason):
        require(database)
        parameters = {"key": "pause", "value": '"on"', "span": span, "reason": reason}
        return Paused(*audit.carry_out(database, "queries/pause_begin.sql", parameters)[0])


def require(database: Database) -> None:
    """Raises RefusedError where assign does not look at a pause. Inside a transaction."""
    if not database.value(sqlfiles.read("queries/pause_installed.sql")):
        migrate = " ".join(filter(None, ("chatops", database.target.flags, "migrate --dry-run")))
        raise RefusedError(
            "assign cannot be paused here: migration 021 is not in; nothing was changed",
            next_steps=[("see what it would bring", migrate)],
        )


@frozen
class Standing:
    """Until when the queue is paused, None while it is open; where neither can be told, `unseen` says why."""

    until: datetime | None = None
    unseen: str | None = None


def standing(database: Database) -> Standing:
    """Whether the queue is paused: as the settings say, else as assign says, which reads as their owner. Inside a transaction."""
    if database.facts is None or not database.facts.has_bookkeeping or not database.facts.goes_by_clocks:
        return Standing()  # assign looks at no pause
    unseen = ""
    for asked in ("queries/pause_standing.sql", "queries/pause_asked.sql"):
        try:
            with database.savepoint("chatops_pause"):
                return Standing(database.value(sqlfiles.read(asked)))
        except DatabaseError as error:
            unseen = unseen or error.message
            if isinstance(error, LockTimeoutError):
                break  # assign reads the same row: it would wait as long again
    return Standing(unseen=unseen)


@frozen
class By:
    """Who paused the queue, and why."""

    who: str
    reason: str | None

    def __str__(self) -> str:
        return f"by {formatting.visible(self.who)}" + (f": {formatting.visible(self.reason)}" if self.reason else "")


def by(database: Database) -> By | None:
    """Who paused the queue and why; None where that cannot be seen, or it is open. Inside a transaction."""
    try:
        with database.savepoint("chatops_pause_by"):
            found = database.rows(By, sqlfiles.read("queries/pause_who.sql"))
    except DatabaseError:
        return None
    return found[0] if found else None


def end(database: Database, provenance: Provenance, reason: str | None) -> Paused | None:
    """Ends the pause, logged; None when there was none."""
    with audit.acting(database, provenance, reason=reason):
        if not database.value(sqlfiles.read("queries/pause_installed.sql")):
            return None
        done = audit.carry_out(database, "queries/pause_end.sql", {})
        return Paused(*done[0]) if done else None
