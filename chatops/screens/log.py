"""The answer of `log`: who did what, when and why."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chatops import formatting
from chatops.chats.log import Files, Folded, Logged
from chatops.model import Answer, Column, Line, Span, Table, Text, Values, named, value_of
from chatops.screens.columns import operator
from chatops.screens.tables import cut_short
from chatops.screens.tenants import UNKNOWN, Page, TenantRow, Told
from chatops.settings import Target

COLUMNS = [
    Column("action_id", "action", "number", rank=0),
    Column("at", "ago", "age"),
    Column("what", "what", audience="people", rank=0),
    *named("action", "outcome", "code", audience="machines"),
    Column("chat_id", "chat", "id"),
    *operator("operator", 3),
    Column("who", "by", audience="people", rank=2),
    Column("why", "why", audience="people", rank=4),
    *named("row_id", "state_before", "state_after", "operator_before_id", "operator_after_id", "detail", "reason", "undoes",
           "plan_id", "environment", "database_role", "os_user", "client_address", "ci_run", "command", audience="machines"),
    *named("before", "after", kind="data", audience="machines"),
]  # fmt: skip


FOLDED = [
    Column("action_id", "action", "number", rank=0),
    Column("at", "ago", "age"),
    Column("what", "what", rank=0),
    Column("how_many", "count", "number", rank=3),
    Column("one_chat", "chat", "id", rank=2),
    Column("one_operator", "operator", "person", rank=4),
    Column("who", "by"),
    Column("why", "why"),
]
"""The same where what one command did to many is one line."""
ID_OF_ENTRY = Column("one_operator_id", "operator id", "id", rank=3)


FILES = [
    Column("at", "ago", "age"),
    Column("what", "what", audience="people", rank=0),
    *named("command", "first_file", "last_file", audience="machines"),
    Column("which", "files", audience="people", rank=0),
    Column("files", "files", "number", audience="machines"),
    Column("unfinished", "unfinished", "flag", audience="machines"),
    Column("who", "by", audience="people", rank=2),
    *named("database_role", "os_user", "run_id", audience="machines"),
]
"""What the ledger says: when files came in, which and by whom."""


TENANTS = Page(
    "log",
    (),
    lambda answer, code: Told((0.0,), {}),
    "nothing logged",
    lambda rows: formatting.plural(len(rows), "tenant"),
    ("log",),
)
"""What is told of a tenant whose log cannot be seen."""


def of_tenant(row: Logged, columns: Sequence[Column], tenant: str, target: Target) -> dict[str, Any]:
    """A row of one tenant's log among those of others."""
    own = {one.name: value_of(row, one.name) for one in columns}
    return {"tenant": tenant, "schema": target.schema, "environment": target.name, **own}


def answer_of_all(
    rows: Sequence[TenantRow],
    found: Sequence[Values],
    folded: Sequence[Values] | None,
    now: datetime | None,
    more: Sequence[Line],
    total: int,
    most: int,
    *,
    show_names: bool,
) -> Answer:
    """`chatops log` of many tenants: the newest of all, of which people see `most`, and whose log cannot be seen."""
    unseen = [row for row in rows if row.unknown is not None]
    names = [Column("tenant", "tenant", rank=0), *named("schema", "environment", audience="machines")]
    tables = [replace(one, columns=[*names, *one.columns]) for one in _tables(found, folded, most, show_names=show_names)]
    shown = found if folded is None else folded
    head = f"{formatting.plural(len(rows), 'tenant')} · {formatting.plural(len(shown), 'entry', 'entries')}"
    head += f" about {len({row['tenant'] for row in shown})} of them" if shown else ""
    told: list[Line] = [*more, *(formatting.visible(f"{row.tenant}: {UNKNOWN}, {row.unknown}") for row in unseen)]
    body: list[Table | Text] = [Text([head]), *tables, *([Text(told)] if told else [])]
    data = {"tenants_total": len(rows), "unknown": [row.tenant for row in unseen], "total": total}
    return Answer("log", body, data | cut_short(total, len(found)), now)


def answer(
    rows: Iterable[object],
    folded: Sequence[Folded] | None,
    now: datetime | None,
    more: Iterable[Line] = (),
    counted: tuple[int, bool] | None = None,
    most: int | None = None,
    files: Sequence[Files] = (),
    *,
    show_names: bool = True,
) -> Answer:
    """`chatops log`: every row, of which people see `most`; with `folded`, people see those entries instead.

    `counted`: how many there are in all, and whether some of them are left out; `files`: what the ledger says came in meanwhile.
    """
    tail = list(more)
    tables = _tables(rows, folded, most, show_names=show_names)
    if files:
        tables.append(Table("files", FILES, files, title="Files that came in"))
    data: dict[str, object] = {} if counted is None else {"total": counted[0]}
    data |= {"truncated": True} if counted is not None and counted[1] else {}
    return Answer("log", [*tables, Text(tail)] if tail else [*tables], data, now)


def _tables(rows: Iterable[object], folded: Sequence[object] | None, most: int | None, *, show_names: bool) -> list[Table]:
    """Where names are hidden, people see the operator's id instead."""
    empty = "No log entry matches."
    if folded is None:
        columns = [replace(one, heading="operator id", audience="all") if one.name == "operator_id" and not show_names else one
                   for one in COLUMNS]  # fmt: skip
        return [Table("actions", columns, rows, empty=empty, most=most)]
    seen = list(FOLDED)
    if not show_names:
        seen.insert(6, ID_OF_ENTRY)
    return [
        Table("entries", seen, folded, empty=empty, audience="people", most=most),
        Table("actions", COLUMNS, rows, empty=empty, audience="machines"),
    ]


ROWS = {"chat": "chat", "operator": "operator", "assignments": "assignment", "activity": "heartbeat"}
"""What the rows of an image are called."""


