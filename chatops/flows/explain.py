"""`chatops explain`: from the files alone."""

from __future__ import annotations

from chatops import sqlfiles
from chatops.checks import load
from chatops.errors import UsageError
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.screens import explain as screen


def file_of(text: str) -> str | None:
    """The shipped file that a number or name is; None for anything else."""
    plain = text.removesuffix(".sql")
    named = [name for name in sqlfiles.names("migrations") if plain in (name, name.partition("_")[0])]
    return named[0] if named else None


def explain(invocation: Invocation, code: str, *, sql: bool) -> None:
    """One code, its query, or all of them. Raises UsageError for codes that do not exist."""
    checks = load.shipped()
    width = invocation.medium().width if invocation.format() == "table" else 0
    if not code:
        if sql:
            raise UsageError("--sql needs a code, such as chatops explain CHAT003 --sql")
        show_paged(invocation, screen.listing(checks, width))
        return
    # Of a database that is named, the command that mends it there; none has to be.
    here = invocation.here if invocation.db or invocation.env else None
    if code.upper() == "UNKNOWN" and not sql:
        show_paged(invocation, screen.unknown(width, here))
        return
    wanted = load.codes_of([code])
    check = next((one for one in checks if [one.code] == wanted), None)
    if check is None and (file := file_of(code)) is not None:
        raise UsageError(f"{file} is a migration, not a check", next_steps=[
            ("what it changes", "chatops migrate --dry-run"), ("its text", f"chatops migrate --show {file.partition('_')[0]}"),
        ])  # fmt: skip
    if check is None:
        raise load.no_check(code, checks)
    show_paged(invocation, screen.query(check) if sql else screen.one(check, width, here))
