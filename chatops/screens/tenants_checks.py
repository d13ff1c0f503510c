"""The pages of many tenants that judge: `diagnose`, `verify`, `doctor`, `monitor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatops import formatting
from chatops.errors import ExitCode
from chatops.model import Answer, Column, Outcome, Severity, named, value_of
from chatops.screens.tenants import Page, TenantRow, Told

_WORDS = ("critical", "warning", "unknown", "advice")
_COLUMNS = (
    Column("state", "state"), Column("codes", "codes", "data", audience="machines"), Column("worst", "worst"),
    *named(*_WORDS, kind="number", audience="machines"),
)  # fmt: skip
UNKNOWN_AFTER_CRITICAL = (0.5,)
"""Where nothing can be seen, or most of it, anything may be wrong."""


def _rank(outcome: Outcome) -> tuple[bool, int]:
    return outcome.status == "unknown", Severity(outcome.severity).rank


def _checks(answer: Answer, code: ExitCode) -> Told:
    """By the outcomes of the checks: how many of each severity, the codes, and what the worst one says."""
    wrong = sorted((one for one in answer.outcomes or () if one.wrong), key=_rank)
    counts = {word: sum(_word(one) == word for one in wrong) for word in _WORDS}
    state = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "healthy"
    codes = [one.name for one in wrong]
    values = {**counts, "state": state, "codes": codes, "worst": f"{codes[0]} {wrong[0].message}" if wrong else None}
    told = f"{state}: {', '.join(codes)}" if codes else state
    blind = counts["unknown"] * 2 > len(answer.outcomes or ())
    first = float(counts["critical"]) or (UNKNOWN_AFTER_CRITICAL[0] if blind else 0.0)
    badness = (first, *(float(counts[word]) for word in _WORDS[1:3]), float(code != ExitCode.OK))
    return Told(badness, values, told, bool(counts["critical"]), float(str(answer.data.get("seconds") or 0)))


def _word(outcome: Outcome) -> str:
    return "unknown" if outcome.status == "unknown" else outcome.severity


def _found(rows: Sequence[TenantRow]) -> str:
    """The worst tenant on the first line."""
    told, tenants = [row for row in rows if not row.well], [row for row in rows if not row.of_database]
    if not told:
        return f"{formatting.plural(len(tenants), 'tenant')} healthy"
    first, wrong = told[0], sum(not row.well for row in tenants)
    what = f"cannot be seen, {first.unknown}" if first.unknown is not None else f"{first.told.values['state']}, {_what(first)}"
    return f"{first.tenant}: {what} · {wrong} of {formatting.plural(len(tenants), 'tenant')} with findings"


def _what(row: TenantRow) -> str:
    return str(row.told.values.get("worst") or "")


def _page(command: str, words: Sequence[str]) -> Page:
    return Page(
        command, _COLUMNS, _checks, "nothing above advice", _found, words, judges=True, unknown_rank=UNKNOWN_AFTER_CRITICAL,
        tells_databases=command == "diagnose",
    )  # fmt: skip


DIAGNOSE = _page("diagnose", ("diagnose",))
VERIFY = _page("verify", ("verify",))


def _points(answer: Answer, code: ExitCode) -> Told:
    counts = {name: int(str(answer.data[name])) for name in ("failed", "unknown", "advice")}
    points: list[Any] = [point for table in answer.tables for point in table.rows]
    worst = next((point for verdict in ("failed", "unknown") for point in points if value_of(point, "verdict") == verdict), None)
    says = None if worst is None else f"{value_of(worst, 'area')}: {value_of(worst, 'says')}"
    wrong = counts["failed"] or counts["unknown"]
    state = f"{counts['failed']} wrong, {counts['unknown']} unknown" if wrong else "chatops can work there"
    values = {**counts, "state": state, "worst": says, "remedy": None if worst is None else value_of(worst, "remedy") or None}
    return Told((float(counts["failed"]), float(counts["unknown"])), values, f"{state}: {says}" if says else state)


DOCTOR = Page(
    "doctor",
    (Column("state", "state"), Column("worst", "first"), Column("remedy", "what mends it", rank=2),
     *named("failed", "unknown", "advice", kind="number", audience="machines")),
    _points, "chatops can work there", lambda rows: _as_asked(rows, "chatops can work in"), ("doctor",), judges=True,
    tells_databases=True,
)  # fmt: skip


def _as_asked(rows: Sequence[TenantRow], what: str) -> str:
    tenants = [row for row in rows if not row.of_database]
    return f"{what} {sum(row.well for row in tenants)} of {formatting.plural(len(tenants), 'tenant')}"


def _watch(answer: Answer, code: ExitCode) -> Told:
    """By what is open in a watch: what was not there before the deploy is worse, the rest is counted."""
    counting = sorted((one for one in answer.outcomes or () if one.counts), key=_rank)
    critical = sum(one.severity == "critical" and one.status == "failed" for one in counting)
    codes = [one.name for one in counting]
    unknown = sum(one.status == "unknown" for one in counting)
    counts = {"new": len(counting) - unknown, "unknown": unknown}
    state = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "no worse"
    verdict = str(answer.data["verdict"])
    values = {"state": state, "codes": codes, "verdict": verdict,
              "worst": f"{codes[0]} {counting[0].message}" if counting else None}  # fmt: skip
    return Told((float(critical), float(len(codes)), float(code != ExitCode.OK)), values, verdict, bool(critical))


MONITOR = Page(
    "monitor",
    (Column("state", "state"), Column("codes", "codes", "data", audience="machines"), Column("worst", "worst"),
     Column("verdict", "verdict", rank=2)),
    _watch, "no worse than before", lambda rows: f"{sum(row.well for row in rows)} of {formatting.plural(len(rows), 'tenant')} "
    "no worse than before", ("diagnose",), judges=True, unknown_rank=UNKNOWN_AFTER_CRITICAL,
)  # fmt: skip
