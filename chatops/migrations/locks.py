"""How a migrator waits for locks without keeping others waiting: short attempts, pauses, and who is in the way."""

from __future__ import annotations

import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from chatops import db, formatting, sqlfiles
from chatops.db import Database
from chatops.errors import ChatopsError, DatabaseError
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.beside import Beside
from chatops.settings import without_passwords

FIRST_DEADLINE_MS = 200
LONGEST_DEADLINE_MS = 3000
RISE = 1.5
# An attempt that had its locks and works is ended when somebody has waited behind it for so much of the deadline, for the cancel
# takes its time, too. What such an attempt needs under its locks is not known: the next one gets several steps more.
SHARE_FOR_OTHERS = 0.7
STEPS_TO_WORK = 3
SHORTEST_PAUSE_S = 0.1
POLL_S = 0.05
HELD_POLL_S = 0.02
# Lock not had; deadlock; serialization: the same file may go in a moment later.
_RETRIED = frozenset(("55P03", "40P01", "40001"))
_RACED = re.compile("tuple concurrently (updated|deleted)")


@frozen
class Blocker:
    """A session that holds what the migrator waits for; what pg_stat_activity hides is None.

    `lockable` is the table that is waited for, quoted, where it is one; `waiting` is whether the session itself waits for a lock.
    """

    waits_for: str
    mode: str
    lockable: str | None
    pid: int
    role: str | None
    application_name: str | None
    client: str | None
    state: str | None
    backend_type: str | None
    waiting: bool
    xact_start: datetime | None
    query: str | None
    now: datetime
    node: str | None = None
    """The worker of a Citus cluster that it is on, where it is not on the coordinator."""
    number: int | None = None
    """What the coordinator calls a session of a worker, to end it from there."""

    def __str__(self) -> str:
        who = self.application_name or self.role or self.backend_type or "hidden"
        # A statement is text of others: shortened to one visible line.
        query = f'  "{formatting.excerpt(without_passwords(self.query), 60)}"' if self.query else ""
        since = f", began {formatting.age(self.xact_start, self.now)} ago" if self.xact_start is not None else ""
        where = f" on {self.node}" if self.node else ""
        return f"pid {self.pid}{where} {formatting.visible(who)}  {self.state or 'hidden'}{since}{query}"


@dataclass
class Budget:
    """The time that a file may spend waiting for locks, cut into attempts whose deadline rises; seconds and milliseconds."""

    max_wait: float
    clock: Callable[[], float] = time.monotonic
    attempt: int = 1
    more: int = 0
    """Steps by which the deadline has risen beside those of the attempts; see `lengthen`."""
    started: float = field(init=False)
    waited_ms: float = 0.0
    """What was spent when the last attempt began."""
    first: list[str] = field(default_factory=list)
    """LOCK statements to begin an attempt with; see `learn`."""
    seen: Sequence[Blocker] = ()
    """Who was seen in the way last: an attempt may be over before anybody has looked."""
    patient: bool = False
    """Whether only autovacuum is in the way: it gives way to whoever waits for longer than deadlock_timeout."""

    def __post_init__(self) -> None:
        self.started = self.clock()

    @property
    def left(self) -> float:
        """Seconds until the budget is spent."""
        return self.max_wait - (self.clock() - self.started)

    def note_waited(self) -> float:
        """What is spent of it by now, for the ledger; kept, so that the screen says the same."""
        self.waited_ms = round((self.max_wait - self.left) * 1000, 1)
        return self.waited_ms

    @property
    def deadline_ms(self) -> int:
        """How long this attempt may keep others waiting.

        >>> [Budget(60, attempt=n).deadline_ms for n in (1, 2, 3, 9)]
        [200, 300, 450, 3000]
        """
        return int(min(LONGEST_DEADLINE_MS, FIRST_DEADLINE_MS * RISE ** (self.attempt - 1 + self.more)))

    @property
    def others_ms(self) -> float | None:
        """How long others may wait behind this attempt although it has its locks; None when it must be let go on.

        Past the longest deadline the file's own work takes what it takes, and so where no time is left for another attempt.

        >>> [Budget(60, attempt=n).others_ms for n in (1, 2, 9)], Budget(2).others_ms
        ([140.0, 210.0, None], None)
        """
        last = self.deadline_ms >= LONGEST_DEADLINE_MS or self.left < 2 * LONGEST_DEADLINE_MS / 1000
        return None if last else round(SHARE_FOR_OTHERS * self.deadline_ms, 1)

    def lengthen(self) -> None:
        """After an attempt that had its locks and kept others waiting: what it needs is longer than its deadline.

        >>> budget = Budget(60); budget.lengthen(); budget.attempt += 1; budget.deadline_ms
        1012
        """
        self.more += STEPS_TO_WORK

    def learn(self, blockers: Sequence[Blocker]) -> None:
        """Begins the next attempt with the lock that this one did not get.

        The file took its tables in another order than the application does. Then every attempt ends in a circle: the clients
        wait for the first table and hold the second. With the second one first, both sides go the same way.
        """
        self.seen = blockers or self.seen
        for blocker in blockers[:1]:
            if blocker.lockable is not None:
                mode = " ".join(re.findall(r"[A-Z][a-z]+", blocker.mode)[:-1]).lower()
                text = f"lock table only {blocker.lockable} in {mode} mode"
                self.first = [text, *(other for other in self.first if other != text)]
        self.patient = bool(blockers) and all(blocker.backend_type == "autovacuum worker" for blocker in blockers)

    def pause(self) -> float:
        """Seconds to leave to the others before the next attempt, never the same twice."""
        wanted = max(SHORTEST_PAUSE_S, self.deadline_ms / 1000) * random.uniform(0.5, 1.5)
        return max(0.0, min(wanted, self.left))


