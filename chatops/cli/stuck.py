"""`chatops stuck`."""

from __future__ import annotations

from chatops.cli.declared import Context, option
from chatops.cli.options import command, invocation_of
from chatops.cli.shared_options import Limit, Replay, Watch
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"))
def stuck(
    ctx: Context,
    longer_than: str = option("1h", "--longer-than", metavar="TIME", help="30m, 1h, 2d …"),
    limit: Limit = None,
    review: bool = option(False, "--review", help="Chats to read again: ended while the user waited, or passed on and on."),
    since: str = option("24h", "--since", metavar="TIME", help="With --review: how far back."),
    watch: Watch = None,
    replay: Replay = None,
) -> ExitCode:
    """Chats that wait or are held for too long, or whose user wrote last and nobody was called.

    A chat that waits for its user is not stuck. The guide's `detect_stuck_chats`.

    Examples:
      chatops stuck
      chatops stuck --watch 5
      chatops stuck --longer-than 30m
      chatops stuck --review --since 2d
      chatops stuck -o jsonl > stuck.jsonl
    """
    from chatops.flows import replay_archive, tables

    invocation = invocation_of(ctx)
    if replay is not None:
        replay_archive.replay(invocation, replay)
    if review:
        return tables.review(invocation, since, limit, watch)
    return tables.stuck(invocation, longer_than, limit, watch)
