"""Runs checks in one read-only snapshot: each in a savepoint, within a time budget, and never taking silence for health."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chatops import cluster_log, db, sqlfiles
from chatops.checks import also_forgotten, asking, catalog, in_the_way, when_changed
from chatops.checks import quick as quick_looks
from chatops.checks import window as windows
from chatops.checks.inventory import Inventory, take_inventory, take_thresholds
from chatops.checks.load import Check
from chatops.checks.obstacles import Obstacles, unknown
from chatops.checks.others import Others
from chatops.checks.results import MOST_HELPED, Result, Survey
from chatops.checks.thresholds import Threshold, known
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError, LockTimeoutError, StatementTimeoutError
from chatops.model import Severity, Values

WHOLE_BUDGET_SECONDS = 14.0
GRACE_SECONDS = 0.8
"""After its budget a run that still hangs, in a pooler or in the network, is given up."""
FIRST_LOCK_MS, NEXT_LOCK_MS = 1000, 20
LEAST_MS = 50
_JUDGED = ("advice", "critical", "passes_as")
"""Columns that tell how bad a row is, and are not shown with it."""
# A pass over all chats fits in memory, and compiling a plan that runs once costs more than it saves.
PLANNER = "set local work_mem = '96MB'; set local jit = off; set local cursor_tuple_fraction = 1"

# A check of somebody's own never has a superuser's powers; and rows that policies hide from it are an error, not none.
OWN_CHECK = """do $own$ begin
  if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
    set local role pg_read_all_data;
    set local row_security = off;
  end if;
