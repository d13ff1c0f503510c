"""How many rows each repair of a file would mend, one repair after the other, without writing any.

What one repair mends may be nothing to the next, or bring it to light. So the writes of a repair (`changed`, `closed`, `idle`)
are turned into what they would write, and the next one reads its tables with that laid over them, as CTEs of the same names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.migrations.scanner import significant
from chatops.repairs import texts
from chatops.repairs.texts import Repair

MOST = 5_000
"""Rows that are laid over the tables: of more than that each repair is counted by itself."""
APART = frozenset({"CONF001", "DATA001", "DATA002", "DATA005", "QUEUE012"})
"""What touches no row that the others look at, or, as the queue's clocks, is kept by triggers while the others work."""
_LOCKS = re.compile(r"\bfor no key update of [\w, ]+? skip locked")
_SEEN = re.compile(r"'mended', \(select pg_catalog\.count\(\*\) from (\w+)\)")
_UPDATE = re.compile(r"update\s+(\w+)\s+(\w+)\s+set\s")
_DELETE = re.compile(r"delete\s+from\s+(\w+)\s+(\w+)\s+using\s+(.*?)\swhere\s(.*)\sreturning\s", re.DOTALL)
_INSERT = re.compile(r"insert\s+into\s+(\w+)\s*\(([\w, ]+)\)\s*(select\s.*)\sreturning\s", re.DOTALL)
_PLACE = "array['xmin', 'ctid']"


class TooManyRowsError(Exception):
    """More rows than are laid over the tables."""


@frozen
class Written:
    """One CTE of a repair that writes: the table, and the query that tells its rows as they would be (null: gone) by key."""

    name: str
    table: str
    query: str


@dataclass(slots=True)
class Ahead:
    """The rows as they would be by now, by table and key; None for one that is gone."""

    database: Database
    rows: dict[str, dict[str, str | None]] = field(default_factory=dict)

    def count(self, repair: Repair, *, before_018: bool) -> int:
        """How many rows this repair mends when its turn comes; its writes are laid over what the next one reads.

        Raises TooManyRowsError. Inside a transaction that reads, with the settings for finding.
        """
        finding = repair.finding(before_018=before_018)
        if repair.code in APART:
            return int(self.database.value(sqlfiles.counted(finding if repair.code == "QUEUE012" else self.over(finding))))
        lines = self.database.value(texts.found_text(self.over(finding), MOST + 1))
        found = str(lines).split("\n") if lines else []
        if len(found) > MOST:
            raise TooManyRowsError
        return self.mend(repair, found) if found else 0

    def mend(self, repair: Repair, found: Sequence[str]) -> int:
        """What the repair answers for these rows."""
        told = json.loads(str(self.database.value(self.over(told_only(repair.mending(found))))))
        for table, key, row in told["rows"] or ():
            self.rows.setdefault(table, {})[key] = None if row is None else json.dumps(row)
        if sum(map(len, self.rows.values())) > MOST:
            raise TooManyRowsError
        return int(told["mended"])

    def over(self, query: str) -> str:
        """A query with the tables as they would be."""
        lead = [_laid_over(table, rows) for table, rows in self.rows.items() if rows]
        return sqlfiles.in_front(",\n".join(lead), query) if lead else query


KEYS = {"chats": "id::text", "chat_assignments": "id::text", "operator_activity": "(chat_id::text || ' ' || operator_id::text)"}
"""What names a row of each table that repairs write."""


def _laid_over(table: str, rows: dict[str, str | None]) -> str:
    keys = db.literal(json.dumps(list(rows)))
    there = db.literal(f"[{','.join(row for row in rows.values() if row is not None)}]")
    others = f"{KEYS[table]} <> all(array(select pg_catalog.jsonb_array_elements_text({keys}::jsonb)))"
    laid = f"pg_catalog.jsonb_populate_recordset(null::{table}, {there}::jsonb) as laid"
    return (
        f"{table} as not materialized (\nselect xmin, ctid, * from {table} where {others}\n"
        f"union all select '0'::xid, '(0,0)'::tid, laid.* from {laid})"
    )


