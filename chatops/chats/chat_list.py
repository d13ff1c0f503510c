"""Chats by state, people, holder and age: the filter, as `chats` and `--where` take it, and the chats that pass it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from chatops import formatting, sqlfiles, states
from chatops.chats.reports import query
from chatops.db import Database
from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.names import as_meant, as_range_and_word, find_operator, ids_in

FILE = "queries/chats.sql"
ORDERS = {
    "wait": "waits_since asc nulls last, chat_id",
    "age": "created_at asc nulls last, chat_id",
    "last-message": "last_message_at desc nulls last, chat_id",
}
"""What a list is sorted by: who waits longest, the oldest chat, the newest message first."""
OLDEST = "last_message_at asc nulls last, chat_id"
EVERY = 1_000_000_000
NOBODY = "none"
"""Said for an operator where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFilter:
    """What the chats are like, as it was typed; None where it does not matter."""

    state: str | None = None
    name: str | None = None
    user: str | None = None
    profile: str | None = None
    holder: str | None = None
    last_holder: str | None = None
    older_than: str | None = None
    sort: str | None = None

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
        low, high, word = _name(self.name)
        return {
            "states": _states(self.state),
            "low": low,
            "high": high,
            "word": word,
            "user": self.user,
            "profile": self.profile,
            "holder": _operator(database, self.holder),
            "unheld": _is_nobody(self.holder),
            "last_holder": _operator(database, self.last_holder),
            "never_held": _is_nobody(self.last_holder),
            "waits": self.sort == "wait",
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
    waits_since: datetime | None

    @property
    def state(self) -> str:
        """The state in words."""
        return states.brief(self.chat_state)


def parsed(text: str) -> ChatFilter:
    """A filter in one text, such as `state=waiting older-than=30m`. A value goes on until the next name. Raises UsageError.

    >>> parsed("holder=Ada Lovelace, state=assigned,waiting").words
    'state=assigned,waiting holder=Ada Lovelace'
    """
    names = [field.name.replace("_", "-") for field in fields(ChatFilter)]
    found: dict[str, str] = {}
    last: str | None = None
    for word in re.sub(r",(?=\s*[\w-]+=)", " ", text).split():
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
    return ChatFilter(**{name: value.rstrip(",") for name, value in found.items()})


def _is_nobody(text: str | None) -> bool:
    return text is not None and text.strip().lower() == NOBODY


def _name(text: str | None) -> tuple[UUID | None, UUID | None, str | None]:
    """The ids and the part of a name that one name of a chat may stand for, as `names` reads it. Raises UsageError."""
    return (None, None, None) if text is None else as_range_and_word((ids_in(text) or [as_meant(text)])[0], "chat")


def _operator(database: Database, text: str | None) -> UUID | None:
    return find_operator(database, text).id if text and not _is_nobody(text) else None


def is_about_waiting(wanted: ChatFilter) -> bool:
    """Whether it takes all chats in state waiting_assignment and no others: not all of these are in the queue."""
    return replace(wanted, state=None, sort=None).words == "" and _states(wanted.state) == [states.STATES[0]]


def _states(text: str | None) -> list[str] | None:
    """States in one text, such as `waiting,assigned`. Raises UsageError."""
    if text is None:
        return None
    return list(dict.fromkeys(_state(word) for word in text.replace(",", " ").split() or [text]))


def order(sort: str | None, *, oldest: bool = False) -> str:
    """The order of a list by its name, or of the messages. Raises UsageError.

    >>> order("age"), order(None, oldest=True) == OLDEST
    ('created_at asc nulls last, chat_id', True)
    """
    if sort is not None and sort not in ORDERS:
        raise UsageError(f"a list is sorted by {', '.join(ORDERS)}, not “{formatting.visible(sort)}”"
                         f"{formatting.did_you_mean(sort, ORDERS)}")  # fmt: skip
    return OLDEST if oldest and sort in (None, "last-message") else ORDERS[sort or "last-message"]


def _state(text: str) -> str:
    """A state by its name in the database or in words. Raises UsageError."""
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

    "" where there is none: what was answered waits for its user, and nobody holds it. What is held can be reassigned too.

    >>> [acts_on(ChatFilter(state=state)) for state in ("waiting", "assigned", "answered", "completed", None, "waiting,assigned")]
    ['reassign', 'release', '', 'reopen', '', 'reassign']
    """
    states_wanted = _states(wanted.state)
    if states_wanted is None:
        return "release" if wanted.holder is not None and not _is_nobody(wanted.holder) else ""
    fits = {"waiting_assignment": "reassign", "assigned": "release", "completed": "reopen"}
    verbs = {fits.get(state, "") for state in states_wanted}
    return "reassign" if verbs == {"reassign", "release"} else verbs.pop() if len(verbs) == 1 else ""


def count(database: Database, wanted: ChatFilter) -> int:
    """How many chats pass; inside `reading`."""
    return int(database.value(sqlfiles.counted(query(database, FILE)), wanted.parameters(database)))


def first(database: Database, wanted: ChatFilter, *, limit: int, oldest: bool) -> list[ListedChat]:
    """The first chats in the order that is wanted, by their newest message if in none; inside `reading`."""
    # By key: who is in a chat is asked of those that are listed, not of a million.
    text = sqlfiles.first_by_key(query(database, FILE), "chat_id", order(wanted.sort, oldest=oldest), limit)
    return database.rows(ListedChat, text, wanted.parameters(database))


def stream(database: Database, wanted: ChatFilter, *, limit: int | None = None, oldest: bool = False) -> Iterator[ListedChat]:
    """Every chat that passes, as the server finds them, or in order where one or a number is given; inside `reading`."""
    text = query(database, FILE)
    if limit is not None or oldest or wanted.sort is not None:
        text = sqlfiles.first(text, order(wanted.sort, oldest=oldest), EVERY if limit is None else limit)
    yield from database.stream(ListedChat, text, wanted.parameters(database))


def ids(database: Database, wanted: ChatFilter) -> list[UUID]:
    """The ids of all chats that pass; inside `reading`."""
    return [chat.chat_id for chat in stream(database, wanted)]
