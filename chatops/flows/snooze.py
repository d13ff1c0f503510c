"""`chatops snooze`: which findings are silent, and until when: in chatops.toml, or in the database for everybody."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from chatops import formatting, settings
from chatops.checks import load, stored_snoozes
from chatops.errors import ExitCode, RefusedError, UsageError
from chatops.flows import acting
from chatops.flows.run import Invocation
from chatops.model import Answer, Column, Span, Table, named
from chatops.settings import Configuration
from chatops.settings.snooze_file import change_snooze


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeRequest:
    """The finding, until when and why it is silent, in chatops.toml or (`store`) in the database for everybody."""

    code: str
    until: str = ""
    reason: str = ""
    off: bool = False
    store: bool = False
    yes: bool = False


def snooze(invocation: Invocation, request: SnoozeRequest) -> ExitCode:
    """Silences a code, shows it again, or lists what is silent. Raises UsageError for what is no code, day or reason."""
    configuration = invocation.configuration
    if not request.code:
        return _list_stored(invocation) if request.store else _list(invocation, configuration)
    (name,) = load.codes_of([request.code])[:1] or [request.code]
    load.chosen(load.shipped(), [name], [])
    if not request.off and not request.reason.strip():
        raise UsageError("a reason is needed: --reason TEXT; nothing was written")
    day = None if request.off else _day(request.until)
    if request.store:
        return _stored(invocation, name, day, request)
    return _in_file(invocation, configuration, name, day, request.reason.strip())


def _stored(invocation: Invocation, code: str, day: date | None, request: SnoozeRequest) -> ExitCode:
    database = invocation.connect("act")
    with acting.planning(invocation, database, moves=False):
        pass  # a standby, and a log that is missing, are refused
    reason = "" if day is None else invocation.needed_reason(request.reason)
    again = f"Show {code} again to" if day is None else f"Silence {code} for"
    if not invocation.consent(f"{again} everybody", yes=request.yes):
        raise RefusedError("nothing was changed")
    if day is None:
        action = stored_snoozes.end(database, invocation.provenance, code)
        done = f"{code} is shown again, action {action}" if action else f"{code} was not snoozed; nothing was changed"
        invocation.tell(done, code=code, until=None, action_id=action)
        return ExitCode.OK
    action = stored_snoozes.store(database, invocation.provenance, code, day, reason)
    undo = Span(invocation.here("snooze", code, "--off", "--store"), "code")
    told = [Span(f"{code} is silent until {day} for everybody, action {action}. Undo: "), undo]
    invocation.tell(told, code=code, until=day, action_id=action)
    return ExitCode.OK


def _list_stored(invocation: Invocation) -> ExitCode:
    with invocation.reading() as database:
        rows = stored_snoozes.listed(database)
    columns = [Column("code", "code"), Column("until", "until", "instant"), Column("reason", "reason"),
               Column("set_by", "by", "person"), Column("set_at", "since", "age")]  # fmt: skip
    table = Table("snoozes", columns, rows, empty="nothing is snoozed in the database")
    invocation.show(Answer("snooze", [table], now=invocation.now))
    return ExitCode.OK


def _in_file(invocation: Invocation, configuration: Configuration, name: str, day: date | None, reason: str) -> ExitCode:
    path = configuration.path or Path("chatops.toml").absolute()
    schema = invocation.schema or invocation.environ.get("CHATOPS_SCHEMA") or None
    if day is None:
        changed = change_snooze(path, name, None, schema)
        told = f"{name} is shown again" if changed else f"{name} was not snoozed; nothing was changed"
        invocation.tell(told, code=name, until=None, changed=changed)
        return ExitCode.OK
    wanted = settings.Snooze(name, day, reason)
    if not change_snooze(path, name, wanted, schema):
        told = f"{name} is silent until {wanted.until} for this reason already; nothing was changed"
        invocation.tell(told, code=name, until=wanted.until, changed=False)
        return ExitCode.OK
    place = formatting.visible(path.name if path.parent == Path.cwd() else str(path))
    of, flag = (f" for schema {formatting.visible(schema)}", f"--schema {shlex.quote(schema)} ") if schema else ("", "")
    undo = Span(f"chatops {flag}snooze {name} --off", "code")
    line = [
        Span(f"{name} is silent{of} until {wanted.until} in {place}, for this file's users; --store: for all. Undo: "),
        undo,
    ]
    invocation.tell(line, code=name, until=wanted.until, changed=True)
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
        {
            "code": one.code,
            "until": one.until,
            "silent": one.holds(today),
            "reason": one.reason,
            "schemas": ", ".join(one.schemas) or None,
        }
        for one in settings.snoozes(configuration)
    ]
    columns = named("code", "until", "silent", "reason", "schemas")
    invocation.show(Answer("snooze", [Table("snoozes", columns, rows, empty="nothing is snoozed")]))
    return ExitCode.OK
