"""Can this machine, this connection and this role do chatops's work here? Each point with the line that mends it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from chatops import cluster, formatting, lock_holders, sqlfiles
from chatops.checks import load, run
from chatops.checks.inventory import TABLES, take_inventory
from chatops.checks.results import Result
from chatops.db import Database, identifier, pools_transactions
from chatops.db.unfit import unfit
from chatops.errors import ChatopsError, DatabaseError
from chatops.frozen import frozen
from chatops.model import Severity
from chatops.tables_there import right_database

Verdict = Literal["ok", "advice", "failed", "unknown"]
OLDEST, NEWEST = 15, 18
ROUND_TRIPS = 5
SLOW_ROUND_TRIP_MS = 50.0
SKEW_SECONDS = 5.0
LONG_LOCK = timedelta(seconds=1)
"""A migration that takes a table takes it for less."""


@frozen
class Point:
    """One thing that was looked at; `remedy` is a line that pastes, "" where nothing is to be done."""

    area: str
    verdict: Verdict
    says: str
    remedy: str = ""


@frozen
class _Role:
    role: str
    is_superuser: bool
    bypasses_rls: bool
    sees_sessions: bool
    cannot_write: list[str]
    policed: list[str]
    others_own: list[str]
    has_tables: bool
    may_create: bool | None
    may_use: bool | None
    has_audit: bool
    extensions: list[str]
    max_connections: int
    connections: int


@frozen
class _Partitions:
    """A partitioned messages: by what, how many, and from when on one is missing, with the SQL that makes it."""

    partitioned_by: str
    partitions: int
    missing_from: datetime | None
    missing_now: bool
    missing_soon: bool
    remedy: str | None


class Asks(Protocol):
    """Whether what is the same for all schemas of a database is wanted, and what differs between them."""

    def __call__(self, *, of_database: bool) -> bool: ...


def everything(*, of_database: bool) -> bool:
    """All of it."""
    return True


def examine(
    database: Database, another: Callable[[], Database], here: Callable[..., str], asks: Asks = everything
) -> list[Point]:
    """Looks at everything inside the caller's `reading`; `another` opens a further connection, `here` makes a command."""
    asked = {"tables": list(TABLES), "schema": database.target.schema}
    role = database.rows(_Role, sqlfiles.read("queries/doctor_role.sql"), asked)[0]
    points = _of_database(database, another, here) if asks(of_database=True) else []
    if asks(of_database=False) and is_another(database):
        # What else is missing is missing because of that.
        points = [one for one in points if one.area != "privileges"]
        told, _ = right_database(database)
        points.append(Point("tables", "failed", f"no table of the chat platform is here; {told}", here("config")))
        points.append(Point("role", "ok", _kind(role)))
        return points
    points += _of_schema(database, role, here) if asks(of_database=False) else []
    if asks(of_database=True):
        points.append(_connections(role))
        shown = ", ".join(role.extensions) or "none"
        points.append(Point("extensions", "ok", f"chatops needs none; installed: {formatting.visible(shown)}"))
    return points


def _who_runs(what: str) -> str:
    return "  -- as the database's owner, or superuser" if what == "privileges" else ""


def is_another(database: Database) -> bool:
    """Whether nothing tells that the platform, or chatops, was ever in this database."""
    facts = database.facts
    there = take_inventory(database)
    return facts is not None and not facts.has_ledger and not facts.has_chats and not set(TABLES) - set(there.missing)


def _of_database(database: Database, another: Callable[[], Database], here: Callable[..., str]) -> list[Point]:
    """The server, the way to it, and what keeps the whole database from being written to."""
    facts = database.facts
    assert facts is not None
    points = [_version(facts.version_number, facts.version), _encryption(database), *_latency_and_clock(database)]
    points.append(
        Point("standby", "advice", "this is a standby: it can be read, not written", here("config"))
        if facts.standby
        else Point("standby", "ok", "primary: it can be read and written")
    )
    node = cluster.node_of(database)
    if node is None or node.coordinator:  # on a worker schema chatops is the coordinator's
        points += [Point(one.what, "failed", one.message, one.sql + _who_runs(one.what)) for one in unfit(database, facts)]
    points.append(_pooler(database, facts.backend_pid, another))
    points.append(_new_connection(another))
    return points


