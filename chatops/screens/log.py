"""The answer of `log`: who did what, when and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from chatops.chats.log import Logged
from chatops.model import Answer, Column, Line, Table, Text

COLUMNS = [
    Column("action_id", "action", "number", rank=0),
    Column("at", "ago", "age"),
    Column("what", "what", audience="people", rank=0),
    Column("action", "action", audience="machines"),
    Column("outcome", "outcome", audience="machines"),
    Column("code", "code", audience="machines"),
    Column("chat_id", "chat", "id"),
    Column("operator_name", "operator", "person", rank=3),
    Column("operator_id", "operator", "id", audience="machines"),
    Column("who", "who", audience="people", rank=2),
    Column("why", "why", audience="people", rank=4),
    *(
        Column(name, name.replace("_", " "), audience="machines")
        for name in ("row_id", "state_before", "state_after", "operator_before_id", "operator_after_id", "detail", "reason",
                     "undoes", "plan_id", "environment", "database_role", "os_user", "client_address", "ci_run", "command")
    ),
    Column("before", "before", "data", audience="machines"),
    Column("after", "after", "data", audience="machines"),
]  # fmt: skip


def answer(rows: Iterable[Logged], now: datetime | None, more: Iterable[Line] = (), *, show_names: bool = True) -> Answer:
    """`chatops log`. Where names are hidden, people see the operator's id instead."""
    columns = [replace(one, audience="all") if one.name == "operator_id" and not show_names else one for one in COLUMNS]
    table = Table("actions", columns, rows, empty="No log entry matches.")
    tail = list(more)
    return Answer("log", [table, Text(tail)] if tail else [table], now=now)
