"""Times that no client can read, or that cannot be: each is named, and mended before any clock is told from it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import LONG, Result
from tests.invariants import COUNTERS, INVARIANTS, QUEUE_CLOCK
from tests.servers import Database
from tests.test_tables import SYSTEM

Run = Callable[..., Result]

TIMES = ("infinity", "-infinity", "0044-03-15 12:00:00 BC", "40000-01-01")
OURS = ("chats", "messages", "chat_assignments", "operator_activity")
TOLD = {
    ("operators", "created_at"), ("real_users", "created_at"), ("fictional_users", "created_at"),
    ("chat_assignments", "waiting_since"), ("chat_assignments", "queued_since"), ("chat_assignments", "announced_at"),
}  # fmt: skip
"""What no repair mends: DATA006 names it, with the statements that do."""
COMMANDS = [
    ("summary",), ("queue",), ("stuck",), ("operators",), ("chats",), ("show", "chat", "c0000001"), ("show", "operator", "bert"),
    ("diagnose",), ("diagnose", "c0000004"), ("verify",), ("release", "c0000004", "--dry-run"), ("log",),
    ("reassign", "c0000001", "--to", "auto", "--dry-run"), ("release", "--idle", "--dry-run"), ("status",),
]  # fmt: skip


def columns(database: Database) -> list[tuple[str, str]]:
    return database.execute(
        "select c.relname::text, a.attname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped"
        " where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.atttypid = 'timestamptz'::regtype order by 1, 2"
    )  # type: ignore[return-value]


def spoil(database: Database, when: str) -> None:
    """Every second row has this time in every column, as a restore without guards would bring it."""
    database.script(
        "set local session_replication_role = replica;"
        "insert into chat_assignments (chat_id, operator_id, released_at)"
        " select id, '00000000-0000-0000-0000-0000000000a1', case when assigned_operator_id is null then now() end from chats;"
        "insert into operator_activity (chat_id, operator_id) select id, assigned_operator_id from chats"
        " where assigned_operator_id is not null on conflict do nothing"
    )
    of = columns(database)
    order = {"operators": "name", "real_users": "name", "chats": "id", "messages": "chat_id, created_at"}
    rows = {
        table: [row[0] for row in database.execute(f"select id from {table} order by {order.get(table, 'id')}")][::2]
        for table, _ in of
    }
    database.execute("set session_replication_role = replica")
    if ("chats", "waiting_since") in of:
        database.execute("update chats set waiting_since = oldest_unanswered(id), state_since = created_at")
        database.execute(
            "update chat_assignments set waiting_since = assigned_at, queued_since = assigned_at, announced_at = assigned_at"
        )
    for table, column in of:
        database.execute(f"update {table} set {column} = %s where {column} is not null and id = any (%s)", (when, rows[table]))
    database.execute("set session_replication_role = origin")


def unreadable(database: Database) -> set[tuple[str, str]]:
    return {
        (table, column)
        for table, column in columns(database)
        if database.value(
            f"select exists (select from {table} where {column} not between '0001-01-02' and now() + interval '1 hour')"
        )
    }


def told(run: Run, database: Database) -> set[tuple[str, str]]:
    """What DATA006 names; its help, followed literally, leaves nothing of it."""
    found = json.loads(run("diagnose", "--only", "DATA006", "--rows", "999", "-o", "json", db=database, check=1).stdout)[
        "findings"
    ][0]
    database.execute(found["help_sql"])
    run("verify", "--only", "DATA006", db=database, check=0)
    return {tuple(row["object"].split(".")) for row in found["rows"]}  # type: ignore[misc]


def healthy(database: Database) -> None:
    wrong = {name: rows for name, query in INVARIANTS.items() if not name.startswith("I9") and (rows := database.execute(query))}
    assert wrong == {}
    assert database.execute(QUEUE_CLOCK) == []
    assert database.execute(COUNTERS) == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize("when", TIMES)
def test_migrate_mends_them_before_a_clock_is_told_from_them(core_database: Database, chatops_inprocess: Run, when: str) -> None:
    core_database.script(SYSTEM)
    spoil(core_database, when)
    assert {("messages", "created_at"), ("chats", "created_at"), ("chat_assignments", "created_at")} <= unreadable(core_database)
    named = json.loads(chatops_inprocess("diagnose", "--only", "DATA002", "--rows", "99", "-o", "json", db=core_database).stdout)
    assert {row["clock"] for row in named["findings"][0]["rows"]} == {"message", "chat", "assignment", "heartbeat", "operator"}
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database, check=0)
    chatops_inprocess("migrate", "--yes", db=core_database, check=0)
    left = unreadable(core_database)
    assert left == told(chatops_inprocess, core_database)
    assert {column for _, column in left} == {"created_at"}
    assert unreadable(core_database) == set()
    healthy(core_database)
    assert core_database.value("select min(waiting_since) > now() - interval '31 days' from chats")
    found = json.loads(chatops_inprocess("diagnose", "-o", "json", db=core_database).stdout)["findings"]
    assert not {finding["code"] for finding in found} & {"DATA001", "DATA002", "QUEUE012", "QUEUE001", "CHAT006", "CHAT007"}


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize("when", TIMES)
def test_where_they_come_in_later_every_look_answers_and_repair_mends_them(
    latest_database: Database, chatops_inprocess: Run, when: str
) -> None:
    open_9 = SYSTEM.replace(
        "(9, 'waiting_assignment', null, null, null, null, false)", "(9, 'waiting_assignment', null, null, null, null, true)"
    )
    latest_database.script("set local session_replication_role = replica;" + open_9)
    spoil(latest_database, when)
    assert len(unreadable(latest_database)) >= 15
    for words in COMMANDS if LONG else COMMANDS[TIMES.index(when) % 2 :: 2]:  # each command at two of the times
        result = chatops_inprocess(*words, db=latest_database)
        said = f"{when}: chatops {' '.join(words)}: {result.exit_code}\n{result.stdout}\n{result.stderr}"
        assert result.exit_code in (0, 1, 3, 4), said
        assert "Traceback" not in result.stdout + result.stderr, said
        assert "a bug in chatops" not in result.stdout + result.stderr, said
    chatops_inprocess("repair", "--yes", "--reason", "x", db=latest_database)
    assert unreadable(latest_database) == told(chatops_inprocess, latest_database) == TOLD
    assert unreadable(latest_database) == set()
    assert {
        name: rows for name, query in INVARIANTS.items() if not name.startswith("I9") and (rows := latest_database.execute(query))
    } == {}
    assert (
        latest_database.execute(
            "select id from chats where chat_state in ('waiting_assignment', 'assigned') and (waiting_since is null) <> (oldest_unanswered(id) is null)"
        )
        == []
    )


@pytest.mark.parametrize("table", ["operators", "real_users", "fictional_users"])
def test_people_without_a_time_of_their_own_are_no_error(latest_database: Database, chatops_inprocess: Run, table: str) -> None:
    latest_database.execute(f"alter table {table} drop column created_at")
    chatops_inprocess("verify", "--only", "DATA006", db=latest_database, check=0)
