"""A file that failed, in words: where, which line, what is in and what is not, and the next command."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatops import formatting
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.scanner import place
from chatops.migrations.transaction import Failure
from chatops.settings import without_passwords
from chatops.widths import cells

LINES_BEFORE = 2
# "already exists": the file's objects are there although the ledger does not know it.
ALREADY_THERE = frozenset(("42P07", "42710", "42701", "42723", "42P06"))
_ROW_DETAIL = re.compile(r"Failing row contains \(.*\)\.?", re.DOTALL)
_KEY_VALUES = re.compile(r"=\(([^)]*)\)")
_HARMLESS_VALUE = re.compile(r"[0-9a-f-]{36}|\d+|, ")


class MigrationFailedError(DatabaseError):
    """A file of SQL stopped with an error, and was rolled back."""

    def __init__(self, failure: Failure, label: str, details: Sequence[str], next_steps: Sequence[tuple[str, str]]) -> None:
        error = failure.error
        spot = located(failure)
        where = f"{spot.where}   " if spot else f"{label}: "
        super().__init__(
            f"{where}{error.message}",
            sqlstate=error.sqlstate,
            server_detail=discreet(error.server_detail),
            server_hint=error.server_hint,
            constraint=error.constraint,
            table=error.table,
            details=[*((["", *spot.excerpt, ""]) if spot else []), *details],
            next_steps=next_steps,
        )
        self.file = spot.file if spot else label
        self.line = spot.line if spot else None
        self.column = spot.column if spot else None


@frozen
class Spot:
    """A place in a file, counted from 1, with the lines around it and a caret below the column."""

    file: str
    line: int
    column: int
    excerpt: tuple[str, ...]

    @property
    def where(self) -> str:
        """`file:line:column`, as editors take it."""
        return f"{self.file}:{self.line}:{self.column}"


def located(failure: Failure) -> Spot | None:
    """The place in the file where a transaction stopped, None when it was none of the file's statements."""
    if failure.reading is None or failure.offset is None:
        return None
    at = place(failure.reading.sent, failure.offset)
    lines = failure.reading.text.split("\n")
    first = max(1, at.line - LINES_BEFORE)
    width = len(str(at.line))
    rows = _rows(failure.reading)
    shown, caret = around(lines[at.line - 1], at.column)
    texts = [*(around(line, 1)[0] for line in lines[first - 1 : at.line - 1]), shown]
    excerpt = [
        f"{number:>{width}} | {ROW if any(number in one for one in rows) else text}" for number, text in enumerate(texts, first)
    ]
    excerpt.append(f"{'':>{width}} | {' ' * caret}^")
    return Spot(failure.reading.name, at.line, at.column, tuple(excerpt))


def _rows(reading: MigrationText) -> list[range]:
    """The lines that are rows of a COPY."""
    places = [one.copy_data for one in reading.statements if one.copy_data is not None]
    return [range(place(reading.sent, begin).line, place(reading.sent, end).line) for begin, end in places]


_LONGEST = 160
_BEHIND = 40
"""Of a long line so much is shown behind the place."""
ROW = "(a row of the COPY, not shown)"


def around(line: str, column: int) -> tuple[str, int]:
    """A line, of a long one the piece around a column, and how many columns of a terminal stand before that.

    >>> around("select a, b", 8)
    ('select a, b', 7)
    >>> around("alter role a password 'x' nonsense", 27)
    ('alter role a password ******** nonsense', 31)
    >>> shown, caret = around(f"select '{'x' * 1000}', 漢, wrong", 1015)
    >>> shown[0], shown[-5:], caret == len(shown) - 5 + 1
    ('…', 'wrong', True)
    """
    text, at = (formatting.visible(without_passwords(one.expandtabs(4))) for one in (line, line[: column - 1]))
    begin = 0 if len(at) < _LONGEST - _BEHIND else len(at) - _LONGEST + _BEHIND
    piece = text[begin : begin + _LONGEST]
    front, back = "…" * (begin > 0), "…" * (begin + _LONGEST < len(text))
    return f"{front}{piece}{back}", len(front) + cells(text[begin : len(at)])


def discreet(detail: str | None) -> str | None:
    """The server's detail without the contents of rows: messages and addresses of people do not belong into a log.

    >>> discreet("Key (email)=(ada@acme.example) already exists.")
    'Key (email)=(…) already exists.'
    >>> discreet("Key (id)=(7) is not present in table \\"chats\\".")
    'Key (id)=(7) is not present in table "chats".'
    """
    if detail is None:
        return None
    detail = _ROW_DETAIL.sub("The row is not shown.", detail)
    return _KEY_VALUES.sub(lambda match: match[0] if not _HARMLESS_VALUE.sub("", match[1]) else "=(…)", detail)
