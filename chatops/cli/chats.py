"""`chatops chats`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli.declared import Context, option
from chatops.cli.options import command, invocation_of
from chatops.cli.shared_options import Limit, Watch
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"))
def chats(
    ctx: Context,
    state: list[str] = option(
        [],
        "--state",
        metavar="STATE",
        autocompletion=completion.states,
        help="waiting, assigned, answered, completed or none; several with commas.",
    ),
    name: str | None = option(
        None, "--name", metavar="TEXT", help="Beginning of an id, or part of the user's or profile's name."
    ),
    user: str | None = option(None, "--user", metavar="TEXT", help="Part of the user's name."),
    profile: str | None = option(None, "--profile", metavar="TEXT", help="Part of the profile's name."),
    holder: str | None = option(
        None, "--holder", metavar="OPERATOR", autocompletion=completion.operators, help="Held by this operator; none: by nobody."
    ),
    last_holder: str | None = option(
        None,
        "--last-holder",
        metavar="OPERATOR",
        autocompletion=completion.operators,
        help="Held by this operator last; none: never held.",
    ),
    older_than: str | None = option(None, "--older-than", metavar="TIME", help="No message for so long: 30m, 2d."),
    sort: str | None = option(
        None,
        "--sort",
        metavar="ORDER",
        autocompletion=completion.orders,
        help="wait: who waits longest first; age: the oldest chat; last-message (default).",
    ),
    oldest: bool = option(False, "--oldest", help="The oldest message first, not the newest."),
    limit: Limit = None,
    watch: Watch = None,
) -> ExitCode:
    """A list of chats by filters; the last line acts on exactly these: release and reassign take the same filters as --where.

    As in `chatops release --where 'state=assigned holder=op-12 older-than=2h' --dry-run`.

    Examples:
      chatops chats --state waiting --older-than 30m
      chatops chats --holder op-12
      chatops chats --state waiting,assigned --sort wait
      chatops chats --holder none --older-than 2d
      chatops chats --last-holder op-12 --state answered -o csv

    Exit codes: 0 always, when the database could be read · 2 unknown or ambiguous name
    """
    from chatops.flows import chats as flow

    wanted = flow.ChatFilter(
        state=",".join(state) if state else None, name=name, user=user, profile=profile, holder=holder, last_holder=last_holder,
        older_than=older_than, sort=sort,
    )  # fmt: skip
    return flow.chats(invocation_of(ctx), flow.ChatsRequest(wanted, oldest, limit, watch))
