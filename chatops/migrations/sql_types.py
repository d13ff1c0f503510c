"""Types of columns and arguments, spelled as the catalog spells them."""

from __future__ import annotations

from collections.abc import Sequence

from chatops.migrations.scanner import Token
from chatops.migrations.sql_walk import catalog_name, pieces

_MODES = frozenset(("IN", "OUT", "INOUT", "VARIADIC"))
_LONG_TYPES = frozenset(
    ("DOUBLE PRECISION", "CHARACTER VARYING", "BIT VARYING", "NATIONAL CHARACTER", "TIMESTAMP WITH", "TIMESTAMP WITHOUT",
     "TIME WITH", "TIME WITHOUT", "NATIONAL CHAR", "CHAR VARYING")
)  # fmt: skip
_ALIASES = {
    "int": "integer", "int4": "integer", "int8": "bigint", "int2": "smallint", "bool": "boolean", "float8": "double precision",
    "float": "double precision", "float4": "real", "decimal": "numeric", "varchar": "character varying", "char": "character",
    "char varying": "character varying", "bpchar": "character", "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone", "timetz": "time with time zone", "time": "time without time zone",
    "varbit": "bit varying",
}  # fmt: skip
# Two different types of these are never the same type by another name.
BUILT_IN = frozenset(_ALIASES.values()) | frozenset(
    ("uuid", "text", "jsonb", "json", "date", "interval", "bytea", "inet", "name", "oid", "regclass", "numeric", "xml", "point")
)
# A column of one of these gets a sequence, NOT NULL and a default that nobody wrote.
SERIAL = {"serial": "integer", "serial4": "integer", "bigserial": "bigint", "serial8": "bigint", "smallserial": "smallint",
          "serial2": "smallint"}  # fmt: skip


def argument_types(arguments: Sequence[Token]) -> str:
    """The types of a function's arguments as the catalog tells them apart.

    >>> from chatops.migrations.sql_walk import tokens_of
    >>> argument_types(tokens_of("p_chat_id uuid, at timestamptz default now(), out n int, xs public.mood[]"))
    'uuid, timestamp with time zone, mood[]'
    """
    types: list[str] = []
    for piece in pieces(arguments):
        mode = piece[0].upper if piece[0].upper in _MODES else ""
        tokens = piece[1:] if mode else piece
        # The mode may also stand behind the name.
        if len(tokens) > 2 and tokens[1].upper in _MODES:
            mode, tokens = tokens[1].upper, [tokens[0], *tokens[2:]]
        cut = next((i for i, token in enumerate(tokens) if token.upper == "DEFAULT" or token.text in ("=", ":=")), len(tokens))
        tokens = tokens[:cut]
        if mode == "OUT" or not tokens:
            continue
        if len(tokens) > 1 and " ".join(token.upper for token in tokens[:2]) not in _LONG_TYPES:
            following = tokens[1]
            if following.kind != "operator" or following.text not in (".", "(", "[", "%"):
                tokens = tokens[1:]
        types.append(type_name(tokens))
    return ", ".join(types)


def type_name(tokens: Sequence[Token]) -> str:
    """A type as the catalog spells it, without schema and length."""
    words: list[str] = []
    depth, array = 0, ""
    for token in tokens:
        if token.text in ("(", "["):
            depth += 1
            array += "[]" if token.text == "[" else ""
        elif token.text in (")", "]"):
            depth -= 1
        elif depth == 0 and token.text == ".":
            words.clear()
        elif depth == 0 and token.upper == "ARRAY":
            array = "[]"
        elif depth == 0 and token.upper != "SETOF":
            words.append(catalog_name(token) if token.kind in ("word", "identifier") else token.text)
    name = " ".join(words)
    return _ALIASES.get(name, name) + ("[]" if array else "")


def plain_type(name: str) -> str:
    """A catalog's type name without its schema and quotes."""
    array = "[]" if name.endswith("[]") else ""
    last = name.removesuffix("[]").rpartition(".")[2]
    return last.strip('"') + array


def may_be_same(live: str, claimed: str) -> bool:
    """Whether two lists of types may be the same: as long, and nowhere two types that are known to differ."""
    ours, theirs = claimed.split(", ") if claimed else [], live.split(", ") if live else []
    if len(ours) != len(theirs):
        return False
    return all(a == b or a not in BUILT_IN or b not in BUILT_IN for a, b in zip(ours, theirs, strict=True))
