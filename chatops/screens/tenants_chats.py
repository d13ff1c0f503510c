"""The pages of many tenants that tell of chats: `summary`, `queue`, `stuck`, `operators`, `chats`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chatops import formatting
from chatops.errors import ExitCode
from chatops.model import Answer, Column, named, value_of
from chatops.screens.tenants import Page, TenantRow, Told

_FIGURES = (
    Column("waiting", "wait", "number"), Column("oldest_waiting_since", "oldest", "age"),
    Column("wait_p95_seconds", "95 % under", "duration", rank=2), Column("operators_free", "free", "number"),
    Column("operators_busy", "busy", "number"), Column("operators_away", "away", "number", rank=2),
)  # fmt: skip


def _many(rows: Sequence[TenantRow]) -> str:
    return formatting.plural(len(rows), "tenant")


def _sum(rows: Sequence[TenantRow], name: str) -> int:
    return sum(int(row.told.values.get(name) or 0) for row in rows)


def _first(answer: Answer, table: str) -> object | None:
    """The first row of an answer's table."""
    return next((row for one in answer.tables if one.name == table for row in one.rows), None)


def _seconds_since(instant: datetime | None, now: datetime | None) -> float:
    return (now - instant).total_seconds() if instant is not None and now is not None else 0.0


def _waiting(answer: Answer, code: ExitCode) -> Told:
    figures = answer.data
    waiting = int(str(figures["waiting"]))
    oldest = figures["oldest_waiting_since"]
    assert oldest is None or isinstance(oldest, datetime)
    paused = figures.get("paused_until")
    return Told(
        (float(waiting > 0), _seconds_since(oldest, answer.now), float(waiting), float(paused is not None)), dict(figures)
    )


def _wait(rows: Sequence[TenantRow]) -> str:
    waiting = _sum(rows, "waiting")
    return f"{_many(rows)} · {formatting.count(waiting)} {'waits' if waiting == 1 else 'wait'}"


SUMMARY = Page("summary", (*_FIGURES, Column("chats", "chats", "number", rank=2)), _waiting, "nobody waits", _wait, ("summary",))


def _queue(answer: Answer, code: ExitCode) -> Told:
    told = _waiting(answer, code)
    head: Any = _first(answer, "queue")
    return replace(told, values={**told.values, "chat_id": None if head is None else value_of(head, "chat_id")})


QUEUE = Page("queue", (*_FIGURES, Column("chat_id", "first chat", "id", rank=3)), _queue, "nobody waits", _wait, ("queue",))


def _stuck(answer: Answer, code: ExitCode) -> Told:
    total = int(str(answer.data["total"]))
    worst: Any = _first(answer, "stuck")
    since = None if worst is None else value_of(worst, "since")
    values = {"total": total, "since": since, "why": None if worst is None else value_of(worst, "why"),
              "chat_id": None if worst is None else value_of(worst, "chat_id")}  # fmt: skip
    return Told((float(total > 0), _seconds_since(since, answer.now), float(total)), values)


STUCK = Page(
    "stuck",
    (Column("total", "stuck", "number"), Column("since", "longest", "age"), Column("why", "why it does not move"),
     Column("chat_id", "that chat", "id", rank=3)),
    _stuck, "nothing is stuck",
    lambda rows: f"{_many(rows)} · {formatting.plural(_sum(rows, 'total'), 'chat is', 'chats are')} stuck",
    ("stuck",),
)  # fmt: skip


def _review(answer: Answer, code: ExitCode) -> Told:
    total = int(str(answer.data["total"]))
    return Told((float(total),), {"total": total})


REVIEW = Page(
    "stuck", (Column("total", "to read again", "number"),), _review, "nothing to read again",
    lambda rows: f"{_many(rows)} · {formatting.plural(_sum(rows, 'total'), 'chat')} to read again", ("stuck --review",),
)  # fmt: skip

_LOADS = ("free", "busy", "away", "inactive")


def _operators(answer: Answer, code: ExitCode) -> Told:
    loads = {load: int(str(answer.data[load])) for load in _LOADS}
    at_work = loads["free"] + loads["busy"]
    return Told((float(at_work == 0), float(loads["free"] == 0), float(loads["busy"] if loads["free"] == 0 else 0)), dict(loads))


OPERATORS = Page(
    "operators", named(*_LOADS, kind="number"), _operators, "somebody is free",
    lambda rows: f"{_many(rows)} · " + " · ".join(f"{formatting.count(_sum(rows, load))} {load}" for load in _LOADS),
    ("operators",),
)  # fmt: skip


def _figures(answer: Answer, code: ExitCode) -> Told:
    given_back = int(str(answer.data["given_back"]))
    return Told((float(given_back),), dict(answer.data))


OPERATOR_FIGURES = Page(
    "operators", (Column("replies", "replies", "number"), Column("given_back", "given back", "number")), _figures,
    "no chat given back",
    lambda rows: f"{_many(rows)} · {formatting.plural(_sum(rows, 'replies'), 'reply', 'replies')} · "
                 f"{formatting.plural(_sum(rows, 'given_back'), 'chat')} given back", ("operators --figures",),
)  # fmt: skip


def _listed(answer: Answer, code: ExitCode) -> Told:
    total = int(str(answer.data.get("total") or 0))
    first: Any = _first(answer, "chats")
    return Told((float(total),), {"total": total, "chat_id": None if first is None else value_of(first, "chat_id")})


CHATS = Page(
    "chats", (Column("total", "chats", "number"), Column("chat_id", "first chat", "id", rank=3)), _listed, "no chat is like that",
    lambda rows: f"{_many(rows)} · {formatting.plural(_sum(rows, 'total'), 'chat')}", ("chats",),
)  # fmt: skip
