"""By which column of chats the installed assign function picks the next chat, told from its text."""

from __future__ import annotations

import re

from chatops import sqlfiles
from chatops.db import Database
from chatops.frozen import frozen

OUR_CLOCK = "waiting_since"
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_ORDER = re.compile(r"\border\s+by\s+(?:\w+\.)?(\w+)(\s+desc\b)?", re.IGNORECASE)
_PICKS = re.compile(r"waiting_assignment.*?\border\s+by\s+(?:\w+\.)?\w+(?:\s+desc\b)?", re.DOTALL | re.IGNORECASE)
_COLUMNS = frozenset({OUR_CLOCK, "created_at", "updated_at", "last_message_at", "state_since"})


@frozen
class PickOrder:
    """The column that decides, the newest first with `newest_first`."""

    column: str
    newest_first: bool = False


def read(database: Database) -> PickOrder | None:
    """The order of the installed function; None where its text does not tell. Inside a transaction."""
    texts = [str(text) for (text,) in database.tuples(sqlfiles.read("queries/pick_functions.sql"))]
    return told(texts)


def told(texts: list[str]) -> PickOrder | None:
    """The one order in which these bodies pick chats that wait; None where they name none, or several.

    >>> told(["select id from chats where chat_state = 'waiting_assignment' order by c.created_at limit 1"])
    PickOrder(column='created_at', newest_first=False)
    >>> told(["select pick_one()"]) is None
    True
    """
    found = set()
    for text in texts:
        for picked in _PICKS.findall(_COMMENT.sub(" ", text)):
            column, descending = _ORDER.findall(picked)[-1]
            found.add(PickOrder(column.lower(), bool(descending)))
    columns = {one.column for one in found}
    if OUR_CLOCK in columns:
        # Our own functions contain further queries (the end of the queue, skipped chats); the clock decides in all of them.
        return PickOrder(OUR_CLOCK)
    return found.pop() if len(found) == 1 and columns <= _COLUMNS else None
