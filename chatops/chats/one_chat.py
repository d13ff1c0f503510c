"""One chat and what happened in it, as the database holds it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chatops import sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.names import ChatName
from chatops.tables_there import require_rows


@frozen
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


@frozen
class Event:
    """Something that happened in the chat; `detail` is a release reason or the outcome of an action of ours."""

    at: datetime | None
    event: str
    operator_id: UUID | None
    operator_name: str | None
    detail: str | None


@frozen
class OneChat:
    """A chat, the people in it, and its newest events, oldest first; what has no time comes last."""

    named: ChatName
    chat: Chat
    events: Sequence[Event]


def read(database: Database, named: ChatName, *, events: int, show_text: bool, actions: bool) -> OneChat:
    """The chat and its newest `events`; with our `actions` where there is a log. Message text only with `show_text`."""
    about, history = sqlfiles.read("queries/check_chat.sql"), sqlfiles.read("queries/check_chat_history.sql")
    require_rows(database, about + history)
    chat = database.rows(Chat, about, {"chat_id": named.id})[0]
    parameters = {"chat_id": named.id, "rows": events, "schema": database.target.schema, "show_text": show_text}
    found = database.rows(Event, history, parameters)
    if actions:
        found += database.rows(Event, sqlfiles.query("queries/check_chat_actions.sql"), parameters)
    if chat.is_active is False and chat.chat_state != "completed":  # nobody notes who switched the flag off, or when
        found.append(Event(chat.updated_at, "flag off", None, None, "ended by its active flag alone, then at the latest"))
    now = database.facts.now if database.facts else datetime.max
    found.sort(key=lambda event: (event.at is None, event.at or now))
    return OneChat(named, chat, found[-events:])
