"""The drawings of the report: lines over seconds, minutes or hours, and bars; readable on a phone, in the dark and on paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from chatops import formatting

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 200, 84, 34, 16, 16
ROW, NAMES, VALUES = 32, 150, 110
"""A bar's height, and the room for its name and its value."""


def plot(title: str, points: Sequence[tuple[float, float]]) -> str:
    """A line over seconds since the start; a single point is a dot."""
    if not points:
        return f"<section><h2>{escape(title)}</h2><p class=dim>nothing was seen</p></section>"
    longest = max(x for x, _ in points)
    unit, word = (1.0, "s") if longest < 2 * 60 else (60.0, "m") if longest < 2 * 3600 else (3600.0, "h")
    right = max(longest / unit, 0.001)
    top = _top(max(y for _, y in points))
    floor = HEIGHT - BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + x / unit / right * (WIDTH - LEFT - RIGHT), floor - y / top * (floor - TOP)

    placed = [at(x, y) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dots = "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in placed)
    rules = "".join(
        f'<line class="axis" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{_figure(value)}</text>'
        for value in (0.0, top / 2, top)
        for y in (at(0, value)[1],)
    )
    # The last mark stays left of the edge: its word is as wide as three digits.
    marks = [mark for mark in _marks(right, word) if mark <= right]
    hours = "".join(
        f'<text x="{at(mark * unit, 0)[0]:.1f}" y="{HEIGHT - 8}" text-anchor="{_anchor(mark, right)}">'
        f"{f'{mark:g} {word}' if mark else 'start'}</text>"
        for mark in marks
    )
    return (
        f'<section><h2>{escape(title)}</h2><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'{rules}{hours}<polyline class="plot" points="{line}"/>{dots}</svg></section>'
    )


def _figure(value: float) -> str:
    """A mark of an axis, in six characters at most.

    >>> [_figure(value) for value in (0.0, 0.5, 40.0, 6000.0, 400000.0, 800000.0, 1200000.0, 2e9)]
    ['0', '0.5', '40', '6,000', '400 k', '800 k', '1.2 M', '2 G']
    """
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size * (10 if sign == "k" else 1):
            return f"{value / size:g} {sign}"
    return f"{value:,g}"


def _top(highest: float) -> float:
    """The end of an axis: the next even number with one digit that counts.

    >>> _top(0), _top(1), _top(31), _top(719604)
    (2.0, 2.0, 40.0, 800000.0)
    """
    if highest <= 2:
        return 2.0
    step = 10.0 ** math.floor(math.log10(highest))
    return float(next(step * many for many in (1, 2, 4, 6, 8, 10) if step * many >= highest))


def _marks(right: float, word: str) -> list[float]:
    """Where an axis in seconds, minutes or hours is marked: at most five steps of a round number.

    >>> _marks(24, "h"), _marks(3.5, "h"), _marks(60, "m")
    ([0, 6, 12, 18, 24], [0, 1, 2, 3], [0, 15, 30, 45, 60])
    """
    small = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]
    steps = [*small, 5, 10, 15, 30] if word != "h" else [*small, 3, 4, 6, 12, 24, 48, 72, 168]
    step = next((step for step in steps if right / step <= 5), right)
    return [round(step * many, 6) for many in range(int(right / step) + 1)]


def _anchor(mark: float, right: float) -> str:
    return "start" if mark == 0 else "end" if mark > 0.95 * right else "middle"


def bars(title: str, values: Sequence[tuple[str, float]]) -> str:
    """A bar for each name, so long as it took; seconds."""
    if not values:
        return ""
    top, room = max(max(value for _, value in values), 0.001), WIDTH - NAMES - VALUES
    drawn = "".join(
        f'<text x="0" y="{number * ROW + 22}">{escape(formatting.visible(name))}</text>'
        f'<rect x="{NAMES}" y="{number * ROW + 8}" width="{max(1.0, value / top * room):.1f}" height="18" class="dot"/>'
        f'<text x="{NAMES + 8 + value / top * room:.1f}" y="{number * ROW + 22}">{formatting.duration(value)}</text>'
        for number, (name, value) in enumerate(values)
    )
    return (
        f'<section><h2>{escape(title)}</h2><svg viewBox="0 0 {WIDTH} {len(values) * ROW + 6}" role="img" '
        f'aria-label="{escape(title)}">{drawn}</svg></section>'
    )
