"""The live desk's rows: a look and the findings as sections, each row with its id and the command that is equivalent to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from chatops import formatting
from chatops.chats.desk import HeldChat, Look
from chatops.chats.log import Logged
from chatops.chats.reports import OperatorLoad, WaitingChat
from chatops.checks.compare_looks import Changes, Was
from chatops.checks.findings import findings
from chatops.checks.results import Survey
from chatops.model import Style
from chatops.screens.diagnose_short import since_when
from chatops.screens.lines import SEVERITY_STYLES
from chatops.screens.moves import person

Key = tuple[str, str]
"""What a row is about: chat, operator, finding or action, and its id."""

UNDOABLE = ("reassign", "release", "close", "reopen", "drain", "undrain")


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `words` are the equivalent command, `operator` whom it concerns, `gone` that the newest look has it no more."""

    key: Key
    cells: tuple[str, ...]
    words: tuple[str, ...]
    operator: UUID | None = None
    style: Style = "plain"
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Rows below a title; `total` may be more than the rows, `unseen` says why there are none to see.

    `widths` are the columns' at 80, the last takes what is left; `right` are the columns that end at the right.
    """

    name: str
    title: str
    rows: tuple[Row, ...] = ()
    headings: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()
    total: int | None = None
    unseen: str | None = None
    least: int = 1


@dataclass(frozen=True, slots=True)
class Findings:
    """What the checks found when they last ran, against the first time on this desk; `gone` since, or since the last time."""

    survey: Survey
    changes: Changes | None = None
    gone: Mapping[str, Was] = field(default_factory=dict)


# ---- from data to sections ------------------------------------------------------------------------------------------


def sections(look: Look, found: Findings | None, *, show_names: bool, here: Callable[..., str]) -> list[Section]:
    """The desk, part by part."""
    people = {one.operator_id: one for one in look.operators or ()}
    return [
        _waiting(look, show_names),
        _held(look, people, show_names),
        _free(look, show_names),
        _findings(look, found, here),
        _last(look, people, show_names),
    ]


def why_waiting(chat: WaitingChat, operators: Sequence[OperatorLoad], paused: datetime | None, *, show_names: bool) -> str:
    """Why nobody has a chat that waits, as far as the rules tell: the pause, nobody free, only its last one free."""
    if paused is not None:
        return f"paused until {paused.astimezone(UTC):%H:%M}"
    free = [one for one in operators if one.load == "free"]
    others = [one for one in free if one.operator_id != chat.last_operator_id]
    if not free:
        away = sum(1 for one in operators if one.load == "away")
        return f"nobody is free, {formatting.count(away)} away" if away else "nobody is free"
    if not others:
        return f"only {person(free[0].name, free[0].operator_id, show_names=show_names)} is free, who had it last"
    return f"{formatting.plural(len(others), 'free does', 'free do')} not fetch"


def _waiting(look: Look, show_names: bool) -> Section:
    total = look.queue.waiting if look.queue else None
    part = Section("waiting", "WAITING", headings=("", "", "user", "profile", "why nobody has it"),
                   widths=(8, 9, 16, 12), total=total, unseen=look.unseen.get("waiting"), least=3)  # fmt: skip
    rows = []
    for chat in look.waiting or ():
        why = why_waiting(chat, look.operators, look.paused, show_names=show_names) if look.operators is not None else "not seen"
        names = (_name(chat.user_name, show_names), _name(chat.profile_name, show_names))
        rows.append(
            Row(
                ("chat", str(chat.chat_id)), (_id(chat.chat_id), formatting.age(chat.waiting_since, look.now), *names, why),
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
        gone = holder is not None and silent(holder, look)
        seen = (
            "nobody was called" if chat.operator_id is None else formatting.age(holder.last_activity, look.now) if holder else "—"
        )
        command = ("release", _id(chat.chat_id)) if gone else ("reassign", _id(chat.chat_id), "--to", "auto")
        who = person(holder.name if holder else None, chat.operator_id, show_names=show_names) or "—"
        texts = (_id(chat.chat_id), formatting.age(chat.since, look.now), _name(chat.user_name, show_names), who,
                 seen + ("  GONE" if gone else ""))  # fmt: skip
        rows.append(Row(("chat", str(chat.chat_id)), texts, command, chat.operator_id, "warning" if gone else "plain"))
    return replace(part, rows=tuple(rows))


def silent(operator: OperatorLoad, look: Look) -> bool:
    """Whether somebody who holds a chat is inactive, or was not heard of for longer than the idle timeout."""
    if operator.load != "busy":
        return operator.load == "inactive"
    return operator.last_activity is None or look.now - operator.last_activity > look.idle_timeout


def _free(look: Look, show_names: bool) -> Section:
    part = Section("free", "FREE", headings=("", "last seen", ""), widths=(8, 9), total=None,
                   unseen=look.unseen.get("operators"))  # fmt: skip
    free = [one for one in look.operators or () if one.load == "free"]
    free.sort(key=lambda one: (one.last_activity is None, -(one.last_activity.timestamp() if one.last_activity else 0)))
    rows = tuple(
        Row(("operator", str(one.operator_id)),
            (_id(one.operator_id), formatting.age(one.last_activity, look.now), _name(one.name, show_names)),
            ("show", "operator", _id(one.operator_id)), one.operator_id)
        for one in free
    )  # fmt: skip
    return replace(part, rows=rows, total=len(rows) if look.operators is not None else None)


def _findings(look: Look, found: Findings | None, here: Callable[..., str]) -> Section:
    part = Section("findings", "FINDINGS", widths=(8, 9, 5), least=2)
    if found is None:
        return replace(part, unseen="not looked for yet: f")
    title = f"FINDINGS, {formatting.age(found.survey.now, look.now)} old"
    rows = []
    listed = [one for one in findings(found.survey, here) if one.word != "advice"]
    for one in listed:
        change = found.changes.now.get(one.code) if found.changes else None
        word = {"new": "NEW", "ongoing": "ongoing"}.get(change.kind, "found") if change else "found"
        since = since_when(one, found.survey, found.changes)
        brief = ("unknown: " if one.word == "unknown" else "") + one.brief
        words = ("explain", one.code)
        rows.append(Row(("finding", one.code), (word, one.code, since, brief), words, None, SEVERITY_STYLES[one.word]))
    for code, was in found.gone.items():
        if was.word != "advice":
            rows.append(Row(("finding", code), ("gone", code, "", f"was {was.word}"), ("explain", code), None, "dim"))
    rows.sort(key=lambda row: row.cells[0] != "NEW")
    return replace(part, title=title, rows=tuple(rows), total=len(listed))


def _last(look: Look, people: Mapping[UUID, OperatorLoad], show_names: bool) -> Section:
    part = Section("last", "LAST", widths=(5, 12), unseen=look.unseen.get("actions"))
    rows = []
    for one in look.actions or ():
        words = ("undo", str(one.action_id)) if one.outcome == "done" and one.action in UNDOABLE else ("log",)
        rows.append(Row(("action", str(one.action_id)), (clock(one.at), _name(one.who, True), _told(one, people, show_names)),
                        words, one.operator_id, "plain" if one.outcome == "done" else "warning"))  # fmt: skip
    return replace(part, rows=tuple(rows))


def _told(one: Logged, people: Mapping[UUID, OperatorLoad], show_names: bool) -> str:
    what = f"{one.action_id} {one.what}" + (f" {_id(one.chat_id)}" if one.chat_id else "")
    taker = one.operator_after_id if one.action == "reassign" else one.operator_id if one.chat_id is None else None
    if taker is not None and taker in people:
        what += f" to {person(people[taker].name, taker, show_names=show_names)}"
    return what + (f', "{formatting.shortened(one.why, 60)}"' if one.why else "")


def _id(one: UUID) -> str:
    return str(one)[:8]


def _name(name: str | None, show_names: bool) -> str:
    return formatting.shortened(name or "—", 40) if show_names else formatting.initial(name)


def _total(held: Sequence[HeldChat] | None) -> int | None:
    return None if held is None else held[0].total if held else 0


def clock(moment: datetime) -> str:
    """An instant's hour and minute, in UTC."""
    return f"{moment.astimezone(UTC):%H:%M}"
