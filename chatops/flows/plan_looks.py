"""What is looked for before somebody decides about files: how often what they are about was so, which roles are missing."""

from __future__ import annotations

from chatops import sqlfiles
from chatops.checks import load
from chatops.checks import run as checks
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError
from chatops.migrations.from_then_on import codes_met
from chatops.migrations.prepare import Prepared
from chatops.migrations.source import SHIPPED

LONGEST_SECONDS = 5.0


def met(database: Database, prepared: Prepared) -> dict[str, int | None]:
    """By check: what it counts now, or over the last 24 h; None where that could not be counted."""
    names = [entry.name for entry in prepared.plan.apply]
    codes = codes_met(names) if prepared.folder.source == SHIPPED and prepared.ledger.facts.has_chats else ()
    if not codes:
        return {}
    try:
        with database.reading():
            survey = checks.run(database, load.chosen(load.shipped(), codes, ()), rows=1, whole_seconds=LONGEST_SECONDS)
    except ConnectionLostError:
        raise
    except DatabaseError:
        return dict.fromkeys(codes)
    return {
        result.check.code: result.count if result.status == "failed" else 0 if result.status == "passed" else None
        for result in survey.results
    }


def missing_roles(database: Database, prepared: Prepared) -> list[str]:
    """Roles of the platform that files speak of and this server has not."""
    if prepared.folder.source != SHIPPED or not prepared.plan.apply:
        return []
    with database.reading():
        return [str(row[0]) for row in database.tuples(sqlfiles.read("queries/roles_missing.sql"))]
