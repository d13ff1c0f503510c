"""For a person at a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text as RichText

from chatops.model import Answer, Line, Table
from chatops.render.cells import NUMERIC, columns_for, human
from chatops.render.format import Envelope, Format, Medium

STYLES = {
    "plain": "",
    "strong": "bold",
    "dim": "dim",
    "ok": "green",
    "advice": "cyan",
    "warning": "yellow",
    "critical": "bold red",
    "code": "bold",
}


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """Text and tables in reading order, at most as wide as the medium."""
    for position, block in enumerate(answer.body):
        if isinstance(block, Table):
            if block.audience == "machines":
                continue
            if position:
                yield "\n"
            yield _table(block, answer, medium)
        else:
            yield from (styled(line, medium) for line in block.lines)


def styled(line: Line, medium: Medium) -> str:
    """One line with its styles, never wrapped: a command in it must paste."""
    if isinstance(line, str):
        return line + "\n"
    if not medium.colour:
        return "".join(span.text for span in line) + "\n"
    text = RichText(no_wrap=True, overflow="ignore")
    for span in line:
        text.append(span.text, STYLES[span.style])
    return _print(text, medium, width=100_000)


def _table(table: Table, answer: Answer, medium: Medium) -> str:
    columns = columns_for(table, "people")
    grid = RichTable(
        box=box.ASCII if medium.ascii else box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        header_style="bold" if medium.colour else "",
        title=RichText(table.title) if table.title else None,
        title_justify="left",
        title_style="bold" if medium.colour else "",
    )
    for column in columns:
        grid.add_column(
            RichText(column.heading),
            justify="right" if column.kind in NUMERIC else "left",
            overflow="fold",
            no_wrap=column.kind in NUMERIC or column.kind in ("id", "bar"),
        )
    empty = True
    for row in table.rows:
        empty = False
        grid.add_row(*(RichText(human(row, column, medium, answer.now)) for column in columns))
    if empty:
        return (table.empty or "none") + "\n"
    return _print(grid, medium)


def _print(what: RenderableType, medium: Medium, width: int | None = None) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=width or medium.width or 80,
        force_terminal=medium.colour,
        color_system="standard" if medium.colour else None,
        no_color=not medium.colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        soft_wrap=width is not None,
    )
    console.print(what)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


FORMAT = Format("table", render, for_people=True)
