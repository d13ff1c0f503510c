"""What stands at a point of a folder's replay, what leans on what, and what a drop takes along."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from chatops.frozen import frozen
from chatops.migrations.claims import Claim, Definition, Thing

Place = tuple[int, int]
THERE = Definition("there")
# What a server may have whatever the files did: other databases share roles, platforms make extensions and schemas.
_FROM_OUTSIDE = frozenset(("extension", "role", "publication"))
PLATFORM_SCHEMAS = frozenset(
    ("public", "extensions", "auth", "storage", "graphql", "graphql_public", "realtime", "vault", "pgsodium")
)


# ALTER TABLE renames any of these, ALTER TYPE and DROP TYPE are for domains, too.
_CALLED_ALIKE = (("table", "view", "materialized view", "sequence", "index"), ("type", "domain"))
RELATIONS = ("table", "view", "materialized view")
# What may be dropped together with all that uses it, what may use it, and what of that may be used in turn.
_USED = (*RELATIONS, "function", "type", "domain", "sequence", "extension", "other")
_MAY_GO_ALONG = frozenset(
    ("column", "constraint", "index", "policy", "trigger", "rule", "view", "materialized view", "function", "sequence", "domain")
)
_NAMED_IN_LITERALS = ("sequence", "other")
_LEANT_ON = frozenset(("view", "materialized view", "function", "column", "sequence", "domain"))


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Whether a thing is there (`part` is ""), or one part of what it is defined as."""

    thing: Thing
    part: str = ""

    def __str__(self) -> str:
        if not self.part:
            return str(self.thing)
        if self.thing.kind == "column":
            return f"{self.part} of {self.thing.parent}.{self.thing.name}"
        if self.part == "validated":
            return f"validation of {self.thing}"
        if self.thing.kind == "table":
            return f"{self.part} of {self.thing.name}"
        return f"{self.part} of {self.thing}"


@frozen
class Write:
    """What a file puts into a cell: a definition, None for a thing that is gone, or what `source` held until then.

    `certain`: whenever the file runs. `doubles`: a second run makes another one, for the server finds a free name.
    """

    place: Place
    value: Definition | None
    certain: bool
    line: int
    source: Cell | None = None
    doubles: bool = False
    unless: tuple[int, ...] = ()
    """Files without which alone it happens: IF NOT EXISTS does nothing where one of them ran."""
    lenient: bool = False
    """Whether it does nothing where the thing is there, whoever made it."""

    @property
    def file(self) -> int:
        """The file, by its place in the folder."""
        return self.place[0]


@frozen
class Need:
    """What a file fails without: a cell's thing there, or absent."""

    place: Place
    cell: Cell
    there: bool

    @property
    def file(self) -> int:
        """The file, by its place in the folder."""
        return self.place[0]


