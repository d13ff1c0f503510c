"""`chatops doctor`: what works from here, and the roles that it makes."""

from __future__ import annotations

from chatops import sqlfiles
from chatops.checks import doctor as examination
from chatops.errors import ExitCode
from chatops.flows.run import Invocation
from chatops.screens import doctor as screen

ROLES = ("chatops_reader", "chatops_operator")


def doctor(invocation: Invocation) -> ExitCode:
    """1 when something is wrong or unknown."""
    with invocation.reading(chats=False) as database:
        points = examination.examine(database, lambda: invocation.connect("read"), invocation.here)
    invocation.show(screen.answer(points, invocation.now))
    return ExitCode.OK if all(point.verdict in ("ok", "advice") for point in points) else ExitCode.FOUND


def create_roles(invocation: Invocation, *, dry_run: bool, yes: bool) -> ExitCode:
    """Makes the roles of sql/roles, or shows their SQL."""

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
