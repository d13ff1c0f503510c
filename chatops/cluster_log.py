"""Changes that are logged by the same statement, in the words that a Citus cluster takes: the change first, then its log.

The log is the coordinator's, and a statement on a tenant's tables goes to a worker: that neither reads nor writes the log, takes
no instant and calls no function that reads tables. So instants, what the log says, and what is logged travel as values; the
transaction is one all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from chatops import sqlfiles
from chatops.db import Database, literal

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
_LOGGED_BY = re.compile(
    r"\b(?P<name>\w+) as \(\s*insert into chatops\.actions \((?P<columns>[^)]*)\)\s*(?P<made>(?:(?!\n\)).)*)\n\)", re.DOTALL
)
"""A CTE that logs what others have changed."""
_MADE = re.compile(
    r"\b(?P<name>\w+) as \(\s*insert into (?P<table>\w+) \((?P<columns>[^)]*)\)\s*(?P<made>(?:(?!\n\)).)*?)\s*returning \*\n\)",
    re.DOTALL,
)
"""A CTE that adds rows to a table of the tenant, and returns them whole."""
_TENANTS = re.compile(r"\b(chats|messages|chat_assignments|operator_activity|operators|platform_config) ?[a-z]?\b")
_READS = re.compile(r"\b(from|join) chatops\.actions a\b")
_SETTINGS = re.compile(r"\b(from|join) chatops\.settings s\b")
_KEEPS = re.compile(
    r"insert into chatops\.settings as s \((?P<columns>[^)]*)\)\s*(?P<made>select .*)\s*"
    r"on conflict \(target_schema, key\) do update\s*set value = (?P<value>.*?),\s*set_at = .*?"
    r"\bwhere (?P<differs>excluded\.value .*?)\s*$",
    re.DOTALL,
)
"""What keeps something in the settings, or adds to what is kept there."""
_INSTANT = re.compile(r"\b(?:pg_catalog\.)?(?:statement_timestamp|clock_timestamp|now)\(\)(?P<shift> [+-] interval '[^']+')?")
_SCHEMA = re.compile(r"\b(?:pg_catalog\.)?current_schema\(\)")
_TYPES = {
    "action": "text", "code": "text", "chat_id": "uuid", "operator_id": "uuid", "row_id": "text", "undoes": "bigint",
    "before": "jsonb", "after": "jsonb", "outcome": "text", "detail": "text",
}  # fmt: skip
_SET = "target_schema text, key text, value jsonb, until timestamptz, reason text, set_by text, set_at timestamptz"
_LOGGED = "id bigint, code text, at timestamptz, chat_id uuid, operator_id uuid, before jsonb, after jsonb"


def carry_out(database: Database, text: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a statement that changes, reads the log or writes it; inside a transaction, whose locks are had already."""
    if database.facts is None or not database.facts.distributed:
        return database.tuples(text, parameters)
    known: dict[str, object] = dict(parameters or {})
    text = _as_values(database, sqlfiles.body(text), known)
    logs = _LOGS.search(text)
    if logs is None:
        return database.tuples(text, known)
    columns = [name.strip() for name in logs["columns"].split(",")]
    named = ", ".join(columns)
    made = f"select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(made))::text from (\n{logs['made']}\n) as made ({named})"
    values = database.value(f"{text[: logs.start()]}\n{made}", known)
    if values is None:
        return []
    return database.tuples(_log_text(logs["log"], named, logs["told"] or ""), {"made": values})


