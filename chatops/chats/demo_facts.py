"""What is remembered of a demo: the last step that makes it writes this, so that an unfinished one is seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from chatops.db import Database, json
from chatops.frozen import frozen


@frozen
class DemoFacts:
    """How a demo was made: chats, seed, whether the newest migration is in, its people in words, how many troubles."""

    size: int
    seed: int
    healed: bool
    people: str
    planted: int


def read(database: Database) -> DemoFacts | None:
    """None while the demo is not finished, or when this database is something else."""
    if not database.value("select to_regclass('chatops.settings') is not null"):
        return None
    found = database.value("select value from chatops.settings where key = 'demo'")
    return DemoFacts(**found) if isinstance(found, Mapping) else None


def write(database: Database, facts: DemoFacts) -> None:
    """Remembers it in the database itself."""
    database.execute(
        "insert into chatops.settings (target_schema, key, value, reason) "
        "values (:'schema', 'demo', :'value', 'how the demo was made') "
        "on conflict (target_schema, key) do update set value = excluded.value",
        {"schema": database.target.schema, "value": json(asdict(facts))},
    )