def one(
    row: Logged, problem: str | None, undo: str, now: datetime | None, session: Folded | None = None, *, show_names: bool
) -> Answer:
    """`chatops log NUMBER`: who, when and why, what each column was before and after, and what would take it back.

    `problem` is why nothing does; `undo` the command line that shows it; `session` a psql session with its end.
    """
    ago = f"{formatting.age(row.at, now)} ago, {formatting.instant(row.at)}"
    head: list[Line] = [[Span(f"Action {row.action_id}: {formatting.visible(row.what)}", "strong"), Span(f" · {ago}")]]
    name = formatting.called(row.operator_name) if show_names else formatting.initial(row.operator_name)
    facts = (
        ("chat", row.chat_id),
        ("operator", f"{name} {row.operator_id}" if row.operator_id else None),
        ("row", row.row_id),
        ("by", _by(row)),
        ("CI run", row.ci_run),
        ("reason", row.reason),
        ("why not" if row.outcome != "done" else "detail", row.detail),
        ("command", row.command),
        ("session", _session(session) if session is not None else None),
        ("plan", row.plan_id),
        ("undoes", row.undoes),
    )  # fmt: skip
    head += [[Span(f"  {label:<10}", "dim"), Span(formatting.visible(str(value)))] for label, value in facts if value]
    changed = list(_changes(row.before, row.after, formatting.visible(row.row_id or "the row")))
    told: list[Line] = ["What was before → and after:", *changed, *_stayed(row)] if changed else [_nothing(row)]
    back: Line = f"It cannot be undone: {problem}."
    if problem is None:
        back = [Span("Undo puts back what stands under before, if nothing moved since: "), Span(undo, "code")]
    machines = Table("actions", COLUMNS, [row], audience="machines")
    return Answer("log", [Text([*head, "", *told, "", back]), machines], {"undo_problem": problem}, now)


def _session(session: Folded) -> str:
    """How long a psql session took, or whether it lives, and how it ended where that was not well."""
    return ", ".join(part for part in (session.what.removeprefix("psql, "), session.badly) if part)


def _nothing(row: Logged) -> str:
    """What is known of a change where the log has no row as it was."""
    if row.action == "psql opened":
        return "The rows that it changed are not recorded; what psql was given on its command line stands above."
    if row.action == "psql closed":
        return "The rows that it changed are not recorded; what psql was given on its command line stands where it opened."
    return "It changed no row."


def _by(row: Logged) -> str:
    where = f" from {row.client_address}" if row.client_address else ""
    return f"{row.os_user or 'somebody'}, as role {row.database_role}{where}"


def _changes(before: Values | None, after: Values | None, alone: str) -> Iterator[Line]:
    """A line for each value that changed, and one for each row that came or went; `alone` is what one row alone is called."""
    was, became = _rows(before or {}), _rows(after or {})
    for name in dict.fromkeys([*was, *became]):
        if name not in became:
            yield _line(name or alone, "is removed")
            continue
        if name not in was and (name or not before):
            yield _line(name or alone, "is added")
        old, new = was.get(name, {}), became[name]
        for key, value in new.items():
            if key != "id" and value != old.get(key):
                what = f"{name} {_words(name, key)}".strip()
                if any(isinstance(one, str) and "\n" in one for one in (value, old.get(key))):
                    yield from _texts(what, old.get(key), value)
                else:
                    yield _line(f"{what}:", f"{_value(old.get(key))} → {_value(value)}")


STAYS = ("chat_state", "assigned_operator_id", "waiting_since", "operator_replied_at")
"""What of a chat is told where an action left it as it was: it is what a chat is judged by."""


def _stayed(row: Logged) -> list[Line]:
    """What of a chat that changed is as it was."""
    was, became = (_rows(image or {}).get("chat", {}) for image in (row.before, row.after))
    same = [key for key in STAYS if was.get(key) is not None and was[key] == became.get(key, was[key])]
    told = ", ".join(f"{_words('chat', key)} {_value(was[key])}" for key in same)
    return [_line("chat, as it was:", told)] if told else []


def _words(name: str, key: str) -> str:
    """A column's name in words: of a chat without the word that stands before it."""
    return (key.removeprefix("chat_") if name == "chat" else key).replace("_", " ")


def _texts(what: str, old: object, new: object) -> Iterator[Line]:
    """Two texts of several lines, such as a function before and after: what differs, line by line."""
    was, became = (text.splitlines() if isinstance(text, str) else [] for text in (old, new))
    yield _line(f"{what}:", "- before, + after")
    for line in [*difflib.unified_diff(was, became, lineterm="", n=1)][2:]:
        text = f"    {formatting.visible(line.expandtabs(4))}"
        yield [Span(text, "warning" if line.startswith("-") else "ok" if line.startswith("+") else "dim")]


def _rows(image: Values) -> dict[str, Values]:
    """The rows of an image by what they are called; "" for one row alone."""
    rows: dict[str, Values] = {}
    for key, value in image.items():
        if isinstance(value, Mapping) and key in ROWS:
            rows[ROWS[key]] = value
        elif isinstance(value, list) and key in ROWS:
            rows |= {f"{ROWS[key]} {str(one.get('id', place))[:8]}": one for place, one in enumerate(value)}
        else:
            rows[""] = {**rows.get("", {}), key: value}
    return rows


def _line(name: str, says: str) -> Line:
    return [Span(f"  {formatting.visible(name)} ", "dim"), Span(says)]


def _value(value: object) -> str:
    """A value of an image as people read it, an instant to the second in UTC; — for none."""
    if value is None:
        return "—"
    text = value if isinstance(value, str) else json.dumps(value)
    return formatting.visible(re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?\+00:00$", r"\1 \2", text))
