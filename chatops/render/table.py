"""For a person at a terminal; in a pipe, `-o table` keeps its short ids: `chatops operators -o table | head`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from chatops import formatting, signs
from chatops.model import Answer, Column, Line, Table
from chatops.render.cells import NUMERIC, columns_for, for_people, human
from chatops.render.fit import fit
from chatops.render.format import Envelope, Format, Medium
from chatops.render.wrap import bound, bound_commands, folded, wrapped
from chatops.widths import cut, padded

NARROW = 60
"""Below so many columns the gaps between them are smaller."""

LONGEST = 160
"""Columns of one value on a screen; all of it is in the other formats."""

LONGEST_NAME = 40
"""Columns of a person's name."""

BOUND = "\ue000"
"""Stands for a blank that must not be broken: no value holds it, for foreign text was made visible."""

ENDLESS = 10_000
"""Columns of what has no edge: nothing is left out there."""

STYLES = {
    "plain": "",
    "strong": "1",
    "dim": "2",
    "ok": "32",
    "advice": "36",
    "warning": "33",
    "critical": "1;31",
    "code": "1",
}
"""The parameters of a terminal's sequence for it."""


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
    return "".join(_in_style(span.text, STYLES[span.style]) for span in line).rstrip() + "\n"


def _in_style(text: str, codes: str) -> str:
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def _table(table: Table, answer: Answer, medium: Medium) -> str:
    columns = columns_for(table, "people")
    rows = [[_short(human(row, column, medium, answer.now), column, medium) for column in columns] for row in table.rows]
    if not rows:
        return (table.empty or "none") + "\n"
    width = medium.width or ENDLESS
    narrow = width < NARROW and not medium.ascii
    gap = "  " if narrow else " | " if medium.ascii else "   "
    fitting = fit(columns, rows, width, gap=len(gap))
    shown = [(place, wide, columns[place].kind in NUMERIC) for place, wide in fitting.shown]
    title = [_in_style(part, "1" if medium.colour else "") for part in _broken(table.title, width)] if table.title else []
    head = _drawn([columns[place].heading for place, _, _ in shown], shown, gap, at_the_bottom=True)
    if medium.colour:
        head = [_in_style(line, "1") for line in head]
    rule = "-+-".join("-" * wide for _, wide, _ in shown) if medium.ascii else "─" * _across(shown, gap)
    body = [line for row in rows for line in _drawn([row[place] for place, _, _ in shown], shown, gap)]
    drawn = "".join(f"{line}\n" for line in (*title, *head, rule, *body))
    if not medium.colour:
        drawn = formatting.disarmed(drawn)  # a value that is folded may begin a line in its middle
    if not fitting.left_out:
        return drawn
    names = ", ".join(dict.fromkeys(column.heading or column.name for column in fitting.left_out))
    return drawn + "".join(styled(part, medium) for part in wrapped(f"not shown at {width} columns: {names}", width))


def _broken(text: str, width: int) -> list[str]:
    return folded(bound_commands(bound(text, BOUND), BOUND), width)


def _across(shown: Sequence[tuple[int, int, bool]], gap: str) -> int:
    return sum(wide for _, wide, _ in shown) + len(gap) * (len(shown) - 1)


def _drawn(
    texts: Sequence[str], shown: Sequence[tuple[int, int, bool]], gap: str, *, at_the_bottom: bool = False
) -> Iterable[str]:
    """One row as lines; a heading ends where the rule begins."""
    columns = [_broken(text, wide) for text, (_, wide, _) in zip(texts, shown, strict=True)]
    height = max(map(len, columns))
    above = [height - len(lines) if at_the_bottom else 0 for lines in columns]
    for at in range(height):
        parts = [
            padded(lines[at - off] if 0 <= at - off < len(lines) else "", wide, to_the_right=right)
            for lines, off, (_, wide, right) in zip(columns, above, shown, strict=True)
        ]
        yield gap.join(parts).replace(BOUND, " ").rstrip()


def _short(text: str, column: Column, medium: Medium) -> str:
    if column.kind == "person":
        text = cut(text, LONGEST_NAME)
    elif column.kind != "sql":
        text = cut(text, LONGEST)
    return signs.in_ascii(text) if medium.ascii else text


FORMAT = Format("table", render, for_people=True)
