r"""The scanner against PostgreSQL's own parser (pglast), on text that is written to be nasty."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pglast import parser

from chatops.migrations import scanner
from chatops.migrations.scanner import (
    Kind,
    comments,
    keywords,
    normalised,
    place,
    scan,
    script,
    significant,
    statement_at,
    tokens,
)
from tests.corpus.nasty import GAPS, STRINGS, Writer

HANDWRITTEN = Path(__file__).parent / "corpus" / "handwritten.sql"
MORE = 20 if os.environ.get("CHATOPS_TEST_LONG") else 1
SCRIPTS = 200 * MORE
STATEMENTS_OF_THE_CORPUS = 3000


def by_the_parser(text: str) -> list[tuple[int, int]]:
    """Where each statement begins, and where its `;` or the end of the text is, by PostgreSQL's parser."""
    return [
        (raw.stmt_location, raw.stmt_location + raw.stmt_len if raw.stmt_len else len(text)) for raw in parser.parse_sql(text)
    ]


def by_the_scanner(text: str) -> list[tuple[int, int]]:
    """The same by the scanner, without backslash commands."""
    return [(statement.start, statement.stop) for statement in scan(text) if statement.kind is not Kind.META]


def read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


# ---- the oracle ----------------------------------------------------------------------------------------------------


def test_the_handwritten_statements_are_cut_where_the_parser_cuts_them() -> None:
    text = read(HANDWRITTEN)
    assert len(by_the_parser(text)) > 200
    assert by_the_scanner(text) == by_the_parser(text)
    assert script(text).opening is None


def test_at_least_three_thousand_nasty_statements_are_cut_where_the_parser_cuts_them() -> None:
    distinct: set[str] = set()
    for seed in range(SCRIPTS):
        text = Writer(seed).script(20)
        assert by_the_scanner(text) == by_the_parser(text), f"seed {seed}"
        assert script(text).opening is None, f"seed {seed}"
        distinct.update(normalised(statement.text) for statement in scan(text))
    assert len(distinct) >= STATEMENTS_OF_THE_CORPUS


def test_copy_rows_and_backslash_commands_are_left_out_and_the_rest_is_cut_where_the_parser_cuts_it() -> None:
    all_copies = all_metas = 0
    for seed in range(SCRIPTS):
        text, blanked, copies, metas = Writer(seed).psql_script(15)
        found = scan(text)
        assert by_the_scanner(text) == by_the_parser(blanked), f"seed {seed}"
        assert sum(statement.kind is Kind.COPY for statement in found) == copies, f"seed {seed}"
        assert sum(statement.kind is Kind.META for statement in found) == metas, f"seed {seed}"
        assert script(text).opening is None, f"seed {seed}"
        all_copies, all_metas = all_copies + copies, all_metas + metas
    assert all_copies > 300
    assert all_metas > 300


@settings(max_examples=100 * MORE, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(min_value=0, max_value=2**32), st.sampled_from(GAPS), st.sampled_from((";", ";;", " ;\n"))),
        min_size=1,
        max_size=8,
    )
)
def test_any_nasty_statements_in_any_order_are_cut_where_the_parser_cuts_them(pieces: list[tuple[int, str, str]]) -> None:
    text = "".join(f"{gap}{Writer(seed).statement()}{end}" for seed, gap, end in pieces)
    assert by_the_scanner(text) == by_the_parser(text)


@settings(max_examples=200 * MORE, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STRINGS), st.sampled_from(GAPS)), min_size=1, max_size=6))
def test_literals_in_any_order_do_not_end_a_statement(pieces: list[tuple[str, str]]) -> None:
    text = f"select {','.join(string + gap for string, gap in pieces)}; select 2"
    assert by_the_scanner(text) == by_the_parser(text)
    assert len(scan(text)) == 2


FRAGMENTS = (
    *("'", "'", '"', "$", "$$", "$a$", "$a", "$1", "E'", "e'", "U&'", 'u&"', "b'", "X'", "n'", "''", '""', "\\", "--", "-"),
    *(
        "/",
        "*",
        "/*",
        "*/",
        "\n",
        "\r",
        " ",
        "\t",
        "\f",
        "\v",
        "(",
        ")",
        ";",
        ";",
        "1",
        "1e5",
        "1e-5",
        "1e",
        "0x1F",
        "1.",
        ".",
        "..",
        ":",
        "::",
        ":=",
    ),
    *("=", "+", "<", "@", "#", "%", "?", "a", "e", "E", "é", "😀", "\xa0", "\u2028", "\x85", "_", "[", "]", ",", "~", "`", "^"),
    *("select", "begin", "atomic", "end", "case", "create", "as", "function"),
)


