"""What a repair would change, what it did, what is left, and what no repair mends."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chatops import formatting
from chatops.checks import findings, repair_batches
from chatops.checks.repair_batches import PREVIEW, Change, Mended
from chatops.checks.repair_plan import RepairPlan
from chatops.checks.results import Result, only
from chatops.lock_holders import Holder
from chatops.lock_holders import told as told_holder
from chatops.model import Answer, Column, Line, Span, Style, Table, Text, named
from chatops.screens.repair_sentence import acts

Here = Callable[..., str]
Says = Callable[[Sequence[Change]], str]
"""Puts what is changed at once into a sentence."""
GONE = "OPER001"
"""The repair that takes chats from operators who are gone: they are on shift all the same."""
NAMED = 5
"""So many chats that are left out are named by their ids."""
FEW = 3
"""So many codes have a line of their own."""


def preview_answer(
    plan: RepairPlan, outcomes: Sequence[Mended], here: Here, command: str | None, says: Says | None = None
) -> Answer:
    """What would change; `command` is the line that does it, None when the question follows. `says` puts what is changed at once
    into a sentence; without it changes are shown by column, a line a row."""
    told: list[tuple[str, str, Style]] = [(one.code, _would(plan, one), "plain") for one in outcomes]
    many = sum(plan.counts[one.code] for one in outcomes)
    changes = [change for outcome in outcomes for change in outcome.changes]
    how = f"{' (some change several rows)' if len(changes) > many else ''}; a preview, nothing was changed"
    lines: list[Line] = [*_outcomes(f"{formatting.plural(many, 'fault')} to mend", how, told), *_refused_lines(plan, here)]
    body: list[Table | Text] = [Text([*lines, *_given_to_nobody(plan)]), *_changes(outcomes, says, "what changes")]
    if any(one.mended + one.busy == PREVIEW != plan.counts[one.code] for one in outcomes):
        again = command or here("repair", *(outcome.code for outcome in outcomes))
        body.append(Text([[Span(f"the first {PREVIEW} of each were tried and are shown; all: "),
                           Span(f"{again} --dry-run --all", "code")]]))  # fmt: skip
    if command is not None:
        end: list[Line] = ["", [Span("nothing was changed; do it: "), Span(command, "code")]]
        if plan.checked >= len(repair_batches.shipped()):  # nobody asked for some of them
            end.append([Span("what no repair mends: "), Span(here("diagnose"), "code")])
        body.append(Text(end))
    return Answer("repair", body, data={"dry_run": True, "found": dict(plan.counts)}, now=plan.survey.now)


def answer(
    plan: RepairPlan, outcomes: Sequence[Mended], still: Mapping[str, int], here: Here,
    says: Says | None = None, *, seen: bool = False,
) -> Answer:  # fmt: skip
    """What was done, and what is left; `says` as in the preview, `seen`: that was shown, and it came so."""
    told: list[tuple[str, str, Style]] = []
    for outcome in outcomes:
        rest = still.get(outcome.code, 0)
        tail = f"; {formatting.count(rest)} left, busy with somebody else or new" if rest else ""
        told.append((outcome.code, f"{formatting.count(outcome.mended)} mended{tail}", "warning" if rest else "ok"))
    faults, seconds = sum(outcome.mended for outcome in outcomes), sum(outcome.seconds for outcome in outcomes)
    lines: list[Line] = [
        *_outcomes(f"{formatting.plural(faults, 'fault')} mended", f" in {formatting.duration(seconds)}", told),
        *_refused_lines(plan, here),
    ]
    if not plan.audit:
        lines.append([Span("nothing was logged: there is no schema chatops here", "warning")])
    body: list[Table | Text] = [Text(lines), *_changes(outcomes, says, "changed", seen=seen)]
    if not seen and plan.audit and any(len(outcome.changes) >= PREVIEW for outcome in outcomes):
        every = here("log", "--plan", str(plan.id), "-o", "csv")
        body.append(Text([[Span(f"the first {PREVIEW} changed rows of each are shown; all: "), Span(every, "code")]]))
    lost = [one.operator_id for outcome in outcomes if outcome.code == GONE for one in outcome.changes]
    gone = dict.fromkeys(str(one) for one in lost if one is not None)
    if gone:  # nobody who went home switches to away
        off = here("drain", *list(gone)[:NAMED], "--dry-run")
        more = f" {left}" if (left := formatting.and_more(len(gone) - NAMED)) else ""
        who = "the operator who held it counts" if len(gone) == 1 else f"the {formatting.count(len(gone))} who held them count"
        body.append(Text([[Span(f"{who} as free now, if on shift; off shift: "), Span(off, "code"), Span(more)]]))
    codes = ",".join(plan.codes)
    body.append(Text(["", [Span("look again: "), Span(here("diagnose", "--only", codes), "code")]]))
    data = {
        "plan_id": plan.id,
        "mended": {outcome.code: outcome.mended for outcome in outcomes},
        "left": {code: still.get(code, 0) for code in plan.codes},
    }
    return Answer("repair", body, data=data, now=plan.survey.now)


def held(answer: Answer, holders: Sequence[Holder], here: Here) -> Answer:
    """The answer with who holds the rows that are busy, and the command that ends that session."""
    if not holders:
        return answer
    end = here("psql", "--write", "--", "-c", shlex.quote(f"select pg_terminate_backend({holders[0].pid});"))
    told = Text([f"busy: {' '.join(told_holder(holders, row=True))}", [Span("end it: "), Span(end, "code")]])
    return replace(answer, body=[answer.body[0], told, *answer.body[1:]])


def _outcomes(all_in_all: str, how: str, told: Sequence[tuple[str, str, Style]]) -> list[Line]:
    """What it comes to, and how it came to that; then a line for each code; many of which the same is to be said share one."""
    if len(told) == 1:
        ((code, says, style),) = told
        return [[Span(f"{code:<8} ", "strong"), Span(says + how, style)]]
    lines: list[Line] = [f"{all_in_all}{how}:"]
    for says, style in dict.fromkeys((says, style) for _, says, style in told):
        codes = [code for code, *rest in told if rest == [says, style]]
        if len(codes) > FEW:
            lines.append([Span(f"{says} each: ", style), Span(" ".join(codes), "strong")])
        else:
            lines += [[Span(f"{code:<8} ", "strong"), Span(says, style)] for code in codes]
    return lines


def nothing_to_mend(plan: RepairPlan, here: Here) -> Answer:
    """What is said when no finding of the plan can be mended."""
    lines: list[Line] = []
    if not plan.refused and not plan.left_out:
        passed = f"nothing to mend: {formatting.plural(plan.checked, 'check')} passed"
        lines.append([Span(passed, "ok"), Span("; what no repair mends: "), Span(here("diagnose"), "code")])
    lines += _refused_lines(plan, here)
    return Answer("repair", [Text(lines)], data={"mended": {}, "left": {}}, now=plan.survey.now)


def _would(plan: RepairPlan, outcome: Mended) -> str:
    total = plan.counts[outcome.code]
    if not outcome.mended and not outcome.busy:
        return f"{formatting.count(total)} found, right after the repairs before it"
    if not outcome.mended:
        return f"{formatting.count(total)} found, all busy with somebody else"
    tried = "" if outcome.mended >= total else f"; the first {formatting.count(outcome.mended)} below"
    return f"{formatting.count(total)} to mend{tried}"


def _given_to_nobody(plan: RepairPlan) -> list[Line]:
    """That chats would be given back to a queue that nobody serves."""
    rows = [row for one in plan.survey.results if one.check.code == GONE and GONE in plan.codes for row in one.rows]
    says = next((str(row["decides"]) for row in rows if row.get("decides")), None)
    return [[Span(f"{GONE:<8} ", "strong"), Span(says, "warning")]] if says else []


def _refused_lines(plan: RepairPlan, here: Here) -> list[Line]:
    told: list[Line] = []
    for one in plan.refused:
        says, more = _why_not(one, plan, here)
        told.append([Span(f"{one.check.code:<8} ", "strong"), *says])
        told += [[Span(" " * 9), Span(text, "code")] for text in more]
    for code, chats in plan.left_out.items():
        many = formatting.plural(len(chats), "chat")
        waits, whose = ("its user waits", "the chat") if len(chats) == 1 else ("their users wait", "each")
        them = "it" if len(chats) == 1 else "them"
        left = f"{many} left out: a repair would end {them}, and {waits} for an answer. Open {them} again: "
        first = str(chats[0])
        opens = here("reopen", first, "--dry-run") if len(chats) == 1 else here("reopen", "--where", code, "--dry-run")
        told.append([Span(f"{code:<8} ", "strong"), Span(left, "warning"), Span(opens, "code")])
        told.append([Span(f"         or end {whose} for good: "), Span(here("close", first, "--dry-run"), "code")])
        if rest := [str(one) for one in chats[1:]]:
            told.append([Span(f"         the others: {' '.join(rest[:NAMED])}")])
            if more := formatting.and_more(len(rest) - NAMED):
                told.append([Span(f"         {more}: "),
                             Span(here("diagnose", "--only", code, "-o", "json"), "code")])  # fmt: skip
    return told


def _why_not(result: Result, plan: RepairPlan, here: Here) -> tuple[list[Span], Sequence[str]]:
    """Why it is not mended and what helps, and the further commands or statements."""
    if result.status == "unknown":
        told = [Span(f"could not be looked at: {result.reason}")]
        return [*told, *([Span("; run: "), Span(result.remedy, "code")] if result.remedy else [])], ()
    finding = next(iter(findings.findings(only(plan.survey, result), here)))
    told = [Span(f"{formatting.count(result.count)} found, and no repair mends it; what helps: ")]
    if pasted := [*finding.commands, *finding.statements]:
        return [*told, Span(pasted[0], "code")], pasted[1:]
    return [*told, Span(finding.advice or "nothing automatic does")], ()


def _changes(outcomes: Sequence[Mended], says: Says | None, title: str, *, seen: bool = False) -> list[Table | Text]:
    """What is changed: for people a line for what is done at once, unless they have seen it; for programs a row for each row."""
    changes = [change for outcome in outcomes for change in outcome.changes]
    if seen:
        return [replace(_table(changes), audience="machines")]
    if says is None:
        return [_table(changes)]
    done = [{"code": one[0].code, "chat_id": one[0].chat_id, "operator_id": one[0].operator_id, "what": says(one)}
            for one in acts(changes)]  # fmt: skip
    columns = [Column("code", "code"), Column("chat_id", "chat", "id"), Column("what", title, rank=0)]
    told = Table("shown", columns, done, empty="no row was changed", audience="people")
    return [told, replace(_table(changes), audience="machines")]


def _table(changes: Sequence[Change]) -> Table:
    columns = [
        Column("code", "code"),
        Column("chat_id", "chat", "id"),
        Column("operator_id", "operator", "id", rank=2),
        Column("what", "before → after", audience="people", rank=0),
        Column("row_id", "row", audience="machines"),
        *named("before", "after", kind="data", audience="machines"),
    ]
    return Table("changes", columns, changes, empty="no row was changed")
