"""Applies what a plan says, file by file, and says what went in, what did not, and why."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from chatops import db, formatting, sqlfiles
from chatops.db import Database, Ran
from chatops.errors import (
    ChatopsError,
    ConflictError,
    ConnectionLostError,
    DatabaseError,
    ExitCode,
    RefusedError,
    UnreachableError,
)
from chatops.migrations import ledger as ledgers
from chatops.migrations import locks
from chatops.migrations.failure import ALREADY_THERE, MigrationFailedError
from chatops.migrations.ledger import Ledger, Migrator, Run
from chatops.migrations.locks import Blocker, Budget, Watch
from chatops.migrations.plan import Entry, Plan, plan, short
from chatops.migrations.preflight import Problem
from chatops.migrations.problems import problems
from chatops.migrations.source import SHIPPED, Folder
from chatops.migrations.transaction import (
    Failure,
    Transaction,
    as_one_request,
    committed,
    for_file,
    for_views,
    stopped_at,
)
from chatops.migrations.views import View, views

RECONNECT_S = 15.0
MOST_BLOCKERS = 5
MOST_TOGETHER, MOST_TOGETHER_CHARACTERS = 8, 100_000
SILENT_S = 1.0
"""How long several files may be under way before it is said which one runs."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. `again` and `adopt` are the command lines that repeat the run and take a database over."""

    to: str | None = None
    max_wait: float = 300.0
    allow_out_of_order: bool = False
    strict: bool = False
    statement_timeout: str | None = None
    again: str = "chatops migrate"
    adopt: str = "chatops adopt"
    diagnose: str = "chatops diagnose"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run would do to a database as it was read: the plan, the views that changed, and what speaks against it."""

    folder: Folder
    ledger: Ledger
    plan: Plan
    views: tuple[View, ...]
    problems: tuple[Problem, ...]

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not self.plan.apply and not self.views


@dataclass(frozen=True, slots=True)
class Done:
    """A file or view that is in now. Milliseconds; `rows` is what its own statements said they changed."""

    name: str
    kind: Literal["file", "view"]
    effect: str
    duration_ms: float
    waited_ms: float
    rows: int
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did: `done` in order; `by_others` went in meanwhile by another migrator; `left` are pending beyond the goal."""

    done: tuple[Done, ...]
    by_others: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """A file begins."""

    name: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """An attempt at a file did not get its locks, and another one will be made."""

    name: str
    attempt: int
    deadline_ms: int
    waited: float
    blockers: Sequence[Blocker]
    unseen: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """Another migrator is at work, and this one waits for it."""

    by: Migrator


@dataclass(frozen=True, slots=True)
class Step:
    """A statement of a file that runs outside one transaction: how far it is."""

    name: str
    number: int
    of: int
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody who waits wants to know: how far an index is, what is dropped before it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Installed:
    """The views that changed are in; seconds."""

    names: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Paused:
    """A run waits and holds nothing; a listener that raises ends it here."""


Event = Installed | Paused | Started | Waiting | Held | Step | Note | Done
Tell = Callable[[Event], None]


class MigrationInterruptedError(ChatopsError):
    """Ctrl-C, SIGTERM or a closed terminal stopped a run; what became of the file is said."""

    exit_code = ExitCode.INTERRUPTED


def prepare(database: Database, ledger: Ledger, folder: Folder, request: Request) -> Prepared:
    """Decides what to do to a database as its ledger was read; changes nothing.

    Raises RefusedError for a database that holds the chat tables but no ledger, UsageError for an unknown goal.
    """
    if ledger.facts.standby:
        raise RefusedError(
            "this server is a standby: it can be read, not migrated", next_steps=[("connect to the primary", "chatops config")]
        )
    refuse_absent_schema(database)
    refuse_unknown(database, ledger, folder, request)
    return judged(folder, ledger, request)


def refuse_absent_schema(database: Database) -> None:
    """Refuses a target schema that is not there; `public` is looked for by the transactions themselves."""
    schema = database.target.schema
    if schema == "public" or database.value("select to_regnamespace(quote_ident(:'name'))", {"name": schema}) is not None:
        return
    raise RefusedError(
        f"there is no schema {schema}; nothing was changed",
        next_steps=[("make it (SQL)", f"create schema {db.identifier(schema)};")],
    )


