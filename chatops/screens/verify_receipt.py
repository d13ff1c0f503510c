"""What has changed since a deploy: one line for each object; what was and what is, line by line, on demand."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from datetime import datetime

from chatops import formatting
from chatops.migrations.fingerprint import Change
from chatops.model import Answer, Column, Line, Outcome, Span, Style, Table, Text

LONGEST = 40
"""Letters of a value that stands in the line itself."""


def drift_answer(
    drift: Sequence[Change], since: str, digests: tuple[str, str], now: datetime | None, *, diff: bool, more: str
) -> Answer:
    """The differences in words; `digests` are those of then and now, `more` the command that shows texts line by line."""
    head = f"{formatting.plural(len(drift), 'object')} changed since the deploy of {since}" if drift else \
        f"no drift: the catalog is what the deploy of {since} left"  # fmt: skip
    lines: list[Line] = [[Span(head, "warning" if drift else "ok")]]
    for change in drift:
        lines.append([Span(f"  {change_line(change)}")])
        if diff:
            lines += [line for name, (then, is_now) in change.properties.items() for line in _diff(name, then, is_now)]
    if any(change.properties for change in drift) and not diff:
        lines += ["", [Span("line by line: "), Span(more, "code")]]
    rows = [
        {"object": change.label, "what": change.kind, "properties": list(change.properties), "line": change_line(change),
         "changes": {name: {"then": then, "now": is_now} for name, (then, is_now) in change.properties.items()}}
        for change in drift
    ]  # fmt: skip
    columns = [Column("object", "object"), Column("what", "what"), Column("line", "line"),
               Column("properties", "properties", "data"), Column("changes", "changes", "data")]  # fmt: skip
    outcomes = [Outcome(change.label, "failed", "warning", change_line(change), counts=True) for change in drift] or [
        Outcome("drift", "passed", "warning", head)
    ]
    then, current = digests
    table = Table("drift", columns, rows, audience="machines")
    return Answer("verify", [Text(lines), table], {"then": then, "now": current}, now, outcomes=outcomes)


def change_line(change: Change) -> str:
    """One object in one line: short values as they were and are, of long ones only that they changed.

    >>> change_line(Change("trigger chats.guard", "changed", {"enabled": ("O", "D")}))
    'trigger chats.guard: enabled O → D'
    """
    label = formatting.visible(change.label)
    if change.kind != "changed":
        return f"{label}: {change.kind} since"
    told = []
    for name, (then, now) in change.properties.items():
        texts = [_text(value) for value in (then, now)]
        short = all(len(text) <= LONGEST and "\n" not in text for text in texts)
        told.append(f"{name} {texts[0]} → {texts[1]}" if short else f"{name} changed")
    return formatting.visible(f"{label}: {'; '.join(told)}")


def _text(value: object) -> str:
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _diff(name: str, then: object, now: object) -> list[Line]:
    styles: dict[str, Style] = {"+": "ok", "-": "critical"}
    told = difflib.unified_diff(
        _text(then).splitlines(), _text(now).splitlines(), f"{name} then", f"{name} now", lineterm="", n=2
    )
    return [[Span(f"      {formatting.visible(line)}", styles.get(line[:1], "dim"))] for line in told]
