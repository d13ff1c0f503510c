"""A hostile load: operators, users, the idle cron and an admin, each a session of its own, writing as the application does."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from chatops.chats import writers
from tests.desk import Desk
from tests.invariants import INVARIANTS
from tests.original_writers import Session
from tests.servers import Database, pause

IDLE = timedelta(seconds=0.7)
REFUSALS = {"55000"}
"""What the application must expect: a late reply, and a reassign to an operator who holds another chat."""


@dataclass
class Outcome:
    """What was done, which statements failed, and what an independent session saw meanwhile."""

    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    broken: Counter[str] = field(default_factory=Counter)
    witnesses: dict[str, Any] = field(default_factory=dict)
    samples: int = 0

    def unexpected(self) -> dict[str, str]:
        """Failures that are no documented refusal, each with an example."""
        return {code: self.examples[code] for code in self.failed if code not in REFUSALS}


class Load:
    """Starts the writers on a database, samples the invariants until the time is over, and ends them."""

    def __init__(self, database: Database, *, operators: int = 12, users: int = 4, chats: int = 40, seed: int = 1) -> None:
        self.database = database
        self.seed = seed
        self.outcome = Outcome()
        self._stop = threading.Event()
        self._users = users
        desk = Desk(database)
        self.operators = [desk.operator() for _ in range(operators)]
        self.chats = [desk.waiting_chat() for _ in range(chats)]
        desk.app.execute(
            "insert into platform_config (key, value) values ('idle_timeout_minutes', to_jsonb(%s::numeric)),"
            " ('max_reassignments', '1000'), ('own_chat_after_seconds', '1')"
            " on conflict (key) do update set value = excluded.value",
            [IDLE.total_seconds() / 60],
        )

    def run(self, seconds: float, *, meanwhile: Callable[[], None] | None = None) -> Outcome:
        """Lets everybody write for so long; `meanwhile` is called once in the middle."""
        people: list[tuple[Callable[[Session, random.Random], None], int]] = [
            *((self._operator(one), number) for number, one in enumerate(self.operators)),
            *((self._operator(one), 100 + number) for number, one in enumerate(self.operators[:4])),  # a second tab
            *((self._user, 200 + number) for number in range(self._users)),
            (self._cron, 300),
            (self._cron, 301),
            (self._admin, 400),
        ]
        threads = [threading.Thread(target=self._work, args=(turn, number), daemon=True) for turn, number in people]
        sampler = threading.Thread(target=self._sample, daemon=True)
        for thread in [*threads, sampler]:
            thread.start()
        end = time.monotonic() + seconds
        if meanwhile is not None:
            self._stop.wait(seconds / 2)
            meanwhile()
        self._stop.wait(max(0.0, end - time.monotonic()))
        self._stop.set()
        for thread in [*threads, sampler]:
            thread.join(timeout=60)
            assert not thread.is_alive(), "a writer hangs"
        self._look(Session(self.database))
        return self.outcome

    def again(self) -> None:
        """Makes ready for another run on the same rows."""
        self._stop.clear()

    def _work(self, turn: Callable[[Session, random.Random], None], number: int) -> None:
        chance = random.Random(self.seed * 1000 + number)
        session: Session | None = None
        while not self._stop.is_set():
            try:
                if session is None or session.connection.closed or session.connection.broken:
                    session = Session(self.database)
                turn(session, chance)
            except psycopg.Error as error:
                # A connection that was killed has no SQLSTATE, or one of class 57.
                lost = session is None or session.connection.closed or session.connection.broken
                code = "connection" if lost else (error.sqlstate or "connection")
                self.outcome.failed[code] += 1
                self.outcome.examples.setdefault(code, f"{turn.__name__}: {error}")
                if lost:
                    session = None
                    pause(0.05)
        if session is not None:
            session.connection.close()

    def _sample(self) -> None:
        session: Session | None = None
        while not self._stop.is_set():
            try:
                if session is None:
                    session = Session(self.database)
                self._look(session)
            except psycopg.OperationalError:
                session = None
                pause(0.05)

    def _look(self, session: Session) -> None:
        session.execute("begin isolation level repeatable read read only")
        for name, query in INVARIANTS.items():
            if rows := session.execute(f"{query} limit 3"):
                self.outcome.broken[name] += 1
                self.outcome.witnesses.setdefault(name, rows)
        session.execute("commit")
        self.outcome.samples += 1

    # ---- who writes ------------------------------------------------------------------------------------------------

    def _operator(self, operator: UUID) -> Callable[[Session, random.Random], None]:
        def operator_turn(session: Session, chance: random.Random) -> None:
            chat = session.write(writers.assign(operator))
            if chat is None:
                pause(0.01)
                return
            self.outcome.done["assigned"] += 1
            if chance.random() < 0.5:
                wrong = timedelta(seconds=chance.choice([0, 0, -3600, 3600]))
                session.write(writers.heartbeat(chat, operator, datetime.now(UTC) + wrong))
            if chance.random() < 0.1:
                pause(IDLE.total_seconds() * 1.5)  # away for a while
            else:
                pause(chance.choice([0, 0.002, 0.02]))
            reply = session.begin(writers.operator_reply(chat, operator, "answer"))
            while not reply.ended:
                reply.step()
                if chance.random() < 0.3:
                    pause(chance.choice([0.001, 0.01]))
            self.outcome.done["replied"] += bool(reply.result)

        return operator_turn

    def _user(self, session: Session, chance: random.Random) -> None:
        chat = chance.choice(self.chats)
        for _ in range(chance.choice([1, 1, 2, 4])):
            session.write(writers.user_message(chat, "question"))
            self.outcome.done["user messages"] += 1
        pause(chance.choice([0, 0.005]))

    def _cron(self, session: Session, chance: random.Random) -> None:
        self.outcome.done["released"] += session.write(writers.idle_cron(lambda: datetime.now(UTC), IDLE))
        pause(0.05)

    def _admin(self, session: Session, chance: random.Random) -> None:
        chat = chance.choice(self.chats)
        what = chance.random()
        if what < 0.7:
            session.write(writers.admin_reassign(chat, chance.choice(self.operators), "busy day"))
        elif what < 0.95:
            session.write(writers.unassign(chat))
        else:
            session.write(writers.force_close(chat))
            session.execute("update chats set is_active = true where id = %s", [chat])
        self.outcome.done["admin"] += 1
        pause(0.02)


def summary(outcome: Outcome) -> str:
    """One line for a person who reads the test's output."""
    parts: Iterable[str] = (f"{name} {count}" for name, count in sorted(outcome.done.items()))
    return f"{outcome.samples} samples; {', '.join(parts)}; failed {dict(outcome.failed)}; broken {dict(outcome.broken)}"
