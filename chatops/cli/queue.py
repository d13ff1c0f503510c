"""`chatops queue`."""

from __future__ import annotations

from chatops.cli.declared import Context, option
from chatops.cli.options import WATCHED_FORMATS, command, invocation_of
from chatops.cli.shared_options import Watch
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"), formats=WATCHED_FORMATS)
def queue(
    ctx: Context,
    limit: int | None = option(
        None,
        "--limit",
        "--top",
        min=0,
        max=1_000_000_000,
        metavar="N",
        help="How many of the longest waits to list (default 5; for programs all).",
    ),
    watch: Watch = None,
) -> ExitCode:
    """Who is free, how many wait and for how long, and the longest waits; the guide's `get_assignment_queue_status()`.

    Examples:
      chatops queue
      chatops queue --watch 5
      chatops queue --limit 20 -o csv
    """
    from chatops.flows import tables

    return tables.queue(invocation_of(ctx), limit, watch)
