"""A file that cannot be one transaction: its statements one after the other; what is finished stays, a re-run goes on there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.db import Database
from chatops.later import later
from chatops.migrations import ledger
from chatops.migrations.attempts import Attempts
from chatops.migrations.failure import MigrationFailedError
from chatops.migrations.plan import Entry
from chatops.migrations.scanner import Statement
from chatops.migrations.source import SHIPPED
from chatops.migrations.step_texts import StepTexts
from chatops.migrations.transaction import FRESH_SESSION, Failure

if TYPE_CHECKING:  # most runs hold none of these
    from chatops.migrations import batches, outside, repair_steps
else:
    batches, outside = later("chatops.migrations.batches"), later("chatops.migrations.outside")
    repair_steps = later("chatops.migrations.repair_steps")


def steps_of(attempts: Attempts, entry: Entry, mode: str) -> Steps:
    """What carries out a file that is not one transaction, by its mode."""
    if mode == "batched":
        return batches.Batches(attempts, entry)
    return outside.Statements(attempts, entry) if mode == "statements" else repair_steps.Repairs(attempts, entry)


class Steps:
    """What such files share: the ledger row, there from the first statement on, and the way through the statements."""

    def __init__(self, attempts: Attempts, entry: Entry) -> None:
        assert entry.file is not None
        self.attempts = attempts
        self.progress = attempts.progress
        self.entry = entry
        self.file = entry.file
        self.schema = attempts.database.target.schema
        self.texts = StepTexts(entry, self.schema, attempts.run, self.progress.request.statement_timeout)
        self.statements = entry.file.reading.statements
        self.done = entry.row.steps_done if entry.row else 0
        self.resuming = entry.row is not None
        self.rows = 0
        self.filled = 0
        """Those of the rows with which nothing was wrong: their column was new."""
        self.unrecorded = 0  # rows that the ledger has not been told of yet
        self.took_ms: float | None = None  # how long all of it took, by the ledger, once it is in

    @property
    def database(self) -> Database:
        return self.attempts.database

    def all(self) -> int:
        self.begin()
        while self.done < len(self.statements):
            self.one(self.statements[self.done])
            self.resuming = False
        history = self.progress.now.history
        also = history.texts(self.file) if history is not None else []
        last = [self.texts.step(self.done, self.unrecorded), *also, self.texts.end()]
        self.send(last, expected=self.expected)
        return self.rows

    def begin(self) -> None:
        """Writes the ledger row, or takes it over from the run that stopped."""
        if self.file.source != SHIPPED:
            self.database.script(FRESH_SESSION)
        self.send(
            [self.texts.begin()], expected=ledger.expectation(self.entry.row), bookkeeping=not self.progress.now.ledger.exists
        )
        self.progress.ledger_made()

    @property
    def expected(self) -> str:
        """What the ledger must say for this run to be the one that goes on."""
        return self.texts.expected(self.done)

    def note(self, text: str) -> None:
        """One statement about the ledger row."""
        self.send([text], expected=self.expected)

    def send(self, texts: Sequence[str], *, expected: str, bookkeeping: bool = False) -> None:
        """Writes to the ledger under the migrators' lock, as soon as it is free."""
        ran, sent, _ = self.attempts.send(
            self.entry.name,
            lambda budget: self.texts.transaction(
                texts, None, [], expected=expected, lock_timeout_ms=budget.deadline_ms, bookkeeping=bookkeeping
            ),
            verdict=self.verdict,
        )
        self.took_ms = sent.recorded_ms(ran, self.texts.end())

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
        return self.progress.failure(self.entry.name, failure, self.verdict())
