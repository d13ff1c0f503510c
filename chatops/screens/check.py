"""A folder that was checked from nothing: a line a file, what is wrong where it stands, one verdict first."""

from __future__ import annotations

from collections.abc import Sequence

from chatops import formatting
from chatops.frozen import frozen
from chatops.migrations.check_folder import PLATFORM_ROLES, PLATFORM_SCHEMAS, CheckedFile, Lack
from chatops.migrations.lint import UnsafeStatement
from chatops.model import Answer, Column, Line, Span, Style, Table, Text


@frozen
class CheckedRow:
    """One file; `blocks` are the tables of earlier files that it would lock, and for whom."""

    file: str
    status: str
    seconds: float
    blocks: str
    problems: int


@frozen
class CheckLook:
    """What was found. `unlinted` says why lint did not run; `shown` is what each file is called in annotations."""

    files: Sequence[CheckedFile]
    shown: Sequence[str]
    unsafe: Sequence[UnsafeStatement]
    unlinted: str | None
    lacks: Sequence[Lack]
    server: str
    seconds: float


_FILES = (
    Column("file", "file"), Column("status", "state"), Column("seconds", "time", "duration"), Column("blocks", "blocks"),
    Column("problems", "problems", "number"),
)  # fmt: skip
_PROBLEMS = (
    Column("file", "file"), Column("line", "line", "number"), Column("column", "column", "number"),
    Column("severity", "severity"), Column("code", "rule"), Column("message", "message"), Column("help", "help"),
)  # fmt: skip


def answer(look: CheckLook) -> Answer:
    """The verdict, the files, and every problem."""
    problems = problems_of(look)
    rows = [
        CheckedRow(name, one.status, one.seconds, blocks(one), sum(problem.file == name for problem in problems))
        for one, name in zip(look.files, look.shown, strict=True)
    ]
    data = {
        "verdict": verdict(look), "server": look.server, "seconds": look.seconds, "lacks": [str(one) for one in look.lacks],
        "linted": look.unlinted is None,
    }  # fmt: skip
    return Answer(
        "check",
        [
            Text(_headline(look)),
            Table("files", _FILES, rows),
            Table("problems", _PROBLEMS, problems, audience="machines"),
            Text(_details(look, problems)),
        ],
        data,
    )


def verdict(look: CheckLook) -> str:
    """fails: a file does not apply · unsafe: lint has something to say · not linted: lint could not look · good."""
    if any(one.status != "applied" for one in look.files):
        return "fails"
    if look.unlinted is not None:
        return "not linted"
    return "unsafe" if look.unsafe else "good"


def problems_of(look: CheckLook) -> list[UnsafeStatement]:
    """Files that do not apply, then what lint found."""
    found = [
        UnsafeStatement(name, one.failure.line, one.failure.column, "error", one.failure.code, one.failure.message,
                        one.failure.hint or _help(look) or None)
        for one, name in zip(look.files, look.shown, strict=True) if one.failure is not None
    ]  # fmt: skip
    known = {(row.file, row.line, row.message) for row in found}
    return found + [one for one in look.unsafe if (one.file, one.line, one.message) not in known]


def blocks(one: CheckedFile) -> str:
    """Whom a file would keep waiting, on tables of earlier files."""
    if one.not_measured is not None:
        return f"not measured: {one.not_measured}"
    return ", ".join(f"{blocking.what} of {formatting.visible(blocking.relation)}" for blocking in one.blocking)


def _headline(look: CheckLook) -> list[Line]:
    applied = sum(one.status == "applied" for one in look.files)
    total = formatting.plural(len(look.files), "file")
    where = f"from nothing on Postgres {look.server}, as a role that is no superuser, in {formatting.duration(look.seconds)}"
    said = {
        "good": f"Good: {total} applied {where}.",
        "unsafe": f"{total} applied {where}; lint: {formatting.plural(len(look.unsafe), 'finding')}.",
        "not linted": f"{total} applied {where}; not linted, see below.",
        "fails": f"{applied} of {total} applied {where}.",
    }[verdict(look)]
    return [said, ""]


def _details(look: CheckLook, problems: Sequence[UnsafeStatement]) -> list[Line]:
    lines: list[Line] = []
    failed = next((one for one in look.files if one.failure is not None), None)
    for row in problems:
        where = ":".join(str(part) for part in (row.file, row.line, row.column) if part is not None)
        style: Style = "critical" if row.severity == "error" else "warning"
        head = [Span(formatting.visible(where)), Span("  "), Span(row.severity, style), Span(f"  {row.code}", "strong")]
        lines += ["", head, f"  {formatting.visible(row.message)}"]
        if failed is not None and failed.failure is not None and row.code == failed.failure.code:
            lines += [f"  {line}" for line in failed.excerpt]
        if row.help:
            lines.append(f"  help: {formatting.visible(row.help)}")
    if look.lacks:
        lines += ["", f"This server does not have: {formatting.visible(', '.join(map(str, look.lacks)))}."]
        if text := stand_ins(look.lacks):
            lines += ["Stand-ins, for a file that --before runs first:", *(f"  {line}" for line in text)]
    if look.unlinted is not None:
        lines += ["", f"Not linted: {look.unlinted}."]
    return lines


def _help(look: CheckLook) -> str:
    return f"this server does not have {', '.join(map(str, look.lacks))}: --before FILE for stand-ins" if look.lacks else ""


def stand_ins(missing: Sequence[Lack]) -> list[str]:
    """SQL that makes what is missing, as empty as can be."""
    lines: list[str] = []
    for one in missing:
        if one.kind == "role" and one.name in PLATFORM_ROLES:
            lines.append(f"create role {one.name} nologin;")
        elif one.kind == "schema" and one.name in PLATFORM_SCHEMAS:
            lines.append(f"create schema {one.name};")
            if one.name == "auth":
                lines += [
                    "create table auth.users (id uuid primary key default gen_random_uuid(), email text);",
                    "create function auth.uid() returns uuid language sql stable as 'select null::uuid';",
                    "create function auth.role() returns text language sql stable as 'select null::text';",
                    "create function auth.jwt() returns jsonb language sql stable as 'select null::jsonb';",
                ]
        elif one.kind == "extension for a superuser alone":
            lines.append(f"create extension {one.name};")
    return lines
