"""What a reader could not see, and why: who holds the lock, what took too long, what is missing; never a zero in its place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime

from chatops import formatting, sqlfiles
from chatops.db import Database, identifier
from chatops.errors import ChatopsError, DatabaseError, LockTimeoutError, RefusedError, StatementTimeoutError
from chatops.frozen import frozen

MISSING = ("42P01", "42703", "42883", "3F000", "42704")
DENIED = "42501"


@frozen
class ReadBlocker:
    """A session that keeps readers from a table; what pg_stat_activity hides is None."""

    waits_for: str
    pid: int
    role: str | None
    application_name: str | None
    state: str | None
    backend_type: str | None
    xact_start: datetime | None
    query: str | None
    granted: bool
    now: datetime

    def __str__(self) -> str:
        names = [formatting.visible(name) for name in (self.application_name, self.role) if name]
        who = " of ".join(names) or self.backend_type or "hidden"
        if self.state is None:
            return f"pid {self.pid} {who}, and the server hides from this role what that does"
        query = f': "{formatting.shortened(self.query, 60)}"' if self.query else ""
        return f"pid {self.pid} {who}, {self.state} for {formatting.age(self.xact_start, self.now)}{query}"


@contextlib.contextmanager
def cannot_see(connect: Callable[[], Database], here: Callable[..., str]) -> Iterator[None]:
    """Says in words what kept the block from reading; `connect` makes a connection on which it is looked up."""
    try:
        yield
    except LockTimeoutError as error:
        raise _locked(connect, error) from None
    except StatementTimeoutError as error:
        raise RefusedError(f"this cannot be seen: the database took longer than allowed ({formatting.visible(error.message)})",
                           next_steps=[("what keeps it", here("diagnose"))]) from None  # fmt: skip
    except DatabaseError as error:
        if error.sqlstate in MISSING:
            raise RefusedError(f"this cannot be seen: {formatting.visible(error.message)}",
                               next_steps=[("what is missing", here("verify", "schema"))]) from None  # fmt: skip
        if error.sqlstate == DENIED:
            raise _denied(connect, error, here) from None
        raise


def _locked(connect: Callable[[], Database], error: LockTimeoutError) -> LockTimeoutError:
    found: list[ReadBlocker] = []
    with contextlib.suppress(ChatopsError):
        database = connect()
        asked = {"schema": database.target.schema}
        found = database.glance_at(ReadBlocker, sqlfiles.read("queries/read_blockers.sql"), asked)
    if not found:
        return LockTimeoutError("this cannot be seen now: a table was locked by somebody else, who has let go since",
                                sqlstate=error.sqlstate)  # fmt: skip
    tables = ", ".join(dict.fromkeys(formatting.visible(one.waits_for) for one in found if one.pid == found[0].pid))
    is_locked = "is locked" if found[0].granted else "is waited for"
    return LockTimeoutError(
        f"{tables} cannot be seen now: it {is_locked} by {found[0]}", sqlstate=error.sqlstate,
        details=[f"also by {one}" for one in found if one.pid != found[0].pid][:3],
        next_steps=[("end it (SQL)", f"select pg_terminate_backend({found[0].pid});")],
    )  # fmt: skip


def _denied(connect: Callable[[], Database], error: DatabaseError, here: Callable[..., str]) -> RefusedError:
    steps = [("what this role may", here("doctor"))]
    with contextlib.suppress(ChatopsError):
        database = connect()
        facts, schema = database.glance(), identifier(database.target.schema)
        role = identifier(facts.role)
        grant = f"grant usage on schema {schema} to {role}; grant select on all tables in schema {schema} to {role};"
        steps.insert(0, ("let it read (SQL)", grant))
    return RefusedError(f"this cannot be seen: {formatting.visible(error.message)}", next_steps=steps)
