"""`chatops operators`."""

from __future__ import annotations

import typer

from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode
from chatops.model import Answer


@command(
    examples=["chatops operators", "chatops operators --watch 5", "chatops operators -o csv --show-names"],
    exits="0 always, when the database could be read",
)
def operators(
    ctx: typer.Context,
    watch: float | None = typer.Option(
        None, "--watch", metavar="SECONDS", min=0.2, max=86_400, help="Again and again, redrawn in place; Ctrl-C ends it."
    ),
) -> ExitCode:
    """Who is free, busy or away, which chat they hold and for how long, when they were last seen."""
    from chatops.chats import reports
    from chatops.flows.watch_option import shown
    from chatops.screens import tables

    invocation = invocation_of(ctx)

    def ask() -> Answer:
        with invocation.reading() as database:
            return tables.operators_answer(reports.operators(database), invocation.now)

    return shown(invocation, ask, watch)
