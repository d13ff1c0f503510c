"""Reads the log of actions: by chat, operator, person, time, plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from chatops import formatting, sqlfiles
from chatops.db import Database
from chatops.errors import DatabaseError, RefusedError, UsageError
from chatops.frozen import frozen

Id = TypeVar("Id")
Instant = TypeVar("Instant")

NOTHING_GIVEN = "a session that may write"
"""How the log begins to tell of a psql whose statements were typed in it."""
WELL = "left as usual"
"""How a psql session ends in which nothing failed."""
CODES = 3
"""So many codes that a run of `migrate` repaired are named."""
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_TOOK = re.compile(r" is over after (.+?)(?:,|$)")

OUTCOMES = ("done", "refused", "moved", "failed")
ACTIONS = (
    "reassign", "release", "close", "reopen", "drain", "undrain", "undo", "repair", "snooze", "guard", "pause", "resume", "again",
    "back", "psql",
)  # fmt: skip
"""The first word of what may be in the log."""
IN_TWO_WORDS = ("guard on", "guard off", "snooze off", "psql opened", "psql closed")


@frozen
class Act:
    """What was done to whom, and why."""

    action_id: int
    at: datetime
    action: str
    chat_id: UUID | None
    operator_id: UUID | None
    plan_id: UUID | None
    reason: str | None


@frozen
class Entry(Act):
    """What the log says of every action beside that: how it ended, and how it was before and after."""

    outcome: str
    state_before: str | None
    state_after: str | None
    operator_before_id: UUID | None
    operator_after_id: UUID | None


@frozen
class Logged(Entry):
    """One row of the log, with who did it."""

    operator_name: str | None
    code: str | None
    row_id: str | None
    detail: str | None
    undoes: int | None
    environment: str | None
    database_role: str
    os_user: str | None
    client_address: str | None
    ci_run: str | None
    command: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    fills: bool
    """Whether `migrate` gave the row its first value in a column that was new: nothing was wrong with it."""
    role_is_shared: bool
    """Whether the database's role says nothing about the person: it owns the log, or is a superuser."""

    @property
    def what(self) -> str:
        """What was done and how it ended, for people."""
        return _what(self)

    @property
    def who(self) -> str:
        """Who did it: the role of the database where it is a person's own, else the account of the machine."""
        return (self.os_user or self.database_role) if self.role_is_shared else self.database_role

    @property
    def why(self) -> str:
        """Why it was done, or why not."""
        return _why(self)


def _what(row: Logged) -> str:
    action = "fill in" if row.fills else row.action
    name = f"{action} {row.code}" if row.code else action
    if row.action in ("again", "back") and row.row_id:
        name = f"migrate --{row.action} {row.row_id}"
    name += f" of {row.undoes}" if row.undoes and row.action == "undo" else ""
    return name if row.outcome == "done" else f"{name}: {row.outcome}"


def _why(row: Logged) -> str:
    return "; ".join(part for part in (row.reason, row.detail) if part)


