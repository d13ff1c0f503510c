"""Carries a plan out in batches: each chat locked without waiting, compared with the plan, changed and logged together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import field
from queue import SimpleQueue
from typing import Any
from uuid import UUID

from chatops import lock_holders, sqlfiles
from chatops.chats import audit, batches
from chatops.chats.reassignment import Move, MovePlan, standings
from chatops.chats.rules import Rule
from chatops.db import Database
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.provenance import Provenance

Done = tuple[list["MoveResult"], list[Move]]
FEW = 20
"""Of so many chats that others have locked it is asked who did."""


@frozen
class MoveResult(batches.Ended):
    """What became of one chat; `chat_state` is the state it is in now, where it was changed."""

    chat_id: UUID = field(kw_only=True)
    chat_state: str | None = None


@frozen
class Conditions:
    """How a plan is carried out: for whom, why, logged or not, only tried (`rehearsal`: rolled back), how fast."""

    provenance: Provenance
    reason: str | None = None
    logged: bool = True
    rehearsal: bool = False
    per_second: float | None = None
    stop_after: int | None = None
    batch: int = batches.SIZE


def carry_out(databases: Sequence[Database], plan: MovePlan, conditions: Conditions) -> Iterator[list[MoveResult]]:
    """Tries every wanted move; the results of one committed transaction after another.

    Not inside a transaction. Several connections work on several batches at once; with a pace or `stop_after` only the first
    does. Stops after `stop_after` chats that moved or failed. A batch that clashes with another session is tried again in
    halves, so that one chat does not hold up the others.
    """
    if conditions.per_second is not None or conditions.stop_after is not None:
        databases = databases[:1]
    pace = _Pace(conditions.per_second)
    size = conditions.batch if conditions.per_second is None else max(1, min(conditions.batch, int(conditions.per_second)))

    def one_look(waiting: Sequence[Move], last: bool) -> Iterable[Done]:
        def work(database: Database, batch: Sequence[Move]) -> Done:
            pace.before(len(batch))
            return _batch(database, plan, batch, conditions, last=last)

        return _worked(databases, [waiting[start : start + size] for start in range(0, len(waiting), size)], work)

    failures = 0
    for results in batches.looks(plan.wanted, one_look):
        failures += sum(1 for result in results if result.outcome in ("moved", "failed"))
        yield results
        if conditions.stop_after is not None and failures >= conditions.stop_after:
            return


def _worked(
    databases: Sequence[Database], parts: Sequence[Sequence[Move]], work: Callable[[Database, Sequence[Move]], Done]
) -> Iterator[Done]:
    """What the work on each batch returned, as it ends; one batch at a time on each connection."""
    if len(databases) == 1 or len(parts) == 1:
        for batch in parts:
            yield work(databases[0], batch)
        return
    idle: SimpleQueue[Database] = SimpleQueue()
    for database in databases:
        idle.put(database)

    def one(batch: Sequence[Move]) -> Done:
        database = idle.get()
        try:
            return work(database, batch)
        finally:
            idle.put(database)

    pool = ThreadPoolExecutor(len(databases))
    running: set[Future[Done]] = set()
    try:
        for batch in parts:
            running.add(pool.submit(one, batch))
            if len(running) > len(databases):
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
        for future in as_completed(running):
            yield future.result()
    except BaseException:
        # What waits is not begun, what runs is ended by the server; a batch that is just being committed stays in.
        pool.shutdown(wait=False, cancel_futures=True)
        for database in databases:
            database.cancel()
        raise
    finally:
        pool.shutdown(wait=True)


def _batch(database: Database, plan: MovePlan, moves: Sequence[Move], conditions: Conditions, *, last: bool) -> Done:
    def work(some: Sequence[Move]) -> Done:
        with audit.acting(database, conditions.provenance, reason=conditions.reason, plan_id=plan.plan_id,
                          rehearsal=conditions.rehearsal):  # fmt: skip
            return _in_one_transaction(database, plan, some, conditions, last=last)

    def failed(move: Move, outcome: str, error: DatabaseError) -> MoveResult:
        result = MoveResult(outcome, lock_holders.detail(database, error), chat_id=move.chat.chat_id)
        if conditions.logged and not conditions.rehearsal:
            with audit.acting(database, conditions.provenance, reason=conditions.reason, plan_id=plan.plan_id):
                _log_failures(database, plan, [move], [result])
        return result

    return batches.halved(work, moves, failed, last=last)


def _in_one_transaction(database: Database, plan: MovePlan, moves: Sequence[Move], conditions: Conditions, *, last: bool) -> Done:
    if not conditions.logged:
        audit.stand_in(database)
    mine = _locked(database, moves)
    ready = list(moves) if len(mine) == len(moves) else [move for move in moves if move.chat.chat_id in mine]
    barred: dict[UUID, str] = {}
    blocked: set[UUID] = set()
    if plan.command == "reassign":
        barred, blocked = _barred(database, plan, ready)
        if barred or blocked:
            ready = [move for move in ready if move.chat.chat_id not in barred and move.chat.chat_id not in blocked]
    change = _reassign if plan.command == "reassign" else _let_go
    results = change(database, plan, ready, conditions) if ready else []
    if len(results) != len(ready):
        raise DatabaseError(batches.ABSORBED, sqlstate="P0001")
    if len(results) == len(moves):
        return results, []
    rest = [move for move in moves if move.chat.chat_id not in mine]
    changed, locked = _what_moved(database, rest)
    locked |= blocked
    if last:
        changed |= {one: _who_locks(database, one, place) for place, one in enumerate(locked)}
        locked = set()
    skipped = [MoveResult("moved", why, chat_id=move.chat.chat_id) for move in moves
               if (why := barred.get(move.chat.chat_id) or changed.get(move.chat.chat_id))]  # fmt: skip
    if conditions.logged and skipped:
        _log_failures(database, plan, moves, skipped)
    return results + skipped, [move for move in moves if move.chat.chat_id in locked]


def _who_locks(database: Database, chat_id: UUID, place: int) -> str:
    """Why a chat is left alone: of the first of many who has locked it, too."""
    told = "another session is changing it at this moment"
    found = lock_holders.of_chat(database, chat_id) if place < FEW else []
    return f"{told}: pid {found[0].pid}, {found[0].who}" if found else told


def _locked(database: Database, moves: Sequence[Move]) -> set[UUID]:
    parameters = {
        "chats": audit.array(move.chat.chat_id for move in moves),
        "states": audit.texts(move.chat.chat_state for move in moves),
        "active": audit.array(move.chat.is_active for move in moves),
        "operators": audit.array(move.chat.operator_id for move in moves),
        "epochs": audit.array(move.chat.epoch for move in moves),
    }
    return {row[0] for row in database.tuples(audit.statement(database, "queries/move_lock_chats.sql"), parameters)}


def _barred(database: Database, plan: MovePlan, moves: Sequence[Move]) -> tuple[dict[UUID, str], set[UUID]]:
    """The chats whose target can no longer take them, with the reason; and those whose target is locked just now."""
    wanted = {move.to for move in moves if move.to is not None}
    if not wanted:
        return {}, set()
    parameters = {"operators": audit.array(wanted), "chats": audit.array(move.chat.chat_id for move in moves)}
    mine = {row[0] for row in database.tuples(sqlfiles.read("queries/move_lock_operators.sql"), parameters)}
    # A second statement: what was committed while the lock was taken must be seen.
    rows = database.tuples(sqlfiles.read("queries/move_check_operators.sql"), parameters)
    now = {row[0]: row for row in rows}
    barred: dict[UUID, str] = {}
    blocked: set[UUID] = set()
    taken: dict[UUID, int] = {}
    for move in moves:
        if move.to is None:
            continue
        if move.to not in now:
            barred[move.chat.chat_id] = "the operator is gone"
            continue
        _, active, available, held = now[move.to]
        allowed = {*plan.forced, *move.breaks}
        held += taken.get(move.to, 0)
        why = (
            "the operator is not active any more" if not active and Rule.INACTIVE not in allowed
            else "the operator is not available any more" if active and not available and Rule.AWAY not in allowed
            else "the operator took another chat meanwhile" if held and Rule.BUSY not in allowed else None
        )  # fmt: skip
        if why is not None:
            barred[move.chat.chat_id] = why
        elif move.to not in mine:
            blocked.add(move.chat.chat_id)
        else:
            taken[move.to] = taken.get(move.to, 0) + 1
    return barred, blocked


def _reassign(database: Database, plan: MovePlan, moves: Sequence[Move], conditions: Conditions) -> list[MoveResult]:
    parameters = {
        "chats": audit.array(move.chat.chat_id for move in moves),
        "operators": audit.array(move.to for move in moves),
        "release_reason": plan.release_reason,
    }
    taken = audit.carry_out(database, "queries/reassign_take.sql", parameters)
    before, after = (audit.texts(row[place] for row in taken) for place in (1, 2))
    chats = audit.array(row[0] for row in taken)
    given = {"chats": chats, "before": before, "after": after}
    return _results(audit.carry_out(database, "queries/reassign_give.sql", given, logged=conditions.logged), conditions)


def _let_go(database: Database, plan: MovePlan, moves: Sequence[Move], conditions: Conditions) -> list[MoveResult]:
    parameters = {
        "command": plan.command,
        "chats": audit.array(move.chat.chat_id for move in moves),
        "ending": audit.array(move.chat.chat_id for move in moves if plan.command != "reopen"),
        "release_reason": plan.release_reason,
        "reassignment_limit": plan.reassignment_limit,
    }
    return _results(audit.carry_out(database, "queries/let_go.sql", parameters, logged=conditions.logged), conditions)


def _results(rows: Sequence[Sequence[Any]], conditions: Conditions) -> list[MoveResult]:
    return [
        MoveResult("done", action_id=action_id if conditions.logged else None, chat_id=chat_id, chat_state=state)
        for action_id, chat_id, state in rows
    ]


def _what_moved(database: Database, moves: Sequence[Move]) -> tuple[dict[UUID, str], set[UUID]]:
    """What is different about chats that could not be locked as planned; and those that are merely locked."""
    if not moves:
        return {}, set()
    now = {chat.chat_id: chat for chat in standings(database, [move.chat.chat_id for move in moves])}
    changed: dict[UUID, str] = {}
    locked: set[UUID] = set()
    for move in moves:
        was, found = move.chat, now.get(move.chat.chat_id)
        if found is None:
            changed[was.chat_id] = "it was deleted meanwhile"
        elif found.chat_state != was.chat_state:
            before, after = was.chat_state or "without state", found.chat_state or "without state"
            changed[was.chat_id] = f"it is {after} now, no longer {before}"
        elif found.operator_id != was.operator_id:
            changed[was.chat_id] = "another operator holds it now" if found.operator_id else "nobody holds it any more"
        elif (found.epoch, found.is_active) != (was.epoch, was.is_active):
            changed[was.chat_id] = "it was handled meanwhile"
        else:
            locked.add(was.chat_id)
    return changed, locked


def _log_failures(database: Database, plan: MovePlan, moves: Sequence[Move], failures: Sequence[MoveResult]) -> None:
    targets = {move.chat.chat_id: move.to or move.chat.operator_id for move in moves}
    attempts = [(one.chat_id, targets[one.chat_id], one.outcome, one.detail) for one in failures]
    audit.record_failures(database, plan.command, attempts)


class _Pace:
    """At most so many a second, evenly."""

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._free_at = time.monotonic()

    def before(self, count: int) -> None:
        """Waits until so many more may be done."""
        if self._per_second is None:
            return
        threading.Event().wait(max(0.0, self._free_at - time.monotonic()))
        self._free_at = max(self._free_at, time.monotonic()) + count / self._per_second
