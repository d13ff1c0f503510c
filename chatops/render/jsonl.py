"""For programs that read as it comes: the first table, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from chatops.model import Answer
from chatops.render.cells import columns_for, machine_row, tables_for
from chatops.render.format import Envelope, Format, Medium
from chatops.render.json import escaped, failure


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """Each row as it arrives; nothing is held back."""
    table = tables_for(answer, "machines")[0]
    columns = columns_for(table, "machines")
    encode = json.JSONEncoder(ensure_ascii=medium.ascii, default=str).encode
    for row in table.rows:
        yield escaped(encode(machine_row(row, columns, medium))) + "\n"


FORMAT = Format("jsonl", render, needs=frozenset({"rows"}), streams=True, failure=failure)
