"""The figures in the README are those of the newest results, and every claim has one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import psycopg
import pytest

from benchmarks import promises, proxy, queued, results, session
from tests.conftest import ROOT
from tests.locks import wait_until_blocked
from tests.original_writers import in_background
from tests.servers import Database, Server


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def page() -> str:
    return promises.PAGE.read_text(encoding="utf-8")


def test_both_readmes_hold_the_newest_figures() -> None:
    found = results.load()
    assert results.readme_with(readme(), results.section(found, promises.instead)) == readme(), "make bench-readme"
    assert promises.page_with(page(), promises.promises(found)) == page(), "make bench-readme"


def test_each_limit_stands_in_one_table_and_why_it_is_missed_under_a_heading() -> None:
    found = results.load()
    table = page().partition(promises.BEGIN)[2].partition(promises.END)[0]
    headings = {promises.anchor(line.lstrip("# ")) for line in page().splitlines() if line.startswith("#")}
    assert {promises.anchor(heading) for _, _, heading, _ in promises.REASONS} | {promises.anchor(promises.ELSE)} <= headings
    assert {kind for kind, *_ in promises.REASONS} <= set(results.ORDER)
    for one in found:
        for limit in one["limits"]:
            [line] = [line for line in table.splitlines() if f"| {limit['claim']} |" in line and f"[{one['kind']}]" in line]
            assert ("**no**: [" in line) == (limit["met"] is False)
            assert all(anchor in headings for anchor in re.findall(r"\(#([\w-]+)\)", line))


def test_what_cannot_be_kept_is_promised_with_the_figure_that_can() -> None:
    limit = {"claim": "100 files, local: at most 1.2 × dbmate", "limit": 1.2, "value": 2.0, "at_least": False, "met": False}
    assert promises.instead("migrate", limit) == "100 files, local: at most 2.2 × dbmate"
    known = {"claim": "status, 100 files: at most 1.25 × Python that connects", "limit": 1.25, "value": 1.3, "at_least": False}
    assert promises.instead("migrate", known) == "status, 100 files: at most 1.5 × Python that connects"
    most = {"claim": "8 clients: at least 0.85 × procrastinate's fetch", "limit": 0.85, "value": 0.77, "at_least": True}
    assert promises.instead("assign", most) == "8 clients: at least 0.7 × procrastinate's fetch"


def test_outside_the_generated_section_the_readme_claims_no_speed() -> None:
    text = re.sub(f"{results.BEGIN}.*?{results.END}", "", readme(), flags=re.DOTALL)
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    assert re.findall(r"\d[\d.,]* ?(?:×|ms\b|times (?:faster|as fast))|faster than|quicker than", text) == []


@pytest.mark.parametrize("found", results.load(), ids=lambda found: found["kind"])
def test_every_promise_of_a_result_has_a_figure_that_was_measured(found: dict[str, object]) -> None:
    limits = found["limits"]
    assert isinstance(limits, list)
    for one in limits:
        assert one["value"] is not None, one["claim"]
        assert one["met"] == (one["value"] >= one["limit"] if one["at_least"] else one["value"] <= one["limit"])


def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> session.Bench:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    bench = session.Bench("start", tmp_path, 3, versions={"chatops": "0"})
    slow, failing = iter((3.0, 1.0, 2.0)), iter(())

    def fails() -> float:
        raise session.MeasureError(f"no figure {list(failing)}")

    bench.alternate("a <case>", {"chatops": lambda: next(slow), "peer": lambda: 4.0, "broken": fails})
    bench.limit("at most half of peer", 0.5, bench.ratio("a <case>", "chatops", "peer"))
    bench.limit("never measured", 1.0, bench.ratio("a <case>", "chatops", "absent"))
    results.write(bench)
    return bench


def test_a_result_holds_rounds_medians_ratios_limits_and_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample(tmp_path, monkeypatch)
    found = json.loads((tmp_path / "start.json").read_text())
    assert found["cases"]["a <case>"] == {
        "chatops": {"median": 2.0, "ratio": 1.0, "rounds": [3.0, 1.0, 2.0]},
        "peer": {"median": 4.0, "ratio": 2.0, "rounds": [4.0, 4.0, 4.0]},
    }
    assert [(one["value"], one["met"]) for one in found["limits"]] == [(0.5, True), (None, None)]
    assert found["failures"] == {"a <case>: broken": "no figure []"}
    assert len(found["load"]["before"]) == 3
    assert found["machine"]["cores"]


@pytest.mark.parametrize(("taken", "told"), [(0.4, True), (0.05, False), (None, False)])
def test_a_machine_that_others_use_is_told_from_one_that_a_benchmark_before_has_loaded(
    monkeypatch: pytest.MonkeyPatch, taken: float | None, told: bool
) -> None:
    monkeypatch.setattr(session, "busy", lambda: taken)
    monkeypatch.setattr("os.getloadavg", lambda: (4.3, 3.0, 2.0))
    with session.opened("start") as bench:
        assert any("busy with other things" in note for note in bench.notes) is told


def test_a_stale_readme_is_told_from_a_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "IN_README", ("start",))
    sample(tmp_path, monkeypatch)
    new = results.section(results.load(tmp_path), promises.instead)
    current = results.readme_with(f"{results.BEGIN}\n{results.END}\n", new)
    assert results.readme_with(current, new) == current
    assert "- start (1 of 1 limits kept): at most half of peer, measured 0.5\n" in current
    assert "never measured" not in current
    assert results.readme_with(current.replace("measured 0.5", "measured 0.4"), new) == current


def test_the_plot_is_well_formed_and_has_a_bar_for_each_median(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample(tmp_path, monkeypatch)
    drawn = ElementTree.parse(tmp_path / "start.svg").getroot()
    assert len(drawn.findall("{*}rect")) == 2


def test_the_proxy_adds_a_round_trip_once_and_passes_big_answers(server: Server) -> None:
    with proxy.delayed(server.port, 30) as port:
        url = server.url.replace(f":{server.port}", f":{port}")
        with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
            started = time.monotonic()
            assert connection.execute("select 1").fetchall() == [(1,)]
            assert time.monotonic() - started >= 0.03
            assert len(connection.execute("select repeat('x', 3000000)").fetchall()[0][0]) == 3_000_000


def test_a_program_is_timed_with_the_memory_that_it_had(tmp_path: Path) -> None:
    # Until a program is there it counts as large as whoever starts it: here all tests, a hundred megabytes and more.
    large = [sys.executable, "-c", "kept = b'x' * 600_000_000"]
    assert session.measured(large)[1] - session.measured([sys.executable, "-c", ""])[1] > 200
    with pytest.raises(session.MeasureError, match="ended with 3: gone"):
        session.measured([sys.executable, "-c", "import sys; sys.stderr.write('gone'); sys.exit(3)"])


def test_a_case_that_fails_is_noted_and_the_rest_goes_on(tmp_path: Path) -> None:
    bench = session.Bench("start", tmp_path, 2)

    def lost() -> float:
        raise psycopg.OperationalError("the server is gone")

    bench.alternate("one", {"chatops": lambda: 1.0, "peer": lost})
    with bench.noted("more"):
        subprocess.run(["false"], check=True)
    bench.alternate("two", {"chatops": lambda: 2.0}, rounds=1)
    assert bench.failures["one: peer"] == "the server is gone"
    assert "more" in bench.failures
    assert bench.samples == {"one": {"chatops": [1.0, 1.0]}, "two": {"chatops": [2.0]}}


def test_growth_is_the_exponent_of_a_fitted_power() -> None:
    assert session.exponent({10: 5.0, 100: 5.0, 1000: 5.0}) == pytest.approx(0)
    assert session.exponent({10: 1.0, 100: 100.0}) == pytest.approx(2)
    assert session.exponent({10: 1.0}) is None


def test_who_has_waited_before_waits_for_the_migrator_since_its_transaction_began(database: Database) -> None:
    database.script("create table t (n int); create table u (n int); insert into t values (1)")
    first, second, migrator, looking = (database.connect(application_name=name) for name in ("a", "b", "chatops migrate", "c"))
    pid = second.info.backend_pid
    first.execute("begin; update t set n = 2")
    waiting = in_background(lambda: second.execute("update t set n = 3"))
    wait_until_blocked(looking, pid)
    migrator.execute("begin; lock table u")
    behind = in_background(lambda: first.execute("insert into u values (1); commit"))
    wait_until_blocked(looking, first.info.backend_pid)
    told = {row[0]: row[1] for row in looking.execute(queued.WAITING).fetchall()}
    since = looking.execute(
        "select l.waitstart < m.xact_start, extract(epoch from clock_timestamp() - m.xact_start)::float8"
        " from pg_locks l, pg_stat_activity m where l.pid = %s and not l.granted and m.pid = %s",
        [pid, migrator.info.backend_pid],
    ).fetchall()
    assert since[0][0]
    assert 0 < told[pid] <= since[0][1]
    migrator.execute("commit")
    for ended in (behind, waiting):
        ended.result(timeout=60)
