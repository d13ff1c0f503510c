"""What CREATE TABLE and ALTER TABLE say of columns and constraints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from chatops.migrations.claims import ANY, Claim, Definition, Thing, claim, server_name
from chatops.migrations.scanner import Token
from chatops.migrations.sql_types import SERIAL
from chatops.migrations.sql_walk import Walk, catalog_name, pieces

_OF_TABLE = frozenset(("PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"))
_AFTER_TYPE = ("NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "CONSTRAINT", "GENERATED", "COLLATE",
               "STORAGE", "COMPRESSION", "DEFERRABLE", "INITIALLY", "NO", "USING")  # fmt: skip
_YES, _NO = Definition("yes"), Definition("no")
Parts = list[tuple[str, Definition]]


def create_table(walk: Walk) -> list[Claim] | None:
    """CREATE TABLE, after these words."""
    lenient = walk.take("IF", "NOT", "EXISTS")
    named = walk.qualified()
    if named is None:
        return None
    bare = walk.bare
    start = walk.at
    parts = [("row level security", Definition("off")), ("forced row level security", Definition("off"))]
    partitions = walk.take("PARTITION", "OF")
    of = walk.qualified() if partitions else None
    parents = [Thing("table", of[0], "", of[1])] if of is not None else []
    start = walk.at
    columns = walk.group()
    if walk.take("INHERITS"):
        parents += [Thing("table", *(at[0], "", at[1])) for one in pieces(walk.group() or []) if (at := walk.of(one).qualified())]
    found = [claim(walk, "table", named, bare=bare, parts=tuple(parts), lenient=lenient, parents=tuple(parents))]
    if columns is None or start == walk.at:
        return found
    # In CREATE TABLE … (a, b) AS SELECT the list holds names alone, and in PARTITION OF it follows a parent.
    made = walk.keyword() == "AS"
    for piece in pieces(columns):
        found += _element(walk, piece, named, bare, names_only=made)
    return [found[0], *(replace(one, with_table=True) for one in found[1:])] if lenient else found


def _element(walk: Walk, piece: list[Token], table: tuple[str, str], bare: bool, *, names_only: bool = False) -> list[Claim]:
    first = piece[0].upper
    if first == "CONSTRAINT" or first in _OF_TABLE:
        return table_constraint(walk, piece, table, bare)
    if first == "LIKE" or piece[0].kind not in ("word", "identifier") or (first == "NOT" and len(piece) > 2):
        return []
    if names_only:
        return [claim(walk, "column", (table[0], catalog_name(piece[0])), table[1], bare=bare, parts=_unknown())]
    return column(walk, piece, table, bare)


def _unknown() -> tuple[tuple[str, Definition], ...]:
    return (("type", ANY), ("default", ANY), ("not null", ANY))


def column(walk: Walk, piece: list[Token], table: tuple[str, str], bare: bool, *, lenient: bool = False) -> list[Claim]:
    """A column's definition: the column, and its constraints."""
    schema, parent = table
    name = catalog_name(piece[0])
    inner = walk.of(piece)
    inner.at = 1
    type_tokens = inner.until(*_AFTER_TYPE)
    written = walk.written(type_tokens)
    parts = []
    default = Definition("")
    not_null = False
    found: list[Claim] = []
    if written.lower() in SERIAL:
        written, default, not_null = SERIAL[written.lower()], ANY, True
    constraint: str | None = None
    needs: list[Thing] = []
    while inner.peek() is not None:
        if inner.take("CONSTRAINT"):
            constraint = inner.name()
            continue
        made: tuple[str, Parts] | None = None
        if inner.take("NOT", "NULL"):
            not_null = True
        elif inner.take("DEFAULT"):
            default = Definition(walk.written(inner.until(*_AFTER_TYPE)), "default")
        elif inner.take("PRIMARY", "KEY"):
            not_null = True
            made = server_name(parent, [], "pkey"), [("definition", Definition(f"primary key ({name})", "loose"))]
        elif inner.take("UNIQUE"):
            inner.take("NULLS", "NOT", "DISTINCT")
            made = server_name(parent, [name], "key"), [("definition", Definition(f"unique ({name})", "loose"))]
        elif inner.take("CHECK"):
            group = inner.group() or []
            made = server_name(parent, [name], "check"), [("check", Definition(walk.written(group), "expression"))]
        elif inner.take("REFERENCES"):
            text, needed = _references(inner, [name])
            needs += needed
            made = server_name(parent, [name], "fkey"), [("definition", Definition(text, "loose"))]
        elif inner.take("GENERATED"):
            default = ANY
            kept = inner.until("NOT", "PRIMARY", "UNIQUE", "CHECK", "CONSTRAINT")
            not_null = not_null or "IDENTITY" in [token.upper for token in kept]
        else:
            inner.at += 1
            continue
        if made is not None:
            found.append(
                claim(walk, "constraint", (schema, constraint or made[0]), parent, bare=bare, named=constraint is not None,
                      parts=(*made[1], ("validated", _NO if _unchecked(piece) else _YES)), needs=tuple(needs))
            )  # fmt: skip
        constraint = None
    parts += [("type", Definition(written, "type")), ("default", default), ("not null", _YES if not_null else _NO)]
    own = claim(walk, "column", (schema, name), parent, bare=bare, parts=tuple(parts), lenient=lenient)
    return [own, *found]