class Standing:
    """The things of the files so far. `foreign` are cells that are filled before any file runs, or may be."""

    def __init__(self) -> None:
        self.cells: dict[Cell, list[Write]] = {}
        self.foreign: set[Cell] = set()
        self.standing: dict[Thing, bool] = {}
        self._words: dict[Thing, frozenset[str]] = {}
        self._respellings: dict[Thing, set[str]] = {}
        self._tables: dict[Thing, Thing] = {}
        self._once: dict[Thing, set[str]] = {}  # tables it is on if one of the files that renamed them did not run
        self._parts: dict[Thing, set[str]] = {}
        self._children: dict[Thing, set[Thing]] = {}  # what is, or was once, a partition of a thing or inherits from it

    def writes(self, cell: Cell) -> list[Write]:
        """The writes of a cell in order."""
        return self.cells.get(cell, [])

    def table_of(self, thing: Thing) -> Thing | None:
        """The table that a thing stands on."""
        return self._tables.get(thing) or thing.owner

    def _meant(self, thing: Thing) -> list[Thing]:
        """The things that a claim may mean: all of a name for a function without arguments, all on a table for "*"."""
        if thing.kind == "function" and thing.parent == "*":
            named = (thing.schema, thing.name)
            return [one for one in self.standing if one.kind == "function" and (one.schema, one.name) == named]
        if thing.name == "*":
            return [one for one in self.standing if one.kind == thing.kind and one.owner == thing.owner]
        return [thing]

    def _of_its_kind(self, claim: Claim) -> Claim:
        """A claim about the view, sequence, index or domain that a statement calls a table or a type, as the server lets it."""
        asked = claim.was or claim.thing
        if (claim.there and claim.was is None) or Cell(asked) in self.cells:
            return claim
        alike = next((kinds for kinds in _CALLED_ALIKE if asked.kind in kinds), ())
        kind = next((one for one in alike if replace(asked, kind=one) in self.standing), asked.kind)
        was = None if claim.was is None else replace(claim.was, kind=kind)
        return replace(claim, thing=replace(claim.thing, kind=kind), was=was)

    def below(self, thing: Thing) -> Iterable[Thing]:
        """What a change of a thing reaches in the tables and indexes below: partitions, and tables that inherit."""
        owner = thing.owner
        for child in self._descendants(owner or thing) if self._children else ():
            same = child if owner is None else replace(thing, schema=child.schema, parent=child.name)
            if same in self.standing:
                yield same

    def _descendants(self, thing: Thing) -> set[Thing]:
        found: set[Thing] = set()
        waiting = [thing]
        while waiting:
            for child in self._children.get(waiting.pop(), set()) - found:
                found.add(child)
                waiting.append(child)
        return found - {thing}

    def _taken_along(self, gone: Thing, *, cascade: bool) -> Iterable[tuple[Thing, bool]]:
        """What goes with a thing, and what goes with that, and whether it is certain."""
        found: dict[Thing, bool] = {}
        waiting = [(gone, True)]
        while waiting:
            first, sure = waiting.pop()
            below = list(self.below(first))
            for thing, certain in [*self._directly_along(first, cascade=cascade), *((child, False) for child in below)]:
                known = found.get(thing)
                if thing == gone or (known is not None and (known or not (sure and certain))):
                    continue
                found[thing] = sure and certain
                if thing in below or (cascade and thing.kind in _LEANT_ON and thing.owner != gone):
                    waiting.append((thing, found[thing]))
        yield from found.items()

    def _directly_along(self, gone: Thing, *, cascade: bool) -> Iterable[tuple[Thing, bool]]:
        # Also what is gone already if every file runs: some did not, perhaps.
        for thing in list(self.standing):
            if thing == gone:
                continue
            certain = self._on_it(thing, gone, cascade=cascade)
            if certain is not None:
                yield thing, certain
            elif cascade and gone.kind in _USED and self._may_use(thing, gone):
                yield thing, False

    def _may_use(self, thing: Thing, gone: Thing) -> bool:
        """Whether a thing may use another one: what belongs to an extension is not known, nor what is used without its name."""
        words = self._words.get(thing, frozenset())
        if thing.kind not in _MAY_GO_ALONG and not (thing.kind == "table" and gone.kind == "other" and "foreign" in words):
            return False
        if gone.kind == "extension" or not gone.name or gone.name in words:
            return True
        return gone.kind in _NAMED_IN_LITERALS and self._mentions(thing, gone.name)

    def _on_it(self, thing: Thing, gone: Thing, *, cascade: bool) -> bool | None:
        """Whether it is certain that a thing goes with another one that it stands on or belongs to; None where it does not."""
        owner = thing.owner
        same_schema = thing.schema == gone.schema
        words = self._words.get(thing, frozenset())
        if gone.kind == "schema":
            return True if thing.schema == gone.name else None
        if gone.kind in RELATIONS and same_schema:
            on_it = owner is not None and owner.name == gone.name and owner.kind != "type"
            if on_it or (self._tables.get(thing, gone).name == gone.name and thing.kind == "index"):
                return on_it or thing not in self._once  # an index keeps its name, whether its table was renamed or not
            return False if gone.name in self._once.get(thing, ()) or (thing.kind == "sequence" and gone.name in words) else None
        if gone.kind == "column" and thing.kind == "sequence":
            return False if {gone.name, gone.parent} <= words else None
        if gone.kind == "column" and same_schema and thing.kind in ("index", "constraint", "policy", "trigger", "view"):
            table = self._tables[thing].name if thing in self._tables else thing.parent
            on_it = table == gone.parent or gone.parent in self._once.get(thing, ())
            return False if (on_it or (cascade and gone.parent in words)) and self._mentions(thing, gone.name) else None
        if gone.kind == "constraint":
            index = Thing("index", gone.schema, "", gone.name)
            uses = thing == index or (cascade and thing.kind == "constraint" and gone.parent in words)
            return (thing == index and not cascade) if uses else None
        return True if gone.kind == "type" and owner == gone else None

    def _mentions(self, thing: Thing, name: str) -> bool:
        """Whether the definition of a thing names a column."""
        texts = [
            write.value.text
            for part in self._parts.get(thing, ())
            for write in self.cells.get(Cell(thing, part), ())
            if write.value is not None and write.value.how in ("expression", "keys", "loose", "query", "default")
        ]
        told = " ".join([*texts, *self._respellings.get(thing, ())] if any(texts) else self._words.get(thing, ()))
        return re.search(rf"\b{re.escape(name)}\b", told, re.IGNORECASE) is not None
