"""The one connection beside a fleet's own: it watches whoever waits, and tells once what a pooler does, so that many share it."""

from __future__ import annotations

import threading

from chatops import db
from chatops.db import Database
from chatops.db.sessions import Place, place_of
from chatops.errors import ConflictError
from chatops.settings import Target


class Beside:
    """At most one watching connection at any moment, shared by all who watch in one database, and one look at a pooler."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._looking = threading.Lock()
        self._place: Place | None = None
        self._database: Database | None = None
        self._users = 0
        self._pools: dict[Place, bool] = {}

    def borrow(self, target: Target) -> Database:
        """The watching connection, to be given back. Raises ConflictError while it is at work in another database."""
        place = place_of(target)
        with self._turn:
            if self._place != place and self._users:
                raise ConflictError("the connection that watches is at work in another database")
            if self._database is None or self._database.closed or self._place != place:
                self._drop()
                self._database = db.connect(target, "migrate (watching)", "read")
                self._place = place
            self._users += 1
            return self._database

    def give_back(self) -> None:
        """Somebody has seen enough."""
        with self._turn:
            self._users -= 1

    def pools_transactions(self, database: Database) -> bool:
        """As `db.pools_transactions`, asked once for each database."""
        place = place_of(database.target)
        with self._looking:
            if place not in self._pools:
                self._pools[place] = db.pools_transactions(database)
            return self._pools[place]

    def close(self) -> None:
        """Closes the watching connection."""
        with self._turn:
            self._drop()

    def _drop(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None