def _perhaps(walk: Walk, schema: str, parent: str, names: Iterable[str], part: str) -> list[Claim]:
    """A constraint without a name may have one of these by now, as may one after it that finds the name taken."""
    parts = ((part, ANY), ("validated", ANY))
    return [
        claim(walk, "constraint", (schema, one), parent, bare=False, certain=False, named=False, parts=parts)
        for one in sorted(set(names))
    ]


_NO_COLUMNS = frozenset(
    ("ALL", "AND", "ANY", "ARRAY", "BETWEEN", "CASE", "DISTINCT", "ELSE", "END", "FALSE", "FROM", "ILIKE", "IN", "IS", "LIKE",
     "NOT", "NULL", "OR", "SIMILAR", "THEN", "TO", "TRUE", "UNKNOWN", "WHEN")
)  # fmt: skip


def _columns_of(tokens: Sequence[Token]) -> list[tuple[str, ...]]:
    """The columns that the server may put into a name: the one that is read, none where several are; what is one, is a guess."""
    found: set[str] = set()
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        called = after is not None and after.text == "("
        cast = before is not None and before.text == "::"
        if token.kind == "identifier" or (token.kind == "word" and token.upper not in _NO_COLUMNS and not called and not cast):
            found.add(catalog_name(token))
    return [(name,) for name in found] if len(found) == 1 else [(), *((name,) for name in found)]


def _first_group(walk: Walk) -> list[Token]:
    """What stands in the next parentheses."""
    while (token := walk.peek()) is not None and token.text != "(":
        walk.at += 1
    return walk.group() or []


def table_constraint(walk: Walk, piece: list[Token], table: tuple[str, str], bare: bool) -> list[Claim]:
    """A constraint of the table as a whole; what it does to columns too."""
    schema, parent = table
    inner = walk.of(piece)
    name = inner.name() if inner.take("CONSTRAINT") else None
    validated = not _unchecked(piece)
    told: tuple[str, Parts] | None = None
    found: list[Claim] = []
    needs: list[Thing] = []
    if inner.take("PRIMARY", "KEY"):
        columns = inner.group()
        if columns is None:  # USING INDEX: it takes the index's name where none is given
            index = inner.name() if inner.take("USING", "INDEX") else None
            told = name or index or server_name(parent, [], "pkey"), [("definition", ANY)]
            found += _taken_for_index(walk, schema, name, index)
            # Its columns are not null from now on, and which they are is the index's affair.
            found.append(
                claim(walk, "column", (schema, "*"), parent, bare=bare, change=True, certain=False, parts=(("not null", ANY),))
            )
        else:
            names = _names(columns)
            told = server_name(parent, [], "pkey"), [("definition", Definition(f"primary key ({', '.join(names)})", "loose"))]
            found += [
                claim(walk, "column", (schema, one), parent, bare=bare, change=True, parts=(("not null", _YES),)) for one in names
            ]
    elif inner.take("UNIQUE"):
        inner.take("NULLS", "NOT", "DISTINCT")
        columns = inner.group()
        if columns is None:
            index = inner.name() if inner.take("USING", "INDEX") else None
            told = name or index or "", [("definition", ANY)]
            found += _taken_for_index(walk, schema, name, index)
        else:
            names = _names(columns)
            told = server_name(parent, names, "key"), [("definition", Definition(f"unique ({', '.join(names)})", "loose"))]
    elif inner.take("CHECK"):
        group = inner.group() or []
        told = server_name(parent, [], "check"), [("check", Definition(walk.written(group), "expression"))]
        if name is None:  # the server puts a column into the name when there is just one
            told = "", told[1]
            names = [server_name(parent, list(one), "check") for one in _columns_of(group)]
            found += _perhaps(walk, schema, parent, names, "check")
    elif inner.take("FOREIGN", "KEY"):
        names = _names(inner.group() or [])
        inner.take("REFERENCES")
        text, needed = _references(inner, names)
        needs += needed
        told = server_name(parent, names, "fkey"), [("definition", Definition(text, "loose"))]
    elif inner.take("EXCLUDE"):
        told = "", [("definition", ANY)]
        if name is None:
            keys = [catalog_name(one[0]) for one in pieces(_first_group(inner)) if one]
            found += _perhaps(walk, schema, parent, [server_name(parent, keys, "excl")], "definition")
    elif inner.take("NOT", "NULL") and (column_name := inner.name()):
        # A constraint with a name from Postgres 18 on, which DROP NOT NULL takes away.
        found.append(claim(walk, "column", (schema, column_name), parent, bare=bare, change=True, parts=(("not null", _YES),)))
        return [*([claim(walk, "constraint", (schema, name), parent, bare=bare, certain=False)] if name else []), *found]
    if told is None or not (name or told[0]):
        return found
    made = claim(
        walk, "constraint", (schema, name or told[0]), parent, bare=bare, named=name is not None or "USING" in _uppers(piece),
        parts=(*told[1], ("validated", _YES if validated else _NO)), needs=tuple(needs),
    )  # fmt: skip
    return [*(one for one in found if one.was is not None), made, *(one for one in found if one.was is None)]


