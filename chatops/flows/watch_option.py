"""`--watch`: the same table again and again, redrawn in place on a terminal, one after another elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from chatops.errors import ExitCode, LockTimeoutError, RefusedError, StatementTimeoutError, UnreachableError, UsageError
from chatops.flows.live_line import page
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.model import Answer

pause = time.sleep


def shown(invocation: Invocation, ask: Callable[[], Answer], seconds: float | None) -> ExitCode:
    """Shows what `ask` answers: once, or every so many seconds until Ctrl-C, which leaves the last one standing and ends in 0.

    `ask` reads from the database anew each time. A server that goes away, a lock, a table that cannot be seen
    for a while: told under the last answer and asked again.
    """
    if seconds is None:
        show_paged(invocation, ask())
        return ExitCode.OK
    if invocation.format() == "nagios":
        raise UsageError("a plugin of Nagios answers once: -o nagios and --watch do not go together")
    screen = page(invocation)
    told = False
    try:
        while True:
            pieces: list[str] = []
            try:
                invocation.show(ask(), pieces.append)
            except (UnreachableError, LockTimeoutError, StatementTimeoutError, RefusedError) as error:
                if not told:
                    raise
                pieces = [f"{datetime.now(UTC):%H:%M:%S} UTC  {error.message}; asking again\n"]
            finally:
                invocation.close()
            text = "".join(pieces)
            if screen is None:
                invocation.emit(text if not told or invocation.format() not in ("plain", "table", "markdown") else "\n" + text)
            else:
                screen.draw(text, f"{datetime.now(UTC):%H:%M:%S} UTC · every {seconds:g} s · Ctrl-C ends")
            sys.stdout.flush()
            told = True
            pause(seconds)
    except KeyboardInterrupt:
        if not told:
            raise
        if screen is not None:
            invocation.emit("\n")
        return ExitCode.OK
