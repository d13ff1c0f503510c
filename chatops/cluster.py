"""Citus: which node of a cluster this is, whether the chats are distributed, and what chatops does not do there."""

from __future__ import annotations

from dataclasses import dataclass

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import RefusedError

ON_TENANTS = frozenset((
    "migrate", "reassign", "release", "close", "reopen", "drain", "undrain", "pause", "resume", "undo", "guard",
    "simulate", "repair", "adopt", "monitor",
))  # fmt: skip
"""Commands that write, and work on a distributed schema; the others refuse by name."""


@dataclass(frozen=True, slots=True)
class CitusNode:
    """One node of a Citus cluster, as the schema in question sees it."""

    version: str
    coordinator: bool
    workers: int
    distributed_schema: bool
    """The schema is a tenant of schema-based sharding."""
    distributed_chats: bool
    """Its table of chats lies on a worker."""
    shared_settings: bool = False
    """The settings of schema chatops are on every node."""
    in_metadata: bool = True
    """The coordinator is one of the nodes that the cluster knows of."""

    @property
    def is_distributed(self) -> bool:
        """Whether anything of the schema is distributed."""
        return self.distributed_schema or self.distributed_chats

    def takes(self, schema: str) -> bool:
        """Whether a schema is a tenant here, or becomes one when it is migrated: any but the coordinator's own."""
        return self.coordinator and (self.is_distributed or (self.workers > 0 and schema != "public"))

    @property
    def told(self) -> str:
        """Engine, node and distribution in a few words.

        >>> CitusNode("13.2-1", True, 2, True, False).told
        'Citus 13.2-1, coordinator of 2 workers, schema distributed'
        """
        workers = f"coordinator of {self.workers} worker{'' if self.workers == 1 else 's'}"
        words = [f"Citus {self.version}", workers if self.coordinator else "worker"]
        words += ["schema distributed"] if self.is_distributed else []
        return ", ".join(words)


def node_of(database: Database) -> CitusNode | None:
    """The node behind a connection, inside a transaction; None without Citus, at no cost."""
    if database.facts is None or database.facts.citus is None:
        return None
    query = sqlfiles.read("queries/citus_cluster.sql")
    return database.rows(CitusNode, query, {"schema": database.target.schema})[0]


def refuse_writing(node: CitusNode | None, command: str, schema: str) -> None:
    """Raises RefusedError where a writing command cannot work: on a worker, and where the schema is distributed."""
    if node is None:
        return
    refuse_worker(node, command)
    if node.is_distributed and command not in ON_TENANTS:
        raise RefusedError(
            f"schema {schema} is distributed by Citus {node.version}: {command} does not work there yet; nothing was changed",
            details=["Reading works as far as Citus answers. Schemas that are not distributed are plain Postgres."],
        )


def refuse_worker(node: CitusNode | None, command: str) -> None:
    """Raises RefusedError for a node that is not the coordinator."""
    if node is not None and not node.coordinator:
        raise RefusedError(
            f"this is a worker of a Citus cluster: {command} would write beside the coordinator; nothing was changed",
            next_steps=[("name the coordinator", "chatops config")],
        )
