"""A Citus cluster for tests: a database of the test's own on every node, a tenant in it, and people in that.

Takes CHATOPS_TEST_CITUS_URL, a coordinator with two workers whose database `postgres` may be connected to as a superuser.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
import pytest

CITUS = os.environ.get("CHATOPS_TEST_CITUS_URL", "")


@dataclass
class Cluster:
    """A database of the test's own on every node."""

    name: str
    nodes: list[tuple[str, int]]

    @property
    def url(self) -> str:
        """The coordinator's."""
        return at(CITUS, path=f"/{self.name}")

    def node_url(self, host: str, port: int) -> str:
        parts = urlsplit(CITUS)
        user = f"{parts.username}@" if parts.username else ""
        return at(self.url, netloc=f"{user}{host}:{port}")

    def connect(self, schema: str = "public") -> psycopg.Connection[tuple[object, ...]]:
        connection = psycopg.connect(self.url, autocommit=True)
        connection.execute(f"set search_path = {schema}, pg_temp")
        return connection

    def add_workers(self) -> None:
        """Until then the coordinator is a server like any other."""
        with self.connect() as own:
            for host, port in self.nodes:
                own.execute("select citus_add_node(%s, %s)", (host, port))

    def shard(self, table: str) -> tuple[str, str]:
        """The URL of the worker that a table lies on, and what it is called there."""
        with self.connect() as own:
            row = own.execute(
                "select nodename, nodeport, shard_name::text from citus_shards where table_name = %s::regclass", (table,)
            ).fetchone()
        assert row is not None
        return self.node_url(str(row[0]), int(str(row[1]))), str(row[2])

    @contextmanager
    def locked(self, table: str, mode: str) -> Iterator[tuple[str, int]]:
        """Somebody holds a lock of a table's shard, on its worker: that one's URL, and the process."""
        worker, shard = self.shard(table)
        with psycopg.connect(worker, autocommit=True) as holder:
            holder.execute("set citus.enable_manual_changes_to_shards to on")
            with holder.transaction():
                holder.execute(f"lock table {shard} in {mode} mode".encode())
                yield worker, holder.info.backend_pid


def at(url: str, **parts: str) -> str:
    return urlunsplit(urlsplit(url)._replace(**parts))


@pytest.fixture
def lone_coordinator() -> Iterator[Cluster]:
    """A cluster whose workers have not been added yet."""
    if not CITUS:
        pytest.skip("CHATOPS_TEST_CITUS_URL is not set")
    with psycopg.connect(CITUS, autocommit=True) as coordinator:
        workers = coordinator.execute(
            "select nodename, nodeport from pg_dist_node where groupid <> 0 and noderole = 'primary'"
        ).fetchall()
    cluster = Cluster(f"chatops_test_{secrets.token_hex(4)}", [(str(host), int(port)) for host, port in workers])
    parts = urlsplit(CITUS)
    urls = [cluster.url, *(cluster.node_url(*node) for node in cluster.nodes)]
    for url in urls:
        with psycopg.connect(at(url, path="/postgres"), autocommit=True) as node:
            node.execute(f"create database {cluster.name}")
        with psycopg.connect(url, autocommit=True) as node:
            node.execute("create extension citus")
    with cluster.connect() as own:
        own.execute("select citus_set_coordinator_host(%s, %s)", (parts.hostname, parts.port))
    try:
        yield cluster
    finally:
        for url in urls:
            with psycopg.connect(at(url, path="/postgres"), autocommit=True) as node:
                node.execute(f"drop database if exists {cluster.name} with (force)")


@pytest.fixture
def cluster(lone_coordinator: Cluster) -> Cluster:
    lone_coordinator.add_workers()
    return lone_coordinator


@pytest.fixture
def tenant(cluster: Cluster, chatops_inprocess: Callable[..., Any]) -> Cluster:
    """With one tenant, `acme`, migrated."""
    with cluster.connect() as own:
        own.execute("create schema acme")
    chatops_inprocess("--schema", "acme", "migrate", "--yes", db=cluster.url, check=0)
    return cluster


@pytest.fixture
def deployed_tenant(cluster: Cluster, chatops_inprocess: Callable[..., Any]) -> Cluster:
    """With one tenant, `acme`, as the deployed system is."""
    with cluster.connect() as own:
        own.execute("create schema acme")
    chatops_inprocess("--schema", "acme", "migrate", "--to", "017", "--yes", db=cluster.url, check=0)
    return cluster


def people(own: psycopg.Connection[tuple[object, ...]], chats: int = 3) -> tuple[list[UUID], list[UUID]]:
    """Operators who are there, and chats whose users have written."""
    own.execute("insert into operators (name, is_active, is_available, last_activity) select 'operator ' || n, true, true, now()"
                " from generate_series(1, 3) as n")  # fmt: skip
    own.execute("insert into real_users (name) select 'user ' || n from generate_series(1, %s) as n", (chats,))
    own.execute("insert into fictional_users (name) values ('profile')")
    own.execute("insert into chats (real_user_id, fictional_user_id, chat_state)"
                " select r.id, f.id, 'waiting_assignment' from real_users as r, fictional_users as f")  # fmt: skip
    own.execute("insert into messages (chat_id, sender_type, content) select id, 'real', 'hello' from chats")
    operators = [UUID(str(one)) for (one,) in own.execute("select id from operators order by name").fetchall()]
    return operators, [
        UUID(str(one))
        for (one,) in own.execute("select id from chats order by to_jsonb(chats) ->> 'waiting_since', id").fetchall()
    ]


def value(own: psycopg.Connection[tuple[object, ...]], text: str, *parameters: object) -> object:
    row = own.execute(text, parameters).fetchone()
    return row[0] if row is not None else None
