"""What lint found, as compilers tell it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from chatops import formatting
from chatops.frozen import frozen
from chatops.migrations.lint import UnsafeStatement
from chatops.model import Answer, Column, Line, Span, Style, Table, Text
from chatops.screens.statement_text import in_one_line


@frozen
class LintedFile:
    """A file that was read; `problems` counts its findings."""

    file: str
    problems: int


_PROBLEMS = (
    Column("file", "file"), Column("line", "line", "number"), Column("column", "column", "number"),
    Column("severity", "severity"), Column("code", "rule"), Column("message", "message"), Column("help", "help"),
    Column("statement", "statement", "sql"),
)  # fmt: skip


def answer(findings: Sequence[UnsafeStatement], files: Sequence[str], which: str, width: int = 0) -> Answer:
    """Findings as compilers tell them; `files` are all that were read, `which` says what they are, such as "pending"; `width` in
    columns, 0 for endless."""
    rows = [LintedFile(file, sum(one.file == file for one in findings)) for file in files]
    lines: list[Line] = []
    for one in findings:
        where = ":".join(str(part) for part in (one.file, one.line, one.column) if part is not None)
        style: Style = "critical" if one.severity == "error" else "warning"
        lines.append([Span(formatting.visible(where)), Span("  "), Span(one.severity, style), Span(f"  {one.code}", "strong")])
        if one.statement:
            lines.append(f"    {in_one_line(one.statement, (width or 120) - 4)}")
        lines += _wrapped(formatting.visible(one.message), width)
        if one.help:
            lines += _wrapped(f"help: {formatting.visible(one.help)}", width)
        lines.append("")
    bad = sum(row.problems > 0 for row in rows)
    counted = f"{formatting.count(len(files))} {which} file{'' if len(files) == 1 else 's'}"
    lines.append(
        f"{formatting.plural(len(findings), 'finding')} in {bad} of {counted}." if findings else f"Nothing unsafe in {counted}."
    )
    return Answer(
        "lint",
        [
            Table("problems", _PROBLEMS, findings, audience="machines"),
            Table("files", (Column("file", "file"), Column("problems", "problems", "number")), rows, audience="machines"),
            Text(lines),
        ],
    )


def _wrapped(text: str, width: int) -> list[str]:
    if not width:
        return [f"  {text}"]
    return textwrap.wrap(text, max(20, width), initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
