"""Whether an object that is missing can be put back: which rows stand in its way, and what is done with them first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chatops.checks.mending_sql import quoted
from chatops.db import Database, identifier
from chatops.errors import DatabaseError
from chatops.model import Values

LIMIT_MS = 3000
"""So long each object's rows may be looked at."""
_UNIQUE = re.compile(r"^(?:UNIQUE|PRIMARY KEY) \((?P<columns>.*)\)$")
_UNIQUE_INDEX = re.compile(r"^CREATE UNIQUE INDEX \S+ ON (?P<of>\S+) USING btree \((?P<columns>.*?)\)(?: WHERE (?P<which>.*))?$")
_FOREIGN = re.compile(r"^FOREIGN KEY \((?P<column>\w+)\) REFERENCES (?P<there>[\w.]+)\((?P<key>\w+)\)(?P<rest>.*)$")
_CHECK = re.compile(r"^CHECK \((?P<condition>.*)\)$", re.DOTALL)
PAIR = "real_user_id, fictional_user_id"
# The chat of a pair that goes on is the open one, else the one that was written into last; what the others have said moves there.
_MERGE = (
    "begin; set local chatops.write to 'function'; create temporary table merging on commit drop as"
    " select c.id, c.goes_on from ("
    "select c.id, pg_catalog.first_value(c.id) over (partition by c.real_user_id, c.fictional_user_id"
    " order by c.is_active desc nulls last, c.last_message_at desc nulls last, c.id) as goes_on from {of} c"
    " where c.real_user_id is not null and c.fictional_user_id is not null) as c where c.id <> c.goes_on;"
    " update messages m set chat_id = g.goes_on from merging g where m.chat_id = g.id;"
    " update chat_assignments a set chat_id = g.goes_on from merging g where a.chat_id = g.id;"
    " delete from operator_activity v using merging g where v.chat_id = g.id;"
    " delete from {of} c using merging g where c.id = g.id;"
    " update {of} c set message_count = said.messages, last_message_at = said.newest from ("
    "select m.chat_id, pg_catalog.count(*) as messages, pg_catalog.max(m.created_at) as newest from messages m"
    " where m.chat_id in (select g.goes_on from merging g) group by m.chat_id) as said"
    " where c.id = said.chat_id; {put_back} commit;"
)


def look(database: Database, row: Values, wanted: Mapping[str, str]) -> dict[str, Any]:
    """What a row about a missing object says besides: `in_the_way`, and a `remedy` or `mend` that works; {} where nothing is."""
    kind, name, remedy = str(row["kind"]), str(row["object"]), row.get("remedy")
    if kind not in ("constraint", "index", "column") or not remedy:
        return {}
    of = name.rpartition(".")[0]
    definition = wanted.get("definition", "")
    try:
        with database.savepoint("chatops_in_the_way"):
            database.script(f"set local statement_timeout = {LIMIT_MS}")
            if kind == "column":
                return _no_value(database, of, wanted)
            if unique := _UNIQUE.match(definition) or _UNIQUE_INDEX.match(definition):
                parts = unique.groupdict()
                return _twice(database, parts.get("of") or of, parts["columns"], parts.get("which"), str(remedy))
            if foreign := _FOREIGN.match(definition):
                return _orphans(database, of, foreign, str(remedy))
            if check := _CHECK.match(definition.removesuffix(" NOT VALID")):
                return _broken(database, of, check["condition"])
    except DatabaseError:
        return {}  # whether something is in the way is not known; the statement says so when it is run
    return {}


def _twice(database: Database, of: str, columns: str, which: str | None, remedy: str) -> dict[str, Any]:
    """Rows that a unique key would have twice."""
    table = quoted(of)
    given = " and ".join([f"({which})"] if which else [f"{one.strip()} is not null" for one in columns.split(",")])
    grouped = f"select {columns} from {table} where {given} group by {columns} having pg_catalog.count(*) > 1"
    [(many,)] = database.tuples(f"select pg_catalog.count(*) from ({grouped}) as found")
    if not many:
        return {}
    same = " and ".join(f"t.{one.strip()} = f.{one.strip()}" for one in columns.split(","))
    ids = database.tuples(
        f"select pg_catalog.to_jsonb(t.*) ->> 'id' from {table} t join ({grouped} order by {columns} limit 1) f on {same}"
        + (f" where {which}" if which else "") + " order by 1 limit 3"
    )  # fmt: skip
    told = f"{_times(many)} rows of {of} have the same {columns}{_first(ids)}"
    if of != "chats" or columns != PAIR:
        return {"in_the_way": told}
    active = f"select {columns} from {table} where is_active and {given} group by {columns} having pg_catalog.count(*) > 1"
    if database.tuples(f"{active} limit 1"):
        return {
            "in_the_way": f"{told}; end all but one of each first (CHAT020), then this merges them",
            "mend": "diagnose --only CHAT020",
            "remedy": None,
        }
    says = f"{told}, ended ones too: their messages and turns move to the chat that goes on, and the empty chat is deleted"
    return {"in_the_way": says, "remedy": _MERGE.format(of=table, put_back=remedy)}


def _orphans(database: Database, of: str, key: re.Match[str], remedy: str) -> dict[str, Any]:
    """Rows whose reference leads to nothing: deleted or let go, as the key would have done."""
    table, column, there = quoted(of), identifier(key["column"]), quoted(key["there"])
    lost = f"t.{column} is not null and not exists (select from {there} o where o.{identifier(key['key'])} = t.{column})"
    [(many,)] = database.tuples(f"select pg_catalog.count(*) from {table} t where {lost}")
    if not many:
        return {}
    gone = f"update {table} t set {column} = null" if "SET NULL" in key["rest"] else f"delete from {table} t"
    word = "let go" if "SET NULL" in key["rest"] else "deleted"
    rows = f"{many:,} {'row' if many == 1 else 'rows'} of {of}"
    told = f"{rows} belong to {key['there']} that are gone: {word}, as the key would have done"
    return {"in_the_way": told, "remedy": f"begin; {gone} where {lost}; {remedy} commit;"}


def _broken(database: Database, of: str, condition: str) -> dict[str, Any]:
    """Rows that a CHECK would refuse."""
    table = quoted(of)
    [(many,)] = database.tuples(f"select pg_catalog.count(*) from {table} where ({condition}) is false")
    if not many:
        return {}
    ids = database.tuples(
        f"select pg_catalog.to_jsonb(t.*) ->> 'id' from {table} t where ({condition}) is false order by 1 limit 3"
    )
    return {"in_the_way": f"{many:,} {'row' if many == 1 else 'rows'} of {of} break it{_first(ids)}"}


def _no_value(database: Database, of: str, wanted: Mapping[str, str]) -> dict[str, Any]:
    """A column without NULL and without a default cannot come to a table that has rows."""
    if wanted.get("not_null") != "true" or wanted.get("default") or wanted.get("identity"):
        return {}
    if not database.tuples(f"select from {quoted(of)} limit 1"):
        return {}
    return {
        "in_the_way": f"{of} has rows, and this column neither takes NULL nor has a default: bring its values back from a back-up"
    }


def _times(many: int) -> str:
    return "once" if many == 1 else f"{many:,} times"


def _first(ids: Sequence[Sequence[object]]) -> str:
    told = ", ".join(str(one[0]) for one in ids if one[0] is not None)
    return f": {told}" if told else ""
