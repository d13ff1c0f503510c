"""The application's writers on a connection of a test's own, to be held between two statements."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import psycopg
from psycopg.rows import dict_row

from chatops.chats import writers
from chatops.chats.writers import Rows, Step, Writer
from chatops.db import placeholders
from tests.servers import Database


class Session:
    """One client of the application: an autocommit connection on which writers run, wholly or step by step."""

    def __init__(self, database: Database, **options: Any) -> None:
        self.connection = database.connect(**options)
        self.pid = self.connection.info.backend_pid

    def run(self, step: Step) -> Rows:
        """One statement, by itself."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(placeholders(step.text), dict(step.parameters))
            return cursor.fetchall() if cursor.description else []

    def write(self, writer: Writer[Any]) -> Any:
        """A whole writer; returns what it returns."""
        return writers.drive(writer, self.run)

    def begin(self, writer: Writer[Any]) -> Held:
        """A writer to be run step by step."""
        return Held(self, writer)

    def execute(self, statement: str, params: Any = None) -> list[Any]:
        """Any statement; its rows as tuples."""
        cursor = self.connection.execute(statement, params)
        return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, params: Any = None) -> Any:
        """The first column of the first row."""
        rows = self.execute(statement, params)
        return rows[0][0] if rows else None


class Held:
    """A writer that stands between two statements: `until("end_chat_turn")` stops before that one, `rest()` ends it."""

    def __init__(self, session: Session, writer: Writer[Any]) -> None:
        self.session = session
        self._writer = writer
        self._rows: Rows | None = None
        self._next: Step | None = None
        self.ended = False
        self.result: Any = None
        self._advance()

    def _advance(self) -> None:
        try:
            self._next = next(self._writer) if self._rows is None else self._writer.send(self._rows)
        except StopIteration as end:
            self._next, self.ended, self.result = None, True, end.value

    def step(self) -> None:
        """Runs the next statement."""
        assert self._next is not None, "the writer has ended"
        self._rows = self.session.run(self._next)
        self._advance()

    def until(self, name: str) -> Held:
        """Runs statements until the next one is `name`."""
        while self._next is not None and self._next.name != name:
            self.step()
        assert self._next is not None, f"the writer has ended before {name}"
        return self

    def rest(self) -> Any:
        """Runs what is left; returns what the writer returns."""
        while self._next is not None:
            self.step()
        return self.result


def in_background(call: Callable[[], Any]) -> Future[Any]:
    """Starts a call in a thread of its own; its result, or its error, is in the future."""
    future: Future[Any] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - the caller asks for it
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def refused(call: Callable[[], Any]) -> str | None:
    """The SQLSTATE with which the server refused a call; None when it went through."""
    try:
        call()
    except psycopg.Error as error:
        return error.sqlstate
    return None
