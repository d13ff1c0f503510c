"""Whether an object that is missing can be put back: which rows stand in its way, and what is done with them first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chatops import formatting, sqlfiles
from chatops.checks.catalog import known_names
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
MOST_LIKE = 3
"""Of more columns than so many nobody knows which one had another name."""
PAIR = "real_user_id, fictional_user_id"


def look(database: Database, row: Values, wanted: Mapping[str, str], columns: Sequence[str] = ()) -> dict[str, Any]:
    """What a row about a missing object says besides: `in_the_way`, and a `remedy` or `mend` that works; {} where nothing is.

    `columns` are those that a table surely has.
    """
    kind, name, remedy = str(row["kind"]), str(row["object"]), row.get("remedy")
    if kind not in ("table", "constraint", "index", "column") or not remedy:
        return {}
    of = name.rpartition(".")[0]
    definition = wanted.get("definition", "")
    try:
        with database.savepoint("chatops_in_the_way"):
            database.script(f"set local statement_timeout = {LIMIT_MS}")
            if kind == "table":
                return _elsewhere(database, name, str(remedy).partition("create table ")[0].strip(), columns) if columns else {}
            if kind == "column":
                own = name.rpartition(".")[2]
                return _renamed(database, of, own, wanted, remedy) or _no_value(database, of, own, wanted)
            if unique := _UNIQUE.match(definition) or _UNIQUE_INDEX.match(definition):
                parts = unique.groupdict()
                return _twice(database, parts.get("of") or of, parts["columns"], parts.get("which"), str(remedy))
            if foreign := _FOREIGN.match(definition):
                return _orphans(database, of, foreign, str(remedy))
            if check := _CHECK.match(definition.removesuffix(" NOT VALID")):
                unchecked = f"{remedy!s}".removesuffix(";").removesuffix(" NOT VALID") + " NOT VALID;"
                return _broken(
                    database, of, check["condition"], ("what these rows should be; new ones are checked, by this", unchecked)
                )
    except DatabaseError:
        return {}  # whether something is in the way is not known; the statement says so when it is run
    return {}


def bookkeeping_elsewhere(database: Database, row: Values, columns: Sequence[str]) -> dict[str, Any]:
    """The same of schema chatops and its tables: a new one in its place would know nothing of what was done."""
    name = str(row["object"]).removeprefix("chatops.")
    try:
        with database.savepoint("chatops_in_the_way"):
            if row["kind"] != "table":
                schema = database.value(sqlfiles.body_of("mending/moved_bookkeeping.sql"))
                if schema is None:
                    return {}
                told = f"it stands as {schema} now, with all that it knows"
                return {"in_the_way": told, "mend": None, "remedy": f"alter schema {identifier(str(schema))} rename to chatops;"}
            ours = [one.removeprefix("table chatops.") for one in known_names() if one.startswith("table chatops.")]
            asked = {"name": name, "columns": list(columns), "ours": ours}
            found = database.tuples(sqlfiles.body_of("mending/moved_of_ours.sql"), asked)
    except DatabaseError:
        return {}  # the statement says so when it is run
    if not found or not columns:
        return {}
    return {**_comes_back(*(str(one) for one in found[0]), schema="chatops", name=name), "mend": None}


def _elsewhere(database: Database, name: str, dropping: str, columns: Sequence[str]) -> dict[str, Any]:
    """The table itself under another name or in another schema: an empty one in its place would hide all rows."""
    found = database.tuples(sqlfiles.body_of("mending/moved.sql"), {"name": name, "columns": list(columns)})
    if not found:
        return {}
    return _comes_back(*(str(one) for one in found[0]), schema=database.target.schema, name=name, dropping=dropping)


def _comes_back(where: str, there: str, *, schema: str, name: str, dropping: str = "") -> dict[str, Any]:
    """The statements that bring a table back to its schema and name."""
    steps = [dropping] if dropping else []
    if where != schema:
        steps.append(f"alter table {identifier(where)}.{identifier(there)} set schema {identifier(schema)};")
    if there != name:
        steps.append(f"alter table {identifier(schema)}.{identifier(there)} rename to {identifier(name)};")
    return {
        "in_the_way": f"with its rows it stands as {where}.{there} now: nothing is made anew, it comes back",
        "remedy": " ".join(steps),
    }


def _renamed(database: Database, of: str, name: str, wanted: Mapping[str, str], remedy: object) -> dict[str, Any]:
    """The column itself under another name: an empty one in its place would hide all values."""
    if "." in of:
        return {}
    kept = None
    if database.value("select pg_catalog.to_regclass('chatops.settings') is not null"):
        kept = database.value(sqlfiles.body_of("mending/kept_columns.sql"), {"table": of})
    ours = (one.removeprefix(f"column {of}.") for one in known_names() if one.startswith(f"column {of}."))
    asked = {"table": of, "type": wanted.get("type", ""), "known": list(ours), "kept": list(kept or [])}
    found = [str(one) for (one,) in database.tuples(sqlfiles.body_of("mending/renamed.sql"), asked)]
    if not found or (kept is None and len(found) > MOST_LIKE):
        return {}
    back = f"alter table {quoted(of)} rename column {identifier(found[0])} to {identifier(name)};"
    if kept is not None and len(found) == 1:
        told = f"with its values it stands as {found[0]} now, a new name: nothing is made anew, it comes back"
        return {"in_the_way": told, "remedy": back}
    told = f"it may have another name; of its type: {', '.join(found)}"
    decides = f"a person decides: where it has only another name, {back} where it is gone, it comes back empty by {remedy}"
    return {"in_the_way": told, "remedy": None, "statement": back, "decides": decides}


def _twice(database: Database, of: str, columns: str, which: str | None, remedy: str) -> dict[str, Any]:
    """Rows that a unique key would have twice."""
    names = [one.strip() for one in columns.split(",")]
    given = f"({which})" if which else " and ".join(f"{one} is not null" for one in names)
    same = " and ".join(f"t.{one} = f.{one}" for one in names)
    text = sqlfiles.put(
        "mending/same_of_a_key.sql",
        table=quoted(of),
        columns=columns,
        given=given,
        given_t=f"({which})" if which else "true",
        same=same,
    )
    [(many, ids)] = database.tuples(text)
    if not many:
        return {}
    groups = formatting.plural(many, f"group of rows of {of} has", f"groups of rows of {of} have")
    told = f"{groups} the same {columns}{_first(ids)}"
    if of != "chats" or columns != PAIR:
        where = f"where {which}" if which else ""
        keeps = _statement("keep_one_of_each", table=quoted(of), where=where, same=same, put_back=remedy)
        return {"in_the_way": told, **_decided("which of these rows stays; the one that was stored last, by this", keeps)}
    if database.value(sqlfiles.body_of("mending/open_of_a_pair.sql")):
        first = f"{told}; end all but one of each first (CHAT020), then this merges them"
        return {"in_the_way": first, "mend": "diagnose --only CHAT020", "remedy": None}
    says = f"{told}, ended ones too: their messages and turns move to the chat that goes on, and the empty chat is deleted"
    return {"in_the_way": says, "remedy": _statement("merge_pairs", put_back=remedy)}


def _orphans(database: Database, of: str, key: re.Match[str], remedy: str, gone: str = "") -> dict[str, Any]:
    """Rows whose reference leads to nothing: deleted or let go, as the key would have done.

    `gone` takes the key away: that of a key which no file of ours makes. Of its rows a person decides.
    """
    table, column, there = quoted(of), identifier(key["column"]), quoted(key["there"])
    lost = f"t.{column} is not null and not exists (select from {there} o where o.{identifier(key['key'])} = t.{column})"
    [(many,)] = database.tuples(sqlfiles.put("mending/without_what_they_refer_to.sql", table=table, lost=lost))
    if not many:
        return {}
    if gone:
        rows = f"{many:,} {'row' if many == 1 else 'rows'} of {of} {'belongs' if many == 1 else 'belong'}"
        told = f"{rows} to nothing in {key['there']}"
        return {"in_the_way": told, **_decided("what these rows should belong to; without the constraint they may stay", gone)}
    lets_go = "SET NULL" in key["rest"]
    rows = f"{many:,} {'row' if many == 1 else 'rows'} of {of}"
    word = "let go" if lets_go else "deleted"
    told = f"{rows} belong to {key['there']} that are gone: {word}, as the key would have done"
    file = "let_go_of_what_is_gone" if lets_go else "delete_without"
    return {"in_the_way": told, "remedy": _statement(file, table=table, column=column, lost=lost, put_back=remedy)}


def _broken(database: Database, of: str, condition: str, decided: tuple[str, str]) -> dict[str, Any]:
    """Rows that a CHECK refuses, which somebody mends by hand; `decided`: words and a statement for the time until then."""
    [(many, ids)] = database.tuples(sqlfiles.put("mending/broken_by.sql", table=quoted(of), condition=condition))
    if not many:
        return {}
    return {"in_the_way": f"{many:,} {'row' if many == 1 else 'rows'} of {of} break it{_first(ids)}", **_decided(*decided)}


def _no_value(database: Database, of: str, name: str, wanted: Mapping[str, str]) -> dict[str, Any]:
    """A column without NULL and without a default cannot come to a table that has rows."""
    if wanted.get("not_null") != "true" or wanted.get("default") or wanted.get("identity"):
        return {}
    if not database.value(sqlfiles.put("mending/has_rows.sql", table=quoted(of))):
        return {}
    empty = f"alter table {quoted(of)} add column {identifier(name)} {wanted['type']};"
    return {
        "in_the_way": f"{of} has rows, and this column neither takes NULL nor has a default",
        **_decided("what it says of them: bring its values back from a back-up; before that it comes empty, by this", empty),
    }


def unvalidated(database: Database, row: Values) -> dict[str, Any]:
    """The same of a constraint that is there and not validated: rows that break it; {} where none does."""
    of, definition, remedy = str(row["relation"]), str(row["definition"]), str(row["remedy"])
    definition = re.sub(r" NOT (VALID|ENFORCED)$", "", definition)
    try:
        with database.savepoint("chatops_in_the_way"):
            database.script(f"set local statement_timeout = {LIMIT_MS}")
            gone = f"alter table {quoted(of)} drop constraint {identifier(str(row['object']))};"
            if foreign := _FOREIGN.match(definition):
                theirs = f"constraint {of}.{row['object']}" not in known_names()
                return _orphans(database, of, foreign, remedy, gone if theirs else "")
            if check := _CHECK.match(definition):
                return _broken(
                    database, of, check["condition"], ("what these rows should be; without the constraint they may stay", gone)
                )
    except DatabaseError:
        pass  # whether a row breaks it is not known; the statement says so when it is run
    return {}


def _decided(what: str, statement: str) -> dict[str, Any]:
    """What only a person decides, with the statement that does it one way."""
    return {"remedy": None, "statement": statement, "decides": f"a person decides {what}: {statement}"}


def _statement(name: str, **texts: str) -> str:
    """A file of statements on one line, to be pasted."""
    return " ".join(sqlfiles.put(f"mending/{name}.sql", **texts).split()) + ";"


def _first(ids: str | None) -> str:
    return f": {ids}" if ids else ""
