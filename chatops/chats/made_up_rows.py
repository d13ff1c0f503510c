"""Made-up people as real rows of whatever tables this database has: with the accounts that they reference, names of their own,
and a value for each column that must have one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from uuid import UUID, uuid4

from chatops import sqlfiles
from chatops.db import Database, identifier
from chatops.errors import DatabaseError
from chatops.frozen import frozen

DEEPEST = 4
"""How far references are followed: a person, an account, and what an account may need."""
ROW = "chatops scenario"
_BY_CATEGORY: Mapping[str, object] = {"N": 0, "B": False, "D": "now", "T": "0", "A": "{}", "I": "127.0.0.1", "V": "0"}
"""What a column holds that must have a value, by its type's category."""


@frozen
class ColumnNeeds:
    """A column, and what a row must bring for it; `schema_name`, `table_name`, `column_name` are what it references."""

    name: str
    type: str
    category: str
    longest: int | None
    required: bool
    filled: bool
    alone_unique: bool
    first_label: str | None
    schema_name: str | None
    table_name: str | None
    column_name: str | None

    def made_up(self) -> object:
        """A value that nobody else has where it must be so; None where the type is not known."""
        if self.type == "uuid":
            return str(uuid4())
        if self.category in ("S", "X") or self.type in ("text", "varchar", "bpchar", "citext", "name"):
            return f"{ROW} {uuid4()}"[-(self.longest or 200) :]
        if self.category == "E":
            return self.first_label
        if self.type in ("json", "jsonb"):
            return {}
        if self.category == "N" and self.alone_unique:
            return uuid4().int % 2_000_000_000
        return _BY_CATEGORY.get(self.category)


def make_row(
    database: Database, table: str, key: UUID, known: Mapping[str, object], *, schema: str | None = None, deep: int = 0
) -> list[tuple[str | None, str, UUID]]:
    """Inserts a row under that id, and what it references before it; the rows made, as schema, table and id.

    `known` are values for the columns that are there. Raises DatabaseError when the table would not take it.
    """
    columns = database.rows(ColumnNeeds, sqlfiles.read("queries/made_up_columns.sql"), {"schema": schema, "table": table})
    if not columns:
        raise DatabaseError(f"there is no table {table}", sqlstate="42P01")
    made: list[tuple[str | None, str, UUID]] = []
    row: dict[str, object] = {}
    for column, value in _values(database, columns, {"id": str(key), **known}, schema, table):
        row[column.name] = value
        elsewhere = column.table_name is not None and (column.schema_name, column.table_name) != (schema, table)
        if elsewhere and isinstance(value, str) and column.type == "uuid" and deep < DEEPEST:
            made += _referenced(database, column, UUID(value), known, deep)
    place = f"{identifier(schema)}.{identifier(table)}" if schema is not None else identifier(table)
    names = ", ".join(identifier(name) for name in row)
    inserted = database.execute(
        f"insert into {place} ({names}) select {names} from jsonb_populate_record(null::{place}, :'row'::jsonb)"
        " on conflict do nothing",
        {"row": json.dumps(row)},
    )
    if not inserted:
        _taken_over(database, place, key, row)
    return [*made, (schema, table, key)]


def _values(
    database: Database, columns: list[ColumnNeeds], known: Mapping[str, object], schema: str | None, table: str
) -> Iterator[tuple[ColumnNeeds, object]]:
    """Each column that gets a value: what is known, else what a row of the table has, else something made up."""
    needed = [column for column in columns if column.name in known or (column.required and not column.filled)]
    missing = [column for column in needed if column.name not in known and not column.alone_unique]
    like = _template(database, schema, table) if missing else {}
    for column in needed:
        if column.name in known:
            value = known[column.name]
            yield column, value[: column.longest] if isinstance(value, str) and column.longest else value
        elif column in missing and like.get(column.name) is not None:
            yield column, like[column.name]
        elif (value := column.made_up()) is not None:
            yield column, value


def _template(database: Database, schema: str | None, table: str) -> Mapping[str, object]:
    place = f"{identifier(schema)}.{identifier(table)}" if schema is not None else identifier(table)
    found = database.value(f"select to_jsonb(t) from {place} as t limit 1")
    return found if isinstance(found, Mapping) else {}


def _referenced(
    database: Database, column: ColumnNeeds, value: UUID, known: Mapping[str, object], deep: int
) -> list[tuple[str | None, str, UUID]]:
    """What a column references, made where it is not there."""
    assert column.table_name is not None
    assert column.schema_name is not None
    place = f"{identifier(column.schema_name)}.{identifier(column.table_name)}"
    wanted = f"select exists (select from {place} where {identifier(column.column_name or 'id')} = :'value'::uuid)"
    if database.value(wanted, {"value": value}):
        return []
    account = {name: known[name] for name in ("email", "created_at", "updated_at") if name in known}
    return make_row(database, column.table_name, value, account, schema=column.schema_name, deep=deep + 1)


def _taken_over(database: Database, place: str, key: UUID, row: Mapping[str, object]) -> None:
    """The application's own trigger has made the row already, as for a new account: gives it our values."""
    names = [name for name in row if name != "id"]
    assignments = ", ".join(f"{identifier(name)} = r.{identifier(name)}" for name in names) or "id = r.id"
    changed = database.execute(
        f"update {place} as t set {assignments} from jsonb_populate_record(null::{place}, :'row'::jsonb) as r where t.id = r.id",
        {"row": json.dumps(row)},
    )
    if changed != 1:
        raise DatabaseError(f"{place} did not take a made-up row, and raised no error: a rule, a trigger or a unique column")
