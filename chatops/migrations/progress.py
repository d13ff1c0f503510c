"""What a run knows of itself: the plan as it stands now, what is in, and the words for it when it stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chatops import formatting
from chatops.errors import ConflictError
from chatops.migrations import locks
from chatops.migrations.events import Done, Note, StepBegun, Tell
from chatops.migrations.failure import ALREADY_THERE, MigrationFailedError
from chatops.migrations.heard import Said, by_kind
from chatops.migrations.lock_modes import in_words
from chatops.migrations.locks import Budget, Watch
from chatops.migrations.plan import Entry, listed, short, taking_over, told_apart
from chatops.migrations.prepare import MigrationRequest, Prepared
from chatops.migrations.source import SHIPPED
from chatops.migrations.transaction import Failure

MOST_BLOCKERS = 5
MOST_HEARD = 10
LONGEST_STEP = 100
"""Columns of a statement that runs: the name of what it makes stands in them."""
# By SQLSTATE, where the statement itself is right and only the transaction around it is not.
WAYS_OUT = {
    "2D000": ["it commits or rolls back by itself: put -- chatops: no-transaction at the head of the file"],
    "25001": ["it cannot run inside a transaction: put -- chatops: no-transaction at the head of the file"],
}


class Progress:
    """The plan of one run as it stands now, and what has become of its files."""

    def __init__(self, prepared: Prepared, request: MigrationRequest, tell: Tell) -> None:
        self.now = prepared
        self.request = request
        self.tell = tell
        self.done: list[Done] = []
        self.by_others: list[str] = []
        self.lost: list[str] = []
        """Files that had gone in, and went out again with a server that crashed."""
        self.heard: list[Said] = []
        """What the server has said in the file that runs."""
        self.told: list[Said] = []

    def finish(self, entry: Entry, done: Done) -> None:
        """Notes a file as done, in what this run knows of the ledger."""
        self.tell_done(done)
        self.advance(1)

    def advance(self, files: int) -> None:
        """Takes the first files of the plan for done; what is to be said of them may come later."""
        self.now = replace(self.now, plan=replace(self.now.plan, apply=self.now.plan.apply[files:]))
        self.ledger_made()

    def tell_done(self, done: Done) -> None:
        """Tells that a file is in, with what the server said meanwhile."""
        self.done.append(done)
        self.tell(done)
        self.say()

    def hear(self, said: Sequence[Said]) -> None:
        """Keeps what the server has said in the file that runs, each kind once: a batch may say the same a thousand times."""
        if said:
            self.heard = by_kind([*self.heard, *said])

    def say(self) -> None:
        """Tells what the server has said in the file that is in now."""
        for one in self.heard:
            self.told.append(one)
            self.tell(one)
        self.heard.clear()

    def ledger_made(self) -> None:
        """Notes that the bookkeeping exists now."""
        if self.now.ledger.exists:
            return
        facts = replace(self.now.ledger.facts, has_ledger=True)
        self.now = replace(self.now, ledger=replace(self.now.ledger, facts=facts))

    def tell_step(self, name: str, number: int, of: int, text: str) -> None:
        """A statement of a file that is not one transaction begins, or has come further."""
        self.tell(StepBegun(name, number, of, formatting.excerpt(text, LONGEST_STEP)))

    def tell_note(self, name: str, text: str) -> None:
        """Progress of a file for a person who waits."""
        self.tell(Note(name, text))

    def failure(self, name: str, failure: Failure, verdict: list[str] | None = None) -> MigrationFailedError:
        """A statement that stopped a file, with what is in and what is not."""
        steps = []
        state = failure.error.sqlstate or ""
        if state in ALREADY_THERE and not self.now.ledger.knows(self.now.folder.source):
            adopt = taking_over(self.request.adopt, self.now.folder.source, self.request.to)
            steps.append(("take the database over", adopt))
        if state == "57014":
            steps.append(("without a limit", f"{self.request.again} --statement-timeout 0s"))
        if state.startswith("23") and self.now.folder.source == SHIPPED:
            steps.append(("which rows", self.request.diagnose))
        details = [
            *heard_before(self.heard),
            *WAYS_OUT.get(state, ()),
            *(verdict or self.verdict(name, "was rolled back")),
        ]
        return MigrationFailedError(failure, name, details, [*steps, ("again", self.request.again)])

    def blocked(self, name: str, budget: Budget, watch: Watch, verdict: list[str] | None = None) -> ConflictError:
        """The budget is spent: who was in the way, and the SQL that would end them."""
        blockers = locks.culprits(watch.blockers or budget.seen)
        lines = [
            f"waits for {blocker.waits_for} ({in_words(blocker.mode)}), held by {blocker}" for blocker in blockers[:MOST_BLOCKERS]
        ]
        if len(blockers) > MOST_BLOCKERS:
            lines.append(f"and by {len(blockers) - MOST_BLOCKERS} more")
        if not lines:
            lines = [f"who is in the way could not be seen: {watch.unseen}"] if watch.unseen else []
        return ConflictError(
            f"{name}: a lock was not had within {formatting.duration(budget.max_wait)},"
            f" in {formatting.plural(budget.attempt, 'attempt')}",
            details=[*lines, *(verdict or self.verdict(name, "is not in"))],
            next_steps=[*self.ending([blocker.number or blocker.pid for blocker in blockers]), ("again", self.request.again)],
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
        called = told_apart([name, *files, *rest, *self.lost])
        parts = [f"{called(name)} {what}"]
        if files:
            parts.append(
                f"{listed(files, called)} {'is' if len(files) == 1 else 'are'} in and {'stays' if len(files) == 1 else 'stay'} in"
            )
        if self.lost:
            parts.append(
                f"{listed(self.lost, called)} had gone in and went out again with the server: the next run applies them anew"
            )
        parts.append(
            f"{listed(rest, called)} {'was' if len(rest) == 1 else 'were'} not tried" if rest else "nothing else was tried"
        )
        return [*self.effects(files, name, rest), "; ".join(parts) + "."]

    def effects(self, files: Sequence[str], name: str, rest: Sequence[str]) -> list[str]:
        """The effects that are in force and those that are not, for people."""
        effect = {entry.name: entry.effect for entry in self.now.plan.entries}
        lines = [f"in:      {short(one)}  {effect[one]}" for one in files if effect.get(one)]
        return lines + [f"not in:  {short(one)}  {effect[one]}" for one in (name, *rest) if effect.get(one)]


def heard_before(heard: Sequence[Said]) -> list[str]:
    """What the server had said in a file before it failed, for the log of the failure."""
    lines = [f"said before:  {one.file}:{one.line}  {one.severity}  {one.message}" for one in heard]
    return formatting.first_lines(lines, MOST_HEARD)
