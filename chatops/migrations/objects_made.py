"""What a migration file says will be there when it is in: the objects that it creates, changes and drops, told from its text.

Pure. Only what the text states is told: names in dynamic SQL (`execute format(…)`), data and privileges are not claims, and are
counted instead, so that nobody takes silence for proof.
"""

from __future__ import annotations

from collections.abc import Sequence

from chatops.migrations.claims import Claim, Claims, Unread
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.read_alter import alter, drop
from chatops.migrations.read_create import create
from chatops.migrations.read_do import read_do
from chatops.migrations.scanner import Kind, Token
from chatops.migrations.sql_walk import Walk, catalog_name, pieces, string_value, tokens_of

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
    found: list[Claim | Unread] = []
    data = unread = 0
    words: set[str] = set()
    now = tuple(path)
    session: set[str] = set()  # temporary tables: they come before the real ones, and go with the session
    for statement in file.statements:
        if statement.kind is Kind.COPY:
            data += 1
            continue
        tokens = tokens_of(statement.text)
        words |= {catalog_name(token) for token in tokens if token.kind in ("word", "identifier")}
        if (changed := path_after(tokens, tuple(path), now)) is not None:
            now = changed
            data += 1
            continue
        session |= temporary_names(tokens, statement.text, now)
        told, hidden = _read(tokens, statement.text, statement.line, now)
        told = [claim for claim in told if not _in_session(claim, session)]
        found += told
        if hidden is not None:
            unread += 1
            found.append(hidden)
        elif not told and (not tokens or tokens[0].upper in _QUIET):
            data += 1
        elif not told:
            unread += 1
    return Claims(tuple(found), data, unread, frozenset(words))


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
    plain = (name.strip().strip('"') for name in names)
    return tuple(name for name in plain if name and name not in ("$user", "pg_catalog", "pg_temp")) or ("pg_catalog",)


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


def _in_session(claim: Claim, session: set[str]) -> bool:
    """Whether a claim is about a temporary table, or what stands on it."""
    if not claim.path and claim.thing.schema != "pg_temp":
        return False
    thing = claim.was or claim.thing
    table = claim.table or (thing.parent if thing.owner is not None else thing.name)
    return claim.thing.schema == "pg_temp" or (thing.kind != "function" and table in session)
