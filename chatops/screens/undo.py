"""The answer of `undo`: what was done, and what it becomes again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from chatops import formatting, states
from chatops.chats.reassignment import Operator, is_silent
from chatops.chats.undo import Action, Last, Undone
from chatops.frozen import frozen
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.screens.moved_chat import person
from chatops.screens.moves import silent_lines

SHOWN = 20


@frozen
class _Line:
    action_id: int
    action: str
    at: datetime
    chat_id: UUID | None
    operator_id: UUID | None
    now: str
    then: str
    outcome: str
    detail: str | None
    by: int | None


def _lines(
    actions: Sequence[Action], results: dict[int, Undone], operators: dict[UUID, Operator], *, show_names: bool
) -> list[_Line]:
    def told(state: str | None, operator_id: UUID | None) -> str:
        known = operators.get(operator_id) if operator_id else None
        holder = f", {person(known.name if known else None, operator_id, show_names=show_names)}" if operator_id else ""
        return f"{states.brief(state)}{holder}"

    def available(flag: bool | None) -> str:
        return "available" if flag else "not available"

    found = []
    for one in actions:
        result = results.get(one.action_id)
        now = told(one.state_after, one.operator_after_id) if one.of_a_chat else available(one.available_after)
        then = told(one.state_before, one.operator_before_id) if one.of_a_chat else available(one.available_before)
        found.append(_Line(one.action_id, one.action, one.at, one.chat_id, one.operator_id, now, then,
                           result.outcome if result else "refused" if one.problem else "planned",
                           result.detail if result else one.problem, result.action_id if result else None))  # fmt: skip
    return found


COLUMNS = [
    Column("action_id", "action", "number"),
    Column("action", "was", rank=2),
    Column("at", "when", "age", rank=4),
    Column("chat_id", "chat", "id"),
    Column("now", "now", rank=0),
    Column("then", "then", rank=0),
    Column("outcome", "result", audience="machines"),
    Column("detail", "why", audience="machines"),
    Column("operator_id", "operator", "id", audience="machines"),
    Column("by", "undo", "number", audience="machines"),
]


def in_words(last: Last, operators: dict[UUID, Operator], now: datetime | None, *, show_names: bool) -> str:
    """The newest action that can be undone, in a sentence."""
    known = operators.get(last.operator_id) if last.operator_id else None
    operator = person(known.name if known else None, last.operator_id, show_names=show_names)
    whom = f"chat {last.chat_id}" if last.chat_id else operator
    held = f" ({operator})" if last.chat_id and operator else ""
    why = f": {formatting.shortened(last.reason, 60)}" if last.reason else ""
    return (f"the last that can be undone: {last.action_id}, {last.action} of {whom}{held}, "
            f"{formatting.age(last.at, now)} ago by {formatting.visible(last.who)}{why}")  # fmt: skip


def preview(
    actions: Sequence[Action], operators: dict[UUID, Operator], *, show_names: bool, now: datetime | None,
    silent_before: datetime | None = None, whole: str = "",
    done: bool = False,
) -> list[Table | Text]:  # fmt: skip
    """What taking these actions back means, for people; who gets a chat again and was not heard of since then is named.

    `whole` is the command line that lists them all.
    """
    told = f"{formatting.plural(len(actions), 'action')} {'taken back' if done else 'to undo'}"
    body: list[Table | Text] = [Text([told])]
    lines = _lines(actions[:SHOWN], {}, operators, show_names=show_names)
    headings = {"now": "was" if done else "is now", "then": "is again" if done else "will be again", "action": "action was"}
    columns = [replace(one, heading=headings.get(one.name, one.heading)) for one in COLUMNS]
    body.append(Table("preview", columns, lines, audience="people"))
    if len(actions) > SHOWN:
        body.append(Text([_more(len(actions), "actions", whole)]))
    again = dict.fromkeys(one.operator_before_id for one in actions if one.of_a_chat and not one.problem)
    takers = [known for one in again if one is not None and (known := operators.get(one)) and is_silent(known, silent_before)]
    if careful := silent_lines(takers, silent_before, now, show_names=show_names):
        body.append(Text(careful))
    return body


def _more(number: int, of: str, whole: str) -> Line:
    return [Span(f"{formatting.and_more(number - SHOWN)} of {formatting.count(number)} {of}: "), Span(whole, "code")]


def outcome(
    actions: Sequence[Action],
    results: dict[int, Undone],
    operators: dict[UUID, Operator],
    *,
    rehearsal: bool,
    asked: bool,
    again: str,
    show_names: bool,
    now: datetime | None,
    do: str,
    silent_before: datetime | None = None,
) -> Answer:
    """`chatops undo`; `do` is the command line that does what a dry run has shown."""
    lines = _lines(actions, results, operators, show_names=show_names)
    done = [one for one in lines if one.outcome == "done"]
    odd = [one for one in lines if one.outcome != "done"]
    whole = f"{do} --dry-run -o json"
    body: list[Table | Text] = []
    if not asked:
        body += preview(actions, operators, show_names=show_names, now=now, silent_before=silent_before, whole=whole,
                        done=not rehearsal and not odd)  # fmt: skip
    told: list[Line] = []
    if rehearsal:
        count = f"{formatting.count(len(done))} of {formatting.plural(len(lines), 'action')}"
        told.append(f"Dry run: {count} would be undone. Everything was rolled back.")
    elif len(lines) == 1 and done:
        one = done[0]
        whose = "the chat" if one.chat_id else "the operator"
        told.append(f"{whose.capitalize()} was {one.now} and is {one.then} again.")
        told.append([Span(f"Done, action {done[0].by}. Undo: "), Span(f"{again} {done[0].by}", "code")])
    else:
        told.append(f"{formatting.count(len(done))} of {formatting.plural(len(lines), 'action')} undone.")
    body.append(Text(told))
    if odd:
        columns = [column for column in COLUMNS if column.name in ("action_id", "chat_id")]
        columns += [Column("outcome", "result"), Column("detail", "why")]
        body.append(Table("exceptions", columns, odd[:SHOWN], audience="people"))
        if len(odd) > SHOWN:
            body.append(Text([_more(len(odd), "that were not undone", whole)]))
    if rehearsal:
        body.append(Text([[Span("Do it: "), Span(do, "code")]]))
    body.append(Table("actions", COLUMNS, lines, audience="machines"))
    return Answer("undo", body, {"dry_run": rehearsal}, now)
