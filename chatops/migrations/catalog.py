"""What exists in some schemas, ready to be asked whether a file's objects are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatops import sqlfiles
from chatops.db import Database
from chatops.migrations.objects_made import BUILT_IN, Thing
from chatops.migrations.scanner import normalised


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One object of `sql/queries/catalog.sql`."""

    kind: str
    schema: str
    parent: str
    name: str
    detail: Mapping[str, Any]


class Catalog:
    """The objects of some schemas by what they are called."""

    def __init__(self, rows: Sequence[CatalogRow]) -> None:
        self._things = {Thing(row.kind, row.schema, row.parent, row.name): row.detail for row in rows}
        self._overloads: dict[tuple[str, str], list[Thing]] = {}
        for row in rows:
            if row.kind == "function":
                types = ", ".join(_plain_type(one) for one in row.parent.split(", ") if one)
                thing = Thing("function", row.schema, types, row.name)
                self._things[thing] = row.detail
                self._overloads.setdefault((row.schema, row.name), []).append(thing)
        self.names = {(row.schema, row.name) for row in rows}

    def has(self, thing: Thing) -> bool:
        """Whether a thing is there, and whole: an index valid, a constraint validated where that is what is asked."""
        return self.fault(thing) is None

    def fault(self, thing: Thing) -> str | None:
        """Why a thing does not count as there, in a word or two; None when it does."""
        detail = self._detail(thing)
        if detail is None:
            return "missing"
        if thing.kind == "index" and not detail["valid"]:
            return "invalid"
        if thing.kind == "row level security" and not detail["row_security"]:
            return "off"
        if thing.kind == "not null" and not detail["not_null"]:
            return "missing"
        if thing.kind == "default" and not detail["default"]:
            return "missing"
        if thing.kind == "validated" and not detail["validated"]:
            return "not validated"
        return None

    def body(self, thing: Thing) -> tuple[str, str] | None:
        """A function's text as it stands and normalised; None where it is not kept as text."""
        detail = self._detail(thing)
        if detail is None or not detail["text"]:
            return None
        return detail["body"], normalised(detail["body"])

    def _detail(self, thing: Thing) -> Mapping[str, Any] | None:
        if thing.kind == "function":
            found = self._function(thing)
            return None if found is None else self._things[found]
        kind = _KEPT_WITH.get(thing.kind)
        return self._things.get(thing if kind is None else Thing(kind, thing.schema, thing.parent, thing.name))

    def _function(self, thing: Thing) -> Thing | None:
        if thing in self._things:
            return thing
        overloads = list(dict.fromkeys(self._overloads.get((thing.schema, thing.name), ())))
        if thing.parent == "*":
            return overloads[0] if overloads else None
        # A type may be spelled in a way that is not known here (an alias, a domain): the only function that it may be, is it.
        alike = [one for one in overloads if _may_be(one.parent, thing.parent)]
        return alike[0] if len(alike) == 1 and len(overloads) == 1 else None


def catalog(database: Database, schemas: Sequence[str]) -> Catalog:
    """Reads what exists in some schemas; inside a transaction."""
    return Catalog(database.rows(CatalogRow, sqlfiles.read("queries/catalog.sql"), {"schemas": list(schemas)}))


_KEPT_WITH = {"row level security": "table", "not null": "column", "default": "column", "validated": "constraint"}


def _may_be(live: str, claimed: str) -> bool:
    """Whether two lists of types may be the same: as long, and nowhere two types that are known to differ."""
    ours, theirs = claimed.split(", ") if claimed else [], live.split(", ") if live else []
    if len(ours) != len(theirs):
        return False
    return all(a == b or a not in BUILT_IN or b not in BUILT_IN for a, b in zip(ours, theirs, strict=True))


def _plain_type(name: str) -> str:
    """A type's name without its schema and quotes."""
    array = "[]" if name.endswith("[]") else ""
    last = name.removesuffix("[]").rpartition(".")[2]
    return last.strip('"') + array
