"""Chats in any number, written past triggers and keys: the few that somebody works on, and a history behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from benchmarks.servers import Server
from benchmarks.session import MeasureError, captured, chatops, environment

KEY = "('00000000-0000-4000-{kind}-' || lpad(to_hex({number}), 12, '0'))::uuid"


def key(kind: str, number: str) -> str:
    """SQL for the id of the thing with a number; `kind` is four hexadecimal digits."""
    return KEY.format(kind=kind, number=number)


OPERATOR, USER, PROFILE, CHAT = "8001", "8002", "8003", "8004"
WAITING, HELD, OPERATORS = 200, 40, 100
"""What goes on in a system with a past, however long that is."""
FEWEST = WAITING + HELD + 2


def migrated(server: Server, name: str, to: str) -> psycopg.Connection[Any]:
    """A database of that name with the files up to `to`, and a connection on which no trigger fires."""
    server.fresh(name)
    words: list[str | Path] = [chatops(), "migrate", "--to", to, "--yes", "-o", "json"]
    if not captured(words, env=environment(CHATOPS_DATABASE_URL=server.url(name))):
        raise MeasureError(f"migrate --to {to} failed")
    connection = server.connect(name)
    connection.execute("set session_replication_role = replica")
    return connection


def operators(connection: psycopg.Connection[Any], many: int, *, after: int = 0) -> None:
    """Operators who are there and free, those `after` so many others."""
    connection.execute(
        f"insert into operators (id, name, email, is_active, is_available, last_activity) "
        f"select {key(OPERATOR, 'n')}, 'operator ' || n, n || '@example.org', true, true, now() "
        f"from generate_series({after + 1}, {after + many}) as n".encode()
    )


def chats(
    connection: psycopg.Connection[Any], first: int, last: int, state: str, *, latest: bool, holder: str = "null",
    last_operator: str = "null", message: bool = True, newest: int | None = None,
) -> None:  # fmt: skip
    """Chats number `first` to `last` in one state, the first the oldest; one message each, by whoever spoke last.

    `holder` and `last_operator` are SQL, in which n is the chat's number; `latest` is whether 018 is in, `newest` the number
    of the youngest chat, where that is another than `last`.
    """
    when = f"now() - interval '1 second' * ({newest or last} - n + 60)"
    waits = state in ("waiting_assignment", "assigned")
    columns = {
        "id": key(CHAT, "n"), "real_user_id": key(USER, "n"), "fictional_user_id": key(PROFILE, "n % 1000 + 1"),
        "chat_state": f"'{state}'", "is_active": "false" if state == "completed" else "true", "created_at": when,
        "updated_at": when, "last_message_at": when, "message_count": "1" if message else "0",
        "assigned_operator_id": holder, "assignment_time": when if holder != "null" else "null::timestamptz",
        "last_operator_id": last_operator, "operator_replied_at": "null::timestamptz" if waits else when,
    }  # fmt: skip
    if latest:
        columns |= {"waiting_since": when if waits else "null::timestamptz", "state_since": when}
    connection.execute(
        f"insert into chats ({', '.join(columns)}) select {', '.join(columns.values())} "
        f"from generate_series({first}, {last}) as n".encode()
    )
    connection.execute(
        f"insert into real_users (id, name) select {key(USER, 'n')}, 'user ' || n "
        f"from generate_series({first}, {last}) as n".encode()
    )
    connection.execute(
        f"insert into fictional_users (id, name) select {key(PROFILE, 'n')}, 'profile ' || n from generate_series(1, 1000) as n "
        "on conflict do nothing".encode()
    )
    if message:
        connection.execute(
            "insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at) "
            f"select {key(CHAT, 'n')}, '{'real' if waits else 'fictional'}', 'a message', "
            f"{'null' if waits else last_operator}, {when} from generate_series({first}, {last}) as n".encode()
        )
    if holder != "null":
        connection.execute(
            "insert into chat_assignments (chat_id, operator_id, assigned_at) "
            f"select {key(CHAT, 'n')}, {holder}, {when} from generate_series({first}, {last}) as n".encode()
        )
        connection.execute(
            "insert into operator_activity (chat_id, operator_id, last_activity) "
            f"select {key(CHAT, 'n')}, {holder}, now() from generate_series({first}, {last}) as n".encode()
        )


def with_a_past(server: Server, name: str, size: int) -> str:
    """A database of that name with so many chats, nearly all of them answered or over; its name."""
    connection = migrated(server, name, "latest")
    operators(connection, OPERATORS)
    operator = key(OPERATOR, f"n % {OPERATORS} + 1")
    first = WAITING + HELD + 1
    half = first + (size - first) // 2
    chats(connection, first, half, "completed", latest=True, last_operator=operator)
    chats(connection, half + 1, size, "waiting_real_user_reply", latest=True, last_operator=operator)
    chats(connection, 1, WAITING, "waiting_assignment", latest=True)
    held = key(OPERATOR, f"n - {WAITING}")
    chats(connection, WAITING + 1, WAITING + HELD, "assigned", latest=True, holder=held, last_operator=held)
    settle(connection)
    return name


def settle(connection: psycopg.Connection[Any]) -> None:
    """What autovacuum would have done in a system that has lived for a while."""
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum analyze")
    connection.execute("checkpoint")
    connection.close()
