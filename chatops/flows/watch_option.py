"""`--watch`: the same table again and again, redrawn in place on a terminal, one after another elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from chatops.errors import ExitCode, LockTimeoutError, RefusedError, StatementTimeoutError, UnreachableError, UsageError
from chatops.flows.run import Invocation
from chatops.model import Answer

pause = time.sleep


def shown(invocation: Invocation, ask: Callable[[], Answer], seconds: float | None) -> ExitCode:
    """Shows what `ask` answers: once, or every so many seconds until Ctrl-C, which leaves the last one standing and ends in 0.

    `ask` reads from the database anew each time. A server that goes away, a lock, a table that cannot be seen
    for a while: told under the last answer and asked again.
    """
    if seconds is None:
        invocation.show(ask())
        return ExitCode.OK
    if invocation.format() == "nagios":
        raise UsageError("a plugin of Nagios answers once: -o nagios and --watch do not go together")
    screen = Screen(invocation) if invocation.medium().terminal and invocation.environ.get("TERM", "dumb") != "dumb" else None
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


class Screen:
    """The last answer on a terminal; the next one is written over it."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.rows = 0

    def draw(self, text: str, status: str) -> None:
        """Writes the text over the last one; what does not fit under the terminal's last line is counted, not shown."""
        columns, height = shutil.get_terminal_size()
        lines = text.splitlines()
        room = height - 1 - rows_of(status, columns)
        kept: list[str] = []
        used = 0
        for position, line in enumerate(lines):
            needs = rows_of(line, columns)
            if used + needs > room - (position + 1 < len(lines)):
                kept.append(f"… {len(lines) - position} more lines")
                used += rows_of(kept[-1], columns)
                break
            kept.append(line)
            used += needs
        back = f"\x1b[{self.rows}F\x1b[J" if self.rows else ""
        self.invocation.emit(back + "".join(line + "\n" for line in (*kept, status)))
        self.rows = used + rows_of(status, columns)


def rows_of(line: str, columns: int) -> int:
    """How many rows of a terminal a line takes, its colours aside."""
    from rich.cells import cell_len
    from rich.text import Text

    return max(1, -(-cell_len(Text.from_ansi(line).plain) // max(1, columns)))
