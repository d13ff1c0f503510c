"""The chats that somebody should read again: closed by the limit, ended while the user waited, opened again, or handed round."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chatops import formatting, sqlfiles
from chatops.chats import policy
from chatops.chats.reports import ask
from chatops.db import Database
from chatops.frozen import frozen

BOUNCED = 2
"""So many turns without an answer are too many."""
REASONS = {
    "limit": "closed by the limit",
    "ended": "ended while the user waited",
    "reopened": "opened again",
    "bounced": "given back again and again",
}
"""Why a chat is read again, by what weighs most."""


@frozen
class Reopened:
    """A chat that was over and was opened again with chatops, by whom."""

    chat_id: UUID
    at: datetime
    who: str


@frozen
class Reviewed:
    """A chat to read again; `since` is when it came to that. `turns`: so many ended without an answer since the last one."""

    chat_id: UUID
    reason: str
    user_name: str | None
    profile_name: str | None
    chat_state: str | None
    since: datetime | None
    user_wrote_at: datetime | None
    turns: int
    operators: int
    operator_id: UUID | None
    operator_name: str | None
    reopened_by: str | None

    @property
    def why(self) -> str:
        """The reason in words."""
        if self.reason == "bounced":
            return self._turns
        said = f"opened again by {self.reopened_by}" if self.reason == "reopened" else REASONS[self.reason]
        return f"{said}: {self._turns}" if self.turns and self.reason != "ended" else said

    @property
    def _turns(self) -> str:
        of_many = f" of {self.operators} operators" if self.operators > 1 else ""
        return f"{formatting.plural(self.turns, 'turn')}{of_many}, no answer"

    @property
    def next(self) -> tuple[str, ...]:
        """What is next, as the words of a command: what is over is opened again; of others `show` says why nobody answers."""
        chat = str(self.chat_id)
        return ("reopen", chat, "--dry-run") if self.reason in ("limit", "ended") else ("show", chat)


def review(database: Database, since: datetime) -> list[Reviewed]:
    """The chats that somebody should read again, the newest first; inside `reading`."""
    reopened: list[Reopened] = []
    if database.facts is not None and database.facts.has_bookkeeping:
        wanted = {"since": since, "schema": database.target.schema}
        reopened = database.rows(Reopened, sqlfiles.query("queries/review_reopened.sql"), wanted)
    return ask(
        database,
        Reviewed,
        "queries/review.sql",
        {
            "since": since,
            "bounced": BOUNCED,
            "max_reassignments": policy.read(database).max_reassignments,
            "reopened": [one.chat_id for one in reopened],
            "reopened_at": [one.at for one in reopened],
            "reopened_by": [one.who for one in reopened],
        },
    )
