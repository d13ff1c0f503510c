"""Whatever users, servers and files call themselves: no control character gets out, no CI obeys a line, every reader reads on.

By default with 1,000 strings, in each of which up to nine hostile pieces stand side by side; with CHATOPS_TEST_LONG=1 with 5,000.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import junitparser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chatops.errors import DatabaseError, UsageError
from chatops.flows import ends
from chatops.flows.given import CHECK_FORMATS, Given
from chatops.flows.run import Invocation
from chatops.formatting import visible
from chatops.model import Answer, Column, Figure, Outcome, Span, Table, Text
from chatops.render import FORMATS, Failure, Medium, format_named, render
from tests.conftest import LONG

STRINGS = 5000 if LONG else 1000
NOW = datetime(2026, 11, 22, 14, 3, tzinfo=UTC)
PIECES = [
    "\x1b[31m", "\x1b]0;x\x07", "\x9b31m", "\x00", "\x07", "\x08\x08", "\x7f", "\x85", "\u2028", "\u2029", "\r", "\n", "\t", "\v", "\f",
    "\u202e", "\u2066", "\u200b", "\ufeff", "\ud800", "\ue000", "\U000e0041", "::error file=a::", "\n::warning::x", "  ::add-mask::s",
    "::stop-commands::x", "##[error]", "##vso[task.complete]", "##teamcity[x]", "]]>", "<b>", "&amp;", "\"", "'", "\\", "`", "|", "%0A",
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", ",", ";", "[red]", "{x}", "$(x)", "a", "Ada", "\u00eb", "\u6f22", "\U0001f600", " ", "--", "::1",
]  # fmt: skip


def hostile(count: int) -> Iterator[str]:
    """Strings of such pieces, the same each time."""
    chance = random.Random(18)
    for _ in range(count):
        yield "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 9)))


OBEYED = re.compile(r"^\s*::[A-Za-z]*[G-Zg-z-][\w-]*[ :]|##(\[|vso\[|teamcity\[)", re.MULTILINE)


def raw_characters(text: str, allowed: str = "\n") -> set[str]:
    return {
        sign for sign in set(text) if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and sign not in allowed
    }


def answer_of(texts: list[str]) -> Answer:
    columns = [
        Column("name", "name"), Column("who", "who", "person"), Column("data", "data", "data"), Column("sql", "sql", "sql"),
        Column("id", "id", "id"), Column("at", "at", "age"),
    ]  # fmt: skip
    rows = [
        {"name": text, "who": text, "data": {text: [text]}, "sql": text, "id": UUID(int=number), "at": NOW}
        for number, text in enumerate(texts)
    ]
    problem_columns = [Column(name, name) for name in ("file", "line", "severity", "code", "message", "help")]
    problems = [{"file": text, "line": 1, "severity": "warning", "code": text, "message": text, "help": text} for text in texts]
    outcomes = [
        Outcome(text, "failed", "warning", text, text, counts=number % 2 == 0, evidence=text) for number, text in enumerate(texts)
    ]
    lines: list[str | list[Span]] = [*texts, *([Span(text, "warning"), Span(text, "code")] for text in texts)]
    return Answer("hostile", [Table("rows", columns, rows, title=texts[0]), Text(lines), Table("problems", problem_columns, problems)],
                  {"told": texts}, NOW, [Figure("waiting", 1.0, texts[0], {"name": texts[0]})], outcomes)  # fmt: skip


def read(name: str, text: str) -> None:
    """As the readers of the format do."""
    if name == "json":
        json.loads(text)
    elif name == "jsonl":
        assert all(json.loads(line) for line in text.split("\n") if line)
    elif name in ("csv", "tsv"):
        rows = list(
            csv.reader(
                io.StringIO(text),
                delimiter="," if name == "csv" else "\t",
                quoting=csv.QUOTE_MINIMAL if name == "csv" else csv.QUOTE_NONE,
            )
        )
        assert {len(row) for row in rows} == {6}
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    elif name == "junit":
        ElementTree.fromstring(text)
        junitparser.JUnitXml.fromstring(text.encode())
    elif name == "prometheus":
        assert list(text_string_to_metric_families(text))
    elif name == "github":
        assert all(re.match(r"::(error|warning|notice)( [^\n]*)?::", line) for line in text.splitlines())
    elif name == "nagios":
        assert text.count("\n") == 1


@pytest.mark.sampled(4)
@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_hostile_strings_in_every_field(name: str) -> None:
    texts = list(hostile(STRINGS))
    for start in range(0, len(texts), 50):
        answer = answer_of(texts[start : start + 50])
        envelope = {"chatops": "0", "command": "hostile", "environment": texts[start], "database": texts[start + 1]}
        # Each of the media for every third part.
        for medium in ((Medium(), Medium(80, terminal=True, show_names=True), Medium(ascii=True))[start // 50 % 3],):
            told = "".join(render(answer, name, medium, envelope))
            assert raw_characters(told, "\n\t" if name == "tsv" else "\n") == set()
            if name != "github":
                assert OBEYED.search(told) is None, OBEYED.search(told)
            told.encode("ascii" if medium.ascii and name in ("json", "jsonl") else "utf-8")
            read(name, told)
        made = format_named(name).failure
        if made is not None:
            read(
                name, made(Failure("hostile", UsageError(texts[start], details=texts[start : start + 3]), 2), Medium(), envelope)
            )


@pytest.mark.long
def test_stderr_is_as_careful(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    run = Invocation(Given(["hostile"], "hostile", CHECK_FORMATS, output="json"))
    for text in hostile(STRINGS):
        run.note(text)
        run.note([Span(text, "code")])
        run.warn(text)
        error = DatabaseError(text, server_detail=text, server_hint=text, details=[text], next_steps=[(text, text)])
        ends.failed(run, error, error.exit_code)
    for told in (out.getvalue(), err.getvalue()):
        assert raw_characters(told) == set()
        assert OBEYED.search(told) is None, OBEYED.search(told)
    assert all(json.loads(line)["error"] for line in out.getvalue().splitlines())


def test_a_spreadsheet_computes_nothing_unless_the_values_are_wanted_as_they_are() -> None:
    answer = Answer(
        "x", [Table("rows", [Column("a", "a"), Column("b", "b", "number")], [{"a": "=1+1", "b": -5}, {"a": "-3.5", "b": 1}])]
    )
    assert "".join(render(answer, "csv", Medium())) == "a,b\n'=1+1,-5\n-3.5,1\n"
    assert "".join(render(answer, "tsv", Medium(raw=True))) == "a\tb\n=1+1\t-5\n-3.5\t1\n"


def test_a_long_name_takes_no_page() -> None:
    answer = Answer("x", [Table("rows", [Column("a", "a")], [{"a": "x" * 10_000}])])
    assert len("".join(render(answer, "table", Medium(80, terminal=True))).splitlines()) < 12
    assert "x" * 10_000 in "".join(render(answer, "plain", Medium()))


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467 Weber", "\U0001f468\U0001f469\U0001f467 Weber"),
        ("\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f3f3\ufe0f\U0001f308"),
        ("\U0001f469\U0001f3fd\u200d\u2695\ufe0f", "\U0001f469\U0001f3fd\u2695\ufe0f"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u062e"),
        ("\u0dc1\u0dca\u200d\u0dbb\u0dd3", "\u0dc1\u0dca\u0dbb\u0dd3"),
        ("a\u200db", "a\\u200db"),
        ("Ada\u200d", "Ada\\u200d"),
        ("\u200d\U0001f468", "\\u200d\U0001f468"),
        ("\U0001f468\u200d", "\U0001f468\\u200d"),
        ("\U0001f468\u200d\u200d\U0001f469", "\U0001f468\\u200d\\u200d\U0001f469"),
        ("\U0001f468\u200da", "\U0001f468\\u200da"),
        ("\U0001f468\u200c\U0001f469", "\U0001f468\\u200c\U0001f469"),
        ("\U0001f468\u200d\u202e\U0001f469", "\U0001f468\\u200d\\u202e\U0001f469"),
    ],
)
def test_joined_emoji_and_letters_can_be_read_and_a_joiner_elsewhere_is_told(name: str, seen: str) -> None:
    assert visible(name) == seen
    assert visible(seen) == seen
    assert not raw_characters(visible(name))
