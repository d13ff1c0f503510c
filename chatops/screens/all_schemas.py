"""Many tenants on one page: the worst first, those that are well counted in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chatops import formatting
from chatops.chats.reports import Summary
from chatops.checks.findings import Finding
from chatops.migrations.fleet import Member
from chatops.model import Answer, Column, Line, Outcome, Severity, Span, Table, Text

MOST = 20
"""So many tenants have a line on the page."""
UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class SummaryOf:
    """One tenant's figures; None where they are not known."""

    schema: str
    waiting: int | None
    oldest: datetime | None
    p95_seconds: float | None
    free: int | None
    busy: int | None
    away: int | None
    chats: int | None
    unknown: str | None


def summary_of(schema: str, found: Summary | None, unknown: str | None) -> SummaryOf:
    """A tenant's line of `summary`."""
    if found is None:
        return SummaryOf(schema, None, None, None, None, None, None, None, f"{UNKNOWN}: {unknown}")
    figures = found.queue
    return SummaryOf(schema, figures.waiting, figures.oldest, figures.p95_seconds, figures.free, figures.busy, figures.away,
                     found.total, None)  # fmt: skip


def summaries(rows: Sequence[SummaryOf], commands: Mapping[str, str], now: datetime | None) -> Answer:
    """`summary --all-schemas`: who has waited longest first."""
    ordered = sorted(rows, key=lambda row: (row.unknown is None, not row.waiting, row.oldest.timestamp() if row.oldest else 0.0))
    columns = [
        Column("schema", "tenant"), Column("waiting", "wait", "number"), Column("oldest", "oldest", "age"),
        Column("p95_seconds", "95 % under", "duration", rank=2), Column("free", "free", "number"),
        Column("busy", "busy", "number"), Column("away", "away", "number", rank=2), Column("chats", "chats", "number", rank=2),
        Column("unknown", "why"),
    ]  # fmt: skip
    told = [row for row in ordered if row.unknown is not None or row.waiting]
    unknown = sum(row.unknown is not None for row in rows)
    waiting = sum(row.waiting or 0 for row in rows)
    headline = f"{formatting.plural(len(rows), 'tenant')} · {formatting.count(waiting)} {'waits' if waiting == 1 else 'wait'}"
    headline += f" · {unknown} {UNKNOWN}" if unknown else ""
    data = {"tenants_total": len(rows), "unknown": unknown, "waiting": waiting}
    return _page("summary", headline, columns, ordered, told, "nobody waits", commands, data, now)


@dataclass(frozen=True, slots=True)
class StatusOf:
    """Which files are in, for one tenant."""

    schema: str
    state: str
    pending: int
    last_in: str | None
    message: str | None


def statuses(members: Sequence[Member], commands: Mapping[str, str]) -> Answer:
    """`status --all-schemas`: what cannot be read or is refused first, then what is pending."""
    rows = [_status(member) for member in members]
    ordered = sorted(rows, key=lambda row: (row.state == "up to date", row.message is None, -row.pending))
    columns = [Column("schema", "tenant"), Column("state", "state"), Column("pending", "pending", "number"),
               Column("last_in", "last one in"), Column("message", "why")]  # fmt: skip
    told = [row for row in ordered if row.state != "up to date"]
    headline = f"{len(rows) - len(told)} of {formatting.plural(len(rows), 'tenant')} up to date"
    data = {"tenants_total": len(rows), "up_to_date": len(rows) - len(told)}
    return _page("status", headline, columns, ordered, told, "up to date", commands, data, None)


def _status(member: Member) -> StatusOf:
    if member.error is not None or member.prepared is None:
        refused = member.error is not None and member.error.exit_code.name in ("REFUSED", "FOUND")
        return StatusOf(member.target.schema, "refused" if refused else UNKNOWN, 0, None,
                        member.error.message if member.error else None)  # fmt: skip
    plan = member.prepared.plan
    last = plan.last_in
    pending = len(plan.apply) + len(member.prepared.views)
    return StatusOf(member.target.schema, "pending" if pending else "up to date", pending, last.name if last else None, None)


