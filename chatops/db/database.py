"""The database as commands see it: transactions that read or act, each with its timeouts, and what the server said of itself."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import psycopg
from psycopg.rows import TupleRow

from chatops import interrupts
from chatops.db.facts import BY_SCHEMA, Facts, facts_by_schema, facts_query, hidden_query
from chatops.db.link import Intent
from chatops.db.session import PINS, SHORTEST_MS, too_short
from chatops.db.statements import Row, Statements, has_rows, row_of
from chatops.db.texts import Parameters, identifier, inlined, literal
from chatops.errors import ConnectionLostError, DatabaseError, HiddenRowsError, StatementTimeoutError, standby_refused
from chatops.settings import Target

# statement_timeout and lock_timeout per intent, for our own transactions; the files of a migration have the server's own.
TIMEOUTS: Mapping[Intent, tuple[str, str]] = {
    "read": ("15s", "1s"),
    "act": ("5s", "1s"),
    "migrate": ("0", "3s"),
}


OF_WORKERS = ("chatops.write", "timezone", "enable_seqscan", "enable_mergejoin", "random_page_cost")
"""Settings of a transaction that what runs on a Citus cluster's workers must find, too."""
SHORT_TRIES = 20
_COMMENT = re.compile(r"--[^\n]*")
_OF_OURS = re.compile(r"(?<!['\w.])chatops\.[a-z]+\b")
Answered = TypeVar("Answered")
GLANCE = "begin isolation level read committed, read only, not deferrable"