@settings(max_examples=500 * MORE, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_any_text_is_cut_into_the_tokens_of_the_servers_lexer(text: str) -> None:
    assert normalised(text) == " ".join(token.text for token in significant(text))
    try:
        theirs = [(token.start, token.end + 1) for token in parser.scan(text)]
    except parser.ParseError as error:
        if "unterminated" in str(error):
            assert any(token.kind == "open" for token in tokens(text))
        return
    # The lexer joins strings across a line break; here they stay two, which changes no boundary of a statement.
    inside = [
        (start, end) for start, end in theirs if "'" in text[start:end] and ("\n" in text[start:end] or "\r" in text[start:end])
    ]
    ours = [
        (token.start, token.start + len(token.text))
        for token in tokens(text)
        if not any(start <= token.start < end for start, end in inside)
    ]
    assert ours == [pair for pair in theirs if pair not in inside]


@settings(max_examples=500 * MORE, deadline=None)
@given(st.lists(st.sampled_from([f for f in FRAGMENTS if f not in ("\\", "atomic")]), max_size=30).map("".join))
def test_statements_of_any_text_end_at_semicolons_outside_parentheses_as_the_servers_lexer_sees_them(text: str) -> None:
    try:
        lexed = parser.scan(text)
    except parser.ParseError:
        return
    depth, start = 0, None
    expected: list[tuple[int, int]] = []
    for token in lexed:
        character = text[token.start] if token.start == token.end else ""
        if token.name in ("SQL_COMMENT", "C_COMMENT"):
            continue
        if character == ";" and depth == 0:
            if start is not None:
                expected.append((start, token.start))
            start = None
            continue
        start = token.start if start is None else start
        depth = max(0, depth + (character == "(") - (character == ")"))
    if start is not None:
        expected.append((start, len(text)))
    assert by_the_scanner(text) == expected


@settings(max_examples=200 * MORE, deadline=None)
@given(st.text(alphabet=st.sampled_from("'\"$a-/*\\;()\nEe \r.1"), max_size=60))
def test_no_text_stops_the_scanner_and_every_statement_lies_where_it_says(text: str) -> None:
    found = script(text)
    done = 0
    for statement in found.statements:
        assert text[statement.start : statement.end] == statement.text
        assert statement.text
        at = place(text, statement.start)
        assert (statement.line, statement.column) == (at.line, at.column)
        assert statement.leading <= statement.start < statement.end <= statement.stop <= len(text)
        if statement.kind is not Kind.META:
            assert statement.leading >= done
            done = statement.end
    if found.opening is not None:
        assert 0 <= found.opening.place.offset < len(text)


@settings(max_examples=100 * MORE, deadline=None)
@given(st.integers(min_value=0, max_value=2**32), st.lists(st.sampled_from(GAPS), min_size=1, max_size=20))
def test_blanks_and_comments_do_not_change_the_normalised_text(seed: int, gaps: list[str]) -> None:
    text = Writer(seed).statement()
    pieces = [token.text for token in significant(text)]
    spaced = "".join(piece + gaps[index % len(gaps)] for index, piece in enumerate(pieces))
    # A gap with a line break between two strings would join them, and one inside a joined E'' string belongs to it.
    assert normalised(spaced) == normalised(text) == normalised(normalised(text))


@settings(max_examples=100 * MORE, deadline=None)
@given(st.integers(min_value=0, max_value=2**32))
def test_the_normalised_text_has_the_tokens_of_the_statement(seed: int) -> None:
    text = Writer(seed).statement()

    def lexed(sql: str) -> list[str]:
        return [sql[t.start : t.end + 1] for t in parser.scan(sql) if t.name not in ("SQL_COMMENT", "C_COMMENT")]

    if not any("'" in token and "\n" in token for token in lexed(text)):
        assert lexed(normalised(text)) == lexed(text)


# ---- what a statement is -------------------------------------------------------------------------------------------


def test_a_statement_knows_where_it_stands_and_leaves_its_comments_outside() -> None:
    text = "-- head\n\n  select 1 -- tail\n ; /* é */ select\n2"
    first, second = scan(text)
    assert (first.text, first.line, first.column, first.terminated) == ("select 1", 3, 3, True)
    assert (second.text, second.line, second.column, second.terminated) == ("select\n2", 4, 12, False)
    assert [c.text for c in comments(text, first.leading, first.start)] == ["-- head"]
    assert [c.text for c in comments(text, second.leading, second.start)] == ["/* é */"]
    assert text[first.stop] == ";"


def test_a_text_without_statements_has_none() -> None:
    for text in ("", " \n", ";;", "-- a", "/* a /* b */ */", "\n;\n-- a\n;"):
        assert scan(text) == []
        assert script(text).opening is None


def test_line_breaks_of_windows_keep_lines_and_columns() -> None:
    assert [(s.line, s.column) for s in scan("select 1;\r\n\r\n  select 2;\r\n")] == [(1, 1), (3, 3)]


def test_what_a_dotless_i_spells_is_no_keyword() -> None:
    text = "create function f() returns int begın atomıc select 1; select 2"
    assert len(scan(text)) == 2
    assert len(scan("copy t from ſtdin;\nselect 1;\n")) == 2


def test_ten_thousand_levels_of_parentheses_are_no_trouble() -> None:
    deep = "(" * 10_000 + "';'" + ")" * 10_000
    assert len(scan(f"select {deep}; select $$;$$ {deep}")) == 2
    assert len(scan(f"select {'/*' * 10_000};{'*/' * 10_000} 1; select 2")) == 2


def test_a_position_is_traced_to_its_statement() -> None:
    text = "-- one\nselect 1;\n-- two\nselect 2;\n"
    first, second = scan(text)
    for offset in range(text.index(";") + 1):
        assert statement_at((first, second), offset) == first
    for offset in range(text.index(";") + 1, len(text) + 1):
        assert statement_at((first, second), offset) == second
    assert statement_at((), 0) is None


# ---- what is never closed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what", "line", "column"),
    [
        ("select 1;\n select 'a;\n", "quoted string", 2, 9),
        (r"select E'a\';", "quoted string", 1, 8),
        ("select E'a'\n'b\\';", "quoted string", 1, 8),
        ('select "a;', "quoted identifier", 1, 8),
        ("select $a$ ; $b$ $A$", "dollar-quoted string", 1, 8),
        ("select 1; /* a /* b */ ;", "comment", 1, 11),
        ("select 1 /* a", "comment", 1, 10),
        ("select (1, (2);\nselect 3;", "parenthesis", 1, 8),
        ("create function f() returns int\n begin atomic select 1; select 2;", "BEGIN ATOMIC body", 2, 2),
        ("copy t from stdin;\n1\n2\n", "COPY data", 1, 18),
        ("copy t from stdin", "COPY data", 1, 1),
    ],
)
def test_what_is_never_closed_is_told_with_the_place_where_it_was_opened(text: str, what: str, line: int, column: int) -> None:
    opening = script(text).opening
    assert opening is not None
    assert (opening.what, opening.place.line, opening.place.column) == (what, line, column)


