"""Takes actions back: what they changed becomes what it was, where things are still as they left them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chatops import formatting, sqlfiles
from chatops.chats import audit
from chatops.chats.carry_out import ABSORBED, BATCH, CLASHES, LOOKS, NOT_FOR_US, Conditions, wait_a_moment
from chatops.chats.reassignment import Operator
from chatops.db import Database
from chatops.errors import DatabaseError, UsageError
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.screens.moves import STATES, person

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Action:
    """An action of the log that may be taken back."""

    action_id: int
    at: datetime
    action: str
    outcome: str
    chat_id: UUID | None
    operator_id: UUID | None
    plan_id: UUID | None
    reason: str | None
    state_before: str | None
    state_after: str | None
    operator_before_id: UUID | None
    operator_after_id: UUID | None
    available_before: bool | None
    available_after: bool | None
    of_a_chat: bool | None
    of_an_operator: bool | None
    undone_by: int | None

    @property
    def problem(self) -> str | None:
        """Why it cannot be taken back, whatever has happened since; None when it can."""
        if self.outcome != "done":
            return f"it changed nothing: its outcome was {self.outcome}"
        if self.undone_by is not None:
            return f"it was taken back by action {self.undone_by}"
        if not self.of_a_chat and not self.of_an_operator:
            return f"a {self.action} is not taken back, that would bring the fault back; its log row holds what was before"
        return None


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of one action: done, moved (not as it was left), refused or failed; `by` is the number of the undo."""

    action_id: int
    chat_id: UUID | None
    operator_id: UUID | None
    outcome: str
    detail: str | None = None
    by: int | None = None
    chat_state: str | None = None


def find(database: Database, what: str | UUID) -> list[Action]:
    """The action of that number, or the done ones of that plan, the newest first; inside a transaction. Raises UsageError."""
    number = int(what) if isinstance(what, str) and what.isdigit() and len(what) < 19 else None
    plan = what if isinstance(what, UUID) else None
    if number is None and plan is None:
        shown = formatting.visible(str(what))
        raise UsageError(f"“{shown}” is neither an action's number nor a plan", details=("chatops log lists both",))
    parameters = {"action_id": number, "plan_id": plan, "schema": database.target.schema}
    found = database.rows(Action, sqlfiles.read("queries/undo_find.sql"), parameters)
    if not found:
        missing = f"no action {number}" if number is not None else f"nothing that was done of plan {plan}"
        raise UsageError(f"the log holds {missing}")
    return found


def carry_out(database: Database, actions: Sequence[Action], conditions: Conditions, *, busy: bool) -> Iterator[list[Undone]]:
    """Takes actions back, the newest first, in batches; `busy` allows to give a chat to an operator who holds another.

    Not inside a transaction.
    """
    refused = [Undone(one.action_id, one.chat_id, one.operator_id, "refused", one.problem) for one in actions if one.problem]
    if refused:
        _log(database, refused, conditions)
        yield refused
    operators = [one for one in actions if not one.problem and not one.of_a_chat]
    if operators:
        yield _operators(database, operators, conditions)
    waiting = [one for one in actions if not one.problem and one.of_a_chat]
    for look in range(LOOKS):
        again: list[Action] = []
        for start in range(0, len(waiting), BATCH):
            results, locked = _batch(database, waiting[start : start + BATCH], conditions, busy=busy, last=look == LOOKS - 1)
            again += locked
            if results:
                yield results
        if not again:
            return
        waiting = again
        wait_a_moment()


def _operators(database: Database, actions: Sequence[Action], conditions: Conditions) -> list[Undone]:
    ids = [one.action_id for one in actions]
    with audit.acting(database, conditions.provenance, reason=conditions.reason, rehearsal=conditions.rehearsal):
        rows = database.tuples(sqlfiles.read("queries/undo_operators.sql"), {"actions": ids, "action": "undo"})
        done = {undoes: by for by, undoes, _ in rows}
        results = [
            Undone(one.action_id, None, one.operator_id, "done", by=done[one.action_id]) if one.action_id in done
            else Undone(one.action_id, None, one.operator_id, "moved", "the operator's availability was changed since")
            for one in actions
        ]  # fmt: skip
        _record(database, [one for one in results if one.outcome != "done"], conditions)
    return results


