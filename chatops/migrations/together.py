"""Several files as one request, each a transaction of its own: what is sent, how far it came, and which of them stopped it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from chatops import __version__, db, sqlfiles
from chatops.db import Ran
from chatops.errors import DatabaseError
from chatops.migrations import ledger
from chatops.migrations.ledger import Run
from chatops.migrations.source import MigrationFile
from chatops.migrations.transaction import Transaction

MOST_TOGETHER, MOST_TOGETHER_CHARACTERS = 8, 100_000


def begun_text(schema: str, file: MigrationFile, run: Run, *, run_known: bool = False) -> str:
    """Takes the migrators' lock, expects that nothing is known of the file and records it with its run, all in one statement."""
    values = {
        "run_id": run.id, "command": run.annotations.get("chatops.command") or run.command, "chatops_version": __version__,
        "run_known": run_known, "schema_is_needed": ledger.needs_schema(schema, file.source), "target_schema": schema,
        "lock_class": ledger.LOCK_CLASS, "lock_object": ledger.lock_object(schema), "source": file.source, "name": file.name,
        "number": ledger.stored(file.number), "checksum": file.checksum, "git_revision": run.revision,
        "statements": None if file.digests is None else db.json(list(file.digests)),
    }  # fmt: skip
    return db.inlined(sqlfiles.read("queries/ledger_begin_of_many.sql"), values)


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


def committed(transactions: Sequence[Transaction], ran: Ran) -> list[tuple[Transaction, Ran]]:
    """Those of a request that came to their commit, each with what the server said of it."""
    found, at = [], 0
    for one in transactions:
        end = at + len(one.parts)
        if end > len(ran.tags):
            break
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
    """Whether a transaction stopped at what stands before its file's own statements: why, is told where it goes by itself."""
    return one.failure(ran).statement is None and len(ran.tags) < min(one.heard, default=0)
