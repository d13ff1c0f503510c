"""`chatops operators`."""

from __future__ import annotations

import typer

from chatops.cli.options import command, invocation_of
from chatops.cli.shared_options import Watch
from chatops.errors import ExitCode


@command(
    examples=["chatops operators", "chatops operators --watch 5", "chatops operators -o csv --show-names"],
    exits="0 always, when the database could be read",
)
def operators(
    ctx: typer.Context,
    watch: Watch = None,
) -> ExitCode:
    """Who is free, busy or away, which chat they hold and for how long, when they were last seen."""
    from chatops.flows import tables

    return tables.operators(invocation_of(ctx), watch)
