"""`chatops snooze`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli.declared import Context, may_be_left_out, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(takes=("connection", "output"), formats=DOCUMENT_FORMATS)
def snooze(
    ctx: Context,
    code: str = may_be_left_out("[CODE]", completion.codes, "The finding to silence; without it: what is silent."),
    until: str = option(
        "",
        "--until",
        metavar="WHEN",
        help="When it is shown again: a day (YYYY-MM-DD, tomorrow), a time (14:30, UTC), an instant.",
    ),
    span: str = option("", "--for", metavar="TIME", help="For how long instead, such as 4h."),
    reason: str = option("", "--reason", metavar="TEXT", help="Why; kept with it."),
    off: bool = option(False, "--off", help="Show it again."),
    store: bool = option(False, "--store", help="In the database: silent for everybody, logged with who and why."),
    yes: bool = option(False, "--yes", "-y", help="With --store: do not ask."),
) -> ExitCode:
    """Silences a finding of diagnose for a time, in chatops.toml: reviewed like code, and it ends by itself.

    verify shows it all the same, and so does `diagnose --only CODE`. Without a code the file and the database
    are listed.

    Examples:
      chatops snooze QUEUE010 --until 2099-01-15 --reason 'holiday staffing'
      chatops snooze QUEUE010 --for 4h --reason 'two people are on their way'
      chatops snooze QUEUE010 --off
      chatops --env production snooze QUEUE010 --store --until 2099-01-15 --reason 'holiday staffing'

    Exit codes: 0 written, or listed · 1 shown again here, silent still in the other place · 2 no such code, no time, no reason
    """
    from chatops.flows.snooze import SnoozeRequest, snooze  # loads every check

    request = SnoozeRequest(code=code, until=until, span=span, reason=reason, off=off, store=store, yes=yes)
    return snooze(invocation_of(ctx), request)
