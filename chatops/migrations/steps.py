"""Files that cannot be one transaction: statement by statement, or in batches; what is finished stays, a re-run goes on there."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatops import __version__, db, formatting, sqlfiles
from chatops.db import Database, Ran
from chatops.errors import ChatopsError, ConnectionLostError, DatabaseError, RefusedError, UnreachableError
from chatops.migrations import ledger, locks
from chatops.migrations.failure import MigrationFailedError
from chatops.migrations.ledger import Run
from chatops.migrations.locks import Blocker, Budget
from chatops.migrations.plan import Entry
from chatops.migrations.preflight import BOUND_HINT, mentions_batch_size, outside_transaction
from chatops.migrations.scanner import Statement, keywords, significant
from chatops.migrations.source import MigrationFile
from chatops.migrations.statements import Index, built_index
from chatops.migrations.transaction import CLEAN, Failure, Part, Transaction

if TYPE_CHECKING:
    from chatops.migrations.run import Migrating

BATCH_LOCK_TIMEOUT_MS = 200
LONGEST_BATCH_MS = 200
# Looking, cancelling and rolling back take their time, too.
CUT_BATCH_MS = 150
WANTED_BATCH_MS = 80
FIRST_BATCH, LARGEST_BATCH = 100, 20_000
# A machine stalls now and then: a batch that cannot be made smaller has some tries.
MOST_CUTS = 5
CHECKS_ITS_CLIENT = 140_000
LOOKS_FOR_CLIENT = "100ms"
# What the server says to a statement whose work is done already.
_DETACH_PENDING, _NOT_A_PARTITION = "55000", "42P01"
_FINISHED_BEFORE = {"CREATE": "42P07", "DROP": "42704"}


@dataclass(frozen=True, slots=True)
class IndexState:
    """An index of that name: whether it is valid, and the session that builds it now."""

    valid: bool
    name: str
    builder: int | None


@dataclass(frozen=True, slots=True)
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
            return f"{self.phase}: {self.lockers_done} of {self.lockers_total} transactions have ended"
        done, total = (self.blocks_done, self.blocks_total) if self.blocks_total else (self.tuples_done, self.tuples_total)
        return f"{self.phase}: {100 * done // total} % of {self.relation}" if total else self.phase


def apply(migrating: Migrating, entry: Entry) -> int:
    """Carries a file out from where it stopped, or from its beginning; the rows that it changed in this run.

    Raises what `run.apply` raises; what was finished before that is in, and remembered.
    """
    assert entry.file is not None
    steps = _Batches(migrating, entry) if entry.file.reading.mode == "batched" else _Statements(migrating, entry)
    return steps.all()


@dataclass(frozen=True, slots=True)
class StepTexts:
    """What goes to the server for a file that is not one transaction, whoever sends it."""

    entry: Entry
    schema: str
    run: Run
    statement_timeout: str | None = None

    @property
    def file(self) -> MigrationFile:
        """The file, which is there: it is pending."""
        assert self.entry.file is not None
        return self.entry.file

    def begin(self) -> str:
        """The ledger row of a file that begins, or that is taken over from the run that stopped."""
        file = self.file
        if self.entry.row is None:
            return ledger.begin_text(
                self.schema, file.source, file.name, file.number, file.checksum, self.run, state="running", digests=file.digests
            )
        values = {
            "target_schema": self.schema, "source": file.source, "name": file.name,
            "checksum": file.checksum, "chatops_version": __version__, "git_revision": self.run.revision,
            "statements": None if file.digests is None else db.json(file.digests),
        }  # fmt: skip
        return db.inlined(sqlfiles.read("queries/ledger_resume.sql"), values)

    def expected(self, done: int) -> str:
        """What the ledger must say while a run is at work that has finished so many statements."""
        return f"running {done} {self.file.checksum}"

    def step(self, done: int, rows: int = 0, state: str = "running") -> str:
        """How many statements are finished, and how many further rows they changed."""
        values = {
            "target_schema": self.schema, "source": self.file.source, "name": self.file.name, "steps_done": done, "rows": rows,
            "state": state,
        }  # fmt: skip
        return db.inlined(sqlfiles.read("queries/ledger_step.sql"), values)

    def end(self) -> str:
        """The file is wholly in."""
        return ledger.end_text(self.schema, self.file.source, self.file.name)

    def transaction(
        self, ours: Sequence[str], statement: Statement | None, after: Sequence[str], *, expected: str, lock_timeout_ms: int,
        more: Sequence[str] = (), bookkeeping: bool = False,
    ) -> Transaction:  # fmt: skip
        """Lock, expectation, then our statements, one of the file's, and ours again, in one transaction."""
        settings = ledger.settings_texts(
            self.schema, self.run, lock_timeout_ms=lock_timeout_ms, statement_timeout=self.statement_timeout
        )
        head = ["begin", *settings, *ledger.lock_text(self.schema, bookkeeping=bookkeeping)]
        if bookkeeping:
            head += ledger.bookkeeping_texts()
        head += [ledger.run_text(self.run), ledger.expect_text_of(self.schema, self.file.source, self.file.name, expected)]
        parts = [Part(text.rstrip().removesuffix(";")) for text in (*head, *more, *ours)]
        if statement is not None:
            reading = self.file.reading
            end = statement.end if statement.copy_data else statement.stop
            parts.append(Part(reading.sent[statement.leading : end], reading, statement))
            parts += [Part(text) for text in CLEAN]
        return Transaction((*parts, *(Part(text.rstrip().removesuffix(";")) for text in (*after, "commit"))))


