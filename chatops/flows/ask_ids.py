"""The ids that completion offers, asked of the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chatops import db, local, names, settings, sqlfiles
from chatops.settings import Target


def rows(target: Target, kind: str, most: int) -> Sequence[Sequence[object]]:
    """The first ids of that kind, each with its state or load, and the name."""
    if target.embedded is not None:
        target = _running(target)
    with db.connect(target, "completion", "read", connect_timeout=2) as database, database.reading(statement_timeout="2s"):
        before_018 = not (database.facts and database.facts.goes_by_clocks)
        query = sqlfiles.query(f"queries/complete_{kind}.sql", before_018=before_018)
        return database.tuples(query, {"most": most})


def means_one(target: Target, words: Sequence[str]) -> list[bool]:
    """Whether each of these words means one operator alone, as every command reads it."""
    if not words:
        return []
    with db.connect(target, "completion", "read", connect_timeout=2) as database, database.reading(statement_timeout="2s"):
        return [len(word) >= names.SHORTEST_WORD and len(names.operators_like(database, word)) == 1 for word in words]


def _running(target: Target) -> Target:
    """The embedded server's address where it runs; completing starts no server."""
    if not local.status().running:
        raise LookupError("the embedded server does not run")
    parameters, _ = settings.parse(local.url(target.parameters["dbname"]), "embedded server")
    return replace(target, parameters=parameters)
