"""What is printed to be pasted is broken between words on a narrow screen, and pasted back it is what it was."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatops import sqlfiles
from chatops.checks import findings, load, results, run
from chatops.model import Line, Span
from chatops.render.pasted import pieces
from chatops.render.wrap import wrapped
from chatops.screens.finding import finding_lines
from chatops.screens.lines import Reader
from chatops.widths import cells
from tests.servers import Database
from tests.test_plants import opened
from tests.test_printed_commands import FILLED, printed


def screen(code: str, width: int) -> list[str]:
    """The lines of one help on a screen of so many columns."""
    line: Line = [Span("   "), Span("help       ", "dim"), Span(code, "code")]
    return [row if isinstance(row, str) else "".join(span.text for span in row) for row in wrapped(line, width)]


def pasted(rows: Sequence[str]) -> str:
    """What is copied of it: the lines as they stand, without the label."""
    return "\n".join(rows).replace("help", "    ", 1).strip()


def arguments(text: str) -> list[str]:
    """The words that a shell gives to the command `chatops`."""
    shell = 'chatops() { printf "%s\\0" "$@"; }\n'
    done = subprocess.run(["bash", "-c", shell + text], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split("\0")[:-1]


def never_within_a_word(rows: Sequence[str], width: int) -> None:
    """Every line fits, but for one that is a single word."""
    for row in rows:
        words = row.replace("help", "", 1).split() if row is rows[0] else row.split()
        assert (
            cells(row) <= width or len([word for word in words if word != "\\"]) <= 1 or '"' in row or "'" in row or "$" in row
        ), rows


STATEMENTS = sorted(
    {
        re.sub(r"\{\w+\}", "some_name_of_an_object", check.help_sql)
        for check in load.shipped()
        if check.help_sql and not re.fullmatch(r"\{\w+\}", check.help_sql)
    }
    | {" ".join(sqlfiles.body_of(f"mending/{name}.sql").split()) for name in sqlfiles.names("mending")}
)


@pytest.mark.parametrize("width", [40, 80])
def test_every_command_and_statement_of_a_help_is_broken_between_words_and_pastes_as_it_was(width: int) -> None:
    given_to_shell: list[tuple[str, str]] = []
    for _, line in printed():
        code = f"chatops --db postgresql://ada@database.example.org:6543/chats {line}"
        rows = screen(code, width)
        never_within_a_word(rows, width)
        given_to_shell.append((code, pasted(rows)))
    for one in STATEMENTS:
        rows = screen(one, width)
        never_within_a_word(rows, width)
        assert "".join(pasted(rows).split()) == "".join(one.split())
        code = f"chatops psql --write -- -c {shlex.quote(one)}"
        given_to_shell.append((code, pasted(screen(code, width))))
    end = "\nprintf '\\1\\0'\n"
    whole = arguments(end.join(code for code, _ in given_to_shell))
    broken = arguments(end.join(text for _, text in given_to_shell))
    assert [word.split() for word in broken] == [word.split() for word in whole]


LITERALS = (
    "'a  b'",
    "'it''s  so  long  a  text'",
    "E'a\\'  b'",
    "$$two  blanks$$",
    "$x$ '  $x$",
    '"x  y"',
    "1",
    "/* a  'b */ 2",
    "null",
)


@given(st.lists(st.sampled_from(LITERALS), min_size=1, max_size=8), st.integers(20, 80))
def test_a_gap_within_quotes_is_never_touched(values: list[str], width: int) -> None:
    text = "select " + ", ".join(values) + ";"
    rows = pieces(text, width, width)
    assert " ".join(rows) == text
    quoted = f"chatops psql -- -c {shlex.quote(text)}"
    assert [one.replace("\n", " ") for one in arguments("\n".join(pieces(quoted, width, width)))] == ["psql", "--", "-c", text]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_what_psql_reads_is_the_same_however_narrow_the_screen(latest_database: Database, width: int) -> None:
    text = "select " + ", ".join(one for one in LITERALS if '"' not in one) + ";"
    whole = latest_database.psql(text)
    broken = latest_database.psql("\n".join(pieces(text, width, width)))
    assert (whole.returncode, whole.stderr) == (0, "")
    assert len(pieces(text, width, width)) > 1
    assert broken.stdout == whole.stdout


def test_what_is_no_command_and_no_statement_stays_as_it_is() -> None:
    for text in (
        "chatops verify, then look at what it says of the chats",
        "a line of words that is none of both of them",
        "select 'no end of it",
    ):
        assert pieces(text, 20, 20) == [text]


TOLD = {
    "remedy": """update a set b = b - '{"x may execute f(timestamp with time zone)","y may execute g(double precision, text)"}'::text[] where c = 'd  e';""",
    "forget": """delete from chatops.settings where value = '{"column chats.b is timestamp with time zone"}'::text[] and key = 'two words of it';""",
    "statement": "comment on table chats is 'as long a sentence as somebody could write about a table, and longer';",
}
"""Statements whose literals have blanks where a screen of any width would break a sentence."""
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\s+|\w+|.", re.S)


def read_by_psql(text: str) -> list[str]:
    """A statement's words, signs and literals, each as psql gives it on."""
    return [one for one in _TOKEN.findall(text) if not one.isspace()]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_statement_that_a_finding_prints_anywhere_pastes_as_it_was(latest_database: Database, width: int) -> None:
    """In its evidence, its help or its words, of every check: as often as one begins on the screen, it is there as a whole."""
    reader = Reader(width, True, True, lambda *words: "chatops " + " ".join(words))
    checks = load.shipped()
    with opened(latest_database) as connection, connection.reading():
        survey = run.run(connection, checks[:1])
    row = {**FILLED, **TOLD, "decides": "somebody decides", "left": 2, "object": "chats", "last_stored_at": None}
    seen = 0
    for check in checks:
        result = results.Result(check, "failed", check.severity, 1, (row,), helped=(row,) if check.helps_by_row else ())
        for told in findings.findings(results.only(survey, result), reader.here):
            rows = [piece for line in finding_lines(told, survey, reader) for piece in wrapped(line, width)]
            text = "\n".join(one if isinstance(one, str) else "".join(span.text for span in one) for one in rows)
            for statement in TOLD.values():
                begins = [one.start() for one in re.finditer(re.escape(statement[:10]).replace(r"\ ", r"\s+"), text)]
                for start in begins:
                    if re.search(r"-c[\s\\]+['\"]$", text[:start]):
                        continue  # a word of a shell: tested above
                    shown = text[start : text.index(";", start) + 1]
                    assert read_by_psql(shown) == read_by_psql(statement), (check.code, width, shown)
                    seen += 1
    assert seen > 20
