"""`chatops snooze`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode, UsageError
from chatops.files import write_file
from chatops.flows.run import Invocation

if TYPE_CHECKING:
    from datetime import date

    from chatops.settings import Configuration


@command(
    examples=["chatops snooze QUEUE010 --until 2099-01-15 --reason 'holiday staffing'", "chatops snooze QUEUE010 --off"],
    exits="0 written, or listed · 2 no such code, no date, no reason",
    takes=("output",),
    formats=DOCUMENT_FORMATS,
)  # fmt: skip
def snooze(
    ctx: typer.Context,
    code: str = typer.Argument("", metavar="[CODE]", help="The finding to silence; without it: what is silent."),
    until: str = typer.Option("", "--until", metavar="DATE", help="The first day on which it is shown again, YYYY-MM-DD."),
    reason: str = typer.Option("", "--reason", metavar="TEXT", help="Why; kept in chatops.toml."),
    off: bool = typer.Option(False, "--off", help="Show it again."),
) -> ExitCode:
    """Silences a finding of diagnose until a day, in chatops.toml: reviewed like code, and it ends by itself.

    verify shows it all the same, and so does `diagnose --only CODE`.
    """
    from chatops import formatting, settings
    from chatops.checks import load

    invocation = invocation_of(ctx)
    configuration = settings.load()
    if not code:
        return _list(invocation, configuration)
    (name,) = load.codes_of([code])[:1] or [code]
    load.chosen(load.shipped(), [name], [])
    path = configuration.path or Path("chatops.toml")
    text = path.read_text(encoding="utf-8") if configuration.path else ""
    if off:
        write_file(path, settings.with_snooze(text, name, None))
        invocation.emit(f"{name} is shown again\n")
        return ExitCode.OK
    if not reason.strip():
        raise UsageError("a reason is needed: --reason TEXT; nothing was written")
    wanted = settings.Snooze(name, _day(until), reason.strip())
    write_file(path, settings.with_snooze(text, name, wanted))
    invocation.emit(
        f"{name} is silent until {wanted.until} in {formatting.visible(str(path))}. Undo: chatops snooze {name} --off\n"
    )
    return ExitCode.OK


def _day(text: str) -> date:
    from datetime import UTC, date, datetime

    from chatops import formatting

    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--until takes a day as YYYY-MM-DD, not “{formatting.visible(text)}”; nothing was written") from None
    if day <= datetime.now(UTC).date():
        raise UsageError(f"--until {day} is not in the future; nothing was written")
    return day


def _list(invocation: Invocation, configuration: Configuration) -> ExitCode:
    from datetime import UTC, datetime

    from chatops import settings
    from chatops.model import Answer, Column, Table

    today = datetime.now(UTC).date()
    rows = [
        {"code": one.code, "until": one.until, "silent": one.holds(today), "reason": one.reason}
        for one in settings.snoozes(configuration)
    ]
    columns = [Column(name, name) for name in ("code", "until", "silent", "reason")]
    invocation.show(Answer("snooze", [Table("snoozes", columns, rows, empty="nothing is snoozed")]))
    return ExitCode.OK
