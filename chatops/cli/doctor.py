"""`chatops doctor`."""

from __future__ import annotations

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(
    examples=["chatops doctor", "chatops --env production doctor -o json", "chatops doctor --create-roles --dry-run"],
    exits="0 chatops can work here · 1 something is wrong or unknown · 3 no connection",
    formats=DOCUMENT_FORMATS,
)
def doctor(
    ctx: typer.Context,
    create_roles: bool = typer.Option(False, "--create-roles", help="Make chatops_reader and chatops_operator, after a preview."),
    dry_run: bool = typer.Option(False, "--dry-run", help="With --create-roles: show the SQL, change nothing."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> ExitCode:
    """Connection, pooler, clock, role, rights, row security, objects; each with the line that mends it. Reads only.

    Is the deploy right: chatops verify. What is wrong now: chatops diagnose.
    """
    from chatops.flows import doctor  # loads the driver

    if create_roles:
        return doctor.create_roles(invocation_of(ctx), dry_run=dry_run, yes=yes)
    return doctor.doctor(invocation_of(ctx))
