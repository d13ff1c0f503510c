"""The migrators' lock held by a session: on one that is ours for certain, or released again wherever a pooler keeps it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from chatops import db
from chatops.db import Database
from chatops.errors import ChatopsError
from chatops.migrations.ledger import LOCK_CLASS
from chatops.migrations.transaction import CLEAN, UNLOCKED

SEARCHES = 20
"""Connections that are made in search of the pooler's session that kept the lock."""
SEARCH_S = 1.0
"""Who waits longer for a session of the pooler has met all that are free: the others wait for those that the search keeps."""


class SessionLock:
    """One lock of one schema. `left_on` are the sessions that keep it although nobody migrates there."""

    def __init__(
        self, database: Database, lock_object: int, pools_transactions: Callable[[Database], bool] = db.pools_transactions
    ) -> None:
        self.database = database
        self.pools_transactions = pools_transactions
        self.keys = f"{LOCK_CLASS}, {lock_object}"
        self.backend: int | None = None
        self.left_on: Sequence[int] = ()

    def take(self) -> bool:
        """Whether it was had."""
        taken, backend = self.database.tuples(f"select pg_try_advisory_lock({self.keys}), pg_backend_pid()")[0]
        self.backend = backend if taken else None
        self.database.keeps_session = bool(taken)
        return bool(taken)

    def is_on_anothers_session(self) -> bool:
        """Whether the session that holds it is shared: behind a pooler each look may meet another one."""
        direct = self.backend == self.database.protocol_pid
        return not direct and (self.pools_transactions(self.database) or self._backend(self.database) != self.backend)

    def release(self) -> None:
        """Gives it back where it is, and the session's settings; a pooler's session that kept it is searched for."""
        self.database.keeps_session = False
        if self.database.closed or self.backend is None:
            return
        try:
            self.database.rollback()
            released = self.unlock(self.database)
            self.database.script("; ".join((*CLEAN, UNLOCKED)))
        except ChatopsError:
            self.database.close()  # and the lock goes with it
            return
        if not released and not self.found_and_released():
            self.database.close()
            self.left_on = (self.backend,)

    def unlock(self, database: Database) -> bool:
        """Whether this connection is on the session that took the lock: it has it no more then, be it that the file let it go."""
        own = f"pg_advisory_unlock({self.keys}) is not null"
        text = f"select case when pg_backend_pid() = {self.backend} then {own} else false end"
        return bool(database.value(text))

    def found_and_released(self) -> bool:
        """Whether one of many connections met the session that has the lock."""
        with contextlib.ExitStack() as opened, contextlib.suppress(ChatopsError):
            for _ in range(SEARCHES):
                another = opened.enter_context(db.connect(self.database.target, "migrate (unlocking)", "read"))
                with another.given_up_after(SEARCH_S):
                    if self.unlock(another):
                        return True
                another.execute("begin")  # keeps that session, so that the next connection meets another one
        return False

    def left(self) -> list[str]:
        """Where it stayed, for people."""
        return [
            f"the pooler keeps the migrators' lock on its session {pid}; end it (SQL): select pg_terminate_backend({pid});"
            for pid in self.left_on
        ]

    @staticmethod
    def _backend(database: Database) -> object:
        return database.value("select pg_backend_pid()")
