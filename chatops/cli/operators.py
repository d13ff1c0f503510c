"""`chatops operators`."""

from __future__ import annotations

import typer

from chatops.cli.invocation import command, invocation_of


@command(
    examples=["chatops operators", "chatops operators -o csv --show-names"],
    exits="0 always, when the database could be read",
)
def operators(ctx: typer.Context) -> None:
    """Who is free, busy or away, which chat they hold and for how long, when they were last seen."""
    from chatops.chats import reports, screens

    invocation = invocation_of(ctx)
    with invocation.reading() as database:
        invocation.show(screens.operators_answer(reports.operators(database), invocation.now))
