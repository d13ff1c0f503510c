"""One connection: what it is, how its statements are ended and given up, and its errors as ours."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Literal, Protocol, Self

import psycopg
from psycopg.rows import TupleRow

from chatops.db import encodings
from chatops.db.failures import LIMITS, NO_RIGHT, grants, lifted, secrets_known, translate
from chatops.errors import ChatopsError, ConnectionLostError, DatabaseError, StatementTimeoutError
from chatops.settings import Answered, Target, redact

Intent = Literal["read", "act", "migrate"]
LOG_IS_BEHIND = ("23505", "actions_pkey")
"""After a cut-over of logical replication, which copies no sequences."""


class Dial(Protocol):
    """Makes another connection to the place of one."""

    def __call__(self, like: psycopg.Connection[TupleRow], *, lift: bool) -> psycopg.Connection[TupleRow]:
        """`lift`: without the limits that roles and databases set for sessions. Raises the driver's errors."""


class Link:
    """One connection to one target; autocommit."""

    def __init__(self, connection: psycopg.Connection[TupleRow], target: Target, intent: Intent) -> None:
        self._connection = connection
        self.target = target
        self.intent = intent
        self.keeps_session = False
        """Whether something is kept in the session itself, so that no other may take its place."""
        self.dial: Dial | None = None
        self.judge: Callable[[], None] = lambda: None
        """Whether a new session leads where the one before it led: it may refuse."""
        self.in_two_steps = False
        """Whether the session's own statement_timeout is so short that it must be lifted before anything else is sent."""
        self._is_lifted = False
        self._was_lost = False
        self._listeners: list[Callable[[psycopg.errors.Diagnostic], None]] = []
        self._for_its_life: list[str] = []
        self._holds = encodings.codec(connection.info.parameter_status("server_encoding"))
        self._gave_up: float | None = None

    @property
    def odd_strings(self) -> bool:
        """Whether a backslash in a literal escapes in this session's own settings (standard_conforming_strings is off)."""
        return self._connection.info.parameter_status("standard_conforming_strings") == "off"

    def fitting(self, text: str) -> str:
        """A text with what the database cannot hold escaped, readable."""
        return encodings.fitting(text, self._holds)

    def lacking(self, text: str) -> str:
        """The first sign of a text that the database cannot hold, "" where it can hold all."""
        return encodings.lacking(text, self._holds)

    @property
    def protocol_pid(self) -> int:
        """The process id that the protocol named at connect; a pooler makes it differ from the backend's own."""
        return self._connection.info.backend_pid

    @property
    def answered(self) -> Answered:
        """Where the connection really went."""
        info = self._connection.info
        return Answered(info.host, info.hostaddr, str(info.port), info.dbname)

    @property
    def role(self) -> str:
        """Whose rights count: who logged in, until the server has said that it is somebody else (`alter role … set role`)."""
        return self._connection.info.user

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

    @property
    def failed(self) -> bool:
        """Whether the open transaction has failed, and only a rollback is left."""
        return self._connection.info.transaction_status.name == "INERROR"

    def password_verifier(self, role: str, password: str) -> str:
        """What the server keeps in place of a role's password, made here: the password itself is never sent, nor logged."""
        return self._connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()

    @property
    def secrets(self) -> list[str]:
        """Every secret that made this connection, wherever libpq found it: no text of the server's is shown with one in it."""
        return secrets_known(self.target, self._connection.pgconn)

    def rollback(self) -> None:
        """Ends an open transaction, if any, without a word."""
        with contextlib.suppress(psycopg.Error):
            if not self._connection.closed:
                self._connection.execute("rollback")

    def on_notice(self, listener: Callable[[str, str], None]) -> None:
        """Calls `listener(severity, message)` for each notice of the server."""

        def listen(diag: psycopg.errors.Diagnostic) -> None:
            listener(diag.severity_nonlocalized or diag.severity or "", redact(diag.message_primary or "", self.secrets))

        self._listeners.append(listen)
        self._connection.add_notice_handler(listen)

    def for_its_life(self, statement: str) -> None:
        """Sets something for this session, and for each one that takes its place."""
        with self._translated():
            self._connection.execute(statement.encode())
        self._for_its_life.append(statement)

    def renewed(self, ended: ChatopsError) -> bool:
        """Whether a new session has taken the place of one that was ended while nothing of ours was under way.

        Sessions end while a question is open, and by limits that were set for roles and databases: those are lifted, once.
        """
        if self.dial is None or self.keeps_session or self._gave_up is not None:
            return False
        said = getattr(ended, "sqlstate", None)
        limited = isinstance(ended, StatementTimeoutError) or said in LIMITS
        if limited and (self._is_lifted or self.in_two_steps):
            return False
        # What a server says last does not always arrive; whatever ends sessions twice in a row is a limit.
        suspected = said is None and self._was_lost
        self._was_lost = True
        if (limited or suspected) and self.lifted():
            return True
        if isinstance(ended, StatementTimeoutError):
            # A pooler takes no options: then the statements themselves have to lift what they can.
            self.in_two_steps = True
            return not self.closed
        return self._redialled(lift=False)

    def lifted(self) -> bool:
        """Whether a new session without the limits of the one before has taken its place; tried once."""
        if self.dial is None or self.keeps_session or self._is_lifted:
            return False
        self._is_lifted = True
        return self._redialled(lift=True)

    def _redialled(self, *, lift: bool) -> bool:
        assert self.dial is not None
        try:
            fresh = self.dial(self._connection, lift=lift)
            for statement in self._for_its_life:
                fresh.execute(statement.encode())
        except psycopg.Error:
            return False
        self._connection.close()
        self._connection = fresh
        for listener in self._listeners:
            fresh.add_notice_handler(listener)
        self.judge()
        return True

    def awake(self) -> None:
        """Before something is sent that changes something: another session, where this one was ended meanwhile."""
        if self.dial is None or self.keeps_session or self.in_transaction:
            return
        if not self.closed and not select.select([self._connection.pgconn.socket], [], [], 0)[0]:
            return  # nothing was said by the server: it is there
        try:
            with self._translated():
                self._connection.execute("select")
        except ConnectionLostError as ended:
            if not self.renewed(ended):
                raise

    def cancel(self, timeout: float = 5.0) -> None:
        """Asks the server to end the running statement; safe from another thread."""
        with contextlib.suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=timeout)

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            found = translate(error, self._connection, self.secrets)
            if error.sqlstate == NO_RIGHT:
                found.next_steps += grants(found.message, self.role, acting=self.intent != "read")
            if isinstance(found, DatabaseError) and (found.sqlstate, found.constraint) == LOG_IS_BEHIND:
                mend = " ".join(part for part in ("chatops", self.target.flags, "repair DATA005") if part)
                found.next_steps += (("the sequence of the log is behind it", mend),)
            if isinstance(found, ConnectionLostError) and (setting := LIMITS.get(found.sqlstate or "")):
                found.next_steps += (self._lifted(setting),)
            if self._gave_up is not None and isinstance(found, ConnectionLostError):
                raise ConnectionLostError(f"the database did not answer in time: given up after {self._gave_up:.0f} s") from None
            raise found from None

    def _lifted(self, setting: str) -> tuple[str, str]:
        info = self._connection.pgconn.info if not self.closed else []
        known = {one.keyword.decode(): (one.val or b"").decode(errors="replace") for one in info}
        given = {**known, **self.target.parameters}
        options = f"{known.get('options', '')} {given.get('options', '')} {os.environ.get('PGOPTIONS', '')}"
        return lifted(setting, given.get("user", ""), given.get("dbname", ""), options)
