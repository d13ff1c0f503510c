"""What a shift lead looks at: who waits, who is held, who is free, what was done last; each part seen, or with why it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from chatops.chats import beside_queue, log, pauses, policy, reports
from chatops.chats.log import Logged
from chatops.chats.policy import Policy
from chatops.chats.reports import OperatorLoad, QueueFigures, WaitingChat
from chatops.db import Database, Facts
from chatops.errors import DatabaseError, LockTimeoutError, RefusedError, StatementTimeoutError
from chatops.frozen import frozen

Part = TypeVar("Part")

MOST = 200
"""Rows of a part that are read; more are counted."""
ACTIONS = 20


@frozen
class HeldChat:
    """A chat whose user waits while an operator holds it (`assigned`), or nobody was called (`unanswered`); `total` of them."""

    chat_id: UUID
    reason: str
    since: datetime
    operator_id: UUID | None
    last_message_at: datetime | None
    user_name: str | None
    total: int


@frozen
class Lag:
    """How far a standby is `behind`, in seconds; of a primary its standbys, and how far they are, if seen."""

    standby: bool
    behind: float | None
    standbys: int
    standby_behind: float | None


@frozen
class Wait:
    """The longest wait at a moment, in seconds."""

    moment: datetime
    seconds: float


@frozen
class Look:
    """One snapshot of the desk. A part that is None was not seen: `unseen` says why.

    `policy` holds the defaults where it was not seen; who is free and was not heard of for `silent_after` is silent.
    """

    facts: Facts
    queue: QueueFigures | None
    operators: list[OperatorLoad] | None
    waiting: list[WaitingChat] | None
    held: list[HeldChat] | None
    actions: list[Logged] | None
    lag: Lag | None
    paused: datetime | None
    policy: Policy
    silent_after: timedelta
    unseen: Mapping[str, str]
    locked: Mapping[UUID, int | None] = field(default_factory=dict)
    """Chats that wait and that a session keeps locked, each with its pid: nobody is given them."""

    @property
    def now(self) -> datetime:
        """The database's clock at the snapshot."""
        return self.facts.now

    def silent(self, operator: OperatorLoad) -> bool:
        """Whether somebody who should be there was not heard of for too long: busy ones for less than free ones."""
        limit = {"busy": self.policy.idle_timeout, "free": self.silent_after}.get(operator.load)
        return limit is not None and (operator.last_activity is None or self.now - operator.last_activity > limit)


def read(database: Database, silent_after: timedelta, *, careful: bool = True) -> Look:
    """The desk as it stands; inside `reading`. Raises what ends the whole look: a lock, the time, the connection.

    Not `careful`, what this role may not see ends it too: as many round trips fewer where it may see everything.
    """
    assert database.facts is not None
    unseen: dict[str, str] = {}
    rules = _seen(database, "policy", unseen, policy.read, careful) or policy.DEFAULT

    def held(database: Database) -> list[HeldChat]:
        return reports.ask(database, HeldChat, "queries/desk_held.sql", {"longer_than": rules.idle_timeout, "limit": MOST})

    standing = pauses.standing(database)
    if standing.unseen is not None:
        unseen["pause"] = standing.unseen
    return Look(
        database.facts,
        _seen(database, "queue", unseen, reports.queue_figures, careful),
        _seen(database, "operators", unseen, reports.operators, careful),
        _seen(database, "waiting", unseen, lambda one: reports.queue_head(one, MOST), careful),
        _seen(database, "held", unseen, held, careful),
        _seen(database, "actions", unseen, lambda one: log.newest(one, ACTIONS), careful),
        _seen(database, "lag", unseen, lambda one: reports.ask(one, Lag, "queries/desk_lag.sql")[0], careful),
        standing.until,
        rules,
        silent_after,
        unseen,
        beside_queue.locked(database) or {},
    )


def waits(database: Database) -> list[Wait]:
    """The longest wait at moments of the last hour, as far as that is known; inside `reading`."""
    assert database.facts is not None
    if not database.facts.goes_by_clocks:
        return []
    return reports.ask(database, Wait, "queries/desk_waits.sql")


@frozen
class TenantFigures:
    """One tenant in a line: who waits and who works; None where it could not be seen, and `unseen` says why.

    `flags` are the options that name it on a command line; `now` is its own database's clock.
    """

    name: str
    flags: str
    queue: QueueFigures | None
    unseen: str | None = None
    now: datetime | None = None

    @property
    def wait(self) -> timedelta | None:
        """The longest wait."""
        if self.queue is None or self.queue.oldest is None or self.now is None:
            return None
        return self.now - self.queue.oldest


@frozen
class TenantsLook:
    """One look over many tenants, each in a snapshot of its own; the schemas `without` have no chats.

    `every`: seconds from one look to the next at least, for a look at many takes long.
    """

    facts: Facts
    tenants: list[TenantFigures]
    without: list[str]
    every: float = 0.0

    @property
    def now(self) -> datetime:
        """The clock of the first database, when the look began."""
        return self.facts.now


def _seen(database: Database, name: str, unseen: dict[str, str], ask: Callable[[Database], Part], careful: bool) -> Part | None:
    """What one part says, None with the reason kept where this role may not see it."""
    try:
        if not careful:
            return ask(database)
        with database.savepoint("chatops_desk"):
            return ask(database)
    except (LockTimeoutError, StatementTimeoutError):
        raise  # the others would wait as long
    except DatabaseError as error:
        if not careful:
            raise  # the transaction is spoilt
        unseen[name] = error.message
        return None
    except RefusedError as error:
        unseen[name] = error.message
        return None