def culprits(blockers: Sequence[Blocker]) -> Sequence[Blocker]:
    """Those in the way that do not wait themselves; all of them where everybody waits."""
    return [blocker for blocker in blockers if not blocker.waiting] or blockers


def retried(error: ChatopsError | None) -> bool:
    """Whether a file that stopped for this may be tried again as it is."""
    return isinstance(error, DatabaseError) and (error.sqlstate in _RETRIED or _raced(error))


def _raced(error: DatabaseError) -> bool:
    """Whether another session was at the same row of the catalog: two tenants whose files grant on, or make, one thing."""
    if error.sqlstate == "23505":
        return (error.constraint or "").startswith("pg_") and (error.table or "pg_").startswith("pg_")
    return error.sqlstate == "XX000" and _RACED.search(error.message) is not None


@dataclass(eq=False)
class _Attempt:
    """What is watched: since when, for how long it may wait, hold locks and keep others waiting (None: for ever)."""

    deadline_ms: int | None
    look: Callable[[Database], None] | None
    longest_hold_ms: int | None = None
    others_ms: float | None = None
    started: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)
    looking: threading.Event | None = None
    """Set when the look at it is done; None while nobody has begun to look."""

    @property
    def look_at(self) -> float:
        """When it has taken noticeable time."""
        shortest = min(self.deadline_ms or FIRST_DEADLINE_MS, self.longest_hold_ms or FIRST_DEADLINE_MS)
        return self.started + (0.6 if self.longest_hold_ms is None else 0.4) * shortest / 1000


