"""`chatops doctor`."""

from __future__ import annotations

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode
from chatops.flows.run import Invocation

ROLES = ("chatops_reader", "chatops_operator")


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
    invocation = invocation_of(ctx)
    if create_roles:
        return _create_roles(invocation, dry_run=dry_run, yes=yes)
    from chatops.checks import doctor as examination

    with invocation.reading() as database:
        points = examination.examine(database, lambda: invocation.connect("read"), invocation.here)
    invocation.show(examination.answer(points, invocation.now))
    return ExitCode.OK if all(point.verdict in ("ok", "advice") for point in points) else ExitCode.FOUND


def _create_roles(invocation: Invocation, *, dry_run: bool, yes: bool) -> ExitCode:
    from chatops import sqlfiles

    texts = [sqlfiles.read(f"roles/{name}.sql") for name in ROLES]
    if dry_run:
        invocation.emit("\n".join(texts))
        return ExitCode.OK
    invocation.note("chatops_reader     reads the chat tables and what chatops remembers, nothing else")
    invocation.note("chatops_operator   also moves, releases and repairs chats; appends to the log, cannot change it")
    invocation.note(f"the SQL: {invocation.here('doctor', '--create-roles', '--dry-run')}")
    if not invocation.consent("Make these roles, or bring them up to date", yes=yes):
        return ExitCode.OK
    notices: list[str] = []
    with invocation.acting() as database:
        database.on_notice(lambda _severity, message: notices.append(message))
        for text in texts:
            database.script(text)
    for message in notices:
        invocation.warn(message)
    invocation.emit("chatops_reader and chatops_operator are there. Next: grant chatops_reader to LOGIN_ROLE;\n")
    return ExitCode.OK
