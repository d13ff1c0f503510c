"""Citus: which node of a cluster this is, how the chats lie on it, and where chatops does not work."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatops import db, formatting, sqlfiles
from chatops.db import Database
from chatops.errors import RefusedError, UnreachableError
from chatops.frozen import frozen

_TAKES_SHARDS = (
    "select citus_set_node_property(nodename, nodeport, 'shouldhaveshards', true) from pg_dist_node where groupid = 0;"
)


@frozen
class CitusNode:
    """One node of a Citus cluster, as the schema in question sees it."""

    version: str
    coordinator: bool
    workers: int
    distributed_schema: bool
    """The schema is a tenant of schema-based sharding."""
    otherwise: Sequence[str] = ()
    """Tables that are distributed by a column, or copied to every node, each with how."""
    on_one_shard: Sequence[str] = ()
    here: Sequence[str] = ()
    """Tables of the coordinator alone."""
    shared_settings: bool = False
    """The settings of schema chatops are on every node."""
    in_metadata: bool = True
    """The coordinator is one of the nodes that the cluster knows of."""
    has_room: bool = True
    """Some node takes shards."""
    needs_quotes: bool = False
    """The schema's name is written in double quotes."""
    role_known: bool = True
    """What this role owns can be made on every node: it is a superuser, or the cluster has made it there."""
    out_of_step: Sequence[str] = ()
    """Workers that are not told what the coordinator knows."""

    @property
    def is_distributed(self) -> bool:
        """Whether anything of the schema is distributed."""
        return self.distributed_schema or bool(self.otherwise or self.on_one_shard)

    @property
    def trouble(self) -> str | None:
        """Why a schema can be neither a tenant nor plain as it lies; None where it is one of both."""
        if self.otherwise:
            return f"is distributed table by table ({', '.join(self.otherwise)}), not as one schema"
        if self.distributed_schema and self.here:
            return f"is distributed in part: {', '.join(self.here)} on the coordinator alone"
        if self.on_one_shard and not self.distributed_schema:
            return f"is no tenant, though tables of it are distributed: {', '.join(self.on_one_shard)}"
        return None

    def takes(self, schema: str) -> bool:
        """Whether a schema is a tenant here, or becomes one when it is migrated: any but the coordinator's own."""
        return self.coordinator and (self.is_distributed or (self.workers > 0 and schema != "public"))

    @property
    def told(self) -> str:
        """Engine, node and distribution in a few words.

        >>> CitusNode("13.2-1", True, 2, True).told
        'Citus 13.2-1, coordinator of 2 workers, schema distributed'
        """
        workers = f"coordinator of {self.workers} worker{'' if self.workers == 1 else 's'}"
        words = [f"Citus {self.version}", workers if self.coordinator else "worker"]
        words += ["schema distributed"] if self.distributed_schema else ["tables distributed"] if self.is_distributed else []
        return ", ".join(words)


def node_of(database: Database) -> CitusNode | None:
    """The node behind a connection, inside a transaction; None without Citus, at no cost."""
    if database.facts is None or database.facts.citus is None:
        return None
    query = sqlfiles.read("queries/citus_cluster.sql")
    return database.rows(CitusNode, query, {"schema": database.target.schema})[0]


def stay(database: Database) -> None:
    """Keeps a tenant on its node until the transaction ends: what is locked and read there is written there, too."""
    if database.facts is None or not database.facts.distributed:
        return
    if not database.tuples(sqlfiles.read("queries/citus_stay.sql")):
        # The lock itself is for the tables' owner. Others get it with a write, of no row.
        database.execute("update chats set updated_at = updated_at where id = '00000000-0000-0000-0000-000000000000'")


def refuse_writing(node: CitusNode | None, command: str, schema: str) -> None:
    """Raises RefusedError where a writing command cannot work: on a worker, and where a schema is a tenant by halves."""
    refuse_worker(node, command)
    if node is None or node.trouble is None:
        return
    raise RefusedError(
        f"schema {formatting.visible(schema)} {node.trouble}: {command} does not work there; nothing was changed",
        details=["Chatops takes schemas that are distributed whole, and plain ones; migrate distributes a plain one."],
        next_steps=_ways_out(node, schema),
    )


