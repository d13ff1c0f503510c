"""Runs checks in one read-only snapshot: each in a savepoint, within a time budget, and never taking silence for health."""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from chatops import formatting, sqlfiles
from chatops.checks import function_bodies
from chatops.checks import thresholds as limits
from chatops.checks.load import Check
from chatops.checks.thresholds import Threshold
from chatops.db import Database, Facts, identifier
from chatops.errors import ConnectionLostError, DatabaseError, LockTimeoutError, StatementTimeoutError, UsageError
from chatops.model import Severity

Status = Literal["passed", "failed", "unknown"]

TABLES = (
    "operators", "real_users", "fictional_users", "chats", "messages", "chat_assignments", "operator_activity", "platform_config",
)  # fmt: skip
GUARDS = "022_stop_new_damage"
"""The file that puts the guards in: what a check of history finds from before it has no cause any more, and is advice."""
DEFAULT_SINCE = "24 hours"
SINCE_MIGRATION = "migration"
"""Since the newest file of ours went in, at most 24 hours: what a deploy is judged by."""
EVER = "1000 years"
WHOLE_BUDGET_SECONDS = 14.0
GRACE_SECONDS = 0.8
"""After its budget a run that still hangs, in a pooler or in the network, is given up."""
FIRST_LOCK_MS, NEXT_LOCK_MS = 1000, 100
LEAST_MS = 50
"""A statement timeout of zero is none."""
# A pass over all chats fits in memory, and compiling a plan that runs once costs more than it saves.
SLOWEST = "newest_messages"
PLANNER = "set local work_mem = '96MB'; set local jit = off; set local cursor_tuple_fraction = 1"
_COUNT = "chatops_offending_count"
# Which of our files are in: a check that asks this would take silence for health.
_ASKS_LEDGER = re.compile(r":'(applied|bodies)'")
# An interval of days and hours, which is what a difference of two instants is.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d")
_SPAN = re.compile(r"(?:(?P<days>-?\d+) days? ?)?(?P<sign>-?)(?P<hours>\d{2,}):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Result:
    """How one check ended. `count` is exact; `rows` are the first of the offending rows, by column.

    `reason` says why it is unknown, or as what it passed; `remedy` is the SQL that lets it run next time.
    """

    check: Check
    status: Status
    severity: Severity
    count: int = 0
    rows: tuple[Mapping[str, Any], ...] = ()
    reason: str | None = None
    remedy: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is known of the database before any check runs."""

    missing: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    before_018: bool = True
    ledger: bool = False
    """There is a readable ledger."""
    ledger_unread: tuple[str, str] | None = None
    """Why the ledger that is there could not be read, and the SQL that lets it be."""
    audit: bool = False
    """There is a readable audit."""
    audit_present: bool = False
    """There is an audit to write to."""
    applied: tuple[str, ...] | None = None
    """The shipped files that the ledger says are in; None: no ledger that this role can read."""
    views_applied: bool = False
    """The ledger says that the text of sql/views is in."""
    guarded_at: datetime | None = None
    """Since when new damage is stopped; None: it is not, or nobody knows."""
    bodies: str = "{}"
    """The function bodies that the files of ours which are in have made, as `bodies.of_files` tells them."""
    migrated_at: datetime | None = None
    """When the newest of our files went in; None: none did, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All results of one snapshot, with what they were measured against."""

    results: tuple[Result, ...]
    thresholds: Mapping[str, Threshold]
    facts: Facts
    inventory: Inventory
    since: str
    seconds: float

    @property
    def now(self) -> datetime:
        """The database's clock at the snapshot."""
        return self.facts.now

    @property
    def ran(self) -> int:
        """How many checks gave an answer."""
        return sum(result.status != "unknown" for result in self.results)


@dataclass(slots=True)
class _Budget:
    """How long checks may still take, and how patient they are with locks."""

    ends: float
    each: float
    lock_ms: int = FIRST_LOCK_MS

    def left(self) -> float:
        return self.ends - time.monotonic()


@dataclass(frozen=True, slots=True)
class _Table:
    table_name: str
    present: bool
    readable: bool
    hidden: bool
    has_waiting_since: bool


@dataclass(frozen=True, slots=True)
class _Ledger:
    present: bool
    ledger_readable: bool
    audit_readable: bool
    audit_writable: bool
    audit_present: bool


@dataclass(frozen=True, slots=True)
class _Configured:
    name: str
    value: float | None


@dataclass(slots=True)
class _Run:
    database: Database
    inventory: Inventory
    parameters: dict[str, Any]
    rows: int
    about: str | None
    budget: _Budget
    lost: str | None = None
    roles: dict[str, bool] = field(default_factory=dict)
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
    whole_seconds: float = WHOLE_BUDGET_SECONDS,
    each_seconds: float | None = None,
    progress: Callable[[Check, int, int], None] | None = None,
) -> Survey:
    """Runs the checks inside the caller's `reading` transaction and returns every result, by code as given.

    `since` is an interval for checks of history (None: 24 hours; "all"); `rows` how many offending rows to keep; `about` keeps
    only rows that mention this id; `progress(check, position, of)` is told before each. Raises UsageError for a bad interval or
    threshold. A lost connection makes the rest unknown, and leaves the transaction broken. What is asked beside the checks, and
    in this transaction afterwards, ends with the budget, too.
    """
    assert database.facts is not None
    started = time.monotonic()
    _until(database, whole_seconds)
    inventory = take_inventory(database)
    found = _thresholds(database, inventory, given or {})
    if since == SINCE_MIGRATION:
        since = _since_migration(inventory, database.facts.now)
    database.script(PLANNER)
    budget = _Budget(started + whole_seconds, each_seconds or max(5.0, whole_seconds / 2.5))
    state = _Run(database, inventory, _parameters(inventory, found, since), rows, about, budget)
    # What looks at each chat takes all the time there is where nothing is in memory: the others come before it.
    for position, check in enumerate(sorted(checks, key=lambda check: SLOWEST in check.shares)):
        if progress is not None:
            progress(check, position, len(checks))
        state.results.append(_shared(state, check, checks) or _one(state, check))
    order = {check.code: position for position, check in enumerate(checks)}
    state.results.sort(key=lambda result: order[result.check.code])
    if state.lost is None:
        with contextlib.suppress(ConnectionLostError):
            _until(database, budget.left(), budget.lock_ms)
    return Survey(tuple(state.results), found, database.facts, inventory, since or DEFAULT_SINCE, time.monotonic() - started)


