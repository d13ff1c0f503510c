"""The log of actions: what is written into it, in the transaction that acts, and how it is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from uuid import UUID

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import RefusedError
from chatops.provenance import Provenance

_LAST_LINE = "\nselect null::bigint as action_id"


@contextlib.contextmanager
def acting(
    database: Database, provenance: Provenance, *, reason: str | None = None, plan_id: UUID | None = None, rehearsal: bool = False
) -> Iterator[Database]:
    """One writing transaction whose log rows know who acts and why; rolled back at the end of a rehearsal."""
    with database.acting(rollback=rehearsal):
        # Instants are kept as text inside jsonb: one zone, whoever reads them.
        # The mark of those who keep state, holder, assignment and heartbeat together: the guards let them.
        known = provenance.annotations(reason=reason, plan_id=plan_id)
        database.annotate({**known, "timezone": "UTC", "chatops.write": "function"})
        yield database


def require(database: Database, adopt: str) -> None:
    """Raises RefusedError when there is no log to write into; `adopt` is the command that makes one. Inside a transaction."""
    if database.facts is not None and not database.facts.has_bookkeeping:
        raise RefusedError(
            "this database has no schema chatops: what was done could not be logged; nothing was changed",
            next_steps=[("make the log", adopt), ("or go without", "the same command with --no-audit")],
        )


def statement(database: Database, file: str, *, logged: bool | None = None) -> str:
    """A query in its form for this database; when `logged`, with the log row written by the same statement.

    Lines that end in `-- since 018` need the queue's clocks, and `-- before 018` stand in for them.
    """
    clocks = database.facts is not None and database.facts.has_queue_clocks
    left_out = "-- before 018" if clocks else "-- since 018"
    text = "\n".join(line for line in sqlfiles.read(file).splitlines() if not line.rstrip().endswith(left_out))
    if not logged:
        return text
    head, found, _ = text.rpartition(_LAST_LINE)
    if not found:
        raise ValueError("the query does not end in `select null::bigint as action_id … from result`")
    return f"{head}\n{sqlfiles.read('queries/actions_record.sql')}"


def other_columns(database: Database) -> list[str]:
    """The columns of chats that the log does not keep. Inside a transaction."""
    found: list[str] = database.value(sqlfiles.read("queries/move_known_columns.sql"))
    return found


Attempt = tuple[UUID | None, UUID | None, str, str | None]


def record_failures(database: Database, action: str, attempts: Sequence[Attempt]) -> None:
    """Logs attempts that changed nothing: chat, operator, outcome (refused, moved, failed), why. Inside a transaction."""
    if not attempts:
        return
    chats, operators, outcomes, details = zip(*attempts, strict=True)
    parameters = {"action": action, "chats": list(chats), "operators": list(operators), "outcomes": list(outcomes),
                  "details": list(details)}  # fmt: skip
    database.execute(sqlfiles.read("queries/actions_refuse.sql"), parameters)


def done_before(database: Database, plan_id: UUID) -> set[UUID]:
    """The chats of a plan that the log says are done. Inside a transaction."""
    return {row[0] for row in database.tuples(sqlfiles.read("queries/actions_done.sql"), {"plan_id": plan_id})}
