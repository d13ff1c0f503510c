"""How the deployed application writes chats: each writer is several statements, each a transaction of its own, no row locks.

A writer is a generator of steps. Whoever drives it runs each step by itself and sends its rows back, and so decides what
happens between two steps: a test holds one writer there while another passes, a load lets them race.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from chatops import sqlfiles
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.model import Values

Result = TypeVar("Result")
Rows = Sequence[Values]


@frozen
class Step:
    """One statement of a writer: a file of `sql/queries/application`, or of another folder there, and its parameters."""

    name: str
    parameters: Values
    folder: str = "application"

    @property
    def text(self) -> str:
        """The statement, its parameters as psql's `:'name'`."""
        return sqlfiles.read(f"queries/{self.folder}/{self.name}.sql")


Writer = Generator[Step, Rows, Result]


def create_chat(real_user_id: UUID, fictional_user_id: UUID) -> Writer[UUID]:
    """A chat before its first message; returns its id."""
    rows = yield Step("create_chat", {"real_user_id": real_user_id, "fictional_user_id": fictional_user_id})
    if not rows:
        raise DatabaseError("create_chat returned no row: a trigger or a rule took the chat")
    return UUID(str(rows[0]["chat_id"]))


def user_message(chat_id: UUID, content: str) -> Writer[None]:
    """A user writes: the message, a look at the chat, then the queue or a touch."""
    yield Step("insert_user_message", {"chat_id": chat_id, "content": content})
    rows = yield Step("read_chat", {"chat_id": chat_id})
    if not rows:
        return
    waits_for_user = rows[0]["chat_state"] == "waiting_real_user_reply"
    yield Step("requeue_chat" if waits_for_user else "touch_chat", {"chat_id": chat_id})


def operator_reply(chat_id: UUID, operator_id: UUID, content: str) -> Writer[bool]:
    """The holder answers, in seven statements; False when the first of them shows that somebody else holds the chat."""
    both = {"chat_id": chat_id, "operator_id": operator_id}
    rows = yield Step("read_chat", {"chat_id": chat_id})
    if not rows or rows[0]["assigned_operator_id"] != operator_id:
        return False
    yield Step("insert_reply", {**both, "content": content})
    yield Step("end_chat_turn", both)
    yield Step("close_assignment", {"chat_id": chat_id, "reason": "operator_sent_message"})
    yield Step("delete_activity", both)
    rows = yield Step("read_total_messages", {"operator_id": operator_id})
    if rows:
        yield Step("write_total_messages", {"operator_id": operator_id, "total": (rows[0]["total_messages"] or 0) + 1})
    return True


def bare_reply(chat_id: UUID, operator_id: UUID, content: str) -> Writer[None]:
    """A reply by the least that an application writes: triggers do the rest."""
    both = {"chat_id": chat_id, "operator_id": operator_id}
    yield Step("insert_reply", {**both, "content": content})
    yield Step("end_chat_turn", both)


def assign(operator_id: UUID) -> Writer[UUID | None]:
    """An operator asks for the next chat."""
    rows = yield Step("assign", {"operator_id": operator_id})
    found = rows[0]["chat_id"]
    return None if found is None else UUID(str(found))


def heartbeat(chat_id: UUID, operator_id: UUID, client_now: datetime) -> Writer[None]:
    """The operator's page says that it is open, by its own clock."""
    both = {"chat_id": chat_id, "operator_id": operator_id}
    rows = yield Step("read_activity", both)
    yield Step("update_activity" if rows else "insert_activity", {**both, "client_now": client_now})


def idle_cron(now: Callable[[], datetime], idle_for: timedelta = timedelta(minutes=5)) -> Writer[int]:
    """Gives back the chats of silent operators, looking and releasing in separate statements; returns how many."""
    released = 0
    held = yield Step("list_held_chats", {"idle_seconds": idle_for.total_seconds()})
    for row in held:
        heard = yield Step("read_activity", {"chat_id": row["chat_id"], "operator_id": row["operator_id"]})
        if heard and heard[0]["last_activity"] > now() - idle_for:
            continue
        yield Step("release_idle", {"chat_id": row["chat_id"]})
        released += 1
    return released


def idle_release(chat_id: UUID) -> Writer[None]:
    """The idle cron gives back one chat that it has looked at before."""
    yield Step("release_idle", {"chat_id": chat_id})


def give_back(chat_id: UUID) -> Writer[None]:
    """A chat goes back into the queue by the platform's function."""
    yield Step("give_back", {"chat_id": chat_id})


def unassign(chat_id: UUID) -> Writer[None]:
    """A chat goes back into the queue."""
    yield Step("unassign_chat", {"chat_id": chat_id})
    yield Step("close_assignment", {"chat_id": chat_id, "reason": "manual_unassign"})


def admin_reassign(chat_id: UUID, operator_id: UUID, reason: str = "") -> Writer[None]:
    """An admin gives a chat to an operator, held or not, in four statements."""
    rows = yield Step("read_chat", {"chat_id": chat_id})
    if rows and rows[0]["assigned_operator_id"] is not None:
        old = rows[0]["assigned_operator_id"]
        yield Step("insert_closed_assignment", {"chat_id": chat_id, "operator_id": old, "reason": reason})
    yield Step("give_chat", {"chat_id": chat_id, "operator_id": operator_id})
    yield Step("insert_open_assignment", {"chat_id": chat_id, "operator_id": operator_id})