def _taken_for_index(walk: Walk, schema: str, name: str | None, index: str | None) -> list[Claim]:
    """An index that a constraint is made of bears the constraint's name from then on."""
    if name is None or index is None or name == index:
        return []
    return [claim(walk, "index", (schema, name), bare=False, was=Thing("index", schema, "", index))]


def _references(inner: Walk, columns: Sequence[str]) -> tuple[str, list[Thing]]:
    """What follows REFERENCES, written as the catalog does: only what is not the default."""
    other = inner.qualified()
    if other is None:
        return "", []
    columns_there = inner.group()
    tail: list[str] = []
    while (word := inner.keyword()) in ("ON", "MATCH", "DEFERRABLE", "INITIALLY", "NOT"):
        if inner.take("ON"):
            event = inner.keyword()
            inner.at += 1
            action = [
                token.upper
                for token in inner.tokens[inner.at : inner.at + (1 if inner.keyword() in ("CASCADE", "RESTRICT") else 2)]
            ]
            inner.at += len(action)
            if action != ["NO", "ACTION"]:
                tail.append(f"on {event} {' '.join(action)}".lower())
        elif inner.take("INITIALLY", "DEFERRED"):
            tail.append("initially deferred")
        elif inner.take("NOT", "DEFERRABLE") or inner.take("INITIALLY", "IMMEDIATE") or inner.take("MATCH", "SIMPLE"):
            continue
        elif inner.take("DEFERRABLE"):
            tail.append("deferrable")
        elif inner.take("MATCH"):
            tail.append(f"match {inner.name()}")
        else:
            assert word in ("NOT", "INITIALLY")
            break
    if "initially deferred" in tail and "deferrable" not in tail:
        tail.append("deferrable")
    there = f"({', '.join(_names(columns_there))})" if columns_there is not None else "(*)"
    text = f"foreign key ({', '.join(columns)}) references {other[1]}{there} {' '.join(sorted(tail))}".strip()
    return text, [Thing("table", other[0], "", other[1])] if inner.qualified_by else []


def _unchecked(piece: Sequence[Token]) -> bool:
    """Whether a constraint is made without looking at the rows that are there."""
    words = " ".join(_uppers(piece))
    return "NOT VALID" in words or "NOT ENFORCED" in words


def _names(tokens: Sequence[Token]) -> list[str]:
    # In a key that holds for a time the last column stands behind the word PERIOD.
    return [catalog_name(piece[1 if piece[0].upper == "PERIOD" and len(piece) > 1 else 0]) for piece in pieces(tokens)]


def _uppers(tokens: Sequence[Token]) -> list[str]:
    return [token.upper for token in tokens]


