"""`chatops snooze`: which findings are silent, and until when, in chatops.toml."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from chatops import formatting, settings
from chatops.checks import load
from chatops.errors import ExitCode, UsageError
from chatops.flows.run import Invocation
from chatops.model import Answer, Column, Table
from chatops.settings import Configuration


def snooze(invocation: Invocation, code: str, until: str, reason: str, *, off: bool) -> ExitCode:
    """Silences a code, shows it again, or lists what is silent. Raises UsageError for what is no code, day or reason."""
    configuration = invocation.configuration
    if not code:
        return _list(invocation, configuration)
    (name,) = load.codes_of([code])[:1] or [code]
    load.chosen(load.shipped(), [name], [])
    path = configuration.path or Path("chatops.toml").absolute()
    if off:
        changed = settings.change_snooze(path, name, None)
        invocation.emit(f"{name} is shown again\n" if changed else f"{name} was not snoozed; nothing was changed\n")
        return ExitCode.OK
    if not reason.strip():
        raise UsageError("a reason is needed: --reason TEXT; nothing was written")
    wanted = settings.Snooze(name, _day(until), reason.strip())
    if not settings.change_snooze(path, name, wanted):
        invocation.emit(f"{name} is silent until {wanted.until} for this reason already; nothing was changed\n")
        return ExitCode.OK
    told = formatting.visible(path.name if path.parent == Path.cwd() else str(path))
    invocation.emit(f"{name} is silent until {wanted.until} in {told}. Undo: chatops snooze {name} --off\n")
    return ExitCode.OK


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--until takes a day as YYYY-MM-DD, not “{formatting.visible(text)}”; nothing was written") from None
    if day <= datetime.now(UTC).date():
        raise UsageError(f"--until {day} is not in the future; nothing was written")
    return day


def _list(invocation: Invocation, configuration: Configuration) -> ExitCode:
    today = datetime.now(UTC).date()
    rows = [
        {"code": one.code, "until": one.until, "silent": one.holds(today), "reason": one.reason}
        for one in settings.snoozes(configuration)
    ]
    columns = [Column(name, name) for name in ("code", "until", "silent", "reason")]
    invocation.show(Answer("snooze", [Table("snoozes", columns, rows, empty="nothing is snoozed")]))
    return ExitCode.OK
