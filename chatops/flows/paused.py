"""The word that the queue is paused, or that nobody can tell, before whatever a look shows."""

from __future__ import annotations

from dataclasses import replace

from chatops import formatting
from chatops.chats import pauses
from chatops.db import Database
from chatops.model import Answer, Span, Text


def led(database: Database, answer: Answer, found: pauses.Standing | None = None) -> Answer:
    """The answer, after the word that the queue is paused, where it is or cannot be seen; asked for where nobody has before."""
    found = found or pauses.standing(database)
    if found.until is not None:
        by = pauses.by(database)
        said = f"paused until {formatting.instant(found.until)}: nobody gets a chat" + (f" ({by})" if by else "")
        told: dict[str, object] = {"paused_until": found.until}
    elif found.unseen is not None:
        said = f"whether the queue is paused cannot be seen: {formatting.visible(found.unseen)}"
        told = {"paused_until": None, "pause_unseen": found.unseen}
    else:
        return answer
    return replace(answer, body=(Text([[Span(said, "warning")]]), *answer.body), data={**answer.data, **told})
