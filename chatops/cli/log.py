"""`chatops log`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli.declared import Context, argument, option
from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"))
def log(
    ctx: Context,
    what: str = argument(
        "",
        metavar="[ACTION|CHAT|OPERATOR]",
        autocompletion=completion.chats_or_operators,
        help="An action's number: all that is known of it. Or a chat or operator: what concerned them.",
    ),
    chat: str | None = option(
        None, "--chat", metavar="CHAT", autocompletion=completion.chats, help="What was done to this chat."
    ),
    operator: str | None = option(
        None, "--operator", metavar="OPERATOR", autocompletion=completion.operators, help="What concerned this operator."
    ),
    who: str | None = option(None, "--by", metavar="TEXT", help="Part of the account, the database role or the CI run."),
    since: str | None = option(None, "--since", metavar="TIME", help="2h, 7d, or an instant."),
    until: str | None = option(None, "--until", metavar="TIME", help="Likewise; that long ago or earlier."),
    plan: str | None = option(None, "--plan", metavar="PLAN", rich_help_panel="Options", help="What one plan did."),
    action: str | None = option(
        None, "--action", metavar="NAME", autocompletion=completion.actions, help="reassign, release, drain, undo, repair …"
    ),
    outcome: str | None = option(
        None, "--outcome", metavar="NAME", autocompletion=completion.outcomes, help="done, refused, moved or failed."
    ),
    limit: int | None = option(
        None, "--limit", min=0, max=1_000_000_000, metavar="N", help="How many to list (default 50; for programs all)."
    ),
    full: bool = option(False, "--full", help="Each chat on a line of its own, where one command moved many."),
) -> ExitCode:
    """The log of every action, refusals too: the newest first, with who, from where, why, and what was before and after.

    What one command did to many is one line for people; `--full`, `--plan` and every format for programs show each.

    Examples:
      chatops log
      chatops log 8213
      chatops log --chat 3f2b8c1e
      chatops log --operator op-31 --since 2d --outcome moved
      chatops log --by ada --since 2026-11-22T00:00Z -o csv
      chatops log --all-schemas 'tenant_*' --since 1h

    Exit codes: 0 shown · 1 the log of a tenant cannot be seen · 2 no such action or name · 4 this database has no log
    """
    from chatops.chats.log import Filters  # these load the driver
    from chatops.flows.log import LogRequest, show_log

    wanted = Filters(chat=chat, operator=operator, who=who, since=since, until=until, plan=plan, action=action, outcome=outcome)
    return show_log(invocation_of(ctx), LogRequest(wanted, limit, what, full))
