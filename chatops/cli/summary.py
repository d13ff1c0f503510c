"""`chatops summary`."""

from __future__ import annotations

import typer

from chatops.cli.options import WATCHED_FORMATS, command, invocation_of
from chatops.errors import ExitCode
from chatops.model import Answer


@command(
    examples=["chatops summary", "chatops summary --watch 5", "chatops --env production summary -o json"],
    exits="0 always, when the database could be read",
    formats=WATCHED_FORMATS,
)
def summary(
    ctx: typer.Context,
    watch: float | None = typer.Option(
        None, "--watch", metavar="SECONDS", min=0.2, max=86_400, help="Again and again, redrawn in place; Ctrl-C ends it."
    ),
) -> ExitCode:
    """Operators and waits in one line, then each state with its share; the guide's `select * from chat_state_summary`."""
    from chatops.chats import reports
    from chatops.flows.watch_option import shown
    from chatops.screens import tables

    invocation = invocation_of(ctx)

    def ask() -> Answer:
        with invocation.reading() as database:
            return tables.summary_answer(reports.summary(database), invocation.now)

    return shown(invocation, ask, watch)