class Database(Statements):
    """One connection to one target; autocommit, transactions are opened by `reading`, `acting` or the caller's own text."""

    def __init__(self, connection: psycopg.Connection[TupleRow], target: Target, intent: Intent) -> None:
        super().__init__(connection, target, intent)
        self.facts: Facts | None = None
        self._has_transactions = False
        self.known: Facts | None = None
        """What was read for many schemas at once: a transaction then asks no more than the time."""
        self.show_names = False
        """Whether people may be named in what is said about this database: set by whoever knows who reads it."""
        self.before_writing: Callable[[Database], None] | None = None
        """Asked when a writing transaction begins, until it says that it need not be again: it may refuse."""
        self.wrote: bool | None = None
        """After `reading`: whether the transaction was given a transaction id, that is, wrote anything."""

    @property
    def role(self) -> str:
        """As the server said, once it has."""
        return self.facts.role if self.facts is not None else super().role

    def _settings(self, statement_timeout: str | None, lock_timeout: str | None) -> str:
        default_statement, default_lock = TIMEOUTS[self.intent]
        parts = [PINS, f"set local statement_timeout = {literal(statement_timeout or default_statement)}",
                 f"set local lock_timeout = {literal(lock_timeout or default_lock)}",
                 f"set local search_path = {identifier(self.target.schema)}, pg_temp"]  # fmt: skip
        return "; ".join(parts)

    @contextlib.contextmanager
    def reading(self, *, statement_timeout: str | None = None) -> Iterator[Database]:
        """One snapshot, read-only; afterwards `wrote` says whether a transaction id was assigned (it must not be)."""
        self._begin("begin isolation level repeatable read, read only, not deferrable", statement_timeout, None)
        try:
            yield self
        except BaseException:
            self.rollback()
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
        interrupts.unless_asked_to_stop()
        self._begin("begin isolation level read committed, read write, not deferrable", statement_timeout, lock_timeout)
        try:
            if self.before_writing is not None:
                self.before_writing(self)
            yield self
        except BaseException:
            self.rollback()
            raise
        if rollback:
            self.script("rollback")
        else:
            self._commit()

    def _commit(self) -> None:
        """Whoever stops us now is told what is done: the commit is waited for."""
        with interrupts.held():
            wrote = self.script("select pg_current_xact_id_if_assigned() is not null; commit")
            if wrote[0][0][0]:
                interrupts.note_commit()

    def at_once(
        self, statements: Sequence[str], settings: Mapping[str, str | None], *, statement_timeout: str | None = None,
        rollback: bool = False,
    ) -> list[list[tuple[Any, ...]]]:  # fmt: skip
        """Statements as one request that is one transaction: no lock waits for this client; the rows of each that returned some.

        `settings` are set as by `annotate`.
        """
        if self.before_writing is not None:
            self.glance()
            self.before_writing(self)
        for statement in statements:
            self._refuse_hidden(statement)
        begin = "begin isolation level read committed, read write"
        text = ";\n".join(
            (
                self._settings(statement_timeout, None),
                self._set_text(settings),
                "select null",  # where the rows of the settings end
                *statements,
                "rollback" if rollback else "commit",
            )
        )
        interrupts.unless_asked_to_stop()
        try:
            self.awake()
            with interrupts.held(self.cancel):
                if self.in_two_steps:
                    self._begin_apart(begin)
                results = self.script(text if self.in_two_steps else f"{begin};\n{text}")
                if not rollback:
                    interrupts.note_commit()
        except DatabaseError:
            self.rollback()
            interrupts.unless_asked_to_stop()  # by whom the statement was ended
            raise
        return results[results.index([(None,)]) + 1 :]

    def glance(self, meanwhile: Callable[[], object] | None = None) -> Facts:
        """What the server says of itself, in one round trip and a transaction that is over when this returns.

        `meanwhile` is done while the server works; again where the session was ended before it had answered.
        """
        send = self.script if meanwhile is None else lambda text: self.script_beside(text, meanwhile)
        results = self._first(GLANCE, f"{self._settings(None, None)}; {facts_query(self.target.schema)}; commit", send)
        self.facts = self._seen(Facts(*results[-1][0]))
        self._require_transactions(self.facts)
        return self.facts

    def _seen(self, facts: Facts) -> Facts:
        """The same with those of the tables under row level security that hide rows; there are mostly none to ask about."""
        if not facts.hidden:
            return facts
        if self.in_transaction:
            results = self.script(hidden_query())
        else:
            results = self._first(GLANCE, f"{self._settings(None, None)}; {hidden_query()}; commit", self.script)
        return replace(facts, hidden=results[-1][0][0])

    def backend(self) -> int:
        """The process that answers, in one round trip: a glance at what needs no look into the catalog."""
        results = self._first(GLANCE, f"{self._settings(None, None)}; select pg_catalog.pg_backend_pid(); commit", self.script)
        return int(results[-1][0][0])

    def _require_transactions(self, facts: Facts) -> None:
        """A pooler by statement lets a transaction through that is one request, and no other: better told now than half-way."""
        if facts.backend_pid != self.protocol_pid and not self._has_transactions:
            self.script("begin; set local idle_in_transaction_session_timeout = '10min'")
            self.script("rollback")
            self._has_transactions = True

    def glance_many(self, schemas: Sequence[str]) -> list[Facts]:
        """As `glance` for each of several schemas, in one round trip."""
        asked = f"{facts_query(schemas[0])}; {facts_by_schema(schemas)}"
        results = self._first(GLANCE, f"{self._settings(None, None)}; {asked}; commit", self.script)
        whole = self._seen(Facts(*results[-2][0]))
        asked_of = [dict(zip(BY_SCHEMA, row[1:], strict=True)) for row in results[-1]]
        found = [replace(whole, **{**one, "hidden": [*one["hidden"], *whole.hidden_of_ours]}) for one in asked_of]
        self.facts = found[-1]
        self._require_transactions(self.facts)
        return found

    def glance_at(
        self, row: type[Row], text: str, parameters: Parameters, *, statement_timeout: str | None = None,
        lock_timeout: str | None = None,
    ) -> list[Row]:  # fmt: skip
        """The rows of one query, in one round trip and a transaction that is over when this returns."""
        self._refuse_hidden(text)

        def send(request: str) -> list[Row]:
            with self._translated(), self._connection.cursor(row_factory=row_of(row)) as cursor:
                cursor.execute(request.encode())
                pins = True
                while not has_rows(cursor.pgresult) or pins:
                    pins = pins and not has_rows(cursor.pgresult)
                    cursor.nextset()
                return cursor.fetchall()

        settings = self._settings(statement_timeout, lock_timeout)
        asked = f"{settings}; {inlined(text, parameters).rstrip().removesuffix(';')}\n; commit"
        try:
            return self._first(GLANCE, asked, send)
        except DatabaseError:
            self.rollback()
            raise

    def _first(self, begin: str, rest: str, send: Callable[[str], Answered]) -> Answered:
        """Sends the first request of a transaction, on a new session where this one was ended before: it has changed nothing."""
        for last in (False, False, False, True):
            try:
                if self.in_two_steps:
                    self._begin_apart(begin)
                    return send(rest)
                found = send(f"{begin}; {rest}")
            except (ConnectionLostError, StatementTimeoutError) as error:
                self.rollback()
                if last or not self.renewed(error):
                    raise
                continue
            except DatabaseError:
                self.rollback()  # of a transaction that ends with its request nothing is left open
                raise
            limits = found[0][0] if isinstance(found, list) and found and isinstance(found[0], list) else None
            if limits is None or last or not too_short(limits[: len(SHORTEST_MS)]) or not self.lifted():
                return found
        raise AssertionError

    def _begin_apart(self, begin: str) -> None:
        """Begins a transaction without the session's own limits; what does so is over before a limit of a millisecond is."""
        for _ in range(SHORT_TRIES):
            with contextlib.suppress(StatementTimeoutError):
                self.script(f"{begin}; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = '10min'")
                return
            self.rollback()
        self.script(begin)

    def _begin(self, begin: str, statement_timeout: str | None, lock_timeout: str | None) -> None:
        asked = facts_query(self.target.schema) if self.known is None else "select statement_timestamp(), pg_backend_pid()"
        try:
            results = self._first(begin, f"{self._settings(statement_timeout, lock_timeout)}; {asked}", self.script)
        except DatabaseError as error:
            self.rollback()
            if error.sqlstate in ("25006", "0A000") and "read write" in begin:
                raise standby_refused() from None
            raise
        row = results[-1][0]
        self.facts = self._seen(Facts(*row)) if self.known is None else replace(self.known, now=row[0], backend_pid=row[1])
        if self.facts.distributed and "read write" in begin:
            # By SET, one by one: only so does Citus take a setting to the workers.
            self.execute("set local citus.propagate_set_commands = 'local'")
            self.execute(f"set local lock_timeout = {literal(lock_timeout or TIMEOUTS[self.intent][1])}")

    def annotate(self, settings: Mapping[str, str | None]) -> None:
        """Sets transaction-local settings in one statement, such as those from which the audit takes its defaults."""
        self.script(self._set_text(settings))
        if self.facts is not None and self.facts.distributed:
            for name in settings.keys() & set(OF_WORKERS):
                self.execute(f"set local {name} = {literal(settings[name] or '')}")

    def _set_text(self, settings: Mapping[str, str | None]) -> str:
        known = {name: self.fitting(value or "") for name, value in settings.items()}
        return f"select {', '.join(f'set_config({literal(name)}, {literal(value)}, true)' for name, value in known.items())}"

    def hidden_among(self, text: str) -> list[str]:
        """The tables of schema chatops that a statement names and whose rows are hidden from this role."""
        if self.facts is None or not (hidden := self.facts.hidden_of_ours):
            return []
        named = set(_OF_OURS.findall(_COMMENT.sub("", text)))
        return [name for name in hidden if name in named]

    def _refuse_hidden(self, text: str) -> None:
        """Raises HiddenRowsError instead of asking what would be answered as if there were nothing."""
        if hidden := self.hidden_among(text):
            raise self.rows_hidden(hidden)

    def rows_hidden(self, tables: Sequence[str]) -> HiddenRowsError:
        """What is said of tables of schema chatops whose rows are hidden from this role."""
        role = identifier(self.role)
        policies = [f"create policy chatops_all on {name} to {role} using (true) with check (true);" for name in tables]
        return HiddenRowsError(
            f"{', '.join(tables)} cannot be seen: row level security hides rows from {role}",
            next_steps=[("show them to this role (SQL)", " ".join(policies))],
        )

    def _bound(self, text: str, parameters: Parameters | None) -> tuple[Any, ...]:
        self._refuse_hidden(text)
        return super()._bound(text, parameters)

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
