"""An archive of `diagnose --capture`: opened, made a scratch database again, and what its rows alone can tell."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from chatops.checks.load import Check
from chatops.checks.results import Result, Survey
from chatops.checks.thresholds import known
from chatops.checks.window import window
from chatops.db import Database, identifier, literal
from chatops.errors import DatabaseError, UsageError
from chatops.frozen import frozen
from chatops.model import Severity, Values
from chatops.shapes import built

FORMAT = 1

MOST_BYTES = 256 << 20
"""Unpacked bytes of the rows of one table that a replay reads, a chunk at a time."""
MOST_JSON = 16 << 20
"""Unpacked bytes of what is read as one JSON text."""
MOST_LINE = 4 << 20
MOST_PACKED = 1 << 30
CHUNK = 2_000


KEPT: Mapping[str, tuple[str, ...]] = {
    "operators": ("id", "name", "email", "is_active", "is_available", "last_activity", "total_messages", "created_at"),
    "real_users": ("id", "name", "created_at"),
    "fictional_users": ("id", "name", "created_at"),
    "chats": ("id", "real_user_id", "fictional_user_id", "chat_state", "assigned_operator_id", "assignment_time",
              "last_operator_id", "operator_replied_at", "last_message_at", "message_count", "is_active", "created_at",
              "updated_at", "waiting_since", "state_since"),
    "messages": ("id", "chat_id", "sender_type", "content", "handled_by_operator_id", "is_free_message", "created_at",
                 "delivered_at", "read_at"),
    "chat_assignments": ("id", "chat_id", "operator_id", "assigned_at", "released_at", "release_reason", "created_at",
                         "waiting_since", "queued_since"),
    "operator_activity": ("id", "chat_id", "operator_id", "last_activity", "updated_at"),
    "platform_config": ("key", "value"),
    "actions": ("id", "at", "action", "code", "chat_id", "operator_id", "row_id", "before", "after", "outcome", "detail",
                "reason", "plan_id", "undoes"),
}  # fmt: skip

BOOKKEEPING = "actions"

"""The table that is not in the chats' own schema: the log of what was done by hand or by a repair."""
TYPES = frozenset({"uuid", "text", "boolean", "integer", "bigint", "jsonb", "json", "timestamp with time zone", "numeric",
                    "timestamp without time zone", "double precision", "smallint"})  # fmt: skip

# What a check asks beside the rows: it is answered from what was seen then.
_WAY = re.compile(r"\bway as materialized \(.*? as by_\w+\n", re.DOTALL)
"""What a query reads of the server's estimates to choose how it finds its rows, never which: by that name in sql/checks."""
_ASIDE = re.compile(
    r"\bpg_(?!catalog\.)|\bchatops\.|information_schema|current_schema|has_\w+_privilege"
    r"|get_assignment_queue_status|chat_state_summary|detect_stuck_chats|should_keep_assignment",
    re.IGNORECASE,
)


@frozen
class Archive:
    """An archive that was opened: its path, its head, and what the diagnosis had found."""

    path: Path
    head: Values
    results: tuple[Values, ...]

    @property
    def at(self) -> datetime:
        """When the system was captured."""
        return datetime.fromisoformat(self.head["at"])

    @property
    def whole(self) -> bool:
        """Whether every chat is in it."""
        return bool(self.head["chats"] == self.head["chats_there"])


def read(path: Path) -> Archive:
    """Opens an archive. Raises UsageError when it is none, or of another format."""
    try:
        if path.stat().st_size > MOST_PACKED:
            raise UsageError(f"{path} is no archive of chatops: it is larger than {MOST_PACKED >> 20} MB")
        with zipfile.ZipFile(path) as archive:
            head = json.loads(_member(archive, "capture.json"))
            results = json.loads(_member(archive, "results.json"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or 'it is damaged'}") from None
    except _DAMAGED:
        raise UsageError(f"{path} is no archive of chatops", details=["make one with: chatops diagnose --capture FILE"]) from None
    if not isinstance(head, dict) or head.get("kind") != "chatops capture" or head.get("format") != FORMAT:
        raise UsageError(f"{path} is no archive of chatops in format {FORMAT}")
    if not isinstance(results, list) or not _has_the_shape(head, results):
        raise UsageError(f"{path} is a damaged archive: what every archive of chatops holds is missing or of another kind")
    if not results:
        raise UsageError(f"{path} holds the result of no check: it says nothing of the system's health")
    return Archive(path, head, tuple(results))


_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, RecursionError, NotImplementedError, RuntimeError)


@frozen
class _Head:
    kind: str
    format: int
    chatops: str
    at: str
    server: str
    settings: Mapping[str, str]
    extensions: Mapping[str, str]
    since: str
    before_018: bool
    applied: tuple[str, ...] | None
    chats: int
    chats_there: int
    rows: Mapping[str, int]
    columns: Mapping[str, Mapping[str, str]]
    left_out: tuple[str, ...]
    guarded_at: str | None
    thresholds: Mapping[str, tuple[float | str, ...]]


@frozen
class _Result:
    code: str
    status: Literal["passed", "failed", "unknown"]
    severity: str
    count: int
    rows: tuple[Mapping[str, Any], ...]
    reason: str | None
    remedy: None


def _has_the_shape(head: Mapping[str, object], results: Sequence[object]) -> bool:
    try:
        known = built(_Head, head)
        for one in results:
            Severity(built(_Result, one).severity)
        instants = [datetime.fromisoformat(text) for text in (known.at, known.guarded_at) if text is not None]
        window(known.since)
        numbers = all(len(pair) == 2 and not isinstance(pair[0], str) for pair in known.thresholds.values())
    except (ValueError, UsageError):
        return False
    return numbers and all(one.tzinfo is not None for one in instants)


