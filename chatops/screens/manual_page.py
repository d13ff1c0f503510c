"""A page of the manual for people: tables as wide as the screen, commands to paste, no signs of Markdown but headings.

A table whose commands would be broken over lines is told row by row instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from chatops.model import Column, Line, Span, Table, Text, value_of
from chatops.render.fit import fit
from chatops.render.wrap import wrapped
from chatops.widths import cells

_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_PASTED = re.compile(r"`([^`]* [^`]*)`")
"""A command of several words, or a statement."""
GAP = 3
IN_A_PIPE = 80
"""So wide is prose where no screen says how wide it may be; tables and what is pasted stay whole there."""
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def blocks(page: str, width: int) -> list[Table | Text]:
    """The page in reading order, for so many columns (0: endless, where prose alone is broken)."""
    return [*_blocks(page.splitlines(), width)]


def _blocks(lines: list[str], width: int) -> Iterator[Table | Text]:
    text: list[Line] = []
    rows: list[list[str]] = []
    fenced, number = False, 0
    for line in [*lines, ""]:
        if line.startswith("|") and not fenced:
            rows.append(_cells(line))
            continue
        if rows:
            number += 1
            table = _table(f"table_{number}", rows)
            if width and _breaks(table, width):
                text += _by_row(table)
            else:
                yield Text(text[:-1] if text[-1:] == [""] else text)
                yield table
                text = []
            rows = []
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            text.append([Span("  "), Span(line.removeprefix("$ "), "code")])
        elif not _PICTURE.fullmatch(line.strip()) and (line or text[-1:] != [""]):  # a picture leaves no hole
            told = [Span(line, "strong")] if line.startswith("#") else _prose(line)
            text += [told] if width else wrapped(told, IN_A_PIPE)
    yield Text(text[:-1])


def _prose(line: str) -> Line:
    """A line of text; what stands between backticks is not broken, and keeps them where there are no colours."""
    return _spans(line) or ""


def _spans(line: str) -> list[Span]:
    parts = re.split(r"(`[^`]+`)", plain(line))
    return [Span(part, "code") if part.startswith("`") else Span(part) for part in parts if part]


def _cells(line: str) -> list[str]:
    return [plain(cell.replace("\\|", "|")).strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _table(name: str, rows: list[list[str]]) -> Table:
    head, *body = [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    columns = [Column(f"c{place}", heading, rank=min(place, 1)) for place, heading in enumerate(head)]
    kept = [{f"c{place}": row[place] if place < len(row) else "" for place in range(len(head))} for row in body]
    return Table(name, columns, kept, audience="people")


def _texts(table: Table) -> list[list[str]]:
    return [[str(value_of(row, column.name)) for column in table.columns] for row in table.rows]


def _breaks(table: Table, width: int) -> bool:
    """Whether a command does not stand whole in its column, or there is no room for a column."""
    found = fit(table.columns, texts := _texts(table), width, GAP)
    widths = dict(found.shown)
    pasted = [(place, one) for row in texts for place, text in enumerate(row) for one in _PASTED.findall(text)]
    return bool(pasted) and (bool(found.left_out) or any(cells(one) + 2 > widths[place] for place, one in pasted))


def _by_row(table: Table) -> Iterator[Line]:
    """Each row as its first cell, and below it the others behind their headings."""
    for row in _texts(table):
        first, *others = zip(table.columns, row, strict=True)
        yield _prose(first[1])
        for column, text in others:
            if text:
                yield [Span(f"  {column.heading}: " if column.heading else "  ", "dim"), *_spans(text)]


def plain(text: str) -> str:
    """Text without emphasis, links and escapes.

    >>> plain("**action** – see [on-call.md](on-call.md), `log`")
    'action – see on-call.md, `log`'
    """
    return unescape(_LINK.sub(r"\1", re.sub(r"\*\*(.+?)\*\*", r"\1", text)))
