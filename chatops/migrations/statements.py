"""What single statements are about, by their tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from itertools import islice

from chatops.frozen import frozen
from chatops.migrations.scanner import Statement, Token, significant


@frozen
class Index:
    """The index that a CREATE INDEX CONCURRENTLY builds: its table as written, and its name ("" without one).

    `concurrently` and `on` are where that word and the table stand in the statement, from one offset to another.
    """

    table: str
    name: str
    concurrently: tuple[int, int] = field(default=(0, 0), repr=False)
    on: tuple[int, int] = field(default=(0, 0), repr=False)


def built_index(statement: Statement) -> Index | None:
    """What a CREATE INDEX CONCURRENTLY builds; None for any other statement.

    >>> from chatops.migrations.scanner import scan
    >>> built_index(scan('create unique index concurrently if not exists "My" on only s.chats (id)')[0])
    Index(table='s.chats', name='My')
    """
    begins = [token.upper for token in islice(significant(statement.text), 4)]
    if begins[:2] not in (["CREATE", "INDEX"], ["CREATE", "UNIQUE"]) or "CONCURRENTLY" not in begins:
        return None
    tokens = list(significant(statement.text))
    words_ = [token.upper for token in tokens]
    at = words_.index("CONCURRENTLY")
    word = tokens[at]
    at += 4 if words_[at + 1 : at + 4] == ["IF", "NOT", "EXISTS"] else 1
    name = ""
    if words_[at : at + 1] not in ([], ["ON"]):
        name = plain(tokens[at])
        at += 1
    at += 2 if words_[at + 1 : at + 2] == ["ONLY"] else 1
    if at >= len(tokens):
        return None  # the server says what is wrong with it
    first = last = tokens[at]
    table = first.text
    while at + 2 < len(tokens) and tokens[at + 1].text == ".":
        last = tokens[at + 2]
        table += f".{last.text}"
        at += 2
    return Index(
        table, name, (word.start, word.start + len(word.text)), (first.start, last.start + len(last.text))
    )  # fmt: skip


def plain(token: Token) -> str:
    """A name as the catalog has it."""
    return token.text[1:-1].replace('""', '"') if token.kind == "identifier" else token.text.lower()


def first_word(statement: Statement) -> str:
    """The unquoted word that a statement begins with, in upper case; "" without one."""
    found = _FIRST_WORD.match(statement.text)
    return found[0].upper() if found else ""


def outside_transaction(statement: Statement) -> str | None:
    """The words for a statement that the server refuses inside a transaction block (25001); None for all others.

    A `CALL` may commit and is not told from its text.
    """
    word = first_word(statement)
    if word not in _OUTSIDE_FIRST_WORDS:
        return None
    lowered = statement.text.lower()
    if not any(hint in lowered for hint in _OUTSIDE_HINTS):
        return None
    tokens = shape(statement)
    for pattern, reason in _OUTSIDE:
        match = pattern.match(tokens)
        if match:
            return reason(match) if callable(reason) else reason
    return None


def is_setting(statement: Statement) -> bool:
    """Whether a statement sets something for the rest of the session.

    >>> from chatops.migrations.scanner import scan
    >>> [is_setting(one) for one in scan("set role a; set local x.y = 1; reset all; set constraints all deferred; select 1")]
    [True, False, True, False, False]
    """
    return first_word(statement) in ("SET", "RESET") and _SETS_LESS.match(shape(statement)) is None


def mentions_batch_size(statement: Statement) -> bool:
    """Whether the runner can make the batches of a statement smaller."""
    text = statement.text.lower()
    return _BATCH_SIZE in text and any(
        token.kind == "string" and _BATCH_SIZE in token.text.lower() for token in significant(text)
    )


def shape(statement: Statement | str) -> str:
    """A statement's tokens in upper case with one blank between them and behind the last; a quoted name is one `"`, other than
    plain words in a string one `'`. Patterns over it need no care for comments, blanks or text in literals."""
    text = statement if isinstance(statement, str) else statement.text
    return "".join(f"{_shaped(token)} " for token in significant(text))


def _shaped(token: Token) -> str:
    if token.kind == "identifier":
        return '"'
    if token.kind == "string":
        value = token.text[1:-1]
        return value.upper() if value.isascii() and value.isalnum() else "'"
    return token.upper if token.kind == "word" else token.text


_BATCH_SIZE = "chatops.batch_size"
BOUND_HINT = "limit it: … where id in (select id from … limit current_setting('chatops.batch_size')::int)"
_FIRST_WORD = re.compile(r"[A-Za-z]+")
_SETS_LESS = re.compile(r"SET (?:LOCAL|CONSTRAINTS|TRANSACTION)\b")
_FALSE = r"(?:FALSE|OFF|0|NO)\b"
_OUTSIDE_FIRST_WORDS = frozenset(("ALTER", "CLUSTER", "CREATE", "DISCARD", "DROP", "REINDEX", "VACUUM"))
# Without one of these in it, whether as a word or not, no statement needs a closer look.
_OUTSIDE_HINTS = (
    "vacuum", "concurrently", "reindex", "system", "database", "tablespace", "subscription", "cluster", "discard",
)  # fmt: skip
# By the shape of a statement, see `shape`. From the calls of PreventInTransactionBlock in the server, 15 to 18.
_OUTSIDE: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"VACUUM\b", "VACUUM"),
        (r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY\b", "CREATE INDEX CONCURRENTLY"),
        (r"DROP INDEX CONCURRENTLY\b", "DROP INDEX CONCURRENTLY"),
        (r"REINDEX (?:\( [^()]*\) )?(SCHEMA|DATABASE|SYSTEM)\b", lambda match: f"REINDEX {match[1]}"),
        (r"REINDEX (?:\( [^()]*\) )?(TABLE|INDEX) CONCURRENTLY\b", lambda match: f"REINDEX {match[1]} CONCURRENTLY"),
        (
            rf"REINDEX \( (?:[^()]*, )?CONCURRENTLY (?!{_FALSE})[^()]*\) (TABLE|INDEX)\b",
            lambda match: f"REINDEX {match[1]} CONCURRENTLY",
        ),
        (r"ALTER SYSTEM\b", "ALTER SYSTEM"),
        (r"(CREATE|DROP) (DATABASE|TABLESPACE)\b", lambda match: f"{match[1]} {match[2]}"),
        (r"ALTER DATABASE \S+ SET TABLESPACE\b", "ALTER DATABASE … SET TABLESPACE"),
        (
            r"ALTER TABLE (?:\S+ )*?DETACH PARTITION (?:\S+ \. )*\S+ CONCURRENTLY\b",
            "ALTER TABLE … DETACH PARTITION … CONCURRENTLY",
        ),
        (
            rf"CREATE SUBSCRIPTION (?!.* WITH \( (?:.* )?(?:CREATE_SLOT|CONNECT) = {_FALSE})",
            "CREATE SUBSCRIPTION with a replication slot",
        ),
        (r"DROP SUBSCRIPTION\b", "DROP SUBSCRIPTION with a replication slot"),
        (r"ALTER SUBSCRIPTION \S+ REFRESH\b", "ALTER SUBSCRIPTION … REFRESH PUBLICATION"),
        (
            rf"ALTER SUBSCRIPTION \S+ (?:SET|ADD|DROP) PUBLICATION\b(?!.* WITH \( (?:.* )?REFRESH = {_FALSE})",
            "ALTER SUBSCRIPTION … PUBLICATION with a refresh",
        ),
        (
            rf"ALTER SUBSCRIPTION \S+ SET \( (?:.* )?(?:FAILOVER\b|TWO_PHASE = {_FALSE})",
            "ALTER SUBSCRIPTION … SET (failover, two_phase)",
        ),
        (r"CLUSTER(?: VERBOSE| \( [^()]*\))? ?$", "CLUSTER of all tables"),
        (r"DISCARD ALL\b", "DISCARD ALL"),
    )
)
