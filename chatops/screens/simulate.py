"""A hostile load on the screen: how far it is, and the verdict over the invariants that it saw."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from chatops import formatting, model
from chatops.chats.hostile_wishes import Load, schedule_digest
from chatops.chats.load_outcome import LoadOutcome, Progress
from chatops.checks import load as checks
from chatops.checks.load import Check
from chatops.frozen import frozen
from chatops.migrations.source import DEPLOYED
from chatops.model import Answer, Column, Line, Span, Table, Text, named

CODES = tuple(f"CHAT{number:03}" for number in range(1, 11))
"""I1 to I10: what must hold at every instant."""


@frozen
class SimulationRun:
    """A load, and what came of it on that database."""

    load: Load
    outcome: LoadOutcome
    seconds: int
    writers: str
    database: str
    original: bool
    kept: bool


def held_checks() -> list[Check]:
    """The checks of what must hold at every instant."""
    return [check for check in checks.shipped() if check.code in CODES]


def progress_line(now: Progress, seconds: int) -> str:
    """How far it is."""
    broken = "nothing broken" if not now.broken else f"{len(now.broken)} broken"
    return (
        f"{min(int(now.elapsed), seconds)} of {seconds} s · {broken} in {formatting.plural(now.looks, 'look')} · "
        f"{formatting.count(now.assigned)} assigned, {formatting.count(now.replied)} answered"
    )


def answer(played: SimulationRun, next_step: tuple[str, str], now: datetime | None) -> Answer:
    """The verdict, what broke, what was done, and the one command to go on with."""
    load, outcome, original, how = played.load, played.outcome, played.original, played.writers

    system = f"{DEPLOYED}, the deployed system" if original else "the newest migration"
    manner = "as the application does" if how == "application" else "through the functions"
    unwanted = outcome.unexpected
    head: dict[str, list[Span]] = {
        "held": [Span("held: ", "ok"), Span(f"I1 to I10, in each of {formatting.plural(outcome.looks, 'look')}")],
        "broken": [
            Span("broken: ", "critical"),
            Span(f"{len(outcome.breaches)} of {len(CODES)} invariants, in {formatting.plural(outcome.looks, 'look')}"),
        ],
        "failed": [Span("failed: ", "critical"), Span("I1 to I10 held, but statements failed that must not")],
        "unknown": [Span("unknown: ", "warning"), Span("not everything could be looked at")],
    }
    lines: list[Line] = [
        head[outcome.verdict],
        f"{outcome.seconds:.0f} s on {system}, written {manner}, seed {load.seed}",
        *(f"unknown: {name}: {formatting.visible(reason)}" for name, reason in sorted(outcome.unknown.items())),
    ]
    tables = [_breaches(outcome), _figures(outcome), _latency(outcome)]
    after: list[Line] = []
    shares = [outcome.assign_milliseconds(share) for share in (0.5, 0.95, 0.99)]
    if shares[0] is not None:
        after.append(f"assign: half under {shares[0]:.1f} ms, 95 % under {shares[1]:.1f}, 99 % under {shares[2]:.1f}")
    after += [
        [Span(f"{code}: ", "warning" if code in unwanted else "plain"),
         Span(formatting.visible(formatting.shortened(example, 200)))]
        for code, example in sorted(outcome.tally.examples.items()) if code in unwanted
    ]  # fmt: skip
    label, step = next_step
    after += ["", [Span(f"{label}: "), Span(step, "code")]]
    data = {
        "verdict": outcome.verdict, "system": DEPLOYED if original else "latest", "writers": how, "seed": load.seed,
        "schedule": schedule_digest(load), "seconds": round(outcome.seconds, 1), "sessions": len(load.sessions),
        "operators": load.operators, "users": load.users, "chats": load.chats, "faults": load.faults,
        "looks": outcome.looks, "longest_gap_seconds": round(outcome.longest_gap, 2), "unknown": dict(outcome.unknown),
        "kept": played.database if played.kept else None,
        "failure_examples": {code: outcome.tally.examples[code] for code in sorted(outcome.tally.failed)},
        "next": step,
    }  # fmt: skip
    return Answer("simulate", [Text(lines), *tables, Text(after)], data, now, outcomes=_outcomes(outcome))


def _outcomes(outcome: LoadOutcome) -> list[model.Outcome]:
    """One for each invariant, and one for the statements that must not fail."""
    made = []
    for check in held_checks():
        breach, reason = outcome.breaches.get(check.code), outcome.unknown.get(check.code)
        status: Literal["passed", "failed", "unknown"] = "failed" if breach else "unknown" if reason else "passed"
        message = f"{check.heading(breach.most)}, seen in {formatting.plural(breach.looks, 'look')}" if breach else reason or ""
        made.append(model.Outcome(check.code, status, check.severity.value, message, check.expected, counts=True))
    made += [
        model.Outcome(name, "unknown", "warning", reason, counts=True)
        for name, reason in sorted(outcome.unknown.items()) if name not in CODES
    ]  # fmt: skip
    failed = outcome.unexpected
    told = "; ".join(f"{code}: {example}" for code, example in sorted(failed.items()))
    return [*made, model.Outcome("statements", "failed" if failed else "passed", "critical", told, counts=True)]


def _breaches(outcome: LoadOutcome) -> Table:
    rows = [
        {"code": check.code, "invariant": check.invariant, "looks": breach.looks, "most": breach.most,
         "first_at": breach.first_at, "title": check.heading(breach.most), "expected": check.expected, "rows": list(breach.rows)}
        for check in held_checks() if (breach := outcome.breaches.get(check.code))
    ]  # fmt: skip
    columns = [
        Column("code", "code"),
        Column("invariant", "", audience="machines"),
        Column("looks", "seen", "number"),
        Column("most", "rows", "number"),
        Column("first_at", "first at (s)", "number", audience="machines"),
        Column("expected", "what must hold"),
        Column("title", "title", audience="machines"),
        Column("rows", "rows", "data", audience="machines"),
    ]
    return Table("violations", columns, rows, audience="all" if rows else "machines")


def _figures(outcome: LoadOutcome) -> Table:
    tally = outcome.tally
    counted = [
        *(("done", what, tally.done[what]) for what in ("assigned", "replied", "user messages", "admin moves", "idle releases")),
        *(("done", what, tally.done[what]) for what in ("sessions ended", "sessions ended on workers") if tally.done[what]),
        *(("refused", reason, count) for reason, count in sorted(tally.refused.items())),
        *(("failed", code, count) for code, count in sorted(tally.failed.items())),
    ]
    seconds = max(outcome.seconds, 0.001)
    rows = [
        {"what": what if kind == "done" else f"{kind}: {what}", "kind": kind, "name": what, "count": count,
         "per_second": round(count / seconds, 1)}
        for kind, what, count in counted
    ]  # fmt: skip
    columns = [
        Column("what", "", audience="people"),
        *named("kind", "name", audience="machines"),
        Column("count", "count", "number"),
        Column("per_second", "a second", "number"),
    ]
    return Table("figures", columns, rows)


def _latency(outcome: LoadOutcome) -> Table:
    shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
    columns = [Column("statement", "statement"), Column("count", "count", "number")]
    columns += [Column(name, name, "number") for name in shares]
    row: dict[str, object] = {"statement": "assign", "count": len(outcome.tally.assign_seconds)}
    return Table("latency", columns, [row | {name: outcome.assign_milliseconds(share) for name, share in shares.items()}],
                 audience="machines")  # fmt: skip
