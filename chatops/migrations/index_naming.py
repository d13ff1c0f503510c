"""The name of an index that is built concurrently without one, asked of the server beforehand: after a stop it is found by it."""

from __future__ import annotations

from collections.abc import Sequence

from chatops import sqlfiles
from chatops.db import Database, identifier
from chatops.errors import ConnectionLostError, DatabaseError
from chatops.frozen import frozen
from chatops.migrations.scanner import Statement
from chatops.migrations.statements import Index

MOST = 50
"""So many names of the same index are tried: t_c_idx, t_c_idx1 …"""
_TABLE = """select c.oid::text, n.nspname::text, c.relname::text
              from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
             where c.oid = pg_catalog.to_regclass(:'table')::oid and c.relpersistence <> 't'"""


@frozen
class Name:
    """A name that the server gives: whether it is `taken`, by the `same` index, `valid` or not, `built_since` a transaction."""

    name: str
    taken: bool
    same: bool
    valid: bool
    built_since: bool


def server_name(database: Database, statement: Statement, index: Index, before: Sequence[str], since: str | None) -> str | None:
    """The name that the server gives to this index now; None where it cannot be known: then the server says what is wrong.

    `before` sets what the statement must find. Where a run goes on, `since` is the transaction in which the one before it last
    wrote: the name is that of the index which it left, whether finished or not. Nothing of this stays in the database.
    """
    try:
        database.script("; ".join(["begin", *before]))
        found = database.tuples(_TABLE, {"table": index.table})
        if not found:
            return None
        ((oid, schema, table),) = found
        database.execute(f"create temp table {identifier(table)} (like {identifier(schema)}.{identifier(table)})")
        return _chosen(database, _on_copy(statement, index, table), {"oid": oid, "since": since or ""})
    except ConnectionLostError:
        raise
    except DatabaseError:
        return None
    finally:
        database.rollback()


def _chosen(database: Database, text: str, asked: dict[str, str]) -> str | None:
    query = sqlfiles.read("queries/index_names.sql")
    names: list[Name] = []
    while len(names) < MOST and (not names or names[-1].taken):
        database.execute(text)
        names = database.rows(Name, query, asked)
    if asked["since"]:
        left = [one for one in names if one.same and (one.built_since or not one.valid)]
        if left:
            return left[-1].name
    return names[-1].name if not names[-1].taken else None


def _on_copy(statement: Statement, index: Index, table: str) -> str:
    text, copy = statement.text, f"pg_temp.{identifier(table)}"
    return f"{text[: index.concurrently[0]]}{text[index.concurrently[1] : index.on[0]]}{copy}{text[index.on[1] :]}"


def with_name(statement: Statement, index: Index, name: str) -> str:
    """The statement with the name put in."""
    end = index.concurrently[1]
    return f"{statement.text[:end]} {identifier(name)}{statement.text[end:]}"
