"""Finds and reads the .sql files that chatops ships."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

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
