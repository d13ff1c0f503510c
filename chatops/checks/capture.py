"""One archive of a system as a diagnosis saw it, and a scratch database made of it: what somebody else needs to look again.

People and what they wrote are not in it: names, e-mails and message text become marks made with a key that is thrown away when
the archive is closed, so equal texts stay equal inside one archive and nothing leads back.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from chatops import __version__, sqlfiles
from chatops.checks import thresholds as limits
from chatops.checks.load import Check
from chatops.checks.run import Result, Survey
from chatops.db import Database, identifier, literal
from chatops.errors import UsageError
from chatops.model import Severity

FORMAT = 1
MOST_CHATS = 20_000
"""Chats in an archive; those of the findings first, then who waits or is held, then the newest."""
MOST_BYTES = 256 << 20
"""Unpacked bytes of one file that a replay reads."""
MOST_EVIDENCE = 1_000
"""Offending rows of each finding whose chats are in the archive for certain."""
CHUNK = 2_000
STATEMENT_TIMEOUT = "60s"

_KEPT: Mapping[str, tuple[str, ...]] = {
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
_BOOKKEEPING = "actions"
"""The table that is not in the chats' own schema: the log of what was done by hand or by a repair."""
_CHOSEN: Mapping[str, str] = {
    "operators": "true",
    "real_users": "id in (select real_user_id from chats where id = any(:'chats'::uuid[]))",
    "fictional_users": "id in (select fictional_user_id from chats where id = any(:'chats'::uuid[]))",
    "chats": "id = any(:'chats'::uuid[])",
    "messages": "chat_id = any(:'chats'::uuid[])",
    "chat_assignments": "chat_id = any(:'chats'::uuid[])",
    "operator_activity": "chat_id = any(:'chats'::uuid[])",
    "platform_config": "key = any(:'settings'::text[])",
    "actions": "target_schema = current_schema() and (chat_id = any(:'chats'::uuid[]) or chat_id is null)",
}
_HIDDEN = frozenset({("messages", "content"), *((table, name) for table in ("operators", "real_users", "fictional_users")
                                                for name in ("name", "email"))})  # fmt: skip
_TYPES = frozenset({"uuid", "text", "boolean", "integer", "bigint", "jsonb", "json", "timestamp with time zone", "numeric",
                    "timestamp without time zone", "double precision", "smallint"})  # fmt: skip
_STATES = ("waiting_assignment", "assigned", "waiting_real_user_reply", "completed")
_REASON = re.compile(r"[a-z_]+")
# Words of evidence that are the system's own; all others are hidden.
_OWN_WORDS = frozenset({"chat_state", "object", "relation", "setting", "kind", "reader", "clock", "stuck_as", "operator_is",
                        "signature", "sqlstate", "severity"})  # fmt: skip
