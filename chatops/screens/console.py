"""The live desk's rows: a look and the findings as sections, each row with its id and the command that is equivalent to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from uuid import UUID

from chatops import formatting
from chatops.chats.desk import HeldChat, Look
from chatops.chats.log import Logged
from chatops.chats.reports import OperatorLoad
from chatops.checks.compare_looks import Changes, Was
from chatops.checks.findings import Finding, findings, tally
from chatops.checks.results import Survey
from chatops.frozen import frozen
from chatops.model import Style
from chatops.screens import console_why
from chatops.screens.console_why import clock
from chatops.screens.diagnose_short import since_when
from chatops.screens.lines import SEVERITY_STYLES
from chatops.screens.moved_chat import person

Key = tuple[str, str]
"""What a row is about: chat, operator, finding, action or tenant, and its id."""

CLOCKS_DIFFER = 5
"""Seconds by which an instant may be ahead of the database's clock: a client's is not quite the same."""
UNDOABLE = ("reassign", "release", "close", "reopen", "drain", "undrain", "undo")


@frozen
class Row:
    """One row; `words` are the equivalent command, `operator` whom it concerns, `gone` that the newest look has it no more."""

    key: Key
    cells: tuple[str, ...]
    words: tuple[str, ...]
    operator: UUID | None = None
    style: Style = "plain"
    gone: bool = False


@frozen
class Section:
    """Rows below a title; `total` may be more than the rows, `unseen` says why there are none to see.

    `widths` are the columns' at 80, the last takes what is left. `hidden`: shown only while a filter asks for its rows.
    """

    name: str
    title: str
    rows: tuple[Row, ...] = ()
    headings: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()
    total: int | None = None
    unseen: str | None = None
    least: int = 1
    hidden: bool = False
    remark: str = ""
    """Said behind the title and the number."""


@frozen
class Findings:
    """What the checks found when they last ran, against the first time on this desk; `gone` since, or since the last time."""

    survey: Survey
    changes: Changes | None = None
    gone: Mapping[str, Was] = field(default_factory=dict)
    age: float | None = None
    """Seconds since they ran, where the database's clock does not tell."""


# ---- from data to sections ------------------------------------------------------------------------------------------


def sections(look: Look, found: Findings | None, *, show_names: bool) -> list[Section]:
    """The desk, part by part."""
    people = {one.operator_id: one for one in look.operators or ()}
    return [
        _waiting(look, found, show_names),
        _held(look, people, show_names),
        _free(look, show_names),
        _others(look, show_names),
        _findings(look, found),
        _last(look, people, show_names),
    ]


def _waiting(look: Look, found: Findings | None, show_names: bool) -> Section:
    total = look.queue.waiting if look.queue else None
    part = Section("waiting", "WAITING", headings=("", "", "user", "profile", "why nobody has it"),
                   widths=(8, 9, 16, 12), total=total, unseen=look.unseen.get("waiting"), least=3)  # fmt: skip
    free = console_why.free_of(look)
    passed = console_why.passed_over(found.survey if found else None)
    rows = []
    for chat in look.waiting or ():
        why = console_why.why(chat, look, free, passed.get(chat.chat_id, 0), show_names=show_names)
        names = (_name(chat.user_name, show_names), _name(chat.profile_name, show_names))
        rows.append(
            Row(
                ("chat", str(chat.chat_id)), (_id(chat.chat_id), age(chat.waiting_since, look.now), *names, why),
                ("reassign", _id(chat.chat_id), "--to", "auto"), chat.last_operator_id,
            )
        )  # fmt: skip
    return replace(part, rows=tuple(rows))


def _held(look: Look, people: Mapping[UUID, OperatorLoad], show_names: bool) -> Section:
    part = Section("held", "HELD, UNANSWERED", headings=("", "", "user", "operator", "last seen"), widths=(8, 9, 16, 16),
                   total=_total(look.held), unseen=look.unseen.get("held"), least=2)  # fmt: skip
    rows = []
    for chat in look.held or ():
        holder = people.get(chat.operator_id) if chat.operator_id is not None else None
        gone = holder is not None and look.silent(holder)
        seen = "nobody was called" if chat.operator_id is None else age(holder.last_activity, look.now) if holder else "—"
        command = ("release", _id(chat.chat_id)) if gone else ("reassign", _id(chat.chat_id), "--to", "auto")
        who = person(holder.name if holder else None, chat.operator_id, show_names=show_names) or "—"
        texts = (_id(chat.chat_id), age(chat.since, look.now), _name(chat.user_name, show_names), who,
                 seen + ("  GONE" if gone else ""))  # fmt: skip
        rows.append(Row(("chat", str(chat.chat_id)), texts, command, chat.operator_id, "warning" if gone else "plain"))
    return replace(part, rows=tuple(rows))


def _free(look: Look, show_names: bool) -> Section:
    part = Section("free", "FREE", headings=("", "last seen", ""), widths=(8, 9, 24), unseen=look.unseen.get("operators"))
    free = [one for one in look.operators or () if one.load == "free"]
    free.sort(key=lambda one: (one.last_activity is None, -(one.last_activity.timestamp() if one.last_activity else 0)))
    rows = tuple(_person(one, look, show_names, "SILENT" if look.silent(one) else "") for one in free)
    return replace(part, rows=rows, total=len(rows) if look.operators is not None else None)