def _until(database: Database, seconds: float, lock_ms: int = FIRST_LOCK_MS) -> None:
    statement_ms = max(LEAST_MS, int(seconds * 1000))
    database.script(f"set local statement_timeout = {statement_ms}; set local lock_timeout = {lock_ms}")


def with_rows(survey: Survey, rows: int) -> Survey:
    """The survey with at most so many rows of evidence for each finding; counts stay exact."""
    return replace(survey, results=tuple(replace(result, rows=result.rows[:rows]) for result in survey.results))


def parameters(survey: Survey) -> dict[str, Any]:
    """What the checks of a survey were asked with, for those who ask one of them again."""
    return _parameters(survey.inventory, survey.thresholds, survey.since)


def _parameters(inventory: Inventory, found: Mapping[str, Threshold], since: str | None) -> dict[str, Any]:
    return {
        "since": window(since),
        "applied": list(inventory.applied) if inventory.applied is not None else None,
        "before_018": inventory.before_018,
        "views_applied": inventory.views_applied,
        "bodies": inventory.bodies,
        "guarded_at": inventory.guarded_at,
        "shipped": sqlfiles.names("migrations"),
        **{name: threshold.text for name, threshold in found.items()},
    }


def take_inventory(database: Database) -> Inventory:
    """Which tables are there and readable in full, and what the ledger says."""
    schema = database.target.schema
    tables = database.rows(_Table, sqlfiles.read("queries/check_inventory.sql"), {"tables": list(TABLES), "schema": schema})
    ledger = database.rows(_Ledger, sqlfiles.read("queries/check_ledger.sql"))
    readable = bool(ledger and ledger[0].ledger_readable)
    applied: tuple[str, ...] | None = None
    views: tuple[str, ...] = ()
    guarded_at: datetime | None = None
    migrated_at: datetime | None = None
    made = "{}"
    unread: tuple[str, str] | None = None
    if readable:
        try:
            with database.savepoint("chatops_ledger"):
                asked = {"schema": schema, "guards": GUARDS}
                files, installed, guarded_at = database.tuples(sqlfiles.read("queries/check_applied.sql"), asked)[0]
                own, own_views, migrated_at = database.tuples(sqlfiles.read("queries/check_files.sql"), {"schema": schema})[0]
        except DatabaseError as error:
            locked = isinstance(error, LockTimeoutError)
            unread = ("the ledger is locked by somebody else" if locked else f"the ledger cannot be read: {error.message}", "")
        else:
            applied, views = tuple(files) or None, tuple(installed)
            made = function_bodies.of_files(_shipped_texts(own, own_views))
    elif database.facts is not None and database.facts.has_ledger:
        role = identifier(database.facts.role)
        unread = (
            f"{role} may not read the ledger",
            f"grant usage on schema chatops to {role}; grant select on all tables in schema chatops to {role};",
        )
    return Inventory(
        missing=frozenset(table.table_name for table in tables if not table.present),
        unreadable=frozenset(table.table_name for table in tables if table.present and not table.readable),
        hidden=frozenset(table.table_name for table in tables if table.present and table.hidden),
        before_018=not any(table.table_name == "chats" and table.has_waiting_since for table in tables),
        ledger=readable and unread is None,
        ledger_unread=unread,
        audit=bool(ledger and ledger[0].audit_readable),
        audit_present=bool(ledger and ledger[0].audit_present),
        applied=applied,
        views_applied=any(name.endswith("get_assignment_queue_status") for name in views),
        guarded_at=guarded_at,
        bodies=made,
        migrated_at=migrated_at,
    )


