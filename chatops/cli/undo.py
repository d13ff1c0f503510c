"""`chatops undo`."""

from __future__ import annotations

from chatops.cli import shared_options as options
from chatops.cli.declared import Context, argument, option
from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode


@options.forcible
@command()
def undo(
    ctx: Context,
    what: str = argument(
        "", metavar="[ACTION|PLAN]", help="An action's number, a plan's id or its file; without one: says which was the last."
    ),
    force: list[str] = option([], "--force", metavar="[RULES]", help="busy: give a chat back to who holds another by now."),
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    reason: options.Reason = None,
) -> ExitCode:
    """Takes an action or a whole plan back: every column that it changed, where things are still as it left them.

    What moved since is left alone and listed. An undo is an action too, and can be undone.

    Examples:
      chatops undo 8213 --dry-run
      chatops undo 3790b1d4-610d-4a33-b8fb-f3324c8309df --reason 'wrong shift'
      chatops undo plan.json

    Exit codes: 0 undone · 2 no such action or plan · 4 it cannot be undone · 5 something moved since
    """
    from chatops.flows.undo import take_back

    return take_back(invocation_of(ctx), what, force, dry_run=dry_run, yes=yes, reason=reason)
