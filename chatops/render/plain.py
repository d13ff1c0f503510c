"""For a pipe or a log: nothing cut, nothing coloured, full ids; how long ago things were, or their instants in UTC.

On a terminal the rows of a table are lines, each value with its heading: as a screen reader reads them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from chatops import formatting, signs
from chatops.model import Answer, Column, Line, Table, value_of
from chatops.render.cells import NUMERIC, columns_for, flat_value, for_people, human, human_value
from chatops.render.format import Envelope, Format, Medium
from chatops.widths import cells, padded

APART = "  "


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """Text and tables in reading order."""

    def told(table: Table) -> Iterable[str]:
        return _lines(table, medium, answer.now) if medium.terminal else [_table(table, medium, answer.now)]

    return for_people(answer, told, lambda line: [unstyled(line) + "\n"])


def unstyled(line: Line) -> str:
    """A line's text, as it may be shown."""
    # Made visible as a whole: spans that are harmless one by one may make a command of a CI system together.
    return formatting.visible(line if isinstance(line, str) else "".join(span.text for span in line), lines=True)


def _cell(value: object, column: Column, medium: Medium, now: datetime | None) -> str:
    if column.kind in ("share", "duration", "age"):
        return human_value(value, column, medium, now) if value is not None else ""
    text = formatting.visible(flat_value(value, column, medium))
    return signs.in_ascii(text) if medium.ascii else text


def _table(table: Table, medium: Medium, now: datetime | None) -> str:
    columns = [column for column in columns_for(table, "people") if column.kind != "bar"]
    rows = list(table.rows)
    title = f"{table.title}\n" if table.title else ""
    if not rows:
        return f"{title}{table.empty or 'none'}\n"
    # Column by column: of many rows each takes half the time.
    texts = [[_cell(value_of(row, column.name), column, medium, now).strip() for row in rows] for column in columns]
    headings = [column.heading for column in columns]
    return title + "".join(f"{line}\n" for line in _in_columns(headings, texts, [column.kind in NUMERIC for column in columns]))


def _in_columns(headings: Sequence[str], columns: Sequence[Sequence[str]], to_the_right: Sequence[bool]) -> Iterator[str]:
    """Headings, a line under each, and the texts of each column beneath.

    >>> list(_in_columns(["who", "chats"], [["ada", "漢字"], ["7", "12"]], [False, True]))
    ['who      chats', '-----  -------', 'ada          7', '漢字        12']
    """
    laid_out = []
    for heading, texts, right in zip(headings, columns, to_the_right, strict=True):
        width = max(cells(heading) + len(APART), *map(cells, texts))
        laid_out.append([padded(text, width, to_the_right=right) for text in (heading, "-" * width, *texts)])
    for line in zip(*laid_out, strict=True):
        yield APART.join(line).rstrip()


def _lines(table: Table, medium: Medium, now: datetime | None) -> Iterator[str]:
    """A row as one line: what it is about, then each value that there is behind its heading."""
    columns = [column for column in columns_for(table, "people") if column.kind != "bar"]
    if table.title:
        yield f"{table.title}\n"
    empty = True
    for row in table.rows:
        empty = False
        values = [(column.heading, " ".join(_spoken(row, column, medium, now).split())) for column in columns]
        told = [f"{heading} {value}".strip() for heading, value in values if value]
        yield "; ".join(told) + "\n"
    if empty:
        yield f"{table.empty or 'none'}\n"


def _spoken(row: object, column: Column, medium: Medium, now: datetime | None) -> str:
    """Ids short and figures in words, as on a screen; nothing for what is not there."""
    if value_of(row, column.name) is None:
        return ""
    return human(row, column, medium, now)


FORMAT = Format("plain", render, for_people=True)
