"""Finds and reads the .sql files that chatops ships."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

PLACEHOLDER = re.compile(r":'([a-z_][a-z0-9_]*)'")
"""A parameter of a file, written as psql's variables are."""
_HEADER = re.compile(r"^--\s*([a-z][a-z-]*):[ \t]*(.*)$")


@cache
def root() -> Path:
    """The folder `sql/`: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    shipped = package / "sql"
    return shipped if shipped.is_dir() else package.parent / "sql"


@cache
def read(relative: str) -> str:
    """The text of one file, by its path below `sql/`, such as `queries/summary.sql`."""
    return (root() / relative).read_text(encoding="utf-8")


def names(folder: str) -> list[str]:
    """The names, without ending, of the .sql files directly in a folder below `sql/`, sorted."""
    return sorted(path.stem for path in (root() / folder).glob("*.sql"))


def header(text: str) -> dict[str, str]:
    """The `-- key: value` lines at the head of a file; a value goes on over following `--   ` (three blanks) lines.

    >>> header("-- What is it.\\n-- code: CHAT001\\n-- why: one\\n--   two\\nselect 1")
    {'code': 'CHAT001', 'why': 'one two'}
    """
    found: dict[str, str] = {}
    key: str | None = None
    for line in text.splitlines():
        if not line.startswith("--"):
            if line.strip():
                break
            continue
        if match := _HEADER.match(line):
            key = match[1]
            found[key] = match[2].strip()
        elif key is not None and line.startswith("--   "):
            found[key] = f"{found[key]} {line[2:].strip()}".strip()
        else:
            key = None
    return found


def body(text: str) -> str:
    """The text without its leading comment lines and without a final semicolon."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("--")), len(lines))
    return "\n".join(lines[start:]).strip().removesuffix(";").rstrip()


def with_views(query: str, *, before_018: bool = False) -> str:
    """A query whose head says `-- needs: chat_queue, operator_load`, with the bodies of those views in front as CTEs.

    So a reading command gives the same answer whether the views are installed, old or absent. `before_018` takes the variant
    `NAME.before_018.sql` where there is one: for databases without the queue's clocks. A query's own `with` is joined on.
    """
    wanted: dict[str, str] = {}

    def add(text: str) -> None:
        for name in filter(None, re.split(r"[,\s]+", header(text).get("needs", ""))):
            if name not in wanted:
                view = view_text(name, before_018=before_018)
                add(view)
                wanted[name] = _view_body(view)

    add(query)
    if not wanted:
        return query
    return in_front(", ".join(f"{name} as not materialized (\n{text}\n)" for name, text in wanted.items()), body(query))


def in_front(lead: str, query: str) -> str:
    """A query with further CTEs in front of its own.

    >>> in_front("a as (select 1)", "with b as (select 2) select 3")
    'with a as (select 1), b as (select 2) select 3'
    """
    if match := re.match(r"with\s+(recursive\s+)?", query, re.IGNORECASE):
        return f"with {match[1] or ''}{lead}, {query[match.end() :]}"
    return f"with {lead}\n{query}"


def view_text(name: str, *, before_018: bool = False) -> str:
    """The text of one file of `sql/views`, in its variant for old databases where asked for and there is one."""
    if before_018 and (root() / "views" / f"{name}.before_018.sql").exists():
        return read(f"views/{name}.before_018.sql")
    return read(f"views/{name}.sql")


def _view_body(text: str) -> str:
    """The SELECT of a `create or replace view … as SELECT …;` file."""
    own = body(text).split(";\n", 1)[0].removesuffix(";")
    match = re.match(r"create\s+or\s+replace\s+view\s+\S+(?:\s+with\s*\([^)]*\))?\s+as\s+", own, re.IGNORECASE)
    if match is None:
        raise ValueError("a file of sql/views that others need must be a view")
    return own[match.end() :]
