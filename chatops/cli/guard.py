"""`chatops guard`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli.declared import Context, may_be_left_out, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.cli.shared_options import Yes
from chatops.errors import ExitCode


@command(formats=DOCUMENT_FORMATS)
def guard(
    ctx: Context,
    switch: str = may_be_left_out("[on|off]", completion.switches, "Switch them; without it: their state and what they refused."),
    span: str = option("30m", "--for", metavar="TIME", help="For how long off; at most a day."),
    yes: Yes = False,
    reason: str | None = option(None, "--reason", metavar="TEXT", help="Kept in the log; needed to switch off."),
) -> ExitCode:
    """Migrations 018 and up guard the tables against stale writes of the application; this is their emergency switch.

    It works at once and on open connections, needs no superuser, ends by itself, and is logged.
    What keeps rows consistent stays on.

    Examples:
      chatops guard
      chatops guard off --for 30m --reason 'app release 2.14 sends late replies'
      chatops guard on

    Exit codes: 0 on, or switched · 1 they are off (guard alone), or do not work · 2 usage · 4 refused: no guards in this database
    """
    from chatops.flows import guard as flow

    return flow.guard(invocation_of(ctx), switch, span, yes=yes, reason=reason)
