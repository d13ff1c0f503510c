"""Which roles will not be able to do what they can do now, once the pending files are in; and the grants that keep it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from chatops import cluster_log, sqlfiles
from chatops.db import Database, identifier, inlined
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.migrations.prepare import Prepared
from chatops.migrations.source import SHIPPED

CLOSES = "027_privileges"
"""The file that takes from everybody what only those may call who are granted it: assigning and releasing."""
ADDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "018_queue_clocks": {
        "chats": ("waiting_since", "state_since", "epoch", "releases_without_reply", "closed_reason"),
        "chat_assignments": ("waiting_since", "queued_since", "announced_reason", "announced_at"),
    }
}
"""Columns that a file adds to the application's tables."""
LOST = "queries/lost_rights.sql"
AT_ONCE = 50
"""So many tenants are asked about in one round trip."""
READING = ("get_assignment_queue_status", "detect_stuck_chats")


@frozen
class Loss:
    """What of a role's goes: `kind` is execute (of a function), read (what a function reads as its caller) or columns."""

    role: str
    quoted: str
    logs_in: bool
    members: Sequence[str]
    writes: bool
    kind: str
    object: str
    name: str
    relation: str | None
    columns: Sequence[str] | None


@frozen
class RoleLoses:
    """A role that works on the chats, what it may not do any more, and the statements that keep or give it that."""

    role: str
    logs_in: bool
    members: Sequence[str]
    writes: bool
    calls: Sequence[str]
    """Functions that it may call now, because everybody may, and not after 027."""
    reads: Sequence[str]
    """Functions that read columns, once the views are in, which it was not granted."""
    tables: Sequence[str]
    """Tables of which it was granted each column by name, but not those that come."""
    first: str | None
    """The grant that has to be there before the files are, so that nothing is refused for a moment."""
    afterwards: str | None
    """The grant that is about what the files make."""

    @property
    def grants(self) -> tuple[str, ...]:
        """All of it."""
        return tuple(filter(None, (self.first, self.afterwards)))


def lost_rights(database: Database, prepared: Prepared) -> list[RoleLoses]:
    """What the files and views that are about to be applied take from whom, those who write first; [] where nothing is taken."""
    if (parameters := _takes(prepared)) is None:
        return []
    with database.reading():
        return _by_role(database.rows(Loss, sqlfiles.query(LOST), parameters))


def lost_in_many(database: Database, tenants: Sequence[tuple[str, Prepared]]) -> list[list[RoleLoses]]:
    """The same for many schemas of one database, each with what is prepared for it: a round trip for many of them."""
    found: list[list[RoleLoses]] = [[] for _ in tenants]
    asked = [(at, schema, takes) for at, (schema, prepared) in enumerate(tenants) if (takes := _takes(prepared)) is not None]
    text = sqlfiles.query(LOST)
    for begin in range(0, len(asked), AT_ONCE):
        some = asked[begin : begin + AT_ONCE]
        request = [
            f"set local search_path = {identifier(schema)}, pg_temp;\n"
            f"select coalesce(pg_catalog.jsonb_agg(lost), '[]')::text from (\n{inlined(text, takes)}\n) as lost"
            for _, schema, takes in some
        ]
        with database.reading():
            answers = database.script(";\n".join(request))
        for (at, _, _), rows in zip(some, answers, strict=True):
            found[at] = _by_role([Loss(**row) for row in json.loads(str(rows[0][0]))])
    return found


def _takes(prepared: Prepared) -> dict[str, object] | None:
    """What the pending files take, as the query wants it; None where that is nothing."""
    if prepared.plan.source != SHIPPED or not prepared.ledger.facts.has_chats:
        return None
    names = {entry.name for entry in prepared.plan.apply}
    columns = {table: list(added) for file in names & ADDS.keys() for table, added in ADDS[file].items()}
    views = any(view.name in READING for view in prepared.views)
    if not (CLOSES in names or columns or views):
        return None
    return {"closes": CLOSES in names, "views": views, "columns": json.dumps(columns)}


def _by_role(rows: Sequence[Loss]) -> list[RoleLoses]:
    return [_of_role(list(of_one)) for _, of_one in groupby(rows, key=lambda row: row.role)]


def still_lost(database: Database, losses: Sequence[RoleLoses]) -> list[RoleLoses]:
    """What of it is so now that the files are in, for somebody may have granted it meanwhile; kept, so that DB030 misses it.

    Only what roles that write the chats called: whoever only reads them was told of, and may do without.
    """
    asked = [{"role": one.role, "name": name} for one in losses for name in one.calls]
    if not asked:
        return list(losses)
    with database.reading():
        rows = database.tuples(sqlfiles.read("queries/lost_rights_left.sql"), {"calls": json.dumps(asked)})
    left = {(role, name) for role, name, _, _ in rows}
    writes = {one.role for one in losses if one.writes}
    _keep(database, [{"role": role, "call": call, "alone": alone} for role, _, call, alone in rows if role in writes])
    found = []
    for one in losses:
        calls = tuple(name for name in one.calls if (one.role, name) in left)
        if calls or one.reads or one.tables:
            found.append(replace(one, calls=calls, first=one.first if calls else None))
    return found


def _keep(database: Database, lost: Sequence[Mapping[str, object]]) -> None:
    """Where this role may not, nothing is kept, and nothing is missed."""
    if not lost:
        return
    text, parameters = sqlfiles.read("queries/lost_rights_keep.sql"), {"lost": json.dumps(lost)}
    with contextlib.suppress(DatabaseError), database.acting():
        if (database.facts or database.glance()).citus is not None:
            cluster_log.keep(database, text, parameters)
        else:
            database.execute(text, parameters)


def _of_role(rows: Sequence[Loss]) -> RoleLoses:
    one = rows[0]
    calls = [row.object for row in rows if row.kind == "execute"]
    wanted: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.relation is not None:
            wanted.setdefault(row.relation, {}).update(dict.fromkeys(row.columns or ()))
    grants = [f"grant select ({', '.join(names)}) on {relation} to {one.quoted};" for relation, names in wanted.items()]
    return RoleLoses(
        one.role, one.logs_in, one.members, one.writes,
        calls=_names(row.name for row in rows if row.kind == "execute"),
        reads=_names(row.name for row in rows if row.kind == "read"),
        tables=_names(row.name for row in rows if row.kind == "columns"),
        first=f"grant execute on function {', '.join(calls)} to {one.quoted};" if calls else None,
        afterwards=" ".join(grants) or None,
    )  # fmt: skip


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