def test_a_comment_that_is_never_closed_is_no_part_of_a_statement() -> None:
    assert [s.text for s in scan("select 1; /* select 2;")] == ["select 1"]
    assert [(s.text, s.terminated) for s in scan("select 1 /* ; select 2;")] == [("select 1", False)]


# ---- COPY ----------------------------------------------------------------------------------------------------------


def rows_of(text: str) -> Iterator[str]:
    for statement in scan(text):
        if statement.copy_data is not None:
            yield text[slice(*statement.copy_data)]


def test_the_rows_of_a_copy_go_down_to_the_line_that_ends_them() -> None:
    text = "copy t (a, b) from stdin with (format text);\n1\tit's;\n\\\\.\n\\.x\n\\.\nselect 1;"
    copy, query = scan(text)
    assert (copy.kind, copy.text) == (Kind.COPY, "copy t (a, b) from stdin with (format text)")
    assert list(rows_of(text)) == ["1\tit's;\n\\\\.\n\\.x\n"]
    assert (query.text, query.line) == ("select 1", 6)
    assert comments(text, query.leading, query.start) == []


@pytest.mark.parametrize(
    "copy",
    [
        "copy t from stdin",
        'COPY "from" FROM STDIN',
        "copy /* from file */ s.t from -- x\n stdin",
        "copy binary t from stdin",
        "copy t(a, b) from stdout csv",
        "copy t from /* a /* b */ */ Stdin where (a > 1)",
    ],
)
def test_every_spelling_of_a_copy_from_the_client_has_rows(copy: str) -> None:
    assert list(rows_of(f"{copy};\n1;'\n\\.\nselect 1;")) == ["1;'\n"]


@pytest.mark.parametrize(
    "copy",
    [
        "copy t from 'stdin'",
        'copy t from "stdin"',
        "copy t from program 'stdin'",
        "copy (select * from stdin) to stdout",
        "copy t to stdin",
        "select * from stdin",
        "copy_from(stdin)",
        "copyx t from stdin",
    ],
)
def test_no_other_statement_has_rows(copy: str) -> None:
    assert list(rows_of(f"{copy};\nselect 1;\n\\.\n")) == []


def test_what_follows_a_copy_on_its_line_is_read_before_its_rows_as_psql_does() -> None:
    text = "copy a from stdin; copy b from stdin; select 1;\n1\n\\.\n2;\n\\.\nselect 2;"
    assert list(rows_of(text)) == ["1\n", "2;\n"]
    assert [s.text for s in scan(text)] == ["copy a from stdin", "copy b from stdin", "select 1", "select 2"]


