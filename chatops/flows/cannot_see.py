"""What a reader could not see, and why: who holds the lock, what took too long, what is missing; never a zero in its place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from chatops import formatting, lock_holders
from chatops.checks import odd_columns
from chatops.db import Database, identifier
from chatops.db.failures import OURS
from chatops.errors import ChatopsError, DatabaseError, HiddenRowsError, LockTimeoutError, RefusedError, StatementTimeoutError

MISSING = ("42P01", "42703", "42883", "3F000", "42704", "42804")
DENIED = "42501"


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
    except HiddenRowsError:
        raise
    except DatabaseError as error:
        if error.sqlstate in MISSING:
            raise RefusedError(
                f"this cannot be seen: {formatting.visible(error.message)}", details=odd_columns.told(connect),
                next_steps=[("what is missing", here("verify", "schema"))],
            ) from None  # fmt: skip
        if error.sqlstate == DENIED:
            raise _denied(connect, error, here) from None
        raise


def _locked(connect: Callable[[], Database], error: LockTimeoutError) -> LockTimeoutError:
    gone = "this cannot be seen now: a table was locked by somebody else, who has let go since"
    return lock_holders.explained(
        connect, error, lock_holders.KEEP_READERS, lambda what, how: f"{what} cannot be seen now: it {how}", gone
    )


def _denied(connect: Callable[[], Database], error: DatabaseError, here: Callable[..., str]) -> RefusedError:
    steps = [("what this role may", here("doctor"))]
    with contextlib.suppress(ChatopsError):
        database = connect()
        facts = database.glance()
        role = identifier(facts.role)
        ours = error.message.split()[-1] in ("chatops", *OURS)
        schema = identifier("chatops" if ours else database.target.schema)
        grant = f"grant usage on schema {schema} to {role}; grant select on all tables in schema {schema} to {role};"
        steps.insert(0, (f"give {role} the right to read (SQL)", grant))
    return RefusedError(f"this cannot be seen: {formatting.visible(error.message)}", next_steps=steps)
