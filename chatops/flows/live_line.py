"""What is redrawn in place on a terminal: one line about work that goes on, in a log one line a minute; a whole page."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from chatops.flows.run import Invocation
from chatops.render.format import Medium

if TYPE_CHECKING:
    from chatops.render.terminal import Drawing, Page

LOG_EVERY_SECONDS = 60


@contextlib.contextmanager
def live_line(invocation: Invocation, first: str) -> Iterator[Callable[[float, str], None]]:
    """What takes the seconds that went by and the line to show."""
    medium = invocation.medium(stream=sys.stderr)
    if not medium.redraws:
        told = [0]

        def log(elapsed: float, text: str) -> None:
            if int(elapsed) // LOG_EVERY_SECONDS > told[0]:
                told[0] = int(elapsed) // LOG_EVERY_SECONDS
                invocation.note(text)

        yield log
        return
    with drawing(medium).line(first) as redraw:
        yield lambda elapsed, text: redraw(text)


def drawing(medium: Medium) -> Drawing:
    """What draws in place on this terminal."""
    from chatops.render.terminal import Drawing  # rich: half of all that a command loads, for those that need it

    return Drawing(medium)


def page(invocation: Invocation) -> Page | None:
    """What draws the whole answer again and again on stdout; None where it cannot be redrawn."""
    if not invocation.medium().redraws:
        return None
    return drawing(invocation.medium()).page(invocation.emit)
