"""Narrow screens: a figure is shown whole or not at all, lines break at words, commands stay in one piece.

Of every command, test_screens.py asks the same.
"""

from __future__ import annotations

import re
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatops.formatting import called, visible
from chatops.model import Answer, Column, Line, Span, Table
from chatops.render import render
from chatops.render import table as tables
from chatops.render.cells import human
from chatops.render.fit import WHOLE
from chatops.render.format import Medium
from chatops.render.wrap import wrapped
from chatops.screens.lines import Reader, wrap
from chatops.widths import cells, cut

VALUES = {
    "number": st.integers(0, 10**12),
    "share": st.floats(0, 1),
    "duration": st.floats(0, 10**8),
    "id": st.uuids(),
    "text": st.text(st.sampled_from("ab Ω漢"), max_size=40),
    "person": st.text(st.sampled_from("ab ö"), max_size=30),
}

LETTERS = [
    "漢", "Ω", "ö", "e\u0301", "Z\u0337\u0327\u0322", "\u1112\u1161\u11ab", "สี", "😀", "👍🏽", "🇩🇪", "א", "ع", "\u200d", "\u202e", "\x1b", "\n",
    "a", "7", "-", "_", ".", "/", "%", "—", "`", "|", "manual_release", "x" * 60,
]  # fmt: skip
"""What a name may be made of: wide, narrow, with signs above and below, from right to left, and what must not get out."""
NAMES = st.lists(st.sampled_from([*LETTERS, " ", " ", " "]), max_size=60).map("".join)


@st.composite
def any_table(draw: st.DrawFn) -> Table:
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=8))
    columns = [Column(f"c{place}", f"heading {place}", kind, rank=draw(st.integers(0, 5))) for place, kind in enumerate(kinds)]  # type: ignore[arg-type]
    row = st.fixed_dictionaries({column.name: VALUES[column.kind] for column in columns})
    return Table("any", columns, draw(st.lists(row, min_size=1, max_size=5)))


@settings(suppress_health_check=[HealthCheck.too_slow])  # a table is much to draw on a busy machine
@given(any_table(), st.integers(20, 140), st.booleans())
def test_every_figure_of_a_table_is_whole_or_its_column_is_named_as_missing(table: Table, width: int, ascii_only: bool) -> None:
    medium = Medium(width=width, terminal=True, ascii=ascii_only, show_names=True)
    drawn = "".join(tables.render(Answer("x", [table]), medium, {}))
    head, _, missing = " ".join(drawn.split()).partition(f"not shown at {width} columns: ")
    shown = [column for column in table.columns if column.heading not in missing]
    assert shown
    for column in shown:
        texts = [human(row, column, medium, None) for row in table.rows]
        if column.kind in WHOLE:
            assert all(re.search(rf"(?<!\S){re.escape(text)}(?!\S)", head.replace("|", " ")) for text in texts), (column, drawn)
    fits = max(cells(line) for line in drawn.splitlines()) <= width
    assert fits or len(shown) == 1  # a single figure that is wider than the screen


WORDS = st.lists(st.sampled_from(["a", "chat", "waits", "for", "2 h 14 m", "95 %", "12,345", "3 s,"]), min_size=1, max_size=20)


@given(WORDS, st.integers(12, 100), st.integers(0, 6), st.booleans())
def test_a_line_breaks_at_words_and_never_inside_a_figure_or_a_command(
    words: list[str], width: int, indent: int, command: bool
) -> None:
    text = " " * indent + " ".join(words)
    line: Line = [Span(f"{text} "), Span("chatops --db demo show 18cf01f4", "code")] if command else text
    parts = ["".join(span.text for span in part) if not isinstance(part, str) else part for part in wrapped(line, width)]
    whole = " ".join(part.removesuffix(" \\").strip() for part in parts)
    assert whole == text.strip() + (" chatops --db demo show 18cf01f4" if command else "")
    for part in parts:
        assert cells(part.rstrip()) <= width or part.strip() in words or len(part.removesuffix(" \\").split()) == 1
        assert not re.search(r"(?<!\d [smhd]) \d+$", part) or part.split()[-1] == "12,345"


def test_a_line_that_fits_and_a_screen_without_an_edge_change_nothing() -> None:
    assert wrapped("x" * 40, 40) == ["x" * 40]
    assert wrapped("a b " * 40, 0) == ["a b " * 40]
    assert wrapped(" 12 | select a, b, c", 10) == [" 12 | select a, b, c"]
    assert wrapped("and 5 more: chatops --db demo stuck -o jsonl", 20) == [
        "and 5 more:",
        "  chatops --db \\",
        "  demo stuck -o \\",
        "  jsonl",
    ]


