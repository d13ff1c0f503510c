"""Whether the chat tables are where this run looks, and whether this role sees all rows: nothing unseen is counted as none."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import replace

from chatops import formatting, sqlfiles
from chatops.db import Database, Facts, connect, identifier
from chatops.errors import ChatopsError, RefusedError, UsageError

TABLES = ("chats", "messages", "chat_assignments", "operators", "operator_activity", "real_users", "fictional_users",
          "platform_config")  # fmt: skip
DEFAULT = "public"
NAMED = 3
"""Schemas that are named where there are many."""
MOST_DATABASES = 5
"""Databases of the server that are named."""
LOOK_SECONDS = 3.0
"""How long it is looked which of them hold the platform's tables."""
_TABLE = re.compile(rf"\b(?:{'|'.join(TABLES)})\b")
_COMMENT = re.compile(r"--[^\n]*")


def require_schema(database: Database) -> None:
    """Refuses a schema that is not there, with the nearest names; inside a transaction. Raises UsageError."""
    facts = database.facts
    if facts is None or facts.schema_there:
        return
    schema = database.target.schema
    there = [str(name) for (name,) in database.tuples(sqlfiles.read("queries/schemas_like.sql"), {"pattern": "%"})]
    guess = formatting.visible(formatting.did_you_mean(schema, there))
    raise UsageError(f"there is no schema {formatting.visible(schema)} in database {facts.database}{guess}",
                     next_steps=_other_places(database, _elsewhere(database)))  # fmt: skip


def require_place(database: Database, facts: Facts) -> None:
    """Refuses a schema that is not there, and `public` because nobody has named one, where all chats live in others.

    Not in a transaction. Raises UsageError.
    """
    target = database.target
    if not facts.schema_there:
        with database.reading():
            require_schema(database)
    if target.schema != DEFAULT or target.schema_is_named or not facts.chats_elsewhere:
        return
    with database.reading():
        others = _elsewhere(database)
    if not others:
        return
    where = f"schema {formatting.visible(others[0])}" if len(others) == 1 else formatting.plural(len(others), "schema")
    here = ("here all the same", "--schema public")
    raise UsageError(
        f"the chats of database {facts.database} live in {where}, and no schema is named; nothing was changed",
        next_steps=[*_other_places(database, others), here],
    )


def deployed(database: Database) -> str:
    """The number of the newest shipped file whose objects are there, by a look at the catalog."""
    with database.reading():
        return str(database.value(sqlfiles.read("queries/deployed_files.sql")))


def right_database(database: Database) -> tuple[str, list[tuple[str, str]]]:
    """Of a database without a table of the platform: is it the right one, in words, and how to look. Inside a transaction."""
    facts = database.facts
    assert facts is not None
    others = [str(name) for (name,) in database.tuples(sqlfiles.read("queries/other_databases.sql"))]
    ours = _with_the_platform(database, others)
    named = [formatting.visible(name) for name in (ours or others)]
    more = " …" if len(named) > MOST_DATABASES else ""
    listed = f"{', '.join(named[:MOST_DATABASES])}{more}"
    has = f" This server has also {listed}" if others else ""
    if ours:
        has = f" On this server the platform's tables are in {listed}"
    base = " ".join(filter(None, ("chatops", re.sub(r"\s*--schema \S+", "", database.target.flags))))
    return f"is {formatting.visible(facts.database)} the right database?{has}", [("which setting names it", f"{base} config")]


def _with_the_platform(database: Database, names: list[str]) -> list[str]:
    """Which of these databases of the server hold the platform's tables, as far as they can be looked into soon."""
    found = []
    until = time.monotonic() + LOOK_SECONDS
    for name in names:
        if time.monotonic() > until:
            break
        target = replace(database.target, parameters={**database.target.parameters, "dbname": name}, embedded=None)
        with contextlib.suppress(ChatopsError), connect(target, "look", connect_timeout=2) as other:
            if other.value(sqlfiles.read("queries/has_platform.sql")):
                found.append(name)
    return found


