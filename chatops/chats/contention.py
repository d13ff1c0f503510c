"""The guide's tests from several sessions at once: writes that commit, so only on a clone that is thrown away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from chatops import sqlfiles
from chatops.chats import writers
from chatops.chats.scenarios import CANNOT, Performance, Played, Verdict, _Stage
from chatops.chats.writers import Step
from chatops.db import Database
from chatops.errors import DatabaseError

CLICKS = 2
MESSAGES = 3
NAMES = ("double clicks of everybody at once", "messages of the user at once", "replies against the idle release")


@dataclass(frozen=True, slots=True)
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
    stage = _Stage(connect())
    played: list[Played] = []
    try:
        operators = [stage.person(name) for name in ("A", "B", "C", "D")]
        for _ in (1, 2):
            with stage.database.acting():
                stage.prepare() if not stage.chats else _more_chats(stage)
        race = _Race(connect, stage, operators)
        for name, act in zip(NAMES, (race.double_clicks, race.messages, race.replies), strict=True):
            expected, good, seen = act()
            played.append(Played(name, "passed" if good else "failed", expected, seen))
    except DatabaseError as error:
        verdict: Verdict = "unknown" if error.sqlstate in CANNOT else "failed"
        for name in NAMES[len(played) :]:
            played.append(Played(name, verdict, "to be lived through", error.message))
            verdict = "unknown"
    return Performance(tuple(played), 0)


def _more_chats(stage: _Stage) -> None:
    """Two more at the head of the queue, so that there is one for everybody."""
    from uuid import uuid4

    for number in (3, 4):
        user, profile = uuid4(), uuid4()
        stage.database.execute(sqlfiles.read("queries/scenario_user.sql"), {"user_id": user})
        stage.database.execute(sqlfiles.read("queries/scenario_profile.sql"), {"profile_id": profile})
        chat = stage.drive(writers.create_chat(user, profile))
        stage.chats[chat] = f"chat {number}"
        stage.drive(writers.user_message(chat, "chatops scenario: hello"))
        stage.to_head(chat, "1 second")


class _Race:
    """Made-up operators, and what they do at the same moment."""

    def __init__(self, connect: Callable[[], Database], stage: _Stage, operators: Sequence[UUID]) -> None:
        self.connect, self.stage, self.operators = connect, stage, operators

    def double_clicks(self) -> tuple[str, bool, str]:
        self.at_once([lambda session, one=one: session(writers.assign(one)) for one in self.operators for _ in range(CLICKS)])
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
        acts += [lambda session, chat=chat: session(iter([Step("release_idle", {"chat_id": chat})])) for chat in held]
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

    def at_once(self, acts: Sequence[Callable[..., object]]) -> None:
        """Each in a session of its own, all from the same moment. A refusal is an answer; other errors are raised here."""
        gate = threading.Barrier(len(acts))
        wrong: list[DatabaseError] = []

        def take_part(act: Callable[..., object]) -> None:
            with self.connect() as database:
                gate.wait(60)
                try:
                    act(Session(database))
                except DatabaseError as error:
                    if error.sqlstate in CANNOT and error.sqlstate not in ("40P01", "55P03"):
                        wrong.append(error)

        threads = [threading.Thread(target=take_part, args=(act,), daemon=True) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            raise wrong[0]


class Session:
    """One client of the application: each statement of a writer is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.stage = _Stage(database)

    def __call__(self, writer: object) -> object:
        rows: list[dict[str, object]] | None = None
        try:
            while True:
                step = writer.send(rows) if rows is not None and hasattr(writer, "send") else next(writer)  # type: ignore[call-overload]
                with self.stage.database.acting():
                    rows = self.stage.run(step)
        except StopIteration as end:
            return end.value
