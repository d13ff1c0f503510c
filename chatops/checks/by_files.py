"""Sentences of a check that hold before or from a migration of ours on: told of a database as far as its files are in."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from chatops import sqlfiles
from chatops.checks import catalog
from chatops.checks.inventory import Inventory

Has = Callable[[str], bool]
"""Whether the file of this name is in."""
_PART = re.compile(r"\[(before|from) ([a-z]+ [\w.]+): ([^\[\]]*)\]")


def told(text: str, has: Has | None) -> str:
    """A sentence with its `[before KIND NAME: …]` and `[from KIND NAME: …]`, by the migration that first makes that object.

    Without a database (None) both are told, each with the number of the migration.
    """

    def part(place: re.Match[str]) -> str:
        when, made, words = place.groups()
        file = maker(made)
        if has is None:
            sign, said = (";", words.lstrip("; ")) if words.startswith(";") else ("", words)
            return f"{sign} {when} {file.partition('_')[0]}{' on' if when == 'from' else ''}: {said}"
        return words if has(file) is (when == "from") else ""

    return " ".join(_PART.sub(part, text).split()).strip("; ") if "[" in text else text


@cache
def maker(made: str) -> str:
    """The migration that first makes an object, or that is named. Raises LookupError where there is none."""
    if made.startswith("file "):
        named = made.removeprefix("file ")
        file = named if named in sqlfiles.names("migrations") else None
    else:
        file = first_maker(made)
    if file is None:
        raise LookupError(f"no migration makes {made}")
    return file


def first_maker(made: str) -> str | None:
    """The same, None where none does."""
    return next((file for file in sqlfiles.names("migrations") if catalog.objects_of(file).get(made) is not None), None)


def of(inventory: Inventory) -> Has:
    """Which files are in: as the ledger says; where nothing is noted, by the objects there; else by the queue's clocks."""
    known, stand = inventory.known.files, inventory.stand

    def has(file: str) -> bool:
        if known is not None:
            return file in known
        return file[:3] <= stand if stand is not None else not inventory.before_018 or file < "018"

    return has
