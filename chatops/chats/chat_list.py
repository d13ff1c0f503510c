"""Chats by state, people, holder and age: the filter, as `chats` and `--where` take it, and the chats that pass it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from chatops import formatting, sqlfiles, states
from chatops.chats.reports import query
from chatops.db import Database
from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.names import find_operator

FILE = "queries/chats.sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFilter:
    """What the chats are like, as it was typed; None where it does not matter."""

    state: str | None = None
    user: str | None = None
    profile: str | None = None
    holder: str | None = None
    last_holder: str | None = None
    older_than: str | None = None

    @property
    def words(self) -> str:
        """The filter as --where takes it.

        >>> ChatFilter(state="waiting", older_than="30m").words
        'state=waiting older-than=30m'
        """
        given = ((field.name.replace("_", "-"), getattr(self, field.name)) for field in fields(self))
        return " ".join(f"{name}={value}" for name, value in given if value is not None)

    def parameters(self, database: Database) -> dict[str, Any]:
        """As the queries take it; inside a transaction. Raises UsageError."""
        return {
            "state": _state(self.state),
            "user": self.user,
            "profile": self.profile,
            "holder": find_operator(database, self.holder).id if self.holder else None,
            "last_holder": find_operator(database, self.last_holder).id if self.last_holder else None,
            "older_than": formatting.span(self.older_than, "older-than") if self.older_than else None,
        }


@frozen
class ListedChat:
    """A chat with what tells it from others."""

    chat_id: UUID
    chat_state: str | None
    is_active: bool | None
    user_name: str | None
    profile_name: str | None
    operator_id: UUID | None
    operator_name: str | None
    last_operator_id: UUID | None
    last_operator_name: str | None
    last_message_at: datetime | None
    created_at: datetime | None

    @property
    def state(self) -> str:
        """The state in words."""
        return states.brief(self.chat_state)


def parsed(text: str) -> ChatFilter:
    """A filter in one text, such as `state=waiting older-than=30m`. A value goes on until the next name. Raises UsageError.

    >>> parsed("holder=Ada Lovelace state=assigned").holder
    'Ada Lovelace'
    """
    names = [field.name.replace("_", "-") for field in fields(ChatFilter)]
    found: dict[str, str] = {}
    last: str | None = None
    for word in text.replace(",", " ").split():
        name, equals, value = word.partition("=")
        if equals:
            if name not in names:
                raise UsageError(f"--where knows no {formatting.visible(name)}; it knows: {', '.join(names)}"
                                 f"{formatting.did_you_mean(name, names)}")  # fmt: skip
            last = name.replace("-", "_")
            found[last] = value
        elif last is not None:
            found[last] += f" {word}"
        else:
            raise UsageError(f"--where takes a code or name=value, not “{formatting.visible(word)}”")
    return ChatFilter(**found)


def _state(text: str | None) -> str | None:
    """A state by its name in the database or in words. Raises UsageError."""
    if text is None:
        return None
    known = {states.brief(state): state for state in states.STATES} | {state: state for state in states.STATES}
    known |= {"none": "none", "answered": "waiting_real_user_reply"}
    found = known.get(text.strip().lower())
    if found is None:
        words = ["waiting", "assigned", "answered", "completed", "none"]
        raise UsageError(f"there is no state “{formatting.visible(text)}”; there are: {', '.join(words)}"
                         f"{formatting.did_you_mean(text, known)}")  # fmt: skip
    return found


def acts_on(wanted: ChatFilter) -> str:
    """The command that fits every chat of a filter: what is held is released, what waits is reassigned, what is over is reopened.

    "" where there is none: what was answered waits for its user, and nobody holds it.

    >>> [acts_on(ChatFilter(state=state)) for state in ("waiting", "assigned", "answered", "completed", None)]
    ['reassign', 'release', '', 'reopen', '']
    """
    if wanted.state is None:
        return "release" if wanted.holder is not None else ""
    fits = {"waiting_assignment": "reassign", "assigned": "release", "completed": "reopen"}
    return fits.get(_state(wanted.state) or "", "")


def count(database: Database, wanted: ChatFilter) -> int:
    """How many chats pass; inside `reading`."""
    return int(database.value(sqlfiles.counted(query(database, FILE)), wanted.parameters(database)))


def first(database: Database, wanted: ChatFilter, *, limit: int, oldest: bool) -> list[ListedChat]:
    """The chats with the newest message, or the oldest; inside `reading`."""
    order = "last_message_at asc nulls last, chat_id" if oldest else "last_message_at desc nulls last, chat_id"
    return database.rows(ListedChat, sqlfiles.first(query(database, FILE), order, limit), wanted.parameters(database))


def stream(database: Database, wanted: ChatFilter) -> Iterator[ListedChat]:
    """Every chat that passes, unsorted, as the server finds them; inside `reading`."""
    yield from database.stream(ListedChat, query(database, FILE), wanted.parameters(database))


def ids(database: Database, wanted: ChatFilter) -> list[UUID]:
    """The ids of all chats that pass; inside `reading`."""
    return [chat.chat_id for chat in stream(database, wanted)]
