"""What decides how a session reads and shows values, pinned for our own transactions so that no role, database or environment
changes an answer.

`client_encoding` goes with the connection (it passes poolers, where `options` do not), all others with the first request of a
transaction, until its end. Files of `--dir` run under the session's own settings: these decide what their literals mean.
lc_messages is left alone (a superuser's), so errors are told apart by SQLSTATE.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.rows import TupleRow
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader

from chatops.db import encodings, odd_values
from chatops.db.texts import literal

CLIENT_ENCODING = "UTF8"

PINNED = {
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "xmloption": "content",
    "lc_numeric": "C",
    "lc_monetary": "C",
    "lc_time": "C",
    "row_security": "on",
    "quote_all_identifiers": "off",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "standard_conforming_strings": "on",
    "escape_string_warning": "on",
    "client_min_messages": "notice",
    "gin_fuzzy_search_limit": "0",
    "idle_in_transaction_session_timeout": "10min",
    "jit": "off",
}
"""Everybody may set these, on each version from 15 on. A statement of ours is asked once: compiling it would not pay."""
IF_THERE = {"restrict_nonsystem_relation_kind": "", "transaction_timeout": "0"}
"""The same for settings that only some servers know."""


def _pin(name: str, value: str, *, if_there: bool = False) -> str:
    call = f"set_config({literal(name)}, {literal(value)}, true)"
    return f"case when current_setting({literal(name)}, true) is not null then {call} end" if if_there else call


SHORTEST_MS = {"statement_timeout": 100, "transaction_timeout": 1000, "idle_session_timeout": 1000}
"""Below that a limit of the session ends a request before it is read, or the session before the next one comes."""
_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def too_short(limits: Sequence[str | None]) -> bool:
    """Whether a session cannot be worked in, by the limits that it began with, in the order of `SHORTEST_MS`.

    >>> too_short(["2ms", None, "0"]), too_short(["2min", "0", "1h"])
    (True, False)
    """
    return any(0 < _in_ms(limit) < least for limit, least in zip(limits, SHORTEST_MS.values(), strict=True))


def _in_ms(limit: str | None) -> int:
    number = re.fullmatch(r"(\d+)(\w*)", limit or "0")
    return int(number[1]) * _UNITS.get(number[2], 1) if number else 0


PINS = "select " + ", ".join(
    [
        *(f"current_setting({literal(name)}, true)" for name in SHORTEST_MS),  # as they are until the next ones are set
        *(_pin(*pair) for pair in PINNED.items()),
        *(_pin(*pair, if_there=True) for pair in IF_THERE.items()),
        # A server that knows no encoding refuses to send as UTF-8 what is none; we read its bytes as they are.
        f"case when current_setting('server_encoding') = 'SQL_ASCII' then {_pin('client_encoding', 'SQL_ASCII')} end",
    ]
)
"""One statement that tells the session's own limits, and pins all of these until the end of the transaction."""


def adapt(connection: psycopg.Connection[TupleRow]) -> None:
    """Reads values as our transactions show them, whatever the session itself would do."""
    _read_pinned_instants(connection)
    _read_as_utc(connection)
    odd_values.adapt(connection)
    encodings.adapt(connection)
    connection.adapters.register_loader("bytea", TextLoader)  # nothing of ours is bytes: a name may have become so
    _read_any_bytes(connection)


def _read_pinned_instants(connection: psycopg.Connection[TupleRow]) -> None:
    # The driver goes by what the server reported last, and a request that ends its own transaction reports the end of the pins.
    reported = connection.info.parameter_status
    if (reported("DateStyle") or "").startswith("ISO") and reported("TimeZone") == PINNED["timezone"]:
        return
    for name, loader in (("timestamptz", _PinnedTimestamptz), ("timestamp", _PinnedTimestamp), ("date", _PinnedDate)):
        connection.adapters.register_loader(name, loader)


def _read_as_utc(connection: psycopg.Connection[TupleRow]) -> None:
    """An instant stored without its zone is one of the pinned zone, as the server itself compares it."""
    oid = connection.adapters.types["timestamp"].oid
    naive: type[Any] = connection.adapters.get_loader(oid, Format.TEXT) or TimestampLoader

    class InUtc(Loader):
        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self.naive = naive(oid, context)

        def load(self, data: Buffer) -> Any:
            return self.naive.load(data).replace(tzinfo=UTC)

    connection.adapters.register_loader(oid, InUtc)


class _PinnedTimestamptz(TimestamptzLoader):
    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid)  # without a connection it reads ISO, and gives UTC

    def load(self, data: Buffer) -> datetime:
        try:  # Python itself reads the form that the pins give, in a tenth of the driver's time
            found = datetime.fromisoformat(bytes(data).decode("ascii"))
        except ValueError:
            return super().load(data)
        return found if found.tzinfo is UTC else super().load(data)


class _PinnedTimestamp(TimestampLoader):
    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid)


class _PinnedDate(DateLoader):
    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid)


def _read_any_bytes(connection: psycopg.Connection[TupleRow]) -> None:
    """Where the database knows no encoding (SQL_ASCII), bytes that are no UTF-8 are shown as `\\xff` and end no run."""
    if connection.info.parameter_status("server_encoding") != "SQL_ASCII":
        return
    for name in ("text", "varchar", "bpchar", "name"):
        connection.adapters.register_loader(name, _AnyText)
    connection.adapters.register_loader(0, _AnyText)
    set_json_loads(_json_of_any_bytes, connection)


class _AnyText(Loader):
    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "backslashreplace")


def _json_of_any_bytes(data: str | bytes) -> Any:
    return json.loads(data if isinstance(data, str) else bytes(data).decode("utf-8", _ESCAPED_TWICE))


_ESCAPED_TWICE = "chatops_escaped_twice"


def _escaped_twice(error: UnicodeError) -> tuple[str | bytes, int]:
    text, end = codecs.backslashreplace_errors(error)
    return str(text).replace("\\", "\\\\"), end  # within JSON a backslash is written as two


codecs.register_error(_ESCAPED_TWICE, _escaped_twice)