class Watch:
    """A second connection that sees who is in the way while the first one waits, and ends an attempt that waits too long.

    It is opened only when an attempt takes noticeable time. `lock_timeout` bounds each lock; a statement that takes several is
    cut here, when the attempt's deadline has passed and it still waits, and so is one that has held locks of rows for too long,
    or kept others waiting for too long, whatever it does. One thread watches all attempts: it is not woken for those that are
    over before there is anything to see.
    """

    def __init__(self, database: Database, beside: Beside | None = None) -> None:
        self._migrator = database
        self._beside = beside
        self._pinned = False
        self._database: Database | None = None
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None
        self._attempt: _Attempt | None = None
        self._wakes_at = math.inf
        self._closed = False
        self.blockers: list[Blocker] = []
        self.unseen: str | None = None
        """Why nobody could be seen."""
        self.cut = False
        """Whether the attempt was ended from here, because it waited."""
        self.kept_others = False
        """Whether that was because others waited for it, while it had its locks and worked."""
        self.held = False
        """Whether the attempt was ended from here, because it kept what it had locked."""
        self.free_ms = 0.0
        """How far into the attempt it was last seen without a lock on any row; 0 where nobody looked."""

    def open(self) -> None:
        """Opens the second connection before it is needed. Raises what `db.connect` raises."""
        self._open()
        self._pinned = True

    def _open(self) -> None:
        if self._database is not None and not self._database.closed:
            return
        if self._beside is None:
            self._database = db.connect(self._migrator.target, "migrate (watching)", "read")
        else:
            self._give_back()
            self._database = self._beside.borrow(self._migrator.target)

    def _give_back(self) -> None:
        if self._beside is not None and self._database is not None:
            self._database = None
            self._beside.give_back()

    @contextmanager
    def over(
        self, deadline_ms: int | None, look: Callable[[Database], None] | None = None, *, longest_hold_ms: int | None = None,
        others_ms: float | None = None,
    ) -> Iterator[None]:  # fmt: skip
        """Watches what the migrator does inside; a deadline of None ends nothing. `look` is given the second connection."""
        self.blockers, self.cut, self.kept_others, self.held, self.free_ms = [], False, False, False, 0.0
        attempt = _Attempt(deadline_ms, look, longest_hold_ms, others_ms)
        with self._turn:
            self._attempt = attempt
            if self._thread is None:
                self._thread = threading.Thread(target=self._attend, daemon=True)
                self._thread.start()
            elif attempt.look_at < self._wakes_at:
                self._turn.notify()
        try:
            yield
        finally:
            attempt.over.set()
            with self._turn:
                self._attempt = None
            if attempt.looking is not None:
                attempt.looking.wait(timeout=10)

    def _attend(self) -> None:
        while (attempt := self._next()) is not None:
            assert attempt.looking is not None
            self._look(attempt)
            attempt.looking.set()

    def _next(self) -> _Attempt | None:
        """The attempt that has taken noticeable time, when there is one; None when all is over."""
        with self._turn:
            while not self._closed:
                attempt = self._attempt
                left = math.inf if attempt is None else attempt.look_at - time.monotonic()
                if attempt is not None and left <= 0:
                    attempt.looking, self._attempt = threading.Event(), None
                    return attempt
                self._wakes_at = time.monotonic() + left
                self._turn.wait(None if attempt is None else left)
        return None

    def _look(self, attempt: _Attempt) -> None:
        keys = {"lock_class": ledger.LOCK_CLASS, "lock_object": ledger.lock_object(self._migrator.target.schema)}
        deadline_ms = attempt.deadline_ms
        try:
            self._open()
            assert self._database is not None
            while not attempt.over.is_set():
                pause = POLL_S if attempt.longest_hold_ms is None else HELD_POLL_S
                if found := self._blockers(self._database, keys):
                    self.blockers = found
                    left = math.inf if deadline_ms is None else attempt.started + deadline_ms / 1000 - time.monotonic()
                    if left <= 0:
                        self.cut = True
                        self._migrator.cancel()
                        return
                    pause = min(pause, left)
                elif attempt.others_ms is not None:
                    left = (attempt.others_ms - self._kept_ms(self._database, keys)) / 1000
                    if left <= 0:
                        self.blockers, self.cut, self.kept_others = [], True, True
                        self._migrator.cancel()
                        return
                    pause = min(pause, left)
                if attempt.longest_hold_ms is not None and self._holds(attempt, self._database, keys):
                    self.held = True
                    self._migrator.cancel()
                    return
                if attempt.look is not None:
                    attempt.look(self._database)
                attempt.over.wait(pause)
        except ChatopsError as error:
            self.unseen = error.message
        finally:
            if not self._pinned:
                self._give_back()

    def _blockers(self, database: Database, keys: dict[str, int]) -> list[Blocker]:
        """Who is in the way on this server, else on the workers of a Citus cluster."""
        found = database.rows(Blocker, sqlfiles.read("queries/blockers.sql"), keys)
        facts = self._migrator.facts
        if found or facts is None or facts.citus is None:
            return found
        return database.rows(Blocker, sqlfiles.read("queries/blockers_of_workers.sql"), keys)

    def _kept_ms(self, database: Database, keys: dict[str, int]) -> float:
        """For how long somebody has waited for the migrator by now, at the longest; 0 where nobody does."""
        return float(database.value(sqlfiles.read("queries/queued_behind.sql"), keys) or 0)

    def _holds(self, attempt: _Attempt, database: Database, keys: dict[str, int]) -> bool:
        """Whether the attempt may have held locks of rows for too long: since it was last seen without one."""
        assert attempt.longest_hold_ms is not None
        asked = 1000 * (time.monotonic() - attempt.started)
        if not database.value(sqlfiles.read("queries/migrator_holds.sql"), keys):
            self.free_ms = asked
        return 1000 * (time.monotonic() - attempt.started) - self.free_ms > attempt.longest_hold_ms

    def close(self) -> None:
        """Closes the second connection, and ends the thread."""
        with self._turn:
            self._closed = True
            self._turn.notify()
        if self._beside is not None:
            self._give_back()
        elif self._database is not None:
            self._database.close()
