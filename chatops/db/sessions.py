"""Connections that go from one target to the next, so that many targets need no more of them than are at work at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from chatops.db.connecting import arrived, connect
from chatops.db.database import Database
from chatops.db.link import Intent
from chatops.errors import ChatopsError, RefusedError
from chatops.settings import Target

Place = tuple[tuple[str, str], ...]
ALIKE: frozenset[Intent] = frozenset(("read", "act"))
"""Intents that differ in the limits of their transactions alone: a session serves either."""


def place_of(target: Target) -> Place:
    """What targets on one database have in common, whatever their schemas."""
    return tuple(sorted(target.parameters.items()))


class Sessions:
    """Idle connections by database and intent. Busy and idle ones together are never more than were busy at one moment."""

    def __init__(self, command: str) -> None:
        self.command = command
        self._turn = threading.Lock()
        self._idle: list[Database] = []
        self._busy: list[Database] = []

    def take(self, target: Target, intent: Intent) -> Database:
        """A connection to a target's database, to be given back: an idle one, else one more."""
        place = place_of(target)
        with self._turn:
            fits = next((one for one in self._idle if _serves(one, intent) and place_of(one.target) == place), None)
            if fits is not None:
                self._idle.remove(fits)
            elif self._idle:
                self._idle.pop().close()
        database = fits or connect(target, self.command, intent)
        database.intent = intent
        try:
            database.target = arrived(target, database.answered)
        except RefusedError:
            database.close()
            raise
        database.known = None
        with self._turn:
            self._busy.append(database)
        return database

    def give(self, database: Database, *, as_new: bool = False) -> None:
        """Takes a connection back; `as_new`: whatever its session was left with is forgotten. A closed one is dropped."""
        try:
            if as_new and not database.closed:
                database.execute("discard all")
        except ChatopsError:
            database.close()
        finally:
            with self._turn:
                self._busy = [one for one in self._busy if one is not database]
                if not database.closed:
                    self._idle.append(database)

    @contextlib.contextmanager
    def of(self, target: Target, intent: Intent) -> Iterator[Database]:
        """A connection for the block, given back as good as new; closed where the block fails."""
        database = self.take(target, intent)
        try:
            yield database
        except BaseException:
            database.close()
            raise
        finally:
            self.give(database, as_new=True)

    def cancel(self) -> None:
        """Ends the statements that are under way."""
        with self._turn:
            busy = list(self._busy)
        for database in busy:
            with contextlib.suppress(ChatopsError):
                database.cancel()

    def close(self) -> None:
        """Closes every idle connection."""
        with self._turn:
            for database in self._idle:
                database.close()
            self._idle.clear()


def _serves(database: Database, intent: Intent) -> bool:
    return database.intent == intent or {database.intent, intent} <= ALIKE
