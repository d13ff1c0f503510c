"""One line about work that goes on: redrawn in place on a terminal's stderr; in a log one line a minute."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from chatops.flows.run import Invocation
from chatops.render import encodable

LOG_EVERY_SECONDS = 60


@contextlib.contextmanager
def live_line(invocation: Invocation, first: str) -> Iterator[Callable[[float, str], None]]:
    """What takes the seconds that went by and the line to show."""
    medium = invocation.medium(stream=sys.stderr)
    if not medium.terminal:
        told = [0]

        def log(elapsed: float, text: str) -> None:
            if int(elapsed) // LOG_EVERY_SECONDS > told[0]:
                told[0] = int(elapsed) // LOG_EVERY_SECONDS
                invocation.note(text)

        yield log
        return
    # Rich is loaded where a line is redrawn, and nowhere else.
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True, no_color=not medium.colour)

    def line(text: str) -> Text:
        # One column is left free: some terminals wrap when the last one is written.
        shown = encodable(text, medium)
        return Text(shown[: max(10, console.width - 1)], no_wrap=True, overflow="crop")

    with Live(line(first), console=console, transient=True, auto_refresh=False) as live:
        yield lambda elapsed, text: live.update(line(text), refresh=True)
