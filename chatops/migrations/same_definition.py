"""Whether a file's text for a part of a thing means what the catalog's text means: settled here where the texts are alike, else
asked of the server, which plans both and compares the plans."""

from __future__ import annotations

import re

from chatops.migrations.claims import Definition
from chatops.migrations.scanner import normalised, significant
from chatops.migrations.sql_walk import pieces

_NOTHING = re.compile(r"\(*null(?:\s*::[^:]*)?\)*", re.IGNORECASE)
_ORDER = frozenset(("ASC", "DESC", "NULLS", "FIRST", "LAST"))


def settled(written: Definition, live: str) -> bool | None:
    """Whether two texts are the same, by themselves; None where only the server can tell, or nobody."""
    ours = written.text
    if written.how == "any":
        return None
    if written.how == "exact":
        return ours == live
    if written.how == "body":
        return normalised(ours) == normalised(live)
    if written.how == "default":
        # Where the length of a type is kept, so is that there is no default.
        ours, live = ("" if _NOTHING.fullmatch(one) else one for one in (ours, live))
    if written.how in ("expression", "default", "query"):
        if not ours or not live:
            return ours == live
        return True if _spelled(ours) == _spelled(live) else None
    if written.how == "type":
        return True if _spelled(ours) == _spelled(live) else None
    same = loosened(ours) == loosened(live)
    if not same and written.how == "keys":
        return False if _only_columns(ours) and _only_columns(live) else None
    if not same and ours.startswith("foreign key") and "(*)" in ours:
        # The catalog names the columns of the primary key that the file leaves out.
        return re.sub(r"\([^)]*\)", "", ours.partition(" references ")[2]) == re.sub(
            r"\([^)]*\)", "", live.partition(" references ")[2]
        )
    return same


def _only_columns(keys: str) -> bool:
    """Whether keys of an index are columns and their order alone: an operator class or a collation may be the one anyway."""
    return all(
        piece[0].kind in ("word", "identifier") and all(token.upper in _ORDER for token in piece[1:])
        for piece in pieces(list(significant(keys)))
    )


def _spelled(text: str) -> str:
    """A text with its blanks, comments and the case of its words made equal."""
    return " ".join(token.text.lower() if token.kind == "word" else token.text for token in significant(text))


def loosened(text: str) -> str:
    """A text without parentheses, casts, quotes around names and the case of words.

    >>> loosened('lower((name)::text), "id" DESC') == loosened("lower(name), id desc")
    True
    """
    found: list[str] = []
    tokens = list(significant(text))
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "operator" and token.text == "::":
            index += 2
            continue
        if token.text not in ("(", ")"):
            found.append(token.text.strip('"') if token.kind == "identifier" else token.text.lower())
        index += 1
    return " ".join(found)
