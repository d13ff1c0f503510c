"""For a person at a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Literal

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text as RichText

from chatops import formatting
from chatops.model import Answer, Column, Line, Table
from chatops.render.cells import NUMERIC, columns_for, for_people, human
from chatops.render.fit import fit
from chatops.render.format import Envelope, Format, Medium
from chatops.render.wrap import bound, bound_commands, wrapped

NARROW = 60
"""Below so many columns the gaps between them are smaller."""

LONGEST = 160
"""Characters of one value on a screen; all of it is in the other formats."""

BOUND = "\ue000"
"""Stands for a blank that must not be broken: no value holds it, for foreign text was made visible."""

ENDLESS = 10_000
"""Columns of what has no edge: nothing is left out there."""

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
    return for_people(
        answer,
        lambda table: [_table(table, answer, medium)],
        lambda line: (styled(part, medium) for part in wrapped(line, medium.width)),
    )


def styled(line: Line, medium: Medium) -> str:
    """One line with its styles."""
    if isinstance(line, str):
        return formatting.disarmed(line) + "\n"
    if not medium.colour:
        return formatting.disarmed("".join(span.text for span in line)) + "\n"
    text = RichText(no_wrap=True, overflow="ignore")
    for span in line:
        text.append(span.text, STYLES[span.style])
    return _print(text, medium, width=100_000, soft_wrap=True)


def _table(table: Table, answer: Answer, medium: Medium) -> str:
    columns = columns_for(table, "people")
    rows = [[_cut(human(row, column, medium, answer.now), column) for column in columns] for row in table.rows]
    if not rows:
        return (table.empty or "none") + "\n"
    width = medium.width or ENDLESS
    narrow = width < NARROW and not medium.ascii
    fitting = fit(columns, rows, width, gap=2 if narrow else 3)
    grid = RichTable(
        box=box.ASCII if medium.ascii else box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 0, 0, 1) if narrow else (0, 1),
        header_style="bold" if medium.colour else "",
        title=RichText(table.title) if table.title else None,
        title_justify="left",
        title_style="bold" if medium.colour else "",
    )
    for place, wide in fitting.shown:
        column = columns[place]
        justify: Literal["left", "right"] = "right" if column.kind in NUMERIC else "left"
        grid.add_column(RichText(column.heading), justify=justify, overflow="fold", width=wide)
    for row in rows:
        grid.add_row(*(RichText(bound_commands(bound(row[place], BOUND), BOUND)) for place, _ in fitting.shown))
    drawn = _print(grid, medium, width=max(width, sum(wide + 3 for _, wide in fitting.shown))).replace(BOUND, " ")
    if not medium.colour:
        drawn = formatting.disarmed(drawn)  # a value that is folded may begin a line in its middle
    if not fitting.left_out:
        return drawn
    names = ", ".join(dict.fromkeys(column.heading or column.name for column in fitting.left_out))
    return drawn + "".join(styled(part, medium) for part in wrapped(f"not shown at {width} columns: {names}", width))


def _cut(text: str, column: Column) -> str:
    return text if len(text) <= LONGEST or column.kind == "sql" else text[: LONGEST - 1] + "…"


def _print(what: RenderableType, medium: Medium, width: int, *, soft_wrap: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=medium.colour,
        color_system="standard" if medium.colour else None,
        no_color=not medium.colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        soft_wrap=soft_wrap,
    )
    console.print(what)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


FORMAT = Format("table", render, for_people=True)
