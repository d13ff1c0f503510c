"""The answer of `summary --since`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from chatops import formatting
from chatops.chats.shift import Hour, Shift
from chatops.deploys.hand_over import Watched
from chatops.model import Answer, Column, Line, Span, Table, Text, named
from chatops.screens.tables import queue_line

HOURS = [
    Column("hour", "hour", "instant", rank=0),
    Column("messages", "messages", "number", rank=4),
    Column("replies", "replies", "number", rank=1),
    Column("taken", "taken", "number", rank=2),
    Column("wait_p50_seconds", "half waited", "duration", rank=2),
    Column("wait_p95_seconds", "95 % waited", "duration", rank=1),
    Column("waits_known", "waits known", "number", audience="machines"),
    Column("given_back", "given back", "number", rank=1),
    Column("refused", "refused", "number", rank=2),
]
CHANGED = named("at", "kind", "severity", "code", "title")
ACTED = [
    Column("action", "action", rank=0),
    Column("who", "by", rank=0),
    Column("done", "done", "number", rank=1),
    Column("not_done", "refused or moved", "number", rank=2),
    Column("last_at", "last", "age", rank=3),
]


def handed_over(shift: Shift, seen: Watched | None, now: datetime | None, watch: str) -> Answer:
    """`summary --since`: the shift in figures, hour by hour, what people did, and the findings that came and went.

    `seen` is what a monitor saw meanwhile; `watch` the command that lets one remember it.
    """
    whole = shift.whole
    said = f"{formatting.plural(whole.replies, 'reply', 'replies')} to {formatting.plural(whole.messages, 'message')}"
    taken = f"{formatting.plural(whole.taken, 'chat')} taken{_waited(shift)}"
    given_back = f"{formatting.count(whole.given_back)} given back without an answer"
    refused = sum(seen.refused.values()) if seen is not None and seen.refused else None
    parts = [said, taken, given_back] + ([f"{formatting.count(refused)} refused"] if refused is not None else [])
    lines: list[Line] = [
        f"last {formatting.age(shift.since, now)}: {', '.join(parts)}",
        f"now: {queue_line(shift.queue, now)}",
        *_findings(seen, watch),
    ]
    counts = seen.refused if seen is not None and seen.refused else None
    hours = [_hour(one, counts) for one in shift.hours]
    columns = HOURS if counts is not None else [column for column in HOURS if column.name != "refused"]
    body: list[Table | Text] = [Text(lines), Table("hours", columns, hours, empty="Nothing happened.")]
    if shift.acted is not None:
        body.append(Table("actions", ACTED, shift.acted, title="Done with chatops", empty="Nothing was done with chatops."))
    told = [asdict(one) for one in seen.transitions] if seen is not None else []
    body.append(Table("findings", CHANGED, told, title="Findings that came and went", audience="machines"))
    names = ("messages", "replies", "taken", "waits_known", "wait_p50_seconds", "wait_p95_seconds", "given_back")
    data = {"since": shift.since, **{name: getattr(whole, name) for name in names}, "refused": refused}
    if seen is not None:
        data |= {"looks": seen.looks, "open": dict(seen.open), "looks_begin": seen.begins or None}
    return Answer("summary", body, data, now)


def _hour(hour: Hour, refused: Mapping[datetime, int] | None) -> dict[str, object]:
    at = hour.hour.astimezone(UTC) if hour.hour is not None else None
    return {**asdict(hour), "refused": refused.get(at, 0) if refused is not None and at is not None else None}


def _findings(seen: Watched | None, watch: str) -> list[Line]:
    """Which findings came and went, by the looks of a monitor."""
    if seen is None:
        nobody = "nobody looked, no monitor and no diagnose here; "
        return [[Span(f"findings of this time: {nobody}"), Span(watch, "code"), Span(" remembers them", "dim")]]
    told: list[Line] = []
    for word, some in (("opened", seen.opened), ("closed", seen.closed)):
        if some:
            codes = ", ".join(f"{one.code} {one.at[11:16]}" for one in some)
            told.append(f"findings {word}: {codes}")
    left = ", ".join(sorted(seen.open)) or "none"
    by = " of diagnose on this machine" if seen.by_hand else ""
    told.append(f"findings open at {seen.at[11:16]}: {left} ({formatting.plural(seen.looks, 'look')}{by})")
    if seen.begins:
        told.append(f"findings before {seen.begins[11:16]}: not known, no look of then is kept")
    return told


def _waited(shift: Shift) -> str:
    whole = shift.whole
    half, most = whole.wait_p50_seconds, whole.wait_p95_seconds
    known = f"the wait is known of {formatting.count(whole.waits_known)} of them"
    if not whole.taken:
        return ""
    if half is None or most is None:
        return f" ({known})" if whole.waits_known < whole.taken else ""
    of_them = f"{known}: " if whole.waits_known < whole.taken else ""
    return f" ({of_them}half after {formatting.duration(round(half))}, 95 % after {formatting.duration(round(most))})"
