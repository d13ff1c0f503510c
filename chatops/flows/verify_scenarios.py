"""`verify --scenarios`: the guide's tests lived through with made-up people, alone and in races; nothing of it remains."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from chatops import db
from chatops.chats import contention
from chatops.chats import scenarios as plays
from chatops.errors import DatabaseError, ExitCode, RefusedError
from chatops.flows.database_copy import make_copy
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.flows.tenant_copy import tenant_copy
from chatops.screens import scenarios as screen
from chatops.settings import Target


def scenarios(invocation: Invocation, *, yes: bool) -> ExitCode:
    """Lives through the guide's tests; 1 when a step failed or could not be lived through."""
    if not invocation.consent("Run the guide's tests with made-up people (rolled back)", yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    with invocation.reading() as database:
        pass  # in a place without chats nothing can be played
    database.close()
    with invocation.seeing():
        played = plays.play(invocation.connect("act"))
    show_paged(invocation, screen.answer(played))
    return ExitCode.OK if played.passed else ExitCode.FOUND


def concurrent(invocation: Invocation, *, yes: bool) -> ExitCode:
    """Lives through the races in a clone made for it on the same server, which is dropped afterwards; 1 when one failed."""

    target = invocation.target
    if target.production:
        raise RefusedError("--concurrent copies the whole database and loads the server: not on a production one",
                           next_steps=[("without it, on any", invocation.here("verify", "--scenarios"))])  # fmt: skip
    with invocation.reading() as database:
        distributed = database.facts is not None and database.facts.distributed
    database.close()
    what = "schema" if distributed else "database"
    if not invocation.consent(f"Copy this {what}, let made-up people race in the copy, and drop it", yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    if distributed:
        with tenant_copy(invocation) as (copy, told):
            played = contention.play(lambda: invocation.connect("act", target=copy))
        show_paged(invocation, screen.answer(played, told))
        return ExitCode.OK if played.passed else ExitCode.FOUND
    with invocation.connect("act") as database:
        facts = database.glance()
        invocation.banner(database)
    clone = f"chatops_clone_{uuid4().hex[:12]}"
    beside = replace(target, parameters={**target.parameters, "dbname": "postgres"})
    with invocation.connect("act", target=beside) as server:
        made = make_copy(invocation, server, facts.database, clone)
        copy = replace(target, parameters={**target.parameters, "dbname": clone})
        try:
            if made.statements:
                _fill(invocation, copy, made.statements)
            played = contention.play(lambda: invocation.connect("act", target=copy))
        finally:
            server.execute(f"drop database {db.identifier(clone)} with (force)")
    show_paged(invocation, screen.answer(played, made.told))
    return ExitCode.OK if played.passed else ExitCode.FOUND


def _fill(invocation: Invocation, copy: Target, statements: str) -> None:
    """Makes the structure in the empty database. Raises RefusedError with what this role may not make."""
    with invocation.connect("migrate", target=copy) as database:
        try:
            database.script(statements)
        except DatabaseError as error:
            raise RefusedError(
                f"others are connected to this database, and its structure could not be made again: {error.message}",
                details=["a role that may make everything in it is needed, or a moment in which nobody is connected"],
                next_steps=[("without races", invocation.here("verify", "--scenarios"))],
            ) from None
