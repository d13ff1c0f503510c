"""The answers of the commands that move chats, laid out: one chat as now and then, many as a table with its exceptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from chatops import formatting, states
from chatops.chats.carry_out import MoveResult
from chatops.chats.reassignment import Details, Move, MovePlan, Operator
from chatops.frozen import frozen
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.screens.columns import whose_chat
from chatops.screens.moved_chat import MovedChat, person

SHOWN = 20
SILENT_NAMED = 5
DONE = {"reassign": "reassigned", "release": "released", "close": "closed", "reopen": "reopened"}


@frozen
class _Fact:
    what: str
    now: str
    then: str


def rows(plan: MovePlan, results: Mapping[UUID, MoveResult], *, show_names: bool = False) -> list[MovedChat]:
    """Each chat of the plan as machines read it; without a result its outcome is planned, refused or unchanged."""
    return [_row(plan, move, results.get(move.chat.chat_id), show_names) for move in plan.moves]


def _outcome(plan: MovePlan, move: Move, result: MoveResult | None) -> str:
    return result.outcome if result else "refused" if move.refused else "unchanged" if plan.idle(move) else "planned"


def _row(plan: MovePlan, move: Move, result: MoveResult | None, show_names: bool, details: Details | None = None) -> MovedChat:
    outcome = _outcome(plan, move, result)
    changed = outcome in ("done", "planned")
    after_id = (move.to if plan.command == "reassign" else None) if changed else move.chat.operator_id
    then = result.chat_state if result and result.chat_state else plan.then_state(move)
    state = move.chat.chat_state if move.chat.is_active or details is None else ENDED_BY_FLAG
    return MovedChat(
        move.chat.chat_id, state, move.chat.operator_id, _name(plan, move.chat.operator_id),
        then if changed else move.chat.chat_state, after_id, _name(plan, after_id), outcome,
        result.detail if result else move.problem, result.action_id if result else None, plan.plan_id, show_names,
        _seen(plan, move.chat.operator_id), _seen(plan, after_id), details,
    )  # fmt: skip


def _seen(plan: MovePlan, operator_id: UUID | None) -> datetime | None:
    known = plan.operators.get(operator_id) if operator_id is not None else None
    return known.last_activity if known else None


def _name(plan: MovePlan, operator_id: UUID | None) -> str | None:
    if operator_id is None:
        return None
    known = plan.operators.get(operator_id)
    return (known.name if known else None) or str(operator_id)[:8]


COLUMNS = [
    Column("chat_id", "chat", "id", rank=0),
    Column("now", "now", audience="people", rank=2),
    Column("holder", "held by", audience="people", rank=3),
    Column("then", "then", audience="people"),
    Column("taker", "goes to", audience="people"),
    Column("operator_before", "held by", "person", audience="machines"),
    Column("operator_after", "goes to", "person", audience="machines"),
    Column("outcome", "result"),
    Column("detail", "why", rank=2),
    Column("state_before", "state before", audience="machines"),
    Column("state_after", "state after", audience="machines"),
    Column("operator_before_id", "operator before", "id", audience="machines"),
    Column("operator_after_id", "operator after", "id", audience="machines"),
    Column("operator_after_seen_at", "last seen", "instant", audience="machines"),
    Column("action_id", "action", "number", audience="machines"),
    Column("plan_id", "plan", "id", audience="machines"),
]


ENDED_BY_FLAG = "ended by its flag"
"""What people see of a chat that is not active, whatever its state says: it is in no queue."""
PREVIEWED = [
    *whose_chat(chat=5, user=0, profile=3),
    Column("waits_since", "waits", "age", rank=1),
    Column("becomes", "now → then", rank=1),
    Column("holder", "held by", rank=2),
    Column("holder_seen", "last seen", "age", rank=4),
    Column("taker", "goes to", rank=0),
    Column("detail", "why", rank=1),
]
"""What people see of a plan: users and profiles rather than ids, the ids where there is room. What becomes of all of them alike
stands above, once."""


def first(plan: MovePlan, most: int | None = SHOWN) -> list[Move]:
    """The moves that a preview shows (`most` None: all): the first that will be tried, and the first that are refused."""
    return [*plan.wanted[:most], *plan.refused[:most]]


def preview(
    plan: MovePlan, details: Mapping[UUID, Details], now: datetime | None, *, show_names: bool, most: int | None = SHOWN
) -> list[Table | Text]:
    """What a plan means to do, for people: one chat in full, or the first of many, what is refused, and the operators' loads."""
    if len(plan.moves) == 1 and details:
        return _one(plan, plan.moves[0], details[plan.moves[0].chat.chat_id], now, show_names=show_names)
    body: list[Table | Text] = [Text([heading(plan), *_alike(plan)])]
    for name, some, title in (("preview", plan.wanted, None), ("refused", plan.refused, "Refused")):
        if not some:
            continue
        shown = [_row(plan, move, None, show_names, details.get(move.chat.chat_id)) for move in some[:most]]
        body.append(Table(name, _previewed(plan, shown, refused=name == "refused"), shown, title=title, audience="people"))
        body += _more(len(some) - len(shown), len(some), "refused" if name == "refused" else f"to {plan.command}")
    loads = plan.loads()
    if plan.command == "reassign" and loads:
        load_columns = [
            Column("operator", "operator"),
            Column("load", "is"),
            Column("held_before", "chats now", "number"),
            Column("held_after", "then", "number"),
            Column("last_activity", "last seen", "age"),
        ]
        listed = [
            {"operator": person(one.name, one.operator_id, show_names=show_names), "load": one.load,
             "held_before": one.held_before, "held_after": one.held_after, "last_activity": one.last_activity}
            for one in loads[:most]
        ]  # fmt: skip
        body.append(Table("loads", load_columns, listed, audience="people"))
        if more := formatting.and_more(len(loads) - len(listed), "operator"):
            body.append(Text([f"{more} of {formatting.count(len(loads))}: --all"]))
    return body + _careful(plan, now, show_names=show_names)


