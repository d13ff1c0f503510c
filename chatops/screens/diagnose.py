"""Findings and results as lines and tables: the verdict first, the worst next, and a command to run for each."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chatops import formatting
from chatops.checks.compare_looks import Change, Changes
from chatops.checks.findings import FailOn, Finding, counts_as_found, findings, shown, tally
from chatops.checks.load import Check
from chatops.checks.run import EVER, Result, Survey, window
from chatops.checks.try_repair import Rehearsed
from chatops.model import Answer, Column, Line, Severity, Span, Style, Table, Text

_STYLES: Mapping[str, Style] = {"critical": "critical", "warning": "warning", "advice": "advice", "unknown": "warning"}
_INDENT = 3
_LABEL = 11
_NARROW = 60
# Columns that say of whom: shown without their names in front of the value.
_SELF_EVIDENT = ("object", "relation", "setting", "operator", "operator_is", "kind")


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom the lines are for: the width (0: endless), whether ids may be short and names be shown, and how commands begin."""

    width: int
    short_ids: bool
    show_names: bool
    here: Callable[..., str]
    own: tuple[str, ...] = ()
    """What a command needs to know of the checks that were asked, such as --checks-dir."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a healthy system is told with."""

    chats: int
    waiting: int
    oldest_seconds: float | None


_FINDING_COLUMNS = [
    Column("code", "code"),
    Column("severity", "severity"),
    Column("status", "status"),
    Column("count", "count", "number"),
    Column("title", "title"),
    Column("invariant", "invariant"),
    Column("group", "group"),
    Column("limits", "limits", "data"),
    Column("rows", "rows", "data"),
    Column("reason", "reason"),
    Column("why", "why"),
    Column("help_command", "help"),
    Column("help_sql", "help in SQL", "sql"),
    Column("help_text", "help in words"),
    Column("change", "change"),
    Column("since", "since", "instant"),
    Column("rehearsal", "rehearsal", "data"),
]


def diagnosis(
    survey: Survey,
    place: str,
    reader: Reader,
    *,
    health: Health | None = None,
    ignored: Sequence[str] = (),
    changes: Changes | None = None,
    rehearsed: Mapping[str, Rehearsed] | None = None,
) -> Answer:
    """Findings worst first; one line when there is none. `place` names environment and database.

    With `changes` each finding says what became of it since an earlier look; with `rehearsed` what its fix did on trial.
    """  # fmt: skip
    found = findings(survey, reader.here)
    lines: list[Line] = list(_verdict(survey, place, found, health, ignored, reader, changes))
    for finding in found:
        lines.append("")
        lines += finding_lines(finding, survey, reader)
        if changes is not None:
            lines += _change_lines(changes, finding.code, survey, reader)
        if rehearsed is not None:
            lines += _rehearsal_lines(rehearsed.get(finding.code), finding, reader)
    if changes is not None and changes.resolved:
        lines.append("")
        for code, was in sorted(changes.resolved.items()):
            was_many = "" if was.count is None else f", {formatting.count(was.count)} then"
            title = _wrap(f"{_expected(survey, code)} ({was.word} at {_clock(changes.earlier.at, survey)}{was_many})", reader, 20)
            lines.append([Span("RESOLVED", "ok"), Span(f"  {code:<8}  {title[0]}")])
            lines += [" " * min(20, _hang(reader)) + more for more in title[1:]]
    if found:
        lines.append("")
        lines += _flow([[Span("explain one: "), Span(f"chatops explain {found[0].code}", "code")],
                        [Span("what people say: "), Span("chatops explain", "code")]], reader)  # fmt: skip
    return Answer(
        "diagnose",
        [
            Text(lines),
            finding_table(found, reader, changes, rehearsed),
        ],
        data=_data(survey) | _compared(changes),
        now=survey.now,
    )


