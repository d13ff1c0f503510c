"""Command lines that stand in chatops.toml: the code step of `deploy`, what runs beside `monitor`."""

from __future__ import annotations

from chatops import settings
from chatops.settings import Configuration


def configured_commands(configuration: Configuration, table: str, key: str = "commands") -> tuple[str, ...]:
    """`[table] key` of chatops.toml, () when it is not there."""
    found = settings.table_of(configuration.data, table).get(key, ())
    return tuple(str(line) for line in found) if isinstance(found, list | tuple) else ()
