"""Who can no longer call what a pending file closes: a role that called it because everybody could."""

from __future__ import annotations

from collections.abc import Sequence

from chatops import sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.migrations.prepare import Prepared
from chatops.migrations.source import SHIPPED

CLOSED_BY = {"027_privileges": ("assign_chat_to_operator(uuid)", "release_and_reassign_chat(uuid, text)")}
"""Which functions a shipped file takes from PUBLIC, of those that the application calls."""


@frozen
class LostCall:
    """A role that works on the chats, and what it may call no more after `file`; as SQL."""

    file: str
    role: str
    functions: Sequence[str]

    @property
    def grant(self) -> str:
        """What lets it call them again."""
        return f"grant execute on function {', '.join(self.functions)} to {self.role};"


def lost_calls(database: Database, prepared: Prepared) -> list[LostCall]:
    """What the files that are about to be applied take from whom; nothing where none of them closes anything."""
    found: list[LostCall] = []
    for entry in prepared.plan.apply:
        closed = CLOSED_BY.get(entry.name) if entry.file is not None and entry.file.source == SHIPPED else None
        if closed is None:
            continue
        with database.reading():
            rows = database.tuples(sqlfiles.read("queries/loses_calls.sql"), {"functions": list(closed)})
        found += [LostCall(entry.name, role, functions) for role, functions in rows]
    return found
