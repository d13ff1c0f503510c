"""The answer of `show chat`: its state, what happened in it, and what is wrong with it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from chatops import formatting, states
from chatops.chats.one_chat import Chat, Event, OneChat
from chatops.checks.findings import findings
from chatops.checks.results import Survey
from chatops.lock_holders import Holder
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.screens.finding import finding_lines, finding_table
from chatops.screens.lines import Reader

REPAIRED = "repair "
_NUMBER = re.compile(r"action \d+$")


def about_chat(
    one: OneChat, survey: Survey, reader: Reader, further: Sequence[Line] = (), *,
    holders: Sequence[Holder] = (), paused: datetime | None = None,
) -> Answer:  # fmt: skip
    """The chat, its newest events and the findings that name it; `survey` was taken about this chat.

    `further` are lines below its state, such as why nobody gets it; `holders` have locked its row; `paused`: until when.
    """
    named, chat, events = one.named, one.chat, one.events
    found = findings(survey, reader.here)
    user, profile = (
        formatting.called(name) if reader.show_names else formatting.initial(name)
        for name in (named.user_name, named.profile_name)
    )
    state: list[Line] = [
        [Span(str(chat.chat_id), "strong"), Span(f" · {user} → {profile}")],
        [Span(_state(chat, survey.now, reader))],
        [Span(_why(chat, paused=paused is not None))],
        *([_locked(holders[0], reader)] if holders else []),
        *further,
    ]
    wrong: list[Line] = []
    for finding in found:
        wrong += ["", *finding_lines(finding, survey, reader)]
    ran = f"{survey.ran} of {formatting.plural(len(survey.results), 'check')} ran"
    if not survey.results:  # the live desk opens it at once: what was not checked is not well
        wrong = ["", [Span("not checked: "), Span(reader.here("diagnose", str(chat.chat_id)), "code")]]
    if not wrong and not holders:
        keeps = "only the pause keeps it" if paused is not None and further else "nothing is wrong with it"
        wrong = ["", [Span(f"{keeps} · {ran}", "ok")]]
    columns = [
        Column("at", "when", "age", audience="people") if reader.short_ids else Column("at", "when", "instant"),
        Column("event", "what"),
        Column("operator_id", "operator", "id", rank=3),
        Column("operator_name", "name", "person", rank=2),
        Column("detail", "detail"),
    ]
    if reader.short_ids:
        columns.insert(1, Column("at", "when", "instant", audience="machines"))
    return Answer(
        "diagnose",
        [
            Text(state),
            *_told(columns, events),
            Text(wrong),
            finding_table(found, reader),
        ],
        data={"chat": _plain(chat), "checks": len(survey.results), "checks_run": survey.ran},
        now=survey.now,
    )


def _told(columns: list[Column], events: Sequence[Event]) -> list[Table]:
    """The events; for people what one repair did to several rows of the chat is one line with a count."""
    folded: list[Event] = []
    for _, group in itertools.groupby(events, key=lambda one: (one.event, one.operator_id, _NUMBER.sub("", one.detail or ""))):
        alike = list(group)
        if alike[1:] and alike[0].event.startswith(REPAIRED):
            first, last = (
                (_NUMBER.search(one.detail or "") or ("",))[0].removeprefix("action ") for one in (alike[0], alike[-1])
            )
            told = _NUMBER.sub(f"actions {first} to {last}", alike[-1].detail or "")
            folded.append(replace(alike[-1], event=f"{alike[0].event}, {formatting.plural(len(alike), 'row')}", detail=told))
        else:
            folded += alike
    empty = "nothing has happened in it yet"
    if len(folded) == len(events):
        return [Table("events", columns, events, empty=empty)]
    return [Table("events", columns, folded, audience="people"), Table("events", columns, events, audience="machines")]


def _state(chat: Chat, now: datetime, reader: Reader) -> str:
    parts = [states.brief(chat.chat_state)]
    if chat.is_active is not True:
        parts.append("not active" if chat.is_active is False else "active flag missing")
    if chat.operator_id is not None:
        name = chat.operator_name if reader.show_names else None
        held = f"held by {formatting.visible(name or str(chat.operator_id))}"
        parts.append(held + (f" for {formatting.age(chat.assignment_time, now)}" if chat.assignment_time else ""))
    if chat.user_wrote_at:
        parts.append(f"user's last message {formatting.ago(chat.user_wrote_at, now)}")
    parts.append(f"answered {formatting.ago(chat.answered_at, now)}" if chat.answered_at else "never answered")
    parts.append(formatting.plural(chat.open_assignments, "open assignment"))
    return " · ".join(parts)


def _locked(holder: Holder, reader: Reader) -> Line:
    """That nobody can be given it, nor write into it, as long as somebody keeps its row."""
    return [Span("locked by ", "warning"), Span(f"{holder}: "), Span(reader.here("diagnose", "--only", "DB010"), "code")]


def _why(chat: Chat, *, paused: bool) -> str:
    """Why the chat is in its state, in this system's words."""
    spoke_last = chat.user_wrote_at is not None and (chat.answered_at is None or chat.user_wrote_at > chat.answered_at)
    if chat.is_active is False and chat.chat_state not in (None, "completed"):
        wrote = "its user wrote last, but " if spoke_last else ""
        return f"why: {wrote}its active flag is off, so it is in nobody's queue; state and flag contradict each other"
    match chat.chat_state:
        case "waiting_assignment" if chat.operator_id is not None:
            return "why: it waits, but an operator still stands on it; a second one can get it while the first is writing"
        case "waiting_assignment" if chat.user_wrote_at is None:
            return "why: the application makes chats before any message; an empty one is in nobody's queue"
        case "waiting_assignment" if spoke_last:
            return "why: its user wrote and nobody has taken it since" + (": the queue is paused" if paused else "")
        case "waiting_assignment":
            return "why: it was put back, although we had the last word"
        case "assigned" if chat.operator_id is None:
            return "why: it is marked as assigned, but no operator has it, so nobody answers and nobody else is called"
        case "assigned":
            return "why: an operator took it or was given it, and has neither answered nor given it back"
        case "waiting_real_user_reply" if spoke_last and chat.answered_at is None:
            return "why: it is marked as answered, but holds no reply: the user's message is in no queue, and nobody was called"
        case "waiting_real_user_reply" if spoke_last:
            return "why: the user wrote after the answer, the message did not put it into the queue, and nobody was called"
        case "waiting_real_user_reply":
            return "why: an operator answered; it is the user's turn"
        case "completed":
            return "why: it was ended: by the reassignment limit, an admin, or with its user"
    return "why: no state was ever written, or one that is not known"


def _plain(chat: Chat) -> dict[str, Any]:
    return {key: value for key, value in asdict(chat).items() if not key.endswith("_name")}