def verification(survey: Survey, reader: Reader, fail_on: FailOn) -> Answer:
    """Passed, failed and unknown checks per group, counted apart."""
    body: list[Table | Text] = []
    lines: list[Line] = []
    for group in ("schema", "data"):
        results = [result for result in survey.results if result.check.group == group]
        if not results:
            continue
        lines += [*([""] if lines else []), [Span(f"{group}: {_standing(results)}", "strong")]]
        for result in results:
            lines += _result_lines(result, survey, reader)
    failed = sum(counts_as_found(result, fail_on) for result in survey.results)
    unknown = sum(result.status == "unknown" for result in survey.results)
    total = len(survey.results)
    lines.append("")
    if failed:
        wrong = f"not right: {formatting.count(failed)} of {formatting.plural(total, 'check')} failed or unknown"
        lines.append([Span(wrong, "critical")])
        lines += _flow([[Span("what it means and what helps: "), Span(reader.here("diagnose", *reader.own), "code")]], reader)
    else:
        advice = sum(result.status == "failed" for result in survey.results)
        with_advice = f", {formatting.count(advice)} with advice" if advice else ""
        not_run = f", {formatting.count(unknown)} unknown" if unknown else ""
        took = formatting.duration(survey.seconds)
        lines.append([Span(f"right: {formatting.plural(total, 'check')}{with_advice}{not_run} in {took}", "ok")])
    if any(result.check.kind == "history" for result in survey.results):
        lines.append([Span(f"history: {_looked_back(survey)}", "dim")])
    columns = [
        Column("group", "group"),
        Column("code", "code"),
        Column("status", "status"),
        Column("severity", "severity"),
        Column("count", "found", "number"),
        Column("expected", "expected"),
        Column("invariant", "invariant"),
        Column("reason", "reason"),
        Column("remedy", "remedy", "sql"),
        Column("rows", "rows", "data"),
        Column("seconds", "seconds", "duration"),
    ]
    body = [Text(lines), Table("checks", columns, [_check_row(result, reader) for result in survey.results], audience="machines")]
    return Answer("verify", body, data=_data(survey), now=survey.now)


def catalogue(checks: Sequence[Check]) -> Answer:
    """What is checked, and what is expected; offline."""
    columns = [
        Column("group", "group"),
        Column("code", "code"),
        Column("invariant", "invariant"),
        Column("severity", "severity"),
        Column("expected", "expected"),
    ]
    rows = [
        {"group": check.group, "code": check.code, "invariant": check.invariant, "severity": check.severity.value,
         "expected": check.expected}
        for check in sorted(checks, key=lambda check: (check.group, check.code))
    ]  # fmt: skip
    return Answer("verify", [Table("checks", columns, rows)])


# -- the verdict ------------------------------------------------------------------------------------------------------------


def _verdict(
    survey: Survey, place: str, found: Sequence[Finding], health: Health | None, ignored: Sequence[str], reader: Reader,
    changes: Changes | None,
) -> list[Line]:  # fmt: skip
    total = len(survey.results)
    counts = tally(survey)
    at = f"{survey.now.astimezone(UTC):%H:%M:%S} UTC"
    took = formatting.duration(survey.seconds)
    without = f"without {', '.join(ignored)}" if ignored else ""
    if not found and health is not None:
        waiting = f"{formatting.count(health.waiting)} waiting"
        if health.oldest_seconds is not None:
            waiting += f" (oldest {formatting.duration(health.oldest_seconds)})"
        ran = f"healthy: {total} of {formatting.plural(total, 'check')}"
        told = [ran, formatting.plural(health.chats, "chat"), waiting, took, without, _news(changes, survey)]
        return _flow([[Span(place)], [Span(at)], [Span(", ".join(filter(None, told)), "ok")]], reader)
    parts = [
        [
            Span(
                formatting.plural(counts[name], name) if name == "warning" else f"{formatting.count(counts[name])} {name}",
                _STYLES[name],
            )
        ]
        for name in counts
        if counts[name]
    ] or [[Span("healthy", "ok")]]
    verdict = [span for index, part in enumerate(parts) for span in (*([Span(", ")] if index else []), *part)]
    history = any(result.check.kind == "history" for result in survey.results)
    looked_back = "" if not history else "history: all of it" if window_is_ever(survey) else f"history: last {_since(survey)}"
    ran = f"{survey.ran} of {formatting.plural(total, 'check')} ran"
    rest = [place, at, ran, looked_back, without, _news(changes, survey), took]
    return _flow([verdict, *([Span(text)] for text in rest if text)], reader)


def window_is_ever(survey: Survey) -> bool:
    """Whether checks of history read everything."""
    return survey.since == "all" or window(None if survey.since == "24 hours" else survey.since) == EVER


def _looked_back(survey: Survey) -> str:
    if window_is_ever(survey):
        return "all of it"
    newest = survey.inventory.migrated_at
    to_newest = newest is not None and abs((survey.now - newest - formatting.span(survey.since.replace(" hours", "h"), "--since"))
                                           .total_seconds()) < 2  # fmt: skip
    return f"last {_since(survey)}" + (", since the last migration" if to_newest else "")


