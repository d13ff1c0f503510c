"""The answers of `drain` and `undrain`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chatops.chats.drain import LastDrain
from chatops.chats.reassignment import MovePlan, Operator
from chatops.model import Answer, Line, Span, Table, Text
from chatops.screens import moves


@dataclass(frozen=True, slots=True)
class Drained:
    """The operator who was drained, as they may be shown, the plan of their chats and the action."""

    operator_id: UUID
    label: str
    plan_id: UUID
    action_id: int | None


def preview(who: Operator, plans: Sequence[MovePlan], now: datetime | None) -> list[Table | Text]:
    """What draining an operator means, for the person who is asked."""
    label = moves.person(who.name, who.operator_id, show_names=True)
    body: list[Table | Text] = [Text([f"{label}  {moves.standing(who, now)}", "no new chats from now on"])]
    rows = [row for plan in plans for row in moves.rows(plan, {}, show_names=True)]
    if rows:
        columns = [column for column in moves.COLUMNS if column.name in ("chat_id", "now", "then", "taker", "detail")]
        body.append(Table("preview", columns, rows[: moves.SHOWN], audience="people"))
    return body


def answer(
    drained: Drained, rows: Sequence[moves.MovedChat], now: datetime | None, here: Callable[..., str], *, rehearsal: bool
) -> Answer:
    """`chatops drain`. `here` makes a command line that works when pasted."""
    done = [row for row in rows if row.outcome == "done"]
    told: list[Line] = []
    if rehearsal:
        told.append(f"Dry run: {drained.label} would be made unavailable, and {len(done)} held chats moved or released. "
                    "Everything was rolled back.")  # fmt: skip
    else:
        moved = sum(1 for row in done if row.operator_after_id)
        told.append(f"Done, action {drained.action_id}: {drained.label} gets no new chats; {moved} moved to others, "
                    f"{len(done) - moved} released.")  # fmt: skip
        told.append([Span("Back: "), Span(here("undrain", str(drained.operator_id)), "code"),
                     Span("  with the chats: "), Span(here("undo", str(drained.plan_id)), "code")])  # fmt: skip
    shown = ("chat_id", "now", "then", "taker", "outcome", "detail")
    people = [column for column in moves.COLUMNS if column.name in shown]
    body: list[Table | Text] = [Text(told)]
    if rows:
        body.append(Table("chats_of_operator", people, rows, audience="people"))
    body.append(Table("chats", moves.COLUMNS, rows, audience="machines"))
    data = {"operator_id": drained.operator_id, "action_id": drained.action_id, "plan_id": drained.plan_id, "dry_run": rehearsal}
    return Answer("drain", body, data, now)


def availability(drained: LastDrain) -> str:
    """What an operator was before the drain, and will be again."""
    return "available" if drained.available_before else "not available"


def given_back(
    operator_id: UUID, label: str, drained: LastDrain, action: int | None, now: datetime | None, here: Callable[..., str], *,
    rehearsal: bool,
) -> Answer:  # fmt: skip
    """`chatops undrain`."""
    was = availability(drained)
    lines: list[Line] = [f"Dry run: {label} would be {was} again, as before the drain. Everything was rolled back."]
    if not rehearsal:
        lines = [[Span(f"Done, action {action}: {label} is {was} again. Undo: "), Span(here("undo", str(action)), "code")]]
    if drained.available_before is not True and not rehearsal:
        lines.append("They were not available before the drain either; that is for them to change.")
    data = {"operator_id": operator_id, "action_id": action, "is_available": drained.available_before, "dry_run": rehearsal}
    return Answer("undrain", [Text(lines)], data, now)
