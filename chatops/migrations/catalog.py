"""What exists in some schemas and how it is defined, ready to be asked whether a file's objects are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chatops import sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.migrations.claims import Definition, Thing
from chatops.migrations.read_create import create
from chatops.migrations.read_table import table_constraint
from chatops.migrations.same_definition import settled
from chatops.migrations.sql_types import may_be_same, plain_type
from chatops.migrations.sql_walk import Walk, tokens_of
from chatops.migrations.standing import Cell

Detail = Mapping[str, object]


@frozen
class CatalogRow:
    """One object of `sql/queries/catalog.sql`."""

    kind: str
    schema: str
    parent: str
    name: str
    detail: Detail


class Catalog:
    """The objects of some schemas by what they are called."""

    def __init__(self, rows: Sequence[CatalogRow]) -> None:
        self._things: dict[Thing, Detail] = {Thing(row.kind, row.schema, row.parent, row.name): row.detail for row in rows}
        self._overloads: dict[tuple[str, str], list[Thing]] = {}
        self._read: dict[Thing, dict[str, str]] = {}
        for row in rows:
            if row.kind == "function":
                types = ", ".join(plain_type(one) for one in row.parent.split(", ") if one)
                thing = Thing("function", row.schema, types, row.name)
                self._things[thing] = row.detail
                self._overloads.setdefault((row.schema, row.name), []).append(thing)

    def has(self, thing: Thing) -> bool:
        """Whether a thing is there, an index valid."""
        return self.fault(thing) is None

    def fault(self, thing: Thing) -> str | None:
        """Why a thing does not count as there, in a word or two; None when it does."""
        detail = self._detail(thing)
        if detail is None:
            return "missing"
        return "invalid" if thing.kind == "index" and not detail["valid"] else None

    def table_of(self, thing: Thing) -> str:
        """The table that a thing stands on."""
        detail = self._detail(thing) or {}
        return str(detail.get("table") or thing.parent)

    def text(self, cell: Cell) -> str | None:
        """One part of a thing as the server writes it; None where there is no such part, or it is not kept as text."""
        detail = self._detail(cell.thing)
        if detail is None:
            return None
        kept = detail.get(cell.part)
        if kept is not None:
            return str(kept).replace('""', "''") if cell.part == "search path" else str(kept)
        return self._parts(cell.thing, detail).get(cell.part)

    def equal(self, cell: Cell, written: Definition, compared: Mapping[tuple[Cell, Definition], bool | None]) -> bool | None:
        """Whether a part is what a file writes; None where that is not known."""
        live = self.text(cell)
        if live is None:
            return None
        told = settled(written, live)
        return compared.get((cell, written)) if told is None else told

    def _parts(self, thing: Thing, detail: Detail) -> dict[str, str]:
        """The parts of what the server shows as a statement: read as a file's statement is."""
        if thing not in self._read:
            text = str(detail.get("create") or detail.get("constraint") or "")
            claims = []
            if detail.get("create"):
                claims = create(Walk(tokens_of(text), text, 1, (thing.schema,))) or []
            elif text:
                text = f'constraint "{thing.name}" {text}'
                tokens = tokens_of(text)
                walk = Walk(tokens, text, 1, (thing.schema,))
                claims = table_constraint(walk, tokens, (thing.schema, thing.parent), bare=False)
            self._read[thing] = {name: part.text for name, part in claims[0].parts} if claims else {}
        return self._read[thing]

    def _detail(self, thing: Thing) -> Detail | None:
        found = self._function(thing) if thing.kind == "function" else thing
        return None if found is None else self._things.get(found)

    def _function(self, thing: Thing) -> Thing | None:
        if thing in self._things:
            return thing
        overloads = list(dict.fromkeys(self._overloads.get((thing.schema, thing.name), ())))
        # A type may be spelled in a way that is not known here (an alias, a domain): the only function that it may be, is it.
        alike = [one for one in overloads if may_be_same(one.parent, thing.parent)]
        return alike[0] if len(alike) == 1 and len(overloads) == 1 else None


def catalog(database: Database, schemas: Sequence[str]) -> Catalog:
    """Reads what exists in some schemas; inside a transaction."""
    return Catalog(database.rows(CatalogRow, sqlfiles.read("queries/catalog.sql"), {"schemas": list(schemas)}))
