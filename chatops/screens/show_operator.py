"""One operator and what they did; and why nobody gets a chat that waits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chatops import formatting, sqlfiles
from chatops.chats.reports import ask
from chatops.db import Database
from chatops.errors import DatabaseError
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.names import OperatorName

NAMED = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A waiting chat's place in the queue; `served_last_hour` counts assignments of the whole platform."""

    waiting_since: datetime
    last_operator_id: UUID | None
    ahead: int
    served_last_hour: int


@dataclass(frozen=True, slots=True)
class Rule:
    """What keeps an operator from a chat; `free` when nothing does."""

    operator_id: UUID
    name: str | None
    rule: str


@dataclass(frozen=True, slots=True)
class Identity:
    """An operator as `show operator` tells them."""

    id: UUID
    name: str | None
    is_active: bool
    is_available: bool
    load: str
    chat_id: UUID | None
    held_since: datetime | None
    held_chats: int
    last_activity: datetime | None
    total_messages: int | None
    taken_last_day: int


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that an operator did, or that was done to a chat of theirs."""

    at: datetime | None
    event: str
    chat_id: UUID | None
    detail: str | None


def why_waiting(database: Database, chat_id: UUID, *, show_names: bool) -> list[Line]:
    """Why nobody gets a chat that is in the queue, rule by rule, and when it would be served; [] when it is not in the queue."""
    places = ask(database, Place, "queries/waiting_place.sql", {"chat": chat_id})
    if not places:
        return []
    place = places[0]
    rules = ask(database, Rule, "queries/waiting_rules.sql", {"chat": chat_id})
    counted = Counter(rule.rule for rule in rules)
    now = database.facts.now if database.facts else None
    waits = f"in the queue for {formatting.age(place.waiting_since, now)}, {formatting.plural(place.ahead, 'chat')} before it"
    lines: list[Line] = [f"{waits} · {_served(place)}"]
    for kind, meaning in (
        ("free", "could take it now"),
        ("was last", "had it last; gets it again only after a while, or when nobody else is available"),
        ("busy", "hold another chat"),
        ("away", "are not available"),
        ("inactive", "are not active"),
    ):
        if not counted[kind]:
            continue
        who = [rule for rule in rules if rule.rule == kind]
        shown = ", ".join(
            formatting.shortened(rule.name or "—", 24) if show_names else formatting.initial(rule.name) for rule in who[:NAMED]
        )
        more = f" and {len(who) - NAMED} more" if len(who) > NAMED else ""
        sign = "✓" if kind == "free" else " "
        lines.append(
            [
                Span(f"  {sign} {counted[kind]:>4} {kind:<9}", "ok" if kind == "free" else "plain"),
                Span(f"{meaning}: {shown}{more}"),
            ]
        )
    if not counted["free"]:
        lines.append([Span("nobody can take it now", "warning")])
    return lines


def _served(place: Place) -> str:
    if not place.served_last_hour:
        return "nothing was served in the last hour, so no time can be told"
    seconds = (place.ahead + 1) * 3600 / place.served_last_hour
    rate = f"at the rate of the last hour ({place.served_last_hour} served)"
    return f"{rate} its turn is in about {formatting.duration(max(10.0, seconds))}"


def about_operator(database: Database, named: OperatorName, *, show_names: bool, short: bool, rows: int) -> Answer:
    """`chatops show operator`: flags, load, the chat held, and a timeline, oldest first, what has no time last."""
    one = ask(database, Identity, "queries/operator_identity.sql", {"operator": named.id})[0]
    parameters = {"operator": named.id, "rows": rows}
    deeds = database.rows(Deed, sqlfiles.read("queries/operator_history.sql"), parameters)
    if database.facts is not None and database.facts.has_bookkeeping:
        try:
            with database.savepoint():
                deeds += database.rows(Deed, sqlfiles.read("queries/operator_actions.sql"), parameters)
        except DatabaseError as error:
            deeds.append(Deed(None, "forced actions unknown", None, error.message))
    now = database.facts.now if database.facts else None
    deeds.sort(key=lambda deed: (deed.at is None, deed.at or datetime.max))
    deeds = deeds[-rows:]
    name = formatting.visible(one.name or "—") if show_names else formatting.initial(one.name)
    seen = f"last seen {formatting.age(one.last_activity, now)} ago" if one.last_activity else "never seen"
    holds = f"holds {one.chat_id} for {formatting.age(one.held_since, now)}" if one.chat_id else "holds no chat"
    if one.held_chats > 1:
        holds += f" and {one.held_chats - 1} more, which must not be (CHAT001)"
    flags = f"{'active' if one.is_active else 'not active'}, {'available' if one.is_available else 'not available'}"
    answers = one.total_messages or 0
    taken = f"took {formatting.plural(one.taken_last_day, 'chat')} in the last day"
    lines: list[Line] = [
        [Span(str(one.id), "strong"), Span(f" · {name}")],
        f"{one.load} · {flags} · {seen}",
        f"{holds} · {taken} · {formatting.plural(answers, 'answer')} in all",
    ]
    columns = [
        Column("at", "when", "age", audience="people") if short else Column("at", "when", "instant"),
        Column("event", "what"),
        Column("chat_id", "chat", "id"),
        Column("detail", "detail"),
    ]
    if short:
        columns.insert(1, Column("at", "when", "instant", audience="machines"))
    identity = {field: getattr(one, field) for field in one.__dataclass_fields__ if field != "name"}
    return Answer("show", [Text(lines), Table("events", columns, deeds, empty="nothing yet")], {"operator": identity}, now)
