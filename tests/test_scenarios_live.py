"""`verify --scenarios` beside a live load: it is lived through, leaves nothing behind, and holds up nobody for long."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chatops.db import TIMEOUTS
from tests.load import hostile_load, summary
from tests.servers import Database, pause

LONG = os.environ.get("CHATOPS_TEST_LONG") == "1"
RUNS = 30 if LONG else 2
BOUND_SECONDS = 1.1
"""The scenarios' own lock timeout, and a few looks."""
LOOK_SECONDS = 0.02
MOST_SECONDS = 0.05
"""As so long a look counts at most: what the machine's other work lets everybody wait for is nobody's lock."""

HELD_UP = """
select a.pid, a.query, l.waitstart
  from pg_locks as l
  join pg_stat_activity as a using (pid)
 where not l.granted and a.datname = current_database()
   and exists (select from unnest(pg_blocking_pids(l.pid)) as b (pid)
                 join pg_stat_activity as s on s.pid = b.pid where s.application_name = 'chatops verify')"""
HERE = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'chatops verify'"
LEFT = """
select (select count(*) from operators where name = 'chatops scenario' or email like '%@chatops.invalid')
     + (select count(*) from real_users where name = 'chatops scenario')
     + (select count(*) from messages where content like 'chatops scenario%')
     + (select count(*) from chat_assignments where not exists (select from operators as o where o.id = operator_id))"""


class Watch:
    """Who waited for the scenarios' session, and for how many seconds at most; `seen` are the looks at which it was there."""

    def __init__(self) -> None:
        self.waits: dict[tuple[int, str], float] = {}
        self.seen = 0
        self.wrong: list[BaseException] = []

    @property
    def longest(self) -> float:
        return max(self.waits.values(), default=0.0)


@contextmanager
def watching(database: Database) -> Iterator[Watch]:
    watch, over = Watch(), threading.Event()

    def look() -> None:
        try:
            began: dict[tuple[int, object], float] = {}
            with database.connect(autocommit=True) as session:
                clock, looked = 0.0, time.monotonic()
                while not over.is_set():
                    watch.seen += session.execute(HERE).fetchone()[0]  # type: ignore[index]
                    waiting = session.execute(HELD_UP).fetchall()
                    clock, looked = clock + min(MOST_SECONDS, time.monotonic() - looked), time.monotonic()
                    for pid, query, since in waiting:
                        key = (pid, " ".join(query.split())[:80])
                        waited = clock - began.setdefault((pid, since), clock)
                        watch.waits[key] = max(watch.waits.get(key, 0.0), waited)
                    pause(LOOK_SECONDS)
        except BaseException as error:  # noqa: BLE001 - told by the one who waits
            watch.wrong.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join(30)
    if watch.wrong:
        raise watch.wrong[0]


@pytest.mark.long
def test_beside_a_live_load_the_scenarios_leave_nothing_and_hold_up_nobody_longer_than_their_lock_timeout(
    latest_database_everywhere: Database, chatops: Callable[..., Any]
) -> None:
    database = latest_database_everywhere
    assert TIMEOUTS["act"][1] == "1s"
    simulation = hostile_load(database, operators=8, users=3, chats=30)
    with watching(database) as watch, simulation.running():
        played = [chatops("verify", "--scenarios", "-o", "json", db=database) for _ in range(RUNS)]
    verdicts: list[dict[str, Any]] = [json.loads(result.stdout) for result in played]
    unknown = [step["seen"] for verdict in verdicts for step in verdict["scenarios"] if step["result"] == "unknown"]
    print(summary(simulation.outcome), f"; longest wait {watch.longest:.2f} s: {watch.waits}; unknown {unknown}")
    assert watch.seen
    assert watch.longest < BOUND_SECONDS, watch.waits
    for verdict in verdicts:
        steps = verdict["scenarios"]
        assert not [step for step in steps if step["result"] == "failed"]
        assert all(step["seen"] for step in steps if step["result"] == "unknown")
        assert verdict["remaining"] == 0
    assert any(result.exit_code == 0 for result in played), unknown
    assert database.value(LEFT) == 0
    assert simulation.outcome.verdict == "held", summary(simulation.outcome)
    assert sum(simulation.outcome.tally.done.values())
