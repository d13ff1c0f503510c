"""Tries the fix of each finding in a transaction that is rolled back, and asks the checks of those chats again inside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID

from chatops import formatting, sqlfiles
from chatops.checks import asking, repair_batches, run
from chatops.checks.load import Check
from chatops.checks.repair_batches import Change, Repair
from chatops.checks.results import Result, Survey
from chatops.checks.window import window
from chatops.db import Database
from chatops.errors import ChatopsError, ConnectionLostError, DatabaseError, LockTimeoutError, StatementTimeoutError
from chatops.frozen import frozen

HOLD_MS = 500
"""Longest that a fix may hold its locks on trial; whoever works waits no longer."""
LOOKS = 0.6
"""So much of that may be over when another check is asked."""
LOCK_MS = 50
FIND_TIMEOUT = "10s"
MOST_ROWS = 200
"""Rows that a trial mends: enough to see what the fix does, few enough to be looked at again while they are locked."""

BUSY = "every row is busy with somebody else: nothing to try"
REFUSALS = frozenset({"42501", "25006"})


Seen = TypeVar("Seen")


@frozen
class Effect:
    """How many rows a check counts without and with the fix."""

    code: str
    before: int
    after: int


@frozen
class Rehearsed:
    """What the fix of one finding did before it was rolled back; `reason` says why it could not be tried.

    `tried` is how many offending rows it mended, `own` the finding itself, `others` further findings that it changes. `put` are
    operators who hold a chat only with the fix, `freed` those who hold none with it; `queued` chats that it puts into the queue.
    `unasked`: checks for which there was no time while the locks were held.
    `refused`: this role or server may not write at all.
    """

    code: str
    tried: int = 0
    own: Effect | None = None
    others: tuple[Effect, ...] = ()
    put: int = 0
    freed: int = 0
    queued: int = 0
    unasked: int = 0
    held_ms: float = 0.0
    reason: str | None = None
    refused: bool = False

    @property
    def in_words(self) -> str:
        """One line: what it resolves, what it brings about, what is left.

        >>> Rehearsed("CHAT003", 7, Effect("CHAT003", 7, 2), (Effect("CHAT004", 3, 0),), put=1, held_ms=41).in_words
        'mends CHAT003 (7 → 2) and resolves CHAT004 (3 → 0); puts 1 operator at 1 of 1; leaves 2; rolled back after 41 ms'
        """
        if self.own is None:
            return self.reason or "nothing to try"
        better = [one for one in (self.own, *self.others) if one.after < one.before]
        parts = []
        resolved = [one for one in better if one.after == 0]
        mended = [one for one in better if one.after > 0]
        told = [(verb, _list(ones)) for verb, ones in (("resolves", resolved), ("mends", mended)) if ones]
        if mended and mended[0] is self.own:
            told.reverse()
        parts.append(" and ".join(f"{verb} {names}" for verb, names in told) or f"changes nothing in {self.code}")
        if worse := [one for one in (self.own, *self.others) if one.after > one.before]:
            parts.append(f"but makes {_list(worse)}")
        if self.put:
            parts.append(f"puts {formatting.plural(self.put, 'operator')} at 1 of 1")
        if self.freed:
            parts.append(f"frees {formatting.plural(self.freed, 'operator')}")
        if self.queued:
            parts.append(f"{formatting.plural(self.queued, 'chat')} {'goes' if self.queued == 1 else 'go'} to the queue")
        if self.own.after:
            parts.append(f"leaves {formatting.count(self.own.after)}")
        if self.unasked:
            parts.append(f"{formatting.plural(self.unasked, 'other check')} not asked")
        parts.append(f"rolled back after {self.held_ms:.0f} ms")
        return "; ".join(parts)

    @property
    def data(self) -> dict[str, Any]:
        """The same for programs."""
        effects = {one.code: {"before": one.before, "after": one.after} for one in (self.own, *self.others) if one is not None}
        return {"tried": self.tried, "effects": effects, "operators_put": self.put, "operators_freed": self.freed,
                "chats_queued": self.queued, "checks_not_asked": self.unasked,
                "held_ms": round(self.held_ms, 1), "reason": self.reason}  # fmt: skip


@frozen
class _Touched:
    """Which chats a fix changes, and whose they are or become."""

    chats: tuple[UUID, ...]
    operators: tuple[UUID, ...]
    queued: int
    mended: int


@dataclass(slots=True)
class _Trial:
    """One transaction that is rolled back: when it began, and what it may still take."""

    database: Database
    started: float = field(default_factory=time.monotonic)

    def patience(self) -> None:
        """Gives the next statement what is left. Raises StatementTimeoutError when nothing is."""
        left = HOLD_MS - self.elapsed_ms
        if left < 5:
            raise StatementTimeoutError("the time for holding locks is over")
        self.database.script(f"set local statement_timeout = {int(left)}")

    @property
    def elapsed_ms(self) -> float:
        return (time.monotonic() - self.started) * 1000


def mendable(survey: Survey) -> list[str]:
    """The codes of the findings that have a fix to rehearse, in the order in which they are mended."""
    there = set(repair_batches.shipped())
    return repair_batches.in_order(r.check.code for r in survey.results if r.status == "failed" and r.check.code in there)


def rehearse(database: Database, survey: Survey, annotations: Mapping[str, str | None]) -> dict[str, Rehearsed]:
    """Tries the fix of each finding by itself and rolls it back; by code.

    `database` is a connection for acting with no transaction open. What cannot be tried is told by its reason; once the role or
    the server has refused to write, the rest is not tried.
    """
    found: dict[str, Rehearsed] = {}
    stopped: Rehearsed | None = None
    for code in mendable(survey):
        if stopped is not None:
            found[code] = replace(stopped, code=code)
            continue
        found[code] = one = _rehearse(database, code, survey, annotations)
        if one.refused or database.closed:
            stopped = one
    return found


def _rehearse(database: Database, code: str, survey: Survey, annotations: Mapping[str, str | None]) -> Rehearsed:
    own = next(result for result in survey.results if result.check.code == code)
    if "setval" in repair_batches.text_of(code).mend:
        return Rehearsed(code, reason="cannot be rehearsed: a sequence keeps what it is set to, rolled back or not")
    try:
        repair = Repair(None, False, annotations, survey.thresholds, window(survey.touched))
        found = list(repair_batches.find(database, code, repair, most=MOST_ROWS, timeout=FIND_TIMEOUT).found)
        if not found:
            return Rehearsed(code, reason="nothing is found any more")
        touched, first_ms = _try(database, code, found, annotations, _touched)
        if not touched.mended:
            return Rehearsed(code, reason=BUSY)
        checks = _checks(own, survey, narrowed=bool(touched.chats))
        with database.acting(statement_timeout=f"{HOLD_MS * 4}ms", rollback=True):
            chats = _with_neighbours(database, touched)
            before = _counts(database, checks, survey, chats)
            held_before = _held(database, touched.operators)

        def look(trial: _Trial) -> tuple[dict[str, int], dict[UUID, int]]:
            trial.patience()
            after = _counts(database, checks, survey, chats, trial)
            trial.patience()
            return after, _held(database, touched.operators)

        (again, after, held_after), second_ms = _try(
            database, code, found, annotations, lambda trial, mended: (mended, *look(trial))
        )
        if again < touched.mended:
            return Rehearsed(code, reason=BUSY if not again else "some rows became busy meanwhile: try again")
    except ConnectionLostError as error:
        return Rehearsed(code, reason=f"cannot be rehearsed: {error.message}")
    except (StatementTimeoutError, LockTimeoutError):
        return Rehearsed(code, reason=f"cannot be rehearsed within {HOLD_MS} ms")
    except DatabaseError as error:
        why = formatting.visible(error.message)
        return Rehearsed(code, reason=f"cannot be rehearsed: {why}", refused=error.sqlstate in REFUSALS)
    except ChatopsError as error:
        return Rehearsed(code, reason=f"cannot be rehearsed: {error.message}", refused=True)
    totals = {result.check.code: result.count for result in survey.results}
    effects = [Effect(one, totals[one], max(0, totals[one] - before[one] + after[one])) for one in after]
    return Rehearsed(
        code,
        tried=touched.mended,
        own=next(effect for effect in effects if effect.code == code),
        others=tuple(effect for effect in effects if effect.code != code and effect.before != effect.after),
        put=sum(held_after.get(one, 0) > 0 and not held_before.get(one) for one in touched.operators),
        freed=sum(held_before.get(one, 0) > 0 and not held_after.get(one) for one in touched.operators),
        queued=touched.queued,
        unasked=len(before) - len(after),
        held_ms=max(first_ms, second_ms),
    )


def _try(
    database: Database,
    code: str,
    found: Sequence[str],
    annotations: Mapping[str, str | None],
    look: Callable[[_Trial, int], Seen],
) -> tuple[Seen, float]:
    """Runs the fix on these rows, looks, and rolls back; what the look saw, and for how many ms locks were held."""
    # A client that stalls must not keep locks either.
    guard = f"set local idle_in_transaction_session_timeout = {HOLD_MS}; {run.PLANNER}"
    with database.acting(statement_timeout=f"{HOLD_MS}ms", lock_timeout=f"{LOCK_MS}ms", rollback=True):
        database.script(guard)
        if not _logs(database):
            database.execute(sqlfiles.read("queries/repair_standin.sql"))
        database.annotate({**annotations, "chatops.write": "function"})
        trial = _Trial(database)
        if _logs(database):
            mended = repair_batches.mended_in_cluster(database, code, found)
        else:
            mended = int(database.value(repair_batches.mending(code, found, audit=False))["mended"])
        trial.patience()
        seen = look(trial, mended)
    return seen, trial.elapsed_ms


def _logs(database: Database) -> bool:
    """Whether a trial writes into the log, which the rollback empties again: on a tenant of a Citus cluster change and log are
    two statements, and a table of the session is no place for either."""
    return database.facts is not None and database.facts.distributed


def _touched(trial: _Trial, mended: int) -> _Touched:
    query = sqlfiles.read("queries/repair_changes.sql")
    query = query if _logs(trial.database) else repair_batches.without_audit(query)
    changes = trial.database.rows(Change, query, {"rows": 100_000})
    operators = {change.operator_id for change in changes if change.operator_id}
    for change in changes:
        for row in (change.before, change.after):
            if held := (row or {}).get("assigned_operator_id"):
                operators.add(UUID(str(held)))
    queued = {change.chat_id for change in changes if _queues(change)}
    chats = {change.chat_id for change in changes if change.chat_id}
    return _Touched(tuple(sorted(chats)), tuple(sorted(operators)), len(queued), mended)


def _queues(change: Change) -> bool:
    old, new = (change.before or {}), (change.after or {})
    return new.get("chat_state") == "waiting_assignment" and (
        old.get("chat_state") != "waiting_assignment" or bool(old.get("assigned_operator_id"))
    )


def _checks(own: Result, survey: Survey, *, narrowed: bool) -> list[Check]:
    """The finding's own check, and every other that can be asked about some chats alone and gave an answer before."""
    others = [
        result.check
        for result in survey.results
        if narrowed
        and result.status != "unknown"
        and result.check.shipped
        and result.check.group == "data"
        and "chat_id" in result.check.sql
        and "chats" in result.check.reads
        and not result.check.compares_all
        and result.check.code != own.check.code
    ]
    return [own.check, *others]


