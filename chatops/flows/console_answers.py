"""What the desk reads out: an answer of a command as text of a width."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chatops.model import Answer, Table, Text
from chatops.render import Medium, render


def text(name: str, body: Sequence[Table | Text], now: datetime | None, width: int, *, show_names: bool) -> str:
    """The blocks as `table` shows them on a terminal."""
    return of_answer(Answer(name, list(body), now=now), width, show_names=show_names)


def of_answer(answer: Answer, width: int, *, show_names: bool) -> str:
    """The same of a whole answer."""
    medium = Medium(width=width, terminal=True, show_names=show_names)
    return "".join(render(answer, "table", medium)).rstrip("\n")
