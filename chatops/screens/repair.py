"""What a repair would change, what it did, what is left, and what no repair mends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chatops import formatting
from chatops.checks import findings
from chatops.checks.repair_batches import Change, Mended
from chatops.checks.repair_plan import RepairPlan
from chatops.checks.results import Result, only
from chatops.model import Answer, Column, Line, Span, Table, Text

Here = Callable[..., str]


def preview_answer(
    plan: RepairPlan, outcomes: Sequence[Mended], here: Here, command: str | None, says: Callable[[Change], str] | None = None
) -> Answer:
    """What would change; `command` is the line that does it, None when the question follows. `says` puts a change into a
    sentence; without it changes are shown by column."""
    lines: list[Line] = [
        [Span(f"{outcome.code:<8} ", "strong"), Span(_would(plan, outcome))] for outcome in outcomes
    ] + _refused_lines(plan, here)
    body: list[Table | Text] = [Text(lines), _table([change for outcome in outcomes for change in outcome.changes], says)]
    if command is not None:
        body.append(Text(["", [Span("nothing was changed; do it: "), Span(command, "code")]]))
    return Answer("repair", body, data={"dry_run": True, "found": dict(plan.counts)}, now=plan.survey.now)


def answer(plan: RepairPlan, outcomes: Sequence[Mended], still: Mapping[str, int], here: Here) -> Answer:
    """What was done, and what is left."""
    lines: list[Line] = []
    for outcome in outcomes:
        rest = still.get(outcome.code, 0)
        done = f"{formatting.count(outcome.mended)} mended in {formatting.duration(outcome.seconds)}"
        tail = f"; {formatting.count(rest)} left, busy with somebody else or new" if rest else ""
        lines.append([Span(f"{outcome.code:<8} ", "strong"), Span(done + tail, "warning" if rest else "ok")])
    lines += _refused_lines(plan, here)
    if not plan.audit:
        lines.append([Span("nothing was logged: there is no schema chatops here", "warning")])
    changes = [change for outcome in outcomes for change in outcome.changes]
    body: list[Table | Text] = [Text(lines), _table(changes)]
    codes = ",".join(plan.codes)
    body.append(Text(["", [Span("look again: "), Span(here("diagnose", "--only", codes), "code")]]))
    data = {
        "plan_id": plan.id,
        "mended": {outcome.code: outcome.mended for outcome in outcomes},
        "left": {code: still.get(code, 0) for code in plan.codes},
    }
    return Answer("repair", body, data=data, now=plan.survey.now)


def nothing_to_mend(plan: RepairPlan, here: Here) -> Answer:
    """What is said when no finding of the plan can be mended."""
    lines: list[Line] = []
    if not plan.refused:
        lines.append([Span(f"nothing to mend: {formatting.plural(plan.checked, 'check')} passed", "ok")])
    lines += _refused_lines(plan, here)
    return Answer("repair", [Text(lines)], data={"mended": {}, "left": {}}, now=plan.survey.now)


def _would(plan: RepairPlan, outcome: Mended) -> str:
    total = plan.counts[outcome.code]
    if not outcome.mended:
        return f"{formatting.count(total)} found, all busy with somebody else"
    tried = "" if outcome.mended >= total else f" the first {formatting.count(outcome.mended)}"
    return f"{formatting.count(total)} to mend;{tried or ''} tried and rolled back"


def _refused_lines(plan: RepairPlan, here: Here) -> list[Line]:
    return [[Span(f"{one.check.code:<8} ", "strong"), Span(_why_not(one, plan, here))] for one in plan.refused]


def _why_not(result: Result, plan: RepairPlan, here: Here) -> str:
    if result.status == "unknown":
        return f"could not be looked at: {result.reason}" + (f"; run: {result.remedy}" if result.remedy else "")
    finding = next(iter(findings.findings(only(plan.survey, result), here)))
    helps = finding.command or finding.sql or finding.advice or "nothing automatic does"
    return f"{formatting.count(result.count)} found, and no repair mends it; what helps: {helps}"


def _table(changes: Sequence[Change], says: Callable[[Change], str] | None = None) -> Table:
    rows: Sequence[object] = changes
    if says is not None:
        rows = [{"what": says(one), "code": one.code, "chat_id": one.chat_id, "operator_id": one.operator_id,
                 "row_id": one.row_id, "before": one.before, "after": one.after} for one in changes]  # fmt: skip
    columns = [
        Column("code", "code"),
        Column("chat_id", "chat", "id"),
        Column("operator_id", "operator", "id", rank=2),
        Column("what", "before → after" if says is None else "what happens", audience="people", rank=0),
        Column("row_id", "row", audience="machines"),
        Column("before", "before", "data", audience="machines"),
        Column("after", "after", "data", audience="machines"),
    ]
    return Table("changes", columns, rows, empty="no row was changed")
