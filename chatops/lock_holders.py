"""Who holds a table, or a row of it, so that somebody else waited for it in vain."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from chatops import formatting, sqlfiles
from chatops.db import Database
from chatops.errors import ChatopsError, DatabaseError, LockTimeoutError
from chatops.frozen import frozen
from chatops.settings import without_passwords

KEEP_READERS = ("AccessExclusiveLock",)
KEEP_WRITERS = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
KEEP_ROWS = ("RowShareLock", "RowExclusiveLock")
"""Who holds a row of a table holds the table so."""
_ROW = re.compile(r'\bin relation "(.+?)"')
"""What a server says of a row that it waited for; in every language the name stands in such marks."""


@frozen
class Holder:
    """A session that keeps others from a table; what pg_stat_activity hides is None."""

    waits_for: str
    pid: int
    role: str | None
    application_name: str | None
    state: str | None
    backend_type: str | None
    xact_start: datetime | None
    query: str | None
    granted: bool
    now: datetime

    def lasts(self, longer_than: timedelta) -> bool:
        """Whether its transaction is older than that, as far as this role may see."""
        return self.xact_start is None or self.now - self.xact_start > longer_than

    @property
    def who(self) -> str:
        """Its name and role."""
        names = [formatting.visible(name) for name in (self.application_name, self.role) if name]
        return " of ".join(names) or self.backend_type or "hidden"

    def __str__(self) -> str:
        who = self.who
        if self.state is None:
            return f"pid {self.pid} {who}, and the server hides from this role what that does"
        query = f': "{formatting.excerpt(without_passwords(self.query), 60)}"' if self.query else ""
        return f"pid {self.pid} {who}, {self.state} for {formatting.age(self.xact_start, self.now)}{query}"


def holders(database: Database, modes: Sequence[str], relation: str | None = None) -> list[Holder]:
    """Who holds tables of this schema and of chatops in one of these modes, the longest first; none where it cannot be asked.

    `relation`: only the tables of that name. Not inside a transaction.
    """
    asked = {"schema": database.target.schema, "modes": list(modes), "relation": relation}
    with contextlib.suppress(ChatopsError):
        return database.glance_at(Holder, sqlfiles.read("queries/lock_holders.sql"), asked)
    return []


def seen(database: Database, modes: Sequence[str]) -> list[Holder]:
    """The same inside a transaction."""
    asked = {"schema": database.target.schema, "modes": list(modes), "relation": None}
    with contextlib.suppress(ChatopsError), database.savepoint("chatops_holders"):
        return database.rows(Holder, sqlfiles.read("queries/lock_holders.sql"), asked)
    return []


def of_chat(database: Database, chat_id: UUID) -> list[Holder]:
    """Who has locked the row of a chat, inside a transaction; none on a cluster, whose tables do not tell."""
    if database.facts is not None and database.facts.citus is not None:
        return []
    with contextlib.suppress(ChatopsError), database.savepoint("chatops_locked_by"):
        return database.rows(Holder, sqlfiles.read("queries/chat_locked_by.sql"), {"chat_id": chat_id})
    return []


def in_words(found: Sequence[Holder]) -> str:
    """Who holds what, as a sentence; of several the first."""
    return " ".join(told(found))


def ended(found: Sequence[Holder]) -> str:
    """The statement that ends the session of the first of the holders."""
    return f"select pg_terminate_backend({found[0].pid});"


def told(found: Sequence[Holder], *, row: bool = False) -> tuple[str, str]:
    """What the first of the holders has, and in words that it has it; `row`: a row of that."""
    first = found[0]
    tables = ", ".join(dict.fromkeys(formatting.visible(one.waits_for) for one in found if one.pid == first.pid))
    return f"{'a row of ' if row else ''}{tables}", f"is {'locked' if first.granted else 'waited for'} by {first}"


def explained(
    connect: Callable[[], Database], error: LockTimeoutError, modes: Sequence[str], said: Callable[[str, str], str], gone: str
) -> LockTimeoutError:
    """The error with who holds what, and the statement that ends that. `said` makes the sentence of what `told` tells; `gone` is
    the one for nobody, who has let go since."""
    found, row = blockers(connect, error, modes)
    if not found:
        return LockTimeoutError(gone, sqlstate=error.sqlstate)
    return LockTimeoutError(
        said(*told(found, row=row)), sqlstate=error.sqlstate,
        details=[f"also by {one}" for one in found if one.pid != found[0].pid][:3],
        next_steps=[("end it (SQL)", ended(found))],
    )  # fmt: skip


def blockers(connect: Callable[[], Database], error: DatabaseError, modes: Sequence[str]) -> tuple[list[Holder], bool]:
    """Who is in the way, and whether of a row; none where they have let go since. `connect` makes a connection to ask on."""
    with contextlib.suppress(ChatopsError):
        database = connect()
        row = _ROW.search(error.context or "")
        if row is not None and (found := holders(database, KEEP_ROWS, row[1])):
            return found, True
        return holders(database, modes), False
    return [], False


def detail(database: Database, error: DatabaseError) -> str:
    """Why a statement failed, for a line of an answer or of the log: who held the lock, else the server's words. Not inside a
    transaction."""
    if isinstance(error, LockTimeoutError):
        found, row = blockers(lambda: database, error, KEEP_WRITERS)
        return " ".join(told(found, row=row)) if found else "another session held the lock, and has let go since"
    return f"{formatting.visible(error.message)} ({error.sqlstate})"