def test_a_copy_without_rows_is_one_too() -> None:
    assert list(rows_of("copy a from stdin;\n\\.\n\ncopy b from stdin; -- none\n\\.")) == ["", ""]


# ---- backslash commands --------------------------------------------------------------------------------------------


def kinds(text: str) -> list[tuple[str, str]]:
    return [(statement.kind.value, statement.text) for statement in scan(text)]


def test_a_backslash_command_goes_to_the_end_of_its_line() -> None:
    assert kinds("\\restrict abc;\nselect 1;\n\\echo it's\n") == [
        ("meta", "\\restrict abc;"),
        ("sql", "select 1"),
        ("meta", "\\echo it's"),
    ]


def test_a_command_that_sends_ends_the_statement_before_it() -> None:
    assert kinds("select 1 \\gexec\nselect 2\n\\g\nselect 3 \\; select 4;") == [
        ("sql", "select 1"),
        ("meta", "\\gexec"),
        ("sql", "select 2"),
        ("meta", "\\g"),
        ("sql", "select 3"),
        ("meta", "\\;"),
        ("sql", "select 4"),
    ]


def test_any_other_command_leaves_the_statement_open() -> None:
    text = "select 1,\n\\echo hello\n 2;\nselect 3"
    assert kinds(text) == [("sql", "select 1,\n\\echo hello\n 2"), ("meta", "\\echo hello"), ("sql", "select 3")]
    assert [statement.line for statement in scan(text)] == [1, 2, 4]


def test_two_backslashes_end_a_command_within_its_line() -> None:
    assert kinds("\\echo a \\\\ select 1;") == [("meta", "\\echo a \\\\"), ("sql", "select 1")]


def test_a_backslash_in_a_literal_or_comment_is_no_command() -> None:
    assert kinds("select '\\q', $$\n\\q\n$$, \"\\q\" -- \\q\n /* \\q */;") == [("sql", "select '\\q', $$\n\\q\n$$, \"\\q\"")]


# ---- words and the normalised text ---------------------------------------------------------------------------------


def test_the_first_words_pass_over_comments_names_and_literals() -> None:
    (statement,) = scan("/* drop */ alter -- table\n table \"x y\" add column a text default 'drop' not null")
    assert keywords(statement, 4) == ("ALTER", "TABLE", "ADD", "COLUMN")
    assert keywords("select", 3) == ("SELECT",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 'a''b'", "select 'a' 'b'"),
        ("select e'x'", "select e 'x'"),
        ('select "a""b"', 'select "a" "b"'),
        ("select a", "select A"),
        ("select 'a b'", "select 'a  b'"),
        ("select $$a -- b$$", "select $$a$$"),
        ("select 1 - -1", "select 1 + 1"),
        ("select a @- 1", "select a @ - 1"),
        ("select 1.5", "select 15"),
        ("select ab", "select a b"),
        ("select 'a' -- b", "select 'a -- b'"),
    ],
)
def test_statements_that_mean_something_else_are_normalised_to_something_else(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select a=-1,b", "select  a = - 1 ,\n b -- c"),
        ("select a::text", "select a :: text"),
        ("f(a,-1)", "f ( a , -1 )"),
        ("select/**/1", "select 1"),
        ("select 1/* a /* b */ */+/**/2", "select 1 + 2"),
        ("select $$a$$||b", "select $$a$$ || b"),
    ],
)
def test_blanks_around_signs_do_not_count(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


def repeats_of_plain_groups(parsed: Any) -> int:
    """How many possessive repeats of a parsed pattern go round something longer than a character that is not atomic."""
    found = 0
    for operation, argument in parsed:
        kind = str(operation)
        if kind == "POSSESSIVE_REPEAT":
            inner = argument[2]
            single = len(inner) == 1 and str(inner[0][0]) in ("IN", "LITERAL", "NOT_LITERAL", "ANY", "ATOMIC_GROUP")
            found += not single
        parts = argument if isinstance(argument, tuple | list) else [argument]
        for part in parts:
            if hasattr(part, "getwidth"):
                found += repeats_of_plain_groups(part)
            elif isinstance(part, list):
                found += sum(repeats_of_plain_groups(branch) for branch in part if hasattr(branch, "getwidth"))
    return found


def test_possessive_repeats_go_round_atomic_groups_because_python_before_3_11_5_goes_astray_in_others() -> None:
    parse = importlib.import_module("re._parser").parse
    assert repeats_of_plain_groups(parse(r"(?:[^*/]++|\*(?!/))*+")) == 1
    patterns = {name: value.pattern for name, value in vars(scanner).items() if isinstance(value, (re.Pattern, scanner.Late))}
    assert len(patterns) >= 10
    assert {name: repeats_of_plain_groups(parse(pattern)) for name, pattern in patterns.items()} == dict.fromkeys(patterns, 0)
