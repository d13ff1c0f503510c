"""What the tables show: chats by state, the queue, what does not move, who works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from chatops import sqlfiles
from chatops.db import Database, Facts, Parameters
from chatops.frozen import frozen
from chatops.states import STATES
from chatops.tables_there import require_chats, require_rows

Row = TypeVar("Row")

STUCK_WORDS = {
    "waiting": "waits for an operator",
    "assigned": "held, not answered",
    "unanswered": "user wrote, nobody called",
}


@frozen
class StateCount:
    """Chats in one state; `empty` are those in state waiting_assignment that are not in the queue.

    `why`: no message, answered, not active (ended by their flag alone), or no queue: a user waits in them all the same.
    """

    state: str
    empty: bool
    why: str | None
    chats: int
    oldest: datetime | None


@frozen
class Beside:
    """`in_no_queue`: chats whose users wait there, the longest `since`; None where it could not be counted in time, or there are
    more than 20,000 chats. `locked`: chats of the queue that a transaction keeps, each with the pid of its session, None for one
    that has none."""

    in_no_queue: int | None = None
    since: datetime | None = None
    locked: Mapping[UUID, int | None] | None = None


NOT_ASKED = Beside()


@frozen
class QueueFigures:
    """The queue and the operators in numbers; waits in seconds, None when nobody waits."""

    waiting: int
    oldest: datetime | None
    p50_seconds: float | None
    p95_seconds: float | None
    free: int
    silent: int
    """Of those who are free, who was not heard of for so long that OPER003 names them."""
    busy: int
    held: int
    """How many chats they hold: more than they are where somebody holds two."""
    leaving: int
    """Of those who are busy, who is not available, or not active: they get no next chat."""
    away: int
    inactive: int
    beside: Beside = NOT_ASKED
    """Who waits beside it, and whom somebody keeps locked, where a command asked."""


@frozen
class WaitingChat:
    """A chat in the queue, and when it came into it: after the wait began where somebody gave it back."""

    chat_id: UUID
    waiting_since: datetime
    last_operator_id: UUID | None
    last_operator_name: str | None
    last_message_at: datetime | None
    user_name: str | None
    profile_name: str | None
    queued_since: datetime


@frozen
class StuckChat:
    """A chat that does not move; `reason` is waiting, assigned or unanswered (the user spoke last and nobody was called)."""

    chat_id: UUID
    chat_state: str | None
    reason: str
    since: datetime
    operator_id: UUID | None
    operator_name: str | None
    last_message_at: datetime | None

    @property
    def why(self) -> str:
        """The reason in words."""
        return STUCK_WORDS.get(self.reason, self.reason)


@frozen
class OperatorLoad:
    """An operator: free, busy, away or inactive; the chat they hold, when they were last seen."""

    operator_id: UUID
    name: str | None
    load: str
    chat_id: UUID | None
    held_since: datetime | None
    held_chats: int
    last_activity: datetime | None
    total_messages: int | None
    is_active: bool
    is_available: bool

    @property
    def no_next(self) -> str | None:
        """Why somebody who holds a chat gets no next one; None where they do."""
        if self.load != "busy" or (self.is_active and self.is_available):
            return None
        return "not available" if self.is_active else "not active"


@frozen
class Summary:
    """Chats by state in the order of their life, and the queue's figures."""

    states: list[StateCount]
    queue: QueueFigures

    @property
    def total(self) -> int:
        """All chats."""
        return sum(row.chats for row in self.states)


@frozen
class Queue:
    """The queue's figures and the chats at its head."""

    figures: QueueFigures
    head: list[WaitingChat]


@frozen
class Stuck:
    """The worst of what does not move, and how many there are in all."""

    longer_than: timedelta
    total: int
    worst: list[StuckChat]


def summary(database: Database) -> Summary:
    """Chats by state, and the queue; inside `reading`."""
    found = ask(database, StateCount, "queries/summary.sql")
    order = {state: place for place, state in enumerate(STATES)}
    states = sorted(found, key=lambda row: (order.get(row.state, len(order)), row.empty, row.why or ""))
    known = {row.state for row in states}
    states += [StateCount(state, False, None, 0, None) for state in STATES if state not in known]
    states.sort(key=lambda row: (order.get(row.state, len(order)), row.empty, row.why or ""))
    return Summary(states, queue_figures(database))