def _ways_out(node: CitusNode, schema: str) -> list[tuple[str, str]]:
    """The SQL by which a schema becomes whole: what is here goes to the rest, or what is elsewhere comes back."""
    named = db.identifier(schema)
    if node.distributed_schema:
        aside = db.identifier(f"{schema}_aside")
        moves = [
            f"alter table {named}.{one} set schema {aside}; alter table {aside}.{one} set schema {named};" for one in node.here
        ]
        return [("to where the rest is (SQL)", " ".join((f"create schema {aside};", *moves, f"drop schema {aside};")))]
    away = (*(one.split(" ")[0] for one in node.otherwise), *node.on_one_shard)
    back = f"select undistribute_table({db.literal(f'{named}.{away[0]}')}, cascade_via_foreign_keys => true);"
    return [("back to the coordinator, one by one (SQL)", back)]


def refuse_worker(node: CitusNode | None, command: str) -> None:
    """Raises RefusedError for a node that is not the coordinator."""
    if node is not None and not node.coordinator:
        raise RefusedError(
            f"this is a worker of a Citus cluster: {command} works on the coordinator; nothing was changed",
            details=["The ledger and the log are the coordinator's, and what is written here is written beside it."],
            next_steps=[("name the coordinator", "chatops config")],
        )


def refuse_odd_name(node: CitusNode, schema: str) -> None:
    """Raises RefusedError for a tenant whose name Citus spells wrongly where it passes on who may call a function."""
    if node.needs_quotes:
        plain = re.sub(r"[^a-z0-9_]+", "_", schema.lower()).strip("_") or "tenant"
        plain = f"tenant_{plain}" if plain == schema.lower() or plain[0].isdigit() else plain
        raise RefusedError(
            f"Citus {node.version} passes on grants without quotes, which the name {db.identifier(formatting.visible(schema))}"
            " needs: it cannot be a tenant; nothing was changed",
            next_steps=[("another name (SQL)", f"alter schema {db.identifier(schema)} rename to {plain};")],
        )


def refuse_unknown_role(node: CitusNode, role: str) -> None:
    """Raises RefusedError for a role that was made node by node: Citus makes it once more there, which takes a superuser."""
    if not (node.role_known or node.shared_settings):
        owner = db.identifier(role)
        known = (
            f"create schema chatops authorization {owner}; create table chatops.known (one int primary key);"
            f" alter table chatops.known owner to {owner}; select create_reference_table('chatops.known');"
            " drop table chatops.known;"
        )
        raise RefusedError(
            f"the cluster does not know the role {formatting.visible(role)}: what all tenants share cannot be its own;"
            " nothing was changed",
            details=["A role that is made on the coordinator, in this database, is made on every node."],
            next_steps=[("let a superuser make it known (SQL)", known)],
        )


def refuse_absent_workers(database: Database, node: CitusNode) -> None:
    """Raises RefusedError where no node takes shards, or one is not told what the coordinator knows; UnreachableError where one
    does not answer. Inside a transaction."""
    if not node.has_room:
        raise RefusedError(
            "no node of the cluster takes shards: a tenant would lie nowhere; nothing was changed",
            next_steps=[("let the coordinator (SQL)", _TAKES_SHARDS)],
        )
    if node.out_of_step:
        place = node.out_of_step[0].rpartition(":")
        raise RefusedError(
            f"{_workers(node.out_of_step)} not told what the coordinator knows; nothing was changed",
            next_steps=[("tell it (SQL)", f"select start_metadata_sync_to_node({db.literal(place[0])}, {place[2]});")],
        )
    if absent := absent_workers(database):
        raise UnreachableError(
            f"the coordinator does not reach {', '.join(absent)}; nothing was changed",
            details=["What every node has to hold is not made while one of them is away."],
        )


def absent_workers(database: Database) -> dict[str, bool]:
    """The workers that the coordinator does not reach, each with whether tables of the schema lie there."""
    asked = {"schema": database.target.schema}
    return {str(name): bool(holds) for name, holds in database.tuples(sqlfiles.read("queries/citus_absent_workers.sql"), asked)}


def _workers(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
