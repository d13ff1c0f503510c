"""Many tenants on one page: the worst first, those that are well counted in one line, what cannot be seen UNKNOWN by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from chatops import formatting
from chatops.errors import ExitCode
from chatops.frozen import frozen
from chatops.model import Answer, Column, Figure, Line, Outcome, Severity, Span, Table, Text, named
from chatops.settings import Target

MOST = 20
"""So many tenants have a line on the page."""
UNKNOWN = "UNKNOWN"


@frozen
class Told:
    """What one answer comes to in a tenant's line: `badness` is compared, greater is worse, none but zeros is well."""

    badness: tuple[float, ...]
    values: Mapping[str, Any]
    state: str = ""
    """In words, for those who judge."""
    critical: bool = False
    seconds: float = 0.0


@frozen
class TenantRow:
    """One tenant's line; `unknown` says why it could not be seen. `command` is about this tenant, and pastes."""

    tenant: str
    schema: str
    environment: str
    database: str
    command: str
    code: ExitCode
    told: Told
    unknown: str | None = None
    figures: Sequence[Figure] = ()
    of_database: bool = False
    """It is about what all tenants of a database have in common, and no tenant."""

    @property
    def well(self) -> bool:
        """Whether it needs no line of its own."""
        return self.unknown is None and not any(self.told.badness)


@frozen
class Page:
    """How a command's answers become one page: what a line tells, what it counts, and in which order."""

    command: str
    columns: Sequence[Column]
    tell: Callable[[Answer, ExitCode], Told]
    well: str
    """What is said of those that need no line."""
    headline: Callable[[Sequence[TenantRow]], str]
    """`rows` come worst first."""
    words: Sequence[str] = ()
    """The command to go on with, for one tenant."""
    judges: bool = False
    """Whether each tenant passes or fails."""
    acts: bool = False
    """Whether what went wrong is a refusal or failure of its own, not a thing unseen."""
    unknown_rank: tuple[float, ...] = field(default=(math.inf,))
    """Where a tenant that cannot be seen stands among the others."""
    tells_databases: bool = False
    """Whether what is the same for all tenants of a database has a line of its own, where something is wrong with it."""

    def row(self, target: Target, label: str, answer: Answer, code: ExitCode, command: str) -> TenantRow:
        """One tenant's line from its answer."""
        own = [replace(one, labels={**one.labels, "tenant": label}) for one in answer.figures]
        return replace(_named(target, label, code, command), told=self.tell(answer, code), figures=own)


def unknown(target: Target, label: str, why: str, code: ExitCode, command: str) -> TenantRow:
    """The line of a tenant that could not be seen, or would not do."""
    return replace(_named(target, label, code, command), unknown=why)


def _named(target: Target, label: str, code: ExitCode, command: str) -> TenantRow:
    return TenantRow(label, target.schema, target.name, target.shown(), command, code, Told((), {}))


def worst_first(page: Page, rows: Sequence[TenantRow]) -> list[TenantRow]:
    """The rows in the order of the page."""

    def key(row: TenantRow) -> tuple[tuple[float, ...], str]:
        rank = page.unknown_rank if row.unknown is not None else row.told.badness
        return tuple(-one for one in rank), row.tenant

    return sorted(rows, key=key)


def answer(page: Page, rows: Sequence[TenantRow], now: datetime | None, limit: int | None = None) -> Answer:
    """The page: a headline, the worst tenants, the others counted, and a command about the first of them.

    `limit`: how many tenants are listed; None as many as people read, and all for programs.
    """
    most = MOST if limit is None else limit
    ordered = worst_first(page, rows)
    tenants = [row for row in rows if not row.of_database]
    told = [row for row in ordered if not row.well]
    unknown = [row for row in ordered if row.unknown is not None]
    lacking = Column("unknown", "why", rank=0)
    columns = [Column("tenant", "tenant"), *page.columns, *([lacking] if unknown else [])]
    whole = [
        *named("tenant", "schema", "environment", "database", audience="machines"),
        *page.columns, lacking, Column("exit_code", "exit code", "number"), Column("command", "command"),
    ]  # fmt: skip
    every = Table("tenants", whole, [_values(page, row) for row in ordered[:limit]], audience="machines")
    headline = page.headline(ordered) + (f" · {len(unknown)} {_word(page, unknown)}" if unknown else "")
    body: list[Table | Text] = [Text([formatting.visible(headline)])]
    after: list[Line] = []
    if told:
        body.append(Table("told", columns, [_values(page, row) for row in told[:most]], audience="people"))
        if more := formatting.and_more(len(told) - most, "tenant that is less bad", "tenants that are less bad"):
            after.append(f"{more}: -o json")
    body.append(every)
    if told and (healthy := sum(row.well for row in tenants)):
        after.append(f"{formatting.plural(healthy, 'tenant')}: {page.well}")
    if told:
        after.append([Span("the worst: "), Span(told[0].command, "code")])
        body.append(Text(after))
    data = {"tenants_total": len(tenants), "well": sum(row.well for row in tenants), "unknown": len(unknown)}
    data |= {"truncated": True} if limit is not None and len(ordered) > limit else {}
    judged = [_outcome(page, row) for row in (ordered if page.judges else unknown)]
    figures = [figure for row in ordered for figure in row.figures]
    return Answer(page.command, body, data, now, figures, judged if judged or page.judges else None)


def _word(page: Page, rows: Sequence[TenantRow]) -> str:
    if not page.acts:
        return UNKNOWN
    return ", ".join(dict.fromkeys(row.code.name.lower() for row in rows))


def _values(page: Page, row: TenantRow) -> dict[str, Any]:
    known = dict.fromkeys((column.name for column in page.columns), None)
    why = None
    if row.unknown is not None:
        why = f"{row.code.name.lower() if page.acts else UNKNOWN}: {row.unknown}"
    return {
        **known, **row.told.values, "tenant": row.tenant, "schema": row.schema, "environment": row.environment,
        "database": row.database, "unknown": why, "exit_code": int(row.code), "command": row.command,
    }  # fmt: skip


def _outcome(page: Page, row: TenantRow) -> Outcome:
    status = "unknown" if row.unknown is not None and not page.acts else "failed" if row.code else "passed"
    severity = Severity.CRITICAL if row.told.critical or row.unknown is not None else Severity.WARNING
    message = row.unknown or row.told.state or page.well
    return Outcome(row.tenant, status, severity.value, message, row.command, bool(row.code), row.told.seconds)  # type: ignore[arg-type]
