"""The relations of a database as they were before a rehearsal: by them a rewrite is told, and what a statement has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chatops import sqlfiles
from chatops.db import Database

Row = tuple[int, int, int]
"""A relation's relfilenode, and the rows that the session has read and changed in it and not reported yet."""


class KnownRelations:
    """All relations by oid, kept from one rehearsal to the next in a database that nobody else writes.

    Then only those are read whose row in pg_class is new. `settle` comes before each, outside of a transaction; without it all
    are read.
    """

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._counted: list[int] = []
        self._since: str | None = None
        self._settled: str | None = None

    def settle(self, database: Database) -> None:
        """Makes the session report what it has counted: of what is known already the counters begin at none."""
        self._since, self._settled = self._settled, str(database.value(sqlfiles.read("queries/rehearse_settle.sql")))
        self._rows |= {oid: (self._rows[oid][0], 0, 0) for oid in self._counted}

    def read(self, database: Database) -> Mapping[int, Row]:
        """All that are there now, and some that were; inside the transaction that is to be measured."""
        since, self._since = self._since, None
        found = database.tuples(sqlfiles.read("queries/rehearse_relations.sql"), {"since": since})
        new = {oid: (relfilenode, read, changed) for oid, relfilenode, read, changed in found}
        self._counted = [oid for oid, (_, read, changed) in new.items() if read or changed]
        if since is None:
            self._rows = new
        else:
            self._rows |= new
        return self._rows


@dataclass
class SeenRelation:
    """What is known of a relation while a transaction goes on. `mode` is the strongest held, taken by the file `since`;
    `told` is the strongest that was reported for the file `file`."""

    relfilenode: int
    mode: int = -1
    since: str = ""
    file: str = ""
    told: int = -1
    read: int = 0
    changed: int = 0


class SeenRelations:
    """The relations that were there before a transaction, by oid: each as it stands once a file has touched it."""

    def __init__(self, rows: Mapping[int, Row]) -> None:
        self._rows = rows
        self._seen: dict[int, SeenRelation] = {}

    def __contains__(self, oid: object) -> bool:
        return oid in self._rows

    def get(self, oid: int) -> SeenRelation | None:
        """One of them; None for what was not there."""
        seen = self._seen.get(oid)
        if seen is None and (row := self._rows.get(oid)) is not None:
            relfilenode, read, changed = row
            seen = self._seen[oid] = SeenRelation(relfilenode, read=read, changed=changed)
        return seen

    def taken_back(self, before: Mapping[int, SeenRelation], rows: Mapping[int, Row]) -> None:
        """Those that a file touched as they were before it; what was counted for it is not counted for the next one."""
        self._rows = {oid: rows.get(oid, row) for oid, row in self._rows.items()}
        self._seen |= before
        for oid, seen in self._seen.items():
            if (row := rows.get(oid)) is not None:
                seen.relfilenode, seen.read, seen.changed = row
