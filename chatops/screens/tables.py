"""The answers of the table commands, laid out: the figure that matters first, then the rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime

from chatops import formatting, states
from chatops.chats.reports import NOT_ASKED, Beside, OperatorFigures, OperatorLoad, Queue, QueueFigures, StuckChat, Summary
from chatops.frozen import frozen
from chatops.model import Answer, Column, Figure, Line, Span, Table, Text, named
from chatops.screens.columns import TAKEN, operator, operator_of_row
from chatops.screens.lines import busy_in_words, free_in_words, locked_in_words

APART = {
    "no message": "nobody wrote yet",
    "answered": "answered already",
    "not active": "ended by its flag",
    "no queue": "waits in no queue",
}
"""Why a chat in state waiting_assignment is not in the queue; CHAT007, CHAT011 and QUEUE012 find the last three."""

LONGEST_WAIT = 100 * 365 * 86400.0


@frozen
class _StateLine:
    label: str
    state: str
    empty: bool
    why: str | None
    chats: int
    share: float
    bar: float
    oldest_since: datetime | None


def summary_table(summary: Summary) -> Table:
    """Chats by state with share and bar."""
    total = summary.total or 1
    lines = [
        _StateLine(APART[row.why] if row.why else states.long(row.state), row.state, row.empty, row.why, row.chats,
                   row.chats / total, row.chats / total, row.oldest)
        for row in summary.states
    ]  # fmt: skip
    columns = [
        Column("label", "state", audience="people"),
        *named("state", "empty", "why", audience="machines"),
        Column("chats", "chats", "number"),
        Column("bar", "", "bar", audience="people", rank=9),
        Column("share", "share", "share", rank=2),
        Column("oldest_since", "oldest", "age"),
    ]
    return Table("states", columns, lines)


def queue_line(figures: QueueFigures, now: datetime | None, *, away: bool = True) -> str:
    """The queue in one line: operators first, then waits; where there is little room not who is `away`, nor how many are held."""
    busy = busy_in_words(figures.busy, figures.leaving, figures.held if away else None)
    staff = f"{free_in_words(figures.free, figures.silent)} · {busy}" + (f" · {figures.away} away" if away else "")
    beside = figures.beside
    locked = f" · {locked_in_words(len(beside.locked), figures.waiting)}" if beside.locked and figures.waiting else ""
    aside = f" · +{formatting.count(beside.in_no_queue)} in no queue" if beside.in_no_queue else ""
    if not figures.waiting:
        nobody = f"nobody waits in the queue{aside} · oldest {formatting.age(beside.since, now)}" if aside else "nobody waits"
        return f"{staff} · {nobody}"
    oldest = min((at for at in (figures.oldest, beside.since if aside else None) if at is not None), default=None)
    return (
        f"{staff} · {formatting.count(figures.waiting)} {'waits' if figures.waiting == 1 else 'wait'}{locked}{aside}"
        f" · oldest {formatting.age(oldest, now)}"
        f" · half under {formatting.duration(_whole(figures.p50_seconds))},"
        f" 95 % under {formatting.duration(_whole(figures.p95_seconds))}"
    )


def _whole(seconds: float | None) -> float | None:
    return None if seconds is None else float(max(1, int(seconds)))


def _figures(figures: QueueFigures) -> dict[str, object]:
    return {
        "waiting": figures.waiting,
        "oldest_waiting_since": figures.oldest,
        "wait_p50_seconds": figures.p50_seconds,
        "wait_p95_seconds": figures.p95_seconds,
        "operators_free": figures.free,
        "operators_free_and_silent": figures.silent,
        "operators_busy": figures.busy,
        "operators_busy_and_leaving": figures.leaving,
        "chats_held": figures.held,
        "operators_away": figures.away,
        "operators_inactive": figures.inactive,
        "in_no_queue": figures.beside.in_no_queue,
        "in_no_queue_since": figures.beside.since,
        "locked": None if figures.beside.locked is None else len(figures.beside.locked),
    }


def summary_answer(summary: Summary, now: datetime | None) -> Answer:
    """`chatops summary`."""
    body: list[Table | Text] = [Text([queue_line(summary.queue, now)]), summary_table(summary)]
    why = {"no message": "empty"}
    chats = [Figure("chats", row.chats, "Chats by state; those in state waiting_assignment that are not in the queue by why.",
                    {"state": why.get(row.why, row.why.replace(" ", "_")) if row.why else row.state})
             for row in summary.states]  # fmt: skip
    figures = [*chats, *queue_numbers(summary.queue, now)]
    return Answer("summary", body, {"chats": summary.total, **_figures(summary.queue)}, now, figures)


def _a_wait(seconds: float | None) -> float | None:
    """A wait in seconds; None for one that nobody can have waited: since an instant to come, or since no calendar's."""
    return seconds if seconds is not None and -60 <= seconds < LONGEST_WAIT else None


