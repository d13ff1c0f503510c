"""`chatops new`, laid out."""

from __future__ import annotations

import shlex
from pathlib import Path

from chatops import formatting
from chatops.migrations.layout import number_of
from chatops.model import Answer, Line, Span, Text


def answer(path: Path, text: str, *, written: bool) -> Answer:
    """The file that is there now, or that would be."""
    shown = formatting.visible(str(path))
    lines: list[Line] = [shown if written else f"{shown}  (not written)"]
    if written:
        lines.append(
            [
                Span("Fill it, then: "),
                Span(f"chatops migrate --dir {shlex.quote(formatting.visible(str(path.parent)))} --dry-run", "code"),
            ]
        )
    data = {"file": str(path), "name": path.stem, "number": str(number_of(path.name)), "text": text, "written": written}
    return Answer("new", [Text(lines)], data)
