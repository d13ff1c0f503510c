"""Runs the repair that lies beside a check: in batches, each its own transaction, each changed row logged."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from chatops import sqlfiles
from chatops.checks import load
from chatops.checks.thresholds import Threshold
from chatops.db import Database
from chatops.errors import RefusedError

BATCH = 500
"""Rows of one transaction: their locks are held well under 200 ms."""
PREVIEW = 20
SCAN_TIMEOUT = "120s"
_AUDIT = "chatops.actions"


@dataclass(frozen=True, slots=True)
class Change:
    """One changed row. `row_id` names it where it is not the chat itself; None for before: it was made, for after: removed."""

    id: int
    code: str
    chat_id: UUID | None
    operator_id: UUID | None
    row_id: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    @property
    def what(self) -> str:
        """The difference in words, as `column: old → new`.

        >>> Change(1, "CHAT003", None, None, None, {"chat_state": None, "n": 1}, {"chat_state": "assigned", "n": 1}).what
        'chat_state: none → assigned'
        """
        row = f"{self.row_id.partition(' ')[0]}: " if self.row_id else ""
        if self.after is None:
            return f"{row}removed"
        if self.before is None:
            return f"{row}added"
        pairs = [_pair(key, self.before.get(key), value) for key, value in self.after.items() if self.before.get(key) != value]
        return row + (", ".join(pairs) or "nothing")


@dataclass(frozen=True, slots=True)
class Mended:
    """What one repair did, or would do: offending rows mended, the first changes, and how many batches that took."""

    code: str
    mended: int
    changes: tuple[Change, ...]
    batches: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Repair:
    """How to repair: on which chat (None: all), with or without the audit, and what the audit says of who and why."""

    chat_id: UUID | None
    audit: bool
    annotations: Mapping[str, str | None]
    thresholds: Mapping[str, Threshold]


@cache
def shipped() -> tuple[str, ...]:
    """The codes that have a repair, in the order in which they are mended: by the heads of their checks."""
    order = {check.code: check.repair_order for check in load.shipped() if check.repair_order is not None}
    return tuple(sorted(order, key=lambda code: (order[code], code)))


def in_order(codes: Iterable[str]) -> list[str]:
    """The given codes in the order in which they are mended."""
    return sorted(codes, key=shipped().index)


@cache
def asks_for(code: str) -> frozenset[str]:
    """The limits that a repair asks its session for, as `chatops.NAME`."""
    text = sqlfiles.read(f"repairs/{code}.sql")
    return frozenset(name for name in load.limits() if f"'chatops.{name}'" in text)


def limits_of(code: str, thresholds: Mapping[str, Threshold]) -> dict[str, str]:
    """What a repair must be told of the thresholds, by setting."""
    return {f"chatops.{name}": thresholds[name].text for name in sorted(asks_for(code)) if name in thresholds}


def preview(database: Database, code: str, repair: Repair, *, rows: int = PREVIEW) -> Mended:
    """Runs one batch of at most `rows` for real and rolls it back."""
    started = time.monotonic()
    mended, changes = _batch(database, code, repair, size=rows, rollback=True, keep=rows)
    return Mended(code, mended, tuple(changes), 1, time.monotonic() - started)


def mend(
    database: Database, code: str, repair: Repair, *, keep: int = PREVIEW, progress: Callable[[str, int], None] | None = None
) -> Mended:
    """Repeats the repair, each batch its own transaction, until it finds nothing more that nobody else has locked."""
    started = time.monotonic()
    kept: list[Change] = []
    mended = batches = 0
    while True:
        found, changes = _batch(database, code, repair, size=BATCH, rollback=False, keep=keep - len(kept))
        if not found:
            break
        mended, batches = mended + found, batches + 1
        kept += changes
        if progress is not None:
            progress(code, mended)
    return Mended(code, mended, tuple(kept), batches, time.monotonic() - started)


def without_audit(text: str) -> str:
    """The text of a repair, or of what reads its changes, with a temporary table in place of the audit."""
    if _AUDIT not in text:
        raise RefusedError("a repair that does not log its changes cannot run without the audit")
    return sqlfiles.without_log(text)


def _batch(
    database: Database, code: str, repair: Repair, *, size: int, rollback: bool, keep: int
) -> tuple[int, Sequence[Change]]:
    text = sqlfiles.read(f"repairs/{code}.sql")
    changes_query = sqlfiles.read("queries/repair_changes.sql")
    with database.acting(statement_timeout=SCAN_TIMEOUT, rollback=rollback):
        if not repair.audit:
            text, changes_query = without_audit(text), without_audit(changes_query)
            database.execute(sqlfiles.read("queries/repair_standin.sql"))
        limits = limits_of(code, repair.thresholds)
        database.annotate(
            {
                **repair.annotations,
                **limits,
                "chatops.batch_size": str(size),
                "chatops.only_chat": str(repair.chat_id) if repair.chat_id else None,
                # Guards tell a repair from a legacy write by it; without guards nobody reads it.
                "chatops.write": "function",
            }
        )
        log = _AUDIT if repair.audit else sqlfiles.without_log(_AUDIT)
        newest = database.value(f"select coalesce(max(id), 0) from {log}") if keep > 0 else 0
        mended = int(database.value(text))
        changes = database.rows(Change, changes_query, {"after": newest, "rows": keep}) if keep > 0 and mended else []
    return mended, changes


def _pair(key: str, old: Any, new: Any) -> str:
    if _short(old) == _short(new):
        return f"{key}: {json.dumps(old)} → {json.dumps(new)}"
    return f"{key}: {_short(old)} → {_short(new)}"


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = str(value)
    # Ids and instants at a length that still tells them apart.
    return text[:8] if len(text) == 36 and text.count("-") == 4 else text[:19] if "T" in text[10:11] else text
