"""A rehearsal laid out for people and programs: what each statement took, and whom each file keeps waiting."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from chatops import formatting
from chatops.db import Facts
from chatops.frozen import frozen
from chatops.migrations.from_then_on import VIEWS
from chatops.migrations.rehearsal import Blocking, Rehearsal, RehearsedFile, RehearsedStatement, TouchedRelation
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.screens.statement_text import in_one_line

NARROW = 60
# A statement that only reads is worth a word from here on; below it everything reads a little.
WORTH_TELLING_ROWS = 1000
# In a file of more statements than that, those that are quick and blocked nobody are counted, not shown.
FEW = 3
SLOW_S = 0.1
LONGEST_STATEMENT = 110


@frozen
class StatementRow:
    """One statement, measured; `seconds` is the server's time, `rows` by what was done to them."""

    file: str
    line: int
    statement: str
    seconds: float
    count: int
    more: bool
    locks: Sequence[dict[str, str | None]]
    touched: Sequence[dict[str, object]]
    help: str | None


@frozen
class RehearsedRow:
    """One file: how its rehearsal ended, and the time of its statements in seconds."""

    file: str
    status: str
    seconds: float
    note: str | None


@frozen
class BlockingRow:
    """Whom a file keeps waiting, in seconds; `more` where it was cancelled before its end."""

    file: str
    relation: str
    blocks: str
    seconds: float
    more: bool


_STATEMENTS = (
    Column("file", "file"), Column("line", "line", "number"), Column("statement", "statement", "sql"),
    Column("seconds", "time", "duration"), Column("count", "statements", "number"),
    Column("more", "cancelled", "flag"), Column("locks", "locks", "data"),
    Column("touched", "rows", "data"), Column("help", "help"),
)  # fmt: skip
_FILES = (Column("file", "file"), Column("status", "status"), Column("seconds", "time", "duration"), Column("note", "note"))
_BLOCKING = (
    Column("file", "file"), Column("relation", "relation"), Column("blocks", "blocks"), Column("seconds", "for", "duration"),
    Column("more", "at least", "flag"),
)  # fmt: skip


def answer(rehearsal: Rehearsal, environment: str, facts: Facts, width: int, whole: str) -> Answer:
    """The whole rehearsal; `width` in columns, 0 for endless; `whole` is the command line that tells each statement."""
    steps = [step for file in rehearsal.files for step in file.steps]
    tables = [
        Table("files", _FILES, [RehearsedRow(f.name, f.status, f.seconds, f.note) for f in rehearsal.files], audience="machines"),
        Table("statements", _STATEMENTS, [_statement_row(step) for step in steps], audience="machines"),
        Table(
            "blocking", _BLOCKING,
            [BlockingRow(f.name, b.relation, b.what, b.seconds, b.more) for f in rehearsal.files for b in f.blocking],
            audience="machines",
        ),
    ]  # fmt: skip
    lines: list[Line] = _wrapped(_headline(rehearsal, environment), width, "")
    for file in rehearsal.files:
        lines += ["", *_file(file, rehearsal, width)]
    if any(_quiet(file) for file in rehearsal.files):
        lines += ["", [Span("Each statement with its time: "), Span(whole, "code")]]
    data = {"max_hold": rehearsal.max_hold, "seconds": rehearsal.seconds, "operators_on_shift": rehearsal.on_shift,
            "operators_silent": rehearsal.silent}  # fmt: skip
    return Answer("rehearse", [*tables, Text(lines)], data, facts.now)


def _headline(rehearsal: Rehearsal, environment: str) -> str:
    files = [file for file in rehearsal.files if file.name != VIEWS]
    done = sum(file.status in ("rehearsed", "too long", "failed") for file in files)
    rest = len(files) - done
    all_ = formatting.plural(len(files), "file") + (" and the views" if len(files) < len(rehearsal.files) else "")
    counted = f"{formatting.count(done)} of {all_}" if rest else all_
    left = f"; {formatting.count(rest)} cannot be rehearsed (below)" if rest else ""
    return f"Rehearsed {counted} on {environment} in {seconds(rehearsal.seconds)}{left}. Rolled back. Nothing was changed."


def _file(file: RehearsedFile, rehearsal: Rehearsal, width: int) -> list[Line]:
    lines: list[Line] = [
        [Span(formatting.visible(file.name), "strong"), Span("" if file.status == "rehearsed" else f"  {file.status}")]
    ]
    quiet = _quiet(file)
    for step in file.steps:
        if step not in quiet:
            lines += _step(step, width)
    if quiet:
        time = milliseconds(sum(step.seconds for step in quiet))
        more = "more " if len(quiet) < len(file.steps) else ""
        number = sum(step.count for step in quiet)
        lines.append(f"        {formatting.plural(number, f'{more}statement')} without a further lock  {time}")
    if file.status == "failed":
        lines += _wrapped(f"✗ {formatting.visible(file.note or '')}", width, "  ")
        lines += [f"  {line}" for line in file.excerpt]
    elif file.note:
        lines += _wrapped(formatting.visible(file.note), width, "  ")
    for blocking in file.blocking:
        lines += _wrapped(f"→ {in_words(blocking, rehearsal)}", width, "   ")
    if file.status == "rehearsed" and not file.blocking:
        lines.append("   → blocks nobody")
    for help_ in dict.fromkeys(step.help for step in file.steps if step.help):
        lines += _wrapped(f"help: {help_}", width, "   ")
    return lines