def queue_figures(database: Database) -> QueueFigures:
    """The queue and the operators in numbers; inside `reading`."""
    return ask(database, QueueFigures, "queries/queue.sql", _silent(database))[0]


def queue_figures_at_once(database: Database, known: Facts, *, statement_timeout: str, lock_timeout: str) -> QueueFigures:
    """The same in one round trip; outside a transaction. `known` is what the server says of the target's schema."""
    database.facts = known
    text = query(database, "queries/queue.sql")
    return database.glance_at(
        QueueFigures, text, _silent(database), statement_timeout=statement_timeout, lock_timeout=lock_timeout
    )[0]


def _silent(database: Database) -> Parameters:
    """After how many minutes without a word an operator who is free is silent: the limit of OPER003."""
    if (minutes := database.target.thresholds.get("silent_minutes")) is None:  # from the check that declares it
        minutes = float(sqlfiles.header(sqlfiles.read("checks/OPER003.sql"))["limit"].split()[2])
    return {"silent_minutes": minutes}


def queue(database: Database, top: int = 5) -> Queue:
    """The queue's figures and its first `top` chats; inside `reading`."""
    return Queue(queue_figures(database), queue_head(database, top))


def queue_head(database: Database, top: int) -> list[WaitingChat]:
    """The `top` longest waits; inside `reading`."""
    return ask(database, WaitingChat, "queries/queue_head.sql", {"limit": top})


def stuck(database: Database, longer_than: timedelta, limit: int = 20) -> Stuck:
    """The `limit` chats that have not moved for longest, and the exact total; inside `reading`."""
    text, asked = query(database, "queries/stuck.sql"), {"longer_than": longer_than}
    total = int(database.value(sqlfiles.counted(text), asked))
    worst = database.rows(StuckChat, sqlfiles.first(text, "since, chat_id", limit), asked) if total else []
    return Stuck(longer_than, total, worst)


def stuck_stream(database: Database, longer_than: timedelta) -> Iterator[StuckChat]:
    """Every stuck chat, unsorted, as the server finds them; inside `reading`."""
    yield from database.stream(StuckChat, query(database, "queries/stuck.sql"), {"longer_than": longer_than})


@frozen
class OperatorFigures:
    """What an operator did since an instant; `answer_…`: seconds from taking a chat to answering it; `given_back`: unanswered."""

    operator_id: UUID
    name: str | None
    taken: int
    answered: int
    replies: int
    answer_p50_seconds: float | None
    answer_p95_seconds: float | None
    given_back: int
    first_reply: datetime | None
    last_reply: datetime | None


def operator_figures(database: Database, since: datetime) -> list[OperatorFigures]:
    """Everybody who did something since then, or may take chats; inside `reading`."""
    return ask(database, OperatorFigures, "queries/operator_figures.sql", {"since": since})


def ended_unanswered(database: Database, since: datetime) -> int:
    """How many chats are over although their user wrote since then and was not answered; inside `reading`."""
    return int(database.value(query(database, "queries/ended_unanswered.sql"), {"since": since}))


def operators(database: Database) -> list[OperatorLoad]:
    """Everybody, busy ones first; inside `reading`."""
    order = {"busy": 0, "free": 1, "away": 2, "inactive": 3}
    found = ask(database, OperatorLoad, "queries/operators.sql")
    return sorted(
        found, key=lambda row: (order.get(row.load, 9), row.held_since is None, row.held_since or datetime.max, row.name or "")
    )


def query(database: Database, file: str) -> str:
    """A query with the views it needs inlined, in the variant for this database. Raises RefusedError without chat tables."""
    facts = database.facts
    if facts is None:
        raise RuntimeError("a report is asked for inside a transaction")
    require_chats(database)
    text = sqlfiles.query(file, before_018=not facts.goes_by_clocks)
    require_rows(database, text)
    return text


def ask(database: Database, row: type[Row], file: str, parameters: Parameters | None = None) -> list[Row]:
    """The rows of one of our queries."""
    return database.rows(row, query(database, file), parameters)
