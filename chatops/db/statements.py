"""Statements on a connection: one with its rows, a text of many as one request, rows that stream, COPY."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import generators, pq
from psycopg.adapt import Transformer
from psycopg.rows import RowMaker, class_row, dict_row, tuple_row
from psycopg.waiting import Wait

from chatops import interrupts
from chatops.db.failures import translate
from chatops.db.link import Link
from chatops.db.ran import Notice, Ran, rows_of
from chatops.db.texts import Parameters, placeholders
from chatops.errors import ChatopsError, DatabaseError
from chatops.settings import redact

Row = TypeVar("Row")

_COPY_CHUNK = 128 << 10
_FINISHED = frozenset((pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY))


def has_rows(result: pq.abc.PGresult | None) -> bool:
    """Whether a statement returned rows, perhaps none: a cursor's `description` makes an object of each column to tell."""
    return result is not None and (result.nfields > 0 or result.status == pq.ExecStatus.TUPLES_OK)


def row_of(kind: type[Row]) -> Callable[[psycopg.Cursor[Any]], RowMaker[Row]]:
    """As the driver's `class_row`, without a dictionary for each row where a query's columns come as the class has them."""

    def of_cursor(cursor: psycopg.Cursor[Any]) -> RowMaker[Row]:
        result = cursor.pgresult
        columns = tuple((result.fname(at) or b"").decode() for at in range(result.nfields)) if result is not None else ()
        if not columns or columns != getattr(kind, "__match_args__", ()):
            return class_row(kind)(cursor)
        return lambda values: kind(*values)

    return of_cursor


