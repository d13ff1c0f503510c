"""How far a text of several statements came, and what the server said meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from psycopg import pq

from chatops.errors import ChatopsError
from chatops.frozen import frozen

MOST_ROWS = 10
"""How many rows of a statement's answer are kept for people."""


@frozen
class Notice:
    """What the server said beside its answers; `at` is how many answers had been fetched by then, and may be one too few."""

    at: int
    severity: str
    sqlstate: str
    message: str
    detail: str | None
    hint: str | None
    context: str | None


@frozen
class Rows:
    """What a statement returned: its columns, the first rows as text, and how many there were."""

    columns: tuple[str, ...]
    first: tuple[tuple[str | None, ...], ...]
    count: int


@frozen
class Ran:
    """How far a text of several statements came.

    `tags` are the command tags of the statements that finished, in order ("UPDATE 214"), `firsts` the first value of the first
    row of each as text, None where there was none; `error` is what stopped it. `rows` are what the statements returned that
    were asked for, by their number. Whether anything was kept is the text's own affair: its BEGIN and COMMIT are among its
    statements.
    """

    tags: tuple[str, ...]
    firsts: tuple[str | None, ...]
    error: ChatopsError | None
    notices: tuple[Notice, ...] = ()
    rows: Mapping[int, Rows] = field(default_factory=dict)

    def part(self, begin: int, end: int | None = None, error: ChatopsError | None = None) -> Ran:
        """Some of the statements in a row, as if they had been sent alone."""
        last = len(self.tags) + 1 if end is None else end
        return Ran(
            self.tags[begin:end],
            self.firsts[begin:end],
            error,
            tuple(replace(one, at=one.at - begin) for one in self.notices if begin - 1 <= one.at < last),
            {at - begin: rows for at, rows in self.rows.items() if begin <= at < last},
        )


def rows_of(result: pq.abc.PGresult) -> Rows:
    """The answer of a statement."""
    columns = tuple((result.fname(at) or b"").decode() for at in range(result.nfields))
    first = []
    for row in range(min(result.ntuples, MOST_ROWS)):
        values = (result.get_value(row, at) for at in range(result.nfields))
        first.append(tuple(None if value is None else value.decode("utf-8", "replace") for value in values))
    return Rows(columns, tuple(first), result.ntuples)