def _careful(plan: MovePlan, now: datetime | None, *, show_names: bool) -> list[Table | Text]:
    lines = silent_lines(plan.silent_takers, plan.silent_before, now, show_names=show_names)
    for one in plan.seen_elsewhere[:SILENT_NAMED]:
        name = person(one.name, one.operator_id, show_names=show_names)
        told = f"{name} was {formatting.seen(one.last_activity, now)}, though not in this chat."
        if beyond := formatting.ahead(one.last_activity, now):
            told = f"the clock of {name} is {beyond} ahead (DATA002): nobody knows when they were seen."
        lines.append([Span("careful: ", "warning"), Span(told)])
    if plan.unserved:
        waits = formatting.plural(plan.unserved, "chat waits", "chats wait")
        lines.append([Span("careful: ", "warning"), Span(f"nobody is available: given back, {waits} until somebody is.")])
    return [Text(lines)] if lines else []


def silent_lines(takers: Sequence[Operator], before: datetime | None, now: datetime | None, *, show_names: bool) -> list[Line]:
    """That some who are to get a chat were not heard of for long: nobody may answer."""
    limit = ""
    if before is not None and now is not None:  # the plan may be some seconds old
        limit = f" (limit {formatting.duration(60.0 * round((now - before).total_seconds() / 60))})"
    lines: list[Line] = []
    for one in takers[:SILENT_NAMED]:
        seen = f"was {'last ' if one.last_activity else ''}{formatting.seen(one.last_activity, now)}"
        name = person(one.name, one.operator_id, show_names=show_names)
        lines.append([Span("careful: ", "warning"), Span(f"{name} {seen}{limit}. Perhaps nobody answers.")])
    if more := formatting.and_more(len(takers) - SILENT_NAMED):
        lines.append(f"{more} who were silent for so long: `operators --free`")
    return lines


def _previewed(plan: MovePlan, shown: Sequence[MovedChat], *, refused: bool) -> list[Column]:
    """The columns that say something about these chats."""
    if refused:
        return [column for column in PREVIEWED if column.name in ("chat_id", "user_name", "holder", "detail")]
    empty = {
        "taker": plan.command != "reassign",
        "detail": not any(row.detail for row in shown),
        "holder": not any(row.operator_before_id for row in shown),
        "holder_seen": not any(row.holder_seen for row in shown),
        "becomes": bool(_alike(plan)),
    }
    return [column for column in PREVIEWED if not empty.get(column.name)]


def _alike(plan: MovePlan) -> list[str]:
    """What becomes of all chats, where it is the same of all."""
    found = {(states.brief(move.chat.chat_state), states.brief(plan.then_state(move))) for move in plan.wanted}
    if len(found) != 1:
        return []
    ((now, then),) = found
    return [f"each: {now} → {then}" if now != then else f"each: {now}"]


def _more(left: int, of: int, what: str) -> list[Table | Text]:
    """That some are not shown; nothing when all are."""
    more = formatting.and_more(left, "chat")
    return [Text([f"{more} of {formatting.count(of)} {what}: --all"])] if more else []