def told_only(mending: str) -> str:
    """A repair's statement as a query that writes nothing: `mended` and, by table and key, the rows as they would be.

    >>> text = "with locked as (select c.* from chats c), changed as (update chats c set n = 1 from locked l where c.id = l.id"
    >>> told = told_only(text + " returning c.id) select jsonb_build_object('mended', (select pg_catalog.count(*) from changed))")
    >>> "update" in told, "from chats c, locked l where c.id = l.id" in told
    (False, True)
    """
    parts, tail = _ctes(_LOCKS.sub("", mending))
    main = _SEEN.search(tail)
    assert main is not None, tail
    lead, written = [], []
    for name, head, body in parts:
        if body.lstrip().startswith("insert into chatops.actions"):
            continue
        one = _writing(name, body)
        written += [one] if one is not None else []
        lead.append(f"{head} ({body if one is None else one.query})")
    rows = "\nunion all\n".join(f"select '{one.table}' as name, w.key, w.row from {one.name} as w" for one in written)
    answer = "pg_catalog.jsonb_build_array(w.name, w.key, w.row)"
    return (
        f"with {', '.join(lead)}\nselect pg_catalog.jsonb_build_object('mended', (select pg_catalog.count(*) from {main[1]}),"
        f" 'rows', (select pg_catalog.jsonb_agg({answer}) from (\n{rows}\n) as w))::text"
    )


def _writing(name: str, body: str) -> Written | None:
    text = body.strip()
    if match := _UPDATE.match(text):
        table, alias = match.groups()
        sets, source = _set_list(text[match.end() :])
        made = ", ".join(f"'{column}', ({value})" for column, value in sets)
        row = f"(pg_catalog.to_jsonb({alias}) - {_PLACE}) || pg_catalog.jsonb_build_object({made})"
        return Written(name, table, f"select {_key(table, alias)} as key, {row} as row from {table} {alias}, {source}")
    if match := _DELETE.match(text):
        table, alias, using, where = match.groups()
        return Written(
            name, table, f"select {_key(table, alias)} as key, null::jsonb as row from {table} {alias}, {using} where {where}"
        )
    if match := _INSERT.match(text):
        table, columns, query = match.groups()
        row = "pg_catalog.to_jsonb(n) || pg_catalog.jsonb_build_object('id', n.key)"
        made = f"select pg_catalog.gen_random_uuid()::text as key, made.* from ({query}) as made ({columns})"
        return Written(name, table, f"select n.key, ({row}) - 'key' as row from ({made}) as n")
    return None


def _key(table: str, alias: str) -> str:
    return re.sub(r"\b(id|chat_id|operator_id)\b", rf"{alias}.\1", KEYS[table])


def _set_list(text: str) -> tuple[list[tuple[str, str]], str]:
    """The assignments of an UPDATE, and what stands from its FROM to its RETURNING."""
    pieces: list[str] = []
    begin, source, end = 0, None, len(text)
    for word, start, stop in _at_top(text):
        if word == "," and source is None:
            pieces.append(text[begin:start])
            begin = stop
        elif word == "from" and source is None:
            pieces.append(text[begin:start])
            source = stop
        elif word == "returning":
            end = start
    assert source is not None, text
    sets = [piece.partition("=") for piece in pieces]
    return [(column.strip(), value.strip()) for column, _, value in sets], text[source:end].strip()


def _at_top(text: str) -> Iterator[tuple[str, int, int]]:
    """The words outside of parentheses, where they begin and end."""
    depth = 0
    for token in significant(text):
        depth -= token.text == ")"
        if depth == 0:
            yield token.text.lower(), token.start, token.start + len(token.text)
        depth += token.text == "("


def _ctes(text: str) -> tuple[list[tuple[str, str, str]], str]:
    """The CTEs of a statement (name, what stands before its parenthesis, what within), and the rest."""
    found: list[tuple[str, str, str]] = []
    begin = re.match(r"\s*with\s", text)
    assert begin is not None, text
    position, opened = begin.end(), 0
    for word, start, stop in list(_at_top(text[position:])):
        if word == "(":
            opened = stop
        elif word == ")":
            head = text[position:][: opened - 1].rpartition(",")[2] if found else text[position:][: opened - 1]
            found.append((head.split()[0], head.strip(), text[position:][opened:start]))
        elif word == "select":
            return found, text[position:][start:]
    raise AssertionError(text)
