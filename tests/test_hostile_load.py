"""Everybody writes at once, as the application does: ours keeps every invariant in every look, the original keeps few."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from chatops.chats.load_outcome import LOST
from tests.conftest import build_core, build_latest, server_labels
from tests.invariants import COUNTERS, QUEUE_CLOCK
from tests.load import hostile_load, summary
from tests.servers import Database, Server

LONG = os.environ.get("CHATOPS_TEST_LONG") == "1"
SECONDS = 60 if LONG else 3


@pytest.mark.long
def test_the_unmodified_application_breaks_nothing_under_hostile_load(latest_database_everywhere: Database) -> None:
    load = hostile_load(latest_database_everywhere)
    for _ in range(1 if LONG else 6):
        outcome = load.run(SECONDS)
        assert outcome.verdict == "held", summary(outcome)
        least = min(outcome.tally.done[what] for what in ("assigned", "replied", "user messages", "admin moves"))
        if least > 3:  # on a busy machine the first seconds may be too few
            break
    print(summary(outcome))
    assert least > 3, summary(outcome)
    assert latest_database_everywhere.execute(QUEUE_CLOCK) == []
    assert latest_database_everywhere.execute(COUNTERS) == []


@pytest.mark.long
def test_the_same_load_breaks_the_deployed_system(core_database_everywhere: Database) -> None:
    load = hostile_load(core_database_everywhere)
    for _ in range(1 if LONG else 4):
        outcome = load.run(SECONDS)
        if len(outcome.breaches) >= 6:
            break
    print(summary(outcome))
    assert len(outcome.breaches) >= 6, summary(outcome)


@pytest.mark.long
@pytest.mark.parametrize("label", [label for label in server_labels() if label == "18" or (LONG and label == "15")])
def test_killed_backends_and_a_crash_of_the_server_leave_nothing_half_done(own_server: Callable[..., Server], label: str) -> None:
    server = own_server(label)
    database = server.create_database()
    build_latest(database)
    database.close()
    load = hostile_load(database)
    crashed = False

    def kill_and_crash() -> None:
        with server.connect("postgres") as admin:
            pids = [row[0] for row in admin.execute("select pid from pg_stat_activity where datname = %s", [database.name])]
            for pid in random.Random(1).sample(pids, k=len(pids) // 2):
                admin.execute("select pg_terminate_backend(%s)", [pid])
        server.restart("immediate")

    def once_in_the_middle(now: object) -> None:
        nonlocal crashed
        if not crashed and load.progress().elapsed > SECONDS / 2:
            crashed = True
            kill_and_crash()

    outcome = load.run(SECONDS, once_in_the_middle)
    print(summary(outcome))
    assert crashed
    assert outcome.tally.failed[LOST]
    assert not outcome.breaches, summary(outcome)
    assert not outcome.unknown, summary(outcome)
    assert set(outcome.unexpected) <= {LOST}, summary(outcome)
    assert database.execute(QUEUE_CLOCK) == []
    assert database.execute(COUNTERS) == []


def test_the_deployed_system_is_what_the_comparison_takes_it_for(database: Database) -> None:
    build_core(database)
    assert database.value("select count(*) from pg_trigger where tgname like 'chatops%%' and not tgisinternal") == 0