def _since(survey: Survey) -> str:
    text = formatting.duration(formatting.span(survey.since.replace(" hours", "h"), "--since"))
    return "24 h" if text == "1 d" else text


# -- a finding --------------------------------------------------------------------------------------------------------------


def finding_table(
    found: Sequence[Finding], reader: Reader, changes: Changes | None = None, rehearsed: Mapping[str, Rehearsed] | None = None
) -> Table:
    """Findings for programs."""
    rows = []
    for finding in found:
        change = changes.now.get(finding.code) if changes is not None else None
        tried = (rehearsed or {}).get(finding.code)
        rows.append(
            _finding_row(finding, reader)
            | {
                "change": change.kind if change else None,
                "since": _first_seen(change, changes),
                "rehearsal": tried.data if tried else None,
            }
        )
    return Table("findings", _FINDING_COLUMNS, rows, audience="machines")


def _first_seen(change: Change | None, changes: Changes | None) -> datetime | None:
    """Since when a finding is known; None: this look is the first to see it, or nobody knows."""
    if change is None or changes is None or change.was is None:
        return None
    return change.was.since or changes.earlier.at


def _news(changes: Changes | None, survey: Survey) -> str:
    """What changed since the earlier look, for the verdict; "" without one."""
    if changes is None:
        return ""
    severity_of = {one.check.code: "unknown" if one.status == "unknown" else one.severity.value for one in survey.results}
    counted = [(word, sum(severity_of[code] == word for code in changes.new)) for word in _STYLES]
    parts = [f"+{number} {word}" for word, number in counted if number]
    if changes.resolved:
        parts.append(f"{len(changes.resolved)} resolved")
    return f"since {_clock(changes.earlier.at, survey)}: {', '.join(parts) or 'nothing new'}"


def _clock(at: datetime, survey: Survey) -> str:
    """The time of day of an earlier look, with its date where that is another one."""
    then, now = at.astimezone(UTC), survey.now.astimezone(UTC)
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"


def _change_lines(changes: Changes, code: str, survey: Survey, reader: Reader) -> list[Line]:
    change = changes.now.get(code)
    if change is None:
        return []
    at = f"{_clock(changes.earlier.at, survey)} ({changes.earlier.origin})"
    if change.kind == "new":
        text = f"new since {at}"
    elif change.kind == "ongoing" and change.was is not None:
        count = next(result.count for result in survey.results if result.check.code == code)
        then = "" if change.was.count in (None, count) else f", {formatting.count(change.was.count or 0)} at {at}"
        text = f"ongoing since {_clock(change.was.since or changes.earlier.at, survey)}{then}"
    elif change.was is not None:
        text = f"was {'unknown' if change.was.word == 'unknown' else 'found'} at {at}"
    else:
        text = f"not looked at at {at}"
    return _labelled("change", text, reader)


def _rehearsal_lines(tried: Rehearsed | None, finding: Finding, reader: Reader) -> list[Line]:
    if tried is not None:
        return _labelled("rehearsed", tried.in_words, reader)
    if finding.result.status != "failed" or not (finding.command or finding.sql):
        return []
    return _labelled("rehearsed", "no: its help only looks, or cannot run inside a transaction", reader)


def _compared(changes: Changes | None) -> dict[str, Any]:
    if changes is None:
        return {}
    resolved = [{"code": code, "severity": was.word, "count": was.count} for code, was in sorted(changes.resolved.items())]
    return {"compared_with": {"at": changes.earlier.at, "origin": changes.earlier.origin}, "resolved": resolved}


def _expected(survey: Survey, code: str) -> str:
    return next(result.check.expected for result in survey.results if result.check.code == code)


