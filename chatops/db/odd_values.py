"""What the database can hold and Python cannot: `infinity`, the year 40000, BC. One such row blinds nobody."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.abc import Loader as AnyLoader
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.rows import TupleRow


class OddInstant(datetime):
    """The last or first instant of Python's calendar, in place of one beyond it; `text` is what the database says."""

    text: str = ""

    @classmethod
    def of(cls, text: str) -> OddInstant:
        """Before everything or after everything, as the text says."""
        early = text.startswith("-") or text.endswith("BC")
        end = datetime.min if early else datetime.max
        made = cls(end.year, end.month, end.day, end.hour, end.minute, end.second, end.microsecond, UTC)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.isoformat(" ")

    def __copy__(self) -> OddInstant:
        return self

    def __deepcopy__(self, memo: object) -> OddInstant:
        return self

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        """What the database says: no calendar of ours has it."""
        # What is reckoned from it has no text.
        return self.text or super().isoformat(sep, timespec)

    def astimezone(self, tz: tzinfo | None = None) -> OddInstant:
        """Itself: beyond the calendar there are no zones."""
        return self


def adapt(connection: psycopg.Connection[TupleRow]) -> None:
    """Lets the connection read them; whatever else was set up for these types stays in front."""
    for name in ("timestamptz", "timestamp", "date", "interval"):
        oid = connection.adapters.types[name].oid
        if (inner := connection.adapters.get_loader(oid, Format.TEXT)) is not None:
            connection.adapters.register_loader(oid, _tolerant(name, inner))


def _tolerant(name: str, inner: type[AnyLoader]) -> type[Loader]:
    class Tolerant(Loader):
        """Reads as the inner loader does; what that cannot read as what lies beyond the calendar."""

        def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
            super().__init__(oid, context)
            self.inner = inner(oid, context)

        def load(self, data: Buffer) -> Any:
            try:
                return self.inner.load(data)
            except (psycopg.DataError, OverflowError):
                return _odd(name, bytes(data).decode("ascii", "backslashreplace"))

    return Tolerant


def _odd(name: str, text: str) -> object:
    if name == "interval":
        return timedelta.min if text.startswith("-") else timedelta.max
    if name == "date":
        return date.min if text.startswith("-") or text.endswith("BC") else date.max
    return OddInstant.of(text)