def question(plan: MovePlan) -> str:
    """What the person at the terminal is asked."""
    wanted = plan.wanted
    if len(wanted) > 1:
        return f"{plan.command.capitalize()} these {formatting.count(len(wanted))} chats"
    if plan.command != "reassign":
        return f"{plan.command.capitalize()} it"
    return f"Give it to {person(_name(plan, wanted[0].to), wanted[0].to, show_names=True)}" if wanted[0].to else "Reassign it"


def heading(plan: MovePlan) -> str:
    """A plan in one line."""
    parts = [formatting.plural(len(plan.wanted), "chat") + f" to {plan.command}"]
    idle = sum(1 for move in plan.moves if not move.refused and plan.idle(move))
    parts += [f"{formatting.count(idle)} as wanted already"] if idle else []
    parts += [f"{formatting.count(len(plan.refused))} refused"] if plan.refused else []
    return " · ".join(parts)


def _one(plan: MovePlan, move: Move, details: Details, now: datetime | None, *, show_names: bool) -> list[Table | Text]:
    chat = move.chat
    people = (details.user_name or "a user", details.profile_name or "a profile")
    pair = " → ".join(formatting.called(name, 24) if show_names else formatting.initial(name) for name in people)
    lines: list[Line] = [str(chat.chat_id), f"{pair} · {_waits(chat.chat_state, details, now)}"]
    if move.refused or plan.idle(move):
        return [Text(lines)]
    holder = _described(plan, chat.operator_id, now, show_names=show_names)
    target = _described(plan, move.to, now, show_names=show_names) if plan.command == "reassign" else "nobody"
    then = plan.then_state(move)
    opened = ", a new one opens" if plan.command == "reassign" else ""
    count = details.open_assignments
    was = f"open since {_clock(details.open_since)}" if count == 1 else f"{count} open" if count else "none open"
    closes = f'closed as "{plan.release_reason.partition(":")[0]}"{opened}' if count else opened.removeprefix(", ") or "none open"
    facts = [
        _Fact("state", states.brief(chat.chat_state, "none") if chat.is_active else ENDED_BY_FLAG, states.brief(then, "none")),
        _Fact("operator", holder, target),
        _Fact("assignment", was, closes),
    ]
    columns = [Column("what", "", rank=0), Column("now", "now", rank=0), Column("then", "then", rank=0)]
    body: list[Table | Text] = [Text(lines), Table("change", columns, facts, audience="people")]
    if move.breaks:
        body.append(Text([[Span("forced: ", "warning"), Span(", ".join(rule.value for rule in move.breaks))]]))
    return body + _careful(plan, now, show_names=show_names)


def _waits(state: str | None, details: Details, now: datetime | None) -> str:
    if state == "completed":
        return "completed"
    if details.waits_since is not None:
        return f"waiting {formatting.age(details.waits_since, now)} for an answer"
    return f"answered {formatting.age(details.replied_at, now)} ago" if details.replied_at else "no message yet"