def refuse_unknown(database: Database, ledger: Ledger, folder: Folder, request: Request) -> None:
    """Refuses a database that was migrated by other means: every file would run a second time."""
    if not ledger.facts.has_chats or ledger.knows(folder.source) or (folder.source != SHIPPED and ledger.rows):
        return
    schema, found = database.target.schema, deployed(database)
    shipped = folder.source == SHIPPED
    raise RefusedError(
        f"schema {schema} holds the chat tables, but no ledger says which files made them; nothing was changed",
        details=(f"the newest object found is one that {found} makes",) if shipped else (),
        next_steps=[("take it over", f"{request.adopt} --through {found}" if shipped else request.adopt)],
    )


def deployed(database: Database) -> str:
    """The number of the newest shipped file whose objects are there, by a look at the catalog."""
    with database.reading():
        return str(database.value(sqlfiles.read("queries/deployed_files.sql")))


def judged(folder: Folder, ledger: Ledger, request: Request) -> Prepared:
    """The plan for a ledger, and everything that speaks against it; needs no server."""
    made = plan(folder, ledger.rows, request.to, allow_out_of_order=request.allow_out_of_order)
    changed = () if made.left else tuple(view for view in views(ledger, made) if view.changed)
    found = problems(folder, made, strict=request.strict, allow_out_of_order=request.allow_out_of_order)
    return Prepared(folder, ledger, made, changed, tuple(found))


def refuse_problems(prepared: Prepared) -> None:
    """Raises RefusedError with every error at once, if there is one."""
    errors = [problem for problem in prepared.problems if problem.severity == "error"]
    if not errors:
        return
    lines = [line for problem in errors for line in (f"{problem.where}  {problem.message}", f"  → {problem.hint}")]
    raise RefusedError(f"{formatting.plural(len(errors), 'problem')} in the files; nothing was run", details=lines)


def apply(database: Database, prepared: Prepared, request: Request, run: Run, tell: Tell) -> Outcome:
    """Applies the plan's files in order, then the views; each file is wholly in or wholly out.

    Raises MigrationFailedError, ConflictError when locks or another migrator are not had in time, ConnectionLostError with
    what became of the file, MigrationInterruptedError.
    """
    refuse_pooler(database, prepared, request)
    migrating = Migrating(database, prepared, request, run, tell)
    try:
        return migrating.all()
    finally:
        migrating.close()


def refuse_pooler(database: Database, prepared: Prepared, request: Request) -> None:
    """Refuses, before anything is applied, files that need a session where there is none."""
    needing = [entry for entry in prepared.plan.apply if entry.file and entry.file.reading.mode == "statements"]
    if not needing or prepared.ledger.facts.backend_pid == database.protocol_pid or not db.pools_transactions(database):
        return
    port = database.target.parameters.get("port", "5432")
    where = "port 5432 of the same host, the session pooler" if port == "6543" else "the server's own port, or a session pooler"
    raise RefusedError(
        f"{listed([entry.name for entry in needing])} must run outside a transaction and needs a session, and the pooler at port "
        f"{port} gives each transaction another one; nothing was run",
        details=[f"{entry.name}: {entry.file.reading.mode_reason}" for entry in needing if entry.file]
        + [f"connect to {where}; the files before it can go in from here with --to"],
        next_steps=[("again", request.again)],
    )


class _Moved(Exception):  # noqa: N818 - not an error: the ledger is read again
    """Somebody else was at the ledger."""


