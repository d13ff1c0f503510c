"""What a migration file says will be there when it is in: the objects that it creates, changes and drops, told from its text.

Pure. Only what the text states is told: names in dynamic SQL (`execute format(…)`), data and privileges are not claims, and are
counted instead, so that nobody takes silence for proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chatops.migrations.migration_text import MigrationText
from chatops.migrations.scanner import Kind, Token, normalised, scan, significant


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """An object as the catalog names it. `parent` is the table of what belongs to one, the argument types of a function.

    Kinds: schema, extension, table, column, constraint, validated (a constraint that was), not null and default (of a column),
    row level security (of a table), index, view, materialized view, sequence, function, trigger, policy, rule, type, domain,
    label (of an enum), publication, role.
    """

    kind: str
    schema: str
    parent: str
    name: str

    def __str__(self) -> str:
        if self.kind == "function":
            return f"function {self.name}({self.parent})"
        if self.kind == "not null":
            return f"not null of {self.parent}.{self.name}"
        if self.kind == "default":
            return f"default of {self.parent}.{self.name}"
        if self.kind == "row level security":
            return f"row level security of {self.name}"
        if self.kind == "validated":
            return f"validation of constraint {self.name} on {self.parent}"
        if self.kind == "column":
            return f"column {self.parent}.{self.name}"
        if self.kind == "label":
            return f"label {self.name} of type {self.parent}"
        return f"{self.kind} {self.name} on {self.parent}" if self.parent else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that a file makes (`there`), or drops.

    `line` counts from 1 in the file. `body` is a function's text, blanks and comments normalised, None where it is not compared:
    for whatever is created only if it does not exist. `guards` are the names in the condition of an early `return` before it:
    where one of them exists, the file does nothing. `words` are the names that the statement mentions. `cascade` is whether
    a drop takes along what depends on it. `was` is the thing that was renamed to this one.
    """

    thing: Thing
    there: bool
    line: int
    body: str | None = None
    source: str | None = field(default=None, repr=False)
    guards: frozenset[str] = frozenset()
    words: frozenset[str] = field(default=frozenset(), repr=False)
    cascade: bool = False
    was: Thing | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of one file in their order, and how many of its statements make none: those that move data or set
    privileges (`data`), and those that change the catalog in a way that is not read here (`unread`)."""

    claims: tuple[Claim, ...]
    data: int
    unread: int


def claims_of(file: MigrationText, schema: str) -> Claims:
    """What a file claims when it is run with `schema` as the target."""
    found: list[Claim] = []
    data = unread = 0
    for statement in file.statements:
        if statement.kind is Kind.COPY:
            data += 1
            continue
        tokens = list(significant(statement.text))
        told = _claims(tokens, statement.text, statement.line, schema)
        if told is None:
            unread += 1
        elif not told and _quiet(tokens):
            data += 1
        else:
            found += told
            if not told and _do_body(tokens):
                unread += 1
    return Claims(tuple(found), data, unread)


def claims_of_statement(statement: str, schema: str) -> list[Claim]:
    """The claims of one statement; [] where it makes none or is not read."""
    return _claims(list(significant(statement)), statement, 1, schema) or []


def table_of(statement: str, schema: str) -> tuple[str, str] | None:
    """The table that a statement creates, alters, or puts something on: (schema, name); None for any other statement."""
    tokens = list(significant(statement))
    for claim in claims_of_statement(statement, schema):
        if claim.thing.kind == "table":
            thing = claim.was or claim.thing
            return thing.schema, thing.name
        if claim.thing.kind != "function" and claim.thing.parent:
            return claim.thing.schema, claim.thing.parent
    walk = _Walk(tokens, statement, 1, schema)
    if walk.take("ALTER", "TABLE"):
        walk.take("IF", "EXISTS")
        walk.take("ONLY")
        return walk.qualified()
    if walk.take("CREATE"):
        for token in tokens[walk.at :]:
            walk.at += 1
            if token.upper == "ON":
                walk.take("ONLY")
                return walk.qualified()
    return None


# -- one statement -------------------------------------------------------------------------------------------------------

_QUIET = frozenset(
    ("ANALYZE", "BEGIN", "CALL", "CHECKPOINT", "COMMENT", "COMMIT", "DELETE", "DISCARD", "END", "EXPLAIN", "GRANT", "INSERT",
     "LISTEN", "LOCK", "MERGE", "NOTIFY", "REFRESH", "RELEASE", "RESET", "REVOKE", "ROLLBACK", "SAVEPOINT", "SECURITY", "SELECT",
     "SET", "SHOW", "START", "TABLE", "TRUNCATE", "UNLISTEN", "UPDATE", "VACUUM", "VALUES", "WITH")
)  # fmt: skip


def _quiet(tokens: Sequence[Token]) -> bool:
    return not tokens or tokens[0].upper in _QUIET


def _claims(tokens: list[Token], text: str, line: int, schema: str) -> list[Claim] | None:
    """The claims of a statement; [] where it has none to make, None where it changes the catalog and is not read."""
    if not tokens or tokens[0].upper in _QUIET:
        return []
    walk = _Walk(tokens, text, line, schema)
    first = tokens[0].upper
    if first == "DO":
        return _do(tokens, text, line, schema)
    if first == "CREATE":
        return _create(walk)
    if first == "ALTER":
        return _alter(walk)
    if first == "DROP":
        return _drop(walk)
    return None


class _Walk:
    """A place in the tokens of one statement."""

    def __init__(self, tokens: Sequence[Token], text: str, line: int, schema: str) -> None:
        self.tokens = tokens
        self.text = text
        self.schema = schema
        self.line = line
        self.at = 0
        self.words = frozenset(_name(token) for token in tokens if token.kind in ("word", "identifier"))

    def peek(self, ahead: int = 0) -> Token | None:
        """The token here, or further on."""
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def take(self, *words: str) -> bool:
        """Steps over these keywords, if they are all here."""
        here = self.tokens[self.at : self.at + len(words)]
        if len(here) == len(words) and all(token.upper == word for token, word in zip(here, words, strict=True)):
            self.at += len(words)
            return True
        return False

    def sign(self, text: str) -> bool:
        """Steps over one operator."""
        token = self.peek()
        if token is not None and token.kind == "operator" and token.text == text:
            self.at += 1
            return True
        return False

    def name(self) -> str | None:
        """One name."""
        token = self.peek()
        if token is None or token.kind not in ("word", "identifier"):
            return None
        self.at += 1
        return _name(token)

    def qualified(self) -> tuple[str, str] | None:
        """A name with or without its schema: (schema, name)."""
        first = self.name()
        if first is None:
            return None
        if self.sign("."):
            second = self.name()
            return None if second is None else (first, second)
        return self.schema, first

    def group(self) -> list[Token] | None:
        """What stands in the parentheses that open here."""
        if not self.sign("("):
            return None
        depth, start = 1, self.at
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token.kind == "operator":
                depth += (token.text in "([") - (token.text in ")]")
                if depth == 0:
                    return list(self.tokens[start : self.at - 1])
        return None

    def rest(self) -> list[Token]:
        """The tokens from here on."""
        return list(self.tokens[self.at :])

    def claim(
        self, kind: str, schema: str, name: str, parent: str = "", *, there: bool = True, cascade: bool = False,
        was: Thing | None = None, source: str | None = None,
    ) -> Claim:  # fmt: skip
        """A claim of this statement."""
        body = None if source is None else normalised(source)
        thing = Thing(kind, schema, parent, name)
        return Claim(thing, there, self.line, body, source, words=self.words, cascade=cascade, was=was)


def _name(token: Token) -> str:
    """A name as the catalog spells it."""
    if token.kind == "identifier":
        return token.text[token.text.index('"') + 1 : -1].replace('""', '"')
    return token.text.lower()


def _pieces(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """A list cut at its commas, those inside parentheses aside."""
    depth = 0
    piece: list[Token] = []
    for token in tokens:
        if token.kind == "operator":
            depth += (token.text in "([") - (token.text in ")]")
            if token.text == "," and depth == 0:
                if piece:
                    yield piece
                piece = []
                continue
        piece.append(token)
    if piece:
        yield piece


def _create(walk: _Walk) -> list[Claim] | None:
    walk.take("CREATE")
    walk.take("OR", "REPLACE")
    walk.take("GLOBAL")
    walk.take("LOCAL")
    if walk.take("TEMP") or walk.take("TEMPORARY"):
        return []
    walk.take("UNLOGGED")
    walk.take("FOREIGN") if walk.peek(1) and walk.peek(1).upper == "TABLE" else None  # type: ignore[union-attr]
    if walk.take("TABLE"):
        return _create_table(walk)
    if walk.take("UNIQUE", "INDEX") or walk.take("INDEX"):
        return _create_index(walk)
    if walk.take("RECURSIVE", "VIEW") or walk.take("VIEW"):
        return _simple(walk, "view")
    if walk.take("MATERIALIZED", "VIEW"):
        return _simple(walk, "materialized view")
    if walk.take("SEQUENCE"):
        return _simple(walk, "sequence")
    if walk.take("DOMAIN"):
        return _simple(walk, "domain")
    if walk.take("TYPE"):
        return _create_type(walk)
    if walk.take("FUNCTION") or walk.take("PROCEDURE"):
        return _create_function(walk)
    if walk.take("CONSTRAINT", "TRIGGER") or walk.take("TRIGGER"):
        return _on_table(walk, "trigger")
    if walk.take("POLICY"):
        return _on_table(walk, "policy")
    if walk.take("RULE"):
        return _on_table(walk, "rule", "TO")
    if walk.take("SCHEMA"):
        return _global(walk, "schema")
    if walk.take("EXTENSION"):
        return _global(walk, "extension")
    if walk.take("PUBLICATION"):
        return _global(walk, "publication")
    if walk.take("ROLE") or walk.take("USER"):
        return _global(walk, "role")
    return None


def _simple(walk: _Walk, kind: str) -> list[Claim] | None:
    walk.take("IF", "NOT", "EXISTS")
    named = walk.qualified()
    return None if named is None else [walk.claim(kind, *named)]


def _global(walk: _Walk, kind: str) -> list[Claim] | None:
    walk.take("IF", "NOT", "EXISTS")
    name = None if walk.peek() and walk.peek().upper == "AUTHORIZATION" else walk.name()  # type: ignore[union-attr]
    return None if name is None else [walk.claim(kind, name if kind == "schema" else "", name)]


def _on_table(walk: _Walk, kind: str, before_table: str = "ON") -> list[Claim] | None:
    walk.take("IF", "NOT", "EXISTS")
    name = walk.name()
    while name is not None and (token := walk.peek()) is not None:
        walk.at += 1
        if token.upper == before_table:
            table = walk.qualified()
            return None if table is None else [walk.claim(kind, table[0], name, table[1])]
    return None


def _create_table(walk: _Walk) -> list[Claim] | None:
    walk.take("IF", "NOT", "EXISTS")
    named = walk.qualified()
    if named is None:
        return None
    found = [walk.claim("table", *named)]
    columns = walk.group()
    # In CREATE TABLE … (a, b) AS SELECT the list holds names alone, and in PARTITION OF it follows a parent.
    for piece in _pieces(columns or []):
        found += _table_element(walk, piece, named)
    return found


_TABLE_CONSTRAINTS = frozenset(("PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "LIKE", "NOT"))


def _table_element(walk: _Walk, piece: list[Token], table: tuple[str, str]) -> list[Claim]:
    schema, parent = table
    first = piece[0].upper
    if first == "CONSTRAINT":
        return [walk.claim("constraint", schema, _name(piece[1]), parent)] if len(piece) > 1 else []
    if first in _TABLE_CONSTRAINTS or piece[0].kind not in ("word", "identifier"):
        return []
    found = [walk.claim("column", schema, _name(piece[0]), parent)]
    depth = 0
    for index, token in enumerate(piece):
        if token.kind == "operator":
            depth += (token.text in "([") - (token.text in ")]")
        named = depth == 0 and index > 0 and token.upper == "CONSTRAINT" and index + 2 < len(piece)
        # NOT NULL and NULL keep no name before Postgres 18.
        if named and piece[index + 2].upper in ("CHECK", "UNIQUE", "PRIMARY", "REFERENCES"):
            found.append(walk.claim("constraint", schema, _name(piece[index + 1]), parent))
    return found


def _create_index(walk: _Walk) -> list[Claim] | None:
    walk.take("CONCURRENTLY")
    walk.take("IF", "NOT", "EXISTS")
    if walk.take("ON"):
        return None  # the server names it
    name = walk.name()
    if name is None or not walk.take("ON"):
        return None
    walk.take("ONLY")
    table = walk.qualified()
    return None if table is None else [walk.claim("index", table[0], name)]


def _create_type(walk: _Walk) -> list[Claim] | None:
    named = walk.qualified()
    if named is None:
        return None
    found = [walk.claim("type", *named)]
    if walk.take("AS", "ENUM"):
        labels = walk.group() or []
        found += [walk.claim("label", named[0], _string(token), named[1]) for token in labels if token.kind == "string"]
    return found


def _create_function(walk: _Walk) -> list[Claim] | None:
    named = walk.qualified()
    arguments = walk.group()
    if named is None or arguments is None:
        return None
    source = None
    while (token := walk.peek()) is not None:
        walk.at += 1
        if token.upper == "AS":
            following = walk.peek()
            if following is not None and following.kind == "string":
                source = _string(following)
            break
    return [walk.claim("function", named[0], named[1], argument_types(arguments), source=source)]


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


# Types of which two different ones are never the same.
BUILT_IN = frozenset(_ALIASES.values()) | frozenset(
    ("uuid", "text", "jsonb", "json", "date", "interval", "bytea", "inet", "name", "oid", "regclass", "numeric", "xml", "point")
)


def argument_types(arguments: Sequence[Token]) -> str:
    """The types of a function's arguments as the catalog tells them apart.

    >>> argument_types(list(significant("p_chat_id uuid, at timestamptz default now(), out n int, xs public.mood[]")))
    'uuid, timestamp with time zone, mood[]'
    """
    types: list[str] = []
    for piece in _pieces(arguments):
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
            words.append(_name(token) if token.kind in ("word", "identifier") else token.text)
    name = " ".join(words)
    return _ALIASES.get(name, name) + ("[]" if array else "")


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _string(token: Token) -> str:
    """What a string literal holds."""
    text = token.text
    if text.startswith("$"):
        tag = text[: text.index("$", 1) + 1]
        return text[len(tag) : -len(tag)]
    inner = text[text.index("'") + 1 : -1].replace("''", "'")
    if text[0] in "eE":
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), inner, flags=re.DOTALL)
    return inner


def _alter(walk: _Walk) -> list[Claim] | None:
    walk.take("ALTER")
    walk.take("FOREIGN")
    if walk.take("TABLE"):
        return _alter_table(walk)
    if walk.take("TYPE"):
        named = walk.qualified()
        if named is not None and walk.take("ADD", "VALUE"):
            walk.take("IF", "NOT", "EXISTS")
            label = walk.peek()
            if label is not None and label.kind == "string":
                return [walk.claim("label", named[0], _string(label), named[1])]
        return None if named is None else _renamed(walk, "type", named)
    for kind in ("index", "view", "materialized view", "sequence", "domain"):
        if walk.take(*kind.upper().split()):
            walk.take("IF", "EXISTS")
            named = walk.qualified()
            return None if named is None else _renamed(walk, kind, named)
    if walk.take("FUNCTION") or walk.take("PROCEDURE") or walk.take("ROUTINE"):
        named, arguments = walk.qualified(), walk.group()
        if named is not None and arguments is not None and walk.take("RENAME", "TO") and (new := walk.name()):
            types = argument_types(arguments)
            was = Thing("function", named[0], types, named[1])
            return [walk.claim("function", named[0], new, types, was=was)]
        return None
    if walk.take("POLICY") or walk.take("TRIGGER"):
        kind = walk.tokens[walk.at - 1].text.lower()
        name = walk.name()
        if name is None or not walk.take("ON") or (table := walk.qualified()) is None:
            return None
        if walk.take("RENAME", "TO") and (new := walk.name()):
            return [walk.claim(kind, table[0], new, table[1], was=Thing(kind, table[0], table[1], name))]
    return None


def _renamed(walk: _Walk, kind: str, named: tuple[str, str]) -> list[Claim] | None:
    if walk.take("RENAME", "TO") and (new := walk.name()):
        return [walk.claim(kind, named[0], new, was=Thing(kind, named[0], "", named[1]))]
    if walk.take("SET", "SCHEMA") and (schema := walk.name()):
        return [walk.claim(kind, schema, named[1], was=Thing(kind, named[0], "", named[1]))]
    return None


def _alter_table(walk: _Walk) -> list[Claim] | None:
    walk.take("IF", "EXISTS")
    walk.take("ONLY")
    table = walk.qualified()
    if table is None:
        return None
    walk.sign("*")
    renamed = _renamed(walk, "table", table)
    if renamed is not None:
        return renamed
    schema, parent = table
    if walk.take("RENAME"):
        kind = "constraint" if walk.take("CONSTRAINT") else "column"
        walk.take("COLUMN")
        old, _, new = walk.name(), walk.take("TO"), walk.name()
        if old is None or new is None:
            return None
        return [walk.claim(kind, schema, new, parent, was=Thing(kind, schema, parent, old))]
    found: list[Claim] = []
    read = False
    for piece in _pieces(walk.rest()):
        told = _table_action(walk, piece, table)
        if told is not None:
            read = True
            found += told
    return found if read else None


def _table_action(walk: _Walk, piece: list[Token], table: tuple[str, str]) -> list[Claim] | None:
    schema, parent = table
    action = _Walk(piece, walk.text, walk.line, walk.schema)
    action.words = walk.words
    if action.take("ADD"):
        if action.take("CONSTRAINT"):
            name = action.name()
            return None if name is None else [action.claim("constraint", schema, name, parent)]
        if action.peek() and action.peek().upper in _TABLE_CONSTRAINTS:  # type: ignore[union-attr]
            return None  # the server names it
        action.take("COLUMN")
        action.take("IF", "NOT", "EXISTS")
        return _table_element(action, action.rest(), table) if action.peek() else None
    if action.take("DROP"):
        kind = "constraint" if action.take("CONSTRAINT") else "column"
        action.take("COLUMN")
        action.take("IF", "EXISTS")
        name = action.name()
        return None if name is None else [action.claim(kind, schema, name, parent, there=False, cascade=action.take("CASCADE"))]
    if action.take("ALTER"):
        action.take("COLUMN")
        name = action.name()
        for words, kind, there in (
            (("SET", "NOT", "NULL"), "not null", True), (("DROP", "NOT", "NULL"), "not null", False),
            (("SET", "DEFAULT"), "default", True), (("DROP", "DEFAULT"), "default", False),
        ):  # fmt: skip
            if name is not None and action.take(*words):
                return [action.claim(kind, schema, name, parent, there=there)]
        return None
    if action.take("VALIDATE", "CONSTRAINT"):
        name = action.name()
        return None if name is None else [action.claim("validated", schema, name, parent)]
    if action.take("ENABLE", "ROW", "LEVEL", "SECURITY"):
        return [action.claim("row level security", schema, parent)]
    if action.take("DISABLE", "ROW", "LEVEL", "SECURITY"):
        return [action.claim("row level security", schema, parent, there=False)]
    return None


_DROPPED = {
    "TABLE": "table", "VIEW": "view", "MATERIALIZED VIEW": "materialized view", "INDEX": "index", "SEQUENCE": "sequence",
    "TYPE": "type", "DOMAIN": "domain", "FOREIGN TABLE": "table",
}  # fmt: skip


def _drop(walk: _Walk) -> list[Claim] | None:
    walk.take("DROP")
    cascade = bool(walk.tokens) and walk.tokens[-1].upper == "CASCADE"
    for words, kind in _DROPPED.items():
        if walk.take(*words.split()):
            walk.take("CONCURRENTLY")
            walk.take("IF", "EXISTS")
            found = []
            for piece in _pieces(walk.rest()):
                named = _Walk(piece, walk.text, walk.line, walk.schema).qualified()
                if named is not None:
                    found.append(walk.claim(kind, *named, there=False, cascade=cascade))
            return found
    if walk.take("FUNCTION") or walk.take("PROCEDURE") or walk.take("ROUTINE"):
        walk.take("IF", "EXISTS")
        found = []
        for piece in _pieces(walk.rest()):
            one = _Walk(piece, walk.text, walk.line, walk.schema)
            named, arguments = one.qualified(), one.group()
            if named is not None:
                types = "*" if arguments is None else argument_types(arguments)
                found.append(walk.claim("function", named[0], named[1], types, there=False, cascade=cascade))
        return found
    for kind in ("trigger", "policy", "rule"):
        if walk.take(kind.upper()):
            walk.take("IF", "EXISTS")
            name = walk.name()
            if name is None or not walk.take("ON") or (table := walk.qualified()) is None:
                return None
            return [walk.claim(kind, table[0], name, table[1], there=False, cascade=cascade)]
    for kind in ("schema", "extension", "publication", "role"):
        if walk.take(kind.upper()):
            walk.take("IF", "EXISTS")
            named_one = walk.name()
            if named_one is None:
                return None
            return [walk.claim(kind, named_one if kind == "schema" else "", named_one, there=False, cascade=cascade)]
    return None


# -- DO blocks -----------------------------------------------------------------------------------------------------------

_AFTER = frozenset(("THEN", "ELSE", "BEGIN", "LOOP"))


def _do_body(tokens: Sequence[Token]) -> Token | None:
    if not tokens or tokens[0].upper != "DO":
        return None
    return next((token for token in tokens if token.kind == "string"), None)


def _do(tokens: list[Token], text: str, line: int, schema: str) -> list[Claim] | None:
    """The claims of the statements in a PL/pgSQL block, each with what keeps it from being run."""
    literal = _do_body(tokens)
    if literal is None:
        return None
    body = _string(literal)
    inner = list(significant(body))
    offset = literal.text.index(body) if body and body in literal.text else 0
    first_line = line + text.count("\n", 0, literal.start + offset)
    found: list[Claim] = []
    guards: frozenset[str] = frozenset()
    depth = 0
    read = False
    index = 0
    while index < len(inner):
        token = inner[index]
        before = inner[index - 1] if index else None
        starts = before is None or before.text in (";", ">>") or before.upper in _AFTER
        if starts and token.upper == "IF":
            then = next((i for i in range(index, len(inner)) if inner[i].upper == "THEN"), len(inner) - 1)
            end = [one.upper or one.text for one in inner[then + 1 : then + 6]]
            if end[:5] == ["RETURN", ";", "END", "IF", ";"]:
                guards |= _literal_words(inner[index:then])
                index = then + 6
                continue
            depth += 1
        elif starts and token.upper == "END" and index + 1 < len(inner) and inner[index + 1].upper == "IF":
            depth = max(0, depth - 1)
        elif starts and token.upper in ("CREATE", "ALTER", "DROP", "EXECUTE"):
            stop = _statement_end(inner, index)
            here = inner[index:stop]
            if token.upper == "EXECUTE":
                here = _executed(here)
            at = first_line + body.count("\n", 0, token.start)
            told = _claims(here, body, at, schema) if here else None
            for claim in told or []:
                read = True
                # What is created under a condition is whatever was there before: only that it exists can be asked.
                kept = None if depth else claim.body
                found.append(
                    Claim(claim.thing, claim.there, at, kept, claim.source if kept else None, guards, claim.words, claim.cascade,
                          claim.was)
                )  # fmt: skip
            index = stop
            continue
        index += 1
    return found if read or not _changes_catalog(inner) else None


def _statement_end(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for index in range(start, len(tokens)):
        text = tokens[index].text
        if tokens[index].kind == "operator":
            depth += (text == "(") - (text == ")")
            if text == ";" and depth == 0:
                return index
    return len(tokens)


def _executed(tokens: Sequence[Token]) -> list[Token]:
    """The tokens of what an EXECUTE of one plain literal runs; [] for text that is put together."""
    if len(tokens) == 2 and tokens[1].kind == "string":
        statements = scan(_string(tokens[1]))
        if len(statements) == 1:
            return list(significant(statements[0].text))
    return []


def _literal_words(tokens: Sequence[Token]) -> frozenset[str]:
    return frozenset(
        word.lower() for token in tokens if token.kind == "string" for word in re.findall(r"[A-Za-z_][A-Za-z0-9_$]*", token.text)
    )


def _changes_catalog(tokens: Sequence[Token]) -> bool:
    return any(token.upper in ("CREATE", "ALTER", "DROP", "EXECUTE") for token in tokens)