def _clock(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else "—"


def _described(plan: MovePlan, operator_id: UUID | None, now: datetime | None, *, show_names: bool) -> str:
    if operator_id is None:
        return "nobody"
    known = plan.operators.get(operator_id)
    if known is None:
        return str(operator_id)[:8]
    return f"{person(known.name, operator_id, show_names=show_names)}  ({standing(known, now)})"


def standing(operator: Operator, now: datetime | None) -> str:
    """An operator in words: free, busy, away, and when last seen."""
    return f"{operator.load}, {formatting.seen(operator.last_activity, now)}"


def candidates(chat_count: int, free: Sequence[Operator], now: datetime | None) -> list[Table | Text]:
    """The operators who could take a chat, numbered, for the question that follows."""
    listed = [
        {"place": place, "name": one.name, "operator_id": one.operator_id, "load": one.load, "last_activity": one.last_activity}
        for place, one in enumerate(free, 1)
    ]
    columns = [
        Column("place", "", "number"),
        Column("name", "operator", "person"),
        Column("operator_id", "id", "id"),
        Column("load", "is"),
        Column("last_activity", "last seen", "age"),
    ]
    return [Table("candidates", columns, listed, title="Who could take " + ("it" if chat_count == 1 else "them"))]


def outcome(
    plan: MovePlan, results: Mapping[UUID, MoveResult], *, rehearsal: bool, undo: str, again: str, asked: bool,
    details: Mapping[UUID, Details], now: datetime | None, show_names: bool, most: int | None = SHOWN, do: str = "",
) -> Answer:  # fmt: skip
    """What became of a plan. `undo` and `again` are command lines up to the id or the plan; `asked`: the preview was shown.

    `do` is the command line that does what a dry run has shown; `most` are the chats shown to people (None: all).
    """
    counts = dict(Counter(result.outcome for result in results.values()))
    if refused := len(plan.refused):
        counts["refused"] = counts.get("refused", 0) + refused
    unchanged, untried = len(plan.moves) - len(plan.wanted) - refused, len(plan.wanted) - len(results)
    counts |= {name: number for name, number in (("unchanged", unchanged), ("planned", untried)) if number}
    # What is refused stands in the preview, where there is one.
    usual = {"done", "unchanged"} if asked else {"done", "unchanged", "refused"}
    odd: list[Move] = []
    if set(counts) - usual:
        odd = [one for one in plan.moves if _outcome(plan, one, results.get(one.chat.chat_id)) not in usual]
    body: list[Table | Text] = [] if asked else preview(plan, details, now, show_names=show_names, most=most)
    if len(plan.moves) == 1:
        one = _row(plan, plan.moves[0], results.get(plan.moves[0].chat.chat_id), show_names)
        told = _verdict_of_one(plan, one, rehearsal=rehearsal, undo=undo, show_names=show_names)
        body.append(Text(["", *told] if body and isinstance(body[-1], Table) else told))
    else:
        logged = any(result.action_id is not None for result in results.values())
        body.append(Text(_verdict(plan, counts, rehearsal=rehearsal, undo=undo if logged else None, again=again)))
        if odd:
            columns = [column for column in COLUMNS if column.name in ("chat_id", "holder", "outcome", "detail")]
            shown = [_row(plan, move, results.get(move.chat.chat_id), show_names) for move in odd[:most]]
            body.append(Table("exceptions", columns, shown, audience="people"))
        body += _more(len(odd[most:]) if most is not None else 0, len(odd), f"that were not {DONE[plan.command]}")
    if rehearsal and do and counts.get("done"):
        body.append(Text([[Span("Do it: "), Span(do, "code")]]))
    # Made as it is read: people see twenty rows of a hundred thousand.
    every = (_row(plan, move, results.get(move.chat.chat_id), show_names) for move in plan.moves)
    body.append(Table("chats", COLUMNS, every, audience="machines"))
    data = {"plan_id": plan.plan_id, "dry_run": rehearsal, "counts": counts}
    return Answer(plan.command, body, data, now)


def _verdict(plan: MovePlan, counts: Mapping[str, int], *, rehearsal: bool, undo: str | None, again: str) -> list[Line]:
    done = counts.get("done", 0)
    verb = DONE[plan.command]
    others = [f"{formatting.count(number)} {name}" for name, number in counts.items() if name != "done"]
    rest = f"; {', '.join(others)}" if others else ""
    if rehearsal:
        return [f"Dry run: {formatting.plural(done, 'chat')} would be {verb}{rest}. Everything was rolled back."]
    lines: list[Line] = [f"{formatting.count(done)} of {formatting.plural(len(plan.moves), 'chat')} {verb}{rest}."]
    if done and undo is not None:
        lines.append([Span("Undo: "), Span(f"{undo} {plan.plan_id}", "code")])
    if counts.get("planned") or counts.get("moved"):
        lines.append([Span("The rest: "), Span(again, "code")])
    return lines


def _verdict_of_one(plan: MovePlan, row: MovedChat, *, rehearsal: bool, undo: str, show_names: bool) -> list[Line]:
    if row.outcome == "done" and rehearsal:
        known = row.operator_after_id and person(row.operator_after, row.operator_after_id, show_names=show_names)
        what = f"reassigned to {known}" if known else f"{DONE[plan.command]}: {row.then}"
        return [f"Dry run: {row.chat_id} would be {what}. Everything was rolled back."]
    if row.outcome == "done":
        lines: list[Line] = [f"Done, action {row.action_id}." if row.action_id is not None else "Done, not logged."]
        if row.action_id is not None:
            lines[0] = [Span(f"Done, action {row.action_id}. Undo: "), Span(f"{undo} {row.action_id}", "code")]
        return lines
    if row.outcome == "unchanged":
        return [f"{row.chat_id} is so already: nothing to do."]
    return [f"{row.chat_id} was not {DONE[plan.command]}: {row.detail or row.outcome}."]
