"""What a shift hands over: its hours, and what people did."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chatops import sqlfiles
from chatops.chats import reports
from chatops.chats.reports import QueueFigures, ask
from chatops.db import Database
from chatops.frozen import frozen

ENOUGH = 5
"""Of fewer waits no half and no 95 % is told, where of others it is not known."""


@frozen
class Hour:
    """One hour, or all of them (`hour` None): messages of users, replies, chats taken, the waits that ended, chats given back."""

    hour: datetime | None
    messages: int
    replies: int
    taken: int
    wait_p50_seconds: float | None
    wait_p95_seconds: float | None
    waits_known: int
    """Of so many of those taken it is known how long their users had waited: of rows from before 018 it is not."""
    given_back: int


@frozen
class Acted:
    """What one person did with chatops, and how often it was refused, or something had moved."""

    action: str
    who: str
    done: int
    not_done: int
    last_at: datetime


@frozen
class Shift:
    """A span of time as it is handed over; `acted` is None where there is no log."""

    since: datetime
    whole: Hour
    hours: list[Hour]
    acted: list[Acted] | None
    queue: QueueFigures


def shift(database: Database, since: datetime) -> Shift:
    """What happened since an instant; inside `reading`."""
    hours = [_told(one) for one in ask(database, Hour, "queries/shift_hours.sql", {"since": since})]
    acted = None
    if database.facts is not None and database.facts.has_bookkeeping:
        parameters = {"since": since, "schema": database.target.schema}
        acted = database.rows(Acted, sqlfiles.query("queries/shift_actions.sql"), parameters)
    nothing = Hour(None, 0, 0, 0, None, None, 0, 0)
    whole = next((one for one in hours if one.hour is None), nothing)
    return Shift(since, whole, [one for one in hours if one.hour is not None], acted, reports.queue_figures(database))


def _told(hour: Hour) -> Hour:
    return hour if hour.waits_known >= min(ENOUGH, hour.taken) else replace(hour, wait_p50_seconds=None, wait_p95_seconds=None)
