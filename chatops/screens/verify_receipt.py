"""What has changed since a deploy, one line for each object."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chatops import formatting
from chatops.model import Answer, Column, Line, Outcome, Span, Table, Text


def drift_answer(drift: Sequence[str], since: str, digests: tuple[str, str], now: datetime | None) -> Answer:
    """The differences in words; `digests` are those of then and now."""
    # The receipt's side is "here" for the comparison, and "then" for whoever reads it.
    told = [line.replace("only here", "gone since").replace("only there", "new since").replace(" here, ", " then, ")
            .replace(" there", " now") for line in drift]  # fmt: skip
    head = f"{formatting.plural(len(told), 'object')} changed since the deploy of {since}" if told else \
        f"no drift: the catalog is what the deploy of {since} left"  # fmt: skip
    lines: list[Line] = [[Span(head, "warning" if told else "ok")], *([Span(f"  {formatting.visible(line)}")] for line in told)]
    table = Table("drift", [Column("object", "object")], [{"object": line} for line in told], audience="machines")
    outcomes = [Outcome(line.partition(":")[0], "failed", "warning", line, counts=True) for line in told] or [
        Outcome("drift", "passed", "warning", head)
    ]
    then, current = digests
    return Answer("verify", [Text(lines), table], {"then": then, "now": current}, now, outcomes=outcomes)
