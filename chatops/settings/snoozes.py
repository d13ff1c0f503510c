"""`[snooze.CODE]` of chatops.toml: findings that are silent until a day."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from datetime import date, datetime

from chatops.frozen import frozen
from chatops.settings.configuration import Configuration, table_of


@frozen
class Snooze:
    """A finding that is not to be shown until a day has come; `until` is the first day on which it is shown again."""

    code: str
    until: date
    reason: str
    schemas: tuple[str, ...] = ()
    """Patterns of the tenants that it is about; none: all of them."""

    def is_about(self, schema: str) -> bool:
        """Whether the finding is silent in a tenant's schema."""
        return not self.schemas or any(fnmatch.fnmatchcase(schema, one) for one in self.schemas)

    def holds(self, today: date) -> bool:
        """Whether the finding is still silent."""
        return today < self.until


def snoozes(configuration: Configuration) -> list[Snooze]:
    """The `[snooze.CODE]` tables."""
    found = []
    for code, table in table_of(configuration.data, "snooze").items():
        if isinstance(table, Mapping):
            until = table["until"]
            day = until.date() if isinstance(until, datetime) else until
            assert isinstance(day, date)  # the file has been checked
            found.append(Snooze(code, day, str(table.get("reason", "")), tuple(map(str, table.get("schemas", ())))))
    return found