class Statements(Link):
    """What can be asked of a connection."""

    def rows(self, row: type[Row], text: str, parameters: Parameters | None = None) -> list[Row]:
        """The rows of one query as frozen dataclasses whose fields are the query's columns."""
        with self._translated(), self._connection.cursor(row_factory=row_of(row)) as cursor:
            cursor.execute(*self._bound(text, parameters))
            return cursor.fetchall()

    def mappings(self, text: str, parameters: Parameters | None = None) -> list[dict[str, Any]]:
        """The rows of one query whose columns only the query knows; [] when the statement returns none."""
        with self._translated(), self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(*self._bound(text, parameters))
            return cursor.fetchall() if has_rows(cursor.pgresult) else []

    def mappings_before(self, text: str, after: str, *, first: str = "") -> list[dict[str, Any]]:
        """The rows of one query of ours, what comes `first` and returns none, and what comes after it, in one round trip."""
        with self._translated(), self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(f"{first}{text}\n;\n{after}".encode())
            while not has_rows(cursor.pgresult) and cursor.nextset():
                pass
            return cursor.fetchall() if has_rows(cursor.pgresult) else []

    def tuples(self, text: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of one query as tuples; [] when the statement returns none."""
        with self._translated(), self._connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(*self._bound(text, parameters))
            return cursor.fetchall() if has_rows(cursor.pgresult) else []

    def value(self, text: str, parameters: Parameters | None = None) -> Any:
        """The first column of the first row, None when there is no row."""
        found = self.tuples(text, parameters)
        return found[0][0] if found else None

    def execute(self, text: str, parameters: Parameters | None = None) -> int:
        """Runs a statement; the number of rows it touched."""
        with self._translated(), self._connection.cursor() as cursor:
            cursor.execute(*self._bound(text, parameters))
            return cursor.rowcount

    def stream(self, row: type[Row], text: str, parameters: Parameters | None = None, *, batch: int = 2000) -> Iterator[Row]:
        """The rows of one query through a server-side cursor, `batch` at a time; inside a transaction only."""
        with (
            self._translated(),
            self._connection.cursor(name="chatops_stream", row_factory=row_of(row)) as cursor,
        ):
            cursor.itersize = batch
            cursor.execute(*self._bound(text, parameters))
            yield from cursor

    def untrusted_mappings(
        self, text: str, parameters: Parameters | None = None, *, limit: int | None = None
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
                if has_rows(cursor.pgresult):
                    results.append(cursor.fetchall())
                if not cursor.nextset():
                    return results

    def script_beside(self, text: str, meanwhile: Callable[[], object]) -> list[list[tuple[Any, ...]]]:
        """As `script`; `meanwhile` is done while the server works, what it raises is raised once the server has answered."""
        results: list[pq.abc.PGresult] = []
        raised: list[Exception] = []
        with self._translated():
            with self._connection.lock:
                self._connection.wait(self._asked(text, results, raised, meanwhile))
            if refused := next((one for one in results if one.status not in _FINISHED), None):
                raise psycopg.errors.error_from_result(refused, encoding="utf-8")
        if raised:
            raise raised[0]
        made = Transformer(self._connection)
        found: list[list[tuple[Any, ...]]] = []
        for result in results:
            if result.nfields:
                made.set_pgresult(result)
                found.append(made.load_rows(0, result.ntuples, tuple))
        return found

    def run(
        self, text: str, copies: Sequence[str] = (), heard: Container[int] = (), meanwhile: Callable[[], None] | None = None
    ) -> Ran:
        """Sends a text of any number of statements as one request, and says how far it came instead of raising.

        `copies` are the rows for each `COPY … FROM stdin` in it, in order; each costs one more round trip. `heard` are the
        numbers of the statements whose rows somebody wants to see; `meanwhile` is done while the server works: what it raises
        is raised once the server has answered.
        """
        results: list[pq.abc.PGresult] = []
        raised: list[Exception] = []
        ran = self._conversed(lambda: self._asked(text, results, raised, meanwhile, copies), results, heard)
        if raised:
            raise raised[0]
        return ran

    def _asked(
        self, text: str, results: list[pq.abc.PGresult], raised: list[Exception], meanwhile: Callable[[], object] | None,
        copies: Sequence[str] = (),
    ) -> Any:  # fmt: skip
        """The conversation of one request: gathers its results, and what was raised by what is done while the server works."""
        pgconn, rows = self._connection.pgconn, iter(copies)
        pgconn.send_query(text.encode())
        yield from generators.send(pgconn)
        if meanwhile is not None:
            try:
                meanwhile()
            except Exception as error:  # noqa: BLE001 - whatever it is, an answer is under way
                raised.append(error)
        while (result := (yield from generators.fetch(pgconn))) is not None:
            if result.status in (pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH):
                results.append(result)
                return
            if result.status != pq.ExecStatus.COPY_IN:
                results.append(result)
                continue
            data = next(rows, "").encode()
            for start in range(0, len(data), _COPY_CHUNK):
                yield from generators.copy_to(pgconn, data[start : start + _COPY_CHUNK])
            while pgconn.put_copy_end(None) == 0:
                yield Wait.W
            yield from generators.send(pgconn)

    def run_apart(self, texts: Sequence[str], heard: Container[int] = ()) -> Ran:
        """As `run` for statements that reach the server one at a time, in a pipeline: for servers that read a request as one.

        An error's `position` is one in the texts, each followed by three characters. Raises nothing of the server's.
        """
        pgconn = self._connection.pgconn
        results: list[pq.abc.PGresult] = []

        def conversation() -> Any:
            pgconn.enter_pipeline_mode()
            for text in texts:
                pgconn.send_query_params(text.encode(), None)
            pgconn.pipeline_sync()
            yield from generators.send(pgconn)
            for _ in texts:
                while (result := (yield from generators.fetch(pgconn))) is not None:
                    results.append(result)
            yield from generators.fetch(pgconn)  # the end of the pipeline
            pgconn.exit_pipeline_mode()

        ran = self._conversed(conversation, results, heard)
        if isinstance(ran.error, DatabaseError) and ran.error.position is not None:
            ran.error.position += sum(len(text) + 3 for text in texts[: len(ran.tags)])
        return ran

    def _conversed(self, conversation: Callable[[], Any], results: list[pq.abc.PGresult], heard: Container[int]) -> Ran:
        """Has a conversation that gathers results, and tells how far it came."""
        connection = self._connection
        notices: list[Notice] = []

        def listen(diag: psycopg.errors.Diagnostic) -> None:
            secrets, texts = self.secrets, (diag.message_detail, diag.message_hint, diag.context)
            detail, hint, context = (redact(one, secrets) if one else None for one in texts)
            severity = diag.severity_nonlocalized or diag.severity or ""
            message = redact(diag.message_primary or "", secrets)
            notices.append(Notice(len(results), severity, diag.sqlstate or "", message, detail, hint, context))

        error: ChatopsError | None = None
        connection.add_notice_handler(listen)
        try:
            with connection.lock:
                connection.wait(conversation())
        except psycopg.Error as lost:
            error = translate(lost, connection, self.secrets)
        finally:
            connection.remove_notice_handler(listen)
            if self.intent != "read" and any(result.command_status == b"COMMIT" for result in results):
                interrupts.note_commit()
        finished = [result for result in results if result.status in _FINISHED]
        if error is None and len(finished) < len(results):
            failure = psycopg.errors.error_from_result(results[len(finished)], encoding="utf-8")
            error = translate(failure, connection, self.secrets)
        tags = tuple((result.command_status or b"").decode() for result in finished)
        firsts = tuple(
            value.decode() if result.ntuples and result.nfields and (value := result.get_value(0, 0)) is not None else None
            for result in finished
        )
        wanted = {at: rows_of(result) for at, result in enumerate(finished) if at in heard and result.nfields}
        return Ran(tags, firsts, error, tuple(notices), wanted)

    def _bound(self, text: str, parameters: Parameters | None) -> tuple[Any, ...]:
        return (text.encode(),) if parameters is None else (placeholders(text).encode(), parameters)
