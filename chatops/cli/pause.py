"""`chatops pause`."""

from __future__ import annotations

from chatops.cli import shared_options as options
from chatops.cli.declared import Context, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(formats=DOCUMENT_FORMATS)
def pause(
    ctx: Context,
    span: str = option("15m", "--for", metavar="TIME", help="For how long; at most a day."),
    yes: options.Yes = False,
    reason: str | None = option(None, "--reason", metavar="TEXT", help="Kept in the log; needed."),
) -> ExitCode:
    """For a while nobody gets a chat: whoever asks is answered as if the queue were empty.

    Replies, messages and heartbeats go on, and who holds a chat keeps it. It works at once and on open connections, ends by
    itself, and is logged.

    Examples:
      chatops pause --for 15m --reason 'release 2.14 answers twice'
      chatops resume

    Exit codes: 0 paused · 1 not known to be paused all the same · 2 usage · 4 refused: this database cannot be paused
    """
    from chatops.flows import pause as flow

    return flow.pause(invocation_of(ctx), span, yes=yes, reason=reason)
