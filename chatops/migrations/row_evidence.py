"""What rows tell of files that move rows alone: those that a file writes out are there, or are as a later file changes them.

Positive only: a row that is not there proves nothing, for the application deletes and changes rows. Nothing is concluded of a
table that another file writes in a way that is not read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.objects_made import claims_of_statement, odd_literals_after, path_after, temporary_names
from chatops.migrations.scanner import Kind, Token
from chatops.migrations.sql_walk import Walk, catalog_name, literal_words, pieces, string_value, tokens_of

MOST_ROWS = 200
MOST_BESIDE = 2000
Table = tuple[str, str]
_OPERATORS = frozenset("+-*/%()") | {"||"}
_CONSTANTS = frozenset(("NULL", "TRUE", "FALSE"))
# Statements that leave the rows of the tables that they name as they are.
_KEEPS_ROWS = frozenset(("COMMENT", "GRANT", "REVOKE", "SET", "RESET", "ANALYZE", "VACUUM", "LOCK", "SHOW", "NOTIFY"))
_MAY_WRITE = frozenset(("FUNCTION", "PROCEDURE", "RULE", "TRIGGER"))


@frozen
class Written:
    """Rows that a file inserts as literals; each by column, a value as text or None."""

    file: int
    table: Table
    rows: tuple[Mapping[str, str | None], ...]


@frozen
class Changed:
    """Columns that a file sets to something that follows from the row alone: the column, and the expression as it stands."""

    file: int
    table: Table
    values: tuple[tuple[str, str], ...]
    names: frozenset[str]


@frozen
class Candidate:
    """A question whose yes proves that a file ran, where the file `needs` ran (None: whatever else ran)."""

    file: int
    needs: int | None
    table: Table
    question: str


@dataclass
class _Rows:
    """What the files do to rows; `others` are the names of each file's statements that are not read here."""

    written: list[Written] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    others: dict[int, set[str]] = field(default_factory=dict)
    columns: dict[Table, list[str]] = field(default_factory=dict)


def candidates(files: Sequence[MigrationText], path: Sequence[str]) -> tuple[Candidate, ...]:
    """What can be asked of a folder's files."""
    return _candidates(tuple(files), tuple(path))


@lru_cache(maxsize=8)
def _candidates(files: tuple[MigrationText, ...], path: tuple[str, ...]) -> tuple[Candidate, ...]:
    rows = _Rows()
    for index, file in enumerate(files):
        _read(rows, index, file, path)
    return (*_of_written(rows), *_of_changed(rows))


def proven(database: Database, asked: Sequence[Candidate]) -> list[Candidate]:
    """Those whose answer is yes; inside a transaction that reads."""
    if not asked:
        return []
    pairs = db.literal(json.dumps([[_named(one.table), one.question] for one in asked]))
    before = f"select set_config('chatops.questions', {pairs}, true)"
    told = database.script(f"{before}; {sqlfiles.read('queries/adopt_rows.sql')}\nselect current_setting('chatops.answers')")[-1][
        0
    ][0]
    return [one for one, letter in zip(asked, told, strict=True) if letter == "y"]


# -- what the files say -------------------------------------------------------------------------------------------------------


def _read(rows: _Rows, index: int, file: MigrationText, outside: tuple[str, ...]) -> None:
    now = outside
    session: set[str] = set()
    odd = False
    for statement in file.statements:
        tokens = tokens_of(statement.text)
        odd = odd_literals_after(tokens, odd)
        if (changed := path_after(tokens, outside, now)) is not None:
            now = changed
            continue
        session |= temporary_names(tokens, statement.text, now)
        walk = Walk(tokens, statement.text, statement.line, now)
        first = walk.keyword()
        done: Written | Changed | bool = False
        if odd and first in ("INSERT", "UPDATE"):
            done = False  # its literals mean something else here than they do there
        elif first == "INSERT" and statement.kind is not Kind.COPY:
            done = _insert(walk, index, session, rows.columns)
        elif first == "UPDATE":
            done = _update(walk, index, session)
        elif first in _KEEPS_ROWS or (first == "CREATE" and not any(token.upper in _MAY_WRITE for token in tokens[1:5])):
            done = True
            for claim in claims_of_statement(statement.text, now) if first == "CREATE" else ():
                if claim.thing.kind == "column":
                    rows.columns.setdefault((claim.thing.schema, claim.thing.parent), []).append(claim.thing.name)
        elif first == "ALTER":
            done = not {"TYPE", "RENAME", "DROP", "ATTACH"} & {token.upper for token in tokens}
        if isinstance(done, Written):
            rows.written.append(done)
        elif isinstance(done, Changed):
            rows.changed.append(done)
        elif not done:
            rows.others.setdefault(index, set()).update(walk.words | literal_words(tokens))


