"""For programs that read as it comes: the first table, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chatops.model import Answer
from chatops.render import Medium
from chatops.render.cells import columns_for, machine_row, tables_for


def render(answer: Answer, format_: str, medium: Medium, envelope: dict[str, Any]) -> Iterator[str]:
    """Each row as it arrives; nothing is held back."""
    table = tables_for(answer, "machines")[0]
    columns = columns_for(table, "machines")
    encode = json.JSONEncoder(ensure_ascii=medium.ascii, default=str).encode
    for row in table.rows:
        yield encode(machine_row(row, columns, medium)) + "\n"
