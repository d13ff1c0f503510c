"""An error of the server that nobody expected, in words: who holds the lock, what the database lacks, which column is another."""

from __future__ import annotations

from chatops import formatting, lock_holders
from chatops.checks import odd_columns
from chatops.errors import ChatopsError, DatabaseError, LockTimeoutError, RefusedError
from chatops.flows.cannot_see import DENIED
from chatops.flows.run import Invocation

NOT_AS_MADE = ("42", "3F", "22")
"""The classes of what a table, a column or a function lacks, and of values that do not fit."""


def in_words(run: Invocation, error: DatabaseError, kept: str) -> ChatopsError:
    """The same error; where nobody has put it into words yet, with who is in the way, or what is not as our files made it.

    `kept` says what is so now.
    """
    if error.details or error.next_steps or run.known_target is None:
        return error
    if isinstance(error, LockTimeoutError):
        gone = f"a table was locked by somebody else, who has let go since; {kept}"
        return lock_holders.explained(
            lambda: run.connect("read"), error, lock_holders.KEEP_WRITERS, lambda what, how: f"{what} {how}; {kept}", gone
        )
    if type(error) is not DatabaseError or error.sqlstate == DENIED or not (error.sqlstate or "").startswith(NOT_AS_MADE):
        return error
    odd = odd_columns.told(lambda: run.connect("read"))
    if not odd and (error.sqlstate or "").startswith("22"):
        return error
    return RefusedError(
        f"the database is not as its files made it: {formatting.visible(error.message)}; {kept}",
        details=odd,
        next_steps=[("all that is wrong", run.here("verify", "schema"))],
    )
