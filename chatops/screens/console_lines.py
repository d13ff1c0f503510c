"""The live desk as lines of a width and height: the head, the sections with the rows there is room for, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta

from chatops import formatting
from chatops.chats.desk import Look
from chatops.checks.findings import tally
from chatops.model import Line, Span, Style
from chatops.render.wrap import cells
from chatops.screens.console import Findings, Key, Row, Section, clock, silent

BLOCKS = "▁▂▃▄▅▆▇█"

# ---- order that stands still -------------------------------------------------------------------------------------------


def kept_in_order(before: Sequence[Section], now: Sequence[Section]) -> list[Section]:
    """The newest rows in the order of the screen: what is gone stays in its place, marked; what is new comes last."""
    shown = {part.name: part.rows for part in before}
    return [replace(part, rows=_in_order(shown.get(part.name, ()), part.rows)) for part in now]


def _in_order(before: Sequence[Row], now: Sequence[Row]) -> tuple[Row, ...]:
    newest = {row.key: row for row in now}
    stays = [newest.pop(row.key) if row.key in newest else _gone(row) for row in before]
    return (*stays, *newest.values())


def _gone(row: Row) -> Row:
    return replace(row, cells=(*row.cells[:-1], "gone"), gone=True, style="dim")


def filtered(parts: Sequence[Section], text: str) -> list[Section]:
    """The rows that hold a text, whatever its case."""
    if not text:
        return list(parts)
    wanted = text.casefold()

    def holds(row: Row) -> bool:
        return any(wanted in cell.casefold() for cell in (*row.cells, row.key[1]))

    return [replace(part, rows=tuple(row for row in part.rows if holds(row))) for part in parts]


# ---- the head ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """What the first lines tell beside the look: which database, whether it may be written, how old the figures are."""

    name: str
    where: str
    production: bool
    armed_for: timedelta | None = None
    age: float | None = None
    """Seconds since the look; None while there is none."""
    every: float = 5.0
    frozen: bool = False
    trouble: str | None = None
    oldest: Sequence[float] = ()
    """The longest wait at each look of this console, in seconds, the newest last."""


def stale(head: Head) -> bool:
    """Whether the figures are older than they should be."""
    return head.age is None or head.trouble is not None or head.age > 3 * head.every + 1


def head_lines(head: Head, look: Look | None, found: Findings | None, width: int) -> list[Line]:
    """Three lines: where and how fresh; how bad; who works."""
    name = f"PRODUCTION {head.name}" if head.production and head.name.casefold() != "production" else head.name
    name = name.upper() if head.production else name
    may = ""
    if head.production:
        may = "READ ONLY (W: arm 10 m)" if head.armed_for is None else f"ARMED {formatting.duration(head.armed_for)}"
    clock = f"{look.now.astimezone(UTC):%H:%M:%S}Z" if look else "no look yet"
    age = f", {formatting.duration(round(head.age))} ago" if head.age is not None else ""
    age += "  STALE" if stale(head) and look else ""
    age += "  FROZEN" if head.frozen else ""
    right = f"{may}   {clock}{age}" if may else clock + age
    left = width - cells(right) - 2
    where = cut(f"  {formatting.visible(head.where)}", max(0, left - cells(name) - 3))
    fill = " " * max(1, width - cells(name) - 2 - cells(where) - cells(right) - 1)
    first: Line = [
        Span(f" {name} ", "critical" if head.production else "strong"), Span(where + fill),
        Span(right, "warning" if stale(head) or head.armed_for is not None else "plain"),
    ]  # fmt: skip
    return [first, _verdict(head, look, found, width), _people(head, look, width)]


def _verdict(head: Head, look: Look | None, found: Findings | None, width: int) -> Line:
    if look is None:
        return [Span(" " + cut(head.trouble or "looking …", width - 2), "warning" if head.trouble else "plain")]
    word, style = _word(found)
    counts = ""
    if found is not None:
        number = tally(found.survey)
        counts = ", ".join(f"{number[one]} {one}" for one in ("critical", "warning", "unknown") if number[one])
    waits = "queue not seen"
    if look.queue is not None:
        waits = f"{formatting.count(look.queue.waiting)} wait"
        waits += f", oldest {formatting.age(look.queue.oldest, look.now)}" if look.queue.waiting else ""
    standby = "   STANDBY" if look.facts.standby else ""
    paused = f"   PAUSED until {clock(look.paused)}" if look.paused else ""
    return [
        Span(f" {word} ", style),
        Span(cut(f" {counts}{'    ' if counts else ''}{waits}{standby}{paused}", width - len(word) - 2)),
    ]


def _word(found: Findings | None) -> tuple[str, Style]:
    if found is None:
        return "FINDINGS NOT SEEN", "warning"
    number = tally(found.survey)
    if number["critical"]:
        return "BAD", "critical"
    if number["warning"]:
        return "WARN", "warning"
    return ("UNKNOWN", "warning") if number["unknown"] else ("OK", "ok")


def _people(head: Head, look: Look | None, width: int) -> Line:
    if look is None:
        return ""
    if look.operators is None:
        return [Span(cut(f" OPERATORS not seen: {look.unseen.get('operators', '')}", width), "warning")]
    loads = [one.load for one in look.operators]
    mute = sum(1 for one in look.operators if one.load == "busy" and silent(one, look))
    told = f" {len(loads)} OPERATORS: {loads.count('free')} free  {loads.count('busy')} busy"
    told += f" ({mute} silent)" if mute else ""
    told += f"  {loads.count('away')} away  {loads.count('inactive')} off"
    line = sparkline(head.oldest, max(0, min(24, width - cells(told) - 18)))
    return told + (f"   oldest wait {line}" if len(head.oldest) > 1 and line else "")


def sparkline(values: Sequence[float], width: int) -> str:
    """Values as blocks, the newest last, at most so many.

    >>> sparkline([0, 1, 2, 4], 3), sparkline([0, 0], 5)
    ('▃▄█', '▁▁')
    """
    shown = list(values)[-width:] if width > 0 else []
    most = max(shown, default=0)
    return "".join(BLOCKS[min(7, int(value / most * 7.999)) if most else 0] for value in shown)


# ---- the body ----------------------------------------------------------------------------------------------------------


def body_lines(parts: Sequence[Section], width: int, height: int, cursor: Key | None) -> list[Line]:
    """All sections in so many lines, each with as many rows as there is room for; the row under the cursor is among them."""
    room = _shares(parts, height)
    lines: list[Line] = []
    spare = height - sum(room) - len(parts)
    for part, rows in zip(parts, room, strict=True):
        if spare > 0 and lines:
            lines.append("")
            spare -= 1
        lines += _section(part, width, rows, cursor)
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


def _section(part: Section, width: int, room: int, cursor: Key | None) -> list[Line]:
    if part.unseen is not None:
        why = cut(f"not seen: {formatting.visible(part.unseen)}", width - len(part.title) - 3)
        return [[Span(f" {part.title} ", "strong"), Span(why, "warning")]]
    widths = _widths(part, width)
    at = next((place for place, row in enumerate(part.rows) if row.key == cursor), 0)
    first = min(max(0, at - room + 1), max(0, len(part.rows) - room))
    shown = part.rows[first : first + room]
    total = part.total if part.total is not None else len(part.rows)
    title = f" {part.title}" if part.name == "last" else f" {part.title} {formatting.count(total)}"
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
        mark = ">" if row.key == cursor else " "
        text = " ".join(_padded(cell, size) for cell, size in zip(row.cells, widths, strict=False))
        text = cut(f" {mark} {text}", width)
        lines.append([Span(text, "strong" if row.key == cursor else row.style)])
    return lines


def _widths(part: Section, width: int) -> list[int]:
    """The columns' widths: names get a share of what is beyond 80."""
    extra = max(0, width - 80) // 4
    grown = [size + min(extra, 14) if place >= 2 else size for place, size in enumerate(part.widths)]
    return [*grown, max(8, width - sum(grown) - len(grown) - 4)]


def cut(text: str, size: int) -> str:
    """The text in at most so many columns, with a sign where something is left out.

    >>> cut("latecomer", 6), cut("漢字漢字", 5), cut("x", 4)
    ('latec…', '漢字…', 'x')
    """
    if cells(text) <= size:
        return text
    while text and cells(text) > size - 1:
        text = text[:-1]
    return text + "…" if size > 0 else ""


def _padded(text: str, size: int) -> str:
    text = cut(text, size)
    return text + " " * (size - cells(text))


def keys_of(parts: Sequence[Section]) -> list[Key]:
    """The rows as the cursor goes through them."""
    return [row.key for part in parts for row in part.rows]


def row_of(parts: Sequence[Section], key: Key | None) -> Row | None:
    """The row of a key."""
    return next((row for part in parts for row in part.rows if row.key == key), None)
