"""A batched file: each statement in transactions of its own, again and again until it reports 0 rows."""

from __future__ import annotations

import random
import time

from chatops import formatting
from chatops.db import Facts, Ran
from chatops.errors import DatabaseError, RefusedError, UnreachableError
from chatops.migrations.heard import RESULT
from chatops.migrations.scanner import Statement
from chatops.migrations.statements import BOUND_HINT, mentions_batch_size
from chatops.migrations.steps import Steps
from chatops.migrations.transaction import Failure, Transaction
from chatops.repairs.rounds import next_size

BATCH_LOCK_TIMEOUT_MS = 200
LONGEST_BATCH_MS = 200
# Looking, cancelling and rolling back take their time, too.
CUT_BATCH_MS = 150
FIRST_BATCH, LARGEST_BATCH = 100, 20_000
# A machine stalls now and then: a batch that cannot be made smaller has some tries.
MOST_CUTS = 5
CHECKS_ITS_CLIENT = 140_000
LOOKS_FOR_CLIENT = "100ms"
ELAPSED = "select 1000::float8 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.now())"
"""How long a batch has taken by the server's clock, in ms."""


class Batches(Steps):
    """Each statement in transactions of its own, again and again until it reports 0 rows.

    No batch keeps locks of rows for longer than LONGEST_BATCH_MS: the second connection ends one that does, and it is tried
    again with fewer rows.
    """

    def begin(self) -> None:
        try:
            self.attempts.watch.open()
        except UnreachableError as error:
            raise UnreachableError(
                f"{self.entry.name} goes in by batches, which a second connection watches, and that could not be had: "
                f"{error.message}",
                details=[*error.details, *self.progress.verdict(self.entry.name, "was not begun")],
                next_steps=[("again", self.progress.request.again)],
            ) from None
        super().begin()

    def one(self, statement: Statement) -> None:
        self.size = FIRST_BATCH
        self.cuts = 0
        reported = time.monotonic()
        last = 0
        while True:
            self.attempts.budgets.pop(self.entry.name, None)  # every batch may wait anew
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
                self.progress.tell_step(
                    self.entry.name, self.done + 1, len(self.statements), f"{formatting.plural(self.rows, 'row')} so far"
                )
        # What a batch answers is for the runner: how many rows it changed.
        self.progress.heard = [one for one in self.progress.heard if one.severity != RESULT]
        self.note(self.texts.step(self.done + 1))
        self.done += 1

    def batch(self, statement: Statement, before: int) -> tuple[Ran | None, Transaction]:
        ran, sent, _ = self.attempts.send(
            self.entry.name,
            lambda budget: self.texts.transaction(
                # The ledger comes last: until the statement locks a row, the transaction has no id, by which its locks are told.
                [], statement, [ELAPSED, self.texts.step(self.done, before)], expected=self.expected,
                lock_timeout_ms=BATCH_LOCK_TIMEOUT_MS, more=[batch_settings(self.database.facts, self.size)],
            ),
            verdict=self.verdict,
            deadline_ms=BATCH_LOCK_TIMEOUT_MS,
            longest_hold_ms=CUT_BATCH_MS,
        )  # fmt: skip
        if ran is not None and ran.error is None:
            self.size = next_size(self.size, float(ran.firsts[-3] or 0) - self.attempts.watch.free_ms, LARGEST_BATCH)
        return ran, sent

    def shrink(self, statement: Statement) -> None:
        """After a batch that kept its locks for too long. Raises MigrationFailedError where fewer rows cannot be had."""
        sized = mentions_batch_size(statement)
        if sized and self.size > 1:
            self.size = max(1, self.size // 4)
            return
        self.cuts += 1
        if self.cuts < MOST_CUTS:
            self.attempts.sleep(self.entry.name, random.uniform(0.1, 0.3))
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


def batch_settings(facts: Facts | None, size: int) -> str:
    """What a batch begins with.

    The guards of chats tell by the mark that a migration writes, and not the application. By the last setting the server looks
    after the client, without whom nobody would end a batch.
    """
    text = (
        f"select pg_catalog.set_config('chatops.batch_size', '{size}', true),"
        " pg_catalog.set_config('chatops.write', 'function', true)"
    )
    if facts is not None and facts.version_number >= CHECKS_ITS_CLIENT:
        text += f", pg_catalog.set_config('client_connection_check_interval', '{LOOKS_FOR_CLIENT}', true)"
    return text


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
