"""One archive of a system as a diagnosis saw it: what somebody else needs to look again.

People and what they wrote are not in it: names, e-mails and message text become marks made with a key that is thrown away when
the archive is closed, so equal texts stay equal inside one archive and nothing leads back.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from chatops import __version__, sqlfiles
from chatops.checks.archive import BOOKKEEPING, FORMAT, KEPT, TYPES, relation
from chatops.checks.results import Result, Survey
from chatops.checks.thresholds import configured_names, known
from chatops.db import Database, identifier, literal
from chatops.errors import UsageError
from chatops.model import Values

MOST_CHATS = 20_000

"""Chats in an archive; those of the findings first, then who waits or is held, then the newest."""
MOST_EVIDENCE = 1_000

"""Offending rows of each finding whose chats are in the archive for certain."""
STATEMENT_TIMEOUT = "60s"


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

_STATES = ("waiting_assignment", "assigned", "waiting_real_user_reply", "completed")

_REASON = re.compile(r"[a-z_]+")

# Words of evidence that are the system's own; all others are hidden.
_OWN_WORDS = frozenset({"chat_state", "object", "relation", "setting", "kind", "reader", "clock", "stuck_as", "operator_is",
                        "signature", "sqlstate", "severity", "migration", "differs", "mend", "trouble"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Captured:
    """What is in an archive: chats of how many, rows by table, and what was left out, in words."""

    chats: int
    of: int
    rows: Mapping[str, int]
    left_out: tuple[str, ...]


def write(database: Database, survey: Survey, path: Path, *, most_chats: int = MOST_CHATS) -> Captured:
    """Writes the archive from the snapshot in which the survey was taken; inside that `reading` transaction.

    Raises UsageError when the file cannot be written, DatabaseError for tables that cannot be read.
    """
    key = secrets.token_bytes(32)
    # The checks set the timeout to what was left of their own time.
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
    settings = configured_names(known())
    columns = _columns(database)
    server: dict[str, dict[str, str]] = {"setting": {}, "extension": {}}
    for kind, name, value in database.tuples(sqlfiles.read("queries/capture_server.sql")):
        server[kind][name] = value
    counts: dict[str, int] = {}
    temporary = path.with_name(f".{path.name}.part")
    try:
        private = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(private, "w+b") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for table, kept in columns.items():
                names = ", ".join(identifier(name) for name, _ in kept)
                query = f"select to_jsonb(r) as line from (select {names} from {relation(table)} where {_CHOSEN[table]}) as r"
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


def _result(result: Result, key: bytes) -> dict[str, Any]:
    return {
        "code": result.check.code, "status": result.status, "severity": result.severity.value, "count": result.count,
        "rows": [{name: _evidence(name, value, key) for name, value in row.items()} for row in result.rows],
        "reason": _unquoted(result.reason, key), "remedy": None,
    }  # fmt: skip


def _evidence(name: str, value: object, key: bytes) -> Any:
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


def _without_people(table: str, row: Values, key: bytes) -> dict[str, Any]:
    made = dict(row)
    for name, value in row.items():
        if value is None:
            continue
        if (table, name) in _HIDDEN:
            made[name] = _mark(str(value), key)
        elif name == "release_reason":
            made[name] = _reason(str(value), key)
        elif table == BOOKKEEPING and name in ("reason", "detail", "row_id"):
            made[name] = _mark(str(value), key)
        elif table == BOOKKEEPING and name in ("before", "after"):
            made[name] = _moved(value)
        elif name == "chat_state" and value not in _STATES:
            made[name] = _mark(str(value), key)
    return made


def _moved(row: object) -> dict[str, Any] | None:
    """Where a chat was before or after an action, without any text that people wrote."""
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
    """A release reason: the application's word is kept, free text behind a colon becomes a mark."""
    word, colon, rest = text.partition(":")
    if not _REASON.fullmatch(word):
        return _mark(text, key)
    return word + (colon + _mark(rest, key) if rest else colon)


def _unquoted(text: str | None, key: bytes) -> str | None:
    return None if text is None else re.sub(r'"([^"]*)"', lambda found: f'"{_mark(found[1], key)}"', text)


def _columns(database: Database) -> dict[str, list[tuple[str, str]]]:
    query = sqlfiles.read("queries/capture_columns.sql")
    ours = [table for table in KEPT if table != BOOKKEEPING]
    found: dict[str, list[tuple[str, str]]] = {table: [] for table in KEPT}
    for table, name, kind in database.tuples(query, {"tables": ours, "log": BOOKKEEPING}):
        if name in KEPT[table]:
            found[table].append((name, kind if kind in TYPES else "text"))
    return {table: kept for table, kept in found.items() if kept}


def _left_out(chats: int, there: int, columns: Mapping[str, Sequence[tuple[str, str]]]) -> list[str]:
    parts = ["names, e-mails and message text (marks stand for them)", "columns that chatops does not know"]
    if chats < there:
        parts.insert(0, f"{there - chats} of {there} chats, the oldest quiet ones")
    parts += [
        "the log of actions, which is not there or may not be read"
        if table == BOOKKEEPING
        else f"table {table}, which is not there"
        for table in KEPT
        if table not in columns
    ]
    return parts


def _ids(row: Values) -> Iterator[UUID]:
    for name, value in row.items():
        if name in ("chat_id", "chat_ids"):
            yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, UUID))
