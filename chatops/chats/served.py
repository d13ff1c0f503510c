"""Whether users are served: who waits longest, who may have that chat, and what keeps everybody from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from chatops import sqlfiles
from chatops.chats import pauses, reports, why_waiting
from chatops.chats.pauses import Standing
from chatops.chats.reports import QueueFigures
from chatops.db import Database
from chatops.frozen import frozen


@frozen
class Served:
    """The queue; of all operators how many are kept from the chat that waits longest by which rule (`free`: by none)."""

    queue: QueueFigures
    rules: Mapping[str, int] = field(default_factory=dict)
    assigns: bool = True
    """Whether the function that gives chats is there."""
    pause: Standing = Standing()
    given_at: datetime | None = None
    """When somebody was last given a chat, within the last hour."""

    @property
    def able(self) -> int:
        """How many may have the chat that waits longest; where none waits, how many are free and were heard of."""
        return self.rules.get("free", 0) if self.queue.waiting else self.queue.free - self.queue.silent

    @property
    def stops(self) -> bool:
        """Whether nobody can be given a chat."""
        return not self.assigns or self.pause.until is not None or not self.able


def read(database: Database, queue: QueueFigures, silent_before: datetime | None) -> Served:
    """Inside a transaction."""
    assigns = bool(database.value(sqlfiles.read("queries/assigns.sql")))
    head = reports.queue_head(database, 1) if queue.waiting else []
    waiting = why_waiting.read(database, head[0].chat_id, silent_before) if head else None
    if waiting is None:
        return Served(queue, {}, assigns, pauses.standing(database))
    rules = Counter(one.rule for one in waiting.obstacles)
    return Served(queue, rules, assigns, waiting.pause, waiting.place.served_at)


def anybody_available(database: Database, since: datetime | None) -> bool:
    """Whether somebody is available and was heard of since then, whatever they hold. Inside a transaction."""
    return bool(database.value(reports.query(database, "queries/anybody_available.sql"), {"since": since}))