end $own$"""

UNVALIDATED = "DB005"
LEAVE = "rollback to savepoint chatops_check; release savepoint chatops_check"


@dataclass(slots=True)
class _Budget:
    """How long checks may still take, and how patient they are with locks."""

    ends: float
    each: float
    lock_ms: int = FIRST_LOCK_MS

    def left(self) -> float:
        return self.ends - time.monotonic()


@dataclass(slots=True)
class _Run:
    database: Database
    inventory: Inventory
    parameters: dict[str, Any]
    rows: int
    about: str | None
    beside: tuple[UUID, ...]
    budget: _Budget
    obstacles: Obstacles
    lost: str | None = None
    together: dict[str, Result] = field(default_factory=dict)
    apart: set[str] = field(default_factory=set)
    slow: bool = False
    """The error before was that it took too long."""
    results: list[Result] = field(default_factory=list)


def run(
    database: Database,
    checks: Sequence[Check],
    *,
    since: str | None = None,
    given: Mapping[str, float] | None = None,
    rows: int = 3,
    about: str | None = None,
    beside: Sequence[UUID] = (),
    whole_seconds: float = WHOLE_BUDGET_SECONDS,
    each_seconds: float | None = None,
    progress: Callable[[Check, int, int], None] | None = None,
    quick: bool = False,
    patient: bool = False,
) -> Survey:
    """Runs the checks inside the caller's `reading` transaction and returns every result, by code as given.

    `since` is an interval for checks of history (None: 24 hours; "all"); `rows` how many offending rows to keep; `about` keeps
    only rows that mention this id, a chat's where there are chats `beside`, whose rows tell what is wrong with it: of all others
    what need not be read is not; `progress(check, position, of)` is told before each; `quick`: those that find nothing are told
    apart in one request, and only the others asked one by one; `patient`: nobody waits for the answer, and while others work it
    rests, which is not taken from its time. Raises UsageError for a bad interval or threshold. A lost
    connection makes the rest unknown, and leaves the transaction broken. What is asked beside the checks, and in this
    transaction afterwards, ends with the budget, too.
    """
    assert database.facts is not None
    started = time.monotonic()
    _until(database, whole_seconds)
    inventory = take_inventory(database)
    found = take_thresholds(database, inventory, given or {}, known(checks))
    asked, by_migration = since, since == windows.SINCE_MIGRATION
    if by_migration:
        since = windows.since_migration(inventory.migrated_at, database.facts.now)
        by_migration = since is not None
    touched = "all" if inventory.small and asked in (None, windows.SINCE_MIGRATION) else since
    database.script(PLANNER)
    budget = _Budget(started + whole_seconds, each_seconds or max(5.0, whole_seconds / 2.5))
    state = _Run(database, inventory, _parameters(inventory, found, since, touched), rows, about, tuple(beside), budget,
                 Obstacles(database, inventory))  # fmt: skip
    others = Others(database, whole_seconds, patient=patient)
    left = _possible(state, checks)
    left = _rest(state, left, others) if quick and about is None else left
    if beside:  # of a chat nothing is said by what names none
        state.results += [Result(check, "passed", check.severity) for check in left if not check.names_chats]
        left = [check for check in left if check.names_chats]
    for position, check in enumerate(sorted(left, key=_weight)):
        if progress is not None:
            progress(check, position, len(left))
        if state.lost is None:
            others.give_way()
        began = time.monotonic()
        state.results.append(_shared(state, check, left) or _one(state, check))
        if state.lost is None:
            budget.ends += others.rest(time.monotonic() - began)
    order = {check.code: position for position, check in enumerate(checks)}
    state.results.sort(key=lambda result: order[result.check.code])
    if state.lost is None:
        with contextlib.suppress(ConnectionLostError):
            _until(database, budget.left(), budget.lock_ms)
    return Survey(
        tuple(state.results), found, database.facts, inventory, since or windows.DEFAULT_SINCE, time.monotonic() - started,
        touched or windows.DEFAULT_SINCE, by_migration=by_migration,
    )  # fmt: skip


def _possible(state: _Run, checks: Sequence[Check]) -> Sequence[Check]:
    """Those that have anything to look at; the others have passed."""
    started = time.monotonic()
    asked = [one for one in checks if one.only_if and _before(state, one) is None]
    passed = quick_looks.nothing_to_find(state.database, asked, state.parameters)
    each = (time.monotonic() - started) / max(1, len(passed))
    state.results += [Result(check, "passed", check.severity, seconds=each) for check in checks if check.code in passed]
    return [check for check in checks if check.code not in passed]


def _rest(state: _Run, checks: Sequence[Check], others: Others) -> Sequence[Check]:
    """Those that are not told to have passed by one request for all of them."""
    others.give_way()
    started = time.monotonic()
    asked = [check for check in checks if _before(state, check) is None and state.obstacles.unseen(check) is None]
    parameters = {**state.parameters, "rows": state.rows, "about": None}
    passed = quick_looks.passed(state.database, asked, parameters, before_018=state.inventory.before_018)
    each = (time.monotonic() - started) / max(1, len(passed))
    state.results += [Result(check, "passed", check.severity, seconds=each) for check in asked if check.code in passed]
    return [check for check in checks if check.code not in passed]


def _weight(check: Check) -> int:
    """What comes first of a run that may not reach its end: what is so now, then what messages say, then what has been."""
    return 2 if check.kind != "state" else 1 if "messages" in check.reads else 0


def _until(database: Database, seconds: float, lock_ms: int = FIRST_LOCK_MS) -> None:
    database.script(_limits(seconds, lock_ms))


def _limits(seconds: float, lock_ms: int) -> str:
    return f"set local statement_timeout = {max(LEAST_MS, int(seconds * 1000))}; set local lock_timeout = {lock_ms}"


def parameters(survey: Survey) -> dict[str, Any]:
    """What the checks of a survey were asked with, for those who ask one of them again."""
    return _parameters(survey.inventory, survey.thresholds, survey.since, survey.touched)


def _parameters(inventory: Inventory, found: Mapping[str, Threshold], since: str | None, touched: str | None) -> dict[str, Any]:
    return {
        "since": windows.window(since),
        "touched_since": windows.window(touched),
        "applied": list(inventory.applied) if inventory.applied is not None else None,
        "before_018": inventory.before_018,
        "views_applied": inventory.views_applied,
        "expected": inventory.expected,
        "expected_by_name": catalog.names_text(inventory.expected),
        "expected_labels": catalog.labels_text(inventory.expected),
        "known": sorted(catalog.known_names()),
        "guarded_at": inventory.guarded_at,
        "other_texts": catalog.other_texts(inventory.known),
        "about_chats": [],
        "shipped": sqlfiles.names("migrations"),
        **{name: threshold.text for name, threshold in found.items()},
    }


def _shared(state: _Run, check: Check, checks: Sequence[Check]) -> Result | None:
    """The result of a check that was asked together with those that begin alike; None when it is the only one."""
    if check.code in state.together:
        return state.together.pop(check.code)
    if not check.shares:
        return None
    group = [other for other in checks if other.shares[:1] == check.shares[:1] and other.code not in state.together]
    group = [other for other in group if _by_own_rows(state, other) == _by_own_rows(state, check)]
    group = [
        other
        for other in group
        if other.shares and other.shipped and other.code not in state.apart and _before(state, other) is None
    ]
    asking_for = {one.code for one in group}
    if check.code not in asking_for or len(group) < 2 or any(result.check.code in asking_for for result in state.results):
        return None
    asked = _ask(state, check, asking.together(group, **_how(state, check)), group)
    if isinstance(asked, Result):
        if state.lost is None and not state.slow:
            # One of them cannot be asked here, or now: the others shall not suffer from it.
            state.apart |= asking_for
            return None
        state.together |= {
            one.code: Result(
                one, "unknown", one.severity, reason=asked.reason, remedy=asked.remedy, command=asked.command, locked=asked.locked
            )
            for one in group
        }
    else:
        rows, seconds = asked
        for one in group:
            own = [{asking.COUNT: row["found"], **asking.typed(row["data"])} for row in rows if row["code"] == one.code]
            state.together[one.code] = _judged(one, own, state, seconds / len(group))
    return state.together.pop(check.code)


def _one(state: _Run, check: Check) -> Result:
    if (refused := _before(state, check)) is not None:
        return refused
    asked = _ask(state, check, asking.alone(check, **_how(state, check)), [check])
    return asked if isinstance(asked, Result) else _judged(check, asked[0], state, asked[1])


def _before(state: _Run, check: Check) -> Result | None:
    if check.broken is not None:
        return unknown(check, check.broken)
    if state.lost is not None:
        return unknown(check, f"the connection was lost before it ran: {state.lost}")
    if (refused := state.obstacles.before(check)) is not None:
        return refused
    if state.budget.left() < 0.05:
        return unknown(check, "the time for all checks was used up before it ran; give more with --timeout SECONDS")
    return None


def _ask(state: _Run, check: Check, text: str, group: Sequence[Check]) -> Result | tuple[list[dict[str, Any]], float]:
    """The rows of a query for a group of checks, in a savepoint, and how long it took; what it could not do as a result."""
    started = time.monotonic()
    allowed = min(state.budget.each * min(2, len(group)), state.budget.left())
    try:
        settings = _limits(allowed, state.budget.lock_ms) + (f"; set local enable_{check.avoids} = off" if check.avoids else "")
        most = max(state.rows, MOST_HELPED) if any(one.helps_by_row for one in group) else state.rows
        rows = _in_savepoint(state, check, text, settings, most)
    except ConnectionLostError as error:
        state.lost = error.message
        return unknown(check, error.message, seconds=time.monotonic() - started)
    except DatabaseError as error:
        state.slow = isinstance(error, StatementTimeoutError)
        waited_ms = state.budget.lock_ms
        if isinstance(error, LockTimeoutError):
            state.budget.lock_ms = NEXT_LOCK_MS
        seconds = time.monotonic() - started
        return state.obstacles.after(check, error, seconds=seconds, allowed=allowed, waited_ms=waited_ms)
    return rows, time.monotonic() - started


def _in_savepoint(state: _Run, check: Check, text: str, limits: str, most: int) -> list[dict[str, Any]]:
    """The rows of a query; what it has set for its session (a path, a role) ends with it. Ours takes one round trip."""
    database = state.database
    parameters: Mapping[str, Any] = {**state.parameters, "rows": most, "about": state.about, "some_chats": list(state.beside)}
    if state.beside:
        parameters = {**parameters, "about_chats": [state.about]}
    begin = f"savepoint chatops_check; {limits}"
    # A cluster takes a request of many statements for one.
    sent = db.inlined(text, parameters) if check.shipped and database.facts is not None and database.facts.citus is None else ""
    at_once = sent != "" and sent.isascii()  # what a database cannot hold would be refused before the savepoint
    if not at_once:
        database.script(begin)
    try:
        if at_once:
            return database.mappings_before(sent, LEAVE, first=f"{begin};\n")
        if check.shipped:
            text, parameters = cluster_log.settings_as_value(database, text, parameters)
            return database.mappings_before(db.inlined(text, parameters), LEAVE)
        database.script(OWN_CHECK)
        rows = database.untrusted_mappings(text, parameters)
        database.script(LEAVE)
    except DatabaseError:
        database.script(LEAVE)
        raise
    return rows


def _judged(check: Check, rows: Sequence[Values], state: _Run, seconds: float) -> Result:
    if not rows:
        return state.obstacles.unseen(check) or Result(check, "passed", check.severity, seconds=seconds)
    if rows[0].get("passes_as"):
        return Result(check, "passed", check.severity, reason=str(rows[0]["passes_as"]), seconds=seconds)
    count = int(rows[0][asking.COUNT])
    kept = tuple({key: value for key, value in row.items() if key != asking.COUNT} for row in rows)
    if "structure" in check.shares and "mend" in rows[0] and state.database.facts is not None:
        major = state.database.facts.version_number // 10000
        kept = tuple(_that_works(catalog.with_help(row, state.inventory.known, major), state, major) for row in kept)
    elif check.help_command == "{mend}" and state.database.facts is not None:
        major = state.database.facts.version_number // 10000
        kept = tuple(
            row
            if row.get("mend") or row.get("remedy") or "object" not in row
            else {**row, **catalog.mended(row["object"], state.inventory.known, major, row.get("dropping"))}
            for row in kept
        )
    if check.code == UNVALIDATED:
        kept = tuple({**row, **in_the_way.unvalidated(state.database, row)} for row in kept)
    if check.code in also_forgotten.TAKES_AWAY:
        kept = tuple(also_forgotten.completed(state.database, row) for row in kept)
    if check.code in when_changed.ABOUT_OBJECTS:
        shown = tuple(when_changed.completed(state.database, row) for row in kept[: state.rows])
        kept = (*shown, *kept[state.rows :])
    severity = Severity.ADVICE if rows[0].get("advice") is True else check.severity
    if any(row.get("critical") is True for row in kept):
        severity = Severity.CRITICAL
    kept = tuple({key: value for key, value in row.items() if key not in _JUDGED} for row in kept)
    helped = kept if check.helps_by_row else ()
    return Result(check, "failed", severity, count, kept[: state.rows], seconds=seconds, helped=helped)


def _that_works(row: Values, state: _Run, major: int) -> dict[str, Any]:
    """A row about an object that is missing, with what stands in the way of putting it back, and what mends that first."""
    if row.get("migration") == catalog.BOOKKEEPING and row["kind"] in ("file", "schema", "table") and row.get("found_as") is None:
        return {**row, **in_the_way.bookkeeping_elsewhere(state.database, row, catalog.columns_of(str(row["object"])))}
    if row.get("found_as") is not None or not row.get("remedy"):
        return dict(row)
    wanted = catalog.texts_of(f"{row['kind']} {row['object']}", state.inventory.known, major)
    found = in_the_way.look(state.database, row, wanted, catalog.columns_of(str(row["object"])))
    repairs = [one for one in str(row.get("aims") or "").split() if one in sqlfiles.names("repairs")]
    if found and "mend" not in found and repairs and found.get("remedy") is None:
        found["mend"] = f"repair {repairs[0]} --dry-run"
    return {**row, **found}


def _by_own_rows(state: _Run, check: Check) -> bool:
    """Whether a check that is asked about one chat is asked of the rows that tell it alone."""
    if not state.beside or not check.told_by_own_rows:
        return False
    return not _on_cluster(state) or asking.PLACE.search(check.query(before_018=state.inventory.before_018)) is None


def _on_cluster(state: _Run) -> bool:
    return state.database.facts is not None and state.database.facts.citus is not None


def _how(state: _Run, check: Check) -> dict[str, Any]:
    lead = f"{asking.of_some(place=not _on_cluster(state))},\n" if _by_own_rows(state, check) else ""
    return {"before_018": state.inventory.before_018, "about": state.about is not None, "lead": lead}
