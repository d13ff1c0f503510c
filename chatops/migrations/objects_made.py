"""What a migration file says will be there when it is in: the objects that it creates, changes and drops, told from its text.

Pure. Only what the text states is told: names in dynamic SQL (`execute format(…)`), data and privileges are not claims, and are
counted instead, so that nobody takes silence for proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from chatops.migrations.claims import ANY, Called, Claim, Claims, Unread, in_schema
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.read_alter import alter, drop
from chatops.migrations.read_create import create
from chatops.migrations.read_do import do_body, read_do
from chatops.migrations.scanner import Kind, Token
from chatops.migrations.sql_walk import (
    Walk,
    called_in,
    catalog_name,
    literal_words,
    names_in,
    pieces,
    string_value,
    tokens_of,
)

_QUIET = frozenset(
    ("ANALYZE", "BEGIN", "CALL", "CHECKPOINT", "COMMENT", "COMMIT", "DELETE", "DISCARD", "END", "EXPLAIN", "GRANT", "INSERT",
     "LISTEN", "LOCK", "MERGE", "NOTIFY", "REFRESH", "RELEASE", "RESET", "REVOKE", "ROLLBACK", "SAVEPOINT", "SECURITY", "SELECT",
     "SET", "SHOW", "START", "TABLE", "TRUNCATE", "UNLISTEN", "UPDATE", "VACUUM", "VALUES", "WITH")
)  # fmt: skip
# As if every list of the catalog had been gone through.
_EVERYTHING = (
    "pg_class",
    "pg_attribute",
    "pg_constraint",
    "pg_trigger",
    "pg_policies",
    "pg_indexes",
    "pg_proc",
    "pg_views",
    "pg_type",
)


def claims_of(file: MigrationText, path: Sequence[str]) -> Claims:
    """What a file claims when it is run under a search path."""
    return _claims_of(file, tuple(path))


@lru_cache(maxsize=64)
def _claims_of(file: MigrationText, path: tuple[str, ...]) -> Claims:
    """Told once: of a fleet, each tenant is held against the same files."""
    found: list[Claim | Unread | Called] = []
    data = unread = 0
    words: set[str] = set()
    now = path
    session: set[str] = set()  # temporary tables: they come before the real ones, and go with the session
    saved: list[tuple[str, int, tuple[str, ...], bool]] = []
    odd = False  # literals mean something else than they do in a session as adopt has it
    for statement in file.statements:
        if statement.kind is Kind.COPY:
            data += 1
            continue
        tokens = tokens_of(statement.text)
        words |= names_in(tokens)
        if (savepoint := savepoint_of(tokens)) is not None:
            data += 1
            verb, name = savepoint
            at = next((place for place in range(len(saved) - 1, -1, -1) if saved[place][0] == name), None)
            if verb == "SAVEPOINT":
                saved.append((name, len(found), now, odd))
            elif at is not None and verb == "RELEASE":
                del saved[at:]
            elif at is not None:
                _, kept, now, odd = saved[at]
                del found[kept:], saved[at + 1 :]
            continue
        odd = odd_literals_after(tokens, odd)
        if (changed := path_after(tokens, path, now)) is not None:
            now = changed
            data += 1
            continue
        session |= temporary_names(tokens, statement.text, now)
        told, hidden = _read(tokens, statement.text, statement.line, now)
        made = [claim for claim in told if _made_in_session(claim, session)]
        session |= {claim.thing.name for claim in made if claim.thing.kind != "function"}
        told = [_placed(claim) for claim in told if claim not in made and not _in_session(claim, session)]
        if odd:
            told = [_without_literals(claim) for claim in told]
        found += told
        if (calls := _calls(tokens)) is not None:
            found.append(Called(statement.line, *calls))
        if hidden is not None:
            unread += 1
            found.append(hidden)
        elif not told and (not tokens or tokens[0].upper in _QUIET):
            data += 1
        elif not told:
            unread += 1
    return Claims(tuple(found), data, unread, frozenset(words))


_CALL = frozenset(("SELECT", "CALL", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "MERGE", "EXPLAIN", "DO"))


# What is longer holds rows.
_LONGEST_CALL = 2000


def _calls(tokens: Sequence[Token]) -> tuple[frozenset[str], frozenset[str]] | None:
    """The words of a statement and the functions that it calls; None where it calls none."""
    if not tokens or tokens[0].upper not in _CALL or len(tokens) > _LONGEST_CALL:
        return None
    if (body := do_body(tokens)) is not None:
        tokens = tokens_of(string_value(body))
    calls = called_in(tokens)
    return (names_in(tokens) | literal_words(tokens), calls) if calls else None


def claims_of_statement(statement: str, path: Sequence[str]) -> list[Claim]:
    """The claims of one statement; [] where it makes none or is not read."""
    return _read(tokens_of(statement), statement, 1, tuple(path))[0]


def table_of(statement: str, schema: str) -> tuple[str, str] | None:
    """The table that a statement creates, alters, or puts something on: (schema, name); None for any other statement."""
    tokens = tokens_of(statement)
    for claim in claims_of_statement(statement, (schema,)):
        if claim.thing.kind == "table":
            thing = claim.was or claim.thing
            return thing.schema, thing.name
        if claim.thing.owner is not None and claim.thing.owner.kind == "table":
            return claim.thing.schema, claim.thing.parent
    walk = Walk(tokens, statement, 1, (schema,))
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


def _read(tokens: list[Token], text: str, line: int, path: tuple[str, ...]) -> tuple[list[Claim], Unread | None]:
    """The claims of a statement, and what it may do that they do not tell; None for nothing that is looked at."""
    if not tokens or tokens[0].upper in _QUIET:
        return [], None
    if tokens[0].upper == "DO":
        return read_do(tokens, text, line, lambda inner, source, at: _catalog_statement(inner, source, at, path))
    if tokens[0].upper == "DROP" and len(tokens) > 1 and tokens[1].upper == "OWNED":
        return [], Unread(line, frozenset(_EVERYTHING))
    # What is not read (owners, casts, storage …) changes nothing that is looked at.
    return _catalog_statement(tokens, text, line, path) or [], None


def _catalog_statement(tokens: list[Token], text: str, line: int, path: tuple[str, ...]) -> list[Claim] | None:
    walk = Walk(tokens, text, line, path)
    readers = {"CREATE": create, "ALTER": alter, "DROP": drop}
    reader = readers.get(tokens[0].upper) if tokens else None
    return None if reader is None else reader(walk)


# -- what a file sets for itself -----------------------------------------------------------------------------------------


def path_after(tokens: Sequence[Token], outside: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...] | None:
    """The search path after a statement that sets it; None for any other statement.

    >>> path_after(tokens_of('set local search_path = "Ship", public'), ("public",), ("public",))
    ('Ship', 'public')
    """
    walk = Walk(tokens, "", 1, now)
    if walk.take("RESET", "SEARCH_PATH") or walk.take("RESET", "ALL"):
        return outside
    if walk.take("SELECT"):
        name = walk.qualified()
        if name is None or name[1] != "set_config":
            return None
        values = [string_value(piece[0]) for piece in pieces(walk.group() or []) if piece[0].kind == "string"]
        return _schemas(values[1].split(",")) if len(values) > 1 and values[0].lower() == "search_path" else None
    if not walk.take("SET"):
        return None
    walk.take("LOCAL")
    walk.take("SESSION")
    if not walk.take("SEARCH_PATH"):
        return None
    walk.at += 1  # TO or =
    if walk.take("DEFAULT"):
        return outside
    names = [string_value(piece[0]) if piece[0].kind == "string" else catalog_name(piece[0]) for piece in pieces(walk.rest())]
    return _schemas(names)


def _schemas(names: Sequence[str]) -> tuple[str, ...]:
    plain = [name.strip().strip('"') for name in names]
    session = ("pg_temp",) if plain[:1] == ["pg_temp"] else ()
    return (*session, *(name for name in plain if name and name not in ("$user", "pg_catalog", "pg_temp"))) or ("pg_catalog",)


def temporary_names(tokens: Sequence[Token], text: str, path: tuple[str, ...]) -> set[str]:
    """The name of the temporary table that a statement makes, which hides a real one from then on; nothing for any other."""
    walk = Walk(tokens, text, 1, path)
    if not walk.take("CREATE"):
        return set()
    walk.take("OR", "REPLACE")
    walk.take("GLOBAL")
    walk.take("LOCAL")
    if not (walk.take("TEMP") or walk.take("TEMPORARY")):
        return set()
    walk.take("RECURSIVE")
    if not (walk.take("TABLE") or walk.take("VIEW") or walk.take("SEQUENCE")):
        return set()
    walk.take("IF", "NOT", "EXISTS")
    named = walk.qualified()
    return {named[1]} if named is not None else set()


def _made_in_session(claim: Claim, session: set[str]) -> bool:
    """Whether a statement makes something for the session alone without the word for that: where the session's own schema comes
    first, or a view of what is temporary."""
    makes = claim.there and claim.was is None and not claim.change and claim.thing.owner is None
    if not makes or claim.table:
        return False
    return claim.path[:1] == ("pg_temp",) or (claim.thing.kind == "view" and not claim.words.isdisjoint({"pg_temp", *session}))


def _placed(claim: Claim) -> Claim:
    """A claim about what stands in a schema, though names are looked for among what is temporary before."""
    if claim.path[:1] != ("pg_temp",) or len(claim.path) < 2:
        return claim
    return replace(in_schema(claim, claim.path[1]), path=claim.path[1:])


def _in_session(claim: Claim, session: set[str]) -> bool:
    """Whether a claim is about a temporary table, or what stands on it."""
    if claim.path[:1] == ("pg_temp",):
        claim = _placed(claim)
    if not claim.path and claim.thing.schema != "pg_temp":
        return False
    thing = claim.was or claim.thing
    table = claim.table or (thing.parent if thing.owner is not None else thing.name)
    return claim.thing.schema == "pg_temp" or (thing.kind != "function" and table in session)


# -- what a file takes back, and what it makes its literals mean -----------------------------------------------------------


def savepoint_of(tokens: Sequence[Token]) -> tuple[str, str] | None:
    """SAVEPOINT, RELEASE or ROLLBACK TO, with the savepoint's name; None for any other statement.

    >>> savepoint_of(tokens_of("rollback work to savepoint A")), savepoint_of(tokens_of("rollback"))
    (('ROLLBACK', 'a'), None)
    """
    words = [token.upper for token in tokens]
    if len(tokens) < 2 or words[0] not in ("SAVEPOINT", "RELEASE", "ROLLBACK") or (words[0] == "ROLLBACK" and "TO" not in words):
        return None
    return words[0], catalog_name(tokens[-1])


_MEANS_OTHERWISE = frozenset(
    ("DATESTYLE", "TIMEZONE", "INTERVALSTYLE", "XMLOPTION", "TRANSFORM_NULL_EQUALS", "ARRAY_NULLS", "LC_MONETARY",
     "DEFAULT_TEXT_SEARCH_CONFIG", "STANDARD_CONFORMING_STRINGS", "BACKSLASH_QUOTE")
)  # fmt: skip


def odd_literals_after(tokens: Sequence[Token], odd: bool) -> bool:
    """Whether the server reads literals unlike a plain session after a statement, having done so before it or not.

    >>> [odd_literals_after(tokens_of(one), False) for one in ("set datestyle = 'German'", "set time zone 'UTC'", "set role a")]
    [True, True, False]
    """
    words = [token.upper for token in tokens[:4] if token.upper not in ("LOCAL", "SESSION")]
    if words[:2] == ["RESET", "ALL"]:
        return False
    if words[:1] == ["SET"]:
        return odd or not _MEANS_OTHERWISE.isdisjoint(words[1:2]) or words[1:3] in (["TIME", "ZONE"], ["XML", "OPTION"])
    if words[:1] == ["SELECT"] and "SET_CONFIG" in (token.upper for token in tokens):
        return odd or any(string_value(one).upper() in _MEANS_OTHERWISE for one in tokens if one.kind == "string")
    return odd


def _without_literals(claim: Claim) -> Claim:
    """A claim that says nothing of what holds a literal."""
    parts, where_missing = (
        tuple((part, ANY if "'" in text.text and text.how not in ("exact", "body") else text) for part, text in told)
        for told in (claim.parts, claim.where_missing)
    )
    return replace(claim, parts=parts, where_missing=where_missing)
