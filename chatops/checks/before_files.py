"""What was wrong right before files went in: kept in the database by `migrate`, so that `verify` can tell what came with them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import datetime

from chatops import cluster_log, sqlfiles
from chatops.checks import load, run
from chatops.checks.compare_looks import Earlier, Was
from chatops.checks.results import Survey
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError

KEY = "before_files"
ORIGIN = "chatops migrate"
LONGEST_SECONDS = 5.0
"""So long somebody who has said yes waits for the look; what it did not reach is not told."""
GROUPS = ("schema", "data")


def look(database: Database) -> Survey | None:
    """What `verify` would ask, over all the history that it asks by itself; None where it could not be looked at."""
    checks = [check for check in load.shipped() if check.group in GROUPS]
    try:
        with database.reading():
            return run.run(database, checks, rows=1, whole_seconds=LONGEST_SECONDS)
    except ConnectionLostError:
        raise
    except DatabaseError:
        return None


def keep(database: Database, survey: Survey, figures: Sequence[tuple[str, str]] = ()) -> None:
    """Writes it down, with the `figures` that the plan said will change; where this role may not, nothing is kept."""
    told = {
        "at": survey.now.isoformat(),
        "found": {
            result.check.code: {"word": result.severity.value, "count": result.count}
            for result in survey.results if result.status == "failed"
        },
        "passed": [result.check.code for result in survey.results if result.status == "passed"],
        "figures": [list(one) for one in figures],
    }  # fmt: skip
    with contextlib.suppress(DatabaseError), database.acting():
        text, parameters = (
            sqlfiles.read("queries/before_files_keep.sql"),
            {"schema": database.target.schema, "value": json.dumps(told)},
        )
        if (database.facts or database.glance()).citus is not None:
            cluster_log.keep(database, text, parameters)
        else:
            database.execute(text, parameters)


def kept(database: Database, migrated_at: datetime | None) -> Earlier | None:
    """What is written down, inside `reading`; None where nothing is, or it cannot be read.

    Where files went in since, nobody knows whether what was well then was so when they did.
    """
    if database.facts is None or not database.facts.has_bookkeeping:
        return None
    try:
        with database.savepoint("chatops_before"):
            found = database.tuples(sqlfiles.read("queries/before_files.sql"), {"schema": database.target.schema})
        if not found or migrated_at is None:
            return None
        told, newest = json.loads(found[0][0]), found[0][1] >= migrated_at
        looked = {code: Was(str(one["word"]), int(one["count"])) for code, one in told["found"].items()}
        return Earlier(datetime.fromisoformat(told["at"]), ORIGIN, looked, frozenset(told["passed"] if newest else ()))
    except ConnectionLostError:
        raise
    except (DatabaseError, ValueError, KeyError, TypeError, AttributeError):
        return None


def figures(database: Database, applied_at: datetime) -> list[tuple[str, str]]:
    """The figures that changed with the newest run, as its plan said, inside `reading`; none where nothing is kept."""
    if database.facts is None or not database.facts.has_bookkeeping:
        return []
    try:
        with database.savepoint("chatops_figures"):
            found = database.tuples(sqlfiles.read("queries/before_files.sql"), {"schema": database.target.schema})
        if not found or found[0][1] < applied_at:
            return []
        return [(str(reader), str(told)) for reader, told in json.loads(found[0][0]).get("figures", ())]
    except ConnectionLostError:
        raise
    except (DatabaseError, ValueError, TypeError, AttributeError):
        return []
