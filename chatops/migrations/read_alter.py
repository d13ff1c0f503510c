"""What ALTER and DROP statements change and take away."""

from __future__ import annotations

from itertools import pairwise

from chatops.migrations.claims import ANY, Claim, Definition, Thing, claim
from chatops.migrations.read_create import function_option, global_kind, policy_part
from chatops.migrations.read_table import table_action
from chatops.migrations.sql_types import argument_types
from chatops.migrations.sql_walk import Walk, pieces, string_value


def alter(walk: Walk) -> list[Claim] | None:
    """The claims of an ALTER statement; None for one that is not read."""
    walk.take("ALTER")
    walk.take("FOREIGN")
    if walk.take("TABLE"):
        return _table(walk)
    if walk.take("TYPE"):
        return _type(walk)
    for kind in ("index", "view", "materialized view", "sequence", "domain"):
        if walk.take(*kind.upper().split()):
            lenient = walk.take("IF", "EXISTS")
            named = walk.qualified()
            if named is None:
                return None
            if (
                kind == "view"
                and (walk.take("SET") or walk.take("RESET"))
                and walk.peek() is not None
                and walk.keyword() != "SCHEMA"
            ):
                return [claim(walk, kind, named, change=True, parts=(("security invoker", ANY),))]
            if kind == "index" and walk.take("ATTACH", "PARTITION"):
                own, below = Thing(kind, named[0], "", named[1]), walk.qualified()
                return None if below is None else [claim(walk, kind, below, change=True, parents=(own,))]
            if kind == "sequence" and _owner(walk):
                # It goes with that table from now on, whatever else the statement says.
                return [claim(walk, kind, named, change=True, certain=False, parts=(("owner", ANY),))]
            return _moved(walk, kind, named, lenient=lenient)
    if walk.take("SCHEMA"):
        old, _, new = walk.name(), walk.take("RENAME", "TO"), walk.name()
        if old is None or new is None:
            return None
        return [claim(walk, "schema", (new, new), bare=False, was=Thing("schema", old, "", old))]
    if walk.take("FUNCTION") or walk.take("PROCEDURE") or walk.take("ROUTINE"):
        return _function(walk)
    for kind in ("policy", "trigger", "rule"):
        if walk.take(kind.upper()):
            return _on_table(walk, kind)
    outside = global_kind(walk)
    if (
        outside is not None
        and (old := walk.name()) is not None
        and walk.take("RENAME", "TO")
        and (new := walk.name()) is not None
    ):
        return [claim(walk, outside, ("", new), was=Thing(outside, "", "", old))]
    return None


def _owner(walk: Walk) -> bool:
    """Whether a statement says which column a sequence belongs to."""
    words = [token.upper for token in walk.rest()]
    return any(one == "OWNED" and two == "BY" for one, two in pairwise(words))


def _moved(walk: Walk, kind: str, named: tuple[str, str], *, parent: str = "", lenient: bool = False) -> list[Claim] | None:
    """RENAME TO and SET SCHEMA."""
    bare = walk.bare
    was = Thing(kind, named[0], parent, named[1])
    if walk.take("RENAME", "TO") and (new := walk.name()):
        return [claim(walk, kind, (named[0], new), parent, bare=bare, was=was, lenient=lenient, certain=not lenient)]
    if walk.take("SET", "SCHEMA") and (schema := walk.name()):
        return [claim(walk, kind, (schema, named[1]), parent, bare=False, was=was, lenient=lenient, certain=not lenient)]
    return None


def _type(walk: Walk) -> list[Claim] | None:
    named = walk.qualified()
    bare = walk.bare
    if named is None:
        return None
    if walk.take("ADD", "VALUE"):
        lenient = walk.take("IF", "NOT", "EXISTS")
        label = walk.peek()
        if label is None or label.kind != "string":
            return None
        return [claim(walk, "label", (named[0], string_value(label)), named[1], bare=bare, lenient=lenient)]
    if walk.take("RENAME", "VALUE"):
        old, _, new = walk.peek(), walk.peek(1), walk.peek(2)
        if old is None or new is None or old.kind != "string" or new.kind != "string":
            return None
        was = Thing("label", named[0], named[1], string_value(old))
        return [claim(walk, "label", (named[0], string_value(new)), named[1], bare=bare, was=was)]
    return _moved(walk, "type", named)


def _function(walk: Walk) -> list[Claim] | None:
    named = walk.qualified()
    bare = walk.bare
    arguments = walk.group()
    if named is None:
        return None
    types = "*" if arguments is None else argument_types(arguments)
    if (moved := _moved(walk, "function", named, parent=types)) is not None:
        return moved
    parts: dict[str, Definition] = {}
    while walk.peek() is not None:
        if walk.take("RESET", "SEARCH_PATH") or walk.take("RESET", "ALL"):
            parts["search path"] = Definition("")
        elif not function_option(walk, parts):
            walk.at += 1
    return [claim(walk, "function", named, types, bare=bare, change=True, parts=tuple(parts.items()))] if parts else None


