"""What `drain` and `undrain` do: plan, ask, act, show."""

from __future__ import annotations

from uuid import UUID, uuid4

from chatops.chats import chat_sets, drain, reassignment
from chatops.chats.carry_out import Conditions, MoveResult, carry_out
from chatops.chats.reassignment import MovePlan, Operator
from chatops.db import Database
from chatops.errors import ExitCode, RefusedError, worst
from chatops.flows import acting
from chatops.flows.run import Invocation
from chatops.names import find_operator
from chatops.screens import drain as screen
from chatops.screens import moves

# A chat that was on its way to the operator when they were drained arrives a moment later.
ROUNDS = 3
Plans = tuple[MovePlan, MovePlan]


def empty(invocation: Invocation, name: str, to: str, *, release: bool, dry_run: bool, yes: bool, reason: str | None) -> ExitCode:
    """`chatops drain`."""
    acting.reason_and_yes(invocation, "drain", yes=yes, reason=reason, dry_run=dry_run, again=("drain", name))
    database = invocation.connect("act")
    conditions = Conditions(invocation.provenance, reason, rehearsal=dry_run)
    plan_id = uuid4()
    with acting.refusals_logged(database, "drain", conditions):
        with acting.planning(invocation, database):
            operator = find_operator(database, name).id
            target = None if to == "auto" else find_operator(database, to).id
        if target == operator:
            raise RefusedError("an operator's chats cannot be moved to themselves; nothing was changed")
        plans, everybody = _plans(database, operator, target, release=release, plan_id=plan_id)
    who = everybody[operator]
    names = invocation.medium().show_names
    asked = not dry_run and not yes and invocation.interactive
    if asked:
        acting.show_on_stderr(invocation, screen.preview(who, plans, invocation.now))
    label = moves.person(who.name, operator, show_names=asked or names)
    if not dry_run and not invocation.consent(f"Drain {label}", yes=yes):
        raise RefusedError("nothing was changed")
    conditions = acting.with_reason(invocation, conditions, reason, dry_run=dry_run)
    action = drain.stop_new_chats(database, operator, plan_id, conditions)
    rows: list[moves.MovedChat] = []
    codes: list[ExitCode] = []
    for _ in range(ROUNDS):
        plans, everybody = _plans(database, operator, target, release=release, plan_id=plan_id)
        results = _carried_out(database, plans, conditions)
        rows = [row for plan in plans for row in moves.rows(plan, results, show_names=names)] + rows
        if dry_run or not any(plan.wanted for plan in plans) or any(one.outcome != "done" for one in results.values()):
            codes = [acting.end(one.outcome) for one in results.values()]
            break
    drained = screen.Drained(operator, label, plan_id, action)
    invocation.show(screen.answer(drained, rows, invocation.now, invocation.here, rehearsal=dry_run))
    return worst(codes)


def _carried_out(database: Database, plans: Plans, conditions: Conditions) -> dict[UUID, MoveResult]:
    return {one.chat_id: one for plan in plans for some in carry_out([database], plan, conditions) for one in some}


def _plans(
    database: Database, operator: UUID, target: UUID | None, *, release: bool, plan_id: UUID
) -> tuple[Plans, dict[UUID, Operator]]:
    with database.reading():
        held = chat_sets.chats_of(database, chat_sets.Selection(held_by=str(operator)))
        standings = reassignment.standings(database, held)
        everybody = reassignment.operators(database)
    return drain.plan_drain(standings, everybody, operator, target, move=not release, plan_id=plan_id), everybody


def give_back(invocation: Invocation, name: str, *, dry_run: bool, yes: bool, reason: str | None) -> ExitCode:
    """`chatops undrain`."""
    acting.reason_and_yes(invocation, "undrain", yes=yes, reason=reason, dry_run=dry_run, again=("undrain", name))
    database = invocation.connect("act")
    conditions = Conditions(invocation.provenance, reason, rehearsal=dry_run)
    with acting.refusals_logged(database, "undrain", conditions):
        with acting.planning(invocation, database):
            operator = reassignment.operators(database)[find_operator(database, name).id]
            drained = drain.last_drain(database, operator.operator_id)
        if drained is None:
            raise RefusedError("no drain of this operator is in the log; nothing was changed")
        label = moves.person(operator.name, operator.operator_id, show_names=invocation.medium().show_names)
        was = screen.availability(drained)
        if not dry_run and not invocation.consent(f"Make {label} {was} again, as before the drain", yes=yes):
            raise RefusedError("nothing was changed")
        conditions = acting.with_reason(invocation, conditions, reason, dry_run=dry_run)
        action = drain.give_back(database, drained, conditions)
    invocation.show(
        screen.given_back(operator.operator_id, label, drained, action, invocation.now, invocation.here, rehearsal=dry_run)
    )
    return ExitCode.OK
