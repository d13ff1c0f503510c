"""The files of sql/repairs: each has its place in the order, finds without a lock, and stands nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chatops import sqlfiles
from chatops.errors import UsageError
from chatops.migrations import preflight
from chatops.migrations.scanner import scan
from chatops.repairs import texts
from chatops.repairs.rounds import Round
from tests.conftest import ROOT

CODES = [repair.code for repair in texts.shipped()]


def test_every_file_has_a_place_and_they_come_in_its_order() -> None:
    assert sorted(CODES) == sqlfiles.names("repairs")
    orders = [repair.order for repair in texts.shipped()]
    assert orders == sorted(set(orders))
    # Who ended holds nothing, who holds nothing needs no assignment; counters and clocks follow from all the rest.
    assert CODES.index("CHAT011") < CODES.index("CHAT003") < CODES.index("CHAT004") < CODES.index("DATA001")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("-- Mends it.\n\nselect 1\n;\nselect 2\n", 1, "has no place in the order"),
        ("-- Mends it.\n-- order: soon\n\nselect 1\n;\nselect 2\n", 2, "the place 'soon' in the order is no number"),
        ("-- Mends it.\n--\n-- order: 10\n\nselect 1\n;\nselect 2\n", 3, "AAAA001 has the place 10 already"),
        ("-- Mends it.\n-- order: 20\n\nselect 1;\n", 4, "a repair is two statements"),
        ("-- Mends it.\n-- order: 20\n\nselect 1\n;\nselect 2\n;\nselect 3\n", 7, "a repair is two statements"),
        ("-- Mends it.\n-- order: 20\n-- from: 099\n\nselect 1\n;\nselect 2\n", 3, "takes 018"),
    ],
)
def test_a_file_without_a_place_is_an_error_with_file_and_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    (tmp_path / "AAAA001.sql").write_text("-- Mends.\n-- order: 10\n\nselect 1\n;\nselect 2\n")
    (tmp_path / "BBBB001.sql").write_text(text)
    with pytest.raises(UsageError) as error:
        texts.from_folder(tmp_path, "sql/repairs/")
    assert error.value.message.startswith(f"sql/repairs/BBBB001.sql:{line}: ")
    assert says in error.value.message


def test_a_repair_that_is_added_later_gets_in_between(tmp_path: Path) -> None:
    for code, order in (("BBBB001", 10), ("AAAA001", 30), ("CCCC001", 20)):
        (tmp_path / f"{code}.sql").write_text(f"-- Mends.\n-- order: {order}\n\nselect 1\n;\nselect 2;\n")
    assert [repair.code for repair in texts.from_folder(tmp_path, "")] == ["BBBB001", "CCCC001", "AAAA001"]


@pytest.mark.parametrize("code", CODES)
def test_what_finds_takes_no_lock_and_what_mends_is_one_statement(code: str) -> None:
    repair = texts.chosen([code])[0]
    assert not re.search(r"\bfor (no key )?update\b|\b(update|insert|delete)\b", re.sub(r"--.*", "", repair.find), re.IGNORECASE)
    for before_018 in (False, True):
        assert len(scan(repair.finding(before_018=before_018) + ";")) == 1
    assert len(scan(repair.mending(['{"chat_id": "it\'s"}']) + ";")) == 1
    # A sequence has no row lock, and no statement of its own that changes it.
    assert "skip locked" in repair.mend or "setval" in repair.mend
    assert "insert into chatops.actions" in repair.mend


def test_no_repair_stands_twice_in_the_tree() -> None:
    """No statement of a repair is in any other file of SQL."""
    others = (path for path in (ROOT / "sql").rglob("*.sql") if "repairs" not in path.parts)
    elsewhere = {path: " ".join(path.read_text().split()) for path in others}
    for repair in texts.shipped():
        mend = " ".join(repair.mend.split())
        changed = re.search(r"\), (?:changed|closed)\w* as \( (.*?) returning", mend)
        if "setval" in mend:
            continue
        assert changed is not None
        assert [path.name for path, text in elsewhere.items() if changed[1] in text] == []


def test_the_repairing_migrations_hold_one_directive_and_no_sql() -> None:
    for name, codes in (("020_fill_queue_clocks", ("DATA005", "DATA002", "QUEUE012")), ("023_repair_rows", ())):
        read = preflight.load(ROOT / "sql" / "migrations" / f"{name}.sql")
        assert (read.mode, read.repairs, read.statements, read.problems) == ("repairs", codes, (), ())


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("-- chatops: repairs CHAT099\n", 1, "unknown-repair"),
        ("-- chatops: repairs\n-- chatops: batched\n", 2, "conflicting-directives"),
        ("-- chatops: repairs\nselect 1;\n", 2, "repairs-and-sql"),
        ("-- chatops: CHAT003\nselect 1;\n", 1, "unknown-directive"),
    ],
)
def test_a_directive_that_cannot_be_carried_out_is_found_before_anything_runs(text: str, line: int, code: str) -> None:
    read = preflight.examine("001_x.sql", text.encode())
    assert [(problem.line, problem.code) for problem in read.problems if problem.severity == "error"] == [(line, code)]


def test_what_was_found_travels_as_one_literal() -> None:
    repair = texts.Repair("X", 1, "select 1 as chat_id", "select :'found'::jsonb")
    assert repair.mending(['{"a": "it\'s"}', "{}"]) == """select '[{"a": "it''s"},{}]'::jsonb"""


def test_a_round_goes_through_what_was_found_and_comes_back_to_what_was_busy() -> None:
    round_ = Round.of("1\n2\n3")
    round_.size = 2
    first = round_.take()
    assert (first, list(round_.found)) == (["1", "2"], ["3"])
    round_.give_back(first)
    assert list(round_.found) == ["1", "2", "3"]
    round_.take()
    assert round_.done('{"mended": 1, "busy": [{"chat_id": 2}]}', 10.0) == 1
    assert round_.take() == ["3"]
    assert round_.done('{"mended": 1, "busy": []}', 1000.0) == 1
    assert (round_.again(), list(round_.found), round_.mended, round_.batches) == (True, ['{"chat_id": 2}'], 2, 2)
    assert Round.of(None).again() is False
