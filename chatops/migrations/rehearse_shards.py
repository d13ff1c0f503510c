"""What a rehearsal sees of the node that a Citus tenant lies on: there its shards are locked, read and changed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from chatops import sqlfiles
from chatops.db import Database, Ran, identifier
from chatops.migrations.distribution import DISTRIBUTION, distributing_texts
from chatops.migrations.known_relations import KnownRelations, Row
from chatops.migrations.prepare import Prepared
from chatops.migrations.rehearsal import Blocking, RehearsedFile, RehearsedStatement, TakenLock
from chatops.migrations.transaction import Part, Transaction

STATEMENT = "select citus_schema_distribute"
_ASK = "select {schema}.chatops_rehearsal({all}) from (select pg_catalog.count(*) from {schema}.chatops_rehearsal) as there"


class Shards:
    """The shards of a tenant; of a plain schema there are none, and nothing is asked for them."""

    def __init__(self, database: Database, prepared: Prepared) -> None:
        self.database = database
        self.prepared = prepared
        self.schema = identifier(database.target.schema)

    @property
    def looks(self) -> Sequence[str]:
        """The queries by which the transaction looks at itself, here and there; none: the one of any server."""
        if not self.prepared.tenant:
            return ()
        return (_text("rehearse_state"), _ASK.format(schema=self.schema, all="false"))

    def begun(self) -> list[str]:
        """The statements after which that can be asked."""
        if not self.prepared.tenant:
            return []
        made = sqlfiles.body(sqlfiles.read("queries/citus_rehearse_shards.sql"))
        table, _, function = made.partition(";")
        return [table.strip(), function.strip()]

    def relations(self, known: KnownRelations) -> Mapping[int, Row]:
        """Every table, view and index. Those of a worker have negative numbers."""
        found = known.read(self.database)
        if self.prepared.tenant:
            there = json.loads(self.database.value(_ASK.format(schema=self.schema, all="true")))
            return {**found, **{one["oid"]: (one["relfilenode"], one["read"], one["changed"]) for one in there}}
        return found

    def distributed(self, max_hold: float | None) -> RehearsedFile | None:
        """Makes the schema a tenant inside the open transaction, where migrate would: who would wait, and how long.

        None where it is one. Raises DatabaseError; 57014 when it took longer than locks may be held.
        """
        node = self.prepared.node
        if node is None or not self.prepared.distributes:
            return None
        known = KnownRelations().read(self.database)
        texts = distributing_texts(self.prepared.folder, self.prepared.ledger, node, self.database.target.schema)
        limit = int(1000 * (max_hold or 0))
        started = time.monotonic()
        ran = sent(self.database, [f"set local statement_timeout = {limit}", *texts, "set local statement_timeout = 0"])
        seconds = time.monotonic() - started
        if ran.error is not None:
            raise ran.error
        held = json.loads(self.database.value(_text("rehearse_state")) or "[]")
        names = sorted(
            one["name"] for one in held
            if one["oid"] in known and one["kind"] in ("r", "p") and "AccessExclusiveLock" in one["modes"]
        )  # fmt: skip
        locks = tuple(TakenLock(name, "ACCESS EXCLUSIVE") for name in names)
        step = RehearsedStatement(DISTRIBUTION, 1, STATEMENT, seconds, locks)
        blocking = tuple(Blocking(name, "every read and write", seconds) for name in names)
        return RehearsedFile(DISTRIBUTION, "rehearsed", (step,), blocking)


def sent(database: Database, texts: Sequence[str], *, apart: bool = True) -> Ran:
    """Statements, one at a time for a cluster; how far they came."""
    return Transaction(tuple(Part(text.rstrip().removesuffix(";")) for text in texts), apart=apart).sent_by(database)


def _text(name: str) -> str:
    return sqlfiles.read(f"queries/{name}.sql").rstrip().removesuffix(";")
