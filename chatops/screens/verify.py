"""Passed, failed and unknown checks per group, and the list of what is checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from chatops import formatting
from chatops.checks.findings import FailOn, counts_as_found, findings
from chatops.checks.load import Check
from chatops.checks.results import Result, Survey, only
from chatops.checks.window import is_ever
from chatops.model import Answer, Column, Line, Severity, Span, Style, Table, Text, named
from chatops.screens.evidence import difference, evidence, machine_row
from chatops.screens.finding import locked, survey_data
from chatops.screens.lines import SEVERITY_STYLES, Reader, flow, hang, looked_back, wrap


def verification(survey: Survey, reader: Reader, fail_on: FailOn) -> Answer:
    """Passed, failed and unknown checks per group, counted apart."""
    lines: list[Line] = [*_verdict(survey, fail_on), *locked(survey, reader), ""]
    for group in ("schema", "data"):
        results = [result for result in survey.results if result.check.group == group]
        if not results:
            continue
        lines.append([Span(f"{group}: {_standing(results)}", "strong")])
        shown, folded = _folded(results, reader)
        for result in shown:
            lines += _result_lines(result, survey, reader)
        lines += [*folded, ""]
    if any(counts_as_found(result, fail_on) for result in survey.results):
        lines += flow([[Span("what it means and what helps: "), Span(reader.here("diagnose", *reader.own), "code")]], reader)
    else:
        lines.pop()
    columns = [
        *named("group", "code", "status", "severity"),
        Column("count", "found", "number"),
        *named("expected", "invariant", "reason"),
        Column("remedy", "remedy", "sql"),
        Column("rows", "rows", "data"),
        Column("seconds", "seconds", "duration"),
    ]
    body: list[Table | Text] = [
        Text(lines),
        Table("checks", columns, [_check_row(result, reader) for result in survey.results], audience="machines"),
    ]
    return Answer("verify", body, data=survey_data(survey), now=survey.now)


def _verdict(survey: Survey, fail_on: FailOn) -> list[Line]:
    """The first lines: how many failed, and how far back the checks of history looked."""
    failed = sum(counts_as_found(result, fail_on) for result in survey.results)
    unknown = sum(result.status == "unknown" for result in survey.results)
    total = len(survey.results)
    if failed:
        words = "failed" if not unknown else "unknown" if unknown == failed else "failed or unknown"
        wrong = f"{formatting.count(failed)} of {formatting.plural(total, 'check')} {words}"
        lines: list[Line] = [[Span(wrong, "critical")]]
    else:
        advice = sum(result.status == "failed" for result in survey.results)
        with_advice = f", {formatting.count(advice)} with advice" if advice else ""
        not_run = f", {formatting.count(unknown)} unknown" if unknown else ""
        took = formatting.duration(survey.seconds)
        checks = formatting.plural(total, "check")
        passed = (
            f"{formatting.count(total - advice - unknown)} of {checks} passed" if advice or unknown else f"All {checks} passed"
        )
        lines = [[Span(f"{passed}{with_advice}{not_run} in {took}", "ok")]]
    if any(result.check.kind == "history" for result in survey.results):
        lines.append([Span(f"history checks cover {_looked_back(survey)}", "dim")])
    return lines


def _folded(results: Sequence[Result], reader: Reader) -> tuple[list[Result], list[Line]]:
    """On a screen, what passed is told by its codes alone; in a pipe, and where it has a word to say, by line."""
    quiet = [result for result in results if reader.width and result.status == "passed" and not result.reason]
    if not quiet:
        return list(results), []
    told = " ".join(result.check.code for result in quiet)
    first, *more = wrap(told, reader, PASSED)
    head: Line = [Span("✓ passed   ", "ok"), Span(first)]
    return [result for result in results if result not in quiet], [head, *(" " * PASSED + line for line in more)]


PASSED = len("✓ passed   ")


def catalogue(checks: Sequence[Check]) -> Answer:
    """What is checked, and what is expected; offline."""
    columns = named("group", "code", "invariant", "severity", "expected")
    rows = [
        {"group": check.group, "code": check.code, "invariant": check.invariant, "severity": check.severity.value,
         "expected": check.expected}
        for check in sorted(checks, key=lambda check: (check.group, check.code))
    ]  # fmt: skip
    return Answer("verify", [Table("checks", columns, rows)])


def _looked_back(survey: Survey) -> str:
    if is_ever(survey.since):
        return "everything"
    newest = survey.inventory.migrated_at
    to_newest = newest is not None and abs((survey.now - newest - formatting.span(survey.since.replace(" hours", "h"), "--since"))
                                           .total_seconds()) < 2  # fmt: skip
    back = looked_back(survey.since)
    return f"the {back} since the last migration; diagnose covers 24 h" if to_newest else f"the last {back}"


def _standing(results: Sequence[Result]) -> str:
    counts = Counter("advice" if _is_advice(result) else result.status for result in results)
    return ", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "unknown", "advice")
                     if counts[word] or word != "advice")  # fmt: skip


def _is_advice(result: Result) -> bool:
    return result.status == "failed" and result.severity is Severity.ADVICE


def _result_lines(result: Result, survey: Survey, reader: Reader) -> list[Line]:
    marks: Mapping[str, tuple[str, str, Style]] = {
        "passed": ("✓", "passed", "ok"),
        "failed": ("✗", "failed", SEVERITY_STYLES[result.severity.value]),
        "unknown": ("?", "unknown", "warning"),
    }
    mark, word, style = marks[result.status]
    if _is_advice(result):
        mark, word = "!", "advice"
    prefix = f"{mark} {word:<8} {result.check.code:<8} "
    text = result.reason if result.status == "passed" and result.reason else result.check.expected
    text = f"whether {text}" if result.status == "unknown" else text
    if result.status == "failed":
        finding = findings(only(survey, result), reader.here)[0]
        text = finding.title
    wrapped = wrap(text, reader, len(prefix))
    lines: list[Line] = [[Span(f"{mark} {word:<8}", style), Span(f" {result.check.code:<8} {wrapped[0]}")]]
    lines += [" " * min(len(prefix), hang(reader)) + more for more in wrapped[1:]]
    if result.locked and survey.locked is not None and result.reason == survey.locked.reason and result is not survey.locked:
        return lines  # the first one says by whom
    if result.status == "unknown":
        blank = " " * hang(reader)
        lines += [blank + more for more in wrap(result.reason or "", reader, hang(reader))]
        if result.remedy:
            lines.append([Span(blank), Span(result.remedy, "code")])
    elif result.status == "failed" and result.rows:
        if told := evidence(result.rows[0], survey, reader, text if result.count == 1 else ""):
            lines += [" " * hang(reader) + more for more in wrap(told, reader, hang(reader))]
        lines += [" " * (hang(reader) + 2) + line for line in difference(result.rows[0])]
        if result.count > 1:
            lines.append([Span(" " * hang(reader)), Span(f"and {formatting.count(result.count - 1)} more", "dim")])
    if result.status == "failed" and result.check.group == "schema" and finding.command:
        lines.append([Span(" " * hang(reader)), Span(finding.command, "code")])
    return lines


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
        "rows": [machine_row(row, reader) for row in result.rows],
        "seconds": round(result.seconds, 4),
    }
