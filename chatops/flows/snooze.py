"""`chatops snooze`: which findings are silent, and until when: in chatops.toml, or in the database for everybody."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from chatops import formatting, settings
from chatops.checks import load, stored_snoozes
from chatops.checks.stored_snoozes import StoredSnooze
from chatops.errors import ChatopsError, ExitCode, RefusedError, UsageError
from chatops.flows import acting
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.settings import Configuration, Snooze
from chatops.settings.snooze_file import change_snooze

FORMS = "a day as YYYY-MM-DD or tomorrow, a time as HH:MM (UTC), or an instant"
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
COLUMNS = [
    Column("code", "code"),
    Column("until", "until", "instant"),
    Column("silent", "silent", "flag"),
    Column("where", "where"),
    Column("reason", "reason"),
    Column("set_by", "by", "person"),
    Column("set_at", "since", "age"),
    Column("schemas", "schemas"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeRequest:
    """The finding, until when or for how long and why it is silent; `store`: in the database, for everybody."""

    code: str
    until: str = ""
    span: str = ""
    reason: str = ""
    off: bool = False
    store: bool = False
    yes: bool = False


def snooze(invocation: Invocation, request: SnoozeRequest) -> ExitCode:
    """Silences a code, shows it again, or lists what is silent. Raises UsageError for what is no code, time or reason."""
    configuration = invocation.configuration
    if not request.code:
        return _list(invocation, configuration, stored_alone=request.store)
    names = load.codes_of([request.code]) or [request.code]
    if len(names) > 1:
        raise UsageError(f"one finding at a time, each with its reason, not {len(names)}; nothing was written")
    (name,) = names
    load.chosen(load.shipped(), [name], [])
    if not request.off and not request.reason.strip():
        raise UsageError("a reason is needed: --reason TEXT; nothing was written")
    until = None if request.off else _until(request.until, request.span, datetime.now(UTC))
    if request.store:
        return _stored(invocation, name, until, request)
    return _in_file(invocation, configuration, name, until, request.reason.strip())


def _stored(invocation: Invocation, code: str, until: datetime | None, request: SnoozeRequest) -> ExitCode:
    database = invocation.connect("act")
    with acting.planning(invocation, database, moves=False):
        pass  # a standby, and a log that is missing, are refused
    reason = "" if until is None else invocation.needed_reason(request.reason)
    again = f"Show {code} again to" if until is None else f"Silence {code} for"
    if not invocation.consent(f"{again} everybody", yes=request.yes):
        raise RefusedError("nothing was changed")
    if until is None:
        action = stored_snoozes.end(database, invocation.provenance, code)
        told: list[Span] = [
            Span(f"{code} is shown again, action {action}" if action else f"{code} was not snoozed in the database")
        ]
        in_file = _of_file(invocation, code)
        if in_file is not None:
            told += [
                Span(f"; it is silent until {in_file.told} by chatops.toml: ", "warning"),
                Span(_off(invocation, code), "code"),
            ]
        elif not action:
            told.append(Span("; nothing was changed"))
        invocation.tell(told, code=code, until=in_file.ends if in_file else None, action_id=action)
        return ExitCode.OK if in_file is None else ExitCode.FOUND
    action = stored_snoozes.store(database, invocation.provenance, code, until, reason)
    undo = Span(_off(invocation, code, "--store"), "code")
    told = [Span(f"{code} is silent until {settings.until_in_words(until)} for everybody, action {action}. Undo: "), undo]
    invocation.tell(told, code=code, until=_given(until), action_id=action)
    return ExitCode.OK


def _off(invocation: Invocation, code: str, *words: str) -> str:
    return invocation.here("snooze", code, "--off", *words)


def _given(until: datetime) -> object:
    """As a machine reads it: a day where one begins."""
    return until.date() if until.time() == time() else until


def _of_file(invocation: Invocation, code: str) -> Snooze | None:
    """What chatops.toml says of a code, where it is silent now."""
    now = datetime.now(UTC)
    return next((one for one in settings.snoozes(invocation.configuration) if one.code == code and one.holds(now)), None)


def _in_database(invocation: Invocation) -> tuple[list[StoredSnooze], str | None]:
    """What is silent by the database, where one is named; why it could not be asked."""
    if not _names_a_database(invocation):
        return [], None
    try:
        with invocation.seeing(), invocation.reading() as database:
            return stored_snoozes.listed(database), None
    except ChatopsError as error:
        return [], error.message


def _names_a_database(invocation: Invocation) -> bool:
    try:
        return bool(invocation.target.parameters)
    except ChatopsError:
        return False


def _in_file(invocation: Invocation, configuration: Configuration, name: str, until: datetime | None, reason: str) -> ExitCode:
    path = configuration.path or Path("chatops.toml").absolute()
    schema = invocation.schema or invocation.environ.get("CHATOPS_SCHEMA") or None
    if until is None:
        changed = change_snooze(path, name, None, schema)
        stored = next((one for one in _in_database(invocation)[0] if one.code == name), None)
        told: list[Span] = [Span(f"{name} is shown again" if changed else f"{name} was not snoozed in chatops.toml")]
        if stored is not None:
            by = formatting.visible(stored.set_by)
            said = f"; it is silent until {settings.until_in_words(stored.until)} in the database, by {by}: "
            told += [Span(said, "warning"), Span(_off(invocation, name, "--store"), "code")]
        elif not changed:
            told = [Span(f"{name} was not snoozed; nothing was changed")]
        invocation.tell(told, code=name, until=stored.until if stored else None, changed=changed)
        return ExitCode.OK if stored is None else ExitCode.FOUND
    wanted = Snooze(name, until if until.time() != time() else until.date(), reason)
    if not change_snooze(path, name, wanted, schema):
        said = f"{name} is silent until {wanted.told} for this reason already; nothing was changed"
        invocation.tell(said, code=name, until=_given(until), changed=False)
        return ExitCode.OK
    place = formatting.visible(path.name if path.parent == Path.cwd() else str(path))
    of, flag = (f" for schema {formatting.visible(schema)}", f"--schema {shlex.quote(schema)} ") if schema else ("", "")
    undo = Span(f"chatops {flag}snooze {name} --off", "code")
    line = [
        Span(f"{name} is silent{of} until {wanted.told} in {place}, for this file's users; --store: for all. Undo: "),
        undo,
    ]
    invocation.tell(line, code=name, until=_given(until), changed=True)
    return ExitCode.OK


def _until(text: str, span: str, now: datetime) -> datetime:
    """When the finding is shown again, in UTC; a time of day is the next one.

    >>> noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    >>> [f"{_until(*given, noon):%d %H:%M}" for given in (("14:30", ""), ("9:00", ""), ("tomorrow", ""), ("", "4h"), ("4h", ""))]
    ['26 14:30', '27 09:00', '27 00:00', '26 16:00', '26 16:00']
    """
    if text and span:
        raise UsageError("--until and --for are two ways to say one thing; give one of them")
    if span:
        return now + _positive(span, "--for")
    given = text.strip()
    today = datetime.combine(now.date(), time(), UTC)
    if given.lower() == "tomorrow":
        return today + timedelta(days=1)
    if found := _TIME.fullmatch(given):
        then = today + timedelta(hours=int(found[1]), minutes=int(found[2]))
        return then if then > now else then + timedelta(days=1)
    try:
        then = datetime.fromisoformat(given)
    except ValueError:
        if re.match(r"\d+(\.\d+)?\s*(m|h|d|w)", given):
            return now + _positive(given, "--until")
        raise UsageError(f"--until takes {FORMS}, not “{formatting.visible(text)}”; or --for 4h; nothing was written") from None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    if then <= now:
        raise UsageError(f"--until {formatting.visible(given)} is not in the future; nothing was written")
    return then


def _positive(text: str, flag: str) -> timedelta:
    span = formatting.span(text, flag)
    if span <= timedelta():
        raise UsageError(f"{flag} {formatting.visible(text)} is no time; nothing was written")
    return span


def _list(invocation: Invocation, configuration: Configuration, *, stored_alone: bool) -> ExitCode:
    """What is silent in both places; with --store in the database alone, which must be there then."""
    now = datetime.now(UTC)
    unread: str | None = None
    if stored_alone:
        with invocation.reading() as database:
            stored = stored_snoozes.listed(database)
    else:
        stored, unread = _in_database(invocation)
    rows: list[dict[str, object]] = [
        {
            "code": one.code,
            "until": one.ends,
            "silent": one.holds(now),
            "where": "chatops.toml",
            "reason": one.reason,
            "set_by": None,
            "set_at": None,
            "schemas": ", ".join(one.schemas) or None,
        }
        for one in ([] if stored_alone else settings.snoozes(configuration))
    ]
    rows += [
        {"code": one.code, "until": one.until, "silent": True, "where": "database", "reason": one.reason,
         "set_by": one.set_by, "set_at": one.set_at, "schemas": None}
        for one in stored
    ]  # fmt: skip
    empty = "nothing is snoozed in the database" if stored_alone else "nothing is snoozed"
    lines: list[Line] = (
        [[Span(f"what is snoozed in the database is unknown: {formatting.visible(unread)}", "warning")]] if unread else []
    )
    table = Table("snoozes", COLUMNS, rows, empty=empty)
    show_paged(invocation, Answer("snooze", [table, Text(lines)] if lines else [table], now=invocation.now))
    return ExitCode.OK