def _table(walk: Walk, session: set[str]) -> Table | bool | None:
    """The table that a statement writes; True for one of the session alone."""
    named = walk.qualified()
    if named is None:
        return None
    return True if (walk.bare and named[1] in session) or named[0] == "pg_temp" else named


def _insert(walk: Walk, index: int, session: set[str], known: Mapping[Table, Sequence[str]]) -> Written | bool:
    walk.take("INSERT", "INTO")
    table = _table(walk, session)
    if not isinstance(table, tuple):
        return table is True
    columns = walk.group()
    if not walk.take("VALUES"):
        return False
    all_columns = known.get(table, ())
    names = list(all_columns) if columns is None else [catalog_name(piece[0]) for piece in pieces(columns)]
    found: list[Mapping[str, str | None]] = []
    while (group := walk.group()) is not None:
        values = [_literal(piece) for piece in pieces(group)]
        if columns is None and len(values) < len(names) and not found:
            names = names[: len(values)]
        if len(values) != len(names) or any(value is False for value in values) or len(found) == MOST_ROWS:
            return False
        found.append({name: value for name, value in zip(names, values, strict=True) if not isinstance(value, bool)})
        walk.sign(",")
    return (
        Written(index, table, tuple(found)) if found and (walk.peek() is None or walk.keyword() in ("ON", "RETURNING")) else False
    )


def _literal(tokens: Sequence[Token]) -> str | bool | None:
    """The text of a literal, None for null; False for anything that is not one."""
    text = "".join(token.text for token in tokens)
    if len(tokens) == 1 and tokens[0].kind == "string" and tokens[0].text[0] in "'$":
        return string_value(tokens[0])
    if re.fullmatch(r"[+-]?[0-9]+(?:\.[0-9]+)?", text):
        return text
    if len(tokens) == 1 and tokens[0].upper in _CONSTANTS:
        return None if tokens[0].upper == "NULL" else text.lower()
    return False


def _update(walk: Walk, index: int, session: set[str]) -> Changed | bool:
    walk.take("UPDATE")
    walk.take("ONLY")
    table = _table(walk, session)
    if not isinstance(table, tuple):
        return table is True
    if not walk.take("SET"):
        return False
    values: list[tuple[str, str]] = []
    names: set[str] = set()
    for piece in pieces(walk.until("FROM", "WHERE", "RETURNING")):
        if len(piece) < 3 or piece[1].text != "=" or piece[0].kind not in ("word", "identifier"):
            return False
        used = _names_of(piece[2:])
        if used is None:
            return False
        names |= used
        values.append((catalog_name(piece[0]), walk.written(piece[2:])))
    return Changed(index, table, tuple(values), frozenset(names)) if values else False


def _names_of(tokens: Sequence[Token]) -> set[str] | None:
    """The columns of an expression that calls nothing; None for any other expression."""
    found: set[str] = set()
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.kind in ("word", "identifier"):
            if following is not None and following.text in ("(", "."):
                return None
            if token.upper not in _CONSTANTS:
                found.add(catalog_name(token))
        elif not (token.kind in ("number", "string") or (token.kind == "operator" and token.text in _OPERATORS)):
            return None
    return found


# -- what can be asked ----------------------------------------------------------------------------------------------------------


def _of_written(rows: _Rows) -> Iterable[Candidate]:
    """A file of which everything that it does to rows is such an insert, and all of them are there."""
    for file in sorted({one.file for one in rows.written} - rows.others.keys() - {one.file for one in rows.changed}):
        own = [one for one in rows.written if one.file == file]
        if all(_told_apart(rows, one) for one in own):
            questions = [f"coalesce(({_whether_there(rows, one)}), false)" for one in own]
            yield Candidate(file, None, own[0].table, f"select {' and '.join(questions)}")