def _on_table(walk: Walk, kind: str) -> list[Claim] | None:
    name = walk.name()
    if name is None or not walk.take("ON") or (table := walk.qualified()) is None:
        return None
    bare = walk.bare
    if walk.take("RENAME", "TO") and (new := walk.name()):
        return [claim(walk, kind, (table[0], new), table[1], bare=bare, was=Thing(kind, table[0], table[1], name))]
    parts: dict[str, Definition] = {}
    while kind == "policy" and walk.peek() is not None:
        if not policy_part(walk, parts):
            walk.at += 1
    return [claim(walk, kind, (table[0], name), table[1], bare=bare, change=True, parts=tuple(parts.items()))] if parts else None


def _table(walk: Walk) -> list[Claim] | None:
    lenient = walk.take("IF", "EXISTS")
    walk.take("ONLY")
    table = walk.qualified()
    if table is None:
        return None
    bare = walk.bare
    walk.sign("*")
    found = _table_actions(walk, table, bare)
    # Where the table may be absent, nothing that is done to it is certain.
    return [one.uncertain() for one in found] if lenient and found else found


def _table_actions(walk: Walk, table: tuple[str, str], bare: bool) -> list[Claim] | None:
    moved = _moved(walk, "table", table)
    if moved is not None:
        return moved
    schema, parent = table
    if walk.take("RENAME"):
        kind = "constraint" if walk.take("CONSTRAINT") else "column"
        walk.take("COLUMN")
        old, _, new = walk.name(), walk.take("TO"), walk.name()
        if old is None or new is None:
            return None
        return [claim(walk, kind, (schema, new), parent, bare=bare, was=Thing(kind, schema, parent, old))]
    found: list[Claim] = []
    read = False
    for piece in pieces(walk.rest()):
        told = table_action(walk, piece, table, bare)
        if told is not None:
            read = True
            found += told
    return found if read else None


# -- DROP ------------------------------------------------------------------------------------------------------------------

_DROPPED = {
    "TABLE": "table", "VIEW": "view", "MATERIALIZED VIEW": "materialized view", "INDEX": "index", "SEQUENCE": "sequence",
    "TYPE": "type", "DOMAIN": "domain", "FOREIGN TABLE": "table",
}  # fmt: skip


# What is used without its name.
_NAMELESS = ("OPERATOR CLASS", "OPERATOR FAMILY", "OPERATOR", "CAST", "LANGUAGE", "PROCEDURAL LANGUAGE", "TRANSFORM")
_TAKE_ALONG = (
    "AGGREGATE", "COLLATION", "SERVER", "FOREIGN DATA WRAPPER", "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE", "ACCESS METHOD",
)  # fmt: skip


def drop(walk: Walk) -> list[Claim] | None:
    """The claims of a DROP statement; None for one that is not read."""
    walk.take("DROP")
    cascade = bool(walk.tokens) and walk.tokens[-1].upper == "CASCADE"
    for words, kind in _DROPPED.items():
        if walk.take(*words.split()):
            walk.take("CONCURRENTLY")
            lenient = walk.take("IF", "EXISTS")
            return [
                claim(one, kind, named, there=False, cascade=cascade, lenient=lenient)
                for one in map(walk.of, pieces(walk.rest()))
                if (named := one.qualified()) is not None
            ]
    if walk.take("FUNCTION") or walk.take("PROCEDURE") or walk.take("ROUTINE"):
        lenient = walk.take("IF", "EXISTS")
        found = []
        for one in map(walk.of, pieces(walk.rest())):
            named = one.qualified()
            bare, arguments = one.bare, one.group()
            if named is not None:
                types = "*" if arguments is None else argument_types(arguments)
                found.append(claim(one, "function", named, types, bare=bare, there=False, cascade=cascade, lenient=lenient))
        return found
    for kind in ("trigger", "policy", "rule"):
        if walk.take(kind.upper()):
            lenient = walk.take("IF", "EXISTS")
            name = walk.name()
            if name is None or not walk.take("ON") or (table := walk.qualified()) is None:
                return None
            return [claim(walk, kind, (table[0], name), table[1], there=False, cascade=cascade, lenient=lenient)]
    outside = global_kind(walk)
    if outside is not None:
        lenient = walk.take("IF", "EXISTS")
        names = [name for one in map(walk.of, pieces(walk.rest())) if (name := one.name()) is not None]
        return [
            claim(walk, outside, (name if outside == "schema" else "", name), there=False, cascade=cascade, lenient=lenient)
            for name in names
        ]  # fmt: skip
    return _others(walk) if cascade else None


def _others(walk: Walk) -> list[Claim] | None:
    """What is not looked at itself, and takes along what is: a server its tables, a collation the columns that it sorts."""
    if any(walk.take(*words.split()) for words in _NAMELESS):
        return [claim(walk, "other", ("", ""), bare=False, there=False, cascade=True)]
    if not any(walk.take(*words.split()) for words in _TAKE_ALONG):
        return None
    lenient = walk.take("IF", "EXISTS")
    return [
        claim(one, "other", named, there=False, cascade=True, lenient=lenient)
        for one in map(walk.of, pieces(walk.rest()))
        if (named := one.qualified()) is not None
    ]
