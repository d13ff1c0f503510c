"""The only file that talks to the driver: connections, transactions, queries, and their errors in words of our own."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, TypeVar

import psycopg
from psycopg import generators, pq
from psycopg import sql as composed
from psycopg.rows import class_row, dict_row, tuple_row
from psycopg.types.json import Jsonb
from psycopg.waiting import Wait

from chatops import sqlfiles
from chatops.errors import (
    ChatopsError,
    ConnectionLostError,
    DatabaseError,
    LockTimeoutError,
    RefusedError,
    StatementTimeoutError,
    UnreachableError,
    UsageError,
)
from chatops.settings import WHERE_SUPABASE_SHOWS_IT, Target, redact, secrets_of

Row = TypeVar("Row")
Intent = Literal["read", "act", "migrate"]

# statement_timeout and lock_timeout per intent; None leaves the server's own.
TIMEOUTS: Mapping[Intent, tuple[str | None, str]] = {
    "read": ("15s", "1s"),
    "act": ("5s", "1s"),
    "migrate": (None, "3s"),
}
CONNECT_TIMEOUT_SECONDS = 10
# What libpq's timeout parameter cannot say: a server that vanished without closing is noticed after about half a minute.
KEEPALIVES = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4"}

_COPY_CHUNK = 128 << 10
_FINISHED = frozenset((pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY))

_FACTS = """select current_setting('server_version_num')::int as version_number,
       current_setting('server_version') as version, current_user::text as role, session_user::text as login,
       current_database()::text as database, statement_timestamp() as now, pg_is_in_recovery() as standby,
       pg_backend_pid() as backend_pid, to_regclass('chats') is not null as has_chats,
       exists (select from pg_attribute
               where attrelid = to_regclass('chats') and attname = 'waiting_since' and not attisdropped) as has_queue_clocks,
       -- By the catalog: to_regclass raises for a role that may not use the schema.
       coalesce(bool_or(c.relname = 'actions'), false) as has_bookkeeping,
       coalesce(bool_or(c.relname = 'migrations'), false) as has_ledger
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where n.nspname = 'chatops' and c.relname in ('actions', 'migrations') and c.relkind = 'r'"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server said of itself when the transaction began."""

    version_number: int
    version: str
    role: str
    login: str
    database: str
    now: datetime
    standby: bool
    backend_pid: int
    has_chats: bool
    has_queue_clocks: bool
    """chats.waiting_since exists: migration 018 is in."""
    has_bookkeeping: bool
    has_ledger: bool


@lru_cache(maxsize=256)
def placeholders(text: str) -> str:
    """psql's `:'name'` as the driver's placeholders, so that the files under sql/ can be pasted into psql.

    >>> placeholders("select :'since'::interval, 5 % 2")
    'select %(since)s::interval, 5 %% 2'
    """
    return sqlfiles.PLACEHOLDER.sub(r"%(\1)s", text.replace("%", "%%"))


def inlined(text: str, parameters: Mapping[str, Any]) -> str:
    """A text with its `:'name'` replaced by quoted values, for statements that travel with others in one text.

    >>> inlined("select :'n'::int", {"n": 3})
    'select 3::int'
    """
    return sqlfiles.PLACEHOLDER.sub(lambda match: literal(parameters[match[1]]), text)


def json(value: Any) -> Jsonb:
    """A value to bind as jsonb."""
    return Jsonb(value)


