"""A schema beside a tenant of a Citus cluster: made by the same files, with the tenant's functions and settings, without rows."""

from __future__ import annotations

import contextlib
import re
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import replace

from chatops import db, sqlfiles
from chatops.db import Database, identifier, literal
from chatops.errors import ChatopsError, RefusedError
from chatops.flows.migrate_shipped import migrate_to
from chatops.flows.run import Invocation
from chatops.migrations import ledger
from chatops.migrations.source import SHIPPED
from chatops.settings import Target

TOLD = "in a schema that the same files made, with this one's functions and settings; it is dropped again"


@contextlib.contextmanager
def tenant_copy(invocation: Invocation) -> Iterator[tuple[Target, str]]:
    """The copy and what it is, dropped at the end. Raises RefusedError where the tenant cannot be made again."""
    target = invocation.target
    name = f"chatops_copy_{secrets.token_hex(4)}"
    copy = replace(target, schema=name)
    with invocation.connect("migrate") as database:
        newest = _newest(database)
        with database.reading():
            invocation.banner(database)
            routines = _routines(database, target.schema)
            settings = database.tuples(sqlfiles.read("queries/tenant_settings.sql"), {"schema": target.schema})
        try:
            database.execute(f"create schema {identifier(name)}")
            with invocation.connect("migrate", target=copy) as made:
                made.glance()
                migrate_to(invocation, made, newest)
                settings_texts = (*ledger.CLUSTER_SETTINGS, ledger.path_text(name))
                for text in _differing(made, name, target.schema, routines):
                    if (ran := made.run_apart(["begin", *settings_texts, text, "commit"])).error is not None:
                        raise ran.error
            with invocation.connect("act", target=copy) as acting, acting.acting():
                for table, key, value, until in settings:
                    acting.execute(_setting_text(table, name, key, value, until))
            yield copy, TOLD
        finally:
            drop_schema(invocation, target, name)


def drop_schema(invocation: Invocation, base: Target, name: str) -> None:
    """Takes a schema that was made for a run off the cluster, and what schema chatops knows of it."""
    try:
        with db.connect(base, invocation.command, "migrate") as database:
            database.execute(f"drop schema if exists {identifier(name)} cascade")
            for file in ("forget_schema", "forget_settings"):
                database.execute(sqlfiles.read(f"queries/simulation/{file}.sql"), {"schema": name})
    except ChatopsError as error:
        drops = invocation.here("psql", "--write", "--", "-c", shlex.quote(f"drop schema {identifier(name)} cascade;"))
        invocation.warn(f"the schema {name} is left behind ({error.message}); drop it: {drops}")


def _newest(database: Database) -> str:
    """The newest shipped file that is in."""
    rows = [row for row in ledger.read(database).rows if row.source == SHIPPED and row.number is not None]
    if not rows:
        raise RefusedError("which files made this schema is not known: no copy of it can be made", next_steps=[])
    return max(rows, key=lambda row: (row.number, row.name)).name


def _routines(database: Database, schema: str) -> dict[str, tuple[str, str]]:
    """Definition and body of each function, by name and arguments."""
    found = database.tuples(sqlfiles.read("queries/tenant_routines.sql"), {"schema": schema})
    return {str(name): (str(definition), str(body)) for name, definition, body in found}


def _differing(made: Database, name: str, schema: str, wanted: dict[str, tuple[str, str]]) -> Iterator[str]:
    """The definitions that the files did not make so. Raises RefusedError for one that would reach into the tenant itself."""
    with made.reading():
        there = _routines(made, name)
    spelled = re.escape(schema)
    own = re.compile(rf'(?<![\w."])"?{spelled}"?(?=\s*\.)')
    for routine, (definition, body) in wanted.items():
        if there.get(routine, ("", None))[1] == body:
            continue
        head, found, tail = definition.rpartition(body) if body else (definition, "", "")
        if own.search(found) or not body:
            raise RefusedError(f"{schema}.{routine} names its schema: a copy of it would write into this one")
        yield own.sub(name, head).replace(f"'{schema}'", f"'{name}'") + found + tail


def _setting_text(table: str, schema: str, key: str, value: str, until: object) -> str:
    """What sets one setting in the copy."""
    if table == "platform_config":
        told, added = (key, value), "platform_config (key, value)"
        return (
            f"insert into {added} values ({', '.join(map(literal, told))}) on conflict (key) do update set value = excluded.value"
        )
    told_here = (schema, key, value, until)
    return (
        f"insert into chatops.settings (target_schema, key, value, until) values ({', '.join(map(literal, told_here))})"
        " on conflict (target_schema, key) do update set value = excluded.value, until = excluded.until"
    )
