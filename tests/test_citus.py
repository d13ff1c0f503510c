"""On a Citus cluster: engine, node and distribution are named, reading goes on, and what cannot work is refused by name.

Takes CHATOPS_TEST_CITUS_URL, a coordinator with two workers whose database `postgres` may be connected to as a superuser.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from chatops.cluster import CitusNode, refuse_writing
from chatops.errors import RefusedError
from tests.conftest import Result
from tests.servers import Database

CITUS = os.environ.get("CHATOPS_TEST_CITUS_URL", "")
WRITES = (
    ["migrate", "--yes"], ["repair", "CHAT003", "--dry-run"], ["release", "--idle", "--dry-run"], ["reassign", "--stuck", "1h", "--to", "auto", "--dry-run"],
)  # fmt: skip


def on_a_node(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture
def cluster_url() -> Iterator[str]:
    """A database of the test's own on every node, the coordinator's URL."""
    if not CITUS:
        pytest.skip("CHATOPS_TEST_CITUS_URL is not set")
    name = f"chatops_test_{secrets.token_hex(4)}"
    with psycopg.connect(CITUS, autocommit=True) as coordinator:
        workers = coordinator.execute(
            "select nodename, nodeport from pg_dist_node where groupid <> 0 and noderole = 'primary'"
        ).fetchall()
        parts = urlsplit(CITUS)
        user = f"{parts.username}@" if parts.username else ""
        urls = [CITUS, *(urlunsplit(parts._replace(netloc=f"{user}{host}:{port}")) for host, port in workers)]
        for url in urls:
            with psycopg.connect(url, autocommit=True) as node:
                node.execute(f"create database {name}")
            with psycopg.connect(on_a_node(url, name), autocommit=True) as node:
                node.execute("create extension citus")
        with psycopg.connect(on_a_node(CITUS, name), autocommit=True) as own:
            own.execute("select citus_set_coordinator_host(%s, %s)", (parts.hostname, parts.port))
            for host, port in workers:
                own.execute("select citus_add_node(%s, %s)", (host, port))
    try:
        yield on_a_node(CITUS, name)
    finally:
        for url in urls:
            with psycopg.connect(url, autocommit=True) as node:
                node.execute(f"drop database if exists {name} with (force)")


@pytest.mark.citus
def test_a_distributed_schema_is_named_read_and_not_written(cluster_url: str, chatops_inprocess: Callable[..., Result]) -> None:
    with psycopg.connect(cluster_url, autocommit=True) as own:
        own.execute("set citus.enable_schema_based_sharding = on")
        own.execute("create schema tenant")
    for words in WRITES:
        refused = chatops_inprocess("--schema", "tenant", *words, db=cluster_url, check=4)
        assert "schema tenant is distributed by Citus" in refused.stderr, words
        assert "coordinator of 2 workers, schema distributed" in refused.stderr
    doctor = chatops_inprocess("--schema", "tenant", "doctor", db=cluster_url)
    assert doctor.exit_code == 1
    assert "chatops only reads a distributed schema" in doctor.stdout


@pytest.mark.citus
def test_a_schema_on_the_coordinator_alone_works_and_verify_says_where_it_lies(
    cluster_url: str, chatops_inprocess: Callable[..., Result]
) -> None:
    chatops_inprocess("migrate", "--to", "latest", "--yes", db=cluster_url, check=0)
    verified = chatops_inprocess("verify", "schema", "-o", "json", db=cluster_url, check=1)
    assert '"DB021"' in verified.stdout
    assert "coordinator of 2 workers" in verified.stderr
    assert "lies on the coordinator alone" in chatops_inprocess("doctor", db=cluster_url).stdout


@pytest.mark.citus
def test_a_worker_is_no_place_to_work(cluster_url: str, chatops_inprocess: Callable[..., Result]) -> None:
    with psycopg.connect(cluster_url, autocommit=True) as own:
        row = own.execute("select nodename, nodeport from pg_dist_node where groupid <> 0 limit 1").fetchone()
    assert row is not None
    parts = urlsplit(cluster_url)
    worker = urlunsplit(parts._replace(netloc=f"{parts.username}@{row[0]}:{row[1]}"))
    refused = chatops_inprocess("migrate", "--yes", db=worker, check=4)
    assert "this is a worker of a Citus cluster" in refused.stderr
    assert ", worker" in refused.stderr


@pytest.mark.parametrize(
    ("node", "word"),
    [
        (CitusNode("13.2-1", False, 0, False, False), "worker"),
        (CitusNode("13.2-1", True, 2, True, False), "distributed"),
        (CitusNode("13.2-1", True, 2, False, True), "distributed"),
    ],
)
def test_writing_is_refused_by_what_the_node_is(node: CitusNode, word: str) -> None:
    with pytest.raises(RefusedError, match=word):
        refuse_writing(node, "migrate", "acme")


@pytest.mark.parametrize("node", [None, CitusNode("13.2-1", True, 0, False, False), CitusNode("13.2-1", True, 2, False, False)])
def test_plain_postgres_and_plain_schemas_are_written(node: CitusNode | None) -> None:
    refuse_writing(node, "migrate", "acme")


def test_without_citus_nothing_is_asked_and_nothing_is_said(
    latest_database_everywhere: Database, chatops_inprocess: Callable[..., Result]
) -> None:
    shown = chatops_inprocess("verify", "--only", "DB021", db=latest_database_everywhere, check=0)
    assert "Citus" not in shown.stderr
