"""`chatops doctor`: the verdict first, then each point with the line that mends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from chatops import formatting
from chatops.checks.doctor import Point, Verdict
from chatops.model import Answer, Column, Line, Span, Style, Table, Text

SIGNS: Mapping[Verdict, tuple[str, Style]] = {
    "ok": ("✓", "ok"),
    "advice": ("!", "advice"),
    "failed": ("✗", "critical"),
    "unknown": ("?", "warning"),
}


def answer(points: Sequence[Point], now: datetime | None) -> Answer:
    """`chatops doctor`: the verdict first, then each point."""
    failed = sum(point.verdict == "failed" for point in points)
    unknown = sum(point.verdict == "unknown" for point in points)
    advice = sum(point.verdict == "advice" for point in points)
    first: Line
    if failed or unknown:
        first = [Span(f"{failed} wrong, {unknown} unknown, {advice} to know", "warning")]
    else:
        first = [Span("chatops can work here" + (f"; {formatting.plural(advice, 'thing')} to know" if advice else ""), "ok")]
    lines: list[Line] = [first, ""]
    width = max(len(point.area) for point in points)
    for point in points:
        sign, style = SIGNS[point.verdict]
        lines.append([Span(sign, style), Span(f" {point.area:<{width}}  {point.says}")])
        if point.remedy:
            lines.append([Span(" " * (width + 4)), Span(point.remedy, "code")])
    columns = [Column(name, name) for name in ("area", "verdict", "says", "remedy")]
    return Answer("doctor", [Text(lines), Table("points", columns, points, audience="machines")],
                  {"failed": failed, "unknown": unknown, "advice": advice}, now)  # fmt: skip
