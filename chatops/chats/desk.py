"""What a shift lead looks at: who waits, who is held, who is free, what was done last; each part seen, or with why it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from chatops.chats import log, pauses, policy, reports
from chatops.chats.log import Logged
from chatops.chats.reports import OperatorLoad, QueueFigures, WaitingChat
from chatops.db import Database, Facts
from chatops.errors import DatabaseError, LockTimeoutError, RefusedError, StatementTimeoutError

Part = TypeVar("Part")

MOST = 200
"""Rows of a part that are read; more are counted."""
ACTIONS = 20


@dataclass(frozen=True, slots=True)
class HeldChat:
    """A chat whose user waits while an operator holds it (`assigned`), or nobody was called (`unanswered`); `total` of them."""

    chat_id: UUID
    reason: str
    since: datetime
    operator_id: UUID | None
    last_message_at: datetime | None
    user_name: str | None
    total: int


@dataclass(frozen=True, slots=True)
class Look:
    """One snapshot of the desk. A part that is None was not seen: `unseen` says why."""

    facts: Facts
    queue: QueueFigures | None
    operators: list[OperatorLoad] | None
    waiting: list[WaitingChat] | None
    held: list[HeldChat] | None
    actions: list[Logged] | None
    paused: datetime | None
    idle_timeout: timedelta
    unseen: Mapping[str, str]

    @property
    def now(self) -> datetime:
        """The database's clock at the snapshot."""
        return self.facts.now


def read(database: Database) -> Look:
    """The desk as it stands; inside `reading`. Raises what ends the whole look: a lock, the time, the connection."""
    assert database.facts is not None
    unseen: dict[str, str] = {}
    limits = _seen(database, "policy", unseen, policy.read)
    idle = limits.idle_timeout if limits else timedelta(minutes=policy.DEFAULTS["idle_timeout_minutes"])

    def held(database: Database) -> list[HeldChat]:
        return reports.ask(database, HeldChat, "queries/desk_held.sql", {"longer_than": idle, "limit": MOST})

    return Look(
        database.facts,
        _seen(database, "queue", unseen, reports.queue_figures),
        _seen(database, "operators", unseen, reports.operators),
        _seen(database, "waiting", unseen, lambda one: reports.queue(one, MOST).head),
        _seen(database, "held", unseen, held),
        _seen(database, "actions", unseen, lambda one: list(log.stream(one, log.Question(), ACTIONS))),
        pauses.until(database),
        idle,
        unseen,
    )


def _seen(database: Database, name: str, unseen: dict[str, str], ask: Callable[[Database], Part]) -> Part | None:
    """What one part says, None with the reason kept where this role may not see it."""
    try:
        with database.savepoint("chatops_desk"):
            return ask(database)
    except (LockTimeoutError, StatementTimeoutError):
        raise  # the others would wait as long
    except (DatabaseError, RefusedError) as error:
        unseen[name] = error.message
        return None
