"""`chatops undrain`."""

from __future__ import annotations

from chatops.cli import shared_options as options
from chatops.cli.declared import Context
from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode


@command()
def undrain(
    ctx: Context,
    operators: options.Operators,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    reason: options.Reason = None,
) -> ExitCode:
    """Makes drained operators as available as before the drain. Their chats do not come back: `chatops undo` does that.

    Examples:
      chatops undrain op-12 op-13 --dry-run
      chatops undrain op-12 --reason 'back from break'

    Exit codes: 0 done · 1 done, but somebody of them is not active · 2 unknown or ambiguous name · 4 there is no drain
    to take back, or somebody changed it since
    """
    from chatops.flows.drain import give_back

    return give_back(invocation_of(ctx), operators, dry_run=dry_run, yes=yes, reason=reason)
