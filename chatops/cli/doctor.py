"""`chatops doctor`."""

from __future__ import annotations

from chatops.cli.declared import Context, argument, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.cli.shared_options import Yes
from chatops.errors import ExitCode, UsageError


@command(takes=("connection", "tenants", "output"), formats=DOCUMENT_FORMATS)
def doctor(
    ctx: Context,
    people: list[str] | None = argument(
        None, metavar="[PERSON]…", help="With --create-roles: a login role for each, by which the log tells them apart."
    ),
    create_roles: bool = option(False, "--create-roles", help="Make chatops_reader and chatops_operator, after a preview."),
    dry_run: bool = option(False, "--dry-run", help="With --create-roles: show the SQL, change nothing."),
    yes: Yes = False,
) -> ExitCode:
    """Connection, pooler, clock, role, rights, row security, objects; each with the line that mends it. Reads only.

    Is the deploy right: chatops verify. What is wrong now: chatops diagnose.

    Examples:
      chatops doctor
      chatops --env production doctor -o json
      chatops doctor --create-roles --dry-run
      chatops doctor --create-roles ada ben

    Exit codes: 0 chatops can work here · 1 something is wrong or unknown · 3 no connection
    """
    from chatops.flows import create_roles as create  # these load the driver
    from chatops.flows import doctor

    if create_roles:
        return create.create_roles(invocation_of(ctx), people or (), dry_run=dry_run, yes=yes)
    if people:
        raise UsageError(f"{' '.join(people)}: names go with --create-roles")
    return doctor.doctor(invocation_of(ctx))
