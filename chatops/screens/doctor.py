"""`chatops doctor`: the verdict first, then each point with the line that mends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from chatops import formatting
from chatops.checks.doctor import Point, Verdict
from chatops.model import Answer, Line, Span, Style, Table, Text, named
from chatops.screens.lines import NARROW, broken

ENDLESS = 10_000
SIGNS: Mapping[Verdict, tuple[str, Style]] = {
    "ok": ("✓", "ok"),
    "advice": ("!", "advice"),
    "unknown": ("?", "warning"),
    "failed": ("✗", "critical"),
}


def _pasted(remedy: str, width: int) -> list[str]:
    """A remedy to copy: what SQL says of itself stands above it, as comments that a terminal does not break.

    >>> _pasted("grant pg_monitor to app;  -- as superuser", 80), _pasted("chatops config", 80)
    (['-- as superuser', 'grant pg_monitor to app;'], ['chatops config'])
    """
    statement, mark, told = remedy.partition("  -- ")
    room = max(12, width - len("-- "))
    return [*(f"-- {piece}" for piece in broken(told, room, room)), statement] if mark else [remedy]


def answer(points: Sequence[Point], now: datetime | None, width: int = 0) -> Answer:
    """`chatops doctor`: the verdict first, then each point, on a screen so many columns wide (0: endless)."""
    failed = sum(point.verdict == "failed" for point in points)
    unknown = sum(point.verdict == "unknown" for point in points)
    advice = sum(point.verdict == "advice" for point in points)
    first: Line
    if failed or unknown:
        counts = ((failed, "failed"), (unknown, "unknown"), (advice, "to know"))
        (number, word), *more = [(number, word) for number, word in counts if number]
        told = f"{number} of {formatting.plural(len(points), 'check')} {word}"
        first = [Span(", ".join([told, *(f"{number} {word}" for number, word in more)]), "warning")]
    else:
        passed = formatting.plural(len(points) - advice, "check") + " passed"
        first = [Span(f"chatops can work here: {passed}" + (f", {advice} to know" if advice else ""), "ok")]
    lines: list[Line] = [first, ""]
    area = max(len(point.area) for point in points)
    under = " " * (area + 4 if not 0 < width < NARROW else 4)
    for point in sorted(points, key=lambda point: tuple(SIGNS).index(point.verdict), reverse=True):
        sign, style = SIGNS[point.verdict]
        beside, below = (width - area - 4, width - len(under)) if width else (ENDLESS, ENDLESS)
        says, *others = broken(point.says, beside, below)
        lines.append([Span(sign, style), Span(f" {point.area:<{area}}  {says}")])
        lines += [under + line for line in others]
        if point.remedy:
            lines += [[Span(under), Span(piece, "code")] for piece in _pasted(point.remedy, below)]
    columns = named("area", "verdict", "says", "remedy")
    return Answer("doctor", [Text(lines), Table("points", columns, points, audience="machines")],
                  {"failed": failed, "unknown": unknown, "advice": advice}, now)  # fmt: skip
