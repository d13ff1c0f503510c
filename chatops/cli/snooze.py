"""`chatops snooze`."""

from __future__ import annotations

import typer

from chatops.cli import completion
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(
    examples=["chatops snooze QUEUE010 --until 2099-01-15 --reason 'holiday staffing'", "chatops snooze QUEUE010 --off",
              "chatops --env production snooze QUEUE010 --store --until 2099-01-15 --reason 'holiday staffing'"],
    exits="0 written, or listed · 2 no such code, no date, no reason",
    takes=("connection", "output"),
    formats=DOCUMENT_FORMATS,
)  # fmt: skip
def snooze(
    ctx: typer.Context,
    code: str = typer.Argument(
        "", metavar="[CODE]", autocompletion=completion.codes, help="The finding to silence; without it: what is silent."
    ),
    until: str = typer.Option("", "--until", metavar="DATE", help="The first day on which it is shown again, YYYY-MM-DD."),
    reason: str = typer.Option("", "--reason", metavar="TEXT", help="Why; kept with it."),
    off: bool = typer.Option(False, "--off", help="Show it again."),
    store: bool = typer.Option(False, "--store", help="In the database: silent for everybody, logged with who and why."),
    yes: bool = typer.Option(False, "--yes", "-y", help="With --store: do not ask."),
) -> ExitCode:
    """Silences a finding of diagnose until a day, in chatops.toml: reviewed like code, and it ends by itself.

    verify shows it all the same, and so does `diagnose --only CODE`.
    """
    from chatops.flows.snooze import SnoozeRequest, snooze  # loads every check

    request = SnoozeRequest(code=code, until=until, reason=reason, off=off, store=store, yes=yes)
    return snooze(invocation_of(ctx), request)