def _of_schema(database: Database, role: _Role, here: Callable[..., str]) -> list[Point]:
    """The tables, and what this role may do with them."""
    node = cluster.node_of(database)
    points = [] if node is None else [_cluster(node, database, here)]
    if node is not None and (not node.coordinator or any(cluster.absent_workers(database).values())):
        return points  # the rest cannot be seen from here
    points += _role_points(role, database.target.schema, here, () if role.has_audit else _adopt(database))
    if role.may_use is False:  # nothing of it can be seen, and asking for the current schema would make a temporary one
        told = f"tables and objects cannot be seen without the right to use schema {formatting.visible(database.target.schema)}"
        grant = f"grant usage on schema {identifier(database.target.schema)} to {identifier(role.role)};"
        return [*points, Point("objects", "unknown", told, grant)]
    points += _asked(database, role, "tables", lambda: _tables(database, here))
    partitions = sqlfiles.query("queries/doctor_partitions.sql")
    points += _asked(database, role, "partitions", lambda: [_partitions(one) for one in database.rows(_Partitions, partitions)])
    points += _asked(database, role, "objects", lambda: [_objects(database, here)])
    return _at_once(points)


def _at_once(points: Sequence[Point]) -> list[Point]:
    """No ledger and no log are one trouble where one command makes both."""
    log = next((one for one in points if one.area == "log" and one.verdict == "advice"), None)
    objects = next((one for one in points if one.area == "objects" and log is not None and one.remedy == log.remedy), None)
    if log is None or objects is None:
        return list(points)
    both = replace(objects, says=f"{objects.says}, and makes the log: without it commands that act refuse")
    return [both if one is objects else one for one in points if one is not log]


def _asked(database: Database, role: _Role, area: str, ask: Callable[[], list[Point]]) -> list[Point]:
    """Points, or why they could not be looked at and what lets this role look: one that fails keeps no other from being told."""
    try:
        with database.savepoint("chatops_doctor"):
            return ask()
    except DatabaseError as error:
        reads = f"grant chatops_reader to {identifier(role.role)};" if error.sqlstate == "42501" else ""
        return [Point(area, "unknown", formatting.visible(error.message), reads)]


def _version(number: int, text: str) -> Point:
    major = number // 10000
    name = f"Postgres {formatting.visible(text.split()[0])}"
    if major < OLDEST:
        return Point("version", "failed", f"{name} is older than {OLDEST}, the oldest that chatops is tested on")
    if major > NEWEST:
        return Point("version", "advice", f"{name} is newer than {NEWEST}, the newest that chatops is tested on")
    return Point("version", "ok", name)


def _cluster(node: cluster.CitusNode, database: Database, here: Callable[..., str]) -> Point:
    schema = database.target.schema
    if not node.coordinator:
        return Point("cluster", "failed", f"{node.told}: only the coordinator can be worked on", here("config"))
    try:
        cluster.refuse_writing(node, "chatops", schema)
        cluster.refuse_absent_workers(database, node)
    except ChatopsError as error:
        message = error.message.removesuffix("; nothing was changed")
        return Point("cluster", "failed", f"{node.told}; {message}", error.next_steps[0][1] if error.next_steps else "")
    if node.workers and not node.is_distributed:
        return Point("cluster", "advice", f"{node.told}; schema {formatting.visible(schema)} lies on the coordinator alone")
    return Point("cluster", "ok", node.told)


def _encryption(database: Database) -> Point:
    if database.encrypted:
        return Point("encryption", "ok", "the connection is encrypted (TLS)")
    if not database.target.production:
        return Point("encryption", "ok", "not encrypted, on this machine")
    if database.value("select pg_catalog.current_setting('ssl')") == "off":
        told = "the connection is not encrypted: the server speaks no TLS (ssl = off; it needs an ssl_cert_file first)"
        return Point("encryption", "advice", told, "alter system set ssl = on; select pg_reload_conf();")
    return Point("encryption", "advice", "the connection is not encrypted", "add sslmode=require to the URL")


