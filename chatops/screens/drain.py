"""The answers of `drain` and `undrain`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from chatops import formatting
from chatops.chats.drain import LastDrain
from chatops.chats.reassignment import MovePlan, Operator
from chatops.frozen import frozen
from chatops.model import Answer, Line, Span, Table, Text
from chatops.screens import moves


@frozen
class Drained:
    """An operator who was drained, as they may be shown, the plan of their chats, the action, and what became of the chats.

    `finishes` is how many chats they keep until they have answered; None where the chats were moved or released.
    """

    operator_id: UUID
    label: str
    plan_id: UUID
    action_id: int | None
    rows: Sequence[moves.MovedChat]
    finishes: int | None = None
    was_away: bool = False

    def told(self, *, rehearsal: bool) -> str:
        """What became of the operator, in a sentence."""
        done = [row for row in self.rows if row.outcome == "done"]
        moved = sum(1 for row in done if row.operator_after_id)
        if rehearsal:
            then = f"{formatting.plural(len(done), 'held chat')} moved or released"
            if self.finishes is not None:
                then = _keeps(self.finishes)
            made = "is away already and stays so" if self.was_away else "would be made unavailable"
            return f"Dry run: {self.label} {made}, and {then}. Everything was rolled back."
        stays = "was away already and gets no new chats" if self.was_away else "gets no new chats"
        if self.finishes is not None:
            return f"Done, action {self.action_id}: {self.label} {stays}; {_keeps(self.finishes)}."
        return f"Done, action {self.action_id}: {self.label} {stays}; {moved} moved to others, {len(done) - moved} released."


def _keeps(chats: int) -> str:
    if not chats:
        return "they hold no chat and can leave"
    return f"they finish {'the chat' if chats == 1 else f'the {chats} chats'} they hold, then they can leave"


def preview(who: Operator, plans: Sequence[MovePlan], now: datetime | None, *, finish: bool = False) -> list[Table | Text]:
    """What draining an operator means, for the person who is asked."""
    label = moves.person(who.name, who.operator_id, show_names=True)
    then = [_keeps(who.held)] if finish else []
    effect = "no new chats from now on"
    if not who.is_available:
        effect = "away already, and gets no new chats: " + ("only the chats they hold go" if who.held else "nothing would change")
        if who.held and finish:
            effect = "away already, and gets no new chats"
    body: list[Table | Text] = [Text([f"{label}  {moves.standing(who, now)}", effect, *then])]
    rows = [] if finish else [row for plan in plans for row in moves.rows(plan, {}, show_names=True)]
    if rows:
        columns = [column for column in moves.COLUMNS if column.name in ("chat_id", "now", "then", "taker", "detail")]
        body.append(Table("preview", columns, rows[: moves.SHOWN], audience="people"))
        if len(rows) > moves.SHOWN:
            body.append(Text([f"and {len(rows) - moves.SHOWN} more chats of {len(rows)}: --dry-run"]))
    if careful := silent(plans, now, show_names=True):
        body.append(Text(careful))
    return body


def silent(plans: Sequence[MovePlan], now: datetime | None, *, show_names: bool) -> list[Line]:
    """Which of those who get the chats were not heard of for long."""
    return [line for plan in plans
            for line in moves.silent_lines(plan.silent_takers, plan.silent_before, now, show_names=show_names)]  # fmt: skip


def answer(
    drained: Sequence[Drained], now: datetime | None, here: Callable[..., str], *, rehearsal: bool, do: Sequence[str] = ()
) -> Answer:
    """`chatops drain`. `here` makes a command line that works when pasted, `do` are the words that do what was tried."""
    told: list[Line] = [one.told(rehearsal=rehearsal) for one in drained]
    if not rehearsal:
        told += [[Span("Back: "), Span(here("undrain", str(one.operator_id)), "code")] for one in drained]
        if any(one.rows for one in drained):
            told.append([Span("Back with the chats: "), Span(here("undo", str(drained[0].plan_id)), "code")])
    rows = [row for one in drained for row in one.rows]
    shown = ("chat_id", "now", "then", "taker", "outcome", "detail")
    people = [column for column in moves.COLUMNS if column.name in shown]
    body: list[Table | Text] = [Text(told)]
    if rows:
        body.append(Table("chats_of_operator", people, rows, audience="people"))
    if rehearsal:
        body.append(Text([[Span("Do it: "), Span(here(*do), "code")]]))
    body.append(Table("chats", moves.COLUMNS, rows, audience="machines"))
    first = drained[0]
    data = {"operator_id": first.operator_id, "action_id": first.action_id, "plan_id": first.plan_id, "dry_run": rehearsal}
    drained_data = [{"operator_id": one.operator_id, "action_id": one.action_id, "finishes": one.finishes} for one in drained]
    return Answer("drain", body, {**data, "drained": drained_data}, now)


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
    lines.append([Span("Do it: "), Span(here("undrain", str(operator_id)), "code")])
    if not rehearsal:
        lines = [[Span(f"Done, action {action}: {label} is {was} again. Undo: "), Span(here("undo", str(action)), "code")]]
    if drained.available_before is not True and not rehearsal:
        lines.append("They were not available before the drain either; that is for them to change.")
    data = {"operator_id": operator_id, "action_id": action, "is_available": drained.available_before, "dry_run": rehearsal}
    return Answer("undrain", [Text(lines)], data, now)