def _with_neighbours(database: Database, touched: _Touched) -> list[UUID]:
    """The changed chats and all others of the same operators: checks of an operator need every chat they hold."""
    held = database.tuples(
        "select id from chats where assigned_operator_id = any(:'operators'::uuid[])", {"operators": list(touched.operators)}
    )
    return sorted({*touched.chats, *(row[0] for row in held)})


def _held(database: Database, operators: Sequence[UUID]) -> dict[UUID, int]:
    query = """select assigned_operator_id, count(*) from chats
                where assigned_operator_id = any(:'operators'::uuid[]) and is_active is not false group by 1"""
    return dict(database.tuples(query, {"operators": list(operators)}))


def _counts(
    database: Database, checks: Sequence[Check], survey: Survey, chats: Sequence[UUID], trial: _Trial | None = None
) -> dict[str, int]:
    """How many rows each check finds among these chats, in one query. A cluster takes longer for one than for each by itself:
    there those are asked that the time of a trial is enough for."""
    if _logs(database) and len(checks) > 1:
        counts: dict[str, int] = {}
        for check in checks:
            if trial is not None:
                if counts and trial.elapsed_ms > HOLD_MS * LOOKS:
                    break
                trial.patience()
            counts |= _counts(database, [check], survey, chats)
        return counts
    parts = []
    for check in checks:
        query = check.query(before_018=survey.inventory.before_018)
        whole = not chats or check.compares_all or (_logs(database) and asking.PLACE.search(query) is not None)
        query = query if whole else sqlfiles.in_front(asking.of_some(place=not _logs(database)), query)
        parts.append(f"select '{check.code}', (select count(*) from (\n{query}\n) as found)")
    parameters = {**run.parameters(survey), "some_chats": list(chats)}
    return {code: int(count) for code, count in database.tuples("\nunion all\n".join(parts), parameters)}


def _list(effects: Sequence[Effect]) -> str:
    return ", ".join(f"{one.code} ({formatting.count(one.before)} → {formatting.count(one.after)})" for one in effects)
