"""A refusal that a test of ours brings about is taken back from the guards' counters, which no rollback reaches."""

from __future__ import annotations

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError

COUNTERS = {"no longer holds chat": "refusals_late_reply", "is working on another chat": "refusals_operator_busy"}
"""Which counter counted a refusal, by what its message says."""
REFUSED = "55000"


def take_back(database: Database, refusal: DatabaseError) -> bool | None:
    """Inside a transaction, after the rollback to a savepoint: whether the refusal is not counted any more; None: it never was.

    Raises ConnectionLostError.
    """
    counter = next((name for words, name in COUNTERS.items() if words in refusal.message), None)
    if refusal.sqlstate != REFUSED or counter is None:
        return None
    database.execute("savepoint chatops_counter")
    try:
        if database.facts is not None and database.facts.distributed:
            there = database.tuples(sqlfiles.read("queries/citus_refusal_take_back.sql"), {"counter": counter})
            return any(taken for (taken,) in there)
        database.execute(sqlfiles.read("queries/refusal_lock.sql"))
        return bool(database.tuples(sqlfiles.read("queries/refusal_take_back.sql"), {"counter": counter}))
    except ConnectionLostError:
        raise
    except DatabaseError:
        return False
    finally:
        if database.in_transaction:
            database.execute("rollback to savepoint chatops_counter; release savepoint chatops_counter")
