"""The answer of `stuck --review`: why each chat is on the list, since when, and what is next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from chatops import formatting
from chatops.chats.review import REASONS, Reviewed
from chatops.model import Answer, Column, Span, Table, Text, Values, value_of
from chatops.screens.columns import whose_chat
from chatops.screens.tables import and_more, cut_short

REVIEWED = [
    *whose_chat(chat=1, user=3, profile=6),
    Column("why", "why", audience="people", rank=0),
    Column("reason", "why", audience="machines"),
    Column("since", "since", "age", rank=0),
    Column("next", "next", "command", audience="people", rank=1),
    Column("turns", "turns", "number", audience="machines"),
    Column("operators", "operators", "number", audience="machines"),
    Column("user_wrote_at", "user wrote", "age", rank=4),
    Column("operator_name", "held by", "person", rank=5),
    Column("reopened_by", "opened again by", audience="machines"),
    Column("chat_state", "state", audience="machines"),
    Column("operator_id", "held by", "id", audience="machines"),
    Column("command", "next", audience="machines"),
]
SHORT_ID = 8


def to_review(
    rows: Sequence[Reviewed], since: datetime, now: datetime | None, read: int, shown: int, here: Callable[..., str], more: str
) -> Answer:
    """`stuck --review`: `read` rows for programs, of which people see `shown`; `here` words a command, `more` lists them all."""
    if not rows:
        nothing = Table("review", REVIEWED, [], empty="No chat needs to be read again.")
        return Answer("stuck", [nothing], {"since": since, "total": 0}, now)
    counts = Counter(row.reason for row in rows)
    line = f"{formatting.plural(len(rows), 'chat')} to read again in the last {formatting.back(since, now)}: "
    line += ", ".join(f"{formatting.count(counts[reason])} {said}" for reason, said in REASONS.items() if counts[reason])
    listed = [_row(row, here) for row in rows[:read]]
    table = Table("review", REVIEWED, listed, most=shown)
    # Where a narrow screen has no room for the column, one command shows what those of the others are like.
    first = Text([[Span("next: ", "dim"), Span(str(listed[0]["next"]), "code")]] if listed else [])
    body: list[Table | Text] = [Text([line]), table, *and_more(len(rows), min(shown, len(listed)), more), first]
    return Answer("stuck", body, {"since": since, "total": len(rows), **cut_short(len(rows), len(listed))}, now)


def _row(row: Reviewed, here: Callable[..., str]) -> Values:
    """The row with its command: whole for programs, with the beginning of the id for people."""
    chat = str(row.chat_id)
    known = [column.name for column in REVIEWED if column.name not in ("next", "command")]
    short = here(*(word[:SHORT_ID] if word == chat else word for word in row.next))
    return {**{name: value_of(row, name) for name in known}, "next": short, "command": here(*row.next)}