def _told_apart(rows: _Rows, one: Written) -> bool:
    """Whether the rows could have come from no other file."""
    beside = _beside(rows, one)
    # Each row could be one of a file that says less of it, or writes the same value in other words: the server is asked of these.
    apart = all(_common(one, other) and not any(row in other.rows for row in one.rows) for other in beside)
    few = sum(len(other.rows) for other in beside) <= MOST_BESIDE
    return (
        apart and few and not _disturbed(rows, one.table, ()) and all(changed.table != one.table for changed in rows.changed)
    )  # fmt: skip


def _beside(rows: _Rows, one: Written) -> list[Written]:
    return [other for other in rows.written if other.table == one.table and other.file != one.file]


def _common(one: Written, other: Written) -> list[str]:
    return [name for name in one.rows[0] if name in other.rows[0]]


def _whether_there(rows: _Rows, one: Written) -> str:
    """Whether all rows are there, and none of them is what another file writes."""
    there = f"exists (select from {_named(one.table)} as t where {_alike('t', one.rows[0])})"
    others: dict[tuple[str, ...], list[Mapping[str, str | None]]] = {}
    for other in _beside(rows, one):
        common = _common(one, other)
        others.setdefault(tuple(common), []).extend({name: row[name] for name in common} for row in other.rows)
    apart = (
        f"not exists (select from {_given(one.table, theirs, 'p')} where {_alike('p', common)})"
        for common, theirs in others.items()
    )
    return f"select pg_catalog.bool_and({' and '.join([there, *apart])}) from {_given(one.table, one.rows)}"


def _alike(first: str, names: Iterable[str]) -> str:
    return " and ".join(f"{first}.{db.identifier(name)} is not distinct from o.{db.identifier(name)}" for name in names)


def _of_changed(rows: _Rows) -> Iterable[Candidate]:
    for one in rows.changed:
        if _disturbed(rows, one.table, (one.file,)) or any(
            other.table == one.table and other.file != one.file for other in rows.changed
        ):
            continue
        if sum(other.table == one.table and other.file == one.file for other in rows.changed) != 1:
            continue
        set_here = {name for name, _ in one.values}
        for written in rows.written:
            known = set(written.rows[0])
            if written.table != one.table or written.file >= one.file or not set_here | one.names <= known or known == set_here:
                continue
            yield Candidate(one.file, written.file, one.table, _whether_changed(one, written, sorted(known - set_here)))


def _whether_changed(one: Changed, written: Written, keys: Sequence[str]) -> str:
    """Whether each row is as it was written or as it was changed, and one at least is not as it was written."""
    named = [(db.identifier(name), text) for name, text in one.values]
    same = " and ".join(f"t.{name} is not distinct from o.{name}" for name, _ in named)
    changed = " and ".join(f"t.{name} is not distinct from n.{name}" for name, _ in named)
    where = " and ".join(f"t.{db.identifier(name)} is not distinct from o.{db.identifier(name)}" for name in keys)
    new = ", ".join(f"(\n{text}\n) as {name}" for name, text in named)
    return (
        "select pg_catalog.bool_and(f.rows operator(pg_catalog.=) 1::bigint and (f.same or f.changed))"
        f" and pg_catalog.bool_or(f.changed and not f.same) from {_given(written.table, written.rows)}"
        f" cross join lateral (select {new} from (select o.*) as own) as n"
        f" cross join lateral (select pg_catalog.count(*) as rows, pg_catalog.bool_and({same}) as same,"
        f" pg_catalog.bool_and({changed}) as changed from {_named(one.table)} as t where {where}) as f"
    )


def _given(table: Table, rows: Sequence[Mapping[str, str | None]], called: str = "o") -> str:
    written = db.literal(json.dumps(rows))
    return f"pg_catalog.jsonb_populate_recordset(null::{_named(table)}, {written}::jsonb) as {called}"


def _named(table: Table) -> str:
    return f"{db.identifier(table[0])}.{db.identifier(table[1])}"


def _disturbed(rows: _Rows, table: Table, aside: Sequence[int]) -> bool:
    """Whether a file writes a table in a way that is not read; what the files `aside` do is theirs."""
    return any(table[1] in names for index, names in rows.others.items() if index not in aside)
