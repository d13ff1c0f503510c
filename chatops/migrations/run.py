"""Applies what a plan says, file by file, and says what went in, what did not, and why."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace

from chatops import db, interrupts, sqlfiles
from chatops.db import Database, Ran
from chatops.errors import ChatopsError, ConnectionLostError, DatabaseError
from chatops.frozen import frozen
from chatops.migrations import ledger as ledgers
from chatops.migrations import locks
from chatops.migrations.attempts import Attempts, LedgerMovedError
from chatops.migrations.beside import Beside
from chatops.migrations.carry_over import carry_over_texts
from chatops.migrations.distribution import DISTRIBUTION, distribution
from chatops.migrations.events import Done, Installed, Started, Tell
from chatops.migrations.heard import Said, said
from chatops.migrations.ledger import Run, adopt_text, run_text
from chatops.migrations.locks import Budget
from chatops.migrations.plan import Entry, listed
from chatops.migrations.prepare import MigrationRequest, Prepared, judged, refuse_pooler, refuse_problems
from chatops.migrations.progress import Progress
from chatops.migrations.session_statements import SessionStatements
from chatops.migrations.source import SHIPPED, MigrationFile
from chatops.migrations.steps import steps_of
from chatops.migrations.together import (
    MOST_TOGETHER,
    MOST_TOGETHER_CHARACTERS,
    Request,
    begun_text,
    committed,
    finished_in,
    fits,
    refused_at_once,
    stopped_at,
    teller_of,
)
from chatops.migrations.transaction import Transaction, for_file, for_ledger, for_views
from chatops.migrations.views import View


@frozen
class MigrationOutcome:
    """What a run did: `done` in order; `by_others` went in meanwhile by another migrator; `left` were not asked for."""

    done: tuple[Done, ...]
    by_others: tuple[str, ...]
    left: tuple[str, ...]
    said: tuple[Said, ...] = ()


def apply(
    database: Database, prepared: Prepared, request: MigrationRequest, run: Run, tell: Tell, *, beside: Beside | None = None
) -> MigrationOutcome:
    """Applies the plan's files in order, then the views; each file is wholly in or wholly out.

    `beside` is the connection that runs side by side share for watching.
    Raises MigrationFailedError, ConflictError when locks or another migrator are not had in time, ConnectionLostError with
    what became of the file, MigrationInterruptedError.
    """
    database.awake()
    run = replace(run, tenant=prepared.tenant)
    progress = Progress(prepared, request, tell)
    attempts = Attempts(database, progress, run, beside)
    refuse_pooler(database, prepared, request, attempts.pools_transactions)
    try:
        return Migrating(progress, attempts).all()
    finally:
        attempts.close()


class Migrating:
    """One run through the files of a plan: one by one, or several small ones as one request."""

    def __init__(self, progress: Progress, attempts: Attempts) -> None:
        self.progress = progress
        self.attempts = attempts
        self.alone: set[str] = set()
        """Files that did not go in together with others."""
        self.ahead: Request | None = None
        """What the next request will most likely be: written while the server works at this one."""
        self.untold: list[tuple[Request, Ran]] = []
        """Requests that are in and of which nothing has been said yet: that, too, is done while the server works."""
        # A pooler reconnects on its own: a crash between two files would go unnoticed.
        # A cluster's statements go one by one, so several files together save nothing.
        self.may_follow = not attempts.run.tenant and progress.now.ledger.facts.backend_pid == attempts.database.protocol_pid
        # A cluster may have the ledger on every node, and plans for itself what it prepares.
        self.session_statements = None if progress.now.ledger.facts.citus is not None else SessionStatements(
            attempts.database.target.schema, progress.now.folder.source, attempts.run,
            deadline_ms=Budget(self.request.max_wait).deadline_ms, statement_timeout=self.request.statement_timeout,
        )  # fmt: skip

    @property
    def now(self) -> Prepared:
        """The plan as it stands."""
        return self.progress.now

    @property
    def request(self) -> MigrationRequest:
        """What was asked for."""
        return self.progress.request

    @property
    def database(self) -> Database:
        """The connection as it is now: a lost one is replaced."""
        return self.attempts.database

    @property
    def run(self) -> Run:
        """The run as the ledger knows it."""
        return self.attempts.run

    def all(self) -> MigrationOutcome:
        try:
            return self.go()
        finally:
            self.tell_finished()
            self.flush()

    def flush(self) -> None:
        """Makes durable what went in, when the run did not end in a commit that does."""
        if self.attempts.unflushed:
            self.database.run(db.inlined(sqlfiles.read("queries/ledger_flush.sql"), {"run_id": self.run.id}))
            self.attempts.unflushed = False

    def go(self) -> MigrationOutcome:
        while True:
            interrupts.unless_asked_to_stop()
            try:
                if self.now.distributes:
                    self.distribute()
                if self.now.carried:
                    self.carry_over(self.now.carried)
                if self.now.by_history:
                    self.take_over(self.now.by_history)
                while self.now.plan.apply:
                    if len(entries := self.companions()) > 1:
                        self.together(entries)
                        continue
                    self.tell_finished()
                    entry = self.now.plan.apply[0]
                    self.progress.finish(entry, self.one(entry))
                    self.start_anew()
                self.tell_finished()
                if self.now.views:
                    self.install(self.now.views)
                break
            except LedgerMovedError:
                self.read_again()
        known, left = self.progress, tuple(entry.name for entry in self.now.plan.left)
        return MigrationOutcome(tuple(known.done), tuple(known.by_others), left, tuple(known.told))

    def distribute(self) -> None:
        """Makes the schema a tenant of the cluster, with what it holds; its settings are the cluster's."""
        schema = self.database.target.schema
        assert self.now.node is not None
        node = self.now.node
        self.progress.tell(Started(DISTRIBUTION))
        _, _, seconds = self.attempts.send(
            DISTRIBUTION,
            lambda budget: distribution(self.now.folder, self.now.ledger, node, schema, self.run, deadline_ms=budget.deadline_ms),
        )
        self.progress.ledger_made()
        there = replace(node, distributed_schema=True, shared_settings=True)
        self.progress.now = replace(self.now, node=there, distributes=False)
        done = Done(DISTRIBUTION, "step", "", seconds * 1000, 0.0, 0)
        self.progress.done.append(done)
        self.progress.tell(done)

    def carry_over(self, sources: Sequence[str]) -> None:
        """Calls files by their folder's name that an earlier version called by the folder's path."""
        folder, schema = self.now.folder, self.database.target.schema
        texts = carry_over_texts(schema, folder, sources)
        self.attempts.send(
            "the ledger",
            lambda budget: for_ledger(texts, schema, self.run, deadline_ms=budget.deadline_ms, bookkeeping=False),
        )
        self.progress.now = replace(self.now, carried=())
        self.progress.tell_note("", f"the ledger called these files {', '.join(sources)}; from now on they are {folder.source}")

    def take_over(self, files: Sequence[MigrationFile]) -> None:
        """Records files that Supabase's history has: they have run."""
        texts, schema = [adopt_text(self.database.target.schema, files, self.run)], self.database.target.schema
        self.attempts.send(
            "the ledger",
            lambda budget: for_ledger(
                texts, schema, self.run, deadline_ms=budget.deadline_ms, bookkeeping=not self.now.ledger.exists
            ),
        )
        self.progress.ledger_made()
        self.progress.now = replace(self.now, by_history=())
        self.progress.tell_note("", f"Supabase's history has {listed([file.name for file in files])}: recorded, not run")

    def also(self, entry: Entry) -> list[str]:
        """Statements that go with a file: its row in Supabase's history."""
        assert entry.file is not None
        return self.now.history.texts(entry.file) if self.now.history is not None else []

    def read_again(self) -> None:
        before = self.now
        again = judged(before.folder, ledgers.read(self.database), self.request, before.history)
        self.progress.now = replace(again, node=before.node, distributes=before.distributes)
        still = {entry.name for entry in self.now.plan.apply}
        self.progress.by_others += [entry.name for entry in before.plan.apply if entry.name not in still]
        refuse_problems(self.now)

    def one(self, entry: Entry) -> Done:
        assert entry.file is not None
        self.progress.tell(Started(entry.name))
        if entry.file.reading.mode != "transaction":
            started = time.monotonic()
            steps = steps_of(self.attempts, entry, entry.file.reading.mode)
            rows = steps.all()
            self.attempts.unflushed = False
            took_ms = (time.monotonic() - started) * 1000 if steps.took_ms is None else steps.took_ms
            mends = entry.file.reading.repairs is not None
            return Done(entry.name, "file", entry.effect, took_ms, 0.0, rows, mends=mends, filled=steps.filled)

        followed = self.followed(0)

        def transaction(budget: Budget) -> Transaction:
            return for_file(
                entry, self.database.target.schema, self.run, deadline_ms=budget.deadline_ms,
                bookkeeping=not self.now.ledger.exists, statement_timeout=self.request.statement_timeout,
                waited_ms=budget.note_waited(), first=budget.first, patient=budget.patient,
                followed=followed, run_known=bool(self.progress.done), also=self.also(entry),
                has_chats=self.now.ledger.facts.has_chats,
            )  # fmt: skip

        budget = self.attempts.budget(entry.name)
        ran, last, seconds = self.attempts.send(entry.name, transaction)
        self.attempts.unflushed = followed
        rows = last.rows_changed(ran) if ran is not None else 0
        # As the ledger has it, where the server said so: the screen, `status` and a page name one number.
        took_ms = (last.duration_ms(ran) if ran is not None else 0.0) or seconds * 1000
        return Done(entry.name, "file", entry.effect, took_ms, budget.waited_ms, rows, budget.attempt)

    def followed(self, index: int) -> bool:
        """Whether the commit of another transaction comes after a file of the plan, and makes it durable too.

        What runs statement by statement cannot be told apart from what a crash took with it: before it, all is durable.
        """
        following = self.now.plan.apply[index + 1].file if len(self.now.plan.apply) > index + 1 else None
        return self.may_follow and (following.reading.mode == "transaction" if following else bool(self.now.views))

    def companions(self, after: int = 0) -> list[Entry]:
        """The next files that go as one request, each a transaction of its own; the next but so many."""
        if not (self.may_follow and self.now.ledger.exists):
            return []
        found: list[Entry] = []
        length = 0
        for entry in self.now.plan.apply[after : after + MOST_TOGETHER]:
            if entry.file is None or entry.name in self.alone or not fits(entry):
                break
            length += len(entry.file.reading.sent)
            if length > MOST_TOGETHER_CHARACTERS:
                break
            found.append(entry)
        return found

    def to_send(self, entries: Sequence[Entry], budget: Budget, after: int = 0, *, run_known: bool) -> Request:
        """What is sent for files that go together, the first of them `after` so many others of the plan."""
        schema, ours, sent = self.database.target.schema, self.session_statements, list[Transaction]()
        prepares = ours.prepared(self.database.protocol_pid) if ours is not None else []
        for index, entry in enumerate(entries):
            assert entry.file is not None
            known = run_known or index > 0
            if ours is None:
                begun = [begun_text(schema, entry.file, self.run, run_known=known)]
            else:
                begun = [*([] if known else [run_text(self.run)]), ours.begun(entry.file)]
            one = for_file(
                entry, schema, self.run, deadline_ms=budget.deadline_ms, bookkeeping=False,
                statement_timeout=self.request.statement_timeout, followed=self.followed(after + index), also=self.also(entry),
                begun=begun, ended=ours.ended(entry.file) if ours is not None else None, prepares=prepares if index == 0 else (),
                shortened=ours.shortened if ours is not None else None,
            )  # fmt: skip
            sent.append(one)
        return Request.of(entries, sent)

    def start_anew(self) -> None:
        """After a file that went by itself, or failed: what it left of what the session had is not known."""
        self.ahead = None
        if self.session_statements is not None:
            self.session_statements.forget()

    def together(self, entries: Sequence[Entry]) -> None:
        """Sends files as one request; the server stops at the first that fails.

        One that did not get its locks goes again by itself, in attempts. What fails for good is told as if it had gone alone.
        """
        budget = Budget(self.request.max_wait)
        request, self.ahead = self.ahead, None
        ours, session = self.session_statements, self.database.protocol_pid
        if request is None or not request.is_for(entries) or (ours is not None and not ours.ready_in(session)):
            request = self.to_send(entries, budget, run_known=bool(self.progress.done or self.untold))
        last = self.followed(len(entries) - 1)
        which_runs = teller_of(self.database.target.schema, self.now.folder.source, request.names, self.progress.tell)

        def meanwhile() -> None:
            self.tell_finished()
            self.progress.tell(Started(entries[0].name))
            if following := self.companions(len(entries)):
                self.ahead = self.to_send(following, budget, len(entries), run_known=True)

        try:
            with self.attempts.watch.over(budget.deadline_ms, which_runs, others_ms=budget.others_ms):
                ran = self.database.run(request.text, heard=request.heard, meanwhile=meanwhile)
        except KeyboardInterrupt:
            self.tell_finished()
            self.take_what_is_in(entries)
            raise self.attempts.interrupted(self.now.plan.apply[0].name if self.now.plan.apply else "") from None
        if ran.error is not None:
            self.tell_finished()  # of those before it, where it could not even be sent
            self.start_anew()
        if isinstance(ran.error, ConnectionLostError):
            for entry in entries:
                self.attempts.after_loss(entry.name, ran.error)
                self.progress.finish(entry, Done(entry.name, "file", entry.effect, 0.0, 0.0, 0))
            return
        finished = finished_in(request.transactions, ran)
        self.untold.append((request, ran))
        self.progress.advance(finished)
        self.attempts.unflushed = last or ran.error is not None
        if ran.error is not None:
            self.tell_finished()
            self.database.rollback()
            self.stopped_together(entries, request.transactions, ran, finished)

    def tell_finished(self) -> None:
        """Tells of the files that went in together and have not been told of."""
        while self.untold:
            request, ran = self.untold.pop(0)
            for entry, (one, told) in zip(request.entries, committed(request.transactions, ran), strict=False):
                done = Done(entry.name, "file", entry.effect, one.duration_ms(told), 0.0, one.rows_changed(told))
                self.progress.hear(said(one.parts, told))
                self.progress.tell_done(done)

    def stopped_together(self, entries: Sequence[Entry], sent: Sequence[Transaction], ran: Ran, finished: int) -> None:
        """Raises what stopped a request, or leaves a file to go by itself: for its locks, or because the server could not
        read the whole and so has not begun."""
        error = ran.error
        assert isinstance(error, DatabaseError)
        at, alone = stopped_at(sent, ran, finished)
        again = (ledgers.ANOTHER_MIGRATOR, ledgers.LEDGER_MOVED)
        if (
            at != finished
            or locks.retried(error)
            or error.sqlstate in again
            or refused_at_once(sent[at], alone)
            or (self.attempts.watch.cut and error.sqlstate == "57014")
        ):
            self.alone.add(entries[at].name)
            if self.attempts.watch.kept_others:
                self.attempts.budget(entries[at].name).lengthen()
            return
        self.progress.hear(said(sent[at].parts, alone))
        raise self.progress.failure(entries[at].name, sent[at].failure(alone))

    def take_what_is_in(self, entries: Sequence[Entry]) -> None:
        """After an interrupt: notes the files of a request that the ledger has."""
        with contextlib.suppress(ChatopsError):
            self.attempts.reconnect(3.0)
            self.attempts.wait_for_orphan(3.0)
            ledger = ledgers.read(self.database)
            for entry in entries:
                row = ledger.row(self.now.folder.source, entry.name)
                if row is None or not row.is_in:
                    return
                self.progress.finish(entry, Done(entry.name, "file", entry.effect, 0.0, 0.0, 0))

    def install(self, changed: Sequence[View]) -> None:
        """Every changed view in one transaction."""
        name = "views"
        self.progress.tell(Started(name))

        def transaction(budget: Budget) -> Transaction:
            return for_views(
                changed, self.database.target.schema, self.run, source=SHIPPED, deadline_ms=budget.deadline_ms,
                statement_timeout=self.request.statement_timeout, waited_ms=budget.note_waited(),
            )  # fmt: skip

        ran, sent, seconds = self.attempts.send(name, transaction)
        self.attempts.unflushed = False
        budget = self.attempts.budget(name)
        for place, view in enumerate(changed):
            told = sent.recorded_ms(ran, ledgers.end_text(self.database.target.schema, SHIPPED, view.ledger_name))
            took_ms = seconds * 1000 if told is None else told
            # What they waited for they waited for together: the first of them tells it, as in the ledger.
            waited = (0.0, 1) if place else (budget.waited_ms, budget.attempt)
            self.progress.done.append(Done(view.name, "view", view.reading.effect or "", took_ms, waited[0], 0, waited[1]))
        self.progress.heard.clear()
        self.progress.tell(Installed(tuple(view.name for view in changed), seconds))
        self.progress.now = replace(self.now, views=())