def queue_numbers(queue: QueueFigures, now: datetime | None) -> list[Figure]:
    """The queue and the operators as numbers for monitoring systems."""
    oldest = (now - queue.oldest).total_seconds() if queue.oldest is not None and now is not None else 0.0
    loads = (("free", queue.free), ("busy", queue.busy), ("away", queue.away), ("inactive", queue.inactive))
    return [
        Figure("queue_waiting", queue.waiting, "Chats that wait for an operator."),
        Figure("queue_oldest_seconds", _a_wait(round(oldest, 3)), "The longest wait of a chat in the queue; 0 when none waits."),
        Figure("queue_median_seconds", _a_wait(queue.p50_seconds), "The wait that half of the queue does not exceed."),
        Figure("queue_p95_seconds", _a_wait(queue.p95_seconds), "The wait that 95 % of the queue do not exceed."),
        *(Figure("operators", number, "Operators by load.", {"load": load}) for load, number in loads),
    ]


def queue_answer(queue: Queue, now: datetime | None, more: str = "", shown: int | None = None) -> Answer:
    """`chatops queue`; `more` is the command that lists all of them, `shown` how many people see."""
    columns = [
        Column("chat_id", "chat", "id", rank=0),
        Column("waiting_since", "waits", "age", rank=0),
        Column("user_name", "user", "person"),
        Column("profile_name", "profile", "person", rank=2),
        *operator("last operator", 3, "last_operator"),
        Column("last_message_at", "last message", "instant", audience="machines"),
    ]
    lines: list[Line] = [queue_line(queue.figures, now)]
    numbers = queue_numbers(queue.figures, now)
    data = {**_figures(queue.figures), "total": queue.figures.waiting, **cut_short(queue.figures.waiting, len(queue.head))}
    if not queue.head:
        empty = Table("queue", columns, [], audience="machines")
        return Answer("queue", [Text(lines), empty], data, now, numbers)
    rest = queue.figures.waiting - (len(queue.head) if shown is None else min(shown, len(queue.head)))
    body: list[Table | Text] = [Text(lines), Table("queue", columns, queue.head, most=shown)]
    if rest > 0:
        body.append(Text([[Span(f"{formatting.and_more(rest)} that wait less long: ", "dim"), Span(more, "code")]]))
    return Answer("queue", body, data, now, numbers)


def cut_short(total: int, listed: int) -> dict[str, object]:
    """What programs are told where a limit left rows out."""
    return {"truncated": True} if total > listed else {}


def and_more(total: int, shown: int, more: str) -> list[Table | Text]:
    """The line for people where rows are left out: how many, of how many, and the command that lists them all."""
    if total <= shown:
        return []
    return [Text([[Span(f"{formatting.and_more(total - shown)} of {formatting.count(total)}: "), Span(more, "code")]])]


STUCK_COLUMNS = [
    Column("chat_id", "chat", "id"),
    Column("why", "why", audience="people"),
    Column("chat_state", "state", audience="machines"),
    Column("reason", "why", audience="machines"),
    Column("since", "since", "age"),
    *operator("operator", 2),
    Column("last_message_at", "last message", "age", rank=3),
]


def stuck_answer(
    rows: Iterable[StuckChat], total: int | None, longer_than: str, more: str, now: datetime | None, shown: int | None = None,
    beside: Beside = NOT_ASKED, look: str = "",
) -> Answer:  # fmt: skip
    """`chatops stuck`; `total` None while streaming, when nobody has counted. `shown`: how many people see. `beside`: who waits
    in no queue, whom `look` lists."""
    data: dict[str, object] = {"longer_than": longer_than}
    limit = f"{formatting.duration(formatting.span(longer_than, '--longer-than'))} (--longer-than)"
    if total is not None:
        data |= {"in_no_queue": beside.in_no_queue, "in_no_queue_since": beside.since}
    aside: list[Line] = []
    if beside.in_no_queue:
        many = formatting.plural(beside.in_no_queue, "user waits", "users wait")
        aside = [[Span(f"{many} in no queue, oldest {formatting.age(beside.since, now)}: ", "warning"), Span(look, "code")]]
    if total is not None:
        rows = list(rows)
        data |= {"total": total, **cut_short(total, len(rows))}
    if total == 0:
        nothing = Table("stuck", STUCK_COLUMNS, [], audience="machines")
        first = f"nothing {'else ' if aside else ''}is stuck for longer than {limit}"
        return Answer("stuck", [Text([*aside, first]), nothing], data, now)
    body: list[Table | Text] = [Table("stuck", STUCK_COLUMNS, rows, most=shown)]
    if total is not None:
        title = formatting.plural(total, "chat has", "chats have")
        body.insert(0, Text([*aside, f"{title} not moved for longer than {limit}, worst first"]))
        body += and_more(total, total if shown is None else shown, more)
    return Answer("stuck", body, data, now)


