"""One finding: what, against which limit, the evidence, why, and what helps; and all of them as a table for programs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chatops import formatting
from chatops.checks.compare_looks import Change, Changes
from chatops.checks.findings import CANNOT_CALL, TAKEN_AWAY, Finding, feeding, findings, tally, told_by
from chatops.checks.results import Survey
from chatops.checks.try_repair import Rehearsed
from chatops.model import Column, Line, Severity, Span, Table, named
from chatops.screens.evidence import difference, evidence, machine_row
from chatops.screens.lines import SEVERITY_STYLES, Reader, command_line, hang, labelled, wrap

_FINDING_COLUMNS = [
    *named("code", "severity", "status"),
    *named("count", kind="number"),
    *named("title", "invariant", "group"),
    *named("limits", "rows", kind="data"),
    *named("reason", "why"),
    Column("help_command", "help"),
    Column("help_sql", "help in SQL", "sql"),
    Column("help_text", "help in words"),
    Column("helps", "all commands and statements", "data"),
    Column("change", "change"),
    Column("since", "since", "instant"),
    Column("rehearsal", "rehearsal", "data"),
]

MISSED = ("CHAT006", "CHAT018", "DATA001", "DATA007", "QUEUE012")
"""What is found of chats that were written into while what notes it was missing or off."""
COUNTED_BY_TRIGGERS = ("DATA001", "DATA007")
PAST = "went past the triggers"
"""What CHAT006 says of messages that no trigger saw."""
_SHORT = re.compile(r"""[^;'\n]{1,160};?|[^;"\n$`\\!]{1,160};?""")
"""One statement that a shell takes as it is: between single quotes, or between double ones."""
_ALONE = re.compile(r"\bconcurrently\b|^\s*vacuum\b|\balter system\b", re.I)
"""A statement that runs in no transaction, and so together with no other one."""
SEVERAL = 800
"""So many characters of statements together are one line to paste into a shell."""
_READS = re.compile(r"select (?!\w+\()")
"""A statement that only looks: it begins with no call of a function."""


def finding_lines(finding: Finding, survey: Survey, reader: Reader, alike: Sequence[str] = ()) -> list[Line]:
    """One finding: what, against which limit, the evidence, why, and what helps."""
    result = finding.result
    word = finding.word
    head = f"{word.upper():<8}  {finding.code:<8}"
    wrapped = wrap(finding.title, reader, len(head) + 2)
    lines: list[Line] = [[Span(word.upper(), SEVERITY_STYLES[word]), Span(head[len(word) :] + "  "), Span(wrapped[0], "strong")]]
    lines += [" " * min(len(head) + 2, hang(reader)) + more for more in wrapped[1:]]
    if result.status == "unknown":
        lines += labelled("why", result.reason or "", reader)
        if alike:
            lines += labelled("also", " ".join(alike), reader)
        lines += [command_line("help", text, reader) for text in (*finding.commands, *finding.statements)]
        return lines
    if finding.limits:
        lines += labelled("limit", " · ".join(
            f"{limit.name} {limit.text} {limit.unit} ({limit.origin})" for limit in finding.limits), reader)  # fmt: skip
    told = finding.title if result.count == 1 else ""
    for index, row in enumerate(result.rows):
        if text := evidence(row, survey, reader, told):
            lines += labelled("evidence" if index == 0 else "", text, reader)
        lines += [" " * (hang(reader) + 2) + line for line in difference(row)]
    if finding.more:
        command = reader.here("diagnose", "--only", finding.code, "--rows", str(min(result.count, 1000)))
        lines.append([Span(" " * hang(reader)), Span(f"{formatting.and_more(finding.more)}: ", "dim"), Span(command, "code")])
    cause = feeding(findings(survey, reader.here)) if finding.code in MISSED else None
    if finding.caused_by:
        lines += labelled("first", f"see {finding.caused_by}: what mends it mends this", reader)
    elif cause is not None:
        lines += labelled("first", f"see {cause.code}: {cause.brief}", reader)
    elif event := _same_event(finding, survey):
        lines += labelled("first", event, reader)
    elif (
        finding.code in (CANNOT_CALL, TAKEN_AWAY)
        and (other := told_by(findings(survey, reader.here)).get(finding.code)) is not None
    ):
        lines += labelled("first", f"see {other}, it is the same right, and its statement gives it back", reader)
    if finding.why:
        lines += labelled("why", finding.why, reader)
    for place, so in enumerate(finding.consequences if result.severity is not Severity.ADVICE else ()):
        lines += labelled("" if place else "so", so, reader) if so else []
    for pasted in (finding.commands, finding.statements):
        lines += [command_line("" if place else "help", text, reader) for place, text in enumerate(pasted)]
    if finding.statements:
        lines.append(_where_to_type(finding.statements, reader))
    for place, advice in enumerate(finding.advices):
        lines += labelled("" if place else "help", advice, reader, pasted=finding.pasted)
    return lines


def _same_event(finding: Finding, survey: Survey) -> str:
    """That a finding comes of the messages that went past the triggers, which CHAT006 tells; "" where it does not."""
    if finding.code not in COUNTED_BY_TRIGGERS:
        return ""
    overlooked = next((one for one in survey.results if one.check.code == "CHAT006" and one.status == "failed"), None)
    told = next((str(row["because"]) for row in overlooked.rows if PAST in str(row.get("because"))), "") if overlooked else ""
    if overlooked is None or not told:
        return ""
    theirs, own = ({row.get("chat_id") for row in one.rows} for one in (overlooked, finding.result))
    same = bool(theirs & own) or overlooked.count == finding.result.count
    return f"see CHAT006, it is the same event: {told}" if same else ""


def locked(survey: Survey, reader: Reader) -> list[Line]:
    """Who holds a table, so that checks could not be asked: a line that stands before them."""
    if survey.locked is None:
        return []
    so = ": whatever the application asks of it waits, messages and turns, too" if survey.locked.remedy else ""
    first, *more = wrap(f"{survey.locked.reason or ''}{so}", reader, len("LOCKED  "))
    return [[Span("LOCKED  ", "critical"), Span(first)], *("        " + one for one in more)]


def unknown_for(found: Sequence[Finding]) -> list[tuple[Finding, list[str]]]:
    """Findings, those that are unknown for the same reason as one, with the codes of the others."""
    told: dict[object, tuple[Finding, list[str]]] = {}
    for one in found:
        key = ("unknown", one.result.reason) if one.word == "unknown" and one.result.locked else one.code
        if key in told:
            told[key][1].append(one.code)
        else:
            told[key] = (one, [])
    return list(told.values())


def _where_to_type(statements: Sequence[str], reader: Reader) -> Line:
    """The command that runs short statements, else the one that takes them."""
    psql = ["psql"] if all(_READS.match(one) for one in statements) else ["psql", "--write"]
    # What one -c holds is one request: a worker of a Citus cluster takes of it the one statement that reaches its tables.
    apart = formatting.requests(statements)
    if sum(map(len, apart)) <= SEVERAL and not any(map(_of_several, apart)):
        given = [word for one in apart for word in ("-c", _quoted(one))]
        return command_line("or", reader.here(*psql, "--", *given), reader)
    return command_line("paste into", reader.here(*psql), reader)


def _of_several(request: str) -> bool:
    """Whether what one -c would hold has to come statement by statement."""
    return "\n" in request or request.startswith("begin;") or bool(_ALONE.search(request) and ";" in request.strip().rstrip(";"))


def _quoted(statement: str) -> str:
    """For a shell, as short as it can be."""
    return f'"{statement}"' if "'" in statement and _SHORT.fullmatch(statement) else shlex.quote(statement)


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
        "rows": [machine_row(row, reader) for row in result.rows],
        "reason": result.reason,
        "why": finding.why,
        "help_command": finding.command,
        "help_sql": finding.sql,
        "help_text": finding.advice,
        "helps": [*finding.commands, *finding.statements],
    }


def survey_data(survey: Survey) -> dict[str, Any]:
    """What a run of checks comes to, for programs."""
    return {
        "counts": tally(survey),
        "checks": len(survey.results),
        "checks_run": survey.ran,
        "passed": [result.check.code for result in survey.results if result.status == "passed" and survey.judged(result)],
        "not_judged": [result.check.code for result in survey.results if not survey.judged(result)],
        "since": survey.since,
        "seconds": round(survey.seconds, 3),
        "thresholds": {
            name: {"value": one.value, "unit": one.unit, "from": one.origin} for name, one in survey.thresholds.items()
        },
    }
