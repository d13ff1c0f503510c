"""Sends a transaction as often as its locks need, and finds out what became of one whose answer was lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Container
from typing import NoReturn

from chatops import db, formatting
from chatops.db import Database, Ran
from chatops.errors import ChatopsError, ConflictError, ConnectionLostError, DatabaseError, ExitCode, UnreachableError
from chatops.migrations import ledger as ledgers
from chatops.migrations import locks
from chatops.migrations.beside import Beside
from chatops.migrations.events import OtherAtWork, Paused, Waiting
from chatops.migrations.heard import said
from chatops.migrations.ledger import Ledger, Run
from chatops.migrations.locks import Budget, Watch
from chatops.migrations.prepare import judged
from chatops.migrations.progress import Progress
from chatops.migrations.transaction import Transaction

RECONNECT_S = 15.0


class MigrationInterruptedError(ChatopsError):
    """Ctrl-C, SIGTERM or a closed terminal stopped a run; what became of the file is said."""

    exit_code = ExitCode.INTERRUPTED


class LedgerMovedError(Exception):
    """Another migrator changed the ledger: it is read again, and the run goes on from there."""


class Attempts:
    """The connection that a run works on, who watches it, and the time that each file may still wait."""

    def __init__(self, database: Database, progress: Progress, run: Run, beside: Beside | None = None) -> None:
        self.database = database
        self.given = database
        self.progress = progress
        self.run = run
        self.beside = beside
        self.watch = Watch(database, beside)
        self.budgets: dict[str, Budget] = {}
        self.unflushed = False
        """Whether files are in that a crash of the server could still take out again."""

    @property
    def pools_transactions(self) -> Callable[[Database], bool]:
        """Finds out what a pooler does; a fleet asks once."""
        return db.pools_transactions if self.beside is None else self.beside.pools_transactions

    @property
    def again(self) -> str:
        """The command line that repeats the run."""
        return self.progress.request.again

    def budget(self, name: str) -> Budget:
        """The waiting time of a file, which goes on when the ledger has moved meanwhile."""
        return self.budgets.setdefault(name, Budget(self.progress.request.max_wait))

    def send(
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
            others_ms = budget.others_ms if deadline_ms is None and longest_hold_ms is None else None
            with self.watch.over(deadline_ms or budget.deadline_ms, longest_hold_ms=longest_hold_ms, others_ms=others_ms):
                ran = self.interruptible(name, sent, verdict)
            seconds = time.monotonic() - started
            if ran.error is None:
                self.progress.hear(said(sent.parts, ran))
                return ran, sent, seconds
            if isinstance(ran.error, ConnectionLostError):
                if verdict is not None:
                    raise ConnectionLostError(ran.error.message, details=verdict(), next_steps=[("go on", self.again)])
                self.after_loss(name, ran.error)
                return None, sent, seconds
            self.database.rollback()
            assert isinstance(ran.error, DatabaseError)
            if ran.error.sqlstate == ledgers.ANOTHER_MIGRATOR:
                self.other_at_work(name)
            if ran.error.sqlstate == ledgers.LEDGER_MOVED:
                raise LedgerMovedError
            if self.watch.held and ran.error.sqlstate == "57014":
                return ran, sent, seconds
            if not locks.retried(ran.error) and not (self.watch.cut and ran.error.sqlstate == "57014"):
                self.progress.hear(said(sent.parts, ran))
                raise self.progress.failure(name, sent.failure(ran), verdict() if verdict else None)
            self.wait_for_locks(name, budget, verdict)

    def interruptible(
        self, name: str, sent: Transaction | str, verdict: Callable[[], list[str]] | None, heard: Container[int] = ()
    ) -> Ran:
        """Sends a transaction, or a text; Ctrl-C ends the statement too, and says what became of the file."""
        try:
            return self.database.run(sent, heard=heard) if isinstance(sent, str) else sent.sent_by(self.database)
        except KeyboardInterrupt:
            if verdict is not None:
                raise MigrationInterruptedError("interrupted", details=verdict(), next_steps=[("go on", self.again)]) from None
            raise self.interrupted(name) from None

    def other_at_work(self, name: str) -> NoReturn:
        """Waits until the other migrator is done, then has the ledger read again."""
        self.wait_for_other(self.budget(name))
        raise LedgerMovedError

    def wait_for_locks(self, name: str, budget: Budget, verdict: Callable[[], list[str]] | None = None) -> None:
        """Leaves the others some time before the next attempt. Raises ConflictError when the budget is spent."""
        if budget.left <= 0:
            raise self.progress.blocked(name, budget, self.watch, verdict() if verdict else None)
        waited = budget.max_wait - budget.left
        self.progress.tell(
            Waiting(
                name, budget.attempt, budget.deadline_ms, waited, self.watch.blockers, self.watch.unseen, self.watch.kept_others
            )
        )
        budget.learn(self.watch.blockers)
        self.sleep(name, budget.pause())
        budget.attempt += 1
        if self.watch.kept_others:
            budget.lengthen()

    def wait_for_other(self, budget: Budget) -> None:
        """Until no other migrator holds the lock; looks again and again instead of queueing for it."""
        told: set[int] = set()
        pause = locks.SHORTEST_PAUSE_S
        while True:
            holder = ledgers.migrator(self.database)
            if holder is not None and holder.is_gone:
                raise ledgers.left_behind(holder, self.again)
            if holder is not None and holder.pid not in told:
                told.add(holder.pid)
                self.progress.tell(OtherAtWork(holder))
            if budget.left <= 0:
                raise ConflictError(
                    f"another migrator is at work; it did not end within {formatting.duration(self.progress.request.max_wait)}",
                    details=[str(holder)] if holder else [],
                    next_steps=[*self.progress.ending([holder.pid] if holder else []), ("again", self.again)],
                )
            self.sleep("", min(pause * random.uniform(0.3, 1.5), max(budget.left, 0.0)))
            if holder is None:
                return
            pause = min(1.0, pause * locks.RISE)

    def sleep(self, name: str, seconds: float) -> None:
        self.progress.tell(Paused())
        try:
            time.sleep(seconds)
        except KeyboardInterrupt:
            raise self.interrupted(name) from None

    def interrupted(self, name: str) -> MigrationInterruptedError:
        """What became of the file that ran when the run was interrupted: the ledger is asked on a new connection."""
        try:
            self.reconnect(3.0)
            self.wait_for_orphan(3.0)
            now = judged(self.progress.now.folder, ledgers.read(self.database), self.progress.request)
        except ChatopsError:
            return MigrationInterruptedError(
                "interrupted; whether the last file went in is not known, the next run finds out",
                next_steps=[("look", self.again + " --dry-run")],
            )
        in_now = {entry.name for entry in now.plan.entries if entry.state.is_in}
        what = "went in before that" if name in in_now else "was rolled back"
        return MigrationInterruptedError(
            "interrupted", details=self.progress.verdict(name, what) if name else [], next_steps=[("go on", self.again)]
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
                next_steps=[("again", self.again)],
            ) from None
        if name == "views":
            if not judged(self.progress.now.folder, ledger, self.progress.request).views:
                return
        elif (row := ledger.row(self.progress.now.folder.source, name)) is not None and row.is_in:
            return
        self.forget_lost(ledger)
        steps = [("again", self.again)]
        if "transaction timeout" in lost.message:
            steps = [("without a limit", f"{self.again} --statement-timeout 0s")]
        raise ConnectionLostError(lost.message, details=self.progress.verdict(name, "was rolled back"), next_steps=steps)

    def forget_lost(self, ledger: Ledger) -> None:
        """A server that crashed may have lost the files of the last moment, each wholly: they do not count as done."""
        known = {row.name for row in ledger.rows if row.source == self.progress.now.folder.source and row.is_in}
        self.progress.lost = [done.name for done in self.progress.done if done.kind == "file" and done.name not in known]
        self.progress.done = [done for done in self.progress.done if done.name not in self.progress.lost]
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
        self.watch = Watch(fresh, self.beside)

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