def _shipped_texts(files: Sequence[str], views: Mapping[str, str]) -> list[str]:
    """The paths of applied files below `sql/`; a view whose text has changed since is pending, not wrong."""
    paths = [f"migrations/{name}.sql" for name in files if name in set(sqlfiles.names("migrations"))]
    for name, checksum in views.items():
        shipped = (sqlfiles.root() / f"{name}.sql").is_file()
        if shipped and hashlib.sha256(sqlfiles.read(f"{name}.sql").encode()).hexdigest() == checksum:
            paths.append(f"{name}.sql")
    return paths


def _thresholds(database: Database, inventory: Inventory, given: Mapping[str, float]) -> dict[str, Threshold]:
    configured: dict[str, float | None] = {}
    unread = "platform_config" in inventory.unreadable | inventory.hidden
    if not unread and "platform_config" not in inventory.missing:
        try:
            with database.savepoint("chatops_configured"):
                rows = database.rows(
                    _Configured, sqlfiles.read("queries/check_configured.sql"), {"names": list(limits.CONFIGURED)}
                )
            configured = {row.name: row.value for row in rows}
        except DatabaseError:
            unread = True
    return limits.resolve(configured, database.target.thresholds, given, unread=unread)


def window(since: str | None) -> str:
    """How far checks of history look back, as an interval: 24 hours unless said; "all" is everything. Raises UsageError.

    >>> window(None), window("1h30m"), window("all")
    ('24 hours', '5400 seconds', '1000 years')
    """
    if since in (None, DEFAULT_SINCE, SINCE_MIGRATION):
        return DEFAULT_SINCE
    if since.strip().lower() == "all":
        return EVER
    seconds = formatting.span(since, "--since").total_seconds()
    if seconds <= 0:
        raise UsageError("--since takes a span of time above zero, or all")
    return f"{seconds:.0f} seconds"


def _since_migration(inventory: Inventory, now: datetime) -> str | None:
    if inventory.migrated_at is None:
        return None
    seconds = max(1.0, (now - inventory.migrated_at).total_seconds())
    return f"{seconds:.0f}s" if seconds < 86400 else None


def _shared(state: _Run, check: Check, checks: Sequence[Check]) -> Result | None:
    """The result of a check that was asked together with those that begin alike; None when it is the only one."""
    if check.code in state.together:
        return state.together.pop(check.code)
    group = [other for other in checks if other.shares[:1] == check.shares[:1] and other.code not in state.together]
    group = [other for other in group if other.shares and other.code not in state.apart and _before(state, other) is None]
    if check not in group or len(group) < 2 or any(result.check in group for result in state.results):
        return None
    asked = _ask(state, check, _wrapped_together(group, state), seconds_for=min(2, len(group)))
    if isinstance(asked, Result):
        if state.lost is None and not state.slow:
            # One of them cannot be asked here, or now: the others shall not suffer from it.
            state.apart |= {one.code for one in group}
            return None
        state.together |= {
            one.code: Result(one, "unknown", one.severity, reason=asked.reason, remedy=asked.remedy) for one in group
        }
    else:
        rows, seconds = asked
        for one in group:
            own = [{_COUNT: row["found"], **_typed(row["data"])} for row in rows if row["code"] == one.code]
            state.together[one.code] = _judged(one, own, state, seconds / len(group))
    return state.together.pop(check.code)


