"""`chatops queue`."""

from __future__ import annotations

import typer

from chatops.cli.options import WATCHED_FORMATS, command, invocation_of
from chatops.errors import ExitCode
from chatops.model import Answer


@command(
    examples=["chatops queue", "chatops queue --watch 5", "chatops queue --top 20 -o csv"],
    exits="0 always, when the database could be read",
    formats=WATCHED_FORMATS,
)
def queue(
    ctx: typer.Context,
    top: int = typer.Option(5, "--top", min=0, max=100_000, help="How many of the longest waits to list."),
    watch: float | None = typer.Option(
        None, "--watch", metavar="SECONDS", min=0.2, max=86_400, help="Again and again, redrawn in place; Ctrl-C ends it."
    ),
) -> ExitCode:
    """Who is free, how many wait and for how long, and the longest waits; the guide's `get_assignment_queue_status()`."""
    from chatops.chats import reports
    from chatops.flows.watch_option import shown
    from chatops.screens import tables

    invocation = invocation_of(ctx)

    def ask() -> Answer:
        with invocation.reading() as database:
            return tables.queue_answer(reports.queue(database, top), invocation.now)

    return shown(invocation, ask, watch)
