"""The answers of `summary --since` and `stuck --review`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chatops import formatting
from chatops.chats.shift import Reviewed, Shift
from chatops.model import Answer, Column, Line, Table, Text
from chatops.screens.tables import queue_line

HOURS = [
    Column("hour", "hour", "instant", rank=0),
    Column("messages", "messages", "number", rank=3),
    Column("replies", "replies", "number", rank=1),
    Column("taken", "chats taken", "number", rank=2),
    Column("wait_p50_seconds", "half waited", "duration", rank=2),
    Column("wait_p95_seconds", "95 % waited", "duration", rank=1),
    Column("given_back", "given back", "number", rank=3),
]
ACTED = [
    Column("action", "action", rank=0),
    Column("who", "who", rank=0),
    Column("done", "done", "number", rank=1),
    Column("not_done", "refused or moved", "number", rank=2),
    Column("last_at", "last", "age", rank=3),
]
REVIEWED = [
    Column("chat_id", "chat", "id", rank=0),
    Column("user_name", "user", "person", rank=2),
    Column("profile_name", "profile", "person", rank=4),
    Column("why", "why", audience="people", rank=0),
    Column("reason", "why", audience="machines"),
    Column("turns", "turns", "number", audience="machines"),
    Column("user_wrote_at", "user wrote", "age", rank=1),
    Column("operator_name", "held by", "person", rank=3),
    Column("chat_state", "state", audience="machines"),
    Column("operator_id", "held by", "id", audience="machines"),
]


def handed_over(shift: Shift, now: datetime | None) -> Answer:
    """`summary --since`: the shift in figures, hour by hour, and what people did."""
    whole = shift.whole
    said = f"{formatting.plural(whole.replies, 'reply', 'replies')} to {formatting.plural(whole.messages, 'message')}"
    taken = f"{formatting.plural(whole.taken, 'chat')} taken{_waited(shift)}"
    given_back = f"{formatting.count(whole.given_back)} given back without an answer"
    lines: list[Line] = [
        f"last {formatting.age(shift.since, now)}: {said}, {taken}, {given_back}",
        f"now: {queue_line(shift.queue, now)}",
    ]
    body: list[Table | Text] = [Text(lines), Table("hours", HOURS, shift.hours, empty="Nothing happened.")]
    if shift.acted is not None:
        body.append(Table("actions", ACTED, shift.acted, title="Done with chatops", empty="Nothing was done with chatops."))
    names = ("messages", "replies", "taken", "wait_p50_seconds", "wait_p95_seconds", "given_back")
    return Answer("summary", body, {"since": shift.since, **{name: getattr(whole, name) for name in names}}, now)


def _waited(shift: Shift) -> str:
    half, most = shift.whole.wait_p50_seconds, shift.whole.wait_p95_seconds
    if half is None or most is None:
        return ""
    return f" (half after {formatting.duration(round(half))}, 95 % after {formatting.duration(round(most))})"


def to_review(rows: Sequence[Reviewed], since: datetime, now: datetime | None, limit: int) -> Answer:
    """`stuck --review`."""
    ended = sum(1 for row in rows if row.reason == "ended")
    line = (
        f"{formatting.plural(len(rows), 'chat')} to read again in the last {formatting.age(since, now)}: {ended} ended while the "
    )
    line += f"user waited, {len(rows) - ended} given back again and again"
    table = Table("review", REVIEWED, rows[:limit], empty="No chat needs to be read again.")
    body: list[Table | Text] = [Text([line]), table] if rows else [table]
    if len(rows) > limit:
        body.append(Text([f"and {formatting.count(len(rows) - limit)} more of {formatting.count(len(rows))}: --limit"]))
    return Answer("stuck", body, {"since": since, "total": len(rows)}, now)
