"""Where in a file something belongs that the server gave no position for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatops.migrations.migration_text import MigrationText
from chatops.migrations.scanner import Statement, place, significant


def quoted_names(message: str) -> list[str]:
    """The names that a message of the server has in quotes."""
    return [name.rpartition(".")[2] for name in re.findall(r'"([^"]+)"', message)]


def unplaced(
    context: str | None, names: Sequence[str], reading: MigrationText, statement: Statement, *, repeated: bool = False
) -> int:
    """Where in a statement something belongs that the server gave no position for: by its context, else by a name in it.

    `repeated` says that a name stands there once too often: then its last place is meant.
    """
    context = context or ""
    # The last line of the context is the outermost: the block that the file itself holds.
    inside = re.findall(r"inline_code_block line (\d+) at", context)
    if inside and statement.text[:2].upper() == "DO":
        body = next((token for token in significant(statement.text) if token.kind == "string"), None)
        if body is not None:
            first = place(reading.sent, statement.start + body.start).line
            return _start_of_line(reading.sent, first + int(inside[-1]) - 1)
    row = re.search(r"^COPY .*, line (\d+)", context, re.MULTILINE)
    if row and statement.copy_data is not None:
        first = place(reading.sent, statement.copy_data[0]).line
        return _start_of_line(reading.sent, first + int(row[1]) - 1)
    for name in names:
        found = _mention(name, statement, last=repeated)
        if found is not None:
            return statement.start + found
    return statement.start


def _mention(name: str, statement: Statement, *, last: bool) -> int | None:
    """Where a statement names something for the first or last time, as a name or else in a literal."""
    quoted = '"' + name.replace('"', '""') + '"'
    places = [
        token.start
        for token in significant(statement.text)
        if token.text == quoted or (token.kind == "word" and token.text.lower() == name)
    ]
    if places:
        return places[-1 if last else 0]
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", statement.text)
    return found.start() if found else None


def _start_of_line(text: str, line: int) -> int:
    offset = 0
    for _ in range(line - 1):
        offset = text.index("\n", offset) + 1
    return offset + len(text[offset:]) - len(text[offset:].lstrip(" \t"))
