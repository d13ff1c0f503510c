"""Waiting for what another session does, by looking at the server, never at the clock alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg

from tests.servers import pause

Connection = psycopg.Connection[tuple[Any, ...]]


ADVISORY = """select count(*) from pg_locks where locktype = 'advisory'
   and database = (select oid from pg_database where datname = current_database())"""
"""How many advisory locks are held on this database: other tests hold theirs on the same server."""


def wait_for(condition: Callable[[], object], what: str, timeout: float = 60) -> None:
    """Looks again and again until the condition is truthy; fails with `what` did not happen.

    The condition is one that stays: what comes and goes may have gone between two looks.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s")
        pause()


def blocking_pids(connection: Connection, pid: int) -> list[int]:
    """The sessions that the session `pid` waits for; empty when it waits for no lock."""
    row = connection.execute("select pg_blocking_pids(%s)", (pid,)).fetchone()
    assert row is not None
    return list(row[0])


def wait_until_blocked(connection: Connection, pid: int, timeout: float = 60) -> None:
    """Returns when the session `pid` waits for another session's lock."""
    wait_for(lambda: blocking_pids(connection, pid), f"session {pid} waits for a lock", timeout)


def sessions(connection: Connection, condition: str = "true") -> list[int]:
    """The other client sessions on this database for which a condition on pg_stat_activity holds."""
    statement = f"""select pid from pg_stat_activity
        where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
          and ({condition})
        order by pid"""
    return [row[0] for row in connection.execute(statement)]


def wait_until_somebody_is_blocked(connection: Connection, timeout: float = 60) -> int:
    """The first other session on this database that waits for a lock, such as a command in a process of its own."""
    found: list[int] = []

    def look() -> bool:
        found[:] = sessions(connection, "cardinality(pg_blocking_pids(pid)) > 0")
        return bool(found)

    wait_for(look, "some session waits for a lock", timeout)
    return found[0]


def wait_until_gone(connection: Connection, pid: int, timeout: float = 60) -> None:
    """Returns when the session `pid` has ended."""
    wait_for(lambda: pid not in sessions(connection), f"session {pid} ends", timeout)
