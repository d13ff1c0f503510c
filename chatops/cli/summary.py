"""`chatops summary`."""

from __future__ import annotations

import typer

from chatops.cli.invocation import WATCHED_FORMATS, command, invocation_of


@command(
    examples=["chatops summary", "chatops --env production summary -o json"],
    exits="0 always, when the database could be read",
    formats=WATCHED_FORMATS,
)
def summary(ctx: typer.Context) -> None:
    """Operators and waits in one line, then each state with its share; the guide's `select * from chat_state_summary`."""
    from chatops.chats import reports, screens

    invocation = invocation_of(ctx)
    with invocation.reading() as database:
        found = reports.summary(database)
        invocation.show(screens.summary_answer(found, invocation.now))
