"""The test bed itself: what the other tests lean on holds."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import textwrap
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import ROOT, beyond_the_samples, for_the_long_form, program, server_labels
from tests.locks import blocking_pids, wait_for, wait_until_blocked, wait_until_gone
from tests.servers import Database, Server
from tests.wire import proxy


@pytest.mark.each_server
def test_a_database_is_empty_and_on_the_version_that_its_label_says(database_everywhere: Database) -> None:
    assert database_everywhere.value("select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
    label = database_everywhere.server.label
    assert label == "other" or str(database_everywhere.server.version) == label


def test_each_test_has_its_own_database(new_database: Callable[..., Database]) -> None:
    first, second = new_database(), new_database()
    first.execute("create table t as select 1 as n")
    assert first.execute("select n from t") == [(1,)]
    with pytest.raises(psycopg.errors.UndefinedTable):
        second.execute("select n from t")


def test_a_script_is_one_transaction_under_the_target_schema(database: Database) -> None:
    database.script(
        "create table inside (n int);create function f() returns int language sql set search_path from current return 1"
    )
    assert database.value("select proconfig from pg_proc where proname = 'f'") == ["search_path=public, pg_temp"]
    with pytest.raises(psycopg.errors.DivisionByZero):
        database.script("create table half (n int); select 1 / 0")
    assert database.value("select to_regclass('half')") is None


def test_psql_reports_what_psql_reports(database: Database) -> None:
    assert database.psql("select 40 + 2").stdout == "42\n"
    failed = database.psql("select 1 / 0; select 5")
    assert failed.returncode == 3
    assert "division by zero" in failed.stderr
    assert failed.stdout == ""


def test_a_blocked_session_is_seen_with_its_blocker(database: Database) -> None:
    database.execute("create table t (n int)")
    holder, waiter = database.connect(), database.connect()
    holder.execute("begin; lock table t")
    thread = threading.Thread(target=waiter.execute, args=("insert into t values (1)",))
    thread.start()
    wait_until_blocked(database.connect(), waiter.info.backend_pid)
    assert blocking_pids(database.connect(), waiter.info.backend_pid) == [holder.info.backend_pid]
    holder.execute("rollback")
    thread.join(timeout=60)
    assert not thread.is_alive()


def test_a_server_of_ones_own_recovers_from_a_crash(own_server: Callable[..., Server]) -> None:
    server = own_server("18", work_mem="5MB")
    database = server.create_database()
    database.execute("create table t as select 7 as n")
    database.close()
    server.restart("immediate")
    assert database.execute("select n, current_setting('work_mem') from t") == [(7, "5MB")]


def test_the_wire_counts_requests_and_shows_their_text(database: Database) -> None:
    with proxy(database) as wire, psycopg.connect(wire.url, autocommit=True) as connection:
        assert (wire.connections, wire.round_trips) == (1, 0)
        connection.execute("select 1; select 2")
        assert wire.round_trips == 1
        connection.execute("select %s::int", (3,))
        assert wire.round_trips == 2
        assert wire.statements == ["select 1; select 2", "select $1::int"]
        wire.reset()
        with connection.pipeline():
            wire.latency = 0.05
            for number in range(5):
                connection.execute("select %s::int", (number,))
        assert wire.round_trips == 1


def test_the_wire_leaves_out_what_it_is_told_to(database: Database) -> None:
    with proxy(database, uncounted="(watching)") as wire:
        for name in ("migrate", "migrate (watching)"):
            with psycopg.connect(wire.url, application_name=name, autocommit=True) as connection:
                connection.execute("select 1")
    assert (wire.connections, wire.round_trips, wire.statements) == (1, 1, ["select 1"])


def test_the_wire_can_lose_a_request_or_its_answer(database: Database) -> None:
    database.execute("create table t (n int)")
    with proxy(database) as wire:
        wire.cut_before = "values (1)"
        with pytest.raises(psycopg.OperationalError), psycopg.connect(wire.url, autocommit=True) as connection:
            connection.execute("insert into t values (1)")
        wire.cut_after = "values (2)"
        with pytest.raises(psycopg.OperationalError), psycopg.connect(wire.url, autocommit=True) as connection:
            connection.execute("insert into t values (2)")
    assert database.execute("select n from t") == [(2,)]


def test_a_pooler_in_transaction_mode_hands_server_connections_round(
    database: Database, through_pgbouncer: Callable[..., str]
) -> None:
    url = through_pgbouncer(database, default_pool_size=1)
    with psycopg.connect(url, autocommit=True) as one, psycopg.connect(url, autocommit=True) as two:
        pids = [connection.execute("select pg_backend_pid()").fetchone() for connection in (one, two)]
    assert pids[0] == pids[1]


def test_servers_end_with_the_run_even_when_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "test_inner.py").write_text(
        textwrap.dedent(
            """
            import os, signal
            def test_that_dies(farm):
                server = farm.server("18")
                print(f"HOLDS {server.data} {(server.data / 'postmaster.pid').read_text().split()[0]}", flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
            """
        )
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CHATOPS_TEST_FARM"))}
    options = ["-s", "-p", "no:cacheprovider", "-p", "tests.conftest"]
    died = program(sys.executable, "-m", "pytest", *options, tmp_path / "test_inner.py", cwd=ROOT, env=environment)
    assert died.returncode == -signal.SIGKILL, died.stdout + died.stderr
    line = next(line for line in died.stdout.splitlines() if "HOLDS" in line)
    _, data, pid = line[line.index("HOLDS") :].split()
    wait_for(lambda: not Path(data).parent.parent.exists(), "the folder of the killed run is removed", timeout=60)
    wait_for(lambda: not alive(int(pid)), "the server of the killed run ends", timeout=60)


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_the_matrix_holds_18_always() -> None:
    assert server_labels()[0] == "18"


@dataclass(frozen=True)
class Item:
    """A test as the choice between the forms sees it."""

    nodeid: str
    params: dict[str, str]
    marks: tuple[str, ...] = ()

    @property
    def callspec(self) -> Item:
        return self

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


def test_the_quick_form_has_each_test_on_one_server_in_turn_and_the_long_form_all_the_others() -> None:
    labels = server_labels()
    items = [Item(f"t.py::test_{n}[{label}-x]", {"any_server": label}) for n in range(100) for label in labels]
    everywhere = [Item(f"t.py::on_each[{label}]", {"any_server": label}, ("each_server",)) for label in labels]
    alone = [Item("t.py::alone", {}), Item("t.py::longer", {}, ("full",)), Item("t.py::text[15]", {"plan": "15"})]
    left = for_the_long_form([*items, *everywhere, *alone])  # type: ignore[list-item]
    quick = [item for item in items if item.nodeid not in left and item.params["any_server"] != "other"]
    assert [item.nodeid.partition("[")[0] for item in quick] == [f"t.py::test_{n}" for n in range(100)]
    assert {item.params["any_server"] for item in quick} == set(labels) - {"other"}
    assert left.isdisjoint(item.nodeid for item in everywhere)
    assert left.intersection(item.nodeid for item in alone) == {"t.py::longer"}


@dataclass(frozen=True)
class Sampled(Item):
    """A case of a test of which the quick form has so few."""

    few: int = 3

    @property
    def args(self) -> tuple[int]:
        return (self.few,)

    def get_closest_marker(self, name: str) -> Any:
        return self if name == "sampled" else None


@pytest.mark.parametrize("few", [0, 1, 2, 3, 7, 99, 100, 200])
def test_the_quick_form_has_so_few_of_the_cases_of_a_test_spread_over_all_of_them_and_ci_the_others(few: int) -> None:
    cases = [Sampled(f"t.py::large[{n}]", {}, few=few) for n in range(100)]
    others = [Sampled(f"t.py::other[{n}]", {}, few=200) for n in range(100)]
    alone = [Item(f"t.py::alone[{n}]", {}) for n in range(100)]
    beyond = beyond_the_samples([*cases, *others, *alone])  # type: ignore[list-item]
    kept = [n for n, case in enumerate(cases) if case.nodeid not in beyond]
    assert len(kept) == min(few, 100)
    assert len(beyond) == 100 - len(kept)
    assert few < 2 or (kept[0], kept[-1]) == (0, 99)
    assert max((after - before for before, after in pairwise(kept)), default=0) <= 100 / max(1, len(kept) - 1) + 1


def test_a_session_that_ends_is_seen_to_end(database: Database) -> None:
    connection = database.connect()
    pid = connection.info.backend_pid
    connection.close()
    wait_until_gone(database.connect(), pid)
