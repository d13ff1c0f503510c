"""Takes actions back: what they changed becomes what it was, where things are still as they left them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from uuid import UUID

from chatops import formatting, lock_holders, sqlfiles
from chatops.chats import audit, batches
from chatops.chats.carry_out import Conditions
from chatops.chats.log import Act, Entry
from chatops.chats.reassignment import standings
from chatops.db import Database
from chatops.errors import DatabaseError, UsageError
from chatops.frozen import frozen
from chatops.tables_there import require_rows

Done = tuple[list["Undone"], list["Action"]]


@frozen
class Action(Entry):
    """An action of the log that may be undone."""

    available_before: bool | None
    available_after: bool | None
    of_a_chat: bool | None
    of_an_operator: bool | None
    undone_by: int | None
    fills: bool

    @property
    def problem(self) -> str | None:
        """Why it cannot be undone, whatever has happened since; None when it can."""
        if self.outcome != "done":
            return f"it changed nothing: its outcome was {self.outcome}"
        if self.undone_by is not None:
            return f"it was undone by action {self.undone_by}"
        if self.fills:
            return FILLED
        if not self.of_a_chat and not self.of_an_operator:
            return NO_WAY_BACK.get(self.action.partition(" ")[0], f"no command undoes what {self.action} did")
        return None


NO_WAY_BACK = {
    "repair": "a repair taken back would bring the fault back; the log keeps what was before",
    "guard": "chatops guard switches back",
    "pause": "chatops resume ends a pause",
    "resume": "chatops pause begins another",
    "again": "chatops migrate --again makes what the files say; what was there before stands in the log",
    "back": "chatops migrate applies the file again",
    "psql": "which rows were changed in psql is in no log, only what it was given on its command line",
}
"""What cannot be undone, and why not."""
FILLED = "it filled in a column that was new, by which chats are assigned; it goes with the column, by chatops remove"


@frozen
class Undone(batches.Ended):
    """What became of one action, which `undoes` names; `action_id` is the number of the undo itself."""

    undoes: int = field(kw_only=True)


@frozen
class Last(Act):
    """The newest action that can be undone, who did it, and how many of its plan can be."""

    who: str
    of_plan: int


def last(database: Database) -> Last | None:
    """The newest action that is done, not undone, and that something takes back; inside a transaction."""
    found = database.rows(Last, sqlfiles.read("queries/undo_last.sql"), {"schema": database.target.schema})
    return found[0] if found else None


def find(database: Database, what: str | UUID) -> list[Action]:
    """The action of that number, or the done ones of that plan, the newest first; inside a transaction. Raises UsageError."""
    number = int(what) if isinstance(what, str) and what.isdigit() and len(what) < 19 else None
    plan = what if isinstance(what, UUID) else None
    if number is None and plan is None:
        shown = formatting.visible(str(what))
        raise UsageError(f"“{shown}” is neither an action's number nor a plan")
    # What an action is taken back by finds no row that is hidden, and would say that it was changed since.
    require_rows(database, "chats chat_assignments operator_activity operators")
    parameters = {"action_id": number, "plan_id": plan, "schema": database.target.schema}
    found = database.rows(Action, sqlfiles.query("queries/undo_find.sql"), parameters)
    if not found:
        missing = f"no action {number}" if number is not None else f"nothing that was done of plan {plan}"
        raise UsageError(f"the log holds {missing}")
    return found


def carry_out(database: Database, actions: Sequence[Action], conditions: Conditions, *, busy: bool) -> Iterator[list[Undone]]:
    """Takes actions back, the newest first, in batches; `busy` allows to give a chat to an operator who holds another.

    Not inside a transaction.
    """
    refused = [Undone("refused", one.problem, undoes=one.action_id) for one in actions if one.problem]
    if refused:
        _log(database, refused, conditions)
        yield refused
    operators = [one for one in actions if not one.problem and not one.of_a_chat]
    if operators:
        yield _operators(database, operators, conditions)

    def one_look(waiting: Sequence[Action], last: bool) -> Iterable[Done]:
        for start in range(0, len(waiting), batches.SIZE):
            yield _batch(database, waiting[start : start + batches.SIZE], conditions, busy=busy, last=last)

    yield from batches.looks([one for one in actions if not one.problem and one.of_a_chat], one_look)


def _operators(database: Database, actions: Sequence[Action], conditions: Conditions) -> list[Undone]:
    ids = [one.action_id for one in actions]
    with audit.acting(database, conditions.provenance, reason=conditions.reason, rehearsal=conditions.rehearsal):
        rows = audit.carry_out(database, "queries/undo_operators.sql", {"actions": ids, "action": "undo"})
        done = {undoes: by for by, undoes, _ in rows}
        results = [
            Undone("done", action_id=done[one.action_id], undoes=one.action_id) if one.action_id in done
            else Undone("moved", "the operator's availability was changed since", undoes=one.action_id)
            for one in actions
        ]  # fmt: skip
        _record(database, [one for one in results if one.outcome != "done"], conditions)
    return results


def _batch(database: Database, actions: Sequence[Action], conditions: Conditions, *, busy: bool, last: bool) -> Done:
    def work(some: Sequence[Action]) -> Done:
        with audit.acting(database, conditions.provenance, reason=conditions.reason, rehearsal=conditions.rehearsal):
            return _in_one_transaction(database, some, conditions, busy=busy, last=last)

    def failed(one: Action, outcome: str, error: DatabaseError) -> Undone:
        result = Undone(outcome, lock_holders.detail(database, error), undoes=one.action_id)
        _log(database, [result], conditions)
        return result

    return batches.halved(work, actions, failed, last=last)


def _in_one_transaction(database: Database, actions: Sequence[Action], conditions: Conditions, *, busy: bool, last: bool) -> Done:
    ids = [one.action_id for one in actions]
    mine = [row[0] for row in audit.carry_out(database, "queries/undo_lock.sql", {"actions": ids})]
    barred: dict[int, str] = {}
    if mine:
        rows = audit.carry_out(database, "queries/undo_check.sql", {"actions": mine, "forced": busy})
        barred = {row[0]: row[1] for row in rows}
    ready = [one for one in mine if one not in barred]
    results: list[Undone] = []
    if ready:
        taken = audit.carry_out(database, "queries/undo_take.sql", {"actions": ready})
        given = {"actions": [row[0] for row in taken], "before": audit.texts(row[1] for row in taken)}
        given_back = audit.carry_out(database, "queries/undo_give.sql", given)
        results += [Undone("done", action_id=by, undoes=undoes) for by, undoes, _, _ in given_back]
        if len(results) != len(ready):
            raise DatabaseError(batches.ABSORBED, sqlstate="P0001")
    results += [Undone("moved", why, undoes=one) for one, why in barred.items()]
    left = [one for one in actions if one.action_id not in set(mine)]
    changed, locked = _what_moved(database, left, last=last)
    results += changed
    _record(database, [one for one in results if one.outcome != "done"], conditions)
    return results, locked


def _what_moved(database: Database, actions: Sequence[Action], *, last: bool) -> Done:
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
        moved.append(Undone("moved", why, undoes=one.action_id))
    return moved, locked


def _log(database: Database, results: Sequence[Undone], conditions: Conditions) -> None:
    if not conditions.rehearsal:
        with audit.acting(database, conditions.provenance, reason=conditions.reason):
            _record(database, results, conditions)


def _record(database: Database, results: Sequence[Undone], conditions: Conditions) -> None:
    if results:
        parameters = {
            "actions": [one.undoes for one in results],
            "outcomes": [one.outcome for one in results],
            "details": [one.detail for one in results],
        }
        database.execute(sqlfiles.read("queries/actions_undo_refuse.sql"), parameters)
