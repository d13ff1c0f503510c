"""A statement as people read it: on one line, without its comments. The one place that sqlparse is loaded for: it lays out, and
decides nothing."""

from __future__ import annotations

import sqlparse
from sqlparse.exceptions import SQLParseError

from chatops import formatting
from chatops.settings import without_passwords

# Beyond that a statement is cut before its end anyway, and laying it out would take longer than running it.
LONGEST_LAID_OUT = 4000


def in_one_line(statement: str, width: int) -> str:
    """A statement cut to `width` columns, comments and passwords left out; foreign characters made visible.

    >>> in_one_line("create index -- for the queue\\n  on chats (id)", 80)
    'create index on chats (id)'
    """
    text = statement[:LONGEST_LAID_OUT]
    try:
        laid_out = sqlparse.format(text, strip_comments=True)
    except (SQLParseError, RecursionError):  # deeper or longer than sqlparse goes: as it stands
        laid_out = text
    return formatting.shortened(without_passwords(laid_out or text), width)
