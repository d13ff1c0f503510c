"""The words in which a file's effects are told: things, what they are defined as, and claims about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from chatops.frozen import frozen
from chatops.migrations.sql_walk import Walk, cut

How = Literal["exact", "body", "type", "expression", "default", "query", "keys", "loose", "any"]


_WITH_PARENT = {
    "function": "function {name}({parent})",
    "column": "column {parent}.{name}",
    "label": "label {name} of type {parent}",
}
"""How a thing is called that has a parent, where that is no table it stands on."""


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """An object as the catalog names it. `parent` is the table of what belongs to one, the argument types of a function.

    Kinds: schema, extension, table, column, constraint, index, view, materialized view, sequence, function, trigger, policy,
    rule, type, domain, label (of an enum), publication, role.
    """

    kind: str
    schema: str
    parent: str
    name: str

    def __str__(self) -> str:
        if self.kind in _WITH_PARENT:
            return _WITH_PARENT[self.kind].format(name=self.name, parent=self.parent)
        return f"{self.kind} {self.name} on {self.parent}" if self.parent else f"{self.kind} {self.name}"

    @property
    def owner(self) -> Thing | None:
        """The table or type that it belongs to; None for what stands alone."""
        if not self.parent or self.kind == "function":
            return None
        return Thing("type" if self.kind == "label" else "table", self.schema, "", self.parent)


@frozen
class Definition:
    """One part of what a thing is, as a file or the catalog writes it, and how two such texts are compared.

    exact: as strings · body: blanks and comments aside · type, expression, default, query: the server decides · keys, loose:
    parentheses and casts aside · any: not known, equal to everything.
    """

    text: str
    how: How = "exact"


ANY = Definition("", "any")


@frozen
class Claim:
    """One thing that a statement makes, changes or renames (`there`), or drops.

    `line` counts from 1 in the file. `parts` say what it is defined as. `change`: it has to be there already. `lenient`: IF
    EXISTS, IF NOT EXISTS. `replaces`: OR REPLACE. `certain`: nothing in the file keeps the statement from running. `named`: the
    file says the name, not the server. `words` are the names that the statement mentions. `cascade`: a drop takes along what
    depends on it. `was` is the thing that was renamed to this one. `path`: the schemas where a bare name is looked for, ()
    for a qualified one. `needs` are other things that have to be there. `table` is the table that an index is on. `with_table`:
    part of a CREATE TABLE IF NOT EXISTS, made only where the table is. `parents` are the tables or indexes that it is a partition
    of or inherits from. `where_missing` says what a thing is defined as that is left as it is where it is there.
    """

    thing: Thing
    there: bool
    line: int
    parts: tuple[tuple[str, Definition], ...] = ()
    change: bool = False
    lenient: bool = False
    replaces: bool = False
    certain: bool = True
    named: bool = True
    words: frozenset[str] = field(default=frozenset(), repr=False)
    cascade: bool = False
    was: Thing | None = None
    path: tuple[str, ...] = ()
    needs: tuple[Thing, ...] = ()
    table: str = ""
    with_table: bool = False
    parents: tuple[Thing, ...] = ()
    where_missing: tuple[tuple[str, Definition], ...] = ()

    @property
    def body(self) -> str | None:
        """A function's text, blanks and comments normalised; None where it is not kept as text."""
        return next((part.text for name, part in self.parts if name == "body" and part.how == "body"), None)

    def uncertain(self) -> Claim:
        """The same where something may keep the statement from running."""
        return replace(self, certain=False)


@frozen
class Effect:
    """What a statement that is put together when it runs may do, to things of some kinds (None: of any).

    any: make, change or drop them · drop · alter: change these `parts` of them (None: any).
    """

    kinds: frozenset[str] | None
    verb: Literal["any", "drop", "alter"] = "any"
    parts: frozenset[str] | None = None


@frozen
class Unread:
    """A statement that is put together when it runs. `words` are its names, those in literals included."""

    line: int
    words: frozenset[str]
    effects: tuple[Effect, ...] = (Effect(None),)


@frozen
class Called:
    """What a statement calls that does no more to the catalog itself: names of functions, and all `words` of the statement."""

    line: int
    words: frozenset[str]
    functions: frozenset[str]


@frozen
class Claims:
    """The claims of one file in their order, and how many of its statements make none: those that move data or set
    privileges (`data`), and those that change the catalog in a way that is not read here (`unread`). `words` are all names in
    it."""

    claims: tuple[Claim | Unread | Called, ...]
    data: int
    unread: int
    words: frozenset[str] = frozenset()

    @property
    def told(self) -> list[Claim]:
        """The claims that were read."""
        return [claim for claim in self.claims if isinstance(claim, Claim)]


def claim(walk: Walk, kind: str, at: tuple[str, str], parent: str = "", *, bare: bool | None = None, **more: object) -> Claim:
    """A claim of the statement that a walk goes through."""
    schema, name = at
    thing = Thing(kind, schema, parent, name)
    is_bare = walk.bare if bare is None else bare
    path = walk.path if is_bare and kind not in GLOBAL and schema else ()
    return Claim(thing, more.pop("there", True) is True, walk.line, words=walk.words, path=path, **more)  # type: ignore[arg-type]


def in_schema(claim: Claim, schema: str) -> Claim:
    """The claim about the thing of that name in a schema."""
    was = None if claim.was is None else replace(claim.was, schema=schema)
    own = claim.thing if claim.was is not None and claim.thing.schema != claim.was.schema else replace(claim.thing, schema=schema)
    needs, parents = (tuple(replace(one, schema=schema) for one in things) for things in (claim.needs, claim.parents))
    return replace(claim, thing=own, was=was, needs=needs, parents=parents)


def index_of(claim: Claim) -> Thing | None:
    """The index that comes with a constraint; None for one that has none."""
    if claim.thing.kind != "constraint":
        return None
    text = dict(claim.parts).get("definition")
    if text is None or not (text.how == "any" or text.text.startswith(("primary key", "unique"))):
        return None
    return Thing("index", claim.thing.schema, "", claim.thing.name)


# The kinds of things that the lists of the server and of the standard's schema hold.
LISTS = {
    "pg_policies": "policy", "pg_policy": "policy", "pg_trigger": "trigger", "pg_constraint": "constraint", "pg_indexes": "index",
    "pg_index": "index", "pg_tables": "table", "pg_class": "table", "pg_attribute": "column", "pg_proc": "function",
    "pg_views": "view", "pg_type": "type", "pg_enum": "label", "pg_sequences": "sequence", "tables": "table", "columns": "column",
    "table_constraints": "constraint", "routines": "function", "views": "view", "triggers": "trigger",
}  # fmt: skip
# Things that belong to no schema.
GLOBAL = frozenset(("schema", "extension", "publication", "role"))


def server_name(table: str, columns: Sequence[str], suffix: str) -> str:
    """The name that the server gives to what a file does not name, as long as nothing else bears it.

    >>> server_name("chats", ["operator_id"], "fkey")
    'chats_operator_id_fkey'
    """
    middle = "_".join(columns)
    whole = "_".join(part for part in (table, middle, suffix) if part)
    if len(whole.encode()) <= 63:
        return whole
    # The longer of table and columns gives way, a byte at a time, as makeObjectName does.
    first, second = table.encode(), middle.encode()
    room = 63 - len(suffix) - 1 - (1 if middle else 0)
    while len(first) + len(second) > room:
        if len(first) > len(second):
            first = first[:-1]
        else:
            second = second[:-1]
    return cut("_".join(part for part in (first.decode(errors="ignore"), second.decode(errors="ignore"), suffix) if part))
