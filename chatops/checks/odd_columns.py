"""Which tables and columns of ours are missing, or of another type: for whoever was told only that a statement failed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping

from chatops import formatting, sqlfiles
from chatops.checks import catalog
from chatops.db import Database
from chatops.errors import ChatopsError
from chatops.frozen import frozen

MOST = 5


@frozen
class _Column:
    name: str
    kind: str
    is_alike: bool
    """Whether it is of the same sort as the type that was asked about: all texts, all numbers."""


def told(connect: Callable[[], Database]) -> list[str]:
    """A line for each of the first, and how many more there are; none where nothing is odd, or nothing can be asked."""
    with contextlib.suppress(ChatopsError):
        return formatting.first_lines(_differences(connect()), MOST)
    return []


def _differences(database: Database) -> list[str]:
    types = _types()
    found = database.glance_at(_Column, sqlfiles.read("queries/column_types.sql"), {"types": json.dumps(types)})
    there = {one.name: one for one in found}
    tables = {name.rpartition(".")[0] for name in there}
    needed = [name for name in _types(needed=True) if name not in there]
    lines = []
    for table in dict.fromkeys(name.rpartition(".")[0] for name in needed):
        gone = [name for name in needed if name.rpartition(".")[0] == table]
        lines += [f"there is no column {name}" for name in gone] if table in tables else [f"there is no table {table}"]
    return lines + [f"{name} is {one.kind}, not {types[name]}" for name, one in there.items() if not one.is_alike]


def _types(*, needed: bool = False) -> Mapping[str, str]:
    """The columns that our files make, each with its type; `needed`: those that are there on every database of ours."""
    files = [catalog.BOOKKEEPING, catalog.CORE] if needed else [catalog.BOOKKEEPING, *sqlfiles.names("migrations")]
    found = {}
    for file in files:
        for label, made in catalog.objects_of(file).items():
            kind, _, name = label.partition(" ")
            if kind == "column" and made and (not needed or name not in catalog.OPTIONAL):
                found[name] = str(made["type"])
    return found
