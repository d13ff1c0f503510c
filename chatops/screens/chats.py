"""The answer of `chats`: a list of them, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from chatops import formatting
from chatops.chats.chat_list import ListedChat
from chatops.model import Answer, Column, Span, Table, Text
from chatops.screens.columns import whose_chat
from chatops.screens.tables import and_more

COLUMNS = [
    *whose_chat(chat=0, user=1, profile=4),
    Column("state", "state", audience="people", rank=1),
    Column("chat_state", "state", audience="machines"),
    Column("operator_name", "held by", "person", rank=2),
    Column("last_operator_name", "last held by", "person", rank=5),
    Column("last_message_at", "last message", "age", rank=1),
    Column("created_at", "made", "age", rank=6),
    Column("is_active", "active", "flag", audience="machines"),
    Column("operator_id", "held by", "id", audience="machines"),
    Column("last_operator_id", "last held by", "id", audience="machines"),
]
WAITS = Column("waits_since", "waits", "age", rank=0)
"""Where the list is sorted by it."""


def answer(
    rows: Iterable[ListedChat], now: datetime | None, *, total: int | None, shown: int, order: str, act: str, more: str,
    waits: bool = False, queued: int | None = None,
) -> Answer:  # fmt: skip
    """`chats`; `total` None while streaming. `act` is a command that releases these chats, `more` the one that lists them all.

    `queued`: so many of those in state waiting_assignment are in the queue.
    """
    columns = [*COLUMNS[:-3], WAITS, *COLUMNS[-3:]] if waits else COLUMNS
    if total is None:
        return Answer("chats", [Table("chats", columns, rows, empty="No chat is like that.")], now=now)
    listed = list(rows)
    table = Table("chats", columns, listed, empty="No chat is like that.", most=shown)
    of_them = f", {formatting.count(queued)} of them in the queue" if queued is not None and queued != total else ""
    head = f"{formatting.plural(total, 'chat')}{of_them}, {order}"
    body: list[Table | Text] = [Text([head]), table]
    body += and_more(total, shown, more)
    if total and act:
        body.append(Text([[Span("Act on them: "), Span(act, "code")]]))
    return Answer("chats", body, {"total": total} | ({"truncated": True} if total > len(listed) else {}), now)
