"""Empties an operator: no new chats come to them, and those they hold are moved or released; and back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from chatops import sqlfiles
from chatops.chats import audit
from chatops.chats.carry_out import Conditions
from chatops.chats.reassignment import FORCED, MovePlan, Operator, Standing, plan_reassign, plan_release
from chatops.chats.rules import Rule
from chatops.db import Database
from chatops.errors import ConflictError, RefusedError
from chatops.frozen import frozen


@frozen
class LastDrain:
    """The drain of an operator that has not been taken back."""

    action_id: int
    at: datetime
    available_before: bool | None
    reason: str | None


def stop_new_chats(database: Database, operator_id: UUID, plan_id: UUID, conditions: Conditions) -> int | None:
    """Makes an operator unavailable; the number of the action. Not inside a transaction. Raises ConflictError when locked."""
    with audit.acting(database, conditions.provenance, reason=conditions.reason, plan_id=plan_id, rehearsal=conditions.rehearsal):
        rows = audit.carry_out(database, "queries/drain_operator.sql", {"operator": operator_id})
    if not rows:
        raise ConflictError("the operator is gone")
    number: int | None = rows[0][0]
    return number


def plan_drain(
    held: Sequence[Standing], everybody: dict[UUID, Operator], drained: Collection[UUID], to: UUID | None, *, move: bool,
    plan_id: UUID, silent_before: datetime | None = None,
) -> tuple[MovePlan, MovePlan]:  # fmt: skip
    """Where the held chats go: those in which a user waits to one operator, or to free ones who are not drained themselves;
    the others are released.

    Raises RefusedError when the one operator who was named may not take them.
    """
    waiting = [chat for chat in held if chat.asked and not chat.over] if move else []
    others = {one: operator for one, operator in everybody.items() if one not in drained}
    moves = plan_reassign(waiting, others, to, silent_before=silent_before).moves
    if to is not None and (refused := [one for one in moves if one.refused]):
        why = (refused[0].problem or "").partition(FORCED)[0]  # drain has no such option
        raise RefusedError(f"{refused[0].chat.chat_id} cannot go there: {why}; nothing was changed")
    kept = [one for one in moves if not one.refused]
    moving = {one.chat.chat_id for one in kept}
    released = plan_release([chat for chat in held if chat.chat_id not in moving], everybody, forced=(Rule.COMPLETED,))
    moved = MovePlan("reassign", kept, everybody, plan_id, silent_before=silent_before)
    return moved, replace(released, plan_id=plan_id)


def last_drain(database: Database, operator_id: UUID) -> LastDrain | None:
    """The newest drain of an operator that was not taken back; inside a transaction."""
    parameters = {"operator": operator_id, "schema": database.target.schema}
    found = database.rows(LastDrain, sqlfiles.read("queries/drain_last.sql"), parameters)
    return found[0] if found else None


def give_back(database: Database, drained: LastDrain, conditions: Conditions) -> int | None:
    """Gives an operator the availability from before the drain; the number of the action. Not inside a transaction.

    Raises RefusedError when somebody has changed it since.
    """
    with audit.acting(database, conditions.provenance, reason=conditions.reason, rehearsal=conditions.rehearsal):
        parameters = {"actions": [drained.action_id], "action": "undrain"}
        rows = audit.carry_out(database, "queries/undo_operators.sql", parameters)
        if not rows:
            raise RefusedError("the operator's availability was changed since the drain; nothing was changed")
    number: int | None = rows[0][0]
    return number
