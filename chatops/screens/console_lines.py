"""The live desk's body as lines of a width and height: the sections with the rows there is room for, and their order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from chatops import formatting
from chatops.model import Line, Span
from chatops.screens.console import Key, Row, Section
from chatops.widths import cells, cut, padded

NAME = 12
"""A column that is at least so wide holds names, and grows with the screen."""
ROOMY = 26
"""From so many lines on sections stand apart."""

# ---- order that stands still -------------------------------------------------------------------------------------------


def kept_in_order(before: Sequence[Section], now: Sequence[Section]) -> list[Section]:
    """The newest rows in the order of the screen: what is gone stays in its place, marked; what is new comes last.

    Of the log what is new comes first, as ever: whoever has acted sees its row, and the others only move down.
    """
    shown = {part.name: part.rows for part in before}
    return [replace(part, rows=_in_order(shown.get(part.name, ()), part.rows, new_first=part.name == "last")) for part in now]


def _in_order(before: Sequence[Row], now: Sequence[Row], *, new_first: bool) -> tuple[Row, ...]:
    newest = {row.key: row for row in now}
    stays = [newest.pop(row.key) if row.key in newest else _gone(row) for row in before]
    return (*newest.values(), *stays) if new_first else (*stays, *newest.values())


def _gone(row: Row) -> Row:
    return replace(row, cells=(*row.cells[:-1], "gone"), gone=True, style="dim")


def filtered(parts: Sequence[Section], text: str) -> list[Section]:
    """The rows that hold a text, whatever its case; what is hidden is shown where it holds the text."""
    if not text:
        return [part for part in parts if not part.hidden]
    wanted = text.casefold()

    def holds(row: Row) -> bool:
        return any(wanted in cell.casefold() for cell in (*row.cells, row.key[1]))

    found = [replace(part, rows=tuple(row for row in part.rows if holds(row))) for part in parts]
    return [part for part in found if part.rows or not part.hidden]


# ---- the body ----------------------------------------------------------------------------------------------------------


def body_lines(parts: Sequence[Section], width: int, height: int, cursor: Key | None, marked: Collection[Key] = ()) -> list[Line]:
    """All sections in so many lines, each with as many rows as there is room for; the row under the cursor is among them."""
    between = len(parts) - 1 if height >= ROOMY else 0
    room = _shares(parts, height - between)
    lines: list[Line] = []
    spare = height - sum(room) - len(parts)
    for part, rows in zip(parts, room, strict=True):
        if spare > 0 and lines:
            lines.append("")
            spare -= 1
        lines += _section(part, width, rows, cursor, marked)
    return lines[:height]


def _shares(parts: Sequence[Section], height: int) -> list[int]:
    """How many rows each section gets: the least it should, then one after the other what is left."""
    wanted = [len(part.rows) for part in parts]
    room = [0 for _ in parts]
    left = max(0, height - len(parts))
    for least in (True, False):
        moved = True
        while left and moved:
            moved = False
            for place, part in enumerate(parts):
                most = min(wanted[place], part.least) if least else wanted[place]
                if left and room[place] < most:
                    room[place] += 1
                    left -= 1
                    moved = True
    return room


def _section(part: Section, width: int, room: int, cursor: Key | None, marked: Collection[Key]) -> list[Line]:
    if part.unseen is not None:
        why = cut(f"not seen: {formatting.visible(part.unseen)}", width - len(part.title) - 3)
        return [[Span(f" {part.title} ", "strong"), Span(why, "warning")]]
    widths = _widths(part, width)
    at = next((place for place, row in enumerate(part.rows) if row.key == cursor), 0)
    first = min(max(0, at - room + 1), max(0, len(part.rows) - room))
    shown = part.rows[first : first + room]
    total = part.total if part.total is not None else len(part.rows)
    number = "" if part.name == "last" else f" {formatting.count(total)}"
    title = f" {part.title}{number}{part.remark}"
    here = sum(1 for row in shown if not row.gone)
    more = f"{formatting.count(max(0, total - here))} more" if total > here and part.name != "last" else ""
    heads = [_padded(text, size) for text, size in zip(part.headings, widths, strict=False)]
    heading = "   " + " ".join(heads) if any(part.headings) and shown else ""
    used = cells(title) + 1
    rest = f" {heading[used:]}".rstrip() if heading[:used].strip() == "" else ""
    line = cut(rest, max(0, width - cells(title) - len(more) - 2))
    gap = " " * max(1, width - cells(title) - cells(line) - len(more) - 1)
    lines: list[Line] = [[Span(title, "strong"), Span(line, "dim"), Span(gap + more if more else "", "dim")]]
    for row in shown:
        mark = (">" if row.key == cursor else " ") + ("*" if row.key in marked else " ")
        # Where a row has fewer cells, its last one takes the room of those that are not there.
        last = len(row.cells) - 1
        sizes = [*widths[:last], sum(widths[last:]) + len(widths[last:]) - 1]
        text = " ".join(_padded(cell, size) for cell, size in zip(row.cells, sizes, strict=False))
        text = cut(f" {mark}{text}", width)
        lines.append([Span(text, "strong" if row.key == cursor else row.style)])
    return lines


def _widths(part: Section, width: int) -> list[int]:
    """The columns' widths: names get a share of what is beyond 80."""
    extra = max(0, width - 80) // 4
    grown = [size + min(extra, 14) if size >= NAME else size for place, size in enumerate(part.widths)]
    return [*grown, max(8, width - sum(grown) - len(grown) - 4)]


def _padded(text: str, size: int) -> str:
    return padded(cut(text, size), size)


def first_keys(parts: Sequence[Section]) -> list[Key]:
    """The first row of each section that has any."""
    return [part.rows[0].key for part in parts if part.rows and part.unseen is None]


def keys_of(parts: Sequence[Section]) -> list[Key]:
    """The rows as the cursor goes through them."""
    return [row.key for part in parts for row in part.rows if part.unseen is None]


def row_of(parts: Sequence[Section], key: Key | None) -> Row | None:
    """The row of a key."""
    return next((row for part in parts for row in part.rows if row.key == key), None)
