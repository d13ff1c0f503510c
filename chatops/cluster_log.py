"""Changes that are logged by the same statement, in the words that a Citus cluster takes: the change first, then its log.

The log is the coordinator's, and a statement on a tenant's tables goes to a worker: that neither reads nor writes the log, takes
no instant and calls no function that reads tables. So instants, what the log says, and what is logged travel as values; the
transaction is one all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chatops import sqlfiles
from chatops.db import Database

_LOGS = re.compile(
    r"\s*insert into (?P<log>chatops\.actions|pg_temp\.chatops_actions) \((?P<columns>[^)]*)\)\s*"
    r"(?P<made>select .*?)\s*(?P<told>returning .*)?$",
    re.DOTALL,
)
_RETURNS = re.compile(
    r"\b(?P<name>\w+) as \((?P<change>\s*(?:update|delete from|insert into) (?P<table>\w+)(?: as)?(?: (?P<alias>[a-z]))?\s"
    r"(?:(?!\n\)).)*?)\breturning (?P<told>(?:(?!\n\)).)*)\n\)",
    re.DOTALL,
)
"""A CTE that changes rows and returns something of them; it ends with a bracket at the beginning of a line."""
_READS = re.compile(r"\b(from|join) chatops\.actions a\b")
_INSTANT = re.compile(r"\b(?:pg_catalog\.)?(?:statement|clock)_timestamp\(\)")
_SCHEMA = re.compile(r"\b(?:pg_catalog\.)?current_schema\(\)")
_TYPES = {
    "action": "text", "code": "text", "chat_id": "uuid", "operator_id": "uuid", "row_id": "text", "undoes": "bigint",
    "before": "jsonb", "after": "jsonb", "outcome": "text", "detail": "text",
}  # fmt: skip
_LOGGED = "id bigint, at timestamptz, chat_id uuid, operator_id uuid, before jsonb, after jsonb"


def carry_out(database: Database, text: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a statement that changes, reads the log or writes it; inside a transaction, whose locks are had already."""
    if database.facts is None or not database.facts.distributed:
        return database.tuples(text, parameters)
    known = dict(parameters or {})
    text = sqlfiles.body(text)
    if _READS.search(text):
        known["logged"] = database.value(sqlfiles.read("queries/citus_logged.sql"), {"actions": known["actions"]})
        text = _READS.sub(rf"\1 pg_catalog.jsonb_to_recordset(:'logged'::jsonb) as a({_LOGGED})", text)
    if _INSTANT.search(text):
        known["moment"] = database.value("select clock_timestamp()")
        text = _INSTANT.sub(":'moment'::timestamptz", text)
    known["schema_of_chats"] = database.target.schema
    text = _SCHEMA.sub(":'schema_of_chats'::text", text)
    unanswered = sqlfiles.body(sqlfiles.read("queries/citus_oldest_unanswered.sql"))
    text = text.replace("oldest_unanswered(c.id)", f"({unanswered})")
    text = _RETURNS.sub(_told_apart, text)
    logs = _LOGS.search(text)
    if logs is None:
        return database.tuples(text, known)
    columns = [name.strip() for name in logs["columns"].split(",")]
    named = ", ".join(columns)
    made = f"select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(made))::text from (\n{logs['made']}\n) as made ({named})"
    values = database.value(f"{text[: logs.start()]}\n{made}", known)
    if values is None:
        return []
    typed = ", ".join(f"{name} {_TYPES[name]}" for name in columns)
    given = f"pg_catalog.jsonb_to_recordset(:'made'::jsonb) as made ({typed})"
    log = f"insert into {logs['log']} ({named}) select {named} from {given} {logs['told'] or ''}"
    return database.tuples(log, {"made": values})


def _told_apart(cte: re.Match[str]) -> str:
    """A change that returns its rows as they are, and a further CTE that makes of them what is wanted."""
    row = cte["alias"] or cte["table"]
    if "(" not in cte["told"]:
        return cte[0]
    stored = f"{cte['name']}_rows"
    told = f"{cte['name']} as (\n  select {cte['told']} from {stored} as {row}\n)"
    return f"{stored} as ({cte['change']}returning {row}.*\n), {told}"
