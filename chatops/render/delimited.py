"""csv and tsv: the first table, header line first; for spreadsheets and `cut`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from chatops import formatting
from chatops.model import Answer
from chatops.render import Medium
from chatops.render.cells import columns_for, flat, tables_for


def render(answer: Answer, format_: str, medium: Medium, envelope: dict[str, Any]) -> Iterator[str]:
    """Rows as they arrive. tsv holds no quotes: control characters in a value are made visible instead."""
    table = tables_for(answer, "machines")[0]
    columns = columns_for(table, "machines")
    if format_ == "tsv":
        yield "\t".join(column.name for column in columns) + "\n"
        for row in table.rows:
            yield "\t".join(formatting.visible(flat(row, column, medium)) for column in columns) + "\n"
        return
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for row in table.rows:
        writer.writerow([formatting.visible(flat(row, column, medium), lines=True) for column in columns])
        if out.tell() > 8192:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()
