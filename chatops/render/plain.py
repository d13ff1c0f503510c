"""For a pipe or a log: nothing cut, nothing coloured, full ids, RFC 3339 times."""

from __future__ import annotations

from collections.abc import Iterator

from tabulate import tabulate

from chatops import formatting
from chatops.model import Answer, Column, Line, Table
from chatops.render.cells import NUMERIC, columns_for, flat, human
from chatops.render.format import Envelope, Format, Medium


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """Text and tables in reading order."""
    for position, block in enumerate(answer.body):
        if isinstance(block, Table):
            if block.audience == "machines":
                continue
            if position:
                yield "\n"
            yield _table(block, medium)
        else:
            yield from (unstyled(line) + "\n" for line in block.lines)


def unstyled(line: Line) -> str:
    """A line's text."""
    return line if isinstance(line, str) else "".join(span.text for span in line)


def _cell(row: object, column: Column, medium: Medium) -> str:
    if column.kind in ("share", "duration"):
        return human(row, column, medium, None)
    return formatting.visible(flat(row, column, medium))


def _table(table: Table, medium: Medium) -> str:
    columns = [column for column in columns_for(table, "people") if column.kind != "bar"]
    rows = [[_cell(row, column, medium) for column in columns] for row in table.rows]
    title = f"{table.title}\n" if table.title else ""
    if not rows:
        return f"{title}{table.empty or 'none'}\n"
    text = tabulate(
        rows,
        headers=[column.heading for column in columns],
        tablefmt="simple",
        disable_numparse=True,
        colalign=["right" if column.kind in NUMERIC and column.kind != "age" else "left" for column in columns],
    )
    return title + "".join(line.rstrip() + "\n" for line in text.splitlines())


FORMAT = Format("plain", render, for_people=True)
