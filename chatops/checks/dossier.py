"""One chat: its state, what happened in it, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chatops import sqlfiles, words
from chatops.checks.findings import findings
from chatops.checks.run import Survey
from chatops.checks.screens import Reader, finding_lines, finding_table
from chatops.db import Database
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.names import ChatName

EVENTS = 20


@dataclass(frozen=True, slots=True)
class Chat:
    """The chat's row and what its messages and assignments add."""

    chat_id: UUID
    chat_state: str | None
    is_active: bool | None
    operator_id: UUID | None
    operator_name: str | None
    assignment_time: datetime | None
    last_operator_id: UUID | None
    last_operator_name: str | None
    operator_replied_at: datetime | None
    last_message_at: datetime | None
    message_count: int | None
    created_at: datetime | None
    updated_at: datetime | None
    user_wrote_at: datetime | None
    answered_at: datetime | None
    open_assignments: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the chat; `detail` is a release reason or the outcome of an action of ours."""

    at: datetime | None
    event: str
    operator_id: UUID | None
    operator_name: str | None
    detail: str | None


def about_chat(database: Database, named: ChatName, survey: Survey, reader: Reader) -> Answer:
    """The chat, its newest events and the findings that name it; `survey` was taken about this chat."""
    chat = database.rows(Chat, sqlfiles.read("queries/check_chat.sql"), {"chat_id": named.id})[0]
    parameters = {"chat_id": named.id, "rows": EVENTS, "schema": database.target.schema}
    events = database.rows(Event, sqlfiles.read("queries/check_chat_history.sql"), parameters)
    if survey.inventory.audit:
        events += database.rows(Event, sqlfiles.read("queries/check_chat_actions.sql"), parameters)
    # Newest kept, oldest first; what has no time comes last.
    events.sort(key=lambda event: (event.at is None, event.at or survey.now))
    events = events[-EVENTS:]
    found = findings(survey, reader.here)
    user, profile = (
        words.visible(name or "—") if reader.show_names else words.initial(name) for name in (named.user_name, named.profile_name)
    )
    state: list[Line] = [
        [Span(str(chat.chat_id), "strong"), Span(f" · {user} → {profile}")],
        [Span(_state(chat, survey.now, reader))],
    ]
    wrong: list[Line] = []
    for finding in found:
        wrong += ["", *finding_lines(finding, survey, reader)]
    ran = f"{survey.ran} of {words.plural(len(survey.results), 'check')} ran"
    wrong = wrong or ["", [Span(f"nothing is wrong with it · {ran}", "ok")]]
    columns = [
        Column("at", "when", "age", audience="people") if reader.short_ids else Column("at", "when", "instant"),
        Column("event", "what"),
        Column("operator_id", "operator", "id"),
        Column("operator_name", "name", "person"),
        Column("detail", "detail"),
    ]
    if reader.short_ids:
        columns.insert(1, Column("at", "when", "instant", audience="machines"))
    return Answer(
        "diagnose",
        [
            Text([*state, ""]),
            Table("events", columns, events, empty="nothing has happened in it yet"),
            Text(wrong),
            finding_table(found),
        ],
        data={"chat": _plain(chat), "checks": len(survey.results), "checks_run": survey.ran},
        now=survey.now,
    )


def _state(chat: Chat, now: datetime, reader: Reader) -> str:
    parts = [chat.chat_state or "no state"]
    if chat.is_active is not True:
        parts.append("not active" if chat.is_active is False else "active flag missing")
    if chat.operator_id is not None:
        name = chat.operator_name if reader.show_names else None
        held = f"held by {words.visible(name or str(chat.operator_id))}"
        parts.append(held + (f" for {words.age(chat.assignment_time, now)}" if chat.assignment_time else ""))
    if chat.user_wrote_at:
        parts.append(f"user wrote {words.age(chat.user_wrote_at, now)} ago")
    parts.append(f"answered {words.age(chat.answered_at, now)} ago" if chat.answered_at else "never answered")
    parts.append(words.plural(chat.open_assignments, "open assignment"))
    return " · ".join(parts)


def _plain(chat: Chat) -> dict[str, Any]:
    from dataclasses import asdict

    return {key: value for key, value in asdict(chat).items() if not key.endswith("_name")}