_TRIGGER_STATES = {("ENABLE",): "O", ("DISABLE",): "D", ("ENABLE", "ALWAYS"): "A", ("ENABLE", "REPLICA"): "R"}


def table_action(walk: Walk, piece: list[Token], table: tuple[str, str], bare: bool) -> list[Claim] | None:
    """One action of ALTER TABLE; None for one that is not read."""
    schema, parent = table
    action = walk.of(piece)

    def changed(name: str, **parts: Definition) -> list[Claim]:
        told = tuple((key.replace("_", " "), part) for key, part in parts.items())
        return [claim(walk, "column", (schema, name), parent, bare=bare, change=True, parts=told)]

    def of_table(**parts: Definition) -> list[Claim]:
        told = tuple((key.replace("_", " "), part) for key, part in parts.items())
        return [claim(walk, "table", (schema, parent), bare=bare, change=True, parts=told)]

    if action.take("ADD"):
        if action.keyword() == "CONSTRAINT" or action.keyword() in _OF_TABLE:
            return table_constraint(walk, action.rest(), table, bare)
        action.take("COLUMN")
        lenient = action.take("IF", "NOT", "EXISTS")
        return column(walk, action.rest(), table, bare, lenient=lenient) if action.peek() else None
    if action.take("DROP"):
        kind = "constraint" if action.take("CONSTRAINT") else "column"
        action.take("COLUMN")
        lenient = action.take("IF", "EXISTS")
        name = action.name()
        cascade = action.take("CASCADE")
        if name is None:
            return None
        return [claim(walk, kind, (schema, name), parent, bare=bare, there=False, cascade=cascade, lenient=lenient)]
    if action.take("ALTER"):
        if action.take("CONSTRAINT"):
            name = action.name()
            parts = (("definition", ANY), ("validated", ANY))
            return (
                None if name is None else [claim(walk, "constraint", (schema, name), parent, bare=bare, change=True, parts=parts)]
            )
        action.take("COLUMN")
        name = action.name()
        if name is None:
            return None
        if action.take("SET", "NOT", "NULL"):
            return changed(name, not_null=_YES)
        if action.take("DROP", "NOT", "NULL"):
            return changed(name, not_null=_NO)
        if action.take("SET", "DEFAULT"):
            return changed(name, default=Definition(walk.written(action.rest()), "default"))
        if action.take("DROP", "DEFAULT"):
            return changed(name, default=Definition(""))
        if action.take("SET", "DATA", "TYPE") or action.take("TYPE"):
            return changed(name, type=Definition(walk.written(action.until("USING", "COLLATE")), "type"))
        if action.take("ADD", "GENERATED") or action.take("DROP", "IDENTITY") or action.take("DROP", "EXPRESSION"):
            return changed(name, default=ANY)
        return None
    if action.take("INHERIT"):
        above = action.qualified()
        parents = (Thing("table", above[0], "", above[1]),) if above is not None else ()
        return [claim(walk, "table", (schema, parent), bare=bare, change=True, parents=parents)]
    if action.take("ATTACH", "PARTITION"):
        child = action.qualified()
        own = Thing("table", schema, "", parent)
        return None if child is None else [claim(action, "table", child, change=True, parents=(own,))]
    if action.take("VALIDATE", "CONSTRAINT"):
        name = action.name()
        if name is None:
            return None
        return [claim(walk, "constraint", (schema, name), parent, bare=bare, change=True, parts=(("validated", _YES),))]
    for words, key, state in (
        (("ENABLE", "ROW", "LEVEL", "SECURITY"), "row_level_security", "on"),
        (("DISABLE", "ROW", "LEVEL", "SECURITY"), "row_level_security", "off"),
        (("FORCE", "ROW", "LEVEL", "SECURITY"), "forced_row_level_security", "on"),
        (("NO", "FORCE", "ROW", "LEVEL", "SECURITY"), "forced_row_level_security", "off"),
    ):
        if action.take(*words):
            return of_table(**{key: Definition(state)})
    for state_words, letter in sorted(_TRIGGER_STATES.items(), key=lambda one: -len(one[0])):
        if action.take(*state_words, "TRIGGER"):
            name = action.name()
            every = action.tokens[action.at - 1].upper in ("ALL", "USER")
            if name is None:
                return None
            return [
                claim(walk, "trigger", (schema, "*" if every else name), parent, bare=bare, change=True,
                      parts=(("state", Definition(letter)),))
            ]  # fmt: skip
    return None
