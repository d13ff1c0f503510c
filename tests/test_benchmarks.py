"""The figures in the README are those of the newest results, and every claim has one."""

from __future__ import annotations

import json
import re
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from benchmarks import proxy, queued, results, session
from tests.conftest import ROOT
from tests.locks import wait_until_blocked
from tests.original_writers import in_background
from tests.servers import Database, Server


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_holds_the_newest_figures() -> None:
    assert results.readme_with(readme(), results.section(results.load())) == readme(), "make bench-readme"


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


def test_a_stale_readme_is_told_from_a_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "IN_README", ("start",))
    sample(tmp_path, monkeypatch)
    new = results.section(results.load(tmp_path))
    current = results.readme_with(f"{results.BEGIN}\n{results.END}\n", new)
    assert results.readme_with(current, new) == current
    assert "- start (1 of 1 kept): at most half of peer, measured 0.5\n" in current
    assert "never measured" not in current
    assert results.readme_with(current.replace("measured 0.5", "measured 0.4"), new) == current


def test_the_plot_is_well_formed_and_has_a_bar_for_each_median(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample(tmp_path, monkeypatch)
    drawn = ElementTree.parse(tmp_path / "start.svg").getroot()
    assert len(drawn.findall("{*}rect")) == 2


def test_the_proxy_adds_a_round_trip_once_and_passes_big_answers(server: Server) -> None:
    import psycopg

    with proxy.delayed(server.port, 30) as port:
        url = server.url.replace(f":{server.port}", f":{port}")
        with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
            started = time.monotonic()
            assert connection.execute("select 1").fetchall() == [(1,)]
            assert time.monotonic() - started >= 0.03
            assert len(connection.execute("select repeat('x', 3000000)").fetchall()[0][0]) == 3_000_000


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