# What a check asks beside the rows: it is answered from what was seen then.
_ASIDE = re.compile(r"\bpg_|\bchatops\.|information_schema|current_schema|has_\w+_privilege|get_assignment_queue_status"
                    r"|chat_state_summary|detect_stuck_chats|should_keep_assignment", re.IGNORECASE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Captured:
    """What is in an archive: chats of how many, rows by table, and what was left out, in words."""

    chats: int
    of: int
    rows: Mapping[str, int]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that was opened: its path, its head, and what the diagnosis had found."""

    path: Path
    head: Mapping[str, Any]
    results: tuple[Mapping[str, Any], ...]

    @property
    def at(self) -> datetime:
        """When the system was captured."""
        return datetime.fromisoformat(self.head["at"])

    @property
    def whole(self) -> bool:
        """Whether every chat is in it."""
        return bool(self.head["chats"] == self.head["chats_there"])


def write(database: Database, survey: Survey, path: Path, *, most_chats: int = MOST_CHATS) -> Captured:
    """Writes the archive from the snapshot in which the survey was taken; inside that `reading` transaction.

    Raises UsageError when the file cannot be written, DatabaseError for tables that cannot be read.
    """
    key = secrets.token_bytes(32)
    # The checks leave what was left to them of their time.
    database.script(f"set local statement_timeout = {literal(STATEMENT_TIMEOUT)}")
    there = int(database.value("select count(*) from chats"))
    named = sorted({value for result in survey.results for row in result.rows for value in _ids(row)})
    chosen = [
        row[0]
        for row in database.tuples(
            """select id from chats
                order by (id = any(:'named'::uuid[])) desc,
                         coalesce(chat_state::text in ('waiting_assignment', 'assigned'), true) desc,
                         last_message_at desc nulls last, id
                limit :'most'::bigint""",
            {"named": named, "most": most_chats},
        )
    ]
    settings = [*limits.CONFIGURED]
    columns = _columns(database)
    server: dict[str, dict[str, str]] = {"setting": {}, "extension": {}}
    for kind, name, value in database.tuples(sqlfiles.read("queries/capture_server.sql")):
        server[kind][name] = value
    counts: dict[str, int] = {}
    temporary = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for table, kept in columns.items():
                names = ", ".join(identifier(name) for name, _ in kept)
                query = f"select to_jsonb(r) as line from (select {names} from {_relation(table)} where {_CHOSEN[table]}) as r"
                rows = database.mappings(query, {"chats": chosen, "settings": settings})
                lines = [json.dumps(_without_people(table, row["line"], key), ensure_ascii=False) for row in rows]
                archive.writestr(f"rows/{table}.jsonl", "".join(line + "\n" for line in lines))
                counts[table] = len(lines)
            for result in survey.results:
                query = result.check.query(before_018=survey.inventory.before_018)
                archive.writestr(f"queries/{result.check.code}.sql", query + "\n")
            archive.writestr("results.json", json.dumps([_result(result, key) for result in survey.results], indent=1))
            left_out = _left_out(len(chosen), there, columns)
            head = {
                "kind": "chatops capture", "format": FORMAT, "chatops": __version__, "at": survey.now.isoformat(),
                "server": survey.facts.version, "settings": server["setting"],
                "extensions": server["extension"], "since": survey.since, "before_018": survey.inventory.before_018,
                "applied": survey.inventory.applied, "chats": len(chosen), "chats_there": there, "rows": counts,
                "columns": {table: dict(kept) for table, kept in columns.items()}, "left_out": left_out,
                "guarded_at": survey.inventory.guarded_at and survey.inventory.guarded_at.isoformat(),
                "thresholds": {name: [one.value, one.origin] for name, one in survey.thresholds.items()},
            }  # fmt: skip
            archive.writestr("capture.json", json.dumps(head, indent=1))
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return Captured(len(chosen), there, counts, tuple(left_out))


def read(path: Path) -> Archive:
    """Opens an archive. Raises UsageError when it is none, or of another format."""
    try:
        with zipfile.ZipFile(path) as archive:
            head = json.loads(_member(archive, "capture.json"))
            results = json.loads(_member(archive, "results.json"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise UsageError(f"{path} is no archive of chatops", details=["make one with: chatops diagnose --capture FILE"]) from None
    if head.get("kind") != "chatops capture" or head.get("format") != FORMAT:
        raise UsageError(f"{path} is no archive of chatops in format {FORMAT}")
    return Archive(path, head, tuple(results))


def restore(database: Database, archive: Archive) -> None:
    """Makes the tables of an archive in an empty database, all instants moved so that the capture happened just now."""
    with database.acting(statement_timeout="120s"), zipfile.ZipFile(archive.path) as packed:
        shift = f"(now() - {literal(archive.at)}::timestamptz)"
        for table, kept in _wanted(archive).items():
            made = ", ".join(f"{identifier(name)} {kind}" for name, kind in kept.items())
            if table == _BOOKKEEPING:
                database.script("create schema chatops")
                made += ", target_schema text default current_schema()"
            database.script(f"create table {_relation(table)} ({made})")
            values = ", ".join(f"{identifier(name)} + {shift}" if "timestamp" in kind else identifier(name)
                               for name, kind in kept.items())  # fmt: skip
            names = ", ".join(identifier(name) for name in kept)
            rows = f"jsonb_populate_recordset(null::{_relation(table)}, :'rows'::jsonb)"
            for lines in _chunks(_member(packed, f"rows/{table}.jsonl").decode().rstrip("\n").split("\n")):
                database.execute(
                    f"insert into {_relation(table)} ({names}) select {values} from {rows}", {"rows": "[" + ",".join(lines) + "]"}
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
    return bool(check.reads) and set(check.reads) <= set(_KEPT) and not ledger and not _ASIDE.search(text)


def given(archive: Archive) -> dict[str, float]:
    """The thresholds of then, as given on a command line."""
    return {name: float(value) for name, (value, _) in archive.head["thresholds"].items() if name in limits.BY_NAME}


def _as_then(check: Check, kept: Mapping[str, Any]) -> Result:
    rows = tuple({name: _revived(name, value) for name, value in row.items()} for row in kept["rows"])
    return Result(check, kept["status"], Severity(kept["severity"]), int(kept["count"]), rows, kept["reason"], kept["remedy"])


def _revived(name: str, value: Any) -> Any:
    if isinstance(value, dict) and "seconds" in value:
        return timedelta(seconds=value["seconds"])
    if isinstance(value, str) and name.endswith("_id"):
        return UUID(value)
    return value


def _result(result: Result, key: bytes) -> dict[str, Any]:
    return {
        "code": result.check.code, "status": result.status, "severity": result.severity.value, "count": result.count,
        "rows": [{name: _evidence(name, value, key) for name, value in row.items()} for row in result.rows],
        "reason": _unquoted(result.reason, key), "remedy": None,
    }  # fmt: skip


def _evidence(name: str, value: Any, key: bytes) -> Any:
    if isinstance(value, timedelta):
        return {"seconds": value.total_seconds()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list | tuple):
        return [_evidence(name, item, key) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        return str(value) if type(value).__name__ == "Decimal" else _mark(str(value), key)
    return value if name in _OWN_WORDS else _reason(value, key) if name.endswith("reason") else _mark(value, key)


def _without_people(table: str, row: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    made = dict(row)
    for name, value in row.items():
        if value is None:
            continue
        if (table, name) in _HIDDEN:
            made[name] = _mark(str(value), key)
        elif name == "release_reason":
            made[name] = _reason(str(value), key)
        elif table == _BOOKKEEPING and name in ("reason", "detail", "row_id"):
            made[name] = _mark(str(value), key)
        elif table == _BOOKKEEPING and name in ("before", "after"):
            made[name] = _moved(value)
        elif name == "chat_state" and value not in _STATES:
            made[name] = _mark(str(value), key)
    return made


def _moved(row: Any) -> dict[str, Any] | None:
    """Of a row as the log has it, what says where a chat was: nothing that somebody wrote."""
    chat = row.get("chat") if isinstance(row, dict) else None
    if not isinstance(chat, dict):
        return None
    kept = {name: chat.get(name) for name in ("chat_state", "assigned_operator_id")}
    return {"chat": {**kept, "chat_state": kept["chat_state"] if kept["chat_state"] in _STATES else None}}


def _mark(text: str, key: bytes) -> str:
    """A text's mark, as long as the text where that is long enough to tell texts apart."""
    mark = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=32).hexdigest()
    return mark[: max(12, min(len(text), len(mark)))]


