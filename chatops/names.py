"""Finds the chat or operator that a person means by an id, the beginning of one, or part of a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from chatops import formatting, sqlfiles
from chatops.db import Database
from chatops.errors import UsageError

SHORTEST_PREFIX = 4
SHORTEST_WORD = 2
MOST_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class ChatName:
    """A chat with what tells it from others."""

    id: UUID
    chat_state: str | None
    operator_id: UUID | None
    operator_name: str | None
    user_name: str | None
    profile_name: str | None
    last_message_at: datetime | None


@dataclass(frozen=True, slots=True)
class OperatorName:
    """An operator with what tells them from others."""

    id: UUID
    name: str | None
    email: str | None
    is_active: bool
    is_available: bool
    last_activity: datetime | None

    @property
    def label(self) -> str:
        """The name as people say it, or the beginning of the id."""
        return formatting.visible(self.name or "") or str(self.id)[:8]


Named = TypeVar("Named", ChatName, OperatorName)


def id_range(text: str) -> tuple[UUID, UUID] | None:
    """The lowest and highest id that begin with a text, None when no id does.

    >>> [str(end) for end in id_range("3f2b8c1e-90")]
    ['3f2b8c1e-9000-0000-0000-000000000000', '3f2b8c1e-90ff-ffff-ffff-ffffffffffff']
    """
    text = text.strip().lower()
    digits = text.replace("-", "")
    if not re.fullmatch(r"[0-9a-f]+(-[0-9a-f]*)*", text) or not SHORTEST_PREFIX <= len(digits) <= 32:
        return None
    if str(UUID(digits.ljust(32, "0")))[: len(text)] != text and "-" in text:
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def find_chat(database: Database, text: str) -> ChatName:
    """The one chat that is meant; inside a transaction. Raises UsageError when none or several match, with the candidates."""
    found = _candidates(database, ChatName, "queries/find_chat.sql", text, "chat")
    if len(found) == 1:
        return found[0]
    lines = [
        f"{chat.id}  {chat.chat_state or 'no state'}, {_holder(chat, database)}, "
        f"last message {formatting.instant(chat.last_message_at) or 'none'}"
        for chat in found
    ]
    raise _not_one("chat", text, lines, database)


def find_operator(database: Database, text: str) -> OperatorName:
    """The one operator who is meant; an exact name or e-mail wins over a part. Raises UsageError when none or several match."""
    found = _candidates(database, OperatorName, "queries/find_operator.sql", text, "operator")
    wanted = text.strip().lower()
    exact = [one for one in found if wanted in ((one.name or "").lower(), (one.email or "").lower())]
    if len(exact) == 1 or len(found) == 1:
        return (exact if len(exact) == 1 else found)[0]
    lines = [
        f"{one.id}  {_shown(one.name, database)}"
        f"{'' if one.is_active else ', inactive'}{', available' if one.is_active and one.is_available else ''}"
        for one in found
    ]
    raise _not_one("operator", text, lines, database)


def _holder(chat: ChatName, database: Database) -> str:
    if chat.operator_id is None:
        return "nobody holds it"
    return f"held by {_shown(chat.operator_name, database) if chat.operator_name else chat.operator_id}"


def _shown(name: str | None, database: Database) -> str:
    return formatting.shortened(name or "—", 30) if database.show_names else formatting.initial(name)


def _candidates(database: Database, row: type[Named], query: str, text: str, kind: str) -> list[Named]:
    text = text.strip()
    span = id_range(text)
    if len(text) < SHORTEST_WORD or "\0" in text:
        raise UsageError(
            f"“{formatting.visible(text)}” names no {kind}: give an id, its first {SHORTEST_PREFIX} characters or part of a name"
        )
    low, high = span or (None, None)
    whole = low is not None and low == high
    parameters = {"low": low, "high": high, "word": None if whole else text}
    return database.rows(row, sqlfiles.read(query), parameters)


def _not_one(kind: str, text: str, lines: list[str], database: Database) -> UsageError:
    shown = formatting.shortened(text, 60)
    if not lines:
        return UsageError(
            f"no {kind} matches “{shown}”",
            details=(f"an id, at least {SHORTEST_PREFIX} characters from its beginning, or part of a name is understood",),
        )
    many = f"more than {MOST_CANDIDATES}" if len(lines) > MOST_CANDIDATES else str(len(lines))
    return UsageError(f"“{shown}” could be {many} {kind}s; give more of the id", details=lines[:MOST_CANDIDATES])
