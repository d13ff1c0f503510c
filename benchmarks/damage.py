"""A large system as the deployed application leaves it: years of chats, and of each fault one chat in a thousand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import psycopg

_INDEXES = """select format('drop index %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
  from pg_index i
 where i.indrelid = any(array['messages', 'chats', 'chat_assignments']::regclass[]) and not i.indisunique"""


def fill(connection: psycopg.Connection[Any], chats: int) -> None:
    """Chats with ten messages each, on a connection on which no trigger fires: a believable past."""
    connection.execute("set work_mem = '256MB'; set maintenance_work_mem = '512MB'; set synchronous_commit = off")
    indexes = connection.execute(_INDEXES).fetchall()
    for drop, _ in indexes:
        connection.execute(drop.encode())
    _run(connection, "fill", chats)
    for _, create in indexes:
        connection.execute(create.encode())


def plant(connection: psycopg.Connection[Any], chats: int, *, longest: int) -> None:
    """Each fault in one chat of a thousand, after `fill` on the same connection; one more has `longest` further messages."""
    _run(connection, "plant", chats, longest)


def wake(connection: psycopg.Connection[Any]) -> None:
    """Everybody who holds a chat was there a moment ago, save the operators who are inactive."""
    _run(connection, "wake")


def _run(connection: psycopg.Connection[Any], part: Literal["fill", "plant", "wake"], chats: int = 0, longest: int = 0) -> None:
    text = (Path(__file__).parent / "damage.sql").read_text(encoding="utf-8")
    wanted = text.partition(f"-- part: {part}\n")[2].partition("\n-- part: ")[0]
    values = {"chats": chats, "operators": max(20, chats // 50), "longest": longest}
    for statement in wanted.split("\n;\n"):
        connection.execute(re.sub(r":(chats|operators|longest)\b", lambda m: str(values[m[1]]), statement).encode())
