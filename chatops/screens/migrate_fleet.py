"""`chatops migrate` for several databases, laid out: what is about to happen, a line for each that ended, a table of all."""

from __future__ import annotations

from collections.abc import Sequence

from chatops import formatting
from chatops.db.sessions import place_of
from chatops.frozen import frozen
from chatops.migrations.failure import MigrationFailedError
from chatops.migrations.fleet import Member
from chatops.migrations.plan import short
from chatops.model import Answer, Column, Line, Outcome, Span, Table, Text
from chatops.screens import lost_rights
from chatops.screens.lost_rights import TenantLoses

MOST_NAMES = 5
MOST_LINES = 5
"""So many targets with the same outlook have a line each."""
NOTHING = "nothing to do"
TO_APPLY = "to apply"


@frozen
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


RUNS = "psql --write -- -c"
"""How a command goes on that runs a statement in one target."""


def losses(members: Sequence[Member]) -> list[TenantLoses]:
    """Which role loses what where."""
    return [
        TenantLoses(one.label, place_of(one.target), one.target.schema,
                    " ".join(part for part in ("chatops", one.target.flags, RUNS) if part), each)
        for one in members for each in one.losses
    ]  # fmt: skip


def _losing(members: Sequence[Member]) -> list[Line]:
    """Which roles lose what where files are to be applied, and what they have lost where files are in."""
    ahead = lost_rights.of_many(losses([one for one in members if one.outcome is None and not one.files and one.pending]))
    heading: list[Line] = ["", [Span("Roles that lose what they can do now, unless it is granted:", "strong")]]
    lost = lost_rights.of_many(losses([one for one in members if one.outcome is not None or one.files]), now=True)
    return [*((*heading, *ahead) if ahead else ()), *(("", *lost) if lost else ())]


def answer(members: Sequence[Member]) -> Answer:
    """One line that says how many are well, and a table by target; of many, people see those where something happened."""
    columns = [
        Column("target", "target"), Column("result", "result"), Column("files", "files", "number"),
        Column("views", "views", "number"), Column("last_in", "last one in"), Column("seconds", "took", "duration"),
        Column("exit_code", "exit code", "number", audience="machines"), Column("message", "why"),
    ]  # fmt: skip
    rows = [_row(member) for member in members]
    well = sum(1 for member in members if member.error is None and member.left_out is None)
    headline = f"{well} of {formatting.plural(len(members), 'target')} {'is' if len(members) == 1 else 'are'} as asked."
    if pending := sum(row.result == TO_APPLY for row in rows):
        unfit = len(members) - well
        headline = f"{pending} of {formatting.plural(len(members), 'target')} have files to apply; nothing was changed." + (
            f" {formatting.plural(unfit, 'target')} cannot be migrated." if unfit else ""
        )
    roles = lost_rights.of_many_as_data(losses(members))
    data = {"well": well, "targets_total": len(members), "pending": pending, "roles": roles}
    body: list[Table | Text] = [Text([headline])]
    told = [row for row in rows if row.result != NOTHING]
    if len(rows) - len(told) > MOST_LINES:
        body.append(Table("targets", columns, rows, audience="machines"))
        if told:
            body.append(Table("told", columns, told, audience="people"))
        body.append(Text([f"{formatting.plural(len(rows) - len(told), 'target')}: {NOTHING}."]))
    else:
        body.append(Table("targets", columns, rows))
    if told_of_roles := _losing(members):
        body.append(Text(told_of_roles))
    return Answer("migrate", body, data, outcomes=[_outcome(row) for row in rows])


def _outcome(row: TargetRow) -> Outcome:
    """The target as a test case."""
    message = row.message or f"{row.result}: {formatting.plural(row.files, 'file')}"
    return Outcome(row.target, "failed" if row.exit_code else "passed", "critical", message, counts=bool(row.exit_code),
                   seconds=row.seconds)  # fmt: skip


def _row(member: Member) -> TargetRow:
    views = sum(one.kind == "view" for one in member.outcome.done) if member.outcome else 0
    files = len(member.files)
    if _result(member) == TO_APPLY and member.prepared is not None:
        files, views = len(member.prepared.plan.apply), len(member.prepared.views)
    last = member.prepared.plan.last_in if member.prepared else None
    name = member.files[-1] if member.files else last.name if last else None
    message = member.error.message if member.error else member.left_out
    return TargetRow(
        member.label, _result(member), files, views, short(name) if name else None, round(member.seconds, 3),
        int(member.code), message,
    )  # fmt: skip


def _result(member: Member) -> str:
    if member.error is not None:
        return "failed" if isinstance(member.error, MigrationFailedError) else member.code.name.lower()
    if member.left_out is not None:
        return "not begun"
    if member.outcome is not None:
        return "applied"
    return TO_APPLY if member.pending else NOTHING


def done(member: Member) -> str:
    """One target whose turn is over, in one line."""
    if member.error is not None:
        return formatting.visible(f"✗ {member.error.message}")
    views = sum(one.kind == "view" for one in member.outcome.done) if member.outcome else 0
    told = [formatting.plural(len(member.files), "file"), *([formatting.plural(views, "view")] if views else [])]
    return f"✓ {' and '.join(told)} in {formatting.duration(member.seconds)}"


def named(labels: Sequence[str]) -> str:
    """Names in a sentence; many of them by the first ones.

    >>> named(["a", "b"]), named(["t1", "t2", "t3", "t4", "t5", "t6"])
    ('a, b', 't1, t2, t3, t4, t5 and 1 more')
    """
    return formatting.listed(labels, MOST_NAMES)


def outlooks(members: Sequence[Member]) -> list[str]:
    """What is about to happen: a line for each target, those that stand alike in one where there are many."""
    alike: dict[str, list[str]] = {}
    for member in members:
        alike.setdefault(outlook(member), []).append(member.label + _place(member))
    lines = []
    for text, labels in alike.items():
        if len(labels) <= MOST_LINES:
            lines += [f"{formatting.visible(label)}: {text}" for label in labels]
        else:
            lines.append(f"{formatting.plural(len(labels), 'target')} ({formatting.visible(named(labels))}): {text}")
    return lines


def _place(member: Member) -> str:
    """The host that answered, where the label does not say it and it is production."""
    place = member.target.answered
    return f" ({place})" if member.target.production and place and place not in member.label else ""


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
    return formatting.visible(f"to apply: {told}") if told else NOTHING
