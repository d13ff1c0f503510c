"""For programs: one object, with a version, holding the tables by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from chatops.model import Answer
from chatops.render import Medium
from chatops.render.cells import columns_for, machine, machine_row, tables_for


def render(answer: Answer, format_: str, medium: Medium, envelope: dict[str, Any]) -> Iterator[str]:
    """One JSON object: the envelope, then `data`, then each table as an array of objects."""
    whole = {**envelope, "at": machine(answer.now), **{key: machine(value) for key, value in answer.data.items()}}
    for table in tables_for(answer, "machines"):
        columns = columns_for(table, "machines")
        whole[table.name] = [machine_row(row, columns, medium) for row in table.rows]
    yield json.dumps(whole, ensure_ascii=medium.ascii, indent=2, default=str) + "\n"
