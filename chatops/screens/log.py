"""The answer of `log`: who did what, when and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chatops import formatting
from chatops.chats.log import Logged
from chatops.model import Answer, Column, Line, Table, Text, named, value_of
from chatops.screens.columns import operator
from chatops.screens.tenants import UNKNOWN, Page, TenantRow, Told
from chatops.settings import Target

COLUMNS = [
    Column("action_id", "action", "number", rank=0),
    Column("at", "ago", "age"),
    Column("what", "what", audience="people", rank=0),
    *named("action", "outcome", "code", audience="machines"),
    Column("chat_id", "chat", "id"),
    *operator("operator", 3),
    Column("who", "who", audience="people", rank=2),
    Column("why", "why", audience="people", rank=4),
    *named("row_id", "state_before", "state_after", "operator_before_id", "operator_after_id", "detail", "reason", "undoes",
           "plan_id", "environment", "database_role", "os_user", "client_address", "ci_run", "command", audience="machines"),
    *named("before", "after", kind="data", audience="machines"),
]  # fmt: skip


TENANTS = Page(
    "log",
    (),
    lambda answer, code: Told((0.0,), {}),
    "nothing logged",
    lambda rows: formatting.plural(len(rows), "tenant"),
    ("log",),
)
"""What is told of a tenant whose log cannot be seen."""


def of_tenant(row: Logged, tenant: str, target: Target) -> dict[str, Any]:
    """A row of one tenant's log among those of others."""
    own = {one.name: value_of(row, one.name) for one in COLUMNS}
    return {"tenant": tenant, "schema": target.schema, "environment": target.name, **own}


def answer_of_all(
    rows: Sequence[TenantRow], found: Sequence[dict[str, Any]], now: datetime | None, more: Sequence[Line], *, show_names: bool
) -> Answer:
    """`chatops log` of many tenants: the newest of all, and whose log cannot be seen."""
    unseen = [row for row in rows if row.unknown is not None]
    names = [Column("tenant", "tenant", rank=0), *named("schema", "environment", audience="machines")]
    whole = answer(found, now, show_names=show_names)
    table = replace(whole.tables[0], columns=[*names, *whole.tables[0].columns])
    head = f"{formatting.plural(len(rows), 'tenant')} · {formatting.plural(len(found), 'entry', 'entries')}"
    head += f" about {len({row['tenant'] for row in found})} of them" if found else ""
    told: list[Line] = [*more, *(formatting.visible(f"{row.tenant}: {UNKNOWN}, {row.unknown}") for row in unseen)]
    body: list[Table | Text] = [Text([head]), table, *([Text(told)] if told else [])]
    data = {"tenants_total": len(rows), "unknown": [row.tenant for row in unseen]}
    return Answer("log", body, data, now)


def answer(rows: Iterable[object], now: datetime | None, more: Iterable[Line] = (), *, show_names: bool = True) -> Answer:
    """`chatops log`. Where names are hidden, people see the operator's id instead."""
    columns = [replace(one, audience="all") if one.name == "operator_id" and not show_names else one for one in COLUMNS]
    table = Table("actions", columns, rows, empty="No log entry matches.")
    tail = list(more)
    return Answer("log", [table, Text(tail)] if tail else [table], now=now)