def _latency_and_clock(database: Database) -> list[Point]:
    trips: list[float] = []
    skews: list[float] = []
    for _ in range(ROUND_TRIPS):
        before, started = datetime.now(UTC), time.perf_counter()
        server = database.value("select clock_timestamp()")
        trip = time.perf_counter() - started
        trips.append(trip * 1000)
        skews.append((server - before).total_seconds() - trip / 2)
    middle, skew = statistics.median(trips), statistics.median(skews)
    slow = middle > SLOW_ROUND_TRIP_MS
    latency = Point("latency", "advice" if slow else "ok", f"a round trip takes {middle:.1f} ms"
                    + (": bulk commands will be slow from here" if slow else ""))  # fmt: skip
    off = abs(skew) > SKEW_SECONDS
    word = "ahead of" if skew > 0 else "behind"
    by = f"{abs(skew):.1f} s" if abs(skew) < 60 else formatting.duration(abs(skew))
    clock = Point("clock", "advice" if off else "ok", f"the server's clock is {by} {word} this machine's"
                  + ("; chatops goes by the server's" if off else ""))  # fmt: skip
    return [latency, clock]


def _pooler(database: Database, backend_pid: int, another: Callable[[], Database]) -> Point:
    if database.protocol_pid == backend_pid:
        return Point("pooler", "ok", "direct connection, or a session of its own")
    try:
        with another() as first:
            mode = "transaction" if pools_transactions(first) else "session"
    except ChatopsError as error:
        return Point("pooler", "unknown", f"a pooler is in front; its mode could not be seen: {error.message}")
    if mode == "session":
        return Point("pooler", "ok", "pooler in session mode: everything works")
    return Point("pooler", "advice", "pooler in transaction mode: concurrent indexes and batched files need the session port",
                 "use port 5432 (session pooler or direct) for migrate")  # fmt: skip


def _new_connection(another: Callable[[], Database]) -> Point:
    try:
        with another() as fresh, fresh.reading():
            fresh.execute("do $$ begin perform 1; end $$")
    except ChatopsError as error:
        return Point("plpgsql", "failed", f"a function call on a new connection fails: {error.message}",
                     "restart the server: its programs were probably upgraded under it")  # fmt: skip
    return Point("plpgsql", "ok", "a function call works on a new connection")


def _partitions(found: _Partitions) -> Point:
    parts = formatting.plural(found.partitions, "partition")
    what = f"messages is partitioned by {formatting.visible(found.partitioned_by)}, {parts}"
    boundary = "a message that is written as one ends is refused with 40001, and has to be sent again"
    if found.missing_from is not None and found.missing_soon:
        when = "now" if found.missing_now else formatting.instant(found.missing_from)
        verdict: Verdict = "failed" if found.missing_now else "advice"
        return Point("partitions", verdict, f"{what}; none from {when} on: messages are refused then", found.remedy or "")
    return Point("partitions", "ok", f"{what}; {boundary}")


def _kind(role: _Role) -> str:
    kind = "superuser" if role.is_superuser else "bypasses row security" if role.bypasses_rls else "ordinary role"
    return f"{formatting.visible(role.role)}, {kind}"


def _role_points(role: _Role, schema: str, here: Callable[..., str], adopt: Sequence[str]) -> list[Point]:
    name = formatting.visible(role.role)
    points: list[Point] = []
    points.append(Point("role", "ok", _kind(role)))
    if not role.has_audit:
        points.append(Point("log", "advice", "no schema chatops: nothing can be logged, so commands that act refuse;"
                            " adopt makes it", here(*adopt)))  # fmt: skip
    if role.cannot_write:
        points.append(Point("acting", "advice", f"{name} may read only: no {', '.join(role.cannot_write)}",
                            f"grant chatops_operator to {name};  -- made by: {here('doctor', '--create-roles')}"))  # fmt: skip
    elif role.policed:
        told = f"the grants of {name} let it move, release and repair chats; what policies let it write was not tried:"
        points.append(Point("acting", "advice", f"{told} {', '.join(role.policed)}",
                            f"grant chatops_operator to {name};  -- made by: {here('doctor', '--create-roles')}"))  # fmt: skip
    else:
        once = "" if role.has_audit else ", once there is a log"
        points.append(Point("acting", "ok", f"{name} may move, release and repair chats{once}"))
    if role.may_use is False:
        points.append(Point("schema", "failed", f"{name} may not use schema {formatting.visible(schema)}",
                            f"grant usage on schema {identifier(schema)} to {identifier(role.role)};"))  # fmt: skip
    if role.others_own:
        points.append(Point("migrating", "advice", f"{name} does not own {len(role.others_own)} of the chat tables: migrate needs"
                            " their owner"))  # fmt: skip
    elif not role.has_tables:
        makes = role.may_create is not False
        points.append(
            Point("migrating", "ok", f"{name} may make the chat tables") if makes else
            Point("migrating", "advice", f"{name} may not make tables in schema {formatting.visible(schema)}",
                  f"grant create on schema {identifier(schema)} to {identifier(role.role)};")
        )  # fmt: skip
    else:
        points.append(Point("migrating", "ok", f"{name} owns the chat tables"))
    if not role.sees_sessions:
        points.append(Point("monitoring", "advice", "the server hides other sessions: blockers are shown without their queries",
                            f"grant pg_read_all_stats to {name};  -- as superuser"))  # fmt: skip
    return points


