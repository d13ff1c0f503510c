"""A file with statements that refuse a transaction (CREATE INDEX CONCURRENTLY): each by itself, under a session's lock."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import replace

from chatops import formatting, sqlfiles
from chatops.db import Database, Ran
from chatops.errors import ChatopsError, ConnectionLostError, DatabaseError, RefusedError
from chatops.frozen import frozen
from chatops.migrations import ledger, locks
from chatops.migrations.heard import said
from chatops.migrations.index_naming import server_name, with_name
from chatops.migrations.locks import Blocker, Budget
from chatops.migrations.scanner import Statement, keywords, significant
from chatops.migrations.session_lock import SessionLock
from chatops.migrations.statements import Index, built_index, outside_transaction
from chatops.migrations.steps import Steps
from chatops.migrations.transaction import CLEAN, Failure, Part

# What the server says to a statement whose work is done already.
_DETACH_PENDING, _NOT_A_PARTITION = "55000", "42P01"
_FINISHED_BEFORE = {"CREATE": "42P07", "DROP": "42704"}


@frozen
class IndexState:
    """An index of that name: whether it is valid, and the session that builds it now."""

    valid: bool
    name: str
    builder: int | None


@frozen
class IndexProgress:
    """How far a build is; `phase` is the server's own word."""

    phase: str
    blocks_done: int
    blocks_total: int
    tuples_done: int
    tuples_total: int
    lockers_done: int
    lockers_total: int
    relation: str

    def __str__(self) -> str:
        if self.phase.startswith("waiting"):
            return f"{self.phase}: {self.lockers_done} of {formatting.plural(self.lockers_total, 'transaction')} ended"
        done, total = (self.blocks_done, self.blocks_total) if self.blocks_total else (self.tuples_done, self.tuples_total)
        return f"{self.phase}: {100 * done // total} % of {self.relation}" if total else self.phase


