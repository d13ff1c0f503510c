"""`chatops queue`."""

from __future__ import annotations

import typer

from chatops.cli.invocation import WATCHED_FORMATS, command, invocation_of


@command(
    examples=["chatops queue", "chatops queue --top 20 -o csv"],
    exits="0 always, when the database could be read",
    formats=WATCHED_FORMATS,
)
def queue(
    ctx: typer.Context,
    top: int = typer.Option(5, "--top", min=0, max=100_000, help="How many of the longest waits to list."),
) -> None:
    """Who is free, how many wait and for how long, and the longest waits; the guide's `get_assignment_queue_status()`."""
    from chatops.chats import reports, screens

    invocation = invocation_of(ctx)
    with invocation.reading() as database:
        found = reports.queue(database, top)
        invocation.show(screens.queue_answer(found, invocation.now))