def settings_as_value(database: Database, text: str, parameters: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    """A query with the settings of schema chatops as a value: asked together with the server's own views, which Citus takes
    apart, they are for superusers only."""
    if database.facts is None or database.facts.citus is None or not _SETTINGS.search(text):
        return text, parameters
    settings = database.value(sqlfiles.read("queries/citus_settings.sql"))
    return _SETTINGS.sub(rf"\1 pg_catalog.jsonb_to_recordset(:'settings'::jsonb) as s({_SET})", text), {
        **parameters, "settings": settings,
    }  # fmt: skip


def keep(database: Database, text: str, parameters: Mapping[str, object]) -> None:
    """Carries out what keeps something in the settings: found, put together and written by a statement each; in a transaction."""
    keeps = _KEEPS.search(sqlfiles.body(text))
    assert keeps is not None
    columns = keeps["columns"]
    told = f"{columns.replace('value', 'value::text')}, session_user, clock_timestamp()"
    made = f"select {told} from (\n{keeps['made']}\n) as made ({columns})"
    for schema, key, found, *others in database.tuples(made, parameters):
        which = {"schema": schema, "key": key}
        kept = database.tuples("select value::text from chatops.settings where target_schema = :'schema' and key = :'key'", which)
        if kept:
            merged = f"select ({keeps['value']})::text, ({keeps['differs']})::boolean"
            merged = merged.replace("s.value", ":'kept'::jsonb").replace("excluded.value", ":'found'::jsonb")
            found, differs = database.tuples(merged, {**parameters, "kept": kept[0][0], "found": found})[0]
            if not differs:
                continue
        values = ", ".join(literal(one) for one in (schema, key, found, *others))
        database.execute(
            f"insert into chatops.settings ({columns}, set_by, set_at) values ({values}) on conflict (target_schema, key)"
            " do update set value = excluded.value, set_by = excluded.set_by, set_at = excluded.set_at"
        )


def _as_values(database: Database, text: str, known: dict[str, object]) -> str:
    """A statement with values in place of what a worker cannot know; they are put among the parameters."""
    if "actions" in known and _READS.search(text):
        known["logged"] = database.value(sqlfiles.read("queries/citus_logged.sql"), {"actions": known["actions"]})
    if "logged" in known:
        text = _READS.sub(rf"\1 pg_catalog.jsonb_to_recordset(:'logged'::jsonb) as a({_LOGGED})", text)
    if shifts := {instant["shift"] or "": f"moment_{at}" for at, instant in enumerate(_INSTANT.finditer(text))}:
        # With what is added to it: a sum with an interval is none of the constants that CASE takes there.
        sums = ", ".join(f"m {shift}" for shift in shifts)
        [moments] = database.tuples(f"select {sums} from (select clock_timestamp() as m) as now")
        known |= dict(zip(shifts.values(), moments, strict=True))
        text = _INSTANT.sub(lambda instant: f":'{shifts[instant['shift'] or '']}'::timestamptz", text)
    known["schema_of_chats"] = database.target.schema
    text = _SCHEMA.sub(":'schema_of_chats'::text", text)
    unanswered = sqlfiles.body(sqlfiles.read("queries/shared/oldest_unanswered.sql"))
    text = text.replace("oldest_unanswered(c.id)", f"({unanswered})")
    return _RETURNS.sub(_told_apart, text)


def _log_text(log: str, columns: str, told: str) -> str:
    """What writes rows that were told as JSON into the log."""
    typed = ", ".join(f"{name.strip()} {_TYPES[name.strip()]}" for name in columns.split(","))
    given = f"pg_catalog.jsonb_to_recordset(:'made'::jsonb) as made ({typed})"
    return f"insert into {log} ({columns}) select {columns} from {given} {told}"


def mend(database: Database, code: str, text: str, found: Sequence[str]) -> str:
    """What a batch of a repair answers: what it mended is logged afterwards, by the same transaction."""
    known: dict[str, object] = {"found": f"[{','.join(found)}]"}
    if not _TENANTS.search(text):
        return json.dumps(database.value(text, known))
    if _READS.search(text):
        known["logged"] = database.value(sqlfiles.read("queries/citus_logged_of.sql"), {"code": code})
    text = _as_values(database, sqlfiles.body(text), known)
    added = [(match["name"], match["table"], match["columns"]) for match in _MADE.finditer(text)]
    logs = [(match["name"], match["columns"]) for match in _LOGGED_BY.finditer(text)]
    text = _LOGGED_BY.sub(_logged_later, _MADE.sub(_added_later, text))
    names = [name for name, *_ in (*added, *logs)]
    told = ", ".join(f"(select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(l)) from {name} as l)::text" for name in names)
    head, _, last = text.rpartition("\nselect ")
    [(answer, *rows)] = database.tuples(f"{head}\nselect ({last}\n)::text, {told}", known)
    for (_, table, columns), made in zip(added, rows, strict=False):
        if made is not None:
            database.execute(_add_text(table, ["id", *(one.strip() for one in columns.split(","))], json.loads(made)))
    for (_, columns), made in zip(logs, rows[len(added) :], strict=True):
        if made is not None:
            database.execute(_log_text("chatops.actions", columns, ""), {"made": made})
    return str(answer)


def _added_later(cte: re.Match[str]) -> str:
    """The rows that a CTE would add, whole, as they will be stored: Citus does not read back what it inserts from a query."""
    pairs = ", ".join(f"'{one.strip()}', made.{one.strip()}" for one in cte["columns"].split(","))
    row = f"pg_catalog.jsonb_build_object('id', pg_catalog.gen_random_uuid(), {pairs})"
    return (
        f"{cte['name']} as materialized (\n  select stored.* from (\n{cte['made']}\n) as made ({cte['columns']})\n"
        f" cross join lateral pg_catalog.jsonb_populate_record(null::{cte['table']}, {row}) as stored\n)"
    )


def _add_text(table: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """What adds rows as they were told."""
    values = ", ".join(f"({', '.join(literal(row[name]) for name in columns)})" for row in rows)
    return f"insert into {table} ({', '.join(columns)}) values {values}"


def _logged_later(cte: re.Match[str]) -> str:
    """The rows that a CTE would log, by the names of the log's columns."""
    columns = cte["columns"]
    named = ", ".join(f"made.{one.strip()}" for one in columns.split(","))
    return f"{cte['name']} as (\n  select {named} from (\n{cte['made']}\n) as made ({columns})\n)"


def _told_apart(cte: re.Match[str]) -> str:
    """A change that returns its rows as they are, and a further CTE that makes of them what is wanted."""
    row = cte["alias"] or cte["table"]
    if "(" not in cte["told"]:
        return cte[0]
    stored = f"{cte['name']}_rows"
    told = f"{cte['name']} as (\n  select {cte['told']} from {stored} as {row}\n)"
    return f"{stored} as ({cte['change']}returning {row}.*\n), {told}"