def finding_lines(finding: Finding, survey: Survey, reader: Reader) -> list[Line]:
    """One finding: what, against which limit, the evidence, why, and what helps."""
    check, result = finding.result.check, finding.result
    word = finding.word
    head = f"{word.upper():<8}  {finding.code:<8}"
    wrapped = _wrap(finding.title, reader, len(head) + 2)
    lines: list[Line] = [[Span(word.upper(), _STYLES[word]), Span(head[len(word) :] + "  "), Span(wrapped[0], "strong")]]
    lines += [" " * min(len(head) + 2, _hang(reader)) + more for more in wrapped[1:]]
    if result.status == "unknown":
        lines += _labelled("why", result.reason or "", reader)
        if result.remedy:
            lines.append(_command_line("help", result.remedy, reader))
        return lines
    if finding.limits:
        lines += _labelled("limit", " · ".join(
            f"{limit.name} {limit.text} {limit.unit} ({limit.origin})" for limit in finding.limits), reader)  # fmt: skip
    for index, row in enumerate(result.rows):
        lines += _labelled("evidence" if index == 0 else "", _evidence(row, survey, reader), reader)
    if finding.more:
        command = reader.here("diagnose", "--only", finding.code, "--rows", str(min(result.count, 1000)))
        lines.append(
            [Span(" " * _hang(reader)), Span(f"and {formatting.count(finding.more)} more: ", "dim"), Span(command, "code")]
        )
    if check.why:
        lines += _labelled("why", check.why, reader)
    if check.consequence and result.severity is not Severity.ADVICE:
        lines += _labelled("so", check.consequence, reader)
    if finding.command:
        lines.append(_command_line("help", finding.command, reader))
    if finding.sql:
        lines.append(_command_line("help", finding.sql, reader))
    if finding.advice:
        lines += _labelled("help", finding.advice, reader)
    return lines


def _evidence(row: Mapping[str, Any], survey: Survey, reader: Reader) -> str:
    parts: list[str] = []
    names_shown = {key for key, value in row.items() if value is not None}
    for key, value in row.items():
        if key == "remedy":
            continue
        if value is None and key in ("chat_id", "operator_id", "operator", "last_operator_id", "held_for", "oldest_since"):
            continue
        if key == "operator" and value is not None:
            parts.append(formatting.visible(str(value)) if reader.show_names else formatting.initial(str(value)))
            continue
        if key == "operator_id" and "operator" in names_shown and reader.short_ids and reader.show_names:
            continue
        text = formatting.visible(_with_ids(value, survey, reader))
        if key == "chat_id" or key in _SELF_EVIDENT:
            parts.append(text)
        else:
            parts.append(f"{_label_of(key)} {text}")
    return "  ".join(parts)


def _with_ids(value: Any, survey: Survey, reader: Reader) -> str:
    if isinstance(value, UUID):
        return str(value)[:8] if reader.short_ids else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(_with_ids(item, survey, reader) for item in value)
    if not reader.short_ids and hasattr(value, "astimezone"):
        return formatting.instant(value)
    return shown(value, survey.now)


def _label_of(key: str) -> str:
    for ending, replacement in (("_id", ""), ("_ids", ""), ("_at", ""), ("_since", " since")):
        if key.endswith(ending):
            key = key.removesuffix(ending) + replacement
            break
    return key.replace("_", " ")


# -- a check of verify --------------------------------------------------------------------------------------------------------


def _standing(results: Sequence[Result]) -> str:
    passed = sum(result.status == "passed" for result in results)
    failed = sum(result.status == "failed" for result in results)
    unknown = sum(result.status == "unknown" for result in results)
    return f"{passed} passed, {failed} failed, {unknown} unknown"


def _result_lines(result: Result, survey: Survey, reader: Reader) -> list[Line]:
    marks: Mapping[str, tuple[str, str, Style]] = {
        "passed": ("✓", "passed", "ok"),
        "failed": ("✗", "failed", _STYLES[result.severity.value]),
        "unknown": ("?", "unknown", "warning"),
    }
    mark, word, style = marks[result.status]
    if result.status == "failed" and result.severity is Severity.ADVICE:
        mark, word = "!", "advice"
    prefix = f"{mark} {word:<8} {result.check.code:<8} "
    text = result.reason if result.status == "passed" and result.reason else result.check.expected
    if result.status == "failed":
        finding = findings(_only(survey, result), reader.here)[0]
        text = finding.title
    wrapped = _wrap(text, reader, len(prefix))
    lines: list[Line] = [[Span(f"{mark} {word:<8}", style), Span(f" {result.check.code:<8} {wrapped[0]}")]]
    lines += [" " * min(len(prefix), _hang(reader)) + more for more in wrapped[1:]]
    if result.status == "unknown":
        hang = " " * _hang(reader)
        lines += [hang + more for more in _wrap(result.reason or "", reader, _hang(reader))]
        if result.remedy:
            lines.append([Span(hang), Span(result.remedy, "code")])
    elif result.status == "failed" and result.rows:
        lines += [" " * _hang(reader) + more for more in _wrap(_evidence(result.rows[0], survey, reader), reader, _hang(reader))]
    return lines


