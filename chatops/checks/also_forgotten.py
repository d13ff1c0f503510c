"""What is taken away on purpose is forgotten in the same breath: else the check of lost safeguards (DB030) would have it back."""

from __future__ import annotations

import re
from typing import Any

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import DatabaseError
from chatops.model import Values

TAKES_AWAY = frozenset({"DB019", "DB031"})
"""The checks whose statements drop what somebody put on the tables."""
_NAME = r'"(?:[^"]|"")+"|\w+'
_DROPPED = re.compile(rf"alter table ({_NAME}) drop constraint ({_NAME});|drop trigger ({_NAME}) on ({_NAME});")


def completed(database: Database, row: Values) -> dict[str, Any]:
    """A row whose statement drops constraints or triggers that chatops keeps, with what forgets them behind it."""
    remedy = str(row.get("remedy") or "")
    if not (dropped := _DROPPED.findall(remedy)):
        return dict(row)
    try:
        with database.savepoint("chatops_also_forgotten"):
            if not database.value("select pg_catalog.to_regclass('chatops.settings') is not null"):
                return dict(row)
            kept = [_forget(database, _bare(table or on), _bare(name or trigger)) for table, name, trigger, on in dropped]
    except DatabaseError:
        return dict(row)  # what is kept may not be read: nothing is told of it, then
    return {**row, "remedy": " ".join([remedy, *dict.fromkeys(one for one in kept if one)])}


def _forget(database: Database, relation: str, name: str) -> str:
    found = database.tuples(sqlfiles.body_of("mending/kept_of.sql"), {"relation": relation, "name": name})
    return str(found[0][0]) if found else ""


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
