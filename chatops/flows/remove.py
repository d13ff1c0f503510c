"""`chatops remove`: shows what chatops has made in a database and what is lost with it, asks, takes it out."""

from __future__ import annotations

import sys

from chatops import sqlfiles
from chatops.checks import catalog
from chatops.errors import ConflictError, DatabaseError, ExitCode, LockTimeoutError, RefusedError, UsageError, standby_refused
from chatops.flows.ahead import refuse_ahead
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.migrations.removal import ObjectsByFile, Removal, carry_out, removal
from chatops.screens import remove as screen
from chatops.tables_there import require_place

_IN_USE = "2BP01"
_ANOTHER = "CHL01"


def remove(invocation: Invocation, *, dry_run: bool, yes: bool) -> ExitCode:
    """Plans, shows, asks, does it. Raises RefusedError where something of the application's leans on what would go."""
    as_sql = invocation.format() == "sql"
    if as_sql and not dry_run:
        raise UsageError("-o sql shows the text of a dry run on stdout: add --dry-run")
    database = invocation.connect("migrate")
    require_place(database, database.glance())
    with invocation.seeing(), database.reading():
        invocation.banner(database)
        if not dry_run and database.facts is not None and database.facts.standby:
            raise standby_refused()
        found = removal(database, made())
    if as_sql:
        invocation.emit(found.pasteable)
        return ExitCode.OK
    command, whole = invocation.here("remove"), invocation.here("remove", "--dry-run", "-o", "json")
    adopt, now = invocation.here("adopt"), database.facts.now if database.facts is not None else None
    save_log = invocation.here("log", "-o", "jsonl", ">", "chatops-log.jsonl") if found.loses_log else ""
    if dry_run or not found.steps:
        shown = screen.lines(found, invocation.medium().width, whole, save_log, adopt)
        show_paged(invocation, screen.preview(found, command, shown, now))
        return ExitCode.OK
    for line in screen.lines(found, invocation.medium(stream=sys.stderr).width, whole, save_log, adopt):
        invocation.note(line)
    refuse_ahead(database)
    if invocation.interactive and not yes:
        invocation.note(screen.in_short(found))
    if not invocation.consent_by_name("Take this out", yes=yes):
        invocation.note("Nothing was changed.")
        return ExitCode.REFUSED
    _carried_out(invocation, found)
    invocation.show(screen.done(found, adopt, now))
    return ExitCode.OK


def made() -> ObjectsByFile:
    """What each shipped file makes, by its name in the catalog."""
    views = [name for name in sqlfiles.names("views") if not name.endswith(catalog.VARIANT)]
    files = [catalog.BOOKKEEPING, *sqlfiles.names("migrations"), *(f"views/{name}" for name in views)]
    return {file: dict(catalog.objects_of(file)) for file in files}


def _carried_out(invocation: Invocation, found: Removal) -> None:
    again = [("again", invocation.here("remove"))]
    database = invocation.connect("migrate")
    try:
        with invocation.under_way("taking it out"):
            carry_out(database, found)
    except DatabaseError as error:
        details = [part for part in (error.server_detail,) if part]
        if error.sqlstate == _IN_USE:
            raise RefusedError(
                f"{error.message}: something that chatops did not make needs it; nothing was changed", details=details
            ) from None
        if isinstance(error, LockTimeoutError):
            raise ConflictError("a lock on the tables was not had within 3 s; nothing was changed", next_steps=again) from None
        if error.sqlstate == _ANOTHER:
            raise ConflictError("another migrator is at work; nothing was changed", next_steps=again) from None
        raise
