"""The word that the queue is paused, before whatever a look shows."""

from __future__ import annotations

from dataclasses import replace

from chatops import formatting
from chatops.chats import pauses
from chatops.db import Database
from chatops.model import Answer, Span, Text


def led(database: Database, answer: Answer) -> Answer:
    """The answer, after the word that the queue is paused, where it is."""
    paused = pauses.until(database)
    if paused is None:
        return answer
    word = Text([[Span(f"paused until {formatting.instant(paused)}: nobody gets a chat", "warning")]])
    return replace(answer, body=(word, *answer.body), data={**answer.data, "paused_until": paused})
