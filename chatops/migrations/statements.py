"""What single statements are about, by their tokens."""

from __future__ import annotations

from dataclasses import dataclass

from chatops.migrations.scanner import Statement, Token, significant


@dataclass(frozen=True, slots=True)
class Index:
    """The index that a CREATE INDEX CONCURRENTLY builds: its table as written, and its name ("" without one)."""

    table: str
    name: str


def built_index(statement: Statement) -> Index | None:
    """What a CREATE INDEX CONCURRENTLY builds; None for any other statement.

    >>> from chatops.migrations.scanner import scan
    >>> built_index(scan('create unique index concurrently if not exists "My" on only s.chats (id)')[0])
    Index(table='s.chats', name='My')
    """
    tokens = list(significant(statement.text))
    words_ = [token.upper for token in tokens]
    if words_[:2] not in (["CREATE", "INDEX"], ["CREATE", "UNIQUE"]) or "CONCURRENTLY" not in words_[:4]:
        return None
    at = words_.index("CONCURRENTLY") + 1
    if words_[at : at + 3] == ["IF", "NOT", "EXISTS"]:
        at += 3
    name = ""
    if words_[at] != "ON":
        name = _plain(tokens[at])
        at += 1
    at += 2 if words_[at + 1 : at + 2] == ["ONLY"] else 1
    table = tokens[at].text
    while at + 2 < len(tokens) and tokens[at + 1].text == ".":
        table += f".{tokens[at + 2].text}"
        at += 2
    return Index(table, name)


def _plain(token: Token) -> str:
    """A name as the catalog has it."""
    return token.text[1:-1].replace('""', '"') if token.kind == "identifier" else token.text.lower()
