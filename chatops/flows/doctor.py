"""`chatops doctor`: what works from here."""

from __future__ import annotations

from chatops.checks import doctor as examination
from chatops.errors import ExitCode
from chatops.flows.run import Invocation
from chatops.screens import doctor as screen


def doctor(invocation: Invocation) -> ExitCode:
    """1 when something is wrong or unknown."""
    with invocation.reading(chats=False) as database:
        points = examination.examine(database, lambda: invocation.connect("read"), invocation.here)
    invocation.show(screen.answer(points, invocation.now))
    return ExitCode.OK if all(point.verdict in ("ok", "advice") for point in points) else ExitCode.FOUND