def _others(look: Look, show_names: bool) -> Section:
    """Everybody who is not free: there to be found, not to be read."""
    part = Section("others", "OPERATORS", headings=("", "last seen", "", ""), widths=(8, 9, 24),
                   unseen=look.unseen.get("operators"), hidden=True)  # fmt: skip
    rows = []
    for one in look.operators or ():
        if one.load != "free":
            held = f"busy for {age(one.held_since, look.now)}" if one.load == "busy" else one.load
            rows.append(_person(one, look, show_names, held + ("  GONE" if look.silent(one) else "")))
    return replace(part, rows=tuple(rows))


def _person(one: OperatorLoad, look: Look, show_names: bool, told: str) -> Row:
    cells = (_id(one.operator_id), age(one.last_activity, look.now), _name(one.name, show_names), told)
    return Row(("operator", str(one.operator_id)), cells, ("show", "operator", _id(one.operator_id)), one.operator_id,
               "warning" if look.silent(one) else "plain")  # fmt: skip


def _findings(look: Look, found: Findings | None) -> Section:
    part = Section("findings", "FINDINGS", widths=(8, 9, 5), least=2)
    if found is None:
        return replace(part, unseen="not looked for yet: f")
    old = age(found.survey.now, look.now) if found.age is None else formatting.duration(round(found.age))
    advice = tally(found.survey)["advice"]
    remark = (f", {formatting.count(advice)} advice" if advice else "") + f", {old} old"
    rows = []
    listed = [one for one in findings(found.survey, lambda *words: " ".join(words)) if one.word != "advice"]
    for one in listed:
        change = found.changes.now.get(one.code) if found.changes else None
        word = {"new": "NEW", "ongoing": "ongoing"}.get(change.kind, "found") if change else "found"
        since = since_when(one, found.survey, found.changes)
        brief = ("" if one.word == "warning" else f"{one.word}: ") + one.brief
        style: Style = "strong" if one.word == "critical" else SEVERITY_STYLES[one.word]
        rows.append(Row(("finding", one.code), (word, one.code, since, brief), _mended_by(one), None, style))
    for code, was in found.gone.items():
        if was.word != "advice":
            rows.append(Row(("finding", code), ("gone", code, "", f"was {was.word}"), ("explain", code), None, "dim"))
    rows.sort(key=lambda row: row.cells[0] != "NEW")
    return replace(part, remark=remark, rows=tuple(rows), total=len(listed))


def _mended_by(one: Finding) -> tuple[str, ...]:
    """The command that previews what mends it, or its meaning where no command does."""
    return (one.command,) if one.command is not None else ("explain", one.code)


def _last(look: Look, people: Mapping[UUID, OperatorLoad], show_names: bool) -> Section:
    part = Section("last", "LAST", widths=(5, 12), unseen=look.unseen.get("actions"))
    rows = []
    for one in look.actions or ():
        undoable = one.outcome == "done" and one.action in UNDOABLE
        words = ("undo", str(one.action_id)) if undoable else ("log",)
        rows.append(Row(("action", str(one.action_id)), (clock(one.at), _name(one.who, True), _told(one, people, show_names)),
                        words, one.operator_id, "plain" if one.outcome == "done" else "warning"))  # fmt: skip
    return replace(part, rows=tuple(rows), remark="" if rows or part.unseen else ": nothing yet")


def _told(one: Logged, people: Mapping[UUID, OperatorLoad], show_names: bool) -> str:
    what = f"{one.action_id} {one.what}" + (f" {_id(one.chat_id)}" if one.chat_id else "")
    taker = one.operator_after_id if one.action in ("reassign", "undo") else one.operator_id if one.chat_id is None else None
    if taker is not None and taker in people:
        what += f"{' to' if one.chat_id else ''} {person(people[taker].name, taker, show_names=show_names)}"
    return what + (f', "{formatting.shortened(one.why, 60)}"' if one.why else "")


def age(instant: datetime | None, now: datetime | None) -> str:
    """How long ago, with no seconds beside minutes: a row is glanced at. What is yet to come, for clocks are wrong, is no 0 s.

    >>> one, noon = datetime(2026, 1, 15, 13), datetime(2026, 1, 15, 12)
    >>> age(noon, one), age(one, noon), age(datetime(2026, 1, 15, 12, 0, 1), noon)
    ('1 h', 'in 1 h', '0 s')
    """
    if instant is None or now is None or hasattr(instant, "text"):  # never, or beyond the calendar
        return formatting.age(instant, now)
    seconds = int((now - instant).total_seconds())
    if seconds < -CLOCKS_DIFFER:
        return f"in {' '.join(formatting.duration(-seconds).split()[:2])}"
    return re.sub(r"(?<= m) \d\d s$", "", formatting.duration(max(0, seconds)))


def _id(one: UUID) -> str:
    return str(one)[:8]


def _name(name: str | None, show_names: bool) -> str:
    return formatting.called(name) if show_names else formatting.initial(name)


def _total(held: Sequence[HeldChat] | None) -> int | None:
    return None if held is None else held[0].total if held else 0