def _batch(
    database: Database, actions: Sequence[Action], conditions: Conditions, *, busy: bool, last: bool
) -> tuple[list[Undone], list[Action]]:
    try:
        with audit.acting(database, conditions.provenance, reason=conditions.reason, rehearsal=conditions.rehearsal):
            return _in_one_transaction(database, actions, conditions, busy=busy, last=last)
    except DatabaseError as error:
        if error.sqlstate in NOT_FOR_US:
            raise
        if len(actions) > 1:
            middle = len(actions) // 2
            first, locked_first = _batch(database, actions[:middle], conditions, busy=busy, last=last)
            second, locked_second = _batch(database, actions[middle:], conditions, busy=busy, last=last)
            return first + second, locked_first + locked_second
        if error.sqlstate in CLASHES and not last:
            return [], list(actions)
        outcome = "moved" if error.sqlstate in CLASHES else "failed"
        detail = f"{formatting.visible(error.message)} ({error.sqlstate})"
        failed = [Undone(one.action_id, one.chat_id, one.operator_id, outcome, detail) for one in actions]
        _log(database, failed, conditions)
        return failed, []


def _in_one_transaction(
    database: Database, actions: Sequence[Action], conditions: Conditions, *, busy: bool, last: bool
) -> tuple[list[Undone], list[Action]]:
    by_id = {one.action_id: one for one in actions}
    mine = [row[0] for row in database.tuples(audit.statement(database, "queries/undo_lock.sql"), {"actions": list(by_id)})]
    barred: dict[int, str] = {}
    if mine:
        rows = database.tuples(sqlfiles.read("queries/undo_check.sql"), {"actions": mine, "forced": busy})
        barred = {row[0]: row[1] for row in rows}
    ready = [one for one in mine if one not in barred]
    results: list[Undone] = []
    if ready:
        taken = database.tuples(audit.statement(database, "queries/undo_take.sql"), {"actions": ready})
        given = {"actions": [row[0] for row in taken], "before": [row[1] for row in taken]}
        for by, undoes, chat_id, chat_state in database.tuples(audit.statement(database, "queries/undo_give.sql"), given):
            results.append(Undone(undoes, chat_id, by_id[undoes].operator_id, "done", None, by, chat_state))
        if len(results) != len(ready):
            raise DatabaseError(ABSORBED, sqlstate="P0001")
    results += [Undone(one, by_id[one].chat_id, by_id[one].operator_id, "moved", why) for one, why in barred.items()]
    left = [one for one in actions if one.action_id not in set(mine)]
    changed, locked = _what_moved(database, left, last=last)
    results += changed
    _record(database, [one for one in results if one.outcome != "done"], conditions)
    return results, locked


def _what_moved(database: Database, actions: Sequence[Action], *, last: bool) -> tuple[list[Undone], list[Action]]:
    from chatops.chats.reassignment import standings

    if not actions:
        return [], []
    now = {chat.chat_id: chat for chat in standings(database, [one.chat_id for one in actions if one.chat_id is not None])}
    moved: list[Undone] = []
    locked: list[Action] = []
    for one in actions:
        chat = now.get(one.chat_id) if one.chat_id is not None else None
        if chat is None:
            why = "the chat was deleted since"
        elif chat.chat_state != one.state_after:
            why = f"the chat is {chat.chat_state or 'without state'} now, it was left {one.state_after or 'without state'}"
        elif chat.operator_id != one.operator_after_id:
            why = "another operator holds the chat now" if chat.operator_id else "nobody holds the chat any more"
        elif last:
            why = "the chat was handled since, or another session is changing it at this moment"
        else:
            locked.append(one)
            continue
        moved.append(Undone(one.action_id, one.chat_id, one.operator_id, "moved", why))
    return moved, locked


def _log(database: Database, results: Sequence[Undone], conditions: Conditions) -> None:
    if not conditions.rehearsal:
        with audit.acting(database, conditions.provenance, reason=conditions.reason):
            _record(database, results, conditions)