class _Steps:
    """What both kinds share: the ledger row, which is there from the first statement on, and the way through the statements."""

    def __init__(self, migrating: Migrating, entry: Entry) -> None:
        assert entry.file is not None
        self.migrating = migrating
        self.entry = entry
        self.file = entry.file
        self.schema = migrating.database.target.schema
        self.texts = StepTexts(entry, self.schema, migrating.run, migrating.request.statement_timeout)
        self.statements = entry.file.reading.statements
        self.done = entry.row.steps_done if entry.row else 0
        self.resuming = entry.row is not None
        self.rows = 0
        self.unrecorded = 0  # rows that the ledger has not been told of yet

    @property
    def database(self) -> Database:
        return self.migrating.database

    def all(self) -> int:
        self.begin()
        while self.done < len(self.statements):
            self.one(self.statements[self.done])
            self.resuming = False
        last = [self.texts.step(self.done, self.unrecorded), self.texts.end()]
        self.send(last, expected=self.expected)
        return self.rows

    def begin(self) -> None:
        """Writes the ledger row, or takes it over from the run that stopped."""
        self.send(
            [self.texts.begin()], expected=ledger.expectation(self.entry.row), bookkeeping=not self.migrating.now.ledger.exists
        )
        self.migrating.ledger_made()

    @property
    def expected(self) -> str:
        """What the ledger must say for this run to be the one that goes on."""
        return self.texts.expected(self.done)

    def note(self, text: str) -> None:
        """One statement about the ledger row."""
        self.send([text], expected=self.expected)

    def send(self, texts: Sequence[str], *, expected: str, bookkeeping: bool = False) -> None:
        """Writes to the ledger under the migrators' lock, as soon as it is free."""
        self.migrating.attempts(
            self.entry.name,
            lambda budget: self.texts.transaction(
                texts, None, [], expected=expected, lock_timeout_ms=budget.deadline_ms, bookkeeping=bookkeeping
            ),
            verdict=self.verdict,
        )

    def one(self, statement: Statement) -> None:
        raise NotImplementedError

    def verdict(self) -> list[str]:
        """What became of this file when it stopped."""
        of = f"statement {self.done + 1} of {len(self.statements)}"
        changed = f", {formatting.plural(self.rows, 'row')} changed" if self.rows else ""
        finished = "the statement before it is in and stays in"
        if self.done > 1:
            finished = f"the {self.done} statements before it are in and stay in"
        before = f"; {finished}"
        return [f"{self.entry.name} stopped at {of}{changed}{before if self.done else ''}. The next run goes on there."]

    def failed(self, failure: Failure) -> MigrationFailedError:
        return self.migrating.failure(self.entry.name, failure, self.verdict())


