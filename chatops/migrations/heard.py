"""What the server says while a file runs: notices, warnings and the answers of queries, each kind once, by file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from chatops.db import Notice, Ran, Rows
from chatops.frozen import frozen
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.placing import unplaced
from chatops.migrations.scanner import Statement, place
from chatops.migrations.transaction import Part

RESULT = "RESULT"
_LOUD = ("WARNING", "ERROR", "FATAL", "PANIC")
# Two messages are of one kind when only names, values and numbers differ.
_PARTICULAR = re.compile(r'"[^"]*"|\'[^\']*\'|“[^”]*”|[0-9]+')


@frozen
class Said:
    """One thing that was said in a file, by its line, and how often the like of it; `columns` and `rows` are a query's answer."""

    file: str
    line: int
    severity: str
    message: str
    detail: str | None = None
    hint: str | None = None
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    count: int = 0
    times: int = 1

    @property
    def loud(self) -> bool:
        """Whether it is said even to those who want quiet."""
        return self.severity in _LOUD

    @property
    def kind(self) -> tuple[str, str, str]:
        """What is said once only."""
        like = "\0".join(self.columns) if self.severity == RESULT else _PARTICULAR.sub("?", self.message)
        return (self.file, self.severity, like)


def said(parts: Sequence[Part], ran: Ran) -> list[Said]:
    """What was said in the statements of files, in order; our own are left out.

    libpq hands out a notice as soon as it has read it, be the answer before it fetched or not. Our own statements, one of which
    stands before each of a file's, say nothing: what seems to be theirs belongs to the next one.
    """
    own = {at: part for at, part in enumerate(parts) if part.reading is not None and part.statement is not None}
    found: list[tuple[int, int, Said]] = []
    for number, notice in enumerate(ran.notices):
        at = notice.at if notice.at in own else notice.at + 1
        if (part := own.get(at)) is not None and part.reading is not None and part.statement is not None:
            found.append((at, number, _notice(notice, part.reading, part.statement)))
    for at, rows in ran.rows.items():
        if (part := own.get(at)) is not None and part.reading is not None and part.statement is not None:
            found.append((at, len(ran.notices), _answer(rows, part.reading, part.statement)))
    return [one for _, _, one in sorted(found, key=lambda item: item[:2])]


def by_kind(heard: Iterable[Said]) -> list[Said]:
    """Each kind once, as it was said first, with how often."""
    kinds: dict[tuple[str, str, str], Said] = {}
    for one in heard:
        before = kinds.get(one.kind)
        kinds[one.kind] = one if before is None else replace(before, times=before.times + one.times)
    return list(kinds.values())


def _notice(notice: Notice, reading: MigrationText, statement: Statement) -> Said:
    line = place(reading.sent, unplaced(notice.context, (), reading, statement)).line
    return Said(reading.name, line, notice.severity, notice.message, notice.detail, notice.hint)


def _answer(rows: Rows, reading: MigrationText, statement: Statement) -> Said:
    first = (
        ", ".join(f"{column}={value}" for column, value in zip(rows.columns, rows.first[0], strict=True)) if rows.first else ""
    )
    message = f"{rows.count} rows" + (f", the first: {first}" if first else "") if rows.count != 1 else first
    return Said(reading.name, statement.line, RESULT, message, None, None, rows.columns, rows.first, rows.count)
