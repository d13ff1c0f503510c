"""What `repair` is about to mend, and what it cannot: the findings that were asked for, in the order of their repairs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from uuid import UUID

from chatops import formatting, names, sqlfiles
from chatops.checks import load, repair_batches, run
from chatops.checks.repair_batches import Mended, Repair
from chatops.checks.results import Result, Survey
from chatops.checks.window import window
from chatops.db import Database
from chatops.errors import ExitCode, RefusedError
from chatops.frozen import frozen
from chatops.tables_there import require_rows

Here = Callable[..., str]
SEQUENCES = "DATA005"
"""The finding that a sequence is behind its table."""


@frozen
class RepairPlan:
    """What a run of `repair` is about to mend: codes in their order with how many rows offend, and what it cannot mend."""

    codes: tuple[str, ...]
    counts: Mapping[str, int]
    chat_id: UUID | None
    audit: bool
    survey: Survey
    refused: tuple[Result, ...] = ()
    """What was found, or could not be looked at, and cannot be mended."""
    checked: int = 0
    left_out: Mapping[str, Sequence[UUID]] = field(default_factory=dict)
    """The chats of each code that it would end although their users wait: a person decides."""
    id: UUID = field(default_factory=uuid.uuid4)

    @property
    def in_words(self) -> str:
        """Which findings, with their numbers: CHAT003 (2), CONF001 (1)."""
        return ", ".join(f"{code} ({formatting.count(self.counts[code])})" for code in self.codes)

    @property
    def exit_code(self) -> ExitCode:
        """What a plan with nothing to mend ends in."""
        return ExitCode.FOUND if self.refused or self.left_out else ExitCode.OK


def plan(
    database: Database, wanted: Sequence[str], chat: str | None, *, audit: bool, here: Here, since: str | None = None
) -> RepairPlan:
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
    for code in codes:
        require_rows(database, repair_batches.text_of(code).mend)
    refused = tuple(
        result
        for result in survey.results
        if result.status == "unknown" or (result.status == "failed" and result.check.code not in mendable)
    )
    whole = RepairPlan(tuple(codes), counts, named, survey.inventory.audit_present, survey, refused, len(asked))
    left_out = {code: some for code in codes if (some := repair_batches.left_out(database, code, _repair(whole, {})))}
    counts |= {code: counts[code] - len(some) for code, some in left_out.items()}
    return replace(whole, codes=tuple(code for code in codes if counts[code] > 0), counts=counts, left_out=left_out)


def previews(
    database: Database, plan: RepairPlan, annotations: Mapping[str, str | None], *, rows: int = repair_batches.PREVIEW
) -> list[Mended]:
    """The first rows of each repair, really changed one after the other and rolled back.

    Where the log's own sequence is behind, the log takes no row before that is mended.
    """
    repair = _repair(plan, annotations)
    others = replace(repair, audit=repair.audit and SEQUENCES not in plan.codes)
    told = repair_batches.previews(database, [code for code in plan.codes if code == SEQUENCES], repair, rows=rows)
    told += repair_batches.previews(database, [code for code in plan.codes if code != SEQUENCES], others, rows=rows)
    return sorted(told, key=lambda one: plan.codes.index(one.code))


def called(database: Database, outcomes: Sequence[Mended]) -> dict[UUID, str | None]:
    """The names of the chats and operators in the previews."""
    changes = [change for outcome in outcomes for change in outcome.changes]
    asked = {
        "chats": sorted({str(one.chat_id) for one in changes if one.chat_id}),
        "operators": sorted({str(one.operator_id) for one in changes if one.operator_id}),
    }
    with database.reading():
        return {row[0]: row[1] for row in database.tuples(sqlfiles.read("queries/repair_people.sql"), asked)}


def carry_out(
    database: Database,
    plan: RepairPlan,
    annotations: Mapping[str, str | None],
    *,
    progress: Callable[[str, int], None] | None = None,
) -> list[Mended]:
    """Every repair of the plan, in order."""
    return [repair_batches.mend(database, code, _repair(plan, annotations), progress=progress) for code in plan.codes]


def left(database: Database, plan: RepairPlan) -> dict[str, int]:
    """What each finding of the plan still counts; inside a `reading` transaction."""
    checks = [check for check in load.shipped() if check.code in plan.codes]
    about = str(plan.chat_id) if plan.chat_id else None
    survey = run.run(database, checks, since=plan.survey.touched, rows=1, about=about, whole_seconds=120)
    kept = {code: len(some) for code, some in plan.left_out.items()}
    counts = {result.check.code: result.count - kept.get(result.check.code, 0) for result in survey.results}
    return {code: count for code, count in counts.items() if count > 0}


def _repair(plan: RepairPlan, annotations: Mapping[str, str | None]) -> Repair:
    return Repair(plan.chat_id, plan.audit, annotations, plan.survey.thresholds, window(plan.survey.touched))