def _only(survey: Survey, result: Result) -> Survey:
    from dataclasses import replace

    return replace(survey, results=(result,))


# -- rows for programs ----------------------------------------------------------------------------------------------------------


def _data(survey: Survey) -> dict[str, Any]:
    return {
        "counts": tally(survey),
        "checks": len(survey.results),
        "checks_run": survey.ran,
        "passed": [result.check.code for result in survey.results if result.status == "passed"],
        "since": survey.since,
        "seconds": round(survey.seconds, 3),
        "thresholds": {
            name: {"value": one.value, "unit": one.unit, "from": one.origin} for name, one in survey.thresholds.items()
        },
    }


def _finding_row(finding: Finding, reader: Reader) -> dict[str, Any]:
    check, result = finding.result.check, finding.result
    return {
        "code": check.code,
        "severity": result.severity.value,
        "status": result.status,
        "count": result.count,
        "title": finding.title,
        "invariant": check.invariant,
        "group": check.group,
        "limits": [{"name": one.name, "value": one.value, "unit": one.unit, "from": one.origin} for one in finding.limits],
        "rows": [_machine_row(row, reader) for row in result.rows],
        "reason": result.reason,
        "why": check.why,
        "help_command": finding.command,
        "help_sql": finding.sql,
        "help_text": finding.advice,
    }


def _machine_row(row: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    if reader.show_names or row.get("operator") is None:
        return dict(row)
    return {**row, "operator": formatting.initial(str(row["operator"]))}


def _check_row(result: Result, reader: Reader) -> dict[str, Any]:
    return {
        "group": result.check.group,
        "code": result.check.code,
        "status": result.status,
        "severity": result.severity.value,
        "count": result.count,
        "expected": result.check.expected,
        "invariant": result.check.invariant,
        "reason": result.reason,
        "remedy": result.remedy,
        "rows": [_machine_row(row, reader) for row in result.rows],
        "seconds": round(result.seconds, 4),
    }


# -- lines that fit -------------------------------------------------------------------------------------------------------


def _hang(reader: Reader) -> int:
    return _INDENT if 0 < reader.width < _NARROW else _INDENT + _LABEL


def _wrap(text: str, reader: Reader, used: int) -> list[str]:
    """Text in pieces that fit after so many columns; whole on an endless medium. Never empty."""
    if not reader.width:
        return [text]
    first = max(12, reader.width - used)
    rest = max(12, reader.width - min(used, _hang(reader)))
    pieces = textwrap.wrap(text, first, break_on_hyphens=False, break_long_words=False) or [""]
    if len(pieces) == 1:
        return pieces
    tail = text[len(pieces[0]) :].strip()
    return [pieces[0], *textwrap.wrap(tail, rest, break_on_hyphens=False, break_long_words=False)]


def _labelled(label: str, text: str, reader: Reader) -> list[Line]:
    hang = _hang(reader)
    if hang == _INDENT:
        prefix = " " * _INDENT + (label + ": " if label else "")
        pieces = _wrap(text, reader, len(prefix))
        return [prefix + pieces[0], *(" " * hang + piece for piece in pieces[1:])]
    pieces = _wrap(text, reader, hang)
    head: Line = [Span(" " * _INDENT), Span(f"{label:<{_LABEL}}", "dim"), Span(pieces[0])]
    return [head, *(" " * hang + piece for piece in pieces[1:])]


def _command_line(label: str, command: str, reader: Reader) -> Line:
    width = _LABEL if _hang(reader) > _INDENT else len(label) + 2
    text = label if _hang(reader) > _INDENT else label + ":"
    return [Span(" " * _INDENT), Span(f"{text:<{width}}", "dim"), Span(command, "code")]


def _flow(parts: Sequence[Sequence[Span]], reader: Reader) -> list[Line]:
    """Parts joined by dots on as few lines as fit."""
    lines: list[list[Span]] = []
    used = 0
    for part in parts:
        size = sum(len(span.text) for span in part)
        if lines and (not reader.width or used + 3 + size <= reader.width):
            lines[-1] += [Span(" · "), *part]
            used += 3 + size
        else:
            lines.append([*part])
            used = size
    return list(lines)
