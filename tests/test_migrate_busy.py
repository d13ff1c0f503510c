"""migrate under load, with a reader in its way: what it costs the clients, looked at in the server every 20 ms."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Result
from tests.locks import sessions, wait_for
from tests.servers import Database, pause
from tests.test_migrate import folder, names
from tests.test_migrate_locks import Started
from tests.test_migrate_races import LONG

Chatops = Callable[..., Result]
LONGEST_ATTEMPT_MS = 3000
MARGIN_MS = 100 if LONG else 2000
"""Beside other tests on a busy machine the sampler itself comes late; alone, at full length, it does not."""

WAITS = """with migrator as (select pid from pg_stat_activity where application_name = 'chatops migrate' and datname = current_database())
select max(extract(epoch from clock_timestamp() - l.waitstart) * 1000)
  from pg_locks as l
 where not l.granted and l.waitstart is not null and l.pid not in (select pid from migrator)
   and pg_blocking_pids(l.pid) && (select array_agg(pid) from migrator)"""


WAITING = "application_name = 'chatops migrate' and cardinality(pg_blocking_pids(pid)) > 0"


class Load:
    """Clients that write a message, then its chat, each in one transaction, as the application's trigger does."""

    def __init__(self, database: Database, clients: int = 4) -> None:
        self.over = threading.Event()
        self.errors: list[str] = []
        self.written = 0
        self.blocked_ms = 0.0
        work = [self.write] * clients + [self.look]
        connections = [database.connect(application_name="application") for _ in work]
        self.threads = [threading.Thread(target=one, args=(c,)) for one, c in zip(work, connections, strict=True)]
        for thread in self.threads:
            thread.start()

    def write(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        while not self.over.is_set():
            try:
                connection.execute(
                    "begin; insert into messages select id from talks order by random() limit 1;"
                    " update talks set written = written + 1 where id = 1 + (random() * 99)::int; commit"
                )
                self.written += 1
            except psycopg.Error as error:
                self.errors.append(str(error))
                connection.execute("rollback")

    def look(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        while not self.over.is_set():
            found = connection.execute(WAITS).fetchone()
            self.blocked_ms = max(self.blocked_ms, float(found[0] or 0) if found else 0.0)  # type: ignore[arg-type]
            pause(0.02)

    def end(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(timeout=30)


@pytest.mark.sampled(1)
@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("alter table talks add column a int;", marks=pytest.mark.full),
        "alter table talks add column a int;\nalter table messages add column a int;",
        "lock table talks, messages;\nalter table talks add column a int;",
    ],
    ids=["one lock", "two locks against the order of the clients", "one statement that takes two"],
)
def test_clients_wait_for_the_migrator_no_longer_than_an_attempt_and_never_fail_for_it(
    database: Database, chatops: Chatops, tmp_path: Path, text: str
) -> None:
    database.execute("create table talks (id int primary key, written int default 0)")
    database.execute("insert into talks select n from generate_series(1, 100) as n")
    database.execute("create table messages (chat_id int)")
    load = Load(database)
    try:
        reader = database.connect(application_name="metabase")
        reader.execute("begin; select count(*) from talks; select count(*) from messages")
        run = Started(
            chatops, "migrate", "--dir", folder(tmp_path, {"001_a.sql": text}), "--max-wait", "5m", db=database, listens=False
        )
        looking = database.connect()
        for _ in range(20 if LONG else 2):
            wait_for(lambda: sessions(looking, WAITING), "the migrator waits", 60)
            wait_for(lambda: not sessions(looking, WAITING), "an attempt ends", 60)
        reader.execute("rollback")
        result = run.result()
    finally:
        load.end()
    assert result.exit_code == 0, result.stderr
    assert names(database) == ["001_a"]
    assert load.errors == []
    assert load.written > 0
    assert load.blocked_ms <= LONGEST_ATTEMPT_MS + MARGIN_MS
