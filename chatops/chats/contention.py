"""The guide's tests from several sessions at once: writes that commit, so only on a clone that is thrown away.

The sessions meet where it hurts, each time alike: between two statements all wait for all, and where one statement is the whole
writer, a lock holds everybody's first write back until all have looked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from uuid import UUID

from chatops import sqlfiles
from chatops.chats import writers
from chatops.chats.scenario_stage import CANNOT, OPERATORS, PlayOver, Promise, Stage, files_in
from chatops.chats.scenarios import Performance
from chatops.chats.writers import Result, Rows, Step, Writer
from chatops.db import Database
from chatops.errors import DatabaseError
from chatops.frozen import frozen

CLICKS = 2
MESSAGES = 3
RELEASE_COMES_LATE = 3
"""Statements of a reply that are over when the idle release of the same chat is sent: the third ends the chat's turn."""
LONGEST_HOLD_SECONDS = 0.6
"""Below the lock timeout of those who wait."""
WRITE_PATH = "021_write_path"
CLICKING = Promise("double clicks of everybody at once", WRITE_PATH)
WRITING = Promise("messages of the user at once")
REPLYING = Promise("replies against the idle release", WRITE_PATH)
PROMISES = (CLICKING, WRITING, REPLYING)


@frozen
class _Now:
    chat_id: UUID
    chat_state: str | None
    assigned_operator_id: UUID | None
    open_turns: int
    held_by_holder: int


def play(connect: Callable[[], Database]) -> Performance:
    """Lives through the races with a session for each who takes part; what `connect` leads to is changed for good.

    A race that could not be lived through is unknown, with the reason; so are those behind it.
    """
    stage = Stage(connect())
    try:
        with stage.database.reading():
            stage.files = files_in(stage.database)
        operators = [stage.person(name) for name in OPERATORS]
        with stage.database.acting():
            stage.prepare(len(operators) * CLICKS)
        race = _Race(connect, stage, operators)
        for promise, act in zip(PROMISES, (race.double_clicks, race.messages, race.replies), strict=True):
            expected, good, seen = act()
            stage.played.append(stage.judged(promise, good, expected, seen))
    except PlayOver as over:
        stage.stop(PROMISES, over.reason)
    except DatabaseError as error:
        if error.sqlstate not in CANNOT:
            promise = PROMISES[len(stage.played)]
            stage.played.append(stage.judged(promise, False, "to be lived through", error.message))
        stage.stop(PROMISES, error.message)
    return Performance(tuple(stage.played), 0)


