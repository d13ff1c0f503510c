"""Gives way to those who work on the server while checks run: one process for each check, and a pause while somebody waits.

A run for whose answer nobody sits and waits rests, too: while others work it computes a quarter of its time.
"""

from __future__ import annotations

import threading
import time

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError

SOME = 2
"""From so many sessions that did something within the last second on, somebody works here."""
LOOKS_EVERY_S = 0.1
PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.2
SHARE = 0.1
"""The part of a run's time that may go by in pauses."""
FREE_S = 1.0
"""So much work of a run is over before anybody notices."""
REST = 3
"""A patient run rests so many times as long as it worked."""
LONGEST_REST_S = 30.0
"""What all rests of a run may take: its snapshot stands as long."""
REST_LOOKS_EVERY_S = 0.5


class Others:
    """What is known of them, inside one transaction of `seconds` at most, and of the rests of a `patient` run."""

    def __init__(self, database: Database, seconds: float, *, patient: bool = False) -> None:
        self._database = database
        self._free = FREE_S
        self._may_rest = LONGEST_REST_S if patient else 0.0
        self._may_pause = seconds * SHARE
        self._looks_again = 0.0
        self.at_work = False

    def give_way(self) -> None:
        """Before a check: looks who else is there, now and then, and waits a moment for whoever waits."""
        began = time.monotonic()
        if began < self._looks_again:
            return
        until = began + min(LONGEST_PAUSE_S, self._may_pause)
        while self._look() and time.monotonic() < until:
            threading.Event().wait(PAUSE_S)
        ended = time.monotonic()
        self._may_pause -= ended - began
        self._looks_again = max(self._looks_again, ended + LOOKS_EVERY_S)

    def rest(self, worked: float) -> float:
        """After so many seconds of work: a patient run rests while others are at work. How long it did."""
        counts = max(0.0, worked - self._free)
        self._free = max(0.0, self._free - worked)
        most = min(counts * REST, self._may_rest)
        if most <= 0:
            return 0.0
        began = time.monotonic()
        until = began + most
        while self.at_work and (left := until - time.monotonic()) > 0:
            threading.Event().wait(min(left, REST_LOOKS_EVERY_S))
            if left > REST_LOOKS_EVERY_S:
                self._look()
        rested = time.monotonic() - began
        self._may_rest -= rested
        return rested

    def _look(self) -> int:
        """How many wait. Whether anybody works decides how many processes the next check may take."""
        asked = sqlfiles.body(sqlfiles.read("queries/others_at_work.sql"))
        try:
            results = self._database.script(
                f"savepoint chatops_others; select pg_catalog.pg_stat_clear_snapshot(); {asked}; release savepoint chatops_others"
            )
        except ConnectionLostError:
            return 0  # the next check tells
        except DatabaseError:
            self._database.script("rollback to savepoint chatops_others; release savepoint chatops_others")
            self._looks_again = float("inf")
            return 0
        lively, waiting = results[-1][0]
        if (lively >= SOME) != self.at_work:
            self.at_work = lively >= SOME
            self._database.script(f"set local max_parallel_workers_per_gather = {'0' if self.at_work else 'default'}")
        return int(waiting)
