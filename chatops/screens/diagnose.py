"""Findings, worst first: the verdict, what changed since an earlier look, and a command to run for each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chatops import formatting
from chatops.chats.log import NOTHING_GIVEN, ByHand
from chatops.checks.began import began, oldest
from chatops.checks.compare_looks import Bounds, Changes
from chatops.checks.findings import Finding, findings, tally
from chatops.checks.load import MEANWHILE
from chatops.checks.results import Survey
from chatops.checks.try_repair import Rehearsed
from chatops.checks.window import is_ever
from chatops.frozen import frozen
from chatops.model import Answer, Line, Severity, Span, Text
from chatops.screens.finding import finding_lines, finding_table, locked, survey_data, unknown_for
from chatops.screens.lines import SEVERITY_STYLES, Reader, flow, hang, labelled, looked_back, wrap
from chatops.tables_there import TABLES

AT_ONCE, SOON = timedelta(seconds=1), timedelta(hours=1)
"""What begins between these after a file went in may have come of it."""


@frozen
class Health:
    """What is shown when nothing is wrong."""

    chats: int
    waiting: int
    oldest_seconds: float | None


def diagnosis(
    survey: Survey,
    place: str,
    reader: Reader,
    *,
    health: Health | None = None,
    ignored: Sequence[str] = (),
    changes: Changes | None = None,
    rehearsed: Mapping[str, Rehearsed] | None = None,
    asked: Sequence[str] = (),
    by_hand: Sequence[ByHand] = (),
    came: Mapping[str, Bounds] | None = None,
    served: Span | None = None,
) -> Answer:
    """Findings worst first; one line when there is none. `place` names environment and database.

    `asked` are the codes that were asked for by name: nothing is said of the rest.
    `by_hand` are psql sessions that may have made it, `came` says between which two looks that was; `served` says whether users
    are, where all that was asked for passed.
    With `changes` each finding says what became of it since an earlier look; with `rehearsed` what its fix did on trial.
    """  # fmt: skip
    found = findings(survey, reader.here)
    lines: list[Line] = list(_verdict(survey, place, found, health, ignored, reader, changes, asked))
    lines += locked(survey, reader) if found[1:] else []
    lines += _after_it(survey, served, reader) if not found and asked else _also_passed(survey, reader) if asked else []
    for finding, alike in unknown_for(found):
        lines.append("")
        lines += finding_lines(finding, survey, reader, alike)
        if changes is not None:
            lines += _change_lines(changes, finding.code, survey, reader)
        lines += _since_by_looks(finding, survey, reader, came or {})
        lines += _made_by_hand(by_hand, finding, survey, reader, came or {})
        lines += _files_before(finding, survey, reader)
        if rehearsed is not None:
            lines += _rehearsal_lines(rehearsed.get(finding.code), finding, reader)
    if changes is not None and changes.resolved:
        lines.append("")
        for code, was in sorted(changes.resolved.items()):
            was_many = "" if was.count is None else f", {formatting.count(was.count)} then"
            title = wrap(
                f"{_expected(survey, code)} ({was.word} at {clock_of(changes.earlier.at, survey)}{was_many})", reader, 20
            )
            lines.append([Span("RESOLVED", "ok"), Span(f"  {code:<8}  {title[0]}")])
            lines += [" " * min(20, hang(reader)) + more for more in title[1:]]
    if found:
        lines.append("")
        lines += flow([[Span("explain one: "), Span(f"chatops explain {found[0].code}", "code")],
                        [Span("what people say: "), Span("chatops explain", "code")]], reader)  # fmt: skip
    return Answer(
        "diagnose",
        [
            Text(lines),
            finding_table(found, reader, changes, rehearsed),
        ],
        data=survey_data(survey) | compared(changes),
        now=survey.now,
    )


def _verdict(
    survey: Survey, place: str, found: Sequence[Finding], health: Health | None, ignored: Sequence[str], reader: Reader,
    changes: Changes | None, asked: Sequence[str],
) -> list[Line]:  # fmt: skip
    total = len(survey.results)
    counts = tally(survey)
    at = f"{survey.now.astimezone(UTC):%H:%M:%S} UTC"
    took = formatting.duration(survey.seconds)
    without = f"without {', '.join(ignored)}" if ignored else ""
    if not found and asked:
        codes = ", ".join(one.check.code for one in survey.results)
        told = [f"{codes} passed: {total} of {formatting.plural(total, 'check')}", took, without, news(changes, survey)]
        return flow([[Span(place)], [Span(at)], [Span(", ".join(filter(None, told)), "ok")]], reader)
    if not found and health is not None:
        waiting = f"{formatting.count(health.waiting)} waiting"
        if health.oldest_seconds is not None:
            waiting += f" (oldest {formatting.duration(health.oldest_seconds)})"
        ran = f"healthy: {total} of {formatting.plural(total, 'check')}"
        told = [ran, formatting.plural(health.chats, "chat"), waiting, took, without, news(changes, survey)]
        return flow([[Span(place)], [Span(at)], [Span(", ".join(filter(None, told)), "ok")]], reader)
    parts = [
        [
            Span(
                formatting.plural(counts[name], name) if name == "warning" else f"{formatting.count(counts[name])} {name}",
                SEVERITY_STYLES[name],
            )
        ]
        for name in counts
        if counts[name]
    ] or [[Span("healthy", "ok")]]
    verdict = [span for index, part in enumerate(parts) for span in (*([Span(", ")] if index else []), *part)]
    history = any(result.check.kind == "history" for result in survey.results)
    reach = "all of it" if is_ever(survey.since) else f"last {looked_back(survey.since)}"
    ran = f"{survey.ran} of {formatting.plural(total, 'check')} ran"
    rest = [place, at, ran, f"history: {reach}" if history else "", without, news(changes, survey), took]
    return flow([verdict, *([Span(text)] for text in rest if text)], reader)


def _after_it(survey: Survey, served: Span | None, reader: Reader) -> list[Line]:
    """Once what was asked for by name has passed: whether users are served, and what looks for what came of it meanwhile."""
    lines: list[Line] = [[replace(served, text=piece)] for piece in wrap(served.text, reader, 0)] if served is not None else []
    if any(one.check.leaves_traces for one in survey.results):
        lines += flow([[Span("what came of it meanwhile: "), Span(reader.here("diagnose", "--only", MEANWHILE), "code")]], reader)
    return lines


def _also_passed(survey: Survey, reader: Reader) -> list[Line]:
    """Of several codes that were asked for those that find nothing: they are not left out, they passed."""
    codes = [one.check.code for one in survey.results if one.status == "passed"]
    return [*wrap(f"none: {' '.join(codes)}", reader, 0)] if codes else []


def news(changes: Changes | None, survey: Survey) -> str:
    """What changed since the earlier look, for the verdict; "" without one."""
    if changes is None:
        return ""
    severity_of = {one.check.code: "unknown" if one.status == "unknown" else one.severity.value for one in survey.results}
    counted = [(word, sum(severity_of[code] == word for code in changes.new)) for word in SEVERITY_STYLES]
    parts = [f"+{number} {word}{'s' if word == 'warning' and number > 1 else ''}" for word, number in counted if number]
    if changes.grown:
        parts.append(f"{len(changes.grown)} grown")
    if changes.resolved:
        parts.append(f"{len(changes.resolved)} resolved")
    return f"since {clock_of(changes.earlier.at, survey)}: {', '.join(parts) or 'nothing new'}"


def clock_of(at: datetime, survey: Survey) -> str:
    """The time of day of an earlier look, with its date where that is another one."""
    then, now = at.astimezone(UTC), survey.now.astimezone(UTC)
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"


def _change_lines(changes: Changes, code: str, survey: Survey, reader: Reader) -> list[Line]:
    change = changes.now.get(code)
    if change is None:
        return []
    at = f"{clock_of(changes.earlier.at, survey)} (the look of {changes.earlier.origin})"
    if change.kind == "new":
        text = f"new since {at}"
    elif change.kind == "ongoing" and change.was is not None:
        count = next(result.count for result in survey.results if result.check.code == code)
        before = formatting.count(change.was.count or 0)
        then = "" if change.was.count in (None, count) else f", {before} at {at}"
        if change.grew:
            then = f", grown {before} → {formatting.count(change.count)} since {at}"
        text = f"ongoing since {clock_of(change.was.since or changes.earlier.at, survey)}{then}"
    elif change.was is not None:
        text = f"was {'unknown' if change.was.word == 'unknown' else 'found'} at {at}"
    else:
        text = f"not among the checks of the look at {at}"
    return labelled("change", text, reader)


def may_have_made(by_hand: Sequence[ByHand], finding: Finding, came: Mapping[str, Bounds]) -> list[ByHand]:
    """The psql sessions that may have made what was found, the newest first: open at some time between the last look that found
    it well and the first that found it ill, and given nothing, or something about the same table or object. None where no look
    found it well: then nothing tells who was there."""
    result, between = finding.result, came.get(finding.code)
    if between is None or result.status != "failed" or result.severity is Severity.ADVICE or result.check.kind == "history":
        return []
    objects = {
        str(row[key]).rpartition(".")[2].partition("(")[0]
        for row in result.rows
        for key in ("object", "relation")
        if row.get(key)
    }
    about = objects or {table for table in TABLES if re.search(rf"\b{table}\b", result.check.sql)}
    return [one for one in by_hand if one.was_there(between.well, between.ill) and _is_about(one.detail or "", about)]


def _since_by_looks(finding: Finding, survey: Survey, reader: Reader, came: Mapping[str, Bounds]) -> list[Line]:
    """After when it came, by the looks that are remembered, where its own rows do not say since when it is so."""
    result, between = finding.result, came.get(finding.code)
    if between is None or result.status != "failed" or result.check.kind == "history":
        return []
    if result.check.dated and oldest(result.rows, survey.now) is not None:
        return []
    return labelled("since", f"after {clock_of(between.well, survey)}, when a look found it well", reader)


def _is_about(given: str, names: Collection[str]) -> bool:
    """Whether what a psql session was given may have to do with one of these; what is typed or in a file is not known."""
    typed = given.startswith(NOTHING_GIVEN) or "the file " in given
    return typed or any(re.search(rf"\b{re.escape(name)}\b", given) for name in names)


def _made_by_hand(
    by_hand: Sequence[ByHand], finding: Finding, survey: Survey, reader: Reader, came: Mapping[str, Bounds]
) -> list[Line]:
    """The newest of them."""
    for one in may_have_made(by_hand, finding, came)[:1]:
        badly = f", {one.badly}" if one.badly else ""
        told = f"action {one.action_id}, {formatting.age(one.at, survey.now)} ago, {formatting.visible(one.who)}, psql{badly}: "
        return labelled("before", told + reader.here("log", str(one.action_id)), reader)
    return []


def _files_before(finding: Finding, survey: Survey, reader: Reader) -> list[Line]:
    """The newest file that chatops put in, where all that was found began soon after that."""
    result, at = finding.result, survey.inventory.migrated_at
    ours = [name for name, checksum in (survey.inventory.known.files or {}).items() if checksum is not None]
    if at is None or not ours or not result.check.dated or result.severity is Severity.ADVICE or len(result.rows) < result.count:
        return []
    times = [began(row, survey.now) for row in result.rows]
    first = min((one for one in times if one is not None), default=None)
    if first is None or None in times or not AT_ONCE < first - at <= SOON:
        return []
    told = f"{formatting.visible(ours[-1])} went in at {clock_of(at, survey)}, {formatting.duration(first - at)} before it began"
    return labelled("before", told, reader)


def _rehearsal_lines(tried: Rehearsed | None, finding: Finding, reader: Reader) -> list[Line]:
    if tried is not None:
        return labelled("rehearsed", tried.in_words, reader)
    if finding.result.status != "failed" or not (finding.command or finding.sql):
        return []
    alone = any(_ALONE.search(text) for text in finding.statements)
    return labelled("rehearsed", f"no: its help {'cannot run inside a transaction' if alone else 'only looks'}", reader)


_ALONE = re.compile(r"\b(?:concurrently|vacuum|alter\s+system|reindex\s+database)\b", re.IGNORECASE)
"""Statements that run outside a transaction alone."""


def compared(changes: Changes | None) -> dict[str, Any]:
    if changes is None:
        return {}
    resolved = [{"code": code, "severity": was.word, "count": was.count} for code, was in sorted(changes.resolved.items())]
    return {"compared_with": {"at": changes.earlier.at, "origin": changes.earlier.origin}, "resolved": resolved}


def _expected(survey: Survey, code: str) -> str:
    return next(result.check.expected for result in survey.results if result.check.code == code)
