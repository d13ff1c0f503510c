"""Where `simulate` puts its load: a database that it creates and drops, on a server that is not production's."""

from __future__ import annotations

import contextlib
import secrets
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace

from chatops import cluster, db, local, settings
from chatops.db import Database, identifier, pools_transactions
from chatops.errors import ChatopsError, RefusedError
from chatops.flows import paste
from chatops.flows.run import Invocation
from chatops.flows.tenant_copy import drop_schema
from chatops.settings import Target


def server_for(invocation: Invocation) -> Target:
    """A database of the server to work on, from which another one can be created. Raises RefusedError for production."""

    if not invocation.db and not invocation.env:
        # Never on a server that only the environment names.
        invocation.db = ("local",)
    target = settings.resolve(invocation.options, configuration=invocation.configuration)
    beside = settings.production_beside(target) if target.embedded is None else None
    if target.production or beside is not None:
        raise RefusedError(
            f"{beside or target.name} counts as production: no load is put on its server, not even on a database of its own",
            next_steps=[("on the embedded server", "chatops simulate")],
        )
    if target.embedded is not None:
        parameters, _ = settings.parse(local.ensure_running(invocation.note), "embedded server")
        target = replace(target, parameters=parameters)
    return target


@contextlib.contextmanager
def database_of_its_own(invocation: Invocation, base: Target, *, keep: bool) -> Iterator[Target]:
    """A new empty database; dropped at the end in whatever way that comes, unless it is to be kept."""

    name = f"chatops_simulate_{secrets.token_hex(4)}"
    parameters = {**base.parameters, "dbname": name}
    schema = "" if base.schema == "public" else f" --schema {base.schema}"
    flags = f"--db '{settings.url_without_password(parameters)}'{schema}"
    target = replace(base, parameters=parameters, embedded=None, flags=flags)
    database = invocation.connect("migrate", target=base)
    if pools_transactions(database):
        raise RefusedError("these writers need sessions of their own, and a pooler in transaction mode stands before this server",
                           details=["give --db with the server's own port, or a session pooler's"])  # fmt: skip
    if in_cluster(database):
        with _schema_of_its_own(invocation, base, name, keep=keep) as target:
            yield target
        return
    database.execute(f"create database {identifier(name)} template template0")
    with _kept_or_dropped(invocation, f"database {name}", lambda: _drop(invocation, base, name), keep=keep):
        invocation.use(target)
        yield target


def in_cluster(database: Database) -> bool:
    """Whether this is the coordinator of a Citus cluster: there tenants are schemas, and a new database is on no worker."""
    if database.glance().citus is None:
        return False
    with database.reading():
        node = cluster.node_of(database)
    cluster.refuse_worker(node, "simulate")
    return node is not None and node.workers > 0


@contextlib.contextmanager
def _schema_of_its_own(invocation: Invocation, base: Target, name: str, *, keep: bool) -> Iterator[Target]:
    flags = f"--db '{settings.url_without_password(dict(base.parameters))}' --schema {name}"
    with _kept_or_dropped(invocation, f"schema {name}", lambda: drop_schema(invocation, base, name), keep=keep):
        invocation.use(replace(base, embedded=None, schema=name, flags=flags))
        yield invocation.target


@contextlib.contextmanager
def _kept_or_dropped(invocation: Invocation, what: str, drop: Callable[[], None], *, keep: bool) -> Iterator[None]:
    """However it ends, its connections are closed, and what was made is dropped, or said to be kept."""
    try:
        yield
    finally:
        invocation.close()
        if keep:
            invocation.note(f"kept: the {what}")
        else:
            drop()


def _drop(invocation: Invocation, base: Target, name: str) -> None:
    statement = f"drop database if exists {identifier(name)} with (force)"
    try:
        with db.connect(base, "simulate", "migrate") as database:
            database.execute(statement)
    except ChatopsError as error:
        drops = paste.here(base, "psql", "--write", "--", "-c", shlex.quote(f"{statement};"))
        invocation.warn(f"the database {name} is left behind ({error.message}); drop it: {drops}")
