"""Folds the claims of all files of a folder, in order, into one expected catalog: who writes what into each of its cells.

A cell is whether a thing is there, or one part of what it is. Nothing here knows a database: a cell has the writes that it
would get if every file ran, and a file has the needs without which it would fail.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from chatops.migrations.claims import ANY, LISTS, Called, Claim, Claims, Definition, Thing, Unread, in_schema, index_of
from chatops.migrations.sql_walk import literal_words, names_in, tokens_of
from chatops.migrations.standing import PLATFORM_SCHEMAS, RELATIONS, THERE, Cell, Need, Place, Standing, Write

# What a server may have whatever the files did: other databases share roles, platforms make extensions and schemas.
_FROM_OUTSIDE = frozenset(("extension", "role", "publication"))
OF_ALL_TENANTS = "chatops"
"""The schema whose objects each tenant's files find or make: that one is there says nothing of the tenant that is asked about."""
_CHANGE_CATALOG = frozenset(("CREATE", "ALTER", "DROP", "EXECUTE"))


class Replay(Standing):
    """The expected catalog of a folder. `foreign` are cells that are filled before any file runs, or may be."""

    def __init__(self, files: Sequence[Claims], path: Sequence[str], schemas: Collection[str]) -> None:
        super().__init__()
        told = (claim for one in files for claim in one.told)
        makes = {claim.thing.name for claim in told if claim.thing.kind == "schema" and claim.there and not claim.lenient}
        self.schemas = frozenset(schemas) - (makes - PLATFORM_SCHEMAS)  # those that were there before
        self.path = tuple(path)
        self.needs: list[Need] = []
        self.words = [claims.words for claims in files]
        self.where_missing: dict[tuple[int, Thing], list[Mapping[str, Definition]]] = {}
        """How a file makes a thing that it leaves as it is where it is there, and how else it may be made: nothing follows from
        how that one is."""
        self._bodies: dict[str, str] = {}  # of functions, all that a name has had
        self._at: Place = (0, 0)
        self._line = 0
        self._given: set[Cell] = set()  # what the server gives a name to, all of it, and that whose name is certain
        self._unnamed: set[Cell] = set()
        for index, claims in enumerate(files):
            for position, claim in enumerate(claims.claims):
                self._at, self._line = (index, position), claim.line
                if isinstance(claim, Unread):
                    self._unread(claim)
                elif isinstance(claim, Called):
                    self._called(claim)
                else:
                    self._apply(self._of_its_kind(self._resolved(claim)))
        self._sure_of_names()

    # -- one claim ---------------------------------------------------------------------------------------------------

    def _apply(self, claim: Claim) -> None:
        for thing in claim.needs if claim.certain else ():
            self._need(thing, there=True)
        if claim.was is not None:
            meant = self._meant(claim.was)
            for thing in meant:
                one = claim if len(meant) == 1 else claim.uncertain()
                parent = thing.parent if claim.was.parent == "*" else claim.thing.parent
                now = replace(claim.thing, parent=parent)
                if now == thing:  # SET SCHEMA to where it is
                    continue
                self._rename(replace(one, thing=now, was=thing), thing, now)
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
        platform = thing.kind == "schema" and thing.name in PLATFORM_SCHEMAS
        if thing.kind in _FROM_OUTSIDE or platform or thing.schema == OF_ALL_TENANTS:
            self.foreign.add(Cell(thing))
        certain = claim.certain and claim.named
        if not claim.named and claim.certain and not thing.name.endswith("check"):
            self._unnamed |= {Cell(thing), *(Cell(thing, part) for part, _ in claim.parts)}
        if claim.with_table and thing.owner is not None and self._maybe(thing.owner):
            certain = False
        known = certain and not (claim.lenient and self._maybe(thing, here=True))
        lenient = claim.lenient and not claim.replaces
        self._write(Cell(thing), THERE, certain=certain, doubles=not claim.named, lenient=lenient)
        if claim.where_missing:
            self.where_missing[self._at[0], thing] = [dict(claim.where_missing)]
        if not claim.named:
            self._given.add(Cell(thing))
        if claim.lenient and not claim.parts:
            for part in self._parts.get(thing, ()):
                self._write(Cell(thing, part), ANY, certain=False)
        asked = thing.owner if claim.with_table else thing if claim.lenient else None
        unless = self._makers(asked) if asked is not None and not known else ()
        for part, value in claim.parts:
            self._write(Cell(thing, part), value, certain=known, unless=unless)
        if thing.kind == "function" and claim.body is not None:
            self._bodies[thing.name] = f"{self._bodies.get(thing.name, '')}\n;{claim.body}"
        self.standing[thing] = True
        self._words[thing] = claim.words
        for above in claim.parents:
            self._children.setdefault(above, set()).add(thing)
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
        for parent in claim.parents:
            self._children.setdefault(parent, set()).add(thing)
        for part, value in claim.parts:
            self._write(Cell(thing, part), value, certain=claim.certain)
            for child in self.below(thing):
                self._write(Cell(child, part), ANY, certain=False)
        if thing.kind == "sequence":
            self._words[thing] = self._words.get(thing, frozenset()) | claim.words

    def _drop(self, claim: Claim, thing: Thing) -> None:
        if claim.certain and not claim.lenient:
            self._need(thing, there=True)
        self._gone(thing, certain=claim.certain)
        if thing.kind == "constraint":
            self._may_be_null(thing)
        for other, certain in list(self._taken_along(thing, cascade=claim.cascade)):
            self._gone(other, certain=claim.certain and certain)
            if other.kind == "column" and claim.cascade:  # it stays where only its default used what is gone
                self._write(Cell(other, "default"), ANY, certain=False)

    def _may_be_null(self, constraint: Thing) -> None:
        """From Postgres 18 on it may be a constraint, with a name of its own, that keeps a column from being null."""
        words = self._words.get(constraint)
        for thing in list(self.standing):
            named = words is None or thing.name in words
            if thing.kind == "column" and thing.owner == constraint.owner and named:
                self._write(Cell(thing, "not null"), ANY, certain=False)

    def _gone(self, thing: Thing, *, certain: bool) -> None:
        for part in ("", *self._parts.get(thing, ())):
            self._write(Cell(thing, part), None, certain=certain)
        # What may be there still goes along with what is renamed.
        self.standing[thing] = self.standing.get(thing, False) and not certain

    def _rename(self, claim: Claim, was: Thing, now: Thing) -> None:
        if claim.certain:
            if not claim.lenient:
                self._need(was, there=True)
            self._need(now, there=False)
        moved = [(was, now)]
        for child in list(self.below(was)) if was.owner is not None else ():
            self._gone(child, certain=False)
        for thing in list(self.standing):
            if was.kind == "schema":
                if thing.schema == was.name and thing.kind != "schema":
                    moved.append((thing, replace(thing, schema=now.name)))
            elif thing.owner in (was, replace(was, kind="table")) and was.kind in (*RELATIONS, "type"):
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
        if old in self._children:
            self._children[new] = set(self._children[old])
        for children in self._children.values():
            if old in children:
                children.add(new)
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

    def _called(self, called: Called) -> None:
        """A function of the folder that changes the catalog, and is called, may have done anything to what is named in both."""
        found: set[str] = set()
        seen: set[str] = set()
        changes = False
        waiting = list(called.functions & self._bodies.keys())
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                body = tokens_of(self._bodies[name])
                found |= names_in(body) | literal_words(body)
                changes = changes or not _CHANGE_CATALOG.isdisjoint(token.upper for token in body)
                waiting += found & self._bodies.keys()
        if changes:
            self._unread(Unread(called.line, called.words | found))

    def _sure_of_names(self) -> None:
        """The server gives the name that is expected wherever no other statement of the folder could have taken it, else the
        next that is free: that with a number behind it."""
        unnamed = {(cell.thing.kind, cell.thing.schema, cell.thing.name) for cell in self._given}
        for cell, writes in self.cells.items() if unnamed else ():
            plain = cell.thing.name.rstrip("0123456789")
            if not cell.part and plain != cell.thing.name and (cell.thing.kind, cell.thing.schema, plain) in unnamed:
                given = self.cells.get(Cell(replace(cell.thing, name=plain)), ())
                perhaps = (replace(one, value=THERE, certain=False, doubles=False) for one in given if one.doubles)
                writes[:] = sorted([*writes, *perhaps], key=lambda one: one.place)
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

    def _resolved(self, claim: Claim) -> Claim:
        """A claim with its bare name put into the schema of the search path where the thing is."""
        if len(claim.path) < 2:
            return claim
        asked = claim.was or claim.thing
        made = claim.there and claim.was is None and not claim.change
        if made and asked.owner is None and not claim.table:
            first = next(
                (one for one in claim.path if Cell(Thing("schema", one, "", one)) in self.cells or one in self.schemas), None
            )
            return claim if first is None else in_schema(claim, first)
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
