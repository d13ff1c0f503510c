"""The log of actions: what is written into it, in the transaction that acts, and how it is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from chatops import cluster, cluster_log, sqlfiles
from chatops.db import Database
from chatops.errors import RefusedError
from chatops.provenance import Provenance

# A batch names its rows by key. Dead rows pile up during a run and mislead the planner, so it may only read by key.
BY_KEY = {"enable_seqscan": "off", "enable_mergejoin": "off", "random_page_cost": "1.1"}


@contextlib.contextmanager
def acting(
    database: Database, provenance: Provenance, *, reason: str | None = None, plan_id: UUID | None = None, rehearsal: bool = False
) -> Iterator[Database]:
    """One writing transaction whose log rows know who acts and why; rolled back at the end of a rehearsal."""
    with database.acting(rollback=rehearsal):
        # Instants are kept as text inside jsonb: one zone, whoever reads them.
        # This tells the guards that we keep state, holder, assignment and heartbeat consistent ourselves.
        known = provenance.annotations(reason=reason, plan_id=plan_id)
        database.annotate({**known, "timezone": "UTC", "chatops.write": "function", **BY_KEY})
        cluster.stay(database)
        yield database


def require(database: Database, adopt: str) -> None:
    """Raises RefusedError when there is no log to write into; `adopt` is the command that makes one. Inside a transaction."""
    if database.facts is not None and not database.facts.has_bookkeeping:
        raise RefusedError(
            "this database has no schema chatops: what was done could not be logged; nothing was changed",
            next_steps=[("make the log", adopt), ("or go without", "the same command with --no-audit")],
        )
    if hidden := database.hidden_among("chatops.actions"):
        raise database.rows_hidden(hidden)


def statement(database: Database, file: str, *, logged: bool = True) -> str:
    """A query in its form for this database; not `logged`, what it logs goes into a table of its transaction (`stand_in`)."""
    text = sqlfiles.query(file, before_018=database.facts is None or not database.facts.has_queue_clocks)
    return text if logged else sqlfiles.without_log(text)


def carry_out(database: Database, file: str, parameters: Mapping[str, object], *, logged: bool = True) -> list[tuple[Any, ...]]:
    """The rows of a query that changes something, in its form for this database, what it logs included."""
    return cluster_log.carry_out(database, statement(database, file, logged=logged), parameters)


def stand_in(database: Database) -> None:
    """Makes the table that takes the place of the log in this transaction, where nothing is to be logged."""
    database.execute(sqlfiles.read("queries/repair_standin.sql"))


def array(values: Iterable[UUID | int | bool | None]) -> str:
    """Ids, numbers or flags as an array literal, which the driver sends far quicker than a list.

    >>> array([1, None, True])
    '{1,NULL,True}'
    """
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def texts(values: Iterable[str | None]) -> str:
    r"""Texts as an array literal: in a list the driver looks at each character of each, which takes ten times as long.

    >>> print(texts(['{"a": "b\\c"}', "NULL", "", None]))
    {"{\"a\": \"b\\c\"}","NULL","",NULL}
    """
    return "{" + ",".join("NULL" if value is None else _quoted(value) for value in values) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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
