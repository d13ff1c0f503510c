"""What is pending in several tenants of one database as one request: a round trip for all, each file a transaction of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatops import db, sqlfiles
from chatops.db import Database, Ran
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.events import Done, Event, Installed
from chatops.migrations.heard import said
from chatops.migrations.locks import Budget
from chatops.migrations.plan import Entry
from chatops.migrations.run import MigrationOutcome
from chatops.migrations.source import SHIPPED
from chatops.migrations.together import (
    MOST_TOGETHER,
    MOST_TOGETHER_CHARACTERS,
    as_one_request,
    begun_text,
    committed,
    heard_of,
    stopped_at,
)
from chatops.migrations.transaction import Transaction, for_afterwards, for_file, for_views

if TYPE_CHECKING:
    from chatops.migrations.fleet import Member

MOST_TENANTS = 25
ROUNDS = 2
"""So many requests a job are aimed at, so that none waits long for the last."""


@frozen
class _Sent:
    """One transaction of a request, and what it brings to which tenant: a file, or the views; or what comes after them."""

    member: Member
    transaction: Transaction
    entry: Entry | None
    after: bool = False


@dataclass(slots=True)
class Went:
    """How far a request came: who is wholly in, and, where it stopped, whether the others can be sent together again."""

    done: list[Member] = field(default_factory=list)
    stopped: bool = False
    unread: bool = False
    """The server could not read the whole, and has begun nothing."""


def parts(members: Sequence[Member], jobs: int, place: Callable[[Member], object]) -> list[list[Member]]:
    """The members in parts that go as one request, in their order; whoever cannot go with others is a part alone."""
    found: list[list[Member]] = []
    size = min(MOST_TENANTS, max(1, math.ceil(len(members) / (ROUNDS * max(1, jobs)))))
    for member in members:
        fits = may_go_with_others(member)
        last = found[-1] if found else []
        if fits and last and len(last) < size and may_go_with_others(last[0]) and place(last[0]) == place(member):
            last.append(member)
        else:
            found.append([member])
    return found


def may_go_with_others(member: Member) -> bool:
    """Whether all that is pending in a tenant is a few small files, each one transaction, and views."""
    prepared = member.prepared
    if (
        prepared is None
        or prepared.tenant
        or not prepared.ledger.exists
        or prepared.carried
        or prepared.by_history
        or (prepared.history is not None and (prepared.history.ran or prepared.history.why_not is None))
    ):
        return False
    readings = [entry.file.reading for entry in prepared.plan.apply if entry.file is not None and entry.row is None]
    return (
        len(readings) == len(prepared.plan.apply) <= MOST_TOGETHER
        and all(one.mode == "transaction" and not any(part.copy_data for part in one.statements) for one in readings)
        and sum(len(one.sent) for one in readings) <= MOST_TOGETHER_CHARACTERS
    )


def send(
    database: Database, members: Sequence[Member], tell: Callable[[str, Event], None], afterwards: str | None = None
) -> Went:
    """Sends what is pending in each, and behind it `afterwards`; the server stops at the first that fails.

    Nothing is raised for one tenant's failure.
    """
    # A pooler reconnects on its own: a crash between two files would go unnoticed.
    may_follow = database.backend() == database.protocol_pid
    if not may_follow:
        database.glance()  # it refuses a pooler by statement
    sent = [one for member in members for one in _of(member, may_follow=may_follow)]
    if may_follow:  # the commit of the last one makes all of them durable
        last = sent[-1]
        sent[-1] = _Sent(last.member, _transaction(last.member, last.entry, followed=False), last.entry)
    if afterwards is not None:
        ends = [at for at, one in enumerate(sent) if one is sent[-1] or sent[at + 1].member is not one.member]
        for at in reversed(ends):
            member = sent[at].member
            sent.insert(at + 1, _Sent(member, for_afterwards(afterwards, member.target.schema, member.run), None, after=True))
    texts = [one.transaction for one in sent]
    ran = database.run(as_one_request(texts), heard=heard_of(texts))
    finished = committed(texts, ran)
    for one, (_, told) in zip(sent, finished, strict=False):
        if not one.after:
            _note(one, told, tell)
    went = Went([member for member in members if all(one.member is not member for one in sent[len(finished) :])])
    if ran.error is not None:
        went.stopped = True
        if not database.closed:
            database.rollback()
            if isinstance(ran.error, DatabaseError):
                went.unread = not finished and stopped_at(texts, ran, 0)[0] != 0
            if finished and may_follow:
                database.run(db.inlined(sqlfiles.read("queries/ledger_flush.sql"), {"run_id": sent[0].member.run.id}))
    return went


def _of(member: Member, *, may_follow: bool) -> list[_Sent]:
    assert member.prepared is not None
    entries: list[Entry | None] = [*member.prepared.plan.apply, *([None] if member.prepared.views else [])]
    return [_Sent(member, _transaction(member, entry, followed=may_follow), entry) for entry in entries]


def _transaction(member: Member, entry: Entry | None, *, followed: bool) -> Transaction:
    """A pending file of a tenant, or with None its views."""
    prepared, request, schema = member.prepared, member.request, member.target.schema
    assert prepared is not None
    deadline_ms = Budget(request.max_wait).deadline_ms
    if entry is None:
        return for_views(
            prepared.views, schema, member.run, source=SHIPPED, deadline_ms=deadline_ms,
            statement_timeout=request.statement_timeout,
        )  # fmt: skip
    assert entry.file is not None  # it is pending
    return for_file(
        entry, schema, member.run, deadline_ms=deadline_ms, bookkeeping=False, statement_timeout=request.statement_timeout,
        followed=followed, begun=[begun_text(schema, entry.file, member.run)],
    )  # fmt: skip


def _note(one: _Sent, told: Ran, tell: Callable[[str, Event], None]) -> None:
    """What went in, in what the tenant's member knows of it."""
    member, prepared = one.member, one.member.prepared
    assert prepared is not None
    ms = one.transaction.duration_ms(told)
    before = member.outcome or MigrationOutcome((), (), tuple(entry.name for entry in prepared.plan.left))
    if one.entry is None:
        ended = [ledger.end_text(member.target.schema, SHIPPED, view.ledger_name) for view in prepared.views]
        took = [one.transaction.recorded_ms(told, text) or 0.0 for text in ended]
        ms = sum(took)
        done = tuple(
            Done(view.name, "view", view.reading.effect or "", each, 0.0, 0)
            for view, each in zip(prepared.views, took, strict=True)
        )
        tell(member.label, Installed(tuple(view.name for view in prepared.views), ms / 1000))
    else:
        done = (Done(one.entry.name, "file", one.entry.effect, ms, 0.0, one.transaction.rows_changed(told)),)
        tell(member.label, done[0])
        member.files.append(one.entry.name)
    heard = tuple(said(one.transaction.parts, told)) if one.entry is not None else ()
    for line in heard:
        tell(member.label, line)
    member.seconds += ms / 1000
    member.outcome = MigrationOutcome((*before.done, *done), before.by_others, before.left, (*before.said, *heard))