def _reason(text: str, key: bytes) -> str:
    """A release reason: its word is the application's, what follows a colon somebody wrote."""
    word, colon, rest = text.partition(":")
    if not _REASON.fullmatch(word):
        return _mark(text, key)
    return word + (colon + _mark(rest, key) if rest else colon)


def _unquoted(text: str | None, key: bytes) -> str | None:
    return None if text is None else re.sub(r'"([^"]*)"', lambda found: f'"{_mark(found[1], key)}"', text)


def _relation(table: str) -> str:
    return f"chatops.{identifier(table)}" if table == _BOOKKEEPING else identifier(table)


def _columns(database: Database) -> dict[str, list[tuple[str, str]]]:
    query = sqlfiles.read("queries/capture_columns.sql")
    ours = [table for table in _KEPT if table != _BOOKKEEPING]
    found: dict[str, list[tuple[str, str]]] = {table: [] for table in _KEPT}
    for table, name, kind in database.tuples(query, {"tables": ours, "log": _BOOKKEEPING}):
        if name in _KEPT[table]:
            found[table].append((name, kind if kind in _TYPES else "text"))
    return {table: kept for table, kept in found.items() if kept}


def _wanted(archive: Archive) -> dict[str, dict[str, str]]:
    """The columns to make: only names and types that an archive of ours holds."""
    found = {}
    for table, kept in archive.head["columns"].items():
        if table in _KEPT and set(kept) <= set(_KEPT[table]) and set(kept.values()) <= _TYPES:
            found[table] = dict(kept)
        else:
            raise UsageError(f"{archive.path} holds columns that no archive of chatops has")
    return found


def _left_out(chats: int, there: int, columns: Mapping[str, Sequence[tuple[str, str]]]) -> list[str]:
    parts = ["names, e-mails and message text (marks stand for them)", "columns that chatops does not know"]
    if chats < there:
        parts.insert(0, f"{there - chats} of {there} chats, the oldest quiet ones")
    parts += [
        "the log of actions, which is not there or may not be read"
        if table == _BOOKKEEPING
        else f"table {table}, which is not there"
        for table in _KEPT
        if table not in columns
    ]
    return parts


def _ids(row: Mapping[str, Any]) -> Iterator[UUID]:
    for name, value in row.items():
        if name in ("chat_id", "chat_ids"):
            yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, UUID))


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > MOST_BYTES:
        raise UsageError(f"{name} in the archive is larger than {MOST_BYTES >> 20} MB")
    return archive.read(name)


def _chunks(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(lines) if lines != [""] else 0, CHUNK):
        yield lines[start : start + CHUNK]
