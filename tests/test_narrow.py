"""Narrow screens: a figure is shown whole or not at all, lines break at words, commands stay in one piece."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatops.chats import planting, population
from chatops.model import Answer, Column, Line, Span, Table
from chatops.render import table as tables
from chatops.render.cells import human
from chatops.render.fit import WHOLE
from chatops.render.format import Medium
from chatops.render.wrap import cells, wrapped
from tests.conftest import Result, build_core
from tests.servers import Database, Farm, Server
from tests.test_plants import opened

Run = Callable[..., Result]

# ---- any table, any line -----------------------------------------------------------------------------------------------

VALUES = {
    "number": st.integers(0, 10**12),
    "share": st.floats(0, 1),
    "duration": st.floats(0, 10**8),
    "id": st.uuids(),
    "text": st.text(st.sampled_from("ab Ω漢"), max_size=40),
    "person": st.text(st.sampled_from("ab ö"), max_size=30),
}


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
    whole = " ".join(part.strip() for part in parts)
    assert whole == text.strip() + (" chatops --db demo show 18cf01f4" if command else "")
    for part in parts:
        assert cells(part.rstrip()) <= width or part.strip() in (*words, "chatops --db demo show 18cf01f4")
        assert not re.search(r"(?<!\d [smhd]) \d+$", part) or part.split()[-1] == "12,345"


def test_a_line_that_fits_and_a_screen_without_an_edge_change_nothing() -> None:
    assert wrapped("x" * 40, 40) == ["x" * 40]
    assert wrapped("a b " * 40, 0) == ["a b " * 40]
    assert wrapped(" 12 | select a, b, c", 10) == [" 12 | select a, b, c"]
    assert wrapped("and 5 more: chatops --db demo stuck -o jsonl", 20) == ["and 5 more:", "  chatops --db demo stuck -o jsonl"]


# ---- every command -----------------------------------------------------------------------------------------------------

SCREENS = [
    "summary", "queue", "stuck", "operators", "log", "guard", "status", "doctor", "config", "explain", "explain CHAT003", "diagnose",
    "diagnose --only CHAT003", "verify", "lint", "migrate --dry-run", "adopt --dry-run", "show chat CHAT", "show operator OPERATOR",
    "release --where OPER001 --dry-run", "reassign CHAT --to auto --dry-run", "drain OPERATOR --dry-run", "repair --dry-run",
    "chats", "chats --state assigned --oldest", "summary --since 8h", "operators --figures", "operators --free", "stuck --review",
    "drain OPERATOR --finish --dry-run", "diagnose --full", "diagnose --brief", "show chat nobody", "release", "reassign --to x",
]  # fmt: skip


def troubled(database: Database) -> None:
    """The demo's system: deployed, populated, with one of every trouble."""
    build_core(database)
    with opened(database) as connection:
        population.populate(connection, size=population.SMALLEST, seed=1)
        planting.plant_all(connection)


@pytest.fixture
def demo(new_database: Callable[..., Database], farm: Farm, server: Server) -> Database:
    return new_database(on=server, template=farm.template(server, "troubled", troubled))


def figures(text: str) -> set[str]:
    """Every number and beginning of an id, but for what a clock tells: that changes from one run to the next."""
    # How many are connected changes too.
    text = re.sub(r"\d+ of \d+ in use", " ", " ".join(text.split()))
    told = re.sub(r"-?\d[\d,.]* (?:ms|[smhd])\b|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::[\d.]+)?|\b\d\d:\d\d(?::\d\d)?\b", " ", text)
    return set(re.findall(r"(?<![\w.])\d[\d,.]*(?![\w])", told))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_screen_shows_whole_figures_and_breaks_at_words(chatops_inprocess: Run, demo: Database, width: int) -> None:
    chat = str(demo.value("select id from chats order by id limit 1"))
    operator = str(demo.value("select id from operators where is_active order by id limit 1"))
    told = []
    for screen in SCREENS:
        words = screen.replace("CHAT ", f"{chat} ").replace("OPERATOR", operator).split()
        words = [chat if word == "CHAT" else word for word in words]
        narrow = chatops_inprocess(*words, db=demo, terminal=(width, 24))
        wide = chatops_inprocess(*words, db=demo, terminal=(400, 24))
        assert narrow.exit_code == wide.exit_code, screen
        extra = figures(narrow.stdout + narrow.stderr) - figures(wide.stdout + wide.stderr)
        counted = {str(width)} | set(re.findall(r"(\d+) more", narrow.stdout))
        told += [(screen, "not on the wide screen", extra - counted)] if extra - counted else []
        for line in (narrow.stdout + narrow.stderr).splitlines():
            unbroken = "chatops " in line or len(line.split()) == 1 or "://" in line or line.endswith(";")
            told += [(screen, "too wide", line)] if cells(line) > width and not unbroken else []
    assert not told, "\n".join(map(str, told))
