"""The file of a watch: however it was written, what is read of it is the watch; a look reads what is new of it, and adds a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatops.deploys import monitor_state, notice, watch_file
from chatops.deploys.monitor_state import Look, Seen, Watch
from chatops.errors import UsageError
from chatops.flows.monitor_state import InDatabase, InFile
from chatops.screens import monitor as screen
from tests import keeping
from tests.conftest import LONG, Result
from tests.servers import Database

START = datetime(2026, 1, 1, tzinfo=UTC)
SEEN = st.sampled_from([Seen("critical", "two\nchats \u2028"), Seen("warning", '"reached": false}'), Seen("unknown", "x" * 300)])
LOOKS = st.builds(
    lambda reached, unseen, found, waiting: Look({"waiting": waiting}, found, reached, unseen=unseen),
    st.sampled_from([True, True, True, False]), st.sampled_from([None, None, None, "locked"]),
    st.dictionaries(st.sampled_from(["CHAT001", "DB030"]), SEEN, max_size=2), st.integers(0, 9),
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from([0, 0, 0, 0, 1, 3]), LOOKS, st.booleans()), max_size=70)


def begun(plan: str = "1m*400") -> Watch:
    found = monitor_state.baseline_of(Look({"waiting": 1}, {"CHAT003": Seen("warning", "was there")}))
    return replace(monitor_state.begin("db public", plan, START, found), program="chatops", environment="é")


def next_look(watch: Watch, skipped: int, look: Look) -> Watch:
    slot = watch.settled + skipped
    missed = tuple(range(watch.settled, slot))
    after, told = monitor_state.advance(watch, slot, missed, START + timedelta(minutes=slot + 1), look)
    return replace(after, untold=(*watch.untold, *told))


def said(watch: Watch) -> tuple[object, ...]:
    """What a look tells of a watch."""
    # A database keeps what is in an object in an order of its own.
    document = {key: sorted(value, key=str) if isinstance(value, tuple) else value
                for key, value in watch.document.items() if key != "ticks"}  # fmt: skip
    lines = screen.tick_lines(watch, replace(watch, ticks=watch.ticks[:-1]), ()) if watch.ticks else []
    figures = sorted((one.name, one.value) for one in screen.answer(watch, []).figures)
    return (document, watch.counts, watch.settled, lines, str(monitor_state.verdict(watch)), figures,
            sorted(map(str, screen.page(watch, lines, 400) if watch.ticks else [])))  # fmt: skip


@settings(max_examples=200 if LONG else 12, deadline=None)
@given(STEPS, st.data())
def test_a_file_that_grows_by_looks_holds_the_watch_and_a_killed_run_leaves_the_one_before(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, Look, bool]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("watch") / "state.json"
    keeper = InFile(path)
    whole = begun()
    assert keeper.read() is None
    # A state of format 1 goes on as lines.
    if data.draw(st.booleans()):
        path.write_text(whole.text)
    else:
        keeper.write(whole, anew=True)
    for skipped, look, taken in steps:
        kept = keeper.read()
        assert kept is not None
        found = watch_file.kept(path)
        appends = found is not None and found.place is not None
        before = whole
        whole = next_look(whole, skipped, look)
        keeper.write(next_look(kept, skipped, look))
        if taken:
            keeper.told(whole)
            whole = notice.told(whole, whole)
        elif appends and data.draw(st.integers(0, 9)) == 0:
            there = path.read_bytes()
            path.write_bytes(there[: data.draw(st.integers(there.rfind(b"\n", 0, -1) + 1, len(there) - 1))])
            whole = before
    assert watch_file.read(path) == whole
    kept = keeper.read()
    assert kept is not None
    assert said(kept) == said(whole)
    # All at once gives the same watch as look by look.
    path.write_text(watch_file.text(whole))
    assert watch_file.read(path) == whole
    kept = keeper.read()
    assert kept is not None
    assert said(kept) == said(whole)


@pytest.mark.parametrize("words", [("report",), ("monitor", "--once", "--state")])
def test_a_file_that_cannot_be_read_is_named(
    words: tuple[str, ...], latest_database: Database, chatops_inprocess: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "loop.json").symlink_to("loop.json")
    assert "cannot read loop.json" in chatops_inprocess(*words, "loop.json", db=latest_database, check=2).stderr


def long_watch(looks: int) -> Watch:
    one, _ = monitor_state.advance(begun("1m*10000"), 0, (), START, Look({"waiting": 1}))
    ticks = tuple(replace(one.ticks[0], slot=slot) for slot in range(looks))
    return replace(one, ticks=ticks)


def test_a_look_reads_nothing_of_the_looks_long_ago_and_a_report_finds_them_damaged(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    keeper = InFile(path)
    keeper.write(long_watch(3000))
    there = path.read_bytes()
    head = there.index(b"\n") + 1
    path.write_bytes(there[:head] + there[head:-20_000].replace(b"reached", b"\x00eached") + there[-20_000:])
    kept = keeper.read()
    assert kept is not None
    assert (kept.taken, kept.settled, len(kept.ticks) < 100) == (3000, 3000, True)
    keeper.write(next_look(kept, 0, Look({"waiting": 2})))
    assert path.stat().st_size < len(there) + 2000
    again = watch_file.read(path, whole=False)
    assert again is not None
    assert (again.taken, again.ticks[-1].figures) == (3001, {"waiting": 2})
    with pytest.raises(UsageError, match="damaged"):
        watch_file.read(path)


@pytest.mark.parametrize("wrong", [
    {"eventful": 10**9}, {"eventful": -1}, {"standing": 7}, {"standing": True}, {"so_far": {"taken": -1, "reached": 0, "blind": 0}},
    {"so_far": {"taken": 0, "reached": 0, "blind": 0}}, {"missed": [[0, 10**12]]}, {"missed": [[5, 2]]}, {"look": 5}, {"look": {}}, {"more": 1},
])  # fmt: skip
def test_a_line_that_chatops_has_not_written_is_refused_by_the_next_look(wrong: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(watch_file.text(long_watch(3)))
    *lines, last = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines) + json.dumps({**json.loads(last), **wrong}) + "\n")
    with pytest.raises(UsageError, match="damaged"):
        watch_file.read(path, whole=False)


def test_the_database_gives_the_newest_looks_and_takes_what_is_new(
    latest_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatops.flows.given import Given
    from chatops.flows.run import Invocation

    monkeypatch.setenv("CHATOPS_DATABASE_URL", latest_database.url)
    monkeypatch.chdir(tmp_path)
    keeper = InDatabase(Invocation(Given()))
    with keeping.kept_sessions():
        given_and_taken(keeper, latest_database)


def given_and_taken(keeper: InDatabase, database: Database) -> None:
    """A hundred looks and more at a watch that is kept so."""
    whole = begun()
    assert keeper.read() is None
    keeper.write(whole, anew=True)
    away, blind, seen = Look(reached=False), Look(unseen="locked"), Look({"waiting": 3}, {"CHAT001": Seen("critical", "two")})
    for number, look in enumerate([*[blind] * 45, away, seen, *[away] * 5, *[blind] * 41, seen, *[seen] * 50]):
        kept = keeper.read()
        assert kept is not None
        assert said(kept) == said(whole), number
        assert len(kept.ticks) <= max(60, number % 60 + 60)
        whole = next_look(whole, number % 7 // 6, look)
        assert keeper.write(next_look(kept, number % 7 // 6, look))
        if number % 20 == 0:
            keeper.told(whole)
            whole = notice.told(whole, whole)
    stored = database.value("select state::text from chatops.watches")
    kept = monitor_state.parse_state(str(stored), "here")
    assert (said(kept), kept.ticks) == (said(whole), whole.ticks)