@frozen
class Folded(Logged):
    """What one command did of one kind, with one end, as its newest row: to how many rows of how many chats and operators."""

    many: int
    chats: int
    operators: int
    """How many there are; nobody is one of them."""
    ended: str | None = None
    """What the end of a psql session says of it, where it is over."""
    lives: bool | None = None
    """Whether the server has a session of that psql; None where nothing tells."""
    codes: list[str] | None = None
    """What was repaired, where a run of `migrate` repaired it; then `first_file` and `last_file` are the files of that run."""
    first_file: str | None = None
    last_file: str | None = None

    @property
    def what(self) -> str:
        """As of one row; a run of `migrate` by its files; a psql session, and how long it took."""
        if self.codes is not None:
            of = f" {span_of_files(self.first_file, self.last_file)}" if self.first_file and self.last_file else ""
            if self.fills and len(self.codes) == 1:
                return f"migrate{of}: rows filled in"
            return f"migrate{of}: repairs" if self.outcome == "done" else f"migrate{of}: repairs {self.outcome}"
        if self.action != "psql opened":
            return _what(self)
        took = _TOOK.search(self.ended or "")
        if took:
            return f"psql, {took[1]}"
        return {True: "psql, still open", False: "psql, not closed: its session is gone", None: "psql, not closed"}[self.lives]

    @property
    def rows(self) -> int:
        """So many rows of the log it stands for."""
        return self.many + (self.ended is not None)

    @property
    def how_many(self) -> int:
        """Chats, where it concerned several, else rows."""
        return self.chats if self.chats > 1 else self.many

    @property
    def why(self) -> str:
        """Why it was done; why one of many was not says nothing about the others. Of psql what it was given, and a bad end;
        of a run of `migrate` the codes that it repaired."""
        if self.codes is not None:
            return ", ".join(self.codes) if len(self.codes) <= CODES else f"{len(self.codes)} codes"
        if self.many > 1:
            return self.reason or ""
        return "; ".join(part for part in (_why(self), self.badly) if part)

    @property
    def badly(self) -> str:
        """How a psql session ended, where that was not well."""
        return _badly(self.ended)

    @property
    def one_chat(self) -> UUID | None:
        """The chat where it is one."""
        return self.chat_id if self.chats == 1 else None

    @property
    def one_operator(self) -> str | None:
        """The operator where it is one."""
        return self.operator_name if self.operators <= 1 else None

    @property
    def one_operator_id(self) -> UUID | None:
        """Likewise, by the id."""
        return self.operator_id if self.operators <= 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters(Generic[Id, Instant]):
    """What of the log is wanted, as it was typed or as it is meant; None where it does not matter."""

    chat: Id | None = None
    operator: Id | None = None
    who: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    plan: Id | None = None
    action: str | None = None
    outcome: str | None = None
    action_id: int | None = None


Typed = Filters[str, str]
Question = Filters[UUID, datetime]
"""Instants by the database's clock."""


def _parameters(question: Question, schema: str, limit: int | None) -> dict[str, Any]:
    _one_of("--outcome", question.outcome, OUTCOMES, question.outcome)
    _one_of("--action", question.action, ACTIONS if " " not in (question.action or "") else IN_TWO_WORDS, question.action)
    return {**{one.name: getattr(question, one.name) for one in fields(question)}, "schema": schema, "limit": limit}


def _one_of(option: str, given: str | None, known: Sequence[str], word: str | None) -> None:
    if given is not None and word not in known:
        guess = formatting.did_you_mean(given, known)
        raise UsageError(f"{option} is one of {', '.join(known)}, not “{formatting.visible(given)}”{guess}")


def stream(database: Database, question: Question, limit: int | None = None) -> Iterator[Logged]:
    """The rows that were asked for, the newest first, a few at a time; inside `reading`. Raises RefusedError without a log."""
    _require(database)
    parameters = _parameters(question, database.target.schema, limit)
    yield from database.stream(Logged, sqlfiles.query(_variant("log", database)), parameters)


def entries(database: Database, question: Question, limit: int) -> list[Folded]:
    """The newest entries: what one command did to many is one; inside `reading`. Raises RefusedError without a log."""
    _require(database)
    parameters = _parameters(question, database.target.schema, limit)
    found = database.rows(Folded, sqlfiles.query("queries/log_entries.sql"), parameters) if limit else []
    # Apart, because a recursive query must not touch what lies on a cluster's nodes.
    ids = list({one.operator_id for one in found if one.operator_id is not None})
    names = {}
    if ids and (database.facts is None or database.facts.has_chats):
        names = dict(database.tuples(sqlfiles.read("queries/log_operators.sql"), {"ids": ids}))
    return [replace(one, operator_name=names.get(one.operator_id)) for one in found]


