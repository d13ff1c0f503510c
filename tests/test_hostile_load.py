"""Everybody writes at once, as the application does: ours keeps every invariant in every look, the original keeps few."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from chatops.chats import writers
from chatops.chats.load_outcome import LOST
from chatops.chats.simulation import People
from tests.conftest import LONG, build_core, build_latest, server_labels
from tests.invariants import COUNTERS, QUEUE_CLOCK
from tests.load import hostile_load, summary
from tests.servers import Database, Server

SECONDS = 60 if LONG else 2
AT_ONCE = 60 if LONG else 1
"""How long a load runs that is run again where a busy machine did too little in it."""


@pytest.mark.long
def test_the_unmodified_application_breaks_nothing_under_hostile_load(latest_database_everywhere: Database) -> None:
    load = hostile_load(latest_database_everywhere)
    for _ in range(1 if LONG else 18):
        outcome = load.run(AT_ONCE)
        assert outcome.verdict == "held", summary(outcome)
        least = min(outcome.tally.done[what] for what in ("assigned", "replied", "user messages", "admin moves"))
        if least > 3:  # on a busy machine the first seconds may be too few
            break
    print(summary(outcome))
    assert least > 3, summary(outcome)
    assert latest_database_everywhere.execute(QUEUE_CLOCK) == []
    assert latest_database_everywhere.execute(COUNTERS) == []


@contextlib.contextmanager
def beside(database: Database, role: str, people: People) -> Iterator[dict[str, int]]:
    """Clients that take back part of a transaction, and whose prepared transactions are left to others; what they did."""
    done = {"savepoints": 0, "prepared": 0}
    stop = threading.Event()

    def taking_back() -> None:
        chance = random.Random(7)
        with database.connect(user=role) as client:
            while not stop.is_set():
                chat, operator = chance.choice(people.chats), chance.choice(people.operators)
                with contextlib.suppress(psycopg.Error), client.transaction():
                    client.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'kept')", [chat])
                    with contextlib.suppress(psycopg.Error), client.transaction():
                        client.execute("select assign_chat_to_operator(%s)", [operator])
                        client.execute(
                            "insert into messages (chat_id, sender_type, content) values (%s, 'real', 'not kept')", [chat]
                        )
                        raise psycopg.errors.RaiseException("taken back")
                    done["savepoints"] += 1
                stop.wait(0.01)

    def preparing() -> None:
        chance = random.Random(8)
        with database.connect(user=role) as client, database.connect() as other:
            while not stop.is_set():
                name = f"orphan {done['prepared']}"
                chat = chance.choice(people.chats)
                try:
                    client.execute("begin")
                    client.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'orphan')", [chat])
                    client.execute("select release_and_reassign_chat(%s)", [chat])
                    client.execute(f"prepare transaction '{name}'")
                except psycopg.Error:
                    client.execute("rollback")
                    continue
                stop.wait(chance.choice([0.0, 0.1, 0.3]))
                other.execute(f"{chance.choice(['commit', 'rollback'])} prepared '{name}'")
                done["prepared"] += 1

    threads = [threading.Thread(target=work, daemon=True) for work in (taking_back, preparing)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=60)


@pytest.mark.long
def test_everybody_at_once_with_upserts_wrong_clocks_kills_savepoints_and_orphans(latest_database_everywhere: Database) -> None:
    database = latest_database_everywhere
    role = f"client_{database.name}"
    database.script(
        f"create role {role} login; grant pg_signal_backend to {role}; grant usage on schema public to {role};"
        f"grant all on all tables in schema public to {role}; grant execute on all functions in schema public to {role}"
    )
    try:
        load = hostile_load(database, path=writers.MIXED, role=role, faults=True)
        for _ in range(1 if LONG else 12):
            with beside(database, role, load.people) as done:
                outcome = load.run(AT_ONCE)
            if min(done.values()) > 3 and outcome.tally.done["replied"] > 10:
                break
        print(done, summary(outcome))
        assert min(done.values()) > 3, done
        assert not outcome.breaches, summary(outcome)
        assert not outcome.unknown, summary(outcome)
        assert set(outcome.unexpected) <= {LOST}, summary(outcome)
        assert database.execute(QUEUE_CLOCK) == []
        assert database.execute(COUNTERS) == []
        assert database.execute("select from messages where created_at > clock_timestamp() + interval '1 second'") == []
    finally:
        database.script(f"drop owned by {role}; drop role {role}")


@pytest.mark.long
def test_the_same_load_breaks_the_deployed_system(core_database_everywhere: Database) -> None:
    load = hostile_load(core_database_everywhere)
    for _ in range(1 if LONG else 12):
        outcome = load.run(AT_ONCE)
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