def _one(state: _Run, check: Check) -> Result:
    if (refused := _before(state, check)) is not None:
        return refused
    asked = _ask(state, check, _wrapped(check, state))
    return asked if isinstance(asked, Result) else _judged(check, asked[0], state, asked[1])


def _before(state: _Run, check: Check) -> Result | None:
    if check.broken is not None:
        return _unknown(check, check.broken)
    if state.lost is not None:
        return _unknown(check, f"the connection was lost before it ran: {state.lost}")
    if (refused := _beforehand(state, check)) is not None:
        return refused
    if state.budget.left() < 0.05:
        return _unknown(check, "the time for all checks was used up before it ran; give more with --timeout SECONDS")
    return None


def _ask(state: _Run, check: Check, text: str, *, seconds_for: int = 1) -> Result | tuple[list[dict[str, Any]], float]:
    """The rows of a query in a savepoint of its own, and how long it took; what it could not do as a result."""
    started = time.monotonic()
    allowed = min(state.budget.each * seconds_for, state.budget.left())
    try:
        with state.database.savepoint("chatops_check"):
            _until(state.database, allowed, state.budget.lock_ms)
            rows = state.database.untrusted_mappings(text, {**state.parameters, "rows": state.rows, "about": state.about})
    except ConnectionLostError as error:
        state.lost = error.message
        return _unknown(check, error.message, seconds=time.monotonic() - started)
    except DatabaseError as error:
        return _from_error(state, check, error, time.monotonic() - started, allowed)
    return rows, time.monotonic() - started


def _judged(check: Check, rows: Sequence[Mapping[str, Any]], state: _Run, seconds: float) -> Result:
    if not rows:
        return Result(check, "passed", check.severity, seconds=seconds)
    if rows[0].get("passes_as"):
        return Result(check, "passed", check.severity, reason=str(rows[0]["passes_as"]), seconds=seconds)
    count = int(rows[0][_COUNT])
    kept = tuple({key: value for key, value in row.items() if key not in (_COUNT, "advice", "passes_as")} for row in rows)
    severity = Severity.ADVICE if rows[0].get("advice") is True else check.severity
    return Result(check, "failed", severity, count, kept[: state.rows], seconds=seconds)


def _beforehand(state: _Run, check: Check) -> Result | None:
    inventory, database = state.inventory, state.database
    if check.if_absent and not _is_there(state, check.if_absent):
        return Result(check, "passed", check.severity)
    wanted = set(check.reads)
    schema, role = identifier(database.target.schema), identifier(database.facts.role if database.facts else "")
    if gone := sorted((wanted | {check.needs_table or ""}) & inventory.missing):
        names = ", ".join(gone)
        return _unknown(check, f"{names} {'is' if len(gone) == 1 else 'are'} not there, or schema "
                               f"{database.target.schema} may not be used", "")  # fmt: skip
    if closed := sorted(wanted & inventory.unreadable):
        return _unknown(
            check,
            f"{role} may not read {', '.join(closed)}",
            f"grant usage on schema {schema} to {role}; grant select on {', '.join(closed)} to {role};",
        )
    if hidden := sorted(wanted & inventory.hidden):
        policies = [f"create policy chatops_reads on {schema}.{name} for select to {role} using (true);" for name in hidden]
        return _unknown(check, f"row level security hides rows of {', '.join(hidden)} from {role}", " ".join(policies))
    if inventory.ledger_unread and _ASKS_LEDGER.search(check.query(before_018=inventory.before_018)):
        return _unknown(check, *inventory.ledger_unread)
    if check.needs_role and not _has_role(state, check.needs_role):
        return _unknown(check, f"the server hides other sessions from {role}", f"grant {check.needs_role} to {role};")
    return None


def _is_there(state: _Run, name: str) -> bool:
    schema, _, relation = name.partition(".")
    query = """select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                               where n.nspname = :'schema' and c.relname = :'relation')"""
    return bool(state.database.value(query, {"schema": schema, "relation": relation}))


