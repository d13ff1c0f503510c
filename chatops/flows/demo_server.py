"""The embedded server as the demo uses it: its own database there, one maker at a time, and what else lies on it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from chatops import db, local, settings
from chatops.db import Database
from chatops.errors import ConflictError
from chatops.flows.run import Invocation

PATIENCE_S = 600.0
ALONE = 0x64656D6F  # "demo"


@contextlib.contextmanager
def alone(invocation: Invocation) -> Iterator[None]:
    """One demo is made at a time. Raises ConflictError when another one takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    told = False
    with maintenance(invocation.note) as database:
        while not database.value(f"select pg_try_advisory_lock({ALONE})"):
            if not told:
                invocation.note("another chatops demo is at work; waiting for it")
                told = True
            if time.monotonic() > deadline:
                raise ConflictError("another chatops demo is still at work")
            time.sleep(0.2)
        yield


def maintenance(say: Callable[[str], None] | None = None) -> Database:
    """A connection to the server itself; it is started for that."""
    return connected(local.ensure_running(say))


def connected(url: str) -> Database:
    """A connection to one of its databases."""
    parameters, _ = settings.parse(url, "embedded server")
    return db.connect(settings.Target(parameters=parameters, origin="demo", production=False), "demo", "migrate")


def database_name() -> str:
    """The demo's database."""
    return settings.resolve(settings.Options(("demo",))).parameters["dbname"]


def of_the_machine() -> bool:
    """Whether it is a superuser's, which lies in no folder of one person's: others of the machine may use it."""
    return str(local.status().data).startswith("/var/")


def sessions_beside(database: Database) -> int:
    """How many other sessions are in this database."""
    asked = (
        "select pg_catalog.count(*) from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid() and backend_type = 'client backend'"
    )
    return int(database.value(asked))


def used_databases() -> list[str]:
    """The other databases of the embedded server that hold anything of anybody's."""
    kept = []
    with maintenance() as database:
        names = [row[0] for row in database.tuples("select datname from pg_database where datallowconn and not datistemplate")]
    for name in names:
        if name == "postgres":
            continue
        with connected(local.url(name)) as database:
            if database.value(
                "select exists (select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
                "where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname not like 'pg_temp%')"
            ):
                kept.append(name)
    return sorted(kept)
