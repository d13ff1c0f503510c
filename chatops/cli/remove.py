"""`chatops remove`."""

from __future__ import annotations

from chatops.cli import shared_options as options
from chatops.cli.declared import Context, option
from chatops.cli.options import Formats, command, invocation_of
from chatops.errors import ExitCode


@command(formats=Formats(also=("sql",)))
def remove(
    ctx: Context,
    dry_run: bool = option(False, "--dry-run", help="Show every object that would go, and what is lost."),
    yes: options.Yes = False,
) -> ExitCode:
    """Takes out what chatops made: triggers, functions, views, columns, indexes, constraints, and schema chatops with its log.

    The application's tables and rows stay. What chatops replaced comes back as it was. One transaction, all or nothing; the
    tables are locked for a moment. Of several tenants the last one takes schema chatops along.

    Examples:
      chatops remove --dry-run
      chatops remove --dry-run -o sql

    Exit codes: 0 taken out, or shown · 2 usage · 4 refused: something leans on it · 5 a lock was not had
    """
    from chatops.flows import remove as flow

    return flow.remove(invocation_of(ctx), dry_run=dry_run, yes=yes)
