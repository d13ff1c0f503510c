"""One connection: what it is, how its statements are ended and given up, and its errors as ours."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Literal, Self

import psycopg
from psycopg.rows import TupleRow

from chatops.db.failures import NO_RIGHT, grants, translate
from chatops.errors import ConnectionLostError, DatabaseError
from chatops.settings import Answered, Target, secrets_of

Intent = Literal["read", "act", "migrate"]
LOG_IS_BEHIND = ("23505", "actions_pkey")
"""After a cut-over of logical replication, which copies no sequences."""


class Link:
    """One connection to one target; autocommit."""

    def __init__(self, connection: psycopg.Connection[TupleRow], target: Target, intent: Intent) -> None:
        self._connection = connection
        self.target = target
        self.intent = intent
        self._gave_up: float | None = None

    @property
    def odd_strings(self) -> bool:
        """Whether a backslash in a literal escapes in this session's own settings (standard_conforming_strings is off)."""
        return self._connection.info.parameter_status("standard_conforming_strings") == "off"

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

    def rollback(self) -> None:
        """Ends an open transaction, if any, without a word."""
        with contextlib.suppress(psycopg.Error):
            if not self._connection.closed:
                self._connection.execute("rollback")

    def on_notice(self, listener: Callable[[str, str], None]) -> None:
        """Calls `listener(severity, message)` for each notice of the server."""
        self._connection.add_notice_handler(
            lambda diag: listener(diag.severity_nonlocalized or diag.severity or "", diag.message_primary or "")
        )

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
            found = translate(error, self._connection, secrets_of(self.target))
            if error.sqlstate == NO_RIGHT:
                found.next_steps += grants(found.message, self.role, acting=self.intent != "read")
            if isinstance(found, DatabaseError) and (found.sqlstate, found.constraint) == LOG_IS_BEHIND:
                mend = " ".join(part for part in ("chatops", self.target.flags, "repair DATA005") if part)
                found.next_steps += (("the sequence of the log is behind it", mend),)
            if self._gave_up is not None and isinstance(found, ConnectionLostError):
                raise ConnectionLostError(f"the database did not answer in time: given up after {self._gave_up:.0f} s") from None
            raise found from None
