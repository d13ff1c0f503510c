"""Several files as one request, each a transaction of its own: what is sent, how far it came, and which of them stopped it."""

from __future__ import annotations

import copy
import itertools
import operator
import re
import time
from collections.abc import Callable, Sequence

from chatops import __version__, db, sqlfiles
from chatops.db import Database, Ran
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.events import StepBegun, Tell
from chatops.migrations.ledger import Run
from chatops.migrations.plan import Entry, listed
from chatops.migrations.source import MigrationFile
from chatops.migrations.transaction import Transaction

MOST_TOGETHER, MOST_TOGETHER_CHARACTERS = 8, 100_000
SILENT_S = 1.0
"""How long several files may be under way before it is said which one runs."""
_TOUCHES_PREPARED = re.compile(r"\b(?:prepare|deallocate|discard)\b", re.IGNORECASE)
NOT_PREPARED = ("26000", "0A000")
"""It is gone, or answers in another way than it did: a file was at it."""


@frozen
class Request:
    """Files that go together: their transactions, all of them as one text, and the numbers of the files' own statements in it."""

    entries: Sequence[Entry]
    transactions: Sequence[Transaction]
    text: str
    heard: set[int]

    @property
    def names(self) -> list[str]:
        """What the files are called."""
        return [entry.name for entry in self.entries]

    @classmethod
    def of(cls, entries: Sequence[Entry], transactions: Sequence[Transaction]) -> Request:
        """What is sent for these."""
        return cls(entries, transactions, as_one_request(transactions), heard_of(transactions))

    def is_for(self, entries: Sequence[Entry]) -> bool:
        """Whether it is what would be sent for these, as they were read."""
        return len(self.entries) == len(entries) and all(map(operator.is_, self.entries, entries))


def fits(entry: Entry) -> bool:
    """Whether a file may go with others: one transaction, of which nothing is known, that leaves alone what is prepared."""
    reading = entry.file.reading if entry.file is not None else None
    return (
        reading is not None and reading.mode == "transaction" and entry.row is None
        and not any(statement.copy_data for statement in reading.statements) and not _TOUCHES_PREPARED.search(reading.sent)
    )  # fmt: skip


def begun_text(schema: str, file: MigrationFile, run: Run, *, run_known: bool = False) -> str:
    """Takes the migrators' lock, expects that nothing is known of the file and records it with its run, all in one statement."""
    return row_text(schema, file.source, run, *row_of(file), run_known=run_known)


def row_of(file: MigrationFile) -> tuple[object, object, object, object]:
    """What differs from file to file in that statement: name, number, checksum and the digests of its statements."""
    digests = None if file.digests is None else db.json(list(file.digests))
    return file.name, ledger.stored(file.number), file.checksum, digests


def row_text(
    schema: str, source: str, run: Run, name: object, number: object, checksum: object, digests: object, *, run_known: bool
) -> str:
    """The same of values, or of the places of an EXECUTE's."""
    values = {
        "run_id": run.id, "command": run.annotations.get("chatops.command") or run.command, "chatops_version": __version__,
        "run_known": run_known, "schema_is_needed": ledger.needs_schema(schema, source), "target_schema": schema,
        "lock_class": ledger.LOCK_CLASS, "lock_object": ledger.lock_object(schema), "source": source, "name": name,
        "number": number, "checksum": checksum, "git_revision": run.revision, "statements": digests,
    }  # fmt: skip
    return db.inlined(sqlfiles.read("queries/ledger_begin_of_many.sql"), values)


def teller_of(schema: str, source: str, names: Sequence[str], tell: Tell) -> Callable[[Database], None]:
    """What the watching connection is asked: which of a request's files runs, when it takes long."""
    began = time.monotonic()
    said: int | None = None
    values = {"target_schema": schema, "source": source, "names": list(names)}

    def ask(watching: Database) -> None:
        nonlocal said
        if time.monotonic() - began < SILENT_S:
            return
        done = int(watching.value(sqlfiles.read("queries/ledger_in.sql"), values))
        if done != said and done < len(names):
            said = done
            before = "" if not done else f"{listed(names[:done])} in, "
            tell(StepBegun(names[done], done + 1, len(names), f"{before}this one runs"))

    return ask


def as_one_request(transactions: Sequence[Transaction]) -> str:
    """Several as one request: the first that fails takes those behind it with it."""
    return "".join(one.text for one in transactions)


def heard_of(transactions: Sequence[Transaction]) -> set[int]:
    """The numbers, in one request, of the statements that are files' own."""
    found: set[int] = set()
    before = 0
    for one in transactions:
        found |= {before + at for at in one.heard}
        before += len(one.parts)
    return found


def finished_in(transactions: Sequence[Transaction], ran: Ran) -> int:
    """How many of a request came to their commit."""
    ends = itertools.accumulate(len(one.parts) for one in transactions)
    return sum(end <= len(ran.tags) for end in ends)


def committed(transactions: Sequence[Transaction], ran: Ran) -> list[tuple[Transaction, Ran]]:
    """Those of a request that came to their commit, each with what the server said of it."""
    found, at = [], 0
    for one in transactions[: finished_in(transactions, ran)]:
        end = at + len(one.parts)
        found.append((one, ran.part(at, end)))
        at = end
    return found


def stopped_at(transactions: Sequence[Transaction], ran: Ran, finished: int) -> tuple[int, Ran]:
    """Which transaction of a request failed after the first `finished`, and how far it came, as if it had been sent alone."""
    error = ran.error
    assert isinstance(error, DatabaseError)
    done = sum(len(one.parts) for one in transactions[:finished])
    at, before = finished, sum(len(one.text) for one in transactions[:finished])
    if error.position is not None:
        at, before = 0, 0
        while at + 1 < len(transactions) and error.position - 1 >= before + len(transactions[at].text):
            before += len(transactions[at].text)
            at += 1
        position = error.position - before
        error = copy.copy(error)
        error.position = position
    return at, ran.part(done, error=error)


def refused_at_once(one: Transaction, ran: Ran) -> bool:
    """Whether a transaction stopped at what stands before its file's own statements: why, is told where it goes by itself.

    So does one that took away what was prepared for all.
    """
    if one.failure(ran).statement is not None:
        return False
    gone = isinstance(ran.error, DatabaseError) and ran.error.sqlstate in NOT_PREPARED
    return gone or len(ran.tags) < min(one.heard, default=0)
