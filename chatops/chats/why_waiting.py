"""Why nobody gets a chat that waits: its place in the queue, and what keeps each operator from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chatops.chats.reports import ask
from chatops.db import Database


@dataclass(frozen=True, slots=True)
class Place:
    """A waiting chat's place in the queue; `served_last_hour` counts assignments of the whole platform."""

    waiting_since: datetime
    last_operator_id: UUID | None
    ahead: int
    served_last_hour: int


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps an operator from a chat; `free` when nothing does."""

    operator_id: UUID
    name: str | None
    rule: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A chat in the queue, and every operator with what keeps them from it, by the database's clock."""

    place: Place
    obstacles: Sequence[Obstacle]
    now: datetime | None


def read(database: Database, chat_id: UUID) -> Waiting | None:
    """How a chat waits; None when it is not in the queue."""
    places = ask(database, Place, "queries/waiting_place.sql", {"chat": chat_id})
    if not places:
        return None
    obstacles = ask(database, Obstacle, "queries/waiting_rules.sql", {"chat": chat_id})
    return Waiting(places[0], obstacles, database.facts.now if database.facts else None)
