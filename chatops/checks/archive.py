"""An archive of `diagnose --capture`: opened, made a scratch database again, and what its rows alone can tell."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from chatops.checks.load import Check
from chatops.checks.results import Result, Survey
from chatops.checks.thresholds import known
from chatops.db import Database, identifier, literal
from chatops.errors import UsageError
from chatops.model import Severity, Values

FORMAT = 1

MOST_BYTES = 256 << 20

"""Unpacked bytes of one file that a replay reads."""
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
_ASIDE = re.compile(
    r"\bpg_(?!catalog\.)|\bchatops\.|information_schema|current_schema|has_\w+_privilege"
    r"|get_assignment_queue_status|chat_state_summary|detect_stuck_chats|should_keep_assignment",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
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
        with zipfile.ZipFile(path) as archive:
            head = json.loads(_member(archive, "capture.json"))
            results = json.loads(_member(archive, "results.json"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, RecursionError, NotImplementedError, RuntimeError):
        raise UsageError(f"{path} is no archive of chatops", details=["make one with: chatops diagnose --capture FILE"]) from None
    if not isinstance(head, dict) or head.get("kind") != "chatops capture" or head.get("format") != FORMAT:
        raise UsageError(f"{path} is no archive of chatops in format {FORMAT}")
    if not _has_the_shape(head, results):
        raise UsageError(f"{path} is a damaged archive: what every archive of chatops holds is missing or of another kind")
    return Archive(path, head, tuple(results))


def _has_the_shape(head: Mapping[str, object], results: object) -> bool:
    kinds = {"at": str, "chats": int, "chats_there": int, "columns": dict, "thresholds": dict, "since": str, "settings": dict}
    if not all(isinstance(head.get(name), kind) for name, kind in kinds.items()):
        return False
    try:
        instant = datetime.fromisoformat(str(head["at"]))
    except ValueError:
        return False
    texts, fields = ("code", "status", "severity"), {"code", "status", "severity", "count", "rows", "reason", "remedy"}
    return instant.tzinfo is not None and isinstance(results, list) and all(
        isinstance(one, dict) and fields <= one.keys() and all(isinstance(one[name], str) for name in texts)
        and one["status"] in ("passed", "failed", "unknown") and one["severity"] in {each.value for each in Severity}
        and isinstance(one["count"], int) and isinstance(one["rows"], list) and all(isinstance(row, dict) for row in one["rows"])
        for one in results
    )  # fmt: skip


def restore(database: Database, archive: Archive) -> None:
    """Makes the tables of an archive in an empty database, all instants moved so that the capture happened just now."""
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
            for lines in _chunks(_member(packed, f"rows/{table}.jsonl").decode().rstrip("\n").split("\n")):
                database.execute(
                    f"insert into {relation(table)} ({names}) select {values} from {rows}", {"rows": "[" + ",".join(lines) + "]"}
                )
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
    text = check.query(before_018=bool(archive.head["before_018"]))
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
        data = member.read(MOST_BYTES + 1)  # what its head says of its size may be a lie
    if len(data) > MOST_BYTES:
        raise UsageError(f"{name} in the archive is larger than {MOST_BYTES >> 20} MB")
    return data


def _chunks(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(lines) if lines != [""] else 0, CHUNK):
        yield lines[start : start + CHUNK]
