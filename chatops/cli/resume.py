"""`chatops resume`."""

from __future__ import annotations

from chatops.cli import shared_options as options
from chatops.cli.declared import Context, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(formats=DOCUMENT_FORMATS)
def resume(
    ctx: Context,
    dry_run: bool = option(False, "--dry-run", help="Say who paused it and why, and change nothing."),
    yes: options.Yes = False,
    reason: str | None = option(None, "--reason", metavar="TEXT", help="Kept in the log."),
) -> ExitCode:
    """Ends a pause before its time: operators get chats again. Ask first whoever paused it; it works at once and is logged.

    Examples:
      chatops resume --dry-run
      chatops resume
      chatops resume --reason 'rolled back'

    Exit codes: 0 operators get chats again · 1 the queue is still paused, or that cannot be seen · 4 refused: nobody agreed
    """
    from chatops.flows import pause as flow

    return flow.resume(invocation_of(ctx), dry_run=dry_run, yes=yes, reason=reason)