class _Race:
    """Made-up operators, and what they do at the same moment."""

    def __init__(self, connect: Callable[[], Database], stage: Stage, operators: Sequence[UUID]) -> None:
        self.connect, self.stage, self.operators = connect, stage, operators

    def double_clicks(self) -> tuple[str, bool, str]:
        # Readers and row locks pass, the first turn that is written does not: every click has looked before any is over.
        self.at_once([lambda session, one=one: session(writers.assign(one)) for one in self.operators for _ in range(CLICKS)],
                     behind="contention_hold")  # fmt: skip
        now = self.look()
        most = max((row.held_by_holder for row in now if row.assigned_operator_id in self.operators), default=0)
        turns = max((row.open_turns for row in now), default=0)
        holding = {row.assigned_operator_id for row in now} & set(self.operators)
        good = most == 1 and turns == 1 and len(holding) == len(self.operators)
        clicks = len(self.operators) * CLICKS
        return (f"{clicks} clicks of {len(self.operators)} operators: each holds one chat, with one open turn", good,
                f"{len(holding)} hold a chat, at most {most} each, at most {turns} open turns a chat")  # fmt: skip

    def messages(self) -> tuple[str, bool, str]:
        held = self.held()
        self.at_once([lambda session, chat=chat: session(writers.user_message(chat, "chatops scenario: and"))
                      for chat in held for _ in range(MESSAGES)])  # fmt: skip
        kept = [chat for chat, holder in self.held().items() if held.get(chat) == holder]
        return (f"{MESSAGES} messages at once into each of {len(held)} held chats: everybody keeps theirs",
                len(kept) == len(held), f"{len(kept)} of {len(held)} kept theirs")  # fmt: skip

    def replies(self) -> tuple[str, bool, str]:
        held = self.held()
        answered: list[UUID] = []

        def reply(session: Session, chat: UUID, operator: UUID) -> None:
            if session(writers.operator_reply(chat, operator, "chatops scenario: an answer")):
                answered.append(chat)

        for chat, operator in held.items():
            with self.stage.database.acting(), self.stage.marked():
                self.stage.database.execute(
                    sqlfiles.read("queries/scenario_silent.sql"), {"chat_id": chat, "operator_id": operator}
                )
        acts: list[Callable[..., object]] = [
            lambda session, chat=chat, one=one: reply(session, chat, one) for chat, one in held.items()
        ]
        # The cron has looked before the reply, and gives the chat back after the reply has taken it off its holder.
        acts += [lambda session, chat=chat: session(writers.idle_release(chat), late=RELEASE_COMES_LATE)
                 for chat in held]  # fmt: skip
        self.at_once(acts)
        requeued = [row for row in self.look() if row.chat_id in answered and row.chat_state != "waiting_real_user_reply"]
        return ("replies and the idle release at the same moment: no answered chat is in the queue", not requeued,
                f"{len(answered)} answered, {len(requeued)} of them back in the queue")  # fmt: skip

    def held(self) -> dict[UUID, UUID]:
        held = {}
        for row in self.look():
            if row.assigned_operator_id in self.operators and row.assigned_operator_id and row.chat_state == "assigned":
                held[row.chat_id] = row.assigned_operator_id
        return held

    def look(self) -> list[_Now]:
        with self.stage.database.reading():
            return self.stage.database.rows(_Now, sqlfiles.read("queries/contention_seen.sql"), {"chats": list(self.stage.chats)})

    def at_once(self, acts: Sequence[Callable[..., object]], *, behind: str | None = None) -> None:
        """Each in a session of its own, statement by statement together. A refusal is an answer; other errors are raised here.

        `behind` is a statement of the stage's that holds a lock until all are waiting for it, or for each other.
        """
        pace = _Pace(len(acts))
        wrong: list[DatabaseError] = []

        def take_part(act: Callable[..., object], database: Database) -> None:
            try:
                act(Session(database, pace))
            except DatabaseError as error:
                if error.sqlstate in CANNOT and error.sqlstate not in ("40P01", "55P03"):
                    wrong.append(error)
            finally:
                pace.leave()

        with ExitStack() as opened:
            sessions = [opened.enter_context(self.connect()) for _ in acts]
            threads = [threading.Thread(target=take_part, args=pair, daemon=True) for pair in zip(acts, sessions, strict=True)]
            with self.held_back(behind, sessions, threads):
                for thread in threads:
                    thread.start()
            for thread in threads:
                thread.join()
        if wrong:
            raise wrong[0]

    @contextmanager
    def held_back(self, behind: str | None, sessions: Sequence[Database], threads: Sequence[threading.Thread]) -> Iterator[None]:
        if behind is None:
            yield
            return
        pids = [session.protocol_pid for session in sessions]
        with self.connect() as looking, self.stage.database.acting():
            self.stage.database.execute(sqlfiles.read(f"queries/{behind}.sql"))
            yield
            until = time.monotonic() + LONGEST_HOLD_SECONDS
            waiting = sqlfiles.read("queries/contention_waiting.sql")
            while time.monotonic() < until:
                going = sum(thread.is_alive() for thread in threads)
                with looking.reading():
                    if int(looking.value(waiting, {"pids": pids})) >= going:
                        break
                time.sleep(0.01)


class _Pace:
    """Where those who take part wait for each other between two statements."""

    def __init__(self, parties: int) -> None:
        self._turn = threading.Condition()
        self._parties, self._waiting, self._round = parties, 0, 0

    def arrive(self) -> None:
        """Returns when everybody who still takes part has arrived."""
        with self._turn:
            self._waiting += 1
            here = self._round
            self._go_on()
            self._turn.wait_for(lambda: self._round != here, timeout=60)

    def leave(self) -> None:
        """Somebody is done: the others wait for them no longer."""
        with self._turn:
            self._parties -= 1
            self._go_on()

    def _go_on(self) -> None:
        if self._waiting >= self._parties:
            self._waiting = 0
            self._round += 1
            self._turn.notify_all()


class Session:
    """One client of the application: each statement of a writer is a transaction of its own."""

    def __init__(self, database: Database, pace: _Pace) -> None:
        self.stage = Stage(database)
        self.pace = pace

    def __call__(self, writer: Writer[Result], late: int = 0) -> Result:
        """Runs a writer to its end, after as many statements of the others as `late` says."""
        for _ in range(late):
            self.pace.arrive()

        def run(step: Step) -> Rows:
            self.pace.arrive()
            with self.stage.database.acting():
                return self.stage.run(step)

        return writers.drive(writer, run)
