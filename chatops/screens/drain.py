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
from chatops.screens import moved_chat, moves

NAMED_MOST = 3
"""So many operators are named in a command that takes their drain back."""
TOLD_MOST = 10
"""So many operators are told one by one."""


@frozen
class Drained:
    """An operator who was drained, as they may be shown, the plan of their chats, the action, and what became of the chats.

    `finishes` is how many chats they keep until they have answered; None where the chats were moved or released.
    """

    operator_id: UUID
    label: str
    plan_id: UUID
    action_id: int | None
    rows: Sequence[moved_chat.MovedChat]
    finishes: int | None = None
    was_away: bool = False
    left: int = 0
    """So many chats they hold all the same."""

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


def _told_together(drained: Sequence[Drained], *, rehearsal: bool) -> str:
    done = [row for one in drained for row in one.rows if row.outcome == "done"]
    moved = sum(1 for row in done if row.operator_after_id)
    away = sum(one.was_away for one in drained)
    were = f", {formatting.count(away)} of whom {'is' if away == 1 else 'are'} away already" if away else ""
    then = f"{moved} of their chats moved to others, {len(done) - moved} released"
    if drained[0].finishes is not None:
        held = sum(one.finishes or 0 for one in drained)
        then = f"they finish the {formatting.plural(held, 'chat')} they hold, then they can leave"
    count = formatting.count(len(drained))
    if rehearsal:
        return f"Dry run: {count} operators would get no new chats{were}; {then}. Everything was rolled back."
    return f"Done: {count} operators get no new chats{were}; {then}."


def _keeps(chats: int) -> str:
    if not chats:
        return "they hold no chat and can leave"
    return f"they finish {'the chat' if chats == 1 else f'the {chats} chats'} they hold, then they can leave"


def preview(who: Operator, plans: Sequence[MovePlan], now: datetime | None, *, finish: bool = False) -> list[Table | Text]:
    """What draining an operator means, for the person who is asked."""
    label = moved_chat.person(who.name, who.operator_id, show_names=True)
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
            more = formatting.and_more(len(rows) - moves.SHOWN, "chat")
            body.append(Text([f"{more} of {formatting.count(len(rows))}: --dry-run"]))
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
    if len(drained) > TOLD_MOST:
        told = [_told_together(drained, rehearsal=rehearsal)]
    if left := [one for one in drained if one.left]:
        names = ", ".join(f"{one.label} ({formatting.count(one.left)})" for one in left[:NAMED_MOST])
        again = here("drain", *(str(one.operator_id) for one in left[:NAMED_MOST]))
        told.append([Span(f"Still holding chats: {names}. Again: ", "warning"), Span(again, "code")])
    if not rehearsal:
        undo = Span(here("undo", str(drained[0].plan_id)), "code")
        if len(drained) <= NAMED_MOST:
            told.append([Span("Back: "), Span(here("undrain", *(str(one.operator_id) for one in drained)), "code")])
            if any(one.rows for one in drained):
                told.append([Span("Back with the chats: "), undo])
        else:  # so many ids are no line to type
            told.append([Span("Back, with the chats: "), undo])
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
    drained_data = [
        {"operator_id": one.operator_id, "action_id": one.action_id, "finishes": one.finishes, "still_holds": one.left}
        for one in drained
    ]
    return Answer("drain", body, {**data, "drained": drained_data}, now)


def availability(drained: LastDrain) -> str:
    """What an operator was before the drain, and will be again."""
    return "available" if drained.available_before else "not available"


@frozen
class GivenBack:
    """An operator whose drain is taken back, as they may be shown, and the action that did it."""

    operator_id: UUID
    label: str
    drained: LastDrain
    action: int | None = None
    is_active: bool = True

    @property
    def was(self) -> str:
        """What they were before, and are again."""
        return availability(self.drained)


def given_back(back: Sequence[GivenBack], now: datetime | None, here: Callable[..., str], *, rehearsal: bool) -> Answer:
    """`chatops undrain`."""
    lines: list[Line] = []
    for one in back:
        if rehearsal:
            lines.append(f"Dry run: {one.label} would be {one.was} again, as before the drain. Everything was rolled back.")
        else:
            undo = here("undo", str(one.action))
            lines.append([Span(f"Done, action {one.action}: {one.label} is {one.was} again. Undo: "), Span(undo, "code")])
    if rehearsal:
        lines.append([Span("Do it: "), Span(here("undrain", *(str(one.operator_id) for one in back)), "code")])
    elif any(one.drained.available_before is not True for one in back):
        stays = "They were not available before the drain either"
        lines.append(f"{'Who was not available before the drain stays so' if back[1:] else stays}; that is for them to change.")
    if gone := [one.label for one in back if not one.is_active]:
        be = "is" if len(gone) == 1 else "are"
        lines.append(
            f"{', '.join(gone)} {be} not active, and {'gets' if be == 'is' else 'get'} no chat until an admin changes that."
        )
    rows = [
        {"operator_id": one.operator_id, "action_id": one.action, "is_available": one.drained.available_before,
         "is_active": one.is_active}
        for one in back
    ]  # fmt: skip
    return Answer("undrain", [Text(lines)], {**rows[0], "dry_run": rehearsal, "given_back": rows}, now)
