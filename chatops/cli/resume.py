"""`chatops resume`."""

from __future__ import annotations

from chatops.cli.declared import Context, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(formats=DOCUMENT_FORMATS)
def resume(
    ctx: Context,
    reason: str | None = option(None, "--reason", metavar="TEXT", help="Kept in the log."),
) -> ExitCode:
    """Ends a pause before its time: operators get chats again. It works at once and is logged.

    Examples:
      chatops resume
      chatops resume --reason 'rolled back'

    Exit codes: 0 operators get chats again · 1 the queue is still paused, or that cannot be seen
    """
    from chatops.flows import pause as flow

    return flow.resume(invocation_of(ctx), reason)
