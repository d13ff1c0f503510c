"""`chatops operators`."""

from __future__ import annotations

from chatops.cli.declared import Context, option
from chatops.cli.options import command, invocation_of
from chatops.cli.shared_options import Watch
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"))
def operators(
    ctx: Context,
    free: bool = option(False, "--free", help="Only those who could take a chat now."),
    figures: bool = option(False, "--figures", help="What each did: chats, replies, time to answer, chats given back."),
    since: str = option("24h", "--since", metavar="TIME", help="With --figures: 1h, 8h, or an instant."),
    name: str | None = option(None, "--name", metavar="TEXT", help="Beginning of an id, or part of a name or e-mail."),
    limit: int | None = option(None, "--limit", min=0, max=1_000_000_000, metavar="N", help="How many to list (default all)."),
    watch: Watch = None,
) -> ExitCode:
    """Who is free, busy or away, which chat they hold and for how long, when they were last seen.

    Examples:
      chatops operators
      chatops operators --free
      chatops operators --figures --since 8h
      chatops operators --name ada
      chatops operators -o csv --show-names
    """
    from chatops.flows import tables

    return tables.operators(invocation_of(ctx), watch, free=free, figures=figures, since=since, name=name, limit=limit)
