"""For `cut` and its kin: the first table, header line first; no quotes, what would break a line is made visible."""

from __future__ import annotations

from collections.abc import Iterator

from chatops.model import Answer
from chatops.render.cells import columns_for, spreadsheet, tables_for
from chatops.render.format import Envelope, Format, Medium


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """Rows as they arrive."""
    table = tables_for(answer, "machines")[0]
    columns = columns_for(table, "machines")
    yield "\t".join(column.name for column in columns) + "\n"
    for row in table.rows:
        yield "\t".join(spreadsheet(row, column, medium) for column in columns) + "\n"


FORMAT = Format("tsv", render, needs=frozenset({"rows"}), streams=True)
