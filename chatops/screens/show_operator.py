"""The answer of `show operator`: flags, load, the chat held, and what they did."""

from __future__ import annotations

from datetime import datetime

from chatops import formatting
from chatops.chats.one_operator import OneOperator
from chatops.model import Answer, Column, Line, Span, Table, Text

FLAGS_AND_LOAD = (
    "is_active", "is_available", "load", "chat_id", "held_since", "held_chats", "last_activity", "total_messages",
    "taken_last_day",
)  # fmt: skip
"""What programs get of an operator beside the id."""


def about_operator(
    known: OneOperator,
    *,
    show_names: bool,
    short: bool,
    silent_before: datetime | None = None,
    most: int | None = None,
    all_of_it: str = "",
) -> Answer:
    """`chatops show operator`; `short`: ages instead of instants for people; free and not heard of since then is said.

    People see the newest `most` deeds (None: all), and the command line that shows `all_of_it`.
    """
    one = known.identity
    name = formatting.called(one.name) if show_names else formatting.initial(one.name)
    seen = f"{'last ' if one.last_activity else ''}{formatting.seen(one.last_activity, known.now)}"
    holds = f"holds {one.chat_id} for {formatting.age(one.held_since, known.now)}" if one.chat_id else "holds no chat"
    if one.held_chats > 1:
        holds += f" {formatting.and_more(one.held_chats - 1)}, which must not be (CHAT001)"
    flags = f"{'active' if one.is_active else 'not active'}, {'takes chats' if one.is_available else 'takes no more chats'}"
    answers = one.total_messages or 0
    taken = f"took {formatting.plural(one.taken_last_day, 'chat')} in the last day"
    lines: list[Line] = [
        [Span(str(one.operator_id), "strong"), Span(f" · {name}")],
        f"{one.load} · {flags} · {seen}",
        f"{holds} · {taken} · {formatting.plural(answers, 'answer')} in all",
    ]
    if one.load == "busy" and not (one.is_active and one.is_available):
        lines.append([Span("gets no next chat: who is not available finishes the one they hold", "warning")])
    silent = silent_before is not None and (one.last_activity is None or one.last_activity < silent_before)
    if one.load == "free" and silent:
        limit = formatting.age(silent_before, known.now)
        lines.append([Span(f"counts as free, but was not heard of for longer than {limit} (OPER003)", "warning")])
    columns = [
        Column("at", "when", "age", audience="people") if short else Column("at", "when", "instant"),
        Column("event", "what"),
        Column("chat_id", "chat", "id"),
        Column("detail", "detail"),
    ]
    if short:
        columns.insert(1, Column("at", "when", "instant", audience="machines"))
    deeds, earlier = list(known.deeds), 0 if most is None else max(0, len(known.deeds) - most)
    empty = "nothing yet"
    body: list[Table | Text] = [Text(lines), Table("events", columns, deeds, empty=empty)]
    if earlier:
        head: Line = [Span(f"{formatting.plural(earlier, 'earlier event')}: ", "dim"), Span(all_of_it, "code")]
        body = [
            Text([*lines, "", head]),
            Table("newest", columns, deeds[earlier:], audience="people"),
            Table("events", columns, deeds, audience="machines"),
        ]
    identity = {"id": one.operator_id, **{name: getattr(one, name) for name in FLAGS_AND_LOAD}}
    return Answer("show", body, {"operator": identity}, known.now)
