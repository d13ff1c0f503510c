"""`chatops wait`, laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chatops import formatting
from chatops.deploys.condition import FIGURES, Condition
from chatops.model import Answer, Column, Line, Span, Table, Text


def answer(seconds: float, looks: int) -> Answer:
    """The server is ready."""
    waited = f"after {formatting.duration(seconds)}" if looks > 1 else "at once"
    return Answer(
        "wait", [Text([f"Ready {waited}: the server answers and takes writes."])], {"seconds": round(seconds, 3), "looks": looks}
    )


def condition_answer(
    conditions: Sequence[Condition], seen: Mapping[str, tuple[float | None, str]], seconds: float, looks: int,
    timeout: float, here: Callable[..., str],
) -> Answer:  # fmt: skip
    """`--for`: whether it is so, what each came to, and where to look when it is not; `timeout` is how long was to be waited."""
    rows = [
        {"condition": one.text, "holds": one.holds(seen[one.name][0]), "value": seen[one.name][0], "now": seen[one.name][1]}
        for one in conditions
    ]
    left = [one for one in conditions if not one.holds(seen[one.name][0])]
    told = ", ".join(one.text for one in conditions)
    waited = f"after {formatting.duration(seconds)}" if looks > 1 else "at once"
    lines: list[Line] = [[Span(f"{told}: so {waited}", "ok")]]
    if left:
        now = ", ".join(f"{one.name} is {seen[one.name][1]}" for one in left)
        lines = [[Span(f"Not so within {formatting.duration(timeout)}: {', '.join(one.text for one in left)}; {now}", "warning")]]
        codes = [one.name for one in left if one.name not in FIGURES]
        command = here("diagnose", "--only", ",".join(codes)) if codes else here("queue")
        lines.append([Span("next: "), Span(command, "code")])
    columns = [Column("condition", "condition"), Column("holds", "holds", "flag"), Column("value", "value", "number"),
               Column("now", "now")]  # fmt: skip
    return Answer("wait", [Text(lines), Table("conditions", columns, rows, audience="machines")],
                  {"seconds": round(seconds, 3), "looks": looks})  # fmt: skip