def require_chats(database: Database) -> None:
    """Refuses a database, or a schema of it, without chats, and says where there are some; inside a transaction."""
    require_schema(database)
    facts = database.facts
    if facts is None or facts.has_chats:
        return
    others = _elsewhere(database)
    make = " ".join(filter(None, ("chatops", database.target.flags, "migrate --to 017")))
    if others:
        raise RefusedError(_not_here(database, others), next_steps=_other_places(database, others))
    asks, look = right_database(database)
    raise RefusedError(_not_here(database, others), details=[asks], next_steps=[*look, ("if it is, make the tables", make)])


def _not_here(database: Database, others: list[str]) -> str:
    facts = database.facts
    assert facts is not None
    where = f"there is no table chats in schema {formatting.visible(database.target.schema)} of database {facts.database}"
    if len(others) == 1:
        return f"{where}; schema {formatting.visible(others[0])} has one"
    if others:
        return f"{where}; {formatting.plural(len(others), 'other schema has', 'other schemas have')} one: name a schema"
    return where


_STATE_TYPE = """select a.attrelid::regclass::text || '.' || a.attname::text || ' is of type '
                         || pg_catalog.format_type(a.atttypid, a.atttypmod)
                   from pg_attribute as a join pg_type as t on t.oid = a.atttypid
                  where (a.attrelid = pg_catalog.to_regclass('chats')::oid and a.attname = 'chat_state' and t.typcategory <> 'S')
                     or (a.attrelid = pg_catalog.to_regclass('messages')::oid and a.attname = 'sender_type'
                         and t.typcategory not in ('S', 'E'))
                  order by 1 limit 1"""


def require_text_state(database: Database) -> None:
    """Refuses to move chats whose state is no text: the statements that move them write one. Inside a transaction.

    And those whose messages have a sender that reads otherwise.
    """
    odd = database.value(_STATE_TYPE)
    if odd is not None:
        raise RefusedError(
            f"{formatting.visible(str(odd))}, not text: "
            "chatops reads such chats, and does not move or mend them; nothing was changed"
        )


def require_rows(database: Database, text: str) -> None:
    """Refuses to count what row level security hides from this role, in the tables that a query names."""
    facts = database.facts
    if facts is None or not facts.hidden:
        return
    named = set(_TABLE.findall(_COMMENT.sub("", text)))
    if not (hidden := sorted(named & set(facts.hidden))):
        return
    schema, role = identifier(database.target.schema), identifier(facts.role)
    policies = [f"create policy chatops_reads on {schema}.{name} for select to {role} using (true);" for name in hidden]
    raise RefusedError(
        f"{', '.join(hidden)} cannot be seen: row level security hides rows from {role}",
        next_steps=[
            (f"show them to {role} (SQL)", " ".join(policies)),
            ("or make a role that may", "chatops doctor --create-roles"),
        ],
    )


def _elsewhere(database: Database) -> list[str]:
    found = database.tuples(sqlfiles.read("queries/chats_elsewhere.sql"), {"schema": database.target.schema})
    return [str(name) for (name,) in found]


def _other_places(database: Database, schemas: list[str]) -> list[tuple[str, str]]:
    flags = re.sub(r"\s*--schema \S+", "", database.target.flags)
    base = " ".join(filter(None, ("chatops", flags)))
    quoted = [name if re.fullmatch(r"[\w.-]+", name) else "'" + name.replace("'", "'\\''") + "'" for name in schemas[:NAMED]]
    steps = [("its chats" if len(schemas) == 1 else "such as", f"{base} --schema {name} summary") for name in quoted]
    if len(schemas) > 1:
        first, last = min(schemas), max(schemas)
        alike = first[: next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))]
        steps.append(("all of them", f"{base} summary --all-schemas '{alike if alike.isidentifier() else ''}*'"))
    return steps
