"""For job summaries and tickets: pipe tables, foreign text escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatops import formatting
from chatops.model import Answer, Table
from chatops.render.cells import NUMERIC, columns_for, human
from chatops.render.format import Envelope, Format, Medium
from chatops.render.plain import unstyled

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~])")


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """Where and when in one line, text as paragraphs, tables as pipe tables."""
    if head := _where_and_when(answer, envelope):
        yield f"*{escaped(head)}*\n\n"
    for block in answer.body:
        if isinstance(block, Table):
            if block.audience != "machines":
                yield "\n" + _table(block, answer, medium) + "\n"
            continue
        for line in block.lines:
            text = unstyled(line)
            if not text.strip():
                yield "\n"
            elif not isinstance(line, str) and any(span.style == "code" for span in line):
                yield ("".join(f"`{span.text}`" if span.style == "code" else escaped(span.text) for span in line) + "  \n")
            else:
                yield escaped(text) + "  \n"


def _where_and_when(answer: Answer, envelope: Envelope) -> str:
    at = formatting.instant_to_the_second(answer.now) if answer.now is not None else ""
    place = formatting.environment(str(envelope.get("environment") or ""))
    return " · ".join(str(part) for part in (place, envelope.get("database"), at) if part)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", formatting.visible(text))


def _table(table: Table, answer: Answer, medium: Medium) -> str:
    columns = [column for column in columns_for(table, "people") if column.kind != "bar"]
    title = f"**{escaped(table.title)}**\n\n" if table.title else ""
    rows = ["| " + " | ".join(escaped(human(row, column, medium, answer.now)) for column in columns) + " |" for row in table.rows]
    if not rows:
        return f"{title}{escaped(table.empty or 'none')}\n"
    head = "| " + " | ".join(escaped(column.heading) for column in columns) + " |"
    rule = "|" + "|".join(" ---: " if column.kind in NUMERIC else " --- " for column in columns) + "|"
    return title + "\n".join([head, rule, *rows]) + "\n"


FORMAT = Format("markdown", render, for_people=True)
