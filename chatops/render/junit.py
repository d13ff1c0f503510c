"""For the test views of CI systems: a test case per file, failed where it has problems."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from chatops import words
from chatops.model import Answer, value_of
from chatops.render import Medium
from chatops.render.github import fields


def render(answer: Answer, format_: str, medium: Medium, envelope: dict[str, Any]) -> Iterator[str]:
    """One test suite. Its cases are the rows of the table `files` (column `file`); each row of `problems` is a failure of its
    file's case, or a case of its own where it names no file. With neither there is one case, which passed."""
    cases: dict[str, list[dict[str, str]]] = {}
    for table in answer.tables:
        if table.name == "files":
            cases |= {words.visible(str(value_of(row, "file"))): [] for row in table.rows}
    for table in answer.tables:
        if table.name == "problems":
            for row in table.rows:
                found = fields(row, table)
                cases.setdefault(found.get("file") or found.get("code") or "problem", []).append(found)
    cases = cases or {answer.command: []}
    failures = sum(bool(found) for found in cases.values())
    suite = f'name={quoteattr(f"chatops {answer.command}")} tests="{len(cases)}" failures="{failures}"'
    yield f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n<testsuite {suite}>\n'
    for name, problems in cases.items():
        case = f"<testcase classname={quoteattr(f'chatops.{answer.command}')} name={quoteattr(name)}"
        if not problems:
            yield f"{case}/>\n"
            continue
        kinds = quoteattr(", ".join(dict.fromkeys(found.get("code", "problem") for found in problems)))
        text = "\n".join(_told(found) for found in problems)
        yield f'{case}><failure type={kinds} message="{len(problems)} found">{escape(text)}</failure></testcase>\n'
    yield "</testsuite>\n</testsuites>\n"


def _told(found: dict[str, str]) -> str:
    where = ":".join(found[name] for name in ("file", "line", "column") if found.get(name))
    said = [found.get(name, "") for name in ("severity", "code", "message", "help")]
    return "  ".join(text for text in (where, *said) if text)
