"""A file that says `-- chatops: repairs`: the repairs of the package in their order, each found once and mended in batches."""

from __future__ import annotations

import random
import time

from chatops import cluster_log, formatting
from chatops.db import Ran
from chatops.errors import DatabaseError
from chatops.migrations import locks
from chatops.migrations.attempts import Attempts
from chatops.migrations.batches import BATCH_LOCK_TIMEOUT_MS, CUT_BATCH_MS, ELAPSED, MOST_CUTS, Batches, batch_settings
from chatops.migrations.plan import Entry
from chatops.migrations.transaction import Failure
from chatops.repairs import texts
from chatops.repairs.rounds import Round
from chatops.repairs.texts import Repair

MARKED = "set local chatops.write = 'function'"
"""The mark by which the guards know a migration, where it must reach the workers."""
BUSY_S = 10.0
"""How long the rows that somebody else holds are asked for again."""
SILENT_S = 2.0

FILLS = ("020_fill_queue_clocks", "QUEUE012")
"""The file and the code whose rows were not wrong: their columns are new."""


class Repairs(Batches):
    """Every repair of a file, from the first one on also where a run before it stopped: what is mended is not found again."""

    def __init__(self, attempts: Attempts, entry: Entry) -> None:
        super().__init__(attempts, entry)
        self.repairs = texts.chosen(self.file.reading.repairs or ())
        self.last = 0
        """Rows of the batch before, which the next transaction records."""

    def all(self) -> int:
        self.begin()
        if self.done:
            self.note(self.texts.step(0))
            self.done = 0
        for repair in self.repairs:
            self.carry_out(repair)
            self.note(self.texts.step(self.done + 1, self.last))
            self.done, self.last = self.done + 1, 0
        self.note(self.texts.end())
        return self.rows

    def carry_out(self, repair: Repair) -> None:
        """Finds and mends until nothing is found, or what is left is busy."""
        while True:
            round_ = Round.of(self.find(repair))
            found = len(round_.found)
            if not found:
                return
            left = self.go_through(repair, round_)
            fills = (self.entry.name, repair.code) == FILLS
            done = "filled in" if fills else "mended"
            self.filled += round_.mended if fills else 0
            said = f"{repair.code}: {formatting.plural(round_.mended, 'row')} {done}"
            if left:
                said += f", {formatting.count(left)} left for chatops repair {repair.code}: busy with somebody else"
            self.progress.tell_note(self.entry.name, said)
            if found < texts.MOST_FOUND or not round_.mended:
                return

    def find(self, repair: Repair) -> str | None:
        """What is wrong, as one text; read without a lock on any row."""
        query = texts.found_text(repair.finding())
        ran, _, _ = self.attempts.send(
            self.entry.name,
            lambda budget: self.texts.transaction(
                [query], None, [], expected=self.expected, lock_timeout_ms=budget.deadline_ms, more=texts.FIND_SETTINGS
            ),
            verdict=self.verdict,
        )
        return ran.firsts[-2] if ran is not None else None

    def go_through(self, repair: Repair, round_: Round) -> int:
        """Batch after batch, and what was busy again for a while; how many rows are left."""
        reported = time.monotonic()
        until = reported + BUSY_S
        self.cuts = 0
        slow = 0
        while True:
            while round_.found:
                self.attempts.budgets.pop(self.entry.name, None)  # every batch may wait anew
                rows = round_.take()
                if not self.one_batch(repair, round_, rows):
                    slow += self.give_back(round_, rows)
                if time.monotonic() - reported > SILENT_S:
                    reported = time.monotonic()
                    said = f"{repair.code}: {formatting.plural(round_.mended, 'row')} so far"
                    self.progress.tell_step(self.entry.name, self.done + 1, len(self.repairs), said)
            if not round_.busy or time.monotonic() > until:
                return len(round_.busy) + slow
            self.attempts.sleep(self.entry.name, random.uniform(0.1, 0.3))
            round_.again()

    def one_batch(self, repair: Repair, round_: Round, rows: list[str]) -> bool:
        """Mends some rows; False when that kept its locks for too long, and was rolled back."""
        if self.attempts.run.tenant:
            return self.one_batch_in_cluster(repair, round_, rows)
        statement = repair.mending(rows)
        ran, _, _ = self.attempts.send(
            self.entry.name,
            lambda budget: self.texts.transaction(
                # The ledger comes last: until a row is locked the transaction has no id, by which its locks are told.
                [statement], None, [ELAPSED, self.texts.step(self.done, self.last)], expected=self.expected,
                lock_timeout_ms=BATCH_LOCK_TIMEOUT_MS, more=[batch_settings(self.database.facts, round_.size)],
            ),
            verdict=self.verdict,
            deadline_ms=BATCH_LOCK_TIMEOUT_MS,
            longest_hold_ms=CUT_BATCH_MS,
        )  # fmt: skip
        if ran is None or ran.error is not None:
            return False
        self.last = self.told(round_, ran)
        self.rows += self.last
        self.cuts = 0
        return True

    def one_batch_in_cluster(self, repair: Repair, round_: Round, rows: list[str]) -> bool:
        """The same on a tenant of a Citus cluster: change and log are two statements of one transaction."""
        started = time.monotonic()
        head = self.texts.transaction([], None, [], expected=self.expected, lock_timeout_ms=BATCH_LOCK_TIMEOUT_MS, more=[MARKED])
        try:
            ran = self.database.run_apart([part.text for part in head.parts[:-1]])
            if ran.error is not None:
                raise ran.error
            answer = cluster_log.mend(self.database, repair.code, repair.mend, rows)
            self.database.execute(self.texts.step(self.done, self.last))
            self.database.execute("commit")
        except DatabaseError as error:
            self.database.rollback()
            if locks.retried(error):
                return False
            raise self.failed(Failure(error, self.file.reading, None, None)) from None
        self.last = round_.done(answer, (time.monotonic() - started) * 1000)
        self.rows += self.last
        self.cuts = 0
        return True

    def told(self, round_: Round, ran: Ran) -> int:
        return round_.done(str(ran.firsts[-4]), float(ran.firsts[-3] or 0) - self.attempts.watch.free_ms)

    def give_back(self, round_: Round, rows: list[str]) -> int:
        """Makes the batches smaller; 1 for a single row that cannot be mended in time, which is left alone."""
        if len(rows) > 1:
            round_.size = max(1, len(rows) // 4)
        else:
            self.cuts += 1
            if self.cuts == MOST_CUTS:
                self.cuts = 0
                return 1
            self.attempts.sleep(self.entry.name, random.uniform(0.1, 0.3))
        round_.give_back(rows)
        return 0

    def verdict(self) -> list[str]:
        """What became of this file when it stopped."""
        code = self.repairs[min(self.done, len(self.repairs) - 1)].code
        mended = f", {formatting.plural(self.rows, 'row')} mended" if self.rows else ""
        stays = "; what is mended stays" if self.rows else ""
        at = f"{self.entry.name} stopped at repair {code}, {self.done + 1} of {len(self.repairs)}"
        return [f"{at}{mended}{stays}. The next run goes on there."]