def _tables(database: Database, here: Callable[..., str]) -> list[Point]:
    inventory = take_inventory(database)
    points: list[Point] = []
    if inventory.missing:
        points.append(
            Point("tables", "failed", f"not there: {', '.join(sorted(inventory.missing))}", here("migrate", "--dry-run"))
        )
    roles = here("doctor", "--create-roles")
    if inventory.unreadable:
        role = formatting.visible(database.facts.role if database.facts else "")
        points.append(Point("reading", "failed", f"no right to read {', '.join(sorted(inventory.unreadable))}",
                            f"grant chatops_reader to {role};  -- made by: {roles}"))  # fmt: skip
    if inventory.hidden:
        names = ", ".join(sorted(inventory.hidden))
        points.append(Point("row security", "failed", f"rows are hidden in {names}: figures would be wrong", roles))
    if ours := database.facts.hidden_of_ours if database.facts else []:
        refused = database.rows_hidden(ours)
        points.append(Point("row security", "failed", refused.message, refused.next_steps[0][1]))
    held = [one for one in lock_holders.seen(database, lock_holders.KEEP_READERS) if one.granted and one.lasts(LONG_LOCK)]
    if held:
        points.append(Point("reading", "failed", lock_holders.in_words(held), lock_holders.ended(held)))
    if not points:
        points.append(Point("reading", "ok", "every chat table can be read in full"))
    return points


LEDGER, OBJECTS = "DB033", "DB003"
"""What says that the ledger lacks what is here, and that objects are missing, the ledger's own among them."""


def _adopt(database: Database) -> tuple[str, ...]:
    """What takes over a database, as `taking_over` of the migrations has it: what comes after 017 is a decision of its own."""
    return "adopt", "--to", max("017", str(database.value(sqlfiles.read("queries/deployed_files.sql"))))


def _objects(database: Database, here: Callable[..., str]) -> Point:
    checks = [check for check in load.shipped() if check.group == "schema"]
    try:
        survey = run.run(database, checks)
    except DatabaseError as error:
        return Point("objects", "unknown", error.message)
    by_hand = survey.inventory.by_hand
    failed = [
        result.check.code
        for result in survey.results
        if result.status == "failed" and result.severity is not Severity.ADVICE and not (by_hand and _is_of_the_ledger(result))
    ]
    unknown = [result.check.code for result in survey.results if result.status == "unknown" and not (by_hand and result.command)]
    if by_hand and not failed and not unknown:
        return Point("objects", "advice", "no migration history of chatops: adopt looks which files are in, and records them",
                     here(*_adopt(database)))  # fmt: skip
    if failed:
        return Point("objects", "failed", f"{formatting.plural(len(failed), 'schema check')} failed: {', '.join(failed)}",
                     here("verify", "schema"))  # fmt: skip
    if unknown:
        return Point("objects", "unknown", f"could not be checked: {', '.join(unknown)}", here("verify", "schema"))
    return Point("objects", "ok", f"objects and signatures are right ({formatting.plural(len(checks), 'check')})")


def _is_of_the_ledger(result: Result) -> bool:
    """Whether it says only that there is no ledger, or nothing in it, and nobody's work suffers from that."""
    if result.check.code == OBJECTS:
        return result.severity is not Severity.CRITICAL and {row["object"] for row in result.rows} == {"bookkeeping"}
    return result.check.code == LEDGER and {row["mend"] for row in result.rows} == {"adopt --dry-run"}


def _connections(role: _Role) -> Point:
    share = role.connections / max(1, role.max_connections)
    return Point("connections", "advice" if share > 0.8 else "ok", f"{role.connections} of {role.max_connections} in use")
