"""For spreadsheets: the first table, header line first, values quoted where they must be."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from chatops.model import Answer
from chatops.render.cells import columns_for, spreadsheet, tables_for
from chatops.render.format import Envelope, Format, Medium

CHUNK = 8192


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """Rows as they arrive."""
    table = tables_for(answer, "machines")[0]
    columns = columns_for(table, "machines")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for row in table.rows:
        writer.writerow([spreadsheet(row, column, medium, lines=True) for column in columns])
        if out.tell() > CHUNK:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


FORMAT = Format("csv", render, needs=frozenset({"rows"}), streams=True)
