"""`chatops` alone: what it is, where to start, which database it would use."""

from __future__ import annotations

from chatops import __version__, settings
from chatops.errors import ChatopsError, ExitCode
from chatops.flows.run import Invocation


def show_start(invocation: Invocation) -> ExitCode:
    """Prints a dozen lines; never connects."""
    try:
        target = settings.resolve(invocation.options, configuration=invocation.configuration)
        one = "another"
        kind = "production" if target.production else "not production"
        connection = f"{target.shown()} ({kind}; from {target.origin})"
    except ChatopsError as error:
        connection, one = error.message, "one"
    for line in (
        f"chatops {__version__}: migrate, check and mend the chat platform's Postgres.",
        "",
        "  chatops demo        a working system with trouble in it, on this machine",
        "  chatops migrate     apply the pending migrations (preview: --dry-run)",
        "  chatops diagnose    what is wrong now, and the command that mends it",
        "",
        f"Connection: {connection}",
        f"  name {one} with --db URL, --env NAME or CHATOPS_DATABASE_URL; chatops config explains",
        "",
        "All commands: chatops --help",
    ):
        invocation.emit(line + "\n")
    return ExitCode.OK