class Migrating:
    """One run: the connection it works on, what it knows of the ledger, what it has done."""

    def __init__(self, database: Database, prepared: Prepared, request: Request, run: Run, tell: Tell) -> None:
        self.database = database
        self.given = database
        self.now = prepared
        self.request = request
        self.run = run
        self.tell = tell
        self.watch = Watch(database)
        self.done: list[Done] = []
        self.by_others: list[str] = []
        self.lost: list[str] = []
        self.budgets: dict[str, Budget] = {}
        self.unflushed = False
        """Whether files are in that a crash of the server could still take out again."""
        self.alone: set[str] = set()
        """Files that did not go in together with others."""
        # A pooler reconnects on its own: a crash between two files would go unnoticed.
        self.may_follow = prepared.ledger.facts.backend_pid == database.protocol_pid

    def all(self) -> Outcome:
        try:
            return self.go()
        finally:
            self.flush()

    def flush(self) -> None:
        """Makes durable what went in, when the run did not end in a commit that does."""
        if self.unflushed:
            self.database.run(db.inlined(sqlfiles.read("queries/ledger_flush.sql"), {"run_id": self.run.id}))
            self.unflushed = False

    def go(self) -> Outcome:
        while True:
            try:
                while self.now.plan.apply:
                    if len(entries := self.companions()) > 1:
                        self.together(entries)
                        continue
                    entry = self.now.plan.apply[0]
                    self.finish(entry, self.one(entry))
                if self.now.views:
                    self.install(self.now.views)
                break
            except _Moved:
                self.read_again()
        return Outcome(tuple(self.done), tuple(self.by_others), tuple(entry.name for entry in self.now.plan.left))

    def finish(self, entry: Entry, done: Done) -> None:
        """Notes a file as done, in what this run knows of the ledger."""
        self.done.append(done)
        self.tell(done)
        self.now = replace(self.now, plan=replace(self.now.plan, apply=self.now.plan.apply[1:]))
        self.ledger_made()

    def read_again(self) -> None:
        before = self.now
        self.now = judged(before.folder, ledgers.read(self.database), self.request)
        still = {entry.name for entry in self.now.plan.apply}
        self.by_others += [entry.name for entry in before.plan.apply if entry.name not in still]
        refuse_problems(self.now)

    def budget(self, name: str) -> Budget:
        """The waiting time of a file, which goes on when the ledger has moved meanwhile."""
        return self.budgets.setdefault(name, Budget(self.request.max_wait))

    def one(self, entry: Entry) -> Done:
        assert entry.file is not None
        self.tell(Started(entry.name))
        if entry.file.reading.mode != "transaction":
            from chatops.migrations import steps

            started = time.monotonic()
            rows = steps.apply(self, entry)
            self.unflushed = False
            return Done(entry.name, "file", entry.effect, (time.monotonic() - started) * 1000, 0.0, rows)

        followed = self.followed(0)

        def transaction(budget: Budget) -> Transaction:
            return for_file(
                entry, self.database.target.schema, self.run, deadline_ms=budget.deadline_ms,
                bookkeeping=not self.now.ledger.exists, statement_timeout=self.request.statement_timeout,
                waited_ms=(budget.max_wait - budget.left) * 1000, first=budget.first, patient=budget.patient,
                followed=followed, run_known=bool(self.done),
            )  # fmt: skip

        started = time.monotonic()
        budget = self.budget(entry.name)
        ran, last, seconds = self.attempts(entry.name, transaction)
        self.unflushed = followed
        rows = last.rows_changed(ran) if ran is not None else 0
        waited = max(0.0, time.monotonic() - started - seconds)
        return Done(entry.name, "file", entry.effect, seconds * 1000, waited * 1000, rows, budget.attempt)

    def followed(self, index: int) -> bool:
        """Whether the commit of another transaction comes after a file of the plan, and makes it durable too.

        What runs statement by statement cannot be told apart from what a crash took with it: before it, all is durable.
        """
        following = self.now.plan.apply[index + 1].file if len(self.now.plan.apply) > index + 1 else None
        return self.may_follow and (following.reading.mode == "transaction" if following else bool(self.now.views))

    # -- several at once ------------------------------------------------------------------------------------------------

    def companions(self) -> list[Entry]:
        """The next files that go as one request, each a transaction of its own."""
        if not (self.may_follow and self.now.ledger.exists):
            return []
        found: list[Entry] = []
        length = 0
        for entry in self.now.plan.apply[:MOST_TOGETHER]:
            reading = entry.file.reading if entry.file is not None else None
            if reading is None or reading.mode != "transaction" or entry.name in self.alone or entry.row is not None:
                break
            length += len(reading.sent)
            if length > MOST_TOGETHER_CHARACTERS or any(statement.copy_data for statement in reading.statements):
                break
            found.append(entry)
        return found

    def together(self, entries: Sequence[Entry]) -> None:
        """Sends files as one request; the server stops at the first that fails.

        One that did not get its locks goes again by itself, in attempts. What fails for good is told as if it had gone alone.
        """
        self.tell(Started(entries[0].name))
        budget = Budget(self.request.max_wait)
        sent = [
            for_file(
                entry, self.database.target.schema, self.run, deadline_ms=budget.deadline_ms, bookkeeping=False,
                statement_timeout=self.request.statement_timeout, followed=self.followed(index), run_known=bool(self.done),
            )
            for index, entry in enumerate(entries)
        ]  # fmt: skip
        last = self.followed(len(entries) - 1)
        try:
            with self.watch.over(budget.deadline_ms, self.teller_of(entries)):
                ran = self.database.run(as_one_request(sent))
        except KeyboardInterrupt:
            self.take_what_is_in(entries)
            raise self.interrupted(self.now.plan.apply[0].name if self.now.plan.apply else "") from None
        if isinstance(ran.error, ConnectionLostError):
            for entry in entries:
                self.after_loss(entry.name, ran.error)
                self.finish(entry, Done(entry.name, "file", entry.effect, 0.0, 0.0, 0))
            return
        finished = committed(sent, ran)
        for entry, (one, told) in zip(entries, finished, strict=False):
            self.finish(entry, Done(entry.name, "file", entry.effect, one.duration_ms(told), 0.0, one.rows_changed(told)))
        self.unflushed = last or ran.error is not None
        if ran.error is not None:
            self.database.rollback()
            self.stopped_together(entries, sent, ran, len(finished))

    def stopped_together(self, entries: Sequence[Entry], sent: Sequence[Transaction], ran: Ran, finished: int) -> None:
        """Raises what stopped a request, or leaves a file to go by itself: for its locks, or because the server could not
        read the whole and so has not begun."""
        error = ran.error
        assert isinstance(error, DatabaseError)
        at, alone = stopped_at(sent, ran, finished)
        again = (ledgers.ANOTHER_MIGRATOR, ledgers.LEDGER_MOVED)
        if at != finished or locks.retried(error) or error.sqlstate in again or (self.watch.cut and error.sqlstate == "57014"):
            self.alone.add(entries[at].name)
            return
        raise self.failure(entries[at].name, sent[at].failure(alone))

    def teller_of(self, entries: Sequence[Entry]) -> Callable[[Database], None]:
        """Told by the watching connection: which of a request's files runs, when it takes long."""
        began = time.monotonic()
        said: int | None = None
        values = {
            "target_schema": self.database.target.schema, "source": self.now.folder.source,
            "names": [entry.name for entry in entries],
        }  # fmt: skip

        def tell(watching: Database) -> None:
            nonlocal said
            if time.monotonic() - began < SILENT_S:
                return
            done = int(watching.value(sqlfiles.read("queries/ledger_in.sql"), values))
            if done != said and done < len(entries):
                said = done
                before = "" if not done else f"{listed([entry.name for entry in entries[:done]])} in, "
                self.tell(Step(entries[done].name, done + 1, len(entries), f"{before}this one runs"))

        return tell

    def take_what_is_in(self, entries: Sequence[Entry]) -> None:
        """After an interrupt: notes the files of a request that the ledger has."""
        with contextlib.suppress(ChatopsError):
            self.reconnect(3.0)
            self.wait_for_orphan(3.0)
            ledger = ledgers.read(self.database)
            for entry in entries:
                row = ledger.row(self.now.folder.source, entry.name)
                if row is None or not row.is_in:
                    return
                self.finish(entry, Done(entry.name, "file", entry.effect, 0.0, 0.0, 0))

    def install(self, changed: Sequence[View]) -> None:
        """Every changed view in one transaction."""
        name = "views"
        self.tell(Started(name))

        def transaction(budget: Budget) -> Transaction:
            return for_views(
                changed, self.database.target.schema, self.run, source=SHIPPED, deadline_ms=budget.deadline_ms,
                statement_timeout=self.request.statement_timeout,
            )  # fmt: skip

        _, _, seconds = self.attempts(name, transaction)
        self.unflushed = False
        budget = self.budget(name)
        waited = budget.max_wait - budget.left - seconds
        for view in changed:
            done = Done(view.name, "view", view.reading.effect or "", seconds * 1000, max(0.0, waited) * 1000, 0, budget.attempt)
            self.done.append(done)
        self.tell(Installed(tuple(view.name for view in changed), seconds))
        self.now = replace(self.now, views=())

    # -- one transaction, as often as its locks need ------------------------------------------------------------------

    def attempts(
        self, name: str, transaction: Callable[[Budget], Transaction], *, verdict: Callable[[], list[str]] | None = None,
        deadline_ms: int | None = None, longest_hold_ms: int | None = None,
    ) -> tuple[Ran | None, Transaction, float]:  # fmt: skip
        """Sends a transaction until it is in; None for the result when the answer was lost and the ledger told.

        `verdict` says what became of a file that is not one transaction; `deadline_ms` holds for every attempt alike.
        One that kept locks of rows for longer than `longest_hold_ms` was rolled back, and comes back with its error.
        """
        budget = self.budget(name)
        while True:
            sent = transaction(budget)
            started = time.monotonic()
            with self.watch.over(deadline_ms or budget.deadline_ms, longest_hold_ms=longest_hold_ms):
                ran = self.interruptible(name, sent.text, verdict, sent.copies)
            seconds = time.monotonic() - started
            if ran.error is None:
                return ran, sent, seconds
            if isinstance(ran.error, ConnectionLostError):
                if verdict is not None:
                    raise ConnectionLostError(ran.error.message, details=verdict(), next_steps=[("go on", self.request.again)])
                self.after_loss(name, ran.error)
                return None, sent, seconds
            self.database.rollback()
            assert isinstance(ran.error, DatabaseError)
            if ran.error.sqlstate == ledgers.ANOTHER_MIGRATOR:
                self.other_at_work(name)
            if ran.error.sqlstate == ledgers.LEDGER_MOVED:
                raise _Moved
            if self.watch.held and ran.error.sqlstate == "57014":
                return ran, sent, seconds
            if not locks.retried(ran.error) and not (self.watch.cut and ran.error.sqlstate == "57014"):
                raise self.failure(name, sent.failure(ran), verdict() if verdict else None)
            self.wait_for_locks(name, budget, verdict)

    def interruptible(self, name: str, text: str, verdict: Callable[[], list[str]] | None, copies: Sequence[str] = ()) -> Ran:
        """Sends a text; Ctrl-C ends the statement too, and says what became of the file."""
        try:
            return self.database.run(text, copies)
        except KeyboardInterrupt:
            if verdict is not None:
                raise MigrationInterruptedError(
                    "interrupted", details=verdict(), next_steps=[("go on", self.request.again)]
                ) from None
            raise self.interrupted(name) from None

    def other_at_work(self, name: str) -> NoReturn:
        """Waits until the other migrator is done, then has the ledger read again."""
        self.wait_for_other(self.budget(name))
        raise _Moved

    def ledger_made(self) -> None:
        """Notes that the bookkeeping exists now."""
        facts = replace(self.now.ledger.facts, has_ledger=True)
        self.now = replace(self.now, ledger=replace(self.now.ledger, facts=facts))

    def tell_step(self, name: str, number: int, of: int, text: str) -> None:
        """A statement of a file that is not one transaction begins, or has come further."""
        self.tell(Step(name, number, of, formatting.shortened(text, 60)))

    def tell_note(self, name: str, text: str) -> None:
        """Something about a file that somebody who waits wants to know."""
        self.tell(Note(name, text))

    def wait_for_locks(self, name: str, budget: Budget, verdict: Callable[[], list[str]] | None = None) -> None:
        """Leaves the others some time before the next attempt. Raises ConflictError when the budget is spent."""
        if budget.left <= 0:
            raise self.blocked(name, budget, verdict() if verdict else None)
        waited = budget.max_wait - budget.left
        self.tell(Waiting(name, budget.attempt, budget.deadline_ms, waited, self.watch.blockers, self.watch.unseen))
        budget.learn(self.watch.blockers)
        self.sleep(name, budget.pause())
        budget.attempt += 1

    def wait_for_other(self, budget: Budget) -> None:
        """Until no other migrator holds the lock; looks again and again instead of queueing for it."""
        told: set[int] = set()
        pause = locks.SHORTEST_PAUSE_S
        while True:
            holder = ledgers.migrator(self.database)
            if holder is not None and holder.pid not in told:
                told.add(holder.pid)
                self.tell(Held(holder))
            if budget.left <= 0:
                raise ConflictError(
                    f"another migrator is at work; it did not end within {formatting.duration(self.request.max_wait)}",
                    details=[str(holder)] if holder else [],
                    next_steps=[*self.ending([holder.pid] if holder else []), ("again", self.request.again)],
                )
            self.sleep("", min(pause * random.uniform(0.3, 1.5), max(budget.left, 0.0)))
            if holder is None:
                return
            pause = min(1.0, pause * locks.RISE)

    def sleep(self, name: str, seconds: float) -> None:
        self.tell(Paused())
        try:
            time.sleep(seconds)
        except KeyboardInterrupt:
            raise self.interrupted(name) from None

    # -- ends -----------------------------------------------------------------------------------------------------------

    def failure(self, name: str, failure: Failure, verdict: list[str] | None = None) -> MigrationFailedError:
        """A statement that stopped a file, with what is in and what is not."""
        steps = []
        state = failure.error.sqlstate or ""
        if state in ALREADY_THERE and not self.now.ledger.knows(self.now.folder.source):
            steps.append(("take the database over", self.request.adopt))
        if state == "57014":
            steps.append(("without a limit", f"{self.request.again} --statement-timeout 0s"))
        if state.startswith("23") and self.now.folder.source == SHIPPED:
            steps.append(("which rows", self.request.diagnose))
        return MigrationFailedError(
            failure, name, verdict or self.verdict(name, "was rolled back"), [*steps, ("again", self.request.again)]
        )

    def blocked(self, name: str, budget: Budget, verdict: list[str] | None = None) -> ConflictError:
        """The budget is spent: who was in the way, and the SQL that would end them."""
        blockers = locks.culprits(self.watch.blockers)
        lines = [f"waits for {blocker.waits_for} ({blocker.mode}), held by {blocker}" for blocker in blockers[:MOST_BLOCKERS]]
        if len(blockers) > MOST_BLOCKERS:
            lines.append(f"and by {len(blockers) - MOST_BLOCKERS} more")
        if not lines:
            lines = [f"who is in the way could not be seen: {self.watch.unseen}"] if self.watch.unseen else []
        return ConflictError(
            f"{name}: a lock was not had within {formatting.duration(budget.max_wait)},"
            f" in {formatting.plural(budget.attempt, 'attempt')}",
            details=[*lines, *(verdict or self.verdict(name, "is not in"))],
            next_steps=[*self.ending([blocker.pid for blocker in blockers]), ("again", self.request.again)],
        )

    def ending(self, pids: Sequence[int]) -> list[tuple[str, str]]:
        """The SQL that ends sessions, for a person who decides that."""
        if not pids:
            return []
        calls = ", ".join(f"pg_terminate_backend({pid})" for pid in dict.fromkeys(pids))
        return [("end it (SQL)" if len(set(pids)) == 1 else "end them (SQL)", f"select {calls};")]

    def verdict(self, name: str, what: str) -> list[str]:
        """What became of this file and of the others, in one line."""
        files = [done.name for done in self.done if done.kind == "file"]
        rest = [entry.name for entry in self.now.plan.apply if entry.name != name]
        parts = [f"{short(name)} {what}"]
        if files:
            parts.append(
                f"{listed(files)} {'is' if len(files) == 1 else 'are'} in and {'stays' if len(files) == 1 else 'stay'} in"
            )
        if self.lost:
            parts.append(f"{listed(self.lost)} had gone in and went out again with the server: the next run applies them anew")
        parts.append(f"{listed(rest)} {'was' if len(rest) == 1 else 'were'} not tried" if rest else "nothing else was tried")
        return [*self.effects(files, name, rest), "; ".join(parts) + "."]

    def effects(self, files: Sequence[str], name: str, rest: Sequence[str]) -> list[str]:
        """The effects that are in force and those that are not, for people."""
        effect = {entry.name: entry.effect for entry in self.now.plan.entries}
        lines = [f"in:      {short(one)}  {effect[one]}" for one in files if effect.get(one)]
        return lines + [f"not in:  {short(one)}  {effect[one]}" for one in (name, *rest) if effect.get(one)]

    def interrupted(self, name: str) -> MigrationInterruptedError:
        """What became of the file that ran when the run was interrupted: the ledger is asked on a new connection."""
        try:
            self.reconnect(3.0)
            self.wait_for_orphan(3.0)
            now = judged(self.now.folder, ledgers.read(self.database), self.request)
        except ChatopsError:
            return MigrationInterruptedError(
                "interrupted; whether the last file went in is not known, the next run finds out",
                next_steps=[("look", self.request.again + " --dry-run")],
            )
        in_now = {entry.name for entry in now.plan.entries if entry.state.is_in}
        what = "went in before that" if name in in_now else "was rolled back"
        return MigrationInterruptedError(
            "interrupted", details=self.verdict(name, what) if name else [], next_steps=[("go on", self.request.again)]
        )

    def after_loss(self, name: str, lost: ConnectionLostError) -> None:
        """Returns when the ledger says that the transaction is in all the same; raises ConnectionLostError when it is not."""
        try:
            self.reconnect(RECONNECT_S)
            self.wait_for_orphan(max(RECONNECT_S, self.budget(name).left))
            ledger = ledgers.read(self.database)
        except ConnectionLostError:
            raise
        except ChatopsError as error:
            raise ConnectionLostError(
                lost.message,
                details=[
                    f"no new connection: {error.message}",
                    f"whether {name} went in is not known; the next run finds out",
                    *(
                        ["files of this run may have gone out again with the server: the next run applies them anew"]
                        if self.unflushed
                        else []
                    ),
                ],
                next_steps=[("again", self.request.again)],
            ) from None
        if name == "views":
            if not judged(self.now.folder, ledger, self.request).views:
                return
        elif (row := ledger.row(self.now.folder.source, name)) is not None and row.is_in:
            return
        self.forget_lost(ledger)
        raise ConnectionLostError(
            lost.message, details=self.verdict(name, "was rolled back"), next_steps=[("again", self.request.again)]
        )

    def forget_lost(self, ledger: Ledger) -> None:
        """A server that crashed may have lost the files of the last moment, each wholly: they do not count as done."""
        known = {row.name for row in ledger.rows if row.source == self.now.folder.source and row.is_in}
        self.lost = [done.name for done in self.done if done.kind == "file" and done.name not in known]
        self.done = [done for done in self.done if done.name not in self.lost]
        self.unflushed = False

    def reconnect(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            try:
                fresh = db.connect(self.given.target, "migrate", "migrate")
                break
            except UnreachableError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        self.database.close()
        self.database = fresh
        self.watch.close()
        self.watch = Watch(fresh)

    def wait_for_orphan(self, seconds: float) -> None:
        """A transaction whose client is gone goes on to its end; only then does the ledger tell what became of it."""
        until = time.monotonic() + seconds
        while (holder := ledgers.migrator(self.database)) is not None:
            if time.monotonic() > until:
                raise ConflictError("the transaction of the lost connection is still at work", details=[str(holder)])
            time.sleep(0.05)

    def close(self) -> None:
        self.watch.close()
        if self.database is not self.given:
            self.database.close()


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, by their numbers; a long list by its ends.

    >>> listed(["014_a", "015_b"]), listed(["001_a", "002_b", "003_c", "004_d", "005_e", "006_f"])
    ('014 and 015', '001 to 006 (6 files)')
    """
    shorts = [short(name) for name in names]
    if len(shorts) > 5:
        return f"{shorts[0]} to {shorts[-1]} ({len(shorts)} files)"
    return shorts[0] if len(shorts) == 1 else f"{', '.join(shorts[:-1])} and {shorts[-1]}"
