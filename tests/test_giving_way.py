"""A run of checks gives way to those who work: what it finds is the same, and a rest is not taken from its time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import psycopg
import pytest

from chatops.checks import load, others, run
from chatops.checks.others import Others
from tests.ailing import opened
from tests.servers import Database


@contextlib.contextmanager
def at_work(database: Database, sessions: int = others.SOME) -> Iterator[None]:
    """So many sessions that do something until the block ends."""
    connections = [database.connect() for _ in range(sessions)]

    def work(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        with contextlib.suppress(psycopg.errors.QueryCanceled):
            connection.execute("select pg_sleep(600)")

    threads = [threading.Thread(target=work, args=(one,)) for one in connections]
    for thread in threads:
        thread.start()
    try:
        busy = (
            "select count(*) from pg_stat_activity where datname = current_database() and query ~ 'pg_sleep' and state = 'active'"
        )
        while database.value(f"{busy} and pid <> pg_backend_pid()") < sessions:
            pass
        yield
    finally:
        for connection in connections:
            connection.cancel()
        for thread in threads:
            thread.join()


def test_a_patient_run_rests_beside_others_and_no_other_does(latest_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "LONGEST_REST_S", 0.3)
    with at_work(latest_database), opened(latest_database) as reading, reading.reading():
        for patient in (True, False):
            beside = Others(reading, 10.0, patient=patient)
            beside.give_way()
            assert beside.at_work
            assert beside.rest(others.FREE_S) == 0.0  # it has worked for a moment only
            rested = beside.rest(0.05)
            assert (rested >= 0.05 * others.REST) is patient
            beside.rest(10.0)
            assert beside.rest(10.0) == 0.0  # all its rests are over


def test_a_run_that_rests_finds_the_same_and_all_of_it(latest_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "FREE_S", 0.0)
    rests: list[float] = []

    def rest(self: Others, worked: float) -> float:
        rests.append(worked)
        return 1000.0

    checks = [check for check in load.shipped() if check.code in ("CHAT001", "CHAT003", "CONF001", "QUEUE001", "OPER001")]
    with at_work(latest_database), opened(latest_database) as reading, reading.reading():
        usual = run.run(reading, checks)
        monkeypatch.setattr(Others, "rest", rest)
        # What is left after the rests is what was left before them, however long they were.
        slow = run.run(reading, checks, patient=True)
    assert len(rests) == len(checks)
    assert [(one.check.code, one.status) for one in slow.results] == [(one.check.code, one.status) for one in usual.results]
    assert not [one for one in slow.results if one.status == "unknown"]