def span_of_files(first: str, last: str) -> str:
    """Files from the first to the last by their numbers; by their names where these have none, or the same.

    >>> span_of_files("018_queue_clocks", "028_partitioned_messages"), span_of_files("001_a", "001_b"), span_of_files("a", "b")
    ('018 to 028', '001_a to 001_b', 'a to b')
    """
    if first == last:
        return first
    numbers = [found[0] if (found := _NUMBER.match(name)) else name for name in (first, last)]
    return " to ".join(numbers if numbers[0] != numbers[1] else (first, last))


@frozen
class Files:
    """What one run of `migrate` brought in, or `adopt` took over: its files from the first to the last, and by whom."""

    run_id: UUID | None
    command: str
    at: datetime
    files: int
    first_file: str
    last_file: str
    unfinished: bool
    database_role: str
    os_user: str | None

    @property
    def which(self) -> str:
        """The files in words."""
        if self.files == 1:
            return self.first_file
        return f"{span_of_files(self.first_file, self.last_file)} ({formatting.count(self.files)} files)"

    @property
    def what(self) -> str:
        """What was run, and whether it came to its end."""
        return f"{self.command}: not finished" if self.unfinished else self.command

    @property
    def who(self) -> str:
        """The account of the machine, or the role of the database."""
        return self.os_user or self.database_role


def files(database: Database, question: Question, limit: int) -> list[Files]:
    """The newest runs that brought files in, from the ledger; inside `reading`."""
    if database.facts is None or not database.facts.has_ledger:
        return []
    wanted = {"schema": database.target.schema, "since": question.since, "until": question.until, "limit": limit}
    return database.rows(Files, sqlfiles.read("queries/log_files.sql"), wanted)


def _badly(ended: str | None) -> str:
    """How a psql session ended, where that was not well.

    >>> _badly("action 7 is over after 2 s, its last statement failed")
    'its last statement failed'
    """
    badly = (ended or "").partition(", ")[2]
    return "" if badly == WELL else badly


@frozen
class ByHand:
    """A psql session that could write: who opened it, what it was given, and when and how it was over, where that is known."""

    action_id: int
    at: datetime
    who: str
    detail: str | None
    over_at: datetime | None = None
    ended: str | None = None

    @property
    def badly(self) -> str:
        """How it ended, where that was not well."""
        return _badly(self.ended)

    def was_there(self, after: datetime, until: datetime) -> bool:
        """Whether it was open at any time between two instants; one whose end is not known may be open still."""
        return self.at <= until and (self.over_at is None or self.over_at >= after)


def by_hand(database: Database) -> list[ByHand]:
    """The newest of the last day; none where there is no log, or it cannot be read. Inside a transaction."""
    if database.facts is None or not database.facts.has_bookkeeping:
        return []
    try:
        with database.savepoint("chatops_by_hand"):
            return database.rows(ByHand, sqlfiles.read("queries/by_hand_lately.sql"))
    except DatabaseError:
        return []


def count(database: Database, question: Question, most: int | None = None) -> int:
    """How many rows were asked for, counted up to `most`; inside `reading`. Raises RefusedError without a log."""
    _require(database)
    parameters = _parameters(question, database.target.schema, most)
    return int(database.value(sqlfiles.query("queries/log_count.sql"), parameters))


def newest(database: Database, limit: int) -> list[Logged]:
    """The newest rows, in one round trip; inside `reading`. Raises RefusedError without a log."""
    _require(database)
    parameters = _parameters(Filters(), database.target.schema, limit)
    return database.rows(Logged, sqlfiles.query("queries/log.sql"), parameters)


def _variant(name: str, database: Database) -> str:
    chats = database.facts is None or database.facts.has_chats
    return f"queries/{name}{'' if chats else '.without_chats'}.sql"


def _require(database: Database) -> None:
    if database.facts is not None and not database.facts.has_bookkeeping:
        raise RefusedError("this database has no schema chatops, so nothing was logged here")