class Statements(Steps):
    """Each statement by itself under a lock of the session; what can be in a transaction is, together with the ledger."""

    written: str | None = None
    """The transaction in which the run that stopped wrote last; None where none did."""

    def all(self) -> int:
        self.take_session_lock()
        try:
            if self.resuming:
                self.written = self.database.value(sqlfiles.read("queries/ledger_written.sql"), self.texts.row)
            return super().all()
        finally:
            self.release_session_lock()

    def take_session_lock(self) -> None:
        """The lock, on a session that is ours for certain."""
        self.lock = SessionLock(self.database, ledger.lock_object(self.schema), self.attempts.pools_transactions)
        if not self.lock.take():
            self.attempts.other_at_work(self.entry.name)
        if self.lock.is_on_anothers_session():
            self.lock.release()
            raise RefusedError(
                f"{self.entry.name} needs a session, and the pooler gave ours to somebody else meanwhile; it was not begun",
                details=[*self.verdict(), *self.lock.left()],
                next_steps=[
                    *self.progress.ending(self.lock.left_on),
                    ("again, at the server's own port", self.progress.request.again),
                ],
            )

    def release_session_lock(self) -> None:
        """Tells where the lock stayed, when it is not ours to release: then a pooler gave our session to somebody else."""
        self.lock.release()
        if self.lock.database is not self.database:
            self.database.close()  # made after a loss: it has the settings of the file
        for line in self.lock.left():
            self.progress.tell_note(self.entry.name, line)

    def one(self, statement: Statement) -> None:
        self.progress.tell_step(self.entry.name, self.done + 1, len(self.statements), statement.text)
        if outside_transaction(statement) is None and keywords(statement, 1) not in (("CALL",), ("DO",)):
            ran, sent, _ = self.attempts.send(
                self.entry.name,
                lambda budget: self.texts.transaction(
                    [], statement, [self.texts.step(self.done + 1)], expected=self.expected, lock_timeout_ms=budget.deadline_ms
                ),
                verdict=self.verdict,
            )
            rows = sent.rows_changed(ran) if ran is not None else 0
            self.rows += rows
            self.unrecorded += rows
        else:
            self.bare(statement)
            self.note(self.texts.step(self.done + 1))
        self.done += 1

    def bare(self, statement: Statement) -> None:
        """A statement that must stand alone: no statement timeout, and the lock timeout is all that is left of --max-wait.

        A short one would fail for a reader of another table, and leave an invalid index each time.
        """
        budget = self.attempts.budget(self.entry.name)
        index = built_index(statement)
        text = statement.text
        if index is not None and not index.name:
            since = self.written if self.resuming else None
            name = server_name(self.database, statement, index, self.texts.before(statement, local=True), since)
            if name is not None:
                index, text = replace(index, name=name), with_name(statement, index, name)
        while True:
            if index is not None and self.clear(index, statement, budget):
                return
            if keywords(statement, 1) == ("REINDEX",):
                self.clear_leftovers(statement)
            self.name_those_waited_for(index)
            self.settings(budget, statement)
            with self.attempts.watch.over(None, self.progress_teller()):
                ran = self.attempts.interruptible(self.entry.name, text, self.verdict, heard=(0,))
            self.progress.hear(said([Part(text, self.file.reading, statement)], ran))
            self.clean()
            if ran.error is None or self.had_finished(statement, ran):
                return
            if (rest := detach_to_finish(statement, ran)) is not None and rest != text:
                text = rest
                continue
            self.judge(statement, text, ran, budget)

    def clean(self) -> None:
        """Takes back the settings of the file: a role of its own may not write to the ledger."""
        with contextlib.suppress(ChatopsError):  # a lost connection is reported by the statement that was running
            if not self.database.closed:
                self.database.rollback()
                self.database.script("; ".join(CLEAN))

    def had_finished(self, statement: Statement, ran: Ran) -> bool:
        """Whether the run that stopped had come to the end of this statement, and not to its entry in the ledger."""
        error = ran.error
        if not self.resuming or not isinstance(error, DatabaseError):
            return False
        detach = "DETACH" in keywords(statement, 12)
        return error.sqlstate == (_NOT_A_PARTITION if detach else _FINISHED_BEFORE.get(keywords(statement, 1)[0]))

    def judge(self, statement: Statement, text: str, ran: Ran, budget: Budget) -> None:
        """Returns when the statement may be tried again; raises otherwise."""
        error = ran.error
        if isinstance(error, ConnectionLostError):
            raise ConnectionLostError(error.message, details=self.verdict(), next_steps=[("go on", self.progress.request.again)])
        assert isinstance(error, DatabaseError)
        if locks.retried(error) and budget.left > 0:
            self.attempts.wait_for_locks(self.entry.name, budget)
            return
        self.remember_failure()
        if locks.retried(error):
            raise self.progress.blocked(self.entry.name, budget, self.attempts.watch, self.verdict())
        offset = statement.start + (place_in(statement.text, text, error.position - 1) if error.position is not None else 0)
        raise self.failed(Failure(error, self.file.reading, statement, min(offset, max(statement.start, statement.end - 1))))

    def remember_failure(self) -> None:
        """The state `failed` is for people; a run goes on from there as from any other stop."""
        try:
            self.database.rollback()
            self.database.script(self.texts.step(self.done, state="failed"))
        except ChatopsError:
            return

    def clear(self, index: Index, statement: Statement, budget: Budget) -> bool:
        """Makes room for an index: what an earlier build left behind is dropped. True when the index is there already.

        Somebody else's build of the same index is waited for, not dropped.
        """
        while True:
            found = self.look(index, statement)
            if found is None:
                return False
            if found.valid:
                return self.resuming
            if found.builder is None:
                break
            if budget.left <= 0:
                return False
            self.attempts.sleep(self.entry.name, random.uniform(0.1, 0.3))
        self.progress.tell_note(self.entry.name, f"{found.name} is INVALID, left by a build that stopped: dropped, built again")
        self.settings(budget, statement)
        ran = self.attempts.interruptible(self.entry.name, f"drop index concurrently if exists {found.name}", self.verdict)
        if ran.error is not None:
            if isinstance(ran.error, DatabaseError):
                self.remember_failure()
            raise ran.error
        return False

    def look(self, index: Index, statement: Statement) -> IndexState | None:
        self.database.script("; ".join(self.texts.before(statement, local=False)))
        values = {"table": index.table, "name": index.name}
        found = self.database.rows(IndexState, sqlfiles.read("queries/index_state.sql"), values)
        return found[0] if found else None

    def clear_leftovers(self, statement: Statement) -> None:
        self.database.script("; ".join(self.texts.before(statement, local=False)))
        for (name,) in self.database.tuples(sqlfiles.read("queries/index_leftovers.sql")):
            self.progress.tell_note(self.entry.name, f"{name} is INVALID, left by a REINDEX that stopped: dropped")
            self.database.script(f"drop index concurrently if exists {name}")

    def name_those_waited_for(self, index: Index | None) -> None:
        if index is None:
            return
        found = self.database.rows(Blocker, sqlfiles.read("queries/index_waits.sql"))
        for blocker in found:
            self.progress.tell_note(self.entry.name, f"will wait for {blocker}")

    def settings(self, budget: Budget, statement: Statement) -> None:
        """For the session, not for a transaction: the statement to come stands alone."""
        run = self.attempts.run
        timeout = self.progress.request.statement_timeout or "0"
        texts = ledger.settings_texts(
            self.schema, run, lock_timeout_ms=max(1, int(budget.left * 1000)), statement_timeout=timeout, local=False
        )
        self.database.script("; ".join([*texts, *self.texts.before(statement, local=False)]))

    def progress_teller(self) -> Callable[[Database], None]:
        """Told by the watching connection now and then: how far the build is."""
        said = ""
        at = time.monotonic()
        keys = {"lock_class": ledger.LOCK_CLASS, "lock_object": ledger.lock_object(self.schema)}

        def tell(watching: Database) -> None:
            nonlocal said, at
            if time.monotonic() - at < 1:
                return
            at = time.monotonic()
            found = watching.rows(IndexProgress, sqlfiles.read("queries/index_progress.sql"), keys)
            if found and str(found[0]) != said:
                said = str(found[0])
                self.progress.tell_note(self.entry.name, said)

        return tell


def place_in(text: str, sent: str, offset: int) -> int:
    """Where in a statement an offset of the text is that was sent for it, into which some words were put.

    >>> place_in("create index concurrently on t (x)", "create index concurrently t_x_idx on t (x)", 40)
    32
    """
    same = next((at for at, (one, other) in enumerate(zip(text, sent, strict=False)) if one != other), len(text))
    return offset if offset < same else max(same, offset - len(sent) + len(text))


def detach_to_finish(statement: Statement, ran: Ran) -> str | None:
    """A DETACH PARTITION CONCURRENTLY that was begun before can only be finished, by other words; None for anything else."""
    if (
        not isinstance(ran.error, DatabaseError)
        or ran.error.sqlstate != _DETACH_PENDING
        or "DETACH" not in keywords(statement, 12)
    ):
        return None
    last = [token for token in significant(statement.text) if token.upper == "CONCURRENTLY"][-1]
    return f"{statement.text[: last.start]}finalize{statement.text[last.start + len(last.text) :]}"
