"""`chatops migrate` for several databases, laid out: a table by target, and what is about to happen to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatops import formatting
from chatops.migrations.failure import MigrationFailedError
from chatops.migrations.fleet import Member
from chatops.migrations.plan import short
from chatops.model import Answer, Column, Table, Text

MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target in the table."""

    target: str
    result: str
    files: int
    views: int
    last_in: str | None
    seconds: float
    exit_code: int
    message: str | None


def answer(members: Sequence[Member]) -> Answer:
    """A table by target, and one line that says how many are well."""
    columns = [
        Column("target", "target"), Column("result", "result"), Column("files", "files", "number"),
        Column("views", "views", "number"), Column("last_in", "last one in"), Column("seconds", "took", "duration"),
        Column("exit_code", "exit code", "number", audience="machines"), Column("message", "why"),
    ]  # fmt: skip
    rows = [_row(member) for member in members]
    well = sum(1 for member in members if member.error is None)
    headline = f"{well} of {formatting.plural(len(members), 'target')} {'is' if well == 1 else 'are'} as asked."
    return Answer("migrate", [Text([headline]), Table("targets", columns, rows)], {"well": well, "targets_total": len(members)})


def _row(member: Member) -> TargetRow:
    done = member.outcome.done if member.outcome else ()
    last = member.prepared.plan.last_in if member.prepared else None
    name = member.files[-1] if member.files else last.name if last else None
    result = "nothing to do"
    if member.error is not None:
        result = "failed" if isinstance(member.error, MigrationFailedError) else member.code.name.lower()
    elif member.outcome is not None:
        result = "applied"
    views = sum(one.kind == "view" for one in done)
    return TargetRow(
        member.label, result, len(member.files), views, short(name) if name else None, round(member.seconds, 3),
        int(member.code), member.error.message if member.error else None,
    )  # fmt: skip


def outlook(member: Member) -> str:
    """What is about to happen to one target."""
    if member.error is not None or member.prepared is None:
        return member.error.message if member.error else ""
    plan = member.prepared.plan
    names = ", ".join(entry.name for entry in plan.apply)
    if len(plan.apply) > MOST_NAMES:
        names = f"{plan.apply[0].name} to {plan.apply[-1].name}"
    views = f"{formatting.plural(len(member.prepared.views), 'view')}" if member.prepared.views else ""
    told = " and ".join(filter(None, [f"{formatting.plural(len(plan.apply), 'file')} ({names})" if names else "", views]))
    return formatting.visible(f"to apply: {told}") if told else "nothing to do"
