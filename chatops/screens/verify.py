"""Passed, failed and unknown checks per group, and the list of what is checked."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from chatops import formatting, sqlfiles
from chatops.checks import repair_batches
from chatops.checks.began import Age, simply
from chatops.checks.compare_looks import Earlier
from chatops.checks.findings import FailOn, counts_as_found, findings
from chatops.checks.load import Check, shipped
from chatops.checks.results import Result, Survey, only
from chatops.checks.since_before import since_before
from chatops.checks.window import is_ever
from chatops.migrations.plan import listed
from chatops.migrations.source import DEPLOYED
from chatops.model import Answer, Column, Line, Severity, Span, Style, Table, Text, named
from chatops.screens.evidence import difference, evidence, machine_row
from chatops.screens.finding import locked, survey_data
from chatops.screens.lines import SEVERITY_STYLES, Reader, broken, flow, hang, hanging, looked_back, wrap


def verification(
    survey: Survey, reader: Reader, fail_on: FailOn, ages: Mapping[str, Age], before: Earlier | None = None
) -> Answer:
    """Passed, failed and unknown checks per group, counted apart, and of those that failed what is older than the deploy.

    `before` is what `migrate` found right before the newest files.
    """
    how, ages = ages, simply(ages)
    lines: list[Line] = [*_of_the_files(survey, reader, fail_on, ages), *_verdict(survey, reader, fail_on)]
    lines += [*_of_the_deploy(survey, reader, fail_on, ages), *_since_before(survey, reader, before), *locked(survey, reader), ""]
    for group in ("schema", "data"):
        results = [result for result in survey.results if result.check.group == group]
        if not results:
            continue
        lines.append([Span(f"{group}: {_standing(results, survey)}", "strong")])
        shown, folded = _folded(results, survey, reader)
        for result in shown:
            lines += _result_lines(result, survey, reader, how.get(result.check.code))
        lines += [*folded, ""]
    if any(counts_as_found(result, fail_on) for result in survey.results):
        lines += flow([[Span("what it means and what helps: "), Span(reader.here("diagnose", *reader.own), "code")]], reader)
    elif (others := _others(survey)) == 0:
        lines.pop()
    else:
        told = f"{formatting.plural(others, 'more check is', 'more checks are')} about this very moment: "
        lines += flow([[Span(told, "dim"), Span(reader.here("diagnose", *reader.own), "code")]], reader)
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
        Table("checks", columns, [_check_row(result, survey, reader, ages) for result in survey.results], audience="machines"),
    ]
    return Answer("verify", body, data=survey_data(survey), now=survey.now)


def _others(survey: Survey) -> int:
    """How many checks `diagnose` asks besides all of these; 0 where some of these were left out."""
    asked = {one.check.code for one in survey.results}
    of_both = {one.code for one in shipped() if one.group in ("schema", "data")}
    return len(shipped()) - len(of_both) if of_both <= asked else 0


PROOF = ("DB003", "DB018", "DB007")
"""What proves that the files are in: what they make is there, as they make it, and works."""
PROOF_FROM = {"022": "DB017", "024": "DB013", "025": "DB005"}
"""By the number of the file from which on it is proof, too: guards, uniqueness, constraints."""
SAFEGUARDS = "DB030"
"""What misses objects and rights that no other check misses."""


def _of_the_files(survey: Survey, reader: Reader, fail_on: FailOn, ages: Mapping[str, Age]) -> list[Line]:
    """Whether what was deployed is in and right, by all checks of the schema; then whatever else is wrong, by its age."""
    schema = [one for one in survey.results if one.check.group == "schema"]
    newest = _newest(survey)
    if newest is None or not {one.code for one in shipped() if one.group == "schema"} <= {one.check.code for one in schema}:
        return []
    left = [name for name in _left(survey) if name.partition("_")[0] > newest]
    beyond = f", {listed(left)} {'is' if len(left) == 1 else 'are'} not" if left else ""
    wrong = [one for one in schema if counts_as_found(one, "warning")]
    if wrong:
        words = "unknown" if all(one.status == "unknown" for one in wrong) else "wrong"
        told = (
            f"{newest} is in{beyond}; {formatting.count(len(wrong))} of {formatting.plural(len(schema), 'schema check')} {words}"
        )
        return [[Span(told, "critical")]]
    told = f"{newest} is in and right{beyond}"
    data = [one for one in survey.results if one.check.group == "data" and counts_as_found(one, fail_on)]
    if data:
        known = {"older" if one.status == "failed" and ages.get(one.check.code) == "older" else "else" for one in data}
        of_data = f"{formatting.plural(len(data), 'trouble')} in the data: {_counted(_codes_by_age(data, ages))}"
        told += f"; {formatting.plural(len(data), 'older trouble') if known == {'older'} else of_data}"
    lines: list[Line] = [[Span(told, "ok")]]
    codes = [*PROOF, *(code for number, code in PROOF_FROM.items() if newest >= number)]
    proof = [f"{one.check.expected} ({one.check.code})" for code in codes for one in schema if one.check.code == code]
    # Nothing is wrong here: what failed is advice, and takes a little from what the others prove.
    less = [one.check.code for one in schema if one.status == "failed" and one.check.code in (*codes, SAFEGUARDS)]
    but = f"; but for what {listed(less)} {'says' if len(less) == 1 else 'say'}, as advice" if less else ""
    lines += [[Span(piece, "dim")] for piece in textwrap.wrap(f"proof: {'; '.join(proof)}{but}", (reader.width or 10_000) - 1)]
    return lines


def _newest(survey: Survey) -> str | None:
    """The number of the newest file that is in, None where nobody knows."""
    applied = survey.inventory.applied
    return formatting.visible(max(applied).partition("_")[0]) if applied else None


def _verdict(survey: Survey, reader: Reader, fail_on: FailOn) -> list[Line]:
    """How many failed of those that could be judged, and how far back the checks of history looked."""
    failed = sum(counts_as_found(result, fail_on) for result in survey.results)
    unknown = sum(result.status == "unknown" for result in survey.results)
    unjudged = sum(not survey.judged(result) for result in survey.results)
    total = len(survey.results) - unjudged
    advice = sum(result.status == "failed" and not counts_as_found(result, fail_on) for result in survey.results)
    beside = f", {formatting.count(advice)} with advice" if advice else ""
    later = f", {formatting.count(unjudged)} not judged" if unjudged else ""
    if failed:
        words = "failed" if not unknown else "unknown" if unknown == failed else "failed or unknown"
        wrong = f"{formatting.count(failed)} of {formatting.plural(total, 'check')} {words}{beside}{later}"
        lines: list[Line] = [[Span(wrong, "critical")]]
    else:
        not_run = f", {formatting.count(unknown)} unknown" if unknown else ""
        took = formatting.duration(survey.seconds)
        checks = formatting.plural(total, "check")
        passed = (
            f"{formatting.count(total - advice - unknown)} of {checks} passed" if advice or unknown else f"All {checks} passed"
        )
        lines = [[Span(f"{passed}{beside}{not_run} in {took}{later}", "ok")]]
    if unjudged:
        checks = formatting.plural(unjudged, "check")
        least = f"only {looked_back(survey.since)} of it came since the last migration"
        told = f"{checks} not judged: they need history, and {least}; over the last day: "
        lines += flow([[Span(told), Span(reader.here("verify", *reader.own, "--since", "24h"), "code")]], reader)
    elif any(result.check.kind == "history" for result in survey.results):
        lines.append([Span(f"history checks cover {_looked_back(survey)}", "dim")])
    return lines


def _of_the_deploy(survey: Survey, reader: Reader, fail_on: FailOn, ages: Mapping[str, Age]) -> list[Line]:
    """What failed since the last migration, and what before it: that counts, too, and is told apart."""
    at = survey.inventory.migrated_at
    counted = [one for one in survey.results if counts_as_found(one, fail_on)]
    if at is None or not counted:
        return []
    when = formatting.instant_to_the_second(at)
    lines: list[Line] = [f"since the last migration, {formatting.age(at, survey.now)} ago ({when}; older: began before that):"]
    for group in ("schema", "data"):
        of_group = [one for one in survey.results if one.check.group == group]
        if of_group:
            failed = [one for one in counted if one.check.group == group]
            told = f"{group}: {_by_age(failed, ages) if failed else 'all passed'}"
            if advices := [one for one in of_group if one.status == "failed" and one not in counted]:
                told += f"; advice: {_counted(_codes_by_age(advices, ages), names=True)}"
            first, *more = broken(told, reader.width - 2, reader.width - 4) if reader.width else [told]
            lines += [f"  {first}", *(f"    {piece}" for piece in more)]
    older = any(ages.get(one.check.code) == "older" for one in counted)
    ends = f"exit code 1{': what is older counts, too' if older else ''}; "
    for place, (says, command) in enumerate(_what_helps(counted, survey, reader)):
        lines += flow([[Span(f"{'' if place else ends}{says}: "), Span(command, "code")]], reader)
    return lines


def _left(survey: Survey) -> list[str]:
    """Our files that the ledger does not have; none where nobody knows."""
    known = survey.inventory.applied
    return [] if known is None else [name for name in sqlfiles.names("migrations") if name not in known]


def _what_helps(counted: Sequence[Result], survey: Survey, reader: Reader) -> list[tuple[str, str]]:
    """The command that mends what counts, the same that stands at the finding; what has none is looked into."""
    own = {one.code: next((text for text in one.commands if MENDS in text), one.command) for one in findings(survey, reader.here)}
    missing = any(one.check.code == MISSING for one in counted)
    deployed = all(name.partition("_")[0] > DEPLOYED for name in _left(survey))
    mends: dict[str, list[str]] = {}
    helps: dict[str, list[str]] = {}
    for one in sorted(counted, key=lambda one: one.check.group != "schema"):
        code = one.check.code
        # What cannot be asked, because something is missing, can be once that is there again.
        command = own.get(MISSING if missing and one.status == "unknown" and (one.reason or "").startswith(LACKS) else code)
        if not deployed and one.status == "unknown" and (one.reason or "").startswith(LACKS):
            mends.setdefault(reader.here("migrate", "--to", DEPLOYED, "--dry-run"), []).append(code)
        elif code in repair_batches.shipped():
            mends.setdefault(reader.here("repair", "--dry-run"), []).append(code)
        elif command is not None and MENDS in command:
            mends.setdefault(command, []).append(code)
        else:
            helps.setdefault(command or "", []).append(code)
    rest = helps.pop("", [])
    told = [(f"mend {_named(codes)}", command) for command, codes in mends.items()]
    told += [(f"what helps against {_named(codes)}", command) for command, codes in helps.items()]
    if len(told) > MOST_COMMANDS:
        every = [*mends.values(), *helps.values()]
        told, rest = told[:MOST_COMMANDS], [*rest, *(code for codes in every[MOST_COMMANDS:] for code in codes)]
    if rest:
        look = reader.here("explain", rest[0]) if len(rest) == 1 else reader.here("diagnose", *reader.own)
        told.append((f"what helps against {_named(rest)}", look))
    if len(told) == 1:
        return [("mend it" if mends else "what helps", told[0][1])]
    return told


def _named(codes: Sequence[str]) -> str:
    return formatting.listed(codes, NAMED, " ")


MENDS = " migrate "
"""What stands in a command that makes what is missing or otherwise; others look, or move chats."""
MISSING, LACKS = "DB003", "this database lacks"
"""The check that finds what is missing, and how the reason of a check begins that asks for something that is."""
MOST_COMMANDS = 3
"""So many commands that mend are named; the rest stands at the findings."""


def _since_before(survey: Survey, reader: Reader, before: Earlier | None) -> list[Line]:
    """What came and what went since the look that `migrate` took right before the files, by codes."""
    compared = since_before(survey, before)
    if compared is None:
        return []
    told = compared.in_words
    pieces = broken(told, reader.width, reader.width - 2) if reader.width else [told]
    return [pieces[0], *(f"  {piece}" for piece in pieces[1:])]


def _by_age(failed: Sequence[Result], ages: Mapping[str, Age]) -> str:
    """How many findings are newer than the migration, and which, how many are older, and of which nobody knows."""
    return f"{formatting.plural(len(failed), 'finding')}: {_counted(_codes_by_age(failed, ages), always=True)}"


def _codes_by_age(failed: Sequence[Result], ages: Mapping[str, Age]) -> dict[str, list[str]]:
    codes: dict[str, list[str]] = {"newer": [], "older": [], "undated": [], "unknown": []}
    for one in failed:
        codes["unknown" if one.status == "unknown" else ages.get(one.check.code, "undated")].append(one.check.code)
    return codes


def _counted(codes: Mapping[str, Sequence[str]], *, always: bool = False, names: bool = False) -> str:
    """How many of each age, and which; newer and older `always`, the `names` of what is older, too."""
    words = {"newer": "newer", "older": "older", "undated": "without a time", "unknown": "unknown"}
    return ", ".join(
        f"{formatting.count(len(codes[word]))} {says}"
        + (f" ({' '.join(codes[word])})" if 0 < len(codes[word]) <= NAMED and (names or word != "older") else "")
        for word, says in words.items()
        if codes[word] or (always and word in ("newer", "older"))
    )


NAMED = 6
"""So many codes are named in one line."""


def _folded(results: Sequence[Result], survey: Survey, reader: Reader) -> tuple[list[Result], list[Line]]:
    """On a screen, what passed is told by its codes alone; in a pipe, and where it has a word to say, by line.

    What had too little history to be judged is told by its codes everywhere: it has not passed.
    """
    unjudged = [result for result in results if not survey.judged(result)]
    quiet = [result for result in results if reader.width and result.status == "passed" and not result.reason]
    lines: list[Line] = []
    groups: tuple[tuple[str, Style, list[Result]], ...] = (
        (PASSED, "ok", [one for one in quiet if one not in unjudged]), ("– not judged ", "dim", unjudged),
    )  # fmt: skip
    for sign, style, some in groups:
        if some:
            row, *rows = wrap(" ".join(result.check.code for result in some), reader, len(sign))
            lines += [[Span(sign, style), Span(row)], *(" " * len(sign) + line for line in rows)]
    return [result for result in results if result not in quiet and result not in unjudged], lines


PASSED = "✓ passed   "


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


def _standing(results: Sequence[Result], survey: Survey) -> str:
    counts = Counter(
        "not judged" if not survey.judged(result) else "advice" if _is_advice(result) else result.status for result in results
    )
    return ", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "unknown", "advice", "not judged")
                     if counts[word] or word not in ("advice", "not judged"))  # fmt: skip


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
    text += {"newer": "; since the last migration", "partly newer": "; some of it since the last migration"}.get(age or "", "")
    wrapped = wrap(text, reader, len(prefix))
    lines: list[Line] = [[Span(f"{mark} {word:<8}", style), Span(f" {result.check.code:<8} {wrapped[0]}")]]
    lines += [" " * min(len(prefix), hang(reader)) + more for more in wrapped[1:]]
    if result.locked and survey.locked is not None and result.reason == survey.locked.reason and result is not survey.locked:
        return lines  # the first one says by whom
    if result.status == "unknown":
        blank = " " * hang(reader)
        lines += [blank + more for more in wrap(result.reason or "", reader, hang(reader))]
        lines += [
            [Span(blank), Span(text, "code")]
            for text in (result.remedy, result.command and reader.here(*result.command.split(" ")))
            if text
        ]
    elif result.status == "failed" and result.rows:
        if told := evidence(result.rows[0], survey, reader, text if result.count == 1 else ""):
            lines += [" " * hang(reader) + more for more in wrap(told, reader, hang(reader))]
        lines += [" " * (hang(reader) + 2) + line for line in difference(result.rows[0])]
        if result.count > 1:
            every = reader.here("diagnose", *reader.own, "--only", result.check.code, "--rows", str(min(result.count, 1000)))
            more = f"{formatting.and_more(result.count - 1)}: "
            lines += hanging([Span(more, "dim"), Span(every, "code")], reader)
    if result.status == "failed" and result.check.group == "schema" and finding.command:
        lines.append([Span(" " * hang(reader)), Span(finding.command, "code")])
    return lines


def _check_row(result: Result, survey: Survey, reader: Reader, ages: Mapping[str, Age]) -> dict[str, Any]:
    return {
        "group": result.check.group,
        "code": result.check.code,
        "status": result.status if survey.judged(result) else "not judged",
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
