"""What `drain` and `undrain` do: plan, ask, act, show."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from chatops.errors import ExitCode, RefusedError, worst
from chatops.flows import move_chats
from chatops.flows.run import Invocation

if TYPE_CHECKING:
    from uuid import UUID

    from chatops.chats.carry_out import Result
    from chatops.chats.reassignment import Operator, Plan
    from chatops.db import Database
    from chatops.model import Table, Text

# A chat that was on its way to the operator when they were drained arrives a moment later.
ROUNDS = 3


def empty(invocation: Invocation, name: str, to: str, *, release: bool, dry_run: bool, yes: bool, reason: str | None) -> ExitCode:
    """`chatops drain`."""
    from chatops.chats import audit, drain
    from chatops.chats.carry_out import Conditions, carry_out
    from chatops.model import Answer, Line, Span, Table, Text
    from chatops.names import find_operator
    from chatops.screens import moves

    invocation.check_output()
    move_chats.reason_and_yes(invocation, "drain", yes=yes, reason=reason, dry_run=dry_run, again=("drain", name))
    database = invocation.connect("act")
    conditions = Conditions(invocation.provenance, reason, rehearsal=dry_run)
    plan_id = uuid4()
    with move_chats.refusals_logged(database, "drain", conditions):
        with database.reading():
            invocation.banner(database)
            move_chats.writable(database)
            audit.require(database, invocation.here("adopt", "--ledger-only"))
            operator = find_operator(database, name).id
            target = None if to == "auto" else find_operator(database, to).id
        if target == operator:
            raise RefusedError("an operator's chats cannot be moved to themselves; nothing was changed")
        plans, everybody = _plans(database, operator, target, release=release, plan_id=plan_id)
    who = everybody[operator]
    names = invocation.medium().show_names
    asked = not dry_run and not yes and invocation.interactive
    if asked:
        move_chats.show_on_stderr(invocation, _preview(invocation, who, plans, show_names=True))
    label = moves.person(who.name, operator, show_names=asked or names)
    if not dry_run and not invocation.consent(f"Drain {label}", yes=yes):
        raise RefusedError("nothing was changed")
    conditions = move_chats.with_reason(invocation, conditions, reason, dry_run=dry_run)
    action = drain.stop_new_chats(database, operator, plan_id, conditions)
    rows: list[moves.MovedChat] = []
    codes: list[ExitCode] = []
    for _ in range(ROUNDS):
        plans, everybody = _plans(database, operator, target, release=release, plan_id=plan_id)
        results: dict[UUID, Result] = {}
        for plan in plans:
            for some in carry_out([database], plan, conditions):
                results.update((one.chat_id, one) for one in some)
        rows = [row for plan in plans for row in moves.rows(plan, results, show_names=names)] + rows
        if dry_run or not any(plan.wanted for plan in plans) or any(one.outcome != "done" for one in results.values()):
            codes = [_code(one.outcome) for one in results.values()]
            break
    done = [row for row in rows if row.outcome == "done"]
    told: list[Line] = []
    if dry_run:
        told.append(f"Dry run: {label} would be made unavailable, and {len(done)} held chats moved or released. "
                    "Everything was rolled back.")  # fmt: skip
    else:
        moved = sum(1 for row in done if row.operator_after_id)
        told.append(f"Done, action {action}: {label} gets no new chats; {moved} moved to others, {len(done) - moved} released.")
        told.append([Span("Back: "), Span(invocation.here("undrain", str(operator)), "code"),
                     Span("  with the chats: "), Span(invocation.here("undo", str(plan_id)), "code")])  # fmt: skip
    shown = ("chat_id", "now", "then", "taker", "outcome", "detail")
    people = [column for column in moves.COLUMNS if column.name in shown]
    body: list[Table | Text] = [Text(told)]
    if rows:
        body.append(Table("chats_of_operator", people, rows, audience="people"))
    body.append(Table("chats", moves.COLUMNS, rows, audience="machines"))
    data = {"operator_id": operator, "action_id": action, "plan_id": plan_id, "dry_run": dry_run}
    invocation.show(Answer("drain", body, data, invocation.now))
    return worst(codes)


def _plans(
    database: Database, operator: UUID, target: UUID | None, *, release: bool, plan_id: UUID
) -> tuple[tuple[Plan, Plan], dict[UUID, Operator]]:
    from chatops.chats import chat_sets, drain, reassignment

    with database.reading():
        held = chat_sets.chats_of(database, chat_sets.Selection(held_by=str(operator)))
        standings = reassignment.standings(database, held)
        everybody = reassignment.operators(database)
    return drain.plan_drain(standings, everybody, operator, target, move=not release, plan_id=plan_id), everybody


def _preview(invocation: Invocation, who: Operator, plans: tuple[Plan, Plan], *, show_names: bool) -> list[Table | Text]:
    from chatops.model import Table, Text
    from chatops.screens import moves

    label = moves.person(who.name, who.operator_id, show_names=show_names)
    line = f"{label}  {moves.standing(who, invocation.now)}"
    body: list[Table | Text] = [Text([line, "no new chats from now on"])]
    rows = [row for plan in plans for row in moves.rows(plan, {}, show_names=show_names)]
    if rows:
        columns = [column for column in moves.COLUMNS if column.name in ("chat_id", "now", "then", "taker", "detail")]
        body.append(Table("preview", columns, rows[: moves.SHOWN], audience="people"))
    return body


def _code(outcome: str) -> ExitCode:
    return {"done": ExitCode.OK, "moved": ExitCode.CONFLICT}.get(outcome, ExitCode.REFUSED)


def give_back(invocation: Invocation, name: str, *, dry_run: bool, yes: bool, reason: str | None) -> ExitCode:
    """`chatops undrain`."""
    from chatops.chats import audit, drain, reassignment
    from chatops.chats.carry_out import Conditions
    from chatops.model import Answer, Line, Span, Text
    from chatops.names import find_operator
    from chatops.screens import moves

    invocation.check_output()
    move_chats.reason_and_yes(invocation, "undrain", yes=yes, reason=reason, dry_run=dry_run, again=("undrain", name))
    database = invocation.connect("act")
    conditions = Conditions(invocation.provenance, reason, rehearsal=dry_run)
    with move_chats.refusals_logged(database, "undrain", conditions):
        with database.reading():
            invocation.banner(database)
            move_chats.writable(database)
            audit.require(database, invocation.here("adopt", "--ledger-only"))
            operator = reassignment.operators(database)[find_operator(database, name).id]
            drained = drain.last_drain(database, operator.operator_id)
        if drained is None:
            raise RefusedError("no drain of this operator is in the log; nothing was changed")
        label = moves.person(operator.name, operator.operator_id, show_names=invocation.medium().show_names)
        was = "available" if drained.available_before else "not available"
        if not dry_run and not invocation.consent(f"Make {label} {was} again, as before the drain", yes=yes):
            raise RefusedError("nothing was changed")
        conditions = move_chats.with_reason(invocation, conditions, reason, dry_run=dry_run)
        action = drain.give_back(database, drained, conditions)
    lines: list[Line] = [f"Dry run: {label} would be {was} again, as before the drain. Everything was rolled back."]
    if not dry_run:
        back = invocation.here("undo", str(action))
        lines = [[Span(f"Done, action {action}: {label} is {was} again. Undo: "), Span(back, "code")]]
    if drained.available_before is not True and not dry_run:
        lines.append("They were not available before the drain either; that is for them to change.")
    data = {"operator_id": operator.operator_id, "action_id": action, "is_available": drained.available_before}
    data["dry_run"] = dry_run
    invocation.show(Answer("undrain", [Text(lines)], data, invocation.now))
    return ExitCode.OK
