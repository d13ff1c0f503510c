"""A page of the manual for people: tables as wide as the screen, commands to paste, no signs of Markdown but headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from chatops.model import Column, Line, Span, Table, Text

_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def blocks(page: str) -> list[Table | Text]:
    """The page in reading order."""
    return [*_blocks(page.splitlines())]


def _blocks(lines: list[str]) -> Iterator[Table | Text]:
    text: list[Line] = []
    rows: list[list[str]] = []
    fenced, number = False, 0
    for line in [*lines, ""]:
        if line.startswith("|") and not fenced:
            rows.append(_cells(line))
            continue
        if rows:
            number += 1
            yield Text(text[:-1] if text[-1:] == [""] else text)
            yield _table(f"table_{number}", rows)
            text, rows = [], []
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            text.append([Span("  "), Span(line.removeprefix("$ "), "code")])
        elif not _PICTURE.fullmatch(line.strip()):
            text.append([Span(line, "strong")] if line.startswith("#") else _prose(line))
    yield Text(text[:-1])


def _prose(line: str) -> Line:
    """A line of text; what stands between backticks is not broken, and keeps them where there are no colours."""
    parts = re.split(r"(`[^`]+`)", plain(line))
    return [Span(part, "code") if part.startswith("`") else Span(part) for part in parts if part] or ""


def _cells(line: str) -> list[str]:
    return [plain(cell.replace("\\|", "|")).strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _table(name: str, rows: list[list[str]]) -> Table:
    head, *body = [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    columns = [Column(f"c{place}", heading, rank=min(place, 1)) for place, heading in enumerate(head)]
    kept = [{f"c{place}": row[place] if place < len(row) else "" for place in range(len(head))} for row in body]
    return Table(name, columns, kept, audience="people")


def plain(text: str) -> str:
    """Text without emphasis, links and escapes.

    >>> plain("**action** – see [on-call.md](on-call.md), `log`")
    'action – see on-call.md, `log`'
    """
    return unescape(_LINK.sub(r"\1", re.sub(r"\*\*(.+?)\*\*", r"\1", text)))