@given(
    st.lists(st.sampled_from(["2 h 14 m", "31 m", "95 %", "chat", "state", "waits"]), min_size=1, max_size=12),
    st.integers(20, 80),
)
def test_evidence_breaks_between_its_parts_and_never_inside_a_figure(words: list[str], width: int) -> None:
    parts = ["  ".join(words[at : at + 1]) for at in range(len(words))]
    reader = Reader(width, short_ids=True, show_names=True, here=lambda *words: " ".join(words))
    rows = wrap("  ".join(f"{part} ago" for part in parts), reader, 14)
    assert "  ".join(row.strip() for row in rows).split() == " ".join(f"{part} ago" for part in parts).split()
    assert all(re.search(r"(?:ago|^)$", row.strip()) for row in rows)
    assert all(cells(row) <= max(12, width - 3) for row in rows)


@given(st.integers(38, 60))
def test_what_matters_most_is_folded_before_it_is_left_out(width: int) -> None:
    columns = [
        Column("what", "", rank=0),
        Column("now", "now", rank=0),
        Column("then", "then", rank=0),
        Column("seen", "seen", "duration", rank=3),
    ]
    rows = [{"what": "operator", "now": "Wilhelmina Featherstonehaugh", "then": "open since 2026-01-15 03:11", "seen": 8040}]
    drawn = "".join(
        tables.render(Answer("x", [Table("any", columns, rows)]), Medium(width=width, terminal=True, show_names=True), {})
    )
    head = drawn.splitlines()[0]
    assert "now" in head
    assert "then" in head
    assert "2026-01-15 03:11" in drawn
    assert max(cells(line) for line in drawn.splitlines()) <= width


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=4), st.integers(38, 130), st.booleans(), st.booleans())
def test_whatever_people_are_called_columns_stand_under_each_other(
    rows: list[tuple[str, str]], width: int, ascii_only: bool, colour: bool
) -> None:
    """Columns of a terminal, not characters; what is broken is broken between letters, and what stands for one is whole."""
    columns = [Column("who", "who", "person", rank=0), Column("what", "what", rank=0), Column("many", "many", "number", rank=0)]
    table = Table("any", columns, [{"who": who, "what": what, "many": 12_345} for who, what in rows])
    medium = Medium(width=width, terminal=True, ascii=ascii_only, colour=colour, show_names=True)
    drawn = re.sub(r"\x1b\[[0-9;]*m", "", "".join(render(Answer("x", [table]), "table", medium)))
    head, rule, *body = drawn.splitlines()
    assert cells(rule) <= width
    assert all(cells(line) <= cells(rule) for line in [head, *body])
    assert drawn.isascii() or not ascii_only
    figures = [line for line in body if line.endswith("12,345")]
    assert len(figures) == len(rows)
    assert {cells(line) for line in figures} == {cells(rule)}
    for line in body:
        for part in re.split(r" {2,}| \| ", line.strip()):
            assert not part or cells(part[0])  # no sign without its letter
            assert not re.search(r"\\(x[0-9a-f]?|u[0-9a-f]{0,3}|U[0-9a-f]{0,7})$", part), line


@given(NAMES, st.integers(1, 60))
def test_a_name_that_is_cut_fits_and_begins_as_it_does(name: str, width: int) -> None:
    short = cut(visible(name), width)
    assert cells(short) <= width
    assert short == visible(name) or visible(name).startswith(short.removesuffix("…"))
    assert cells(called(name, width)) <= width
    assert called(name, width).strip()


def test_who_has_no_name_is_told_by_the_id() -> None:
    columns = [Column("name", "operator", "person", rank=0), Column("last_operator_name", "last", "person", rank=0)]
    who = UUID("f63f1338-1cb4-bf39-1a2c-259bce6faefb")
    rows = [
        {"name": "", "operator_id": who, "last_operator_name": None, "last_operator_id": who},
        {"name": "  ", "operator_id": who, "last_operator_name": None, "last_operator_id": None},
        {"name": "Ada", "operator_id": who, "last_operator_name": "Ben", "last_operator_id": who},
    ]
    medium = Medium(width=40, terminal=True, show_names=True)
    body = "".join(render(Answer("x", [Table("any", columns, rows)]), "table", medium)).splitlines()[2:]
    assert [line.split() for line in body] == [["f63f1338", "f63f1338"], ["f63f1338", "—"], ["Ada", "Ben"]]