def identifier(name: str) -> str:
    """A name quoted for use inside SQL text."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """A value quoted for use inside SQL text, for statements that take no parameters."""
    if isinstance(value, str) and "\\" not in value and "\0" not in value:
        return "'" + value.replace("'", "''") + "'"  # as the driver does, without its search for a way to
    if value is None:
        return "NULL"
    if type(value) is int and value >= 0:
        return str(value)
    return composed.Literal(value).as_string(None)


@dataclass(frozen=True, slots=True)
class Ran:
    """How far a text of several statements came.

    `tags` are the command tags of the statements that finished, in order ("UPDATE 214"), `firsts` the first value of the first
    row of each as text, None where there was none; `error` is what stopped it. Whether anything was kept is the text's own
    affair: its BEGIN and COMMIT are among its statements.
    """

    tags: tuple[str, ...]
    firsts: tuple[str | None, ...]
    error: ChatopsError | None


class Database:
    """One connection to one target; autocommit, transactions are opened by `reading`, `acting` or the caller's own text."""

    def __init__(self, connection: psycopg.Connection[Any], target: Target, intent: Intent) -> None:
        self._connection = connection
        self.target = target
        self.intent = intent
        self.facts: Facts | None = None
        self.show_names = False
        """Whether people may be named in what is said about this database: set by whoever knows who reads it."""
        self.wrote: bool | None = None
        """After `reading`: whether the transaction was given a transaction id, that is, wrote anything."""
        self._gave_up: float | None = None

    # -- transactions --------------------------------------------------------------------------------------------

    def _settings(self, statement_timeout: str | None, lock_timeout: str | None) -> str:
        parts = [f"set local search_path = {identifier(self.target.schema)}, pg_temp"]
        default_statement, default_lock = TIMEOUTS[self.intent]
        if (timeout := statement_timeout or default_statement) is not None:
            parts.append(f"set local statement_timeout = {literal(timeout)}")
        parts.append(f"set local lock_timeout = {literal(lock_timeout or default_lock)}")
        return "; ".join(parts)

    @contextlib.contextmanager
    def reading(self, *, statement_timeout: str | None = None) -> Iterator[Database]:
        """One snapshot, read-only; afterwards `wrote` says whether a transaction id was assigned (it must not be)."""
        self._begin("begin isolation level repeatable read, read only", statement_timeout, None)
        try:
            yield self
        except BaseException:
            self._rollback_quietly()
            raise
        # Nothing can have been written; a rollback would be counted among those that people watch for.
        result = self.script("select pg_current_xact_id_if_assigned() is not null; commit")
        self.wrote = bool(result[0][0][0])
        if self.wrote:
            raise RuntimeError("a reading command was given a transaction id")

    @contextlib.contextmanager
    def acting(
        self, *, statement_timeout: str | None = None, lock_timeout: str | None = None, rollback: bool = False
    ) -> Iterator[Database]:
        """One read-committed transaction that commits at the end, or is always rolled back when `rollback` is set.

        Raises RefusedError on a standby.
        """
        self._begin("begin isolation level read committed, read write", statement_timeout, lock_timeout)
        try:
            yield self
        except BaseException:
            self._rollback_quietly()
            raise
        self.script("rollback" if rollback else "commit")

    def glance(self) -> Facts:
        """What the server says of itself, in one round trip and a transaction that is over when this returns."""
        begin = "begin isolation level read committed, read only"
        results = self.script(f"{begin}; {self._settings(None, None)}; {_FACTS}; commit")
        self.facts = Facts(*results[-1][0])
        return self.facts

    def _begin(self, begin: str, statement_timeout: str | None, lock_timeout: str | None) -> None:
        try:
            results = self.script(f"{begin}; {self._settings(statement_timeout, lock_timeout)}; {_FACTS}")
        except DatabaseError as error:
            self._rollback_quietly()
            if error.sqlstate in ("25006", "0A000") and "read write" in begin:
                raise RefusedError(
                    "this server is a standby: it can be read, not written",
                    next_steps=[("connect to the primary", "chatops config")],
                ) from None
            raise
        self.facts = Facts(*results[-1][0])

    def _rollback_quietly(self) -> None:
        with contextlib.suppress(psycopg.Error):
            if not self._connection.closed:
                self._connection.execute("rollback")

    def annotate(self, settings: Mapping[str, str | None]) -> None:
        """Sets transaction-local settings in one statement, such as those from which the audit takes its defaults."""
        calls = ", ".join(f"set_config({literal(name)}, {literal(value or '')}, true)" for name, value in settings.items())
        self.script(f"select {calls}")

    @contextlib.contextmanager
    def savepoint(self, name: str = "chatops_step") -> Iterator[None]:
        """A step that may fail without spoiling the transaction."""
        self.execute(f"savepoint {name}")
        try:
            yield
        except DatabaseError:
            self.execute(f"rollback to savepoint {name}; release savepoint {name}")
            raise
        self.execute(f"release savepoint {name}")

    # -- queries ------------------------------------------------------------------------------------------------

    def rows(self, row: type[Row], text: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of one query as frozen dataclasses whose fields are the query's columns."""
        with self._translated(), self._connection.cursor(row_factory=class_row(row)) as cursor:
            cursor.execute(*self._bound(text, parameters))
            return cursor.fetchall()

    def mappings(self, text: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of one query whose columns only the query knows; [] when the statement returns none."""
        with self._translated(), self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(*self._bound(text, parameters))
            return cursor.fetchall() if cursor.description else []

    def tuples(self, text: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of one query as tuples; [] when the statement returns none."""
        with self._translated(), self._connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(*self._bound(text, parameters))
            return cursor.fetchall() if cursor.description else []

    def value(self, text: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, None when there is no row."""
        found = self.tuples(text, parameters)
        return found[0][0] if found else None

    def execute(self, text: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Runs a statement; the number of rows it touched."""
        with self._translated(), self._connection.cursor() as cursor:
            cursor.execute(*self._bound(text, parameters))
            return cursor.rowcount

    def stream(
        self, row: type[Row], text: str, parameters: Mapping[str, Any] | None = None, *, batch: int = 2000
    ) -> Iterator[Row]:
        """The rows of one query through a server-side cursor, `batch` at a time; inside a transaction only."""
        with (
            self._translated(),
            self._connection.cursor(name="chatops_stream", row_factory=class_row(row)) as cursor,
        ):
            cursor.itersize = batch
            cursor.execute(*self._bound(text, parameters))
            yield from cursor

    def untrusted_mappings(
        self, text: str, parameters: Mapping[str, Any] | None = None, *, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """The rows of SQL that somebody else wrote: one query through a cursor, so it cannot end the transaction."""
        with (
            self._translated(),
            self._connection.cursor(name="chatops_untrusted", row_factory=dict_row) as cursor,
        ):
            cursor.execute(*self._bound(text, parameters))
            return cursor.fetchall() if limit is None else cursor.fetchmany(limit)

    def script(self, text: str) -> list[list[tuple[Any, ...]]]:
        """Sends a text of any number of statements in one round trip; the rows of each statement that returned some.

        A DatabaseError's `position` is a character offset into this text.
        """
        with self._translated(), self._connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(text.encode())  # bytes: the text is SQL as it stands, not a template
            results: list[list[tuple[Any, ...]]] = []
            while True:
                if cursor.description is not None:
                    results.append(cursor.fetchall())
                if not cursor.nextset():
                    return results

    def run(self, text: str, copies: Sequence[str] = ()) -> Ran:
        """Sends a text of any number of statements as one request, and says how far it came instead of raising.

        `copies` are the rows for each `COPY … FROM stdin` in it, in order; each costs one more round trip.
        """
        connection, pgconn = self._connection, self._connection.pgconn
        results: list[Any] = []
        rows = iter(copies)

        def conversation() -> Any:
            pgconn.send_query(text.encode())
            yield from generators.send(pgconn)
            while True:
                results.extend((yield from generators.fetch_many(pgconn)))
                if not results or results[-1].status != pq.ExecStatus.COPY_IN:
                    return
                results.pop()
                data = next(rows, "").encode()
                for start in range(0, len(data), _COPY_CHUNK):
                    yield from generators.copy_to(pgconn, data[start : start + _COPY_CHUNK])
                while pgconn.put_copy_end(None) == 0:
                    yield Wait.W
                yield from generators.send(pgconn)

        error: ChatopsError | None = None
        try:
            with connection.lock:
                connection.wait(conversation())
        except psycopg.Error as lost:
            error = translate(lost, connection, secrets_of(self.target))
        finished = [result for result in results if result.status in _FINISHED]
        if error is None and len(finished) < len(results):
            failure = psycopg.errors.error_from_result(results[-1], encoding="utf-8")
            error = translate(failure, connection, secrets_of(self.target))
        tags = tuple((result.command_status or b"").decode() for result in finished)
        firsts = tuple(
            value.decode() if result.ntuples and result.nfields and (value := result.get_value(0, 0)) is not None else None
            for result in finished
        )
        return Ran(tags, firsts, error)

    def copy_in(self, statement: str, data: str) -> int:
        """Runs one COPY … FROM stdin with its rows; the number of rows copied."""
        with self._translated(), self._connection.cursor() as cursor:
            with cursor.copy(statement.encode()) as copy:
                copy.write(data)
            return cursor.rowcount

    def _bound(self, text: str, parameters: Mapping[str, Any] | None) -> tuple[Any, ...]:
        return (text.encode(),) if parameters is None else (placeholders(text).encode(), parameters)

    # -- the connection ---------------------------------------------------------------------------------------------

    @property
    def protocol_pid(self) -> int:
        """The process id that the protocol named at connect; a pooler makes it differ from the backend's own."""
        return self._connection.info.backend_pid

    @property
    def encrypted(self) -> bool:
        """Whether the connection is encrypted on its way to the server, or to the pooler in front of it."""
        return bool(self._connection.pgconn.ssl_in_use)

    @property
    def closed(self) -> bool:
        """Whether the connection was closed or lost."""
        return self._connection.closed

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open (or failed and not yet rolled back)."""
        return self._connection.info.transaction_status.name in ("INTRANS", "INERROR", "ACTIVE")

    def rollback(self) -> None:
        """Ends an open transaction, if any, without a word."""
        self._rollback_quietly()

    def on_notice(self, listener: Any) -> None:
        """Calls `listener(severity, message)` for each notice of the server."""
        self._connection.add_notice_handler(
            lambda diag: listener(diag.severity_nonlocalized or diag.severity or "", diag.message_primary or "")
        )

    def cancel(self, timeout: float = 5.0) -> None:
        """Asks the server to end the running statement; safe from another thread."""
        with contextlib.suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=timeout)

    @contextlib.contextmanager
    def cancelled_after(self, seconds: float) -> Iterator[None]:
        """Cancels whatever statement still runs when the time is over; it then fails with StatementTimeoutError."""
        timer = threading.Timer(seconds, self.cancel)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextlib.contextmanager
    def given_up_after(self, seconds: float) -> Iterator[None]:
        """Gives up the connection when the time is over: whatever waits for it then fails with ConnectionLostError.

        For what no timeout of the server's ends: a pooler that has no server for us, a network that swallows everything.
        """
        timer = threading.Timer(max(0.0, seconds), self._give_up, (seconds,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _give_up(self, seconds: float) -> None:
        with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(self._connection.pgconn.socket)) as end:
            self._gave_up = seconds
            # Who waits for an answer reads the end of the stream instead.
            end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the connection; an open transaction is rolled back by the server."""
        self._connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            found = translate(error, self._connection, secrets_of(self.target))
            if self._gave_up is not None and isinstance(found, ConnectionLostError):
                raise ConnectionLostError(f"the database did not answer in time: given up after {self._gave_up:.0f} s") from None
            raise found from None


def connect(target: Target, command: str, intent: Intent = "read", *, connect_timeout: int = CONNECT_TIMEOUT_SECONDS) -> Database:
    """Connects to a target (an embedded one must have been started and resolved before).

    Raises UsageError for an unknown parameter, UnreachableError with the next step when there is no connection.
    """
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    unknown = sorted(set(target.parameters) - known)
    if unknown:
        raise UsageError(f"{target.origin}: libpq knows no connection parameter {', '.join(unknown)}")
    parameters = {"connect_timeout": str(connect_timeout), **KEEPALIVES, **target.parameters}
    parameters["application_name"] = f"chatops {command}"
    try:
        connection = psycopg.connect(autocommit=True, prepare_threshold=None, **parameters)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise _unreachable(error, target) from None
    return Database(connection, target, intent)


def pools_transactions(database: Database) -> bool:
    """Whether a pooler in transaction mode stands before the server, so that nothing of a session lasts.

    A pooler is there when the process id of the protocol is not the server's; it is in transaction mode when a second
    connection, made while the first is idle, is on the same server process.
    """
    if database.value("select pg_backend_pid()") == database.protocol_pid:
        return False
    with connect(database.target, "pooler test", "read") as second:
        return any(database.value("select pg_backend_pid()") == second.value("select pg_backend_pid()") for _ in range(3))


def translate(
    error: psycopg.Error, connection: psycopg.Connection[Any] | None = None, secrets: Sequence[str] = ()
) -> ChatopsError:
    """A driver's error as one of ours, without secrets."""
    diag = error.diag
    lost = connection is not None and connection.closed
    message = redact(diag.message_primary or str(error).strip() or type(error).__name__, secrets)
    if lost or error.sqlstate in ("57P01", "57P02", "57P03") or (error.sqlstate or "").startswith("08"):
        return ConnectionLostError(
            f"the connection to the database was lost: {message.splitlines()[0]}",
            details=("what was not committed has been rolled back by the server",),
        )
    kind: type[DatabaseError] = DatabaseError
    if error.sqlstate == "55P03":
        kind = LockTimeoutError
    elif error.sqlstate == "57014":
        kind = StatementTimeoutError
    return kind(
        message,
        sqlstate=error.sqlstate,
        position=int(diag.statement_position) if diag.statement_position else None,
        server_detail=redact(diag.message_detail, secrets) if diag.message_detail else None,
        server_hint=redact(diag.message_hint, secrets) if diag.message_hint else None,
        context=redact(diag.context, secrets) if diag.context else None,
        constraint=diag.constraint_name,
        table=diag.table_name,
    )


def _unreachable(error: psycopg.Error, target: Target) -> UnreachableError | UsageError:
    secrets = secrets_of(target)
    text = redact(str(error).strip(), secrets)
    first = re.sub(r"^connection failed: ", "", text.splitlines()[0] if text else type(error).__name__)
    host = target.host
    details: list[str] = []
    next_steps = [("which setting won", "chatops config")]
    lowered = text.lower()
    if re.fullmatch(r"db\.[a-z0-9]+\.supabase\.co", host):
        message = f"{host} cannot be reached: that name has an IPv6 address only"
        details.append("use the session pooler: postgresql://postgres.<ref>@aws-0-<region>.pooler.supabase.com:5432/postgres")
        details.append(WHERE_SUPABASE_SHOWS_IT)
    elif "password authentication failed" in lowered or "sasl" in lowered or "wrong password" in lowered:
        message = f"the server at {target.shown()} rejected the password or the user {target.parameters.get('user', '')}".rstrip()
        if "pooler.supabase.com" in host and "." not in target.parameters.get("user", ""):
            details.append("at the pooler the user must be postgres.<ref>, not postgres")
    elif "no password supplied" in lowered:
        message = f"the server at {target.shown()} wants a password and none was given"
        details.append("put it in the URL of CHATOPS_DATABASE_URL, in PGPASSWORD or in ~/.pgpass")
    elif "tenant or user not found" in lowered:
        message = f"the pooler at {host} knows no such project: the user must be postgres.<ref> and the region right"
    elif "could not translate host name" in lowered or "name or service not known" in lowered or "failed to resolve" in lowered:
        message = f"there is no host named {host}"
    elif "connection refused" in lowered:
        message = f"nothing answers at {target.shown()}: connection refused"
    elif "timeout" in lowered or "timed out" in lowered:
        message = f"{target.shown()} did not answer within {CONNECT_TIMEOUT_SECONDS} s"
    elif "does not exist" in lowered and "database" in lowered:
        message = f"the server at {target.shown()} has no database {target.parameters.get('dbname', '')}"
        if target.embedded == "demo":
            message, next_steps = "there is no demo yet", [("make it", "chatops demo")]
    elif "no such file or directory" in lowered:
        message = f"no server listens at {target.shown()}"
        details.append(first)
    else:
        message = f"no connection to {target.shown()}"
        details.append(first)
    return UnreachableError(message, details=details, next_steps=next_steps)