@dataclass(frozen=True, slots=True)
class DiagnosisOf:
    """What is wrong with one tenant, by severity; `worst` is the title of the worst finding."""

    schema: str
    critical: int
    warning: int
    advice: int
    unknown: int
    codes: list[str]
    worst: str | None
    counts: bool
    seconds: float
    reason: str | None = None

    @property
    def rank(self) -> tuple[int, ...]:
        """Small for the worst: critical first, then what could not be looked at."""
        return (-self.critical, self.reason is None, -self.warning, -self.unknown, -self.advice)

    @property
    def word(self) -> str:
        """What it amounts to."""
        if self.reason is not None:
            return UNKNOWN
        counted = ((self.critical, "critical"), (self.warning, "warning"), (self.unknown, "unknown"), (self.advice, "advice"))
        return ", ".join(f"{number} {word}" for number, word in counted if number) or "healthy"


Told = SummaryOf | StatusOf | DiagnosisOf


def diagnosis_of(schema: str, found: Sequence[Finding], *, counts: bool, seconds: float) -> DiagnosisOf:
    """A tenant's line of `diagnose`."""
    words = [one.word for one in found]
    return DiagnosisOf(
        schema, words.count("critical"), words.count("warning"), words.count("advice"), words.count("unknown"),
        [one.code for one in found], found[0].brief if found else None, counts, seconds,
    )  # fmt: skip


def not_diagnosed(schema: str, reason: str | None) -> DiagnosisOf:
    """The line of a tenant that could not be seen."""
    return DiagnosisOf(schema, 0, 0, 0, 0, [], reason, counts=True, seconds=0.0, reason=reason)


def diagnoses(rows: Sequence[DiagnosisOf], commands: Mapping[str, str], now: datetime | None) -> Answer:
    """`diagnose --all-schemas`: the worst tenant on the first line."""
    ordered = sorted(rows, key=lambda row: (row.rank, row.schema))
    columns = [
        Column("schema", "tenant"), Column("word", "state"), Column("codes", "codes", "data", audience="machines"),
        Column("worst", "worst"), *(Column(name, name, "number", audience="machines")
                                    for name in ("critical", "warning", "advice", "unknown")),
    ]  # fmt: skip
    told = [row for row in ordered if row.word != "healthy"]
    outcomes = [
        Outcome(row.schema, "unknown" if row.reason is not None else "failed" if row.counts else "passed",
                (Severity.CRITICAL if row.critical or row.reason else Severity.WARNING).value,
                f"{row.word}: {', '.join(row.codes)}" if row.codes else row.reason or row.word, commands.get(row.schema, ""),
                row.counts, row.seconds)
        for row in ordered
    ]  # fmt: skip
    headline = f"{formatting.plural(len(rows), 'tenant')} healthy"
    if told:  # the worst one is on the first line
        headline = f"{told[0].schema}: {told[0].word}, {told[0].worst or ''} · {len(told)} of {len(rows)} tenants with findings"
    data = {"tenants_total": len(rows), "with_findings": len(told)}
    return _page("diagnose", formatting.visible(headline), columns, ordered, told, "healthy", commands, data, now, outcomes)


def _page(
    command: str, headline: str, columns: Sequence[Column], rows: Sequence[object], told: Sequence[Told], well: str,
    commands: Mapping[str, str], data: Mapping[str, object], now: datetime | None, outcomes: Sequence[Outcome] | None = None,
) -> Answer:  # fmt: skip
    every = Table("tenants", columns, rows, audience="machines")
    if not told:
        return Answer(command, [Text([headline]), every], data, now, outcomes=outcomes)
    after: list[Line] = []
    if (more := len(told) - MOST) > 0:
        after.append(f"and {formatting.plural(more, 'tenant')} more that {'is' if more == 1 else 'are'} less bad")
    if healthy := len(rows) - len(told):
        after.append(f"{formatting.plural(healthy, 'tenant')}: {well}")
    after.append([Span("the worst: "), Span(commands[told[0].schema], "code")])
    shown = Table("told", columns, told[:MOST], audience="people")
    return Answer(command, [Text([headline]), shown, every, Text(after)], data, now, outcomes=outcomes)
