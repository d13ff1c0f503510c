"""Folds the claims of all files of a folder, in order, into one expected catalog: who writes what into each of its cells.

A cell is whether a thing is there, or one part of what it is. Nothing here knows a database: a cell has the writes that it
would get if every file ran, and a file has the needs without which it would fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chatops.frozen import frozen
from chatops.migrations.claims import ANY, LISTS, Claim, Claims, Definition, Thing, Unread, in_schema, index_of

Place = tuple[int, int]
THERE = Definition("there")
# What a server may have whatever the files did: other databases share roles, platforms make extensions and schemas.
_FROM_OUTSIDE = frozenset(("extension", "role", "publication"))
PLATFORM_SCHEMAS = frozenset(
    ("public", "extensions", "auth", "storage", "graphql", "graphql_public", "realtime", "vault", "pgsodium")
)


# What goes with a function or type that is dropped with all that uses it.
_USED = ("function", "type", "domain", "extension")
_LEAN_ON_TABLES = ("view", "materialized view", "constraint", "function")
_USERS = ("column", "trigger", "policy", "view", "function", "constraint")


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


class Replay:
    """The expected catalog of a folder. `foreign` are cells that are filled before any file runs, or may be."""

    def __init__(self, files: Sequence[Claims], path: Sequence[str]) -> None:
        self.path = tuple(path)
        self.cells: dict[Cell, list[Write]] = {}
        self.needs: list[Need] = []
        self.foreign: set[Cell] = set()
        self.words = [claims.words for claims in files]
        self.standing: dict[Thing, bool] = {}
        self._words: dict[Thing, frozenset[str]] = {}
        self._respellings: dict[Thing, set[str]] = {}
        self._tables: dict[Thing, Thing] = {}
        self._once: dict[Thing, set[str]] = {}  # tables it is on if one of the files that renamed them did not run
        self._parts: dict[Thing, set[str]] = {}
        self._at: Place = (0, 0)
        self._line = 0
        self._unnamed: set[Cell] = set()
        for index, claims in enumerate(files):
            for position, claim in enumerate(claims.claims):
                self._at, self._line = (index, position), claim.line
                self._unread(claim) if isinstance(claim, Unread) else self._apply(self._resolved(claim))
        self._sure_of_names()

    def writes(self, cell: Cell) -> list[Write]:
        """The writes of a cell in order."""
        return self.cells.get(cell, [])

    def table_of(self, thing: Thing) -> Thing | None:
        """The table that a thing stands on."""
        return self._tables.get(thing) or thing.owner

    # -- one claim ---------------------------------------------------------------------------------------------------

    def _apply(self, claim: Claim) -> None:
        for thing in claim.needs if claim.certain else ():
            self._need(thing, there=True)
        if claim.was is not None:
            self._rename(claim, claim.was, claim.thing)
        elif not claim.there:
            meant = self._meant(claim.thing)
            for thing in meant:  # which of several it is depends on which files ran
                self._drop(claim if len(meant) == 1 else claim.uncertain(), thing)
        elif claim.change:
            for thing in self._meant(claim.thing):
                self._change(claim, thing)
        else:
            self._make(claim)

    def _make(self, claim: Claim) -> None:
        thing = claim.thing
        if claim.certain and not claim.with_table and thing.owner is not None:
            self._need(thing.owner, there=True)
        if claim.certain and claim.named and not (claim.lenient or claim.replaces or claim.with_table):
            self._need(thing, there=False)
        if thing.kind in _FROM_OUTSIDE or (thing.kind == "schema" and thing.name in PLATFORM_SCHEMAS):
            self.foreign.add(Cell(thing))
        certain = claim.certain and claim.named
        if not claim.named and claim.certain and not thing.name.endswith("check"):
            self._unnamed |= {Cell(thing), *(Cell(thing, part) for part, _ in claim.parts)}
        if claim.with_table and thing.owner is not None and self._maybe(thing.owner):
            certain = False
        known = certain and not (claim.lenient and self._maybe(thing, here=True))
        lenient = claim.lenient and not claim.replaces
        self._write(Cell(thing), THERE, certain=certain, doubles=not claim.named, lenient=lenient)
        if claim.lenient and not claim.parts:
            for part in self._parts.get(thing, ()):
                self._write(Cell(thing, part), ANY, certain=False)
        asked = thing.owner if claim.with_table else thing if claim.lenient else None
        unless = self._makers(asked) if asked is not None and not known else ()
        for part, value in claim.parts:
            self._write(Cell(thing, part), value, certain=known, unless=unless)
        self.standing[thing] = True
        self._words[thing] = claim.words
        if claim.table:
            self._tables[thing] = Thing("table", thing.schema, "", claim.table)
        if (index := index_of(claim)) is not None:
            self._write(Cell(index), THERE, certain=certain)
            for part in self._parts.get(index, ()):
                self._write(Cell(index, part), ANY, certain=False)
            self._tables[index] = Thing("table", thing.schema, "", thing.parent)
            self.standing[index] = True
            self._words[index] = claim.words

    def _makers(self, thing: Thing) -> tuple[int, ...]:
        """The earlier files each of which leaves a thing there, if it ran."""
        found: list[int] = []
        for write in reversed(self.cells.get(Cell(thing), ())):
            if write.value is None:
                break
            if write.certain and write.file < self._at[0]:
                found.append(write.file)
        return tuple(found)

    def _change(self, claim: Claim, thing: Thing) -> None:
        if claim.certain:
            self._need(thing, there=True)
        for part, value in claim.parts:
            self._write(Cell(thing, part), value, certain=claim.certain)
        if thing.kind == "sequence":
            self._words[thing] = self._words.get(thing, frozenset()) | claim.words

    def _drop(self, claim: Claim, thing: Thing) -> None:
        if claim.certain and not claim.lenient:
            self._need(thing, there=True)
        self._gone(thing, certain=claim.certain)
        for other, certain in list(self._taken_along(thing, cascade=claim.cascade)):
            self._gone(other, certain=claim.certain and certain)

    def _gone(self, thing: Thing, *, certain: bool) -> None:
        for part in ("", *self._parts.get(thing, ())):
            self._write(Cell(thing, part), None, certain=certain)
        # What may be there still goes along with what is renamed.
        self.standing[thing] = self.standing.get(thing, False) and not certain

    def _taken_along(self, gone: Thing, *, cascade: bool) -> Iterable[tuple[Thing, bool]]:
        """What goes with a thing, and whether that is certain."""
        # Also what is gone already if every file runs: some did not, perhaps.
        for thing in list(self.standing):
            if thing == gone:
                continue
            owner = thing.owner
            same_schema = thing.schema == gone.schema
            words = self._words.get(thing, frozenset())
            if gone.kind == "schema":
                if thing.schema == gone.name:
                    yield thing, True
            elif gone.kind in ("table", "view", "materialized view") and same_schema:
                on_it = owner is not None and owner.name == gone.name and owner.kind != "type"
                if on_it or (self._tables.get(thing, gone).name == gone.name and thing.kind == "index"):
                    yield thing, on_it or thing not in self._once  # an index keeps its name, whether its table was renamed or not
                    continue
                leans = thing.kind == "sequence" or (cascade and thing.kind in _LEAN_ON_TABLES)
                if gone.name in self._once.get(thing, ()) or (leans and gone.name in words):
                    yield thing, False
            elif gone.kind == "column" and thing.kind == "sequence" and {gone.name, gone.parent} <= words:
                yield thing, False
            elif gone.kind == "column" and same_schema and thing.kind in ("index", "constraint", "policy", "trigger", "view"):
                table = self._tables[thing].name if thing in self._tables else thing.parent
                on_it = table == gone.parent or gone.parent in self._once.get(thing, ())
                if (on_it or (cascade and gone.parent in words)) and self._mentions(thing, gone.name):
                    yield thing, False
            elif gone.kind == "constraint":
                index = Thing("index", gone.schema, "", gone.name)
                if thing == index or (cascade and thing.kind == "constraint" and gone.parent in words):
                    yield thing, thing == index and not cascade
            elif gone.kind == "type" and owner == gone:
                yield thing, True
            elif cascade and gone.kind in _USED and gone.name in words and thing.kind in _USERS:
                yield thing, False

    def _mentions(self, thing: Thing, name: str) -> bool:
        """Whether the definition of a thing names a column."""
        texts = [
            write.value.text
            for part in self._parts.get(thing, ())
            for write in self.cells.get(Cell(thing, part), ())
            if write.value is not None and write.value.how in ("expression", "keys", "loose", "query")
        ]
        told = " ".join([*texts, *self._respellings.get(thing, ())] if any(texts) else self._words.get(thing, ()))
        return re.search(rf"\b{re.escape(name)}\b", told, re.IGNORECASE) is not None

    def _rename(self, claim: Claim, was: Thing, now: Thing) -> None:
        if claim.certain:
            if not claim.lenient:
                self._need(was, there=True)
            self._need(now, there=False)
        moved = [(was, now)]
        for thing in list(self.standing):
            if was.kind == "schema":
                if thing.schema == was.name and thing.kind != "schema":
                    moved.append((thing, replace(thing, schema=now.name)))
            elif thing.owner == was:
                moved.append((thing, replace(thing, schema=now.schema, parent=now.name)))
            elif self._tables.get(thing) == was:
                self._tables[thing] = now
                self._once.setdefault(thing, set()).add(was.name)
                if now.schema != was.schema:
                    moved.append((thing, replace(thing, schema=now.schema)))
        # An index and the constraint that it serves are called the same, whichever of them is renamed.
        twins = {"index": "constraint", "constraint": "index"}
        if was.kind in twins:
            moved += [
                (thing, replace(thing, name=now.name))
                for thing in list(self.standing)
                if thing.kind == twins[was.kind] and (thing.schema, thing.name) == (was.schema, was.name)
            ]
        self._respelled(was.name, now.name)
        for old, new in moved:
            self._carry(old, new, claim)
        if was.kind == "schema":
            for thing, table in list(self._tables.items()):
                if table.schema == was.name:
                    self._tables[replace(thing, schema=now.name)] = replace(table, schema=now.name)

    def _respelled(self, name: str, new: str) -> None:
        """The server writes the new name into every definition that holds the old one."""
        for thing, words in self._words.items():
            if name in words:
                self._words[thing] = words | {new}
                self._respellings.setdefault(thing, set()).add(new)
        for cell, writes in list(self.cells.items()):
            texts = (write.value.text for write in writes if write.value is not None and write.value.how not in ("exact", "body"))
            if cell.part and any(re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) for text in texts):
                self._write(cell, ANY, certain=False)

    def _carry(self, old: Thing, new: Thing, claim: Claim) -> None:
        for part in sorted({"", *self._parts.get(old, ())}):
            if not part and old == claim.was:
                self._write(Cell(new), THERE, certain=claim.certain)
            else:
                self._write(Cell(new, part), None, certain=claim.certain, source=Cell(old, part))
            self._write(Cell(old, part), None, certain=claim.certain)
        self.standing[new] = self.standing.get(old, False)
        self.standing[old] = False
        self._words[new] = self._words.get(old, frozenset()) | {new.name}
        self._respellings.setdefault(new, set()).update(self._respellings.get(old, ()))
        if old in self._tables:
            self._tables.setdefault(new, self._tables[old])
            self._once.setdefault(new, set()).update(self._once.get(old, ()))

    def _unread(self, unread: Unread) -> None:
        """A statement that is put together when it runs may have done anything to what it names, or lists."""
        listed = {LISTS[word] for word in unread.words & LISTS.keys()}
        for cell, writes in self.cells.items():
            thing = cell.thing
            named = thing.name in unread.words or (thing.owner is not None and thing.parent in unread.words)
            if not named and thing.kind not in listed:
                continue
            for effect in unread.effects:
                if effect.kinds is not None and thing.kind not in effect.kinds:
                    continue
                if effect.verb == "alter" and (not cell.part or (effect.parts is not None and cell.part not in effect.parts)):
                    continue
                writes.append(Write(self._at, None if effect.verb == "drop" else ANY, False, self._line))

    def _sure_of_names(self) -> None:
        """The server gives the name that is expected wherever no other statement of the folder could have taken it."""
        for cell in self._unnamed:
            writes = self.cells[cell]
            made = [write for write in writes if write.value is not None]
            if len(made) == 1 and made[0] == writes[0]:
                writes[0] = replace(made[0], certain=True)

    # -- bookkeeping -------------------------------------------------------------------------------------------------

    def _write(
        self, cell: Cell, value: Definition | None, *, certain: bool, source: Cell | None = None, doubles: bool = False,
        unless: tuple[int, ...] = (), lenient: bool = False,
    ) -> None:  # fmt: skip
        self.cells.setdefault(cell, []).append(Write(self._at, value, certain, self._line, source, doubles, unless, lenient))
        if cell.part:
            self._parts.setdefault(cell.thing, set()).add(cell.part)

    def _need(self, thing: Thing, *, there: bool) -> None:
        cell = Cell(thing)
        writes = self.cells.get(cell, [])
        if any(write.file == self._at[0] for write in writes):
            return
        if there and not any(_may_fill(write) for write in writes):
            self.foreign.add(cell)
        self.needs.append(Need(self._at, cell, there))

    def _maybe(self, thing: Thing, *, here: bool = False) -> bool:
        """Whether a thing may be there before the file at work (`here`: before the claim): made before, or from outside."""
        cell = Cell(thing)
        writes = self.cells.get(cell, ())
        return cell in self.foreign or any(_may_fill(write) and (here or write.file < self._at[0]) for write in writes)

    def _meant(self, thing: Thing) -> list[Thing]:
        """The things that a claim may mean: all of a name for a function without arguments, all on a table for "*"."""
        if thing.kind == "function" and thing.parent == "*":
            named = (thing.schema, thing.name)
            return [one for one in self.standing if one.kind == "function" and (one.schema, one.name) == named]
        if thing.name == "*":
            return [one for one in self.standing if one.kind == thing.kind and one.owner == thing.owner]
        return [thing]

    def _resolved(self, claim: Claim) -> Claim:
        """A claim with its bare name put into the schema of the search path where the thing is."""
        if len(claim.path) < 2:
            return claim
        asked = claim.was or claim.thing
        made = claim.there and claim.was is None and not claim.change
        if made and asked.owner is None and not claim.table:
            return claim
        for schema in claim.path:
            if self._found(asked, schema, claim.table):
                return in_schema(claim, schema)
        return claim

    def _found(self, asked: Thing, schema: str, table: str) -> bool:
        owner = Thing("table", schema, "", table) if table else asked.owner
        if owner is not None:
            return self.standing.get(replace(owner, schema=schema), False)
        if asked.kind == "function":
            return any(
                there and one.kind == "function" and (one.schema, one.name) == (schema, asked.name)
                for one, there in self.standing.items()
            )
        return self.standing.get(replace(asked, schema=schema), False)


def _may_fill(write: Write) -> bool:
    """Whether a write may leave a thing there."""
    return write.value is not None or write.source is not None