def _has_role(state: _Run, name: str) -> bool:
    if name not in state.roles:
        state.roles[name] = bool(state.database.value("select pg_has_role(current_user, :'name', 'usage')", {"name": name}))
    return state.roles[name]


def _typed(data: Mapping[str, Any]) -> dict[str, Any]:
    """A row that came as JSON with its ids as such, by the endings of their names, and instants and spans of time by their look.

    >>> _typed({"overlap_for": "2 days 03:00:00.5"})["overlap_for"]
    datetime.timedelta(days=2, seconds=10800, microseconds=500000)
    >>> _typed({"both_since": "2026-11-23T04:13:09.33627+00:00"})["both_since"].microsecond
    336270
    """
    made: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, str) and key.endswith("_id"):
            made[key] = UUID(value)
        elif isinstance(value, str) and _INSTANT.fullmatch(value):
            made[key] = datetime.fromisoformat(value)
        elif isinstance(value, str) and (span := _SPAN.fullmatch(value)):
            sign = -1 if span["sign"] else 1
            made[key] = timedelta(days=int(span["days"] or 0)) + sign * timedelta(
                hours=int(span["hours"]), minutes=int(span["minutes"]), seconds=float(span["seconds"])
            )
        else:
            made[key] = value
    return made


def _wrapped_together(group: Sequence[Check], state: _Run) -> str:
    about = _about(state)
    parts = [sqlfiles.shared(name) for name in dict.fromkeys(name for check in group for name in check.shares)]
    selects = []
    for check in group:
        name = f"offending_{check.code.lower()}"
        query = check.query(before_018=state.inventory.before_018, alone=False)
        parts += [f"{name} as materialized (\n{query}\n)", f"about_{name} as (select * from {name} as found{about})"]
        selects.append(
            f"(select '{check.code}' as code, (select count(*) from about_{name}) as found, to_json(one) as data "
            f"from (select * from about_{name} limit :'rows'::bigint) as one)"
        )
    return "with " + ", ".join(parts) + "\n" + "\nunion all\n".join(selects)


def _about(state: _Run) -> str:
    return "" if state.about is None else " where to_jsonb(found)::text like '%' || :'about'::text || '%'"


def _wrapped(check: Check, state: _Run) -> str:
    query = check.query(before_018=state.inventory.before_018)
    about = _about(state)
    return (
        f"with offending as materialized (\n{query}\n), about as (select * from offending as found{about})\n"
        f"select (select count(*) from about) as {_COUNT}, about.* from about limit :'rows'::bigint"
    )


def _from_error(state: _Run, check: Check, error: DatabaseError, seconds: float, allowed: float) -> Result:
    state.slow = isinstance(error, StatementTimeoutError)
    message = formatting.visible(error.message)
    role = identifier(state.database.facts.role if state.database.facts else "")
    if isinstance(error, LockTimeoutError):
        waited = state.budget.lock_ms / 1000
        state.budget.lock_ms = NEXT_LOCK_MS
        return _unknown(check, f"a table it reads is locked by somebody else (waited {waited:g} s)", seconds=seconds)
    if isinstance(error, StatementTimeoutError):
        slow = f"it took longer than {formatting.duration(allowed)}; give more with --timeout SECONDS"
        return _unknown(check, slow, seconds=seconds)
    if error.sqlstate == "42501":
        what = message.removeprefix("permission denied for ")
        kind, _, name = what.partition(" ")
        remedies = {"table": f"grant select on {name} to {role};", "view": f"grant select on {name} to {role};",
                    "schema": f"grant usage on schema {name} to {role};",
                    "function": f"grant execute on function {name} to {role};"}  # fmt: skip
        return _unknown(check, message, remedies.get(kind, "grant pg_monitor to " + role + ";"), seconds=seconds)
    if error.sqlstate in ("42P01", "42703", "42883", "3F000", "42704"):
        return _unknown(check, f"this database lacks what it asks: {message}", seconds=seconds)
    if check.fails_on_error:
        row = {"error": message, "sqlstate": error.sqlstate}
        return Result(check, "failed", check.severity, 1, (row,), seconds=seconds)
    where = "" if check.shipped else " (a check of your own)"
    return _unknown(check, f"its query failed{where}: {message} ({error.sqlstate})", seconds=seconds)


def _unknown(check: Check, reason: str, remedy: str | None = None, *, seconds: float = 0.0) -> Result:
    return Result(check, "unknown", check.severity, reason=reason, remedy=remedy or None, seconds=seconds)