def restore(database: Database, archive: Archive) -> None:
    """Makes the tables of an archive in an empty database, all instants moved so that the capture happened just now.

    Raises UsageError when its rows are not what its head says.
    """
    try:
        _restore(database, archive)
    except (*_DAMAGED, OSError, DatabaseError) as error:
        if isinstance(error, DatabaseError) and (error.sqlstate or "")[:2] not in ("22", "23", "42", "54"):
            raise  # the server's own trouble
        told = error.message if isinstance(error, DatabaseError) else type(error).__name__
        raise UsageError(f"{archive.path} is a damaged archive: {told.splitlines()[0]}") from None


def _restore(database: Database, archive: Archive) -> None:
    with database.acting(statement_timeout="120s"), zipfile.ZipFile(archive.path) as packed:
        shift = f"(now() - {literal(archive.at)}::timestamptz)"
        for table, kept in _wanted(archive).items():
            made = ", ".join(f"{identifier(name)} {kind}" for name, kind in kept.items())
            if table == BOOKKEEPING:
                database.script("create schema chatops")
                made += ", target_schema text default current_schema()"
            database.script(f"create table {relation(table)} ({made})")
            values = ", ".join(f"{identifier(name)} + {shift}" if "timestamp" in kind else identifier(name)
                               for name, kind in kept.items())  # fmt: skip
            names = ", ".join(identifier(name) for name in kept)
            rows = f"jsonb_populate_recordset(null::{relation(table)}, :'rows'::jsonb)"
            for lines in _chunks(_lines(packed, f"rows/{table}.jsonl")):
                database.execute(
                    f"insert into {relation(table)} ({names}) select {values} from {rows}", {"rows": "[" + ",".join(lines) + "]"}
                )
        # What tells CHAT006 that triggers which are not here may be there.
        database.script("comment on table messages is 'rows of an archive'")
        if not archive.head["before_018"]:
            # What tells that the queue goes by its clocks, as it did there.
            database.script("create function take_next_chat() returns void language sql as ''")
        database.script(
            "create unique index on chats (id); create index on messages (chat_id, created_at); "
            "create index on chat_assignments (chat_id); create index on chat_assignments (operator_id); "
            "create unique index on operators (id); create index on chats (assigned_operator_id); analyze"
        )


def replayed(archive: Archive, survey: Survey) -> Survey:
    """A survey of the scratch database, with what rows alone cannot tell answered as it was then.

    So are all checks of an archive that does not hold every chat: their counts are those of the whole system.
    """
    known = {result.check.code: result for result in survey.results}
    results = []
    for kept in archive.results:
        now = known.get(str(kept["code"]))
        if now is None:
            continue
        again = archive.whole and now.status != "unknown" and kept["status"] != "unknown" and told_by_rows(now.check, archive)
        results.append(now if again else _as_then(now.check, kept))
    return replace(survey, results=tuple(results), since=str(archive.head["since"]))


def told_by_rows(check: Check, archive: Archive) -> bool:
    """Whether a check asks the captured tables and nothing beside them."""
    text = _WAY.sub("", check.query(before_018=bool(archive.head["before_018"])))
    # Since when the guards are in stands in the ledger, which is no part of an archive.
    ledger = "guarded_at" in text and archive.head["guarded_at"] is not None
    return bool(check.reads) and set(check.reads) <= set(KEPT) and not ledger and not _ASIDE.search(text)


def given(archive: Archive) -> dict[str, float]:
    """The thresholds of then, as given on a command line."""
    return {name: float(value) for name, (value, _) in archive.head["thresholds"].items() if name in known()}


def _as_then(check: Check, kept: Values) -> Result:
    rows = tuple({name: _revived(name, value) for name, value in row.items()} for row in kept["rows"])
    return Result(check, kept["status"], Severity(kept["severity"]), int(kept["count"]), rows, kept["reason"], kept["remedy"])


def _revived(name: str, value: object) -> Any:
    if isinstance(value, dict) and "seconds" in value:
        return timedelta(seconds=value["seconds"])
    if isinstance(value, str) and name.endswith("_id"):
        return UUID(value)
    return value


def relation(table: str) -> str:
    return f"chatops.{identifier(table)}" if table == BOOKKEEPING else identifier(table)


def _wanted(archive: Archive) -> dict[str, dict[str, str]]:
    """The columns to make: only names and types that an archive of ours holds."""
    found = {}
    for table, kept in archive.head["columns"].items():
        if table in KEPT and set(kept) <= set(KEPT[table]) and set(kept.values()) <= TYPES:
            found[table] = dict(kept)
        else:
            raise UsageError(f"{archive.path} holds columns that no archive of chatops has")
    return found


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        data = member.read(MOST_JSON + 1)  # what its head says of its size may be a lie
    if len(data) > MOST_JSON:
        raise UsageError(f"{name} in the archive is larger than {MOST_JSON >> 20} MB")
    return data


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    total = 0
    with archive.open(name) as member:
        while line := member.readline(MOST_LINE + 1):
            total += len(line)
            if len(line) > MOST_LINE or total > MOST_BYTES:
                raise UsageError(
                    f"{name} in the archive is larger than {MOST_BYTES >> 20} MB, or one row is than {MOST_LINE >> 20}"
                )
            yield line.decode().rstrip("\n")


def _chunks(lines: Iterator[str]) -> Iterator[list[str]]:
    """So many rows at once, or fewer where they are long."""
    chunk: list[str] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if len(chunk) == CHUNK or size > MOST_LINE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
