"""Why nobody gets a chat that waits: its place in the queue, and what keeps each operator from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from chatops import sqlfiles
from chatops.chats import pauses, pick_order
from chatops.chats.pauses import Standing
from chatops.chats.pick_order import PickOrder
from chatops.chats.reports import ask
from chatops.db import Database
from chatops.frozen import frozen


@frozen
class Place:
    """A waiting chat's place in the queue by its wait.

    `served_last_hour` counts assignments of the whole platform, the last of them at `served_at`; `taken_meanwhile` those of
    other chats since it is in the queue.
    """

    waiting_since: datetime
    last_operator_id: UUID | None
    ahead: int
    served_last_hour: int
    served_at: datetime | None
    taken_meanwhile: int


@frozen
class Obstacle:
    """What keeps an operator from a chat; `free` when nothing does, `silent` when they count as free and were not heard of."""

    operator_id: UUID
    name: str | None
    last_activity: datetime | None
    rule: str


@frozen
class Waiting:
    """A chat in the queue, and every operator with what keeps them from it, by the database's clock.

    `order` is the one in which the installed function picks, None where its text does not tell; `ahead` counts by it.
    """

    place: Place
    order: PickOrder | None
    ahead: int
    obstacles: Sequence[Obstacle]
    now: datetime | None
    pause: Standing = Standing()
    """Until when nobody gets a chat, if that can be seen."""


def read(
    database: Database, chat_id: UUID, silent_before: datetime | None = None, pause: Standing | None = None
) -> Waiting | None:
    """How a chat waits; None when it is not in the queue. Who was not heard of since then is silent.

    Whoever has asked already for the pause gives it: where its table is locked, each question waits.
    """
    places = ask(database, Place, "queries/waiting_place.sql", {"chat": chat_id})
    if not places:
        return None
    obstacles = [_told(one, silent_before) for one in ask(database, Obstacle, "queries/waiting_rules.sql", {"chat": chat_id})]
    order, ahead = pick_order.read(database), places[0].ahead
    if order is not None and order.column != pick_order.OUR_CLOCK:
        asked = {"chat": chat_id, "by": order.column, "newest_first": order.newest_first}
        ahead = int(database.tuples(sqlfiles.read("queries/waiting_ahead.sql"), asked)[0][0])
    now = database.facts.now if database.facts else None
    return Waiting(places[0], order, ahead, obstacles, now, pause or pauses.standing(database))


def _told(one: Obstacle, silent_before: datetime | None) -> Obstacle:
    unheard = silent_before is not None and (one.last_activity is None or one.last_activity < silent_before)
    return replace(one, rule="silent") if one.rule == "free" and unheard else one