def figures_answer(
    rows: list[OperatorFigures], since: datetime, now: datetime | None, limit: int | None = None, more: str = ""
) -> Answer:
    """`chatops operators --figures`; `more` is the command that lists them all."""
    columns = [
        *operator_of_row(6),
        TAKEN,
        Column("answered", "answered", "number", rank=3),
        Column("replies", "replies", "number", rank=0),
        Column("answer_p50_seconds", "answer in", "duration", rank=1),
        Column("answer_p95_seconds", "95 % in", "duration", rank=4),
        Column("given_back", "given back", "number", rank=2),
        Column("first_reply", "first reply", "age", rank=7),
        Column("last_reply", "last reply", "age", rank=5),
    ]
    replies, given_back = sum(row.replies for row in rows), sum(row.given_back for row in rows)
    worked = sum(1 for row in rows if row.replies)
    line = (
        f"{formatting.plural(replies, 'reply', 'replies')} by {formatting.plural(worked, 'operator')} in the last "
        f"{formatting.back(since, now)}; {formatting.plural(given_back, 'chat')} given back without one"
    )
    listed = rows[:limit]
    data = {"since": since, "replies": replies, "given_back": given_back, "total": len(rows), **cut_short(len(rows), len(listed))}
    table = Table("operators", columns, listed, empty="nobody worked", most=limit)
    return Answer("operators", [Text([line]), table, *and_more(len(rows), len(listed), more)], data, now)


@frozen
class _Shift(OperatorLoad):
    """An operator as people see them: free, and perhaps silent; busy, and perhaps with several chats, or with their last one."""

    told: str
    next_chat: bool
    """Whether they may be given a chat, now or once they have answered the one they hold."""


def _load(row: OperatorLoad, *, silent: bool) -> str:
    """What an operator does, and what keeps a next chat from them."""
    many = f"busy with {formatting.count(row.held_chats)}" if row.load == "busy" and row.held_chats > 1 else row.load
    return ", ".join(filter(None, (many, "silent" if silent else None, row.no_next)))


def operators_answer(
    rows: list[OperatorLoad], now: datetime | None, *, only_free: bool = False, silent_before: datetime | None = None,
    limit: int | None = None, more: str = "",
) -> Answer:  # fmt: skip
    """`chatops operators`; `only_free`: those who could take a chat now. Of them, who was not heard of since then is silent.

    `limit`: how many are listed, by `more` all.
    """
    counts = {load: sum(1 for row in rows if row.load == load) for load in ("free", "busy", "away", "inactive")}
    columns = [
        *operator_of_row(4),
        Column("told", "load", audience="people", rank=0),
        *named("load", "next_chat", audience="machines"),
        Column("chat_id", "chat", "id", rank=3),
        Column("held_since", "held", "age", rank=2),
        Column("held_chats", "chats held", "number", audience="machines"),
        Column("last_activity", "last seen", "age"),
        Column("total_messages", "messages", "number", rank=5),
    ]
    silent = {
        row.operator_id for row in rows
        if row.load == "free" and silent_before is not None and (row.last_activity is None or row.last_activity < silent_before)
    }  # fmt: skip
    shown = [
        _Shift(
            **{one.name: getattr(row, one.name) for one in fields(row)},
            told=_load(row, silent=row.operator_id in silent),
            next_chat=row.load == "free" or (row.load == "busy" and row.no_next is None),
        )
        for row in rows
        if row.load == "free" or not only_free
    ]
    words = {load: f"{formatting.count(counts[load])} {load}" for load in counts}
    words["free"] = free_in_words(counts["free"], len(silent))
    leaving = sum(row.no_next is not None for row in rows)
    words["busy"] = busy_in_words(counts["busy"], leaving, sum(row.held_chats for row in rows))
    line = " · ".join(words.values())
    listed = shown[:limit]
    nobody = "nobody is free" if only_free else "no operators"
    table = Table("operators", columns, listed, empty=nobody, most=limit)
    data = {**counts, "total": len(shown), **cut_short(len(shown), len(listed))}
    return Answer("operators", [Text([line]), table, *and_more(len(shown), len(listed), more)], data, now)
