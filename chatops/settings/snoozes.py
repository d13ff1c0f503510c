"""`[snooze.CODE]` of chatops.toml: findings that are silent until a day, or an hour of one."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from chatops.frozen import frozen
from chatops.settings.configuration import Configuration, table_of


@frozen
class Snooze:
    """A finding that is not to be shown until an instant: where that is a day, from its beginning in UTC."""

    code: str
    until: date | datetime
    reason: str
    schemas: tuple[str, ...] = ()
    """Patterns of the tenants that it is about; none: all of them."""

    def is_about(self, schema: str) -> bool:
        """Whether the finding is silent in a tenant's schema."""
        return not self.schemas or any(fnmatch.fnmatchcase(schema, one) for one in self.schemas)

    @property
    def ends(self) -> datetime:
        """When the finding is shown again."""
        if not isinstance(self.until, datetime):
            return datetime.combine(self.until, time(), UTC)
        return self.until if self.until.tzinfo else self.until.replace(tzinfo=UTC)

    def holds(self, now: datetime) -> bool:
        """Whether the finding is still silent."""
        return now < self.ends

    @property
    def told(self) -> str:
        """Until when, in words."""
        return until_in_words(self.ends)


def until_in_words(ends: datetime) -> str:
    """An instant in UTC; where a day begins, the day alone.

    >>> until_in_words(datetime(2026, 11, 27, tzinfo=UTC)), until_in_words(datetime(2026, 11, 27, 14, 30, tzinfo=UTC))
    ('2026-11-27', '2026-11-27 14:30 UTC')
    """
    then = ends.astimezone(UTC)
    return f"{then:%Y-%m-%d}" if then.time() == time() else f"{then:%Y-%m-%d %H:%M} UTC"


def snoozes(configuration: Configuration) -> list[Snooze]:
    """The `[snooze.CODE]` tables."""
    found = []
    for code, table in table_of(configuration.data, "snooze").items():
        if isinstance(table, Mapping):
            until = table["until"]
            assert isinstance(until, date)  # the file has been checked
            found.append(Snooze(code, until, str(table.get("reason", "")), tuple(map(str, table.get("schemas", ())))))
    return found