class _Batches(_Steps):
    """Each statement in transactions of its own, again and again until it reports 0 rows.

    No batch keeps locks of rows for longer than LONGEST_BATCH_MS: the second connection ends one that does, and it is tried
    again with fewer rows.
    """

    def begin(self) -> None:
        try:
            self.migrating.watch.open()
        except UnreachableError as error:
            raise UnreachableError(
                f"{self.entry.name} goes in by batches, which a second connection watches, and that could not be had: "
                f"{error.message}",
                details=[*error.details, *self.migrating.verdict(self.entry.name, "was not begun")],
                next_steps=[("again", self.migrating.request.again)],
            ) from None
        super().begin()

    def one(self, statement: Statement) -> None:
        self.size = FIRST_BATCH
        self.cuts = 0
        reported = time.monotonic()
        last = 0
        while True:
            self.migrating.budgets.pop(self.entry.name, None)  # every batch may wait anew
            ran, sent = self.batch(statement, last)
            if ran is not None and ran.error is not None:
                self.shrink(statement)
                continue
            self.cuts = 0
            last = changed(ran, sent, statement) if ran is not None else 1
            self.rows += last
            if last == 0:
                break
            if time.monotonic() - reported > 2:
                reported = time.monotonic()
                self.migrating.tell_step(
                    self.entry.name, self.done + 1, len(self.statements), f"{formatting.count(self.rows)} rows so far"
                )
        self.note(self.texts.step(self.done + 1))
        self.done += 1

    def batch(self, statement: Statement, before: int) -> tuple[Ran | None, Transaction]:
        # The guards of chats tell by the second that a migration writes, and not the application. By the third the server
        # looks after the client, without whom nobody would end a batch.
        size = (
            f"select pg_catalog.set_config('chatops.batch_size', '{self.size}', true),"
            " pg_catalog.set_config('chatops.write', 'function', true)"
        )
        facts = self.database.facts
        if facts is not None and facts.version_number >= CHECKS_ITS_CLIENT:
            size += f", pg_catalog.set_config('client_connection_check_interval', '{LOOKS_FOR_CLIENT}', true)"
        elapsed = "select 1000 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.now())"
        ran, sent, _ = self.migrating.attempts(
            self.entry.name,
            lambda budget: self.texts.transaction(
                # The ledger comes last: until the statement locks a row, the transaction has no id, by which its locks are told.
                [], statement, [elapsed, self.texts.step(self.done, before)], expected=self.expected,
                lock_timeout_ms=BATCH_LOCK_TIMEOUT_MS, more=[size],
            ),
            verdict=self.verdict,
            deadline_ms=BATCH_LOCK_TIMEOUT_MS,
            longest_hold_ms=CUT_BATCH_MS,
        )  # fmt: skip
        if ran is not None and ran.error is None:
            self.size = next_size(self.size, float(ran.firsts[-3] or 0) - self.migrating.watch.free_ms)
        return ran, sent

    def shrink(self, statement: Statement) -> None:
        """After a batch that kept its locks for too long. Raises MigrationFailedError where fewer rows cannot be had."""
        sized = mentions_batch_size(statement)
        if sized and self.size > 1:
            self.size = max(1, self.size // 4)
            return
        self.cuts += 1
        if self.cuts < MOST_CUTS:
            self.migrating.sleep(self.entry.name, random.uniform(0.1, 0.3))
            return
        what, hint = "a batch", BOUND_HINT
        if sized:
            what = "a batch of one row"
            hint = "either its rows are not limited by chatops.batch_size, or each one is slow: a trigger, a missing index"
        error = DatabaseError(
            f"{what} kept its locks for longer than {LONGEST_BATCH_MS} ms, and was rolled back {MOST_CUTS} times",
            server_hint=hint,
        )
        raise self.failed(Failure(error, self.file.reading, statement, statement.start))


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


def next_size(size: int, elapsed_ms: float) -> int:
    """The batch size that should keep row locks for about WANTED_BATCH_MS; at most doubled at a time.

    >>> next_size(100, 20), next_size(1000, 160), next_size(5, 900)
    (200, 500, 1)
    """
    wanted = size * WANTED_BATCH_MS / max(elapsed_ms, 1)
    return int(max(1, min(LARGEST_BATCH, size * 2, wanted)))


def changed(ran: Ran, sent: Transaction, statement: Statement) -> int:
    """How many rows a batch reports: of INSERT, UPDATE, DELETE and MERGE those they changed, of a query its first value.

    Raises RefusedError when the first value is no number: the batch would be repeated for ever.
    """
    index = next(i for i, part in enumerate(sent.parts) if part.statement is not None)
    tag = ran.tags[index]
    if tag.partition(" ")[0] in ("INSERT", "UPDATE", "DELETE", "MERGE"):
        return int(tag.rpartition(" ")[2])
    first = ran.firsts[index]
    if first is None:
        return 0
    try:
        return int(first)
    except ValueError:
        raise RefusedError(
            f"line {statement.line}: a batched query must report in its first column how many rows it changed, "
            f"not “{formatting.shortened(first, 40)}”"
        ) from None


class _Statements(_Steps):
    """Each statement by itself under a lock of the session; what can be in a transaction is, together with the ledger."""

    def all(self) -> int:
        self.take_session_lock()
        try:
            return super().all()
        finally:
            self.release_session_lock()

    def take_session_lock(self) -> None:
        keys = f"{ledger.LOCK_CLASS}, {ledger.lock_object(self.schema)}"
        if not self.database.value(f"select pg_try_advisory_lock({keys})"):
            self.migrating.other_at_work(self.entry.name)

    def release_session_lock(self) -> None:
        """Says so when the lock is not ours to release: then a pooler gave our session to somebody else."""
        if self.database.closed:
            return
        try:
            self.database.rollback()
            keys = f"{ledger.LOCK_CLASS}, {ledger.lock_object(self.schema)}"
            released = self.database.value(f"select pg_advisory_unlock({keys})")
            self.database.script("reset session authorization; reset role; reset all")
        except ChatopsError:
            self.database.close()  # and the lock goes with it
            return
        if not released:
            self.database.close()

    def one(self, statement: Statement) -> None:
        self.migrating.tell_step(self.entry.name, self.done + 1, len(self.statements), statement.text)
        if outside_transaction(statement) is None and keywords(statement, 1) not in (("CALL",), ("DO",)):
            ran, sent, _ = self.migrating.attempts(
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
        budget = self.migrating.budget(self.entry.name)
        index = built_index(statement)
        text = statement.text
        while True:
            if index is not None and self.clear(index, budget):
                return
            if keywords(statement, 1) == ("REINDEX",):
                self.clear_leftovers()
            self.name_those_waited_for(index)
            self.settings(budget)
            with self.migrating.watch.over(None, self.progress_teller()):
                ran = self.migrating.interruptible(self.entry.name, text, self.verdict)
            if ran.error is None or self.had_finished(statement, ran):
                return
            if (rest := detach_to_finish(statement, ran)) is not None and rest != text:
                text = rest
                continue
            self.judge(statement, ran, budget)

    def had_finished(self, statement: Statement, ran: Ran) -> bool:
        """Whether the run that stopped had come to the end of this statement, and not to its entry in the ledger."""
        error = ran.error
        if not self.resuming or not isinstance(error, DatabaseError):
            return False
        detach = "DETACH" in keywords(statement, 12)
        return error.sqlstate == (_NOT_A_PARTITION if detach else _FINISHED_BEFORE.get(keywords(statement, 1)[0]))

    def judge(self, statement: Statement, ran: Ran, budget: Budget) -> None:
        """Returns when the statement may be tried again; raises otherwise."""
        error = ran.error
        if isinstance(error, ConnectionLostError):
            raise ConnectionLostError(error.message, details=self.verdict(), next_steps=[("go on", self.migrating.request.again)])
        assert isinstance(error, DatabaseError)
        if locks.retried(error) and budget.left > 0:
            self.migrating.wait_for_locks(self.entry.name, budget)
            return
        self.remember_failure()
        if locks.retried(error):
            raise self.migrating.blocked(self.entry.name, budget, self.verdict())
        offset = statement.start + error.position - 1 if error.position is not None else statement.start
        raise self.failed(Failure(error, self.file.reading, statement, min(offset, max(statement.start, statement.end - 1))))

    def remember_failure(self) -> None:
        """The state `failed` is for people; a run goes on from there as from any other stop."""
        try:
            self.database.rollback()
            self.database.script(self.texts.step(self.done, state="failed"))
        except ChatopsError:
            return

    def clear(self, index: Index, budget: Budget) -> bool:
        """Makes room for an index: what an earlier build left behind is dropped. True when the index is there already.

        Somebody else's build of the same index is waited for, not dropped.
        """
        while True:
            found = self.look(index)
            if found is None:
                return False
            if found.valid:
                return self.resuming
            if found.builder is None:
                break
            if budget.left <= 0:
                return False
            self.migrating.sleep(self.entry.name, random.uniform(0.1, 0.3))
        self.migrating.tell_note(self.entry.name, f"{found.name} is INVALID, left by a build that stopped: dropped, built again")
        self.settings(budget)
        ran = self.migrating.interruptible(self.entry.name, f"drop index concurrently if exists {found.name}", self.verdict)
        if ran.error is not None:
            if isinstance(ran.error, DatabaseError):
                self.remember_failure()
            raise ran.error
        return False

    def look(self, index: Index) -> IndexState | None:
        self.database.script(ledger.path_text(self.schema, local=False))
        values = {"table": index.table, "name": index.name}
        found = self.database.rows(IndexState, sqlfiles.read("queries/index_state.sql"), values)
        return found[0] if found else None

    def clear_leftovers(self) -> None:
        self.database.script(ledger.path_text(self.schema, local=False))
        for (name,) in self.database.tuples(sqlfiles.read("queries/index_leftovers.sql")):
            self.migrating.tell_note(self.entry.name, f"{name} is INVALID, left by a REINDEX that stopped: dropped")
            self.database.script(f"drop index concurrently if exists {name}")

    def name_those_waited_for(self, index: Index | None) -> None:
        if index is None:
            return
        found = self.database.rows(Blocker, sqlfiles.read("queries/index_waits.sql"))
        for blocker in found:
            self.migrating.tell_note(self.entry.name, f"will wait for {blocker}")

    def settings(self, budget: Budget) -> None:
        """For the session, not for a transaction: the statement to come stands alone."""
        run = self.migrating.run
        timeout = self.migrating.request.statement_timeout or "0"
        texts = ledger.settings_texts(
            self.schema, run, lock_timeout_ms=max(1, int(budget.left * 1000)), statement_timeout=timeout, local=False
        )
        self.database.script("; ".join(texts))

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
                self.migrating.tell_note(self.entry.name, said)

        return tell
