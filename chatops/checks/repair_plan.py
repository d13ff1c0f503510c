"""`repair` from plan to answer: what can be mended, what it would change, what was done and what is left."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chatops import formatting, names
from chatops.checks import findings, load, repair_batches, run
from chatops.checks.repair_batches import Change, Outcome, Repair
from chatops.checks.run import Result, Survey
from chatops.db import Database
from chatops.errors import ExitCode, RefusedError
from chatops.model import Answer, Column, Line, Span, Table, Text

Here = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run of `repair` is about to mend: codes in their order with how many rows offend, and what it cannot mend."""

    codes: tuple[str, ...]
    counts: Mapping[str, int]
    chat_id: UUID | None
    audit: bool
    survey: Survey
    refused: tuple[tuple[str, str], ...] = ()
    """Code and why it cannot be mended, what does help included."""
    checked: int = 0
    id: UUID = field(default_factory=uuid.uuid4)

    @property
    def in_words(self) -> str:
        """Which findings, with their numbers: CHAT003 (2), CONF001 (1)."""
        return ", ".join(f"{code} ({formatting.count(self.counts[code])})" for code in self.codes)

    @property
    def exit_code(self) -> ExitCode:
        """What a plan with nothing to mend ends in."""
        return ExitCode.FOUND if self.refused else ExitCode.OK


def plan(
    database: Database, wanted: Sequence[str], chat: str | None, *, audit: bool, here: Here, since: str | None = None
) -> Plan:
    """Looks at what was asked for; inside a `reading` transaction.

    Raises UsageError for unknown codes and chats, RefusedError where there is no audit to write to and none was not asked for.
    """
    checks = load.chosen(load.shipped(), wanted, ())
    mendable = set(repair_batches.shipped())
    named = names.find_chat(database, chat).id if chat else None
    asked = tuple(check for check in checks if wanted or check.code in mendable)
    survey = run.run(database, asked, since=since, rows=1, about=str(named) if named else None, whole_seconds=120)
    if audit and not survey.inventory.audit_present:
        codes = list(wanted)
        raise RefusedError(
            "there is no schema chatops here, so a repair could not be logged; nothing was changed",
            next_steps=[
                ("make the log", here("adopt", "--ledger-only")),
                ("mend without a log", here("repair", *codes, "--no-audit", "--dry-run")),
            ],
        )
    counts = {result.check.code: result.count for result in survey.results if result.status == "failed"}
    codes = repair_batches.in_order(code for code in counts if code in mendable)
    refused = tuple(
        (result.check.code, _why_not(result, survey, here))
        for result in survey.results
        if result.status == "unknown" or (result.status == "failed" and result.check.code not in mendable)
    )
    return Plan(tuple(codes), counts, named, survey.inventory.audit_present, survey, refused, len(asked))


def previews(database: Database, plan: Plan, annotations: Mapping[str, str | None]) -> list[Outcome]:
    """The first rows of each repair, really changed and rolled back; each finding by itself."""
    return [repair_batches.preview(database, code, _repair(plan, annotations)) for code in plan.codes]


def carry_out(
    database: Database, plan: Plan, annotations: Mapping[str, str | None], *, progress: Callable[[str, int], None] | None = None
) -> list[Outcome]:
    """Every repair of the plan, in order."""
    return [repair_batches.mend(database, code, _repair(plan, annotations), progress=progress) for code in plan.codes]


def left(database: Database, plan: Plan) -> dict[str, int]:
    """What each finding of the plan still counts; inside a `reading` transaction."""
    checks = [check for check in load.shipped() if check.code in plan.codes]
    about = str(plan.chat_id) if plan.chat_id else None
    survey = run.run(database, checks, since=plan.survey.since, rows=1, about=about, whole_seconds=120)
    return {result.check.code: result.count for result in survey.results if result.status == "failed"}


def preview_answer(plan: Plan, outcomes: Sequence[Outcome], command: str | None) -> Answer:
    """What would change; `command` is the line that does it, None when the question follows."""
    lines: list[Line] = [
        [Span(f"{outcome.code:<8} ", "strong"), Span(_would(plan, outcome))] for outcome in outcomes
    ] + _refused_lines(plan)
    body: list[Table | Text] = [Text(lines), _table([change for outcome in outcomes for change in outcome.changes])]
    if command is not None:
        body.append(Text(["", [Span("nothing was changed; do it: "), Span(command, "code")]]))
    return Answer("repair", body, data={"dry_run": True, "found": dict(plan.counts)}, now=plan.survey.now)


def answer(plan: Plan, outcomes: Sequence[Outcome], still: Mapping[str, int], here: Here) -> Answer:
    """What was done, and what is left."""
    lines: list[Line] = []
    for outcome in outcomes:
        rest = still.get(outcome.code, 0)
        done = f"{formatting.count(outcome.mended)} mended in {formatting.duration(outcome.seconds)}"
        tail = f"; {formatting.count(rest)} left, busy with somebody else or new" if rest else ""
        lines.append([Span(f"{outcome.code:<8} ", "strong"), Span(done + tail, "warning" if rest else "ok")])
    lines += _refused_lines(plan)
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


def nothing_to_mend(plan: Plan) -> Answer:
    """What is said when no finding of the plan can be mended."""
    lines: list[Line] = []
    if not plan.refused:
        lines.append([Span(f"nothing to mend: {formatting.plural(plan.checked, 'check')} passed", "ok")])
    lines += _refused_lines(plan)
    return Answer("repair", [Text(lines)], data={"mended": {}, "left": {}}, now=plan.survey.now)


def _repair(plan: Plan, annotations: Mapping[str, str | None]) -> Repair:
    since = {"chatops.since": run.window(plan.survey.since)}
    return Repair(plan.chat_id, plan.audit, {**annotations, **since}, plan.survey.thresholds)


def _would(plan: Plan, outcome: Outcome) -> str:
    total = plan.counts[outcome.code]
    if not outcome.mended:
        return f"{formatting.count(total)} found, all busy with somebody else"
    tried = "" if outcome.mended >= total else f" the first {formatting.count(outcome.mended)}"
    return f"{formatting.count(total)} to mend;{tried or ''} tried and rolled back"


def _refused_lines(plan: Plan) -> list[Line]:
    return [[Span(f"{code:<8} ", "strong"), Span(why)] for code, why in plan.refused]


def _why_not(result: Result, survey: Survey, here: Here) -> str:
    if result.status == "unknown":
        return f"could not be looked at: {result.reason}" + (f"; run: {result.remedy}" if result.remedy else "")
    finding = next(iter(findings.findings(_alone(survey, result), here)))
    helps = finding.command or finding.sql or finding.advice or "nothing automatic does"
    return f"{formatting.count(result.count)} found, and no repair mends it; what helps: {helps}"


def _alone(survey: Survey, result: Result) -> Survey:
    from dataclasses import replace

    return replace(survey, results=(result,))


def _table(changes: Sequence[Change]) -> Table:
    columns = [
        Column("code", "code"),
        Column("chat_id", "chat", "id"),
        Column("operator_id", "operator", "id"),
        Column("what", "before → after", audience="people"),
        Column("row_id", "row", audience="machines"),
        Column("before", "before", "data", audience="machines"),
        Column("after", "after", "data", audience="machines"),
    ]
    return Table("changes", columns, changes, empty="no row was changed")
