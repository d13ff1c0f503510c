"""`chatops wait`: looks again and again until the server answers and takes writes."""

from __future__ import annotations

import time

from chatops import formatting
from chatops.db import connect
from chatops.errors import ChatopsError, DatabaseError, RefusedError, UnreachableError
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.screens.wait import answer

FIRST_PAUSE_S, LONGEST_PAUSE_S, RISE = 0.1, 1.0, 1.5
# A number of a transaction is given to one that may write.
WRITES = "select pg_catalog.pg_current_xact_id()"


@frozen
class WaitRequest:
    """What was asked for on the command line."""

    timeout: str


def run(invocation: Invocation, asked: WaitRequest) -> None:
    """Returns when the server is ready; raises what it last said when the time is over, or at once what time does not change."""
    seconds = formatting.span(asked.timeout, "--timeout").total_seconds()
    started, looks, said, pause = time.monotonic(), 0, "", FIRST_PAUSE_S
    while True:
        looks += 1
        left = seconds - (time.monotonic() - started)
        if (error := _look(invocation, max(1, int(left)))) is None:
            break
        if _lasts(error):
            raise error
        if left <= 0:
            raise type(error)(
                f"not ready within {formatting.duration(seconds)}: {error.message}",
                details=error.details, next_steps=[*error.next_steps, ("again", invocation.here("wait"))],
            )  # fmt: skip
        if error.message != said:
            said = error.message
            invocation.note(f"  … {formatting.visible(said)}")
        time.sleep(min(pause, max(left, 0.0)))
        pause = min(LONGEST_PAUSE_S, pause * RISE)
    invocation.show(answer(time.monotonic() - started, looks))


def _look(invocation: Invocation, patience: int) -> ChatopsError | None:
    """One connection and one transaction that may write, taken back; what kept it from that, None when nothing did."""
    try:
        opened = connect(invocation.target, invocation.command, "act", connect_timeout=min(patience, 10))
        with opened as database, database.acting(rollback=True):
            database.value(WRITES)
            invocation.banner(database)
            if database.facts is not None and database.facts.read_only:
                return RefusedError("the server answers, and takes no writes: default_transaction_read_only is on")
        return None
    except (UnreachableError, RefusedError) as error:
        return error
    except DatabaseError as error:
        if error.sqlstate == "25006":  # read-only
            return RefusedError("the server answers, and takes no writes: it is read-only", details=[error.message])
        raise


def _lasts(error: ChatopsError) -> bool:
    """Whether waiting changes nothing: a password or a user that was rejected."""
    return isinstance(error, UnreachableError) and error.lasts
