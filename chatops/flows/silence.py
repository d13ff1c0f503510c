"""Who counts as silent: on shift, and not heard of for longer than the limit of OPER003."""

from __future__ import annotations

from datetime import datetime, timedelta

from chatops import sqlfiles
from chatops.checks.limits import declared
from chatops.db import Database

LIMIT, LIMIT_OF = "silent_minutes", "checks/OPER003.sql"


def silent_before(database: Database) -> datetime | None:
    """Whoever was not heard of since then is silent. Inside or after a transaction."""
    if (minutes := database.target.thresholds.get(LIMIT)) is None:  # from the one check that declares it, not from all
        minutes = declared(sqlfiles.header(sqlfiles.read(LIMIT_OF))["limit"]).default
    return database.facts.now - timedelta(minutes=minutes) if database.facts is not None else None