def _record(database: Database, results: Sequence[Undone], conditions: Conditions) -> None:
    if results:
        parameters = {
            "actions": [one.action_id for one in results],
            "outcomes": [one.outcome for one in results],
            "details": [one.detail for one in results],
        }
        database.execute(sqlfiles.read("queries/actions_undo_refuse.sql"), parameters)


# ---- screens -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Line:
    action_id: int
    action: str
    at: datetime
    chat_id: UUID | None
    operator_id: UUID | None
    now: str
    then: str
    outcome: str
    detail: str | None
    by: int | None


def _lines(
    actions: Sequence[Action], results: dict[int, Undone], operators: dict[UUID, Operator], *, show_names: bool
) -> list[_Line]:
    def told(state: str | None, operator_id: UUID | None) -> str:
        known = operators.get(operator_id) if operator_id else None
        holder = f", {person(known.name if known else None, operator_id, show_names=show_names)}" if operator_id else ""
        return f"{STATES.get(state or '', state or 'no state')}{holder}"

    def available(flag: bool | None) -> str:
        return "available" if flag else "not available"

    found = []
    for one in actions:
        result = results.get(one.action_id)
        now = told(one.state_after, one.operator_after_id) if one.of_a_chat else available(one.available_after)
        then = told(one.state_before, one.operator_before_id) if one.of_a_chat else available(one.available_before)
        found.append(_Line(one.action_id, one.action, one.at, one.chat_id, one.operator_id, now, then,
                           result.outcome if result else "refused" if one.problem else "planned",
                           result.detail if result else one.problem, result.by if result else None))  # fmt: skip
    return found


COLUMNS = [
    Column("action_id", "action", "number"),
    Column("action", "was"),
    Column("at", "when", "age"),
    Column("chat_id", "chat", "id"),
    Column("now", "now"),
    Column("then", "then"),
    Column("outcome", "result", audience="machines"),
    Column("detail", "why", audience="machines"),
    Column("operator_id", "operator", "id", audience="machines"),
    Column("by", "undo", "number", audience="machines"),
]


def preview(
    actions: Sequence[Action], operators: dict[UUID, Operator], *, show_names: bool, now: datetime | None
) -> list[Table | Text]:
    """What taking these actions back means, for people."""
    body: list[Table | Text] = [Text([formatting.plural(len(actions), "action") + " to take back"])]
    lines = _lines(actions[:SHOWN], {}, operators, show_names=show_names)
    body.append(Table("preview", COLUMNS, lines, audience="people"))
    if len(actions) > SHOWN:
        body.append(Text([f"and {formatting.count(len(actions) - SHOWN)} more"]))
    return body


def outcome(
    actions: Sequence[Action],
    results: dict[int, Undone],
    operators: dict[UUID, Operator],
    *,
    rehearsal: bool,
    asked: bool,
    again: str,
    show_names: bool,
    now: datetime | None,
) -> Answer:
    """`chatops undo`."""
    lines = _lines(actions, results, operators, show_names=show_names)
    done = [one for one in lines if one.outcome == "done"]
    odd = [one for one in lines if one.outcome != "done"]
    body = [] if asked else preview(actions, operators, show_names=show_names, now=now)
    told: list[Line] = []
    if rehearsal:
        count = f"{formatting.count(len(done))} of {formatting.plural(len(lines), 'action')}"
        told.append(f"Dry run: {count} would be taken back. Everything was rolled back.")
    elif len(lines) == 1 and done:
        told.append([Span(f"Done, action {done[0].by}. Undo: "), Span(f"{again} {done[0].by}", "code")])
    else:
        told.append(f"{formatting.count(len(done))} of {formatting.plural(len(lines), 'action')} taken back.")
    body.append(Text(told))
    if odd:
        columns = [column for column in COLUMNS if column.name in ("action_id", "chat_id")]
        columns += [Column("outcome", "result"), Column("detail", "why")]
        body.append(Table("exceptions", columns, odd[:SHOWN], audience="people"))
    body.append(Table("actions", COLUMNS, lines, audience="machines"))
    return Answer("undo", body, {"dry_run": rehearsal}, now)
