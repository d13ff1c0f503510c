"""`chatops status`."""

from __future__ import annotations

from typing import Annotated

from chatops.cli.declared import Context, option
from chatops.cli.options import command, invocation_of
from chatops.cli.shared_options import Folder, Source, last_file
from chatops.errors import ExitCode
from chatops.flows.folder import FolderOptions


@command(takes=("connection", "tenants", "output"))
def status(
    ctx: Context,
    to: Annotated[str | None, last_file("The last file that has to be in: number or name.")] = None,
    directory: Folder = None,
    source: Source = None,
    exit_code: Annotated[bool, option("--exit-code", help="Exit 1 when something is to be done.")] = False,
    everything: Annotated[bool, option("--all", help="Every applied file, on a terminal too.")] = False,
) -> ExitCode:
    """Every migration file with its state: applied, pending, edited, missing, late or half-done.

    Examples:
      chatops status
      chatops --env production status --to 017 --exit-code
      chatops status --dir supabase/migrations -o json

    Exit codes: 0 the database could be read · with --exit-code: 1 something is pending, late, half-done, edited or missing
    """
    from chatops.flows import status as flow  # help and completion load no flow

    options = flow.StatusOptions(to, FolderOptions(directory, source), exit_code, everything)
    invocation = invocation_of(ctx)
    if invocation.has_tenants:
        from chatops.flows.status_all import status_all  # loads what migrates

        return status_all(invocation, options)
    return flow.status(invocation, options)
