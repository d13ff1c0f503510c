"""Fleets through a pooler: never more connections than jobs + 2, every tenant's answer, no lock and no transaction left behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import LONG, Result
from tests.locks import ADVISORY, sessions, wait_for
from tests.servers import Database, Farm, Server
from tests.test_migrate import folder
from tests.test_migrate_fleet import FILES, counts
from tests.test_migrate_fleet import tenants as schemas
from tests.test_tenants import NAMES, build_tenants, few_checks, rows_of

__all__ = ["few_checks"]

Chatops = Callable[..., Result]
JOBS, POOL = 4, 6
LOOKS = {"status": (), "summary": (), "verify": ("schema",), "diagnose": (), "doctor": (), "monitor": ("--once",)}


@pytest.fixture
def most_open(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """The most connections of chatops that were open at one moment."""
    made: list[psycopg.Connection[Any]] = []
    most, turn, connect = [0], threading.Lock(), psycopg.connect

    def counted(*words: Any, **parameters: Any) -> psycopg.Connection[Any]:
        opened = connect(*words, **parameters)
        with turn:
            if parameters.get("application_name", "").startswith("chatops "):
                made.append(opened)
            most[0] = max(most[0], sum(not one.closed for one in made))
        return opened

    monkeypatch.setattr(psycopg, "connect", counted)
    return lambda: most[0]


def nothing_is_left(database: Database) -> None:
    """Neither a lock nor an open transaction stays on a session that the pooler keeps."""
    with database.connect(autocommit=True) as look:
        wait_for(lambda: not sessions(look, "state <> 'idle'"), "no session has a transaction open")
        wait_for(lambda: look.execute(ADVISORY).fetchone() == (0,), "no session has a lock")


@pytest.mark.sampled(1)
@pytest.mark.long
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_looking_at_a_fleet_through_a_pooler(
    mode: str, new_database: Callable[..., Database], farm: Farm, server: Server, chatops_inprocess: Chatops,
    through_pgbouncer: Callable[..., str], most_open: Callable[[], int], request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    tenants = new_database(on=server, template=farm.template(server, "tenants", build_tenants))
    tenants.execute("alter table tenant_c.chats disable trigger user")
    url = through_pgbouncer(tenants, mode, default_pool_size=POOL, server_round_robin=1)
    # By turns in the two modes; in the long form all in both.
    looks = list(LOOKS.items())
    for command, more in looks if LONG else looks[mode == "session" :: 2]:
        words = (command, *more, "--all-schemas", "tenant*", "--jobs", str(JOBS), "-o", "json")
        done = chatops_inprocess(*words, db=url)
        assert done.exit_code == (command in ("verify", "diagnose", "doctor")), done
        rows = {row["tenant"]: row for row in rows_of(done)}
        assert set(NAMES) <= rows.keys()
        assert not [row for name, row in rows.items() if name in NAMES and row["unknown"]]
        nothing_is_left(tenants)
    assert most_open() <= JOBS + 2
    request.getfixturevalue("few_checks")
    monitored = chatops_inprocess(
        "monitor", "--once", "--all-schemas", "tenant_*", "--store", "--restart", "--yes", db=url, check=0
    )
    assert monitored.stdout.startswith("3 of 3 tenants no worse than before")
    assert tenants.value("select count(*) from chatops.watches") == 3
    nothing_is_left(tenants)
    assert most_open() <= JOBS + 2


def test_migrating_a_fleet_through_a_session_pooler(
    database: Database, chatops_inprocess: Chatops, through_pgbouncer: Callable[..., str], most_open: Callable[[], int]
) -> None:
    names = schemas(database, JOBS + 2)
    url = through_pgbouncer(database, "session", default_pool_size=POOL)
    words = ("migrate", "--all-schemas", "tenant_*", "--jobs", str(JOBS), "-o", "json")
    done = json.loads(chatops_inprocess(*words, db=url, check=0).stdout)
    assert [row["result"] for row in done["targets"]] == ["applied"] * len(names)
    again = json.loads(chatops_inprocess(*words, db=url, check=0).stdout)
    assert {row["result"] for row in again["targets"]} == {"nothing to do"}
    assert most_open() <= JOBS + 2
    nothing_is_left(database)


def test_migrating_a_fleet_through_a_transaction_pooler(
    database: Database, chatops_inprocess: Chatops, through_pgbouncer: Callable[..., str], most_open: Callable[[], int],
    tmp_path: Path,
) -> None:  # fmt: skip
    names = schemas(database, 2 * JOBS)
    url = through_pgbouncer(database, "transaction", default_pool_size=POOL, server_round_robin=1)
    every = ("--all-schemas", "tenant_*", "--jobs", str(JOBS), "-o", "json")
    # What needs a session is refused by name, in every tenant, before anything runs.
    refused = chatops_inprocess("migrate", *every, db=url, check=4)
    rows = json.loads(refused.stdout)["targets"]
    assert [(row["target"], row["files"], row["exit_code"]) for row in rows] == [(name, 0, 4) for name in names]
    assert all("needs a session" in row["message"] for row in rows)
    assert "the server's own port, or a session pooler" in refused.stderr
    assert database.value("select count(*) from chatops.migrations") == 0
    # What goes in transactions goes in; a tenant that fails stops no other.
    where = folder(tmp_path, FILES)
    chatops_inprocess("migrate", "--dir", where, "--to", "1", *every, db=url, check=0)
    database.execute(f"create table {names[2]}.b ()")
    done = chatops_inprocess("migrate", "--dir", where, *every, db=url, check=4)
    results = {row["target"]: row["result"] for row in json.loads(done.stdout)["targets"]}
    assert results == {name: "failed" if name == names[2] else "applied" for name in names}
    assert counts(database) == {name: 1 if name == names[2] else 2 for name in names}
    assert most_open() <= JOBS + 2
    nothing_is_left(database)