def force_close(chat_id: UUID) -> Writer[None]:
    """An admin ends a chat."""
    yield Step("force_close_chat", {"chat_id": chat_id})


def block_user(real_user_id: UUID) -> Writer[None]:
    """An admin ends all chats of a user."""
    yield Step("block_user", {"real_user_id": real_user_id})


def deactivate_operator(operator_id: UUID) -> Writer[None]:
    """An admin deactivates an operator."""
    yield Step("deactivate_operator", {"operator_id": operator_id})


def delete_operator(operator_id: UUID) -> Writer[None]:
    """An admin deletes an operator."""
    yield Step("delete_operator", {"operator_id": operator_id})


# ---- the same through the functions of the newest migration: each one statement -------------------------------------------


def _call(name: str, **parameters: object) -> Step:
    return Step(name, parameters, "functions")


def send_user_message(chat_id: UUID, content: str) -> Writer[None]:
    """A user writes."""
    yield _call("user_message", chat_id=chat_id, content=content)


def send_reply(chat_id: UUID, operator_id: UUID, content: str) -> Writer[bool]:
    """The holder answers; anybody else is refused."""
    yield _call("operator_reply", chat_id=chat_id, operator_id=operator_id, content=content)
    return True


def send_heartbeat(chat_id: UUID, operator_id: UUID, client_now: datetime) -> Writer[None]:
    """The operator's page says that it is open; the client's clock is not asked."""
    yield _call("operator_heartbeat", chat_id=chat_id, operator_id=operator_id)


def release_idle(now: Callable[[], datetime], idle_for: timedelta = timedelta(minutes=5)) -> Writer[int]:
    """Gives back the chats of silent operators, by the server's clock and policy; returns how many."""
    return len((yield _call("release_idle_chats")))


def release(chat_id: UUID) -> Writer[None]:
    """A chat goes back into the queue."""
    yield _call("release_chat", chat_id=chat_id)


def reassign(chat_id: UUID, operator_id: UUID, reason: str = "") -> Writer[None]:
    """An admin gives a chat to an operator who is free."""
    yield _call("reassign_chat", chat_id=chat_id, operator_id=operator_id, reason=reason)


def close(chat_id: UUID) -> Writer[None]:
    """An admin ends a chat."""
    yield _call("close_chat", chat_id=chat_id)


# ---- as clients write that repeat themselves, and whose clocks are wrong ------------------------------------------------------


def repeat_user_message(chat_id: UUID, content: str) -> Writer[None]:
    """A user writes by an upsert, and once more because the answer was lost, by a clock that is eleven minutes slow."""
    message = {"message_id": uuid4(), "chat_id": chat_id, "content": content}
    for _ in range(2):
        yield Step("upsert_user_message", message)
    yield Step("touch_chat", {"chat_id": chat_id})


def repeat_reply(chat_id: UUID, operator_id: UUID, content: str) -> Writer[bool]:
    """The holder answers by an upsert, and once more after the turn has ended, by a clock that is eleven minutes fast."""
    both = {"chat_id": chat_id, "operator_id": operator_id}
    reply = {**both, "message_id": uuid4(), "content": content}
    yield Step("upsert_reply", reply)
    yield Step("end_chat_turn", both)
    yield Step("upsert_reply", reply)
    yield Step("close_assignment", {"chat_id": chat_id, "reason": "operator_sent_message"})
    return True


def _in_turn(*choices: Callable[..., Writer[Result]]) -> Callable[..., Writer[Result]]:
    """A writer that is one of these, each in its turn, whoever asks."""
    following = itertools.cycle(choices)
    return lambda *arguments: next(following)(*arguments)


@frozen
class WritePath:
    """One way to write chats: who does what by which writer."""

    assign: Callable[[UUID], Writer[UUID | None]]
    user_message: Callable[[UUID, str], Writer[None]]
    reply: Callable[[UUID, UUID, str], Writer[bool]]
    heartbeat: Callable[[UUID, UUID, datetime], Writer[None]]
    idle_cron: Callable[[Callable[[], datetime], timedelta], Writer[int]]
    unassign: Callable[[UUID], Writer[None]]
    reassign: Callable[[UUID, UUID, str], Writer[None]]
    close: Callable[[UUID], Writer[None]]


APPLICATION = WritePath(assign, user_message, operator_reply, heartbeat, idle_cron, unassign, admin_reassign, force_close)
MIXED = WritePath(
    assign,
    _in_turn(user_message, send_user_message, repeat_user_message),
    _in_turn(operator_reply, send_reply, repeat_reply),
    _in_turn(heartbeat, send_heartbeat),
    _in_turn(idle_cron, release_idle),
    _in_turn(unassign, release),
    _in_turn(admin_reassign, reassign),
    _in_turn(force_close, close),
)
"""The application's statements, the functions, and clients that repeat themselves, all at once."""
FUNCTIONS = WritePath(assign, send_user_message, send_reply, send_heartbeat, release_idle, release, reassign, close)


# ---- running them ---------------------------------------------------------------------------------------------------------


def drive(writer: Writer[Result], run: Callable[[Step], Rows]) -> Result:
    """Runs a writer to its end, each step by `run`, and returns what it returns."""
    rows: Rows | None = None
    while True:
        try:
            step = next(writer) if rows is None else writer.send(rows)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        rows = run(step)
