"""What stands in an archive for people, their words and the ids of rows: marks made with a key that is thrown away.

Equal texts and equal ids stay equal within one archive, and nothing leads back; another archive has other marks.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets
from collections.abc import Iterable, Sequence, Set
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chatops.checks.archive import BOOKKEEPING
from chatops.checks.results import Result
from chatops.model import Values

HIDDEN = frozenset({("messages", "content"), *((table, name) for table in ("operators", "real_users", "fictional_users")
                                               for name in ("name", "email"))})  # fmt: skip
ORDERED_BY = {"messages": "created_at", "chat_assignments": "assigned_at"}
"""Tables whose rows of one instant are told apart by the order of their ids, which marks keep."""
STATES = ("waiting_assignment", "assigned", "waiting_real_user_reply", "completed")
# Words of evidence that are the system's own; all others are hidden.
OWN_WORDS = frozenset({"chat_state", "object", "relation", "setting", "kind", "reader", "clock", "stuck_as", "operator_is",
                       "signature", "sqlstate", "severity", "migration", "differs", "mend", "trouble", "gone_after"})  # fmt: skip
SAID = frozenset({"so", "because"})
"""Cause and consequence, in a check's own words."""
QUOTES = frozenset({"CONF003"})
"""Checks whose `because` is what somebody wrote."""
_REASON = re.compile(r"[a-z_]+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Marks:
    """The marks of one archive."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._in_order: dict[str, str] = {}
        self._numbers: dict[str, dict[int, int]] = {}

    def rows(self, table: str, rows: Sequence[Values]) -> list[dict[str, Any]]:
        """The rows of a table as an archive holds them."""
        self._keep_order(table, rows)
        self._numbers[table] = {
            number: rank for rank, number in enumerate(sorted(row["id"] for row in rows if isinstance(row.get("id"), int)), 1)
        }
        return [self._row(table, row) for row in rows]

    def result(self, result: Result) -> dict[str, Any]:
        """What a check said, as an archive holds it."""
        own = OWN_WORDS if result.check.code in QUOTES else OWN_WORDS | SAID
        return {
            "code": result.check.code, "status": result.status, "severity": result.severity.value, "count": result.count,
            "rows": [{name: self._evidence(name, value, own) for name, value in row.items()} for row in result.rows],
            "reason": None if result.reason is None else self._unquoted(result.reason), "remedy": None,
        }  # fmt: skip

    def text(self, text: str) -> str:
        """A text's mark, as long as the text where that is long enough to tell texts apart."""
        mark = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).hexdigest()
        return mark[: max(12, min(len(text), len(mark)))]

    def id(self, text: str) -> str:
        """The mark of a row's id, an id itself."""
        whole = text.lower()
        made = hashlib.blake2b(b"id " + whole.encode(), key=self._key, digest_size=16).digest()
        return self._in_order.get(whole) or str(UUID(bytes=made, version=4))

    def _keep_order(self, table: str, rows: Sequence[Values]) -> None:
        instant = ORDERED_BY.get(table, "")
        named = [row for row in rows if _is_id(row.get("id")) and row.get(instant) is not None]

        def moment(row: Values) -> tuple[str, str]:
            return str(row.get("chat_id")), str(row[instant])

        for _, group in itertools.groupby(sorted(named, key=moment), key=moment):
            ids = sorted(str(row["id"]).lower() for row in group)
            if len(ids) > 1:
                self._in_order |= dict(zip(ids, sorted(map(self.id, ids)), strict=True))

    def _row(self, table: str, row: Values) -> dict[str, Any]:
        return {name: None if value is None else self._value(table, name, value) for name, value in row.items()}

    def _value(self, table: str, name: str, value: object) -> Any:
        if (table, name) in HIDDEN or (table == BOOKKEEPING and name in ("reason", "detail", "row_id")):
            return self.text(str(value))
        if name == "release_reason":
            return self._reason(str(value))
        if table == BOOKKEEPING and name in ("before", "after"):
            return self._moved(value)
        if name == "chat_state" and value not in STATES:
            return self.text(str(value))
        if _is_id(value):
            return self.id(str(value))
        if name in ("id", "undoes") and isinstance(value, int):
            return self._numbers[table].get(value)
        return value

    def _moved(self, row: object) -> dict[str, Any] | None:
        """Of a row as the log has it, what says where a chat was: nothing that somebody wrote."""
        chat = row.get("chat") if isinstance(row, dict) else None
        if not isinstance(chat, dict):
            return None
        state, holder = chat.get("chat_state"), chat.get("assigned_operator_id")
        kept = {"chat_state": state if state in STATES else None, "assigned_operator_id": holder and self.id(str(holder))}
        return {"chat": kept}

    def _evidence(self, name: str, value: object, own: Set[str]) -> Any:
        if isinstance(value, timedelta):
            return {"seconds": value.total_seconds()}
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, UUID) or _is_id(value):
            return self.id(str(value))
        if isinstance(value, list | tuple):
            return [self._evidence(name, item, own) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        if not isinstance(value, str):
            return str(value) if type(value).__name__ == "Decimal" else self.text(str(value))
        if name in own:
            return self._without_ids(value)
        return self._reason(value) if name.endswith("reason") else self.text(value)

    def _reason(self, text: str) -> str:
        """A release reason: its word is the application's, what follows a colon somebody wrote."""
        word, colon, rest = text.partition(":")
        if not _REASON.fullmatch(word):
            return self.text(text)
        return word + (colon + self.text(rest) if rest else colon)

    def _unquoted(self, text: str) -> str:
        return re.sub(r'"([^"]*)"', lambda found: f'"{self.text(found[1])}"', self._without_ids(text))

    def _without_ids(self, text: str) -> str:
        return _UUID.sub(lambda found: self.id(found[0]), text)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def ids_of(rows: Iterable[Values]) -> list[UUID]:
    """The chats that offending rows name."""
    named = (value for row in rows for name, value in row.items() if name in ("chat_id", "chat_ids"))
    return sorted({one for value in named for one in (value if isinstance(value, list) else [value]) if isinstance(one, UUID)})