def _quiet(file: RehearsedFile) -> list[RehearsedStatement]:
    """The statements that are counted, not shown."""
    return [step for step in file.steps if _is_quiet(step)] if len(file.steps) > FEW else []


def _is_quiet(step: RehearsedStatement) -> bool:
    return not step.over and not _measured(step) and step.seconds < SLOW_S


def _step(step: RehearsedStatement, width: int) -> list[Line]:
    text = " ".join(filter(None, (in_one_line(step.statement, LONGEST_STATEMENT), formatting.and_more(step.count - 1))))
    measured = ", ".join(_measured(step))
    time = f"more than {seconds(step.seconds)}" if step.over else milliseconds(step.seconds)
    head = f"  {step.line:>4}  "
    one_line = f"{head}{text}  {time}{'  ' + measured if measured else ''}"
    if not width or len(one_line) <= width:
        return [one_line]
    if width < NARROW:
        return [
            f"{step.line:>4} {formatting.shortened(text, max(10, width - 5))}",
            *_wrapped(f"{time}  {measured}".strip(), width, "     "),
        ]
    return [head + formatting.shortened(text, width - len(head)), *_wrapped(f"{time}  {measured}".strip(), width, " " * 8)]


def _measured(step: RehearsedStatement) -> list[str]:
    told = [
        f"{lock.mode} {formatting.visible(lock.relation)}" + (f" (held since {lock.since})" if lock.since else "")
        for lock in step.locks
    ]
    return told + [text for touched in step.touched if (text := _touched(touched, blocking=bool(step.locks)))]


def _touched(touched: TouchedRelation, *, blocking: bool) -> str:
    rows = formatting.plural(touched.rows, "row")
    size = f" ({size_of(touched.bytes)})" if touched.bytes else ""
    relation = formatting.visible(touched.relation)
    if touched.what == "rewrites":
        return f"rewrites {rows} of {relation}{size}"
    if touched.what == "builds":
        return f"builds {formatting.visible(touched.index or 'an index')} over {rows} of {relation}{size}"
    if touched.what == "empties":
        return f"empties {relation}"
    if touched.what == "changes":
        return f"changes {rows} of {relation}"
    return f"scans {rows} of {relation}" if blocking or touched.rows >= WORTH_TELLING_ROWS else ""


def in_words(blocking: Blocking, rehearsal: Rehearsal) -> str:
    """What operators would notice, and how many of them are there to notice it."""
    more = "more than " if blocking.more else ""
    told = f"blocks {blocking.what} of {formatting.visible(blocking.relation)} for {more}{seconds(blocking.seconds)}"
    if rehearsal.on_shift and blocking.seconds >= 0.1:
        told += f"; {formatting.plural(rehearsal.on_shift, 'operator is', 'operators are')} on shift"
        if rehearsal.silent:
            which = "all" if rehearsal.silent == rehearsal.on_shift else formatting.count(rehearsal.silent)
            told += f", {which} of them silent for long"
    return told


def _wrapped(text: str, width: int, indent: str) -> list[Line]:
    if not width:
        return [indent + text]
    return list(
        textwrap.wrap(text, max(20, width), initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False)
    )


def milliseconds(value: float) -> str:
    """A statement's time.

    >>> milliseconds(1.6404), milliseconds(0.00012)
    ('1,640 ms', '0.1 ms')
    """
    thousandth = value * 1000
    return f"{thousandth:,.0f} ms" if thousandth >= 10 else f"{thousandth:.1f} ms"


def seconds(value: float) -> str:
    """A time that somebody waits.

    >>> seconds(0.0212), seconds(1.64), seconds(0.0001), seconds(75)
    ('0.02 s', '1.6 s', 'less than 0.01 s', '1 m 15 s')
    """
    if value < 0.01:
        return "less than 0.01 s"
    if value < 0.1:
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 60 else formatting.duration(value)


def size_of(size: int | None) -> str:
    """Bytes for people.

    >>> size_of(1395864371), size_of(8192)
    ('1.3 GB', '8 kB')
    """
    value = float(size or 0)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1024 or unit == "TB":
            return f"{value:.1f} {unit}" if value < 10 and unit in ("MB", "GB", "TB") else f"{value:.0f} {unit}"
        value /= 1024
    raise AssertionError


def _statement_row(step: RehearsedStatement) -> StatementRow:
    locks = [{"relation": lock.relation, "mode": lock.mode, "held_since": lock.since} for lock in step.locks]
    touched: list[dict[str, object]] = [
        {"relation": one.relation, "what": one.what, "rows": one.rows, "bytes": one.bytes, "index": one.index}
        for one in step.touched
    ]
    statement = re.sub(r"[ \t]+\n", "\n", step.statement)
    return StatementRow(step.file, step.line, statement, step.seconds, step.count, step.over, locks, touched, step.help)
