"""Passed, failed and unknown checks per group, and the list of what is checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from chatops import formatting
from chatops.checks import repair_batches
from chatops.checks.began import Age
from chatops.checks.findings import FailOn, counts_as_found, findings
from chatops.checks.load import Check
from chatops.checks.results import Result, Survey, only
from chatops.checks.window import is_ever
from chatops.model import Answer, Column, Line, Severity, Span, Style, Table, Text, named
from chatops.screens.evidence import difference, evidence, machine_row
from chatops.screens.finding import locked, survey_data
from chatops.screens.lines import SEVERITY_STYLES, Reader, broken, flow, hang, hanging, looked_back, wrap


def verification(survey: Survey, reader: Reader, fail_on: FailOn, ages: Mapping[str, Age]) -> Answer:
    """Passed, failed and unknown checks per group, counted apart, and of those that failed what is older than the deploy."""
    lines: list[Line] = [*_verdict(survey, fail_on), *_of_the_deploy(survey, reader, fail_on, ages), *locked(survey, reader), ""]
    for group in ("schema", "data"):
        results = [result for result in survey.results if result.check.group == group]
        if not results:
            continue
        lines.append([Span(f"{group}: {_standing(results)}", "strong")])
        shown, folded = _folded(results, survey, reader)
        for result in shown:
            lines += _result_lines(result, survey, reader, ages.get(result.check.code))
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
        Column("age", "age"),
    ]
    body: list[Table | Text] = [
        Text(lines),
        Table("checks", columns, [_check_row(result, reader, ages) for result in survey.results], audience="machines"),
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


def _of_the_deploy(survey: Survey, reader: Reader, fail_on: FailOn, ages: Mapping[str, Age]) -> list[Line]:
    """What failed since the last migration, and what before it: that counts, too, and is told apart."""
    at = survey.inventory.migrated_at
    counted = [one for one in survey.results if counts_as_found(one, fail_on)]
    if at is None or not counted:
        return []
    lines: list[Line] = [f"since the last migration, {formatting.age(at, survey.now)} ago:"]
    for group in ("schema", "data"):
        of_group = [one for one in survey.results if one.check.group == group]
        if of_group:
            failed = [one for one in counted if one.check.group == group]
            told = f"{group}: {_by_age(failed, ages) if failed else 'all passed'}"
            first, *more = broken(told, reader.width - 2, reader.width - 4) if reader.width else [told]
            lines += [f"  {first}", *(f"    {piece}" for piece in more)]
    older = any(ages.get(one.check.code) == "older" for one in counted)
    if not any(one.check.code in repair_batches.shipped() for one in counted):
        says = f"exit code 1{': what is older counts, too' if older else ''}; no repair mends it: "
        return [*lines, *flow([[Span(says), Span(reader.here("diagnose", *reader.own), "code")]], reader)]
    says = "exit code 1: what is older counts, too; mend it: " if older else "exit code 1; a repair mends some of it: "
    return [*lines, *flow([[Span(says), Span(reader.here("repair", "--dry-run"), "code")]], reader)]


def _by_age(failed: Sequence[Result], ages: Mapping[str, Age]) -> str:
    """How many findings are newer than the migration, and which, how many are older, and of which nobody knows."""
    codes: dict[str, list[str]] = {"newer": [], "older": [], "undated": [], "unknown": []}
    for one in failed:
        codes["unknown" if one.status == "unknown" else ages.get(one.check.code, "undated")].append(one.check.code)
    words = {"newer": "newer", "older": "older", "undated": "without a time", "unknown": "unknown"}
    named = {word: f" ({' '.join(codes[word])})" if 0 < len(codes[word]) <= NAMED and word != "older" else "" for word in words}
    parts = [
        f"{formatting.count(len(codes[word]))} {says}{named[word]}"
        for word, says in words.items()
        if codes[word] or word in ("newer", "older")
    ]
    return f"{formatting.plural(len(failed), 'finding')}: {', '.join(parts)}"


NAMED = 6
"""So many codes are named in one line."""


def _folded(results: Sequence[Result], survey: Survey, reader: Reader) -> tuple[list[Result], list[Line]]:
    """On a screen, what passed is told by its codes alone; in a pipe, and where it has a word to say, by line.

    Of a window that is too short for much to have happened it is said apart.
    """
    quiet = [result for result in results if reader.width and result.status == "passed" and not result.reason]
    early = [result for result in quiet if result.check.kind == "history" and _is_early(survey)]
    lines: list[Line] = []
    for sign, some in (("✓ passed   ", [one for one in quiet if one not in early]), ("✓ so far   ", early)):
        if some:
            first, *more = wrap(" ".join(result.check.code for result in some), reader, PASSED)
            lines += [[Span(sign, "ok"), Span(first)], *(" " * PASSED + line for line in more)]
    if early:
        again = reader.here("verify", *reader.own, "--since", "24h")
        told = f"{' ' * PASSED}in {looked_back(survey.since)} of history; of a day: "
        lines += flow([[Span(told), Span(again, "code")]], reader)
    return [result for result in results if result not in quiet], lines


def _is_early(survey: Survey) -> bool:
    return not is_ever(survey.since) and formatting.span(survey.since.replace(" hours", "h"), "--since") < EARLY


EARLY = timedelta(minutes=10)
"""In less history than that, that nothing was found says little."""
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


def _result_lines(result: Result, survey: Survey, reader: Reader, age: Age | None) -> list[Line]:
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
    text += "; since the last migration" if age == "newer" else ""
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
            every = reader.here("diagnose", *reader.own, "--only", result.check.code, "--rows", str(min(result.count, 1000)))
            more = f"and {formatting.count(result.count - 1)} more: "
            lines += hanging([Span(more, "dim"), Span(every, "code")], reader)
    if result.status == "failed" and result.check.group == "schema" and finding.command:
        lines.append([Span(" " * hang(reader)), Span(finding.command, "code")])
    return lines


def _check_row(result: Result, reader: Reader, ages: Mapping[str, Age]) -> dict[str, Any]:
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
        "age": ages.get(result.check.code),
    }
