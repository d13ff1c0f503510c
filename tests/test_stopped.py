"""Every command that acts: sessions that end while a question is open cost nothing, and Ctrl-C says what is done."""

from __future__ import annotations

import os
import re
import signal
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from chatops.flows.questions import Questions
from tests.acting_commands import ACTING, everything, ready
from tests.conftest import LONG, Result
from tests.servers import Database, Farm, Server

Run = Callable[..., Result]
WAYS = ("Go on", "go on", "Undo", "again:")
OURS = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like 'chatops%%' and datname = %s"


class Stop:
    """Ctrl-C before the n-th exchange with the server from now on; none while `left` is 0."""

    def __init__(self) -> None:
        self.left = 0
        self.asked = 0

    def before(self, wait: Callable[..., Any]) -> Callable[..., Any]:
        """The driver's own wait, with the key pressed before it."""

        def pressed(connection: Any, *args: Any, **named: Any) -> Any:
            self.asked += 1
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGINT)
            return wait(connection, *args, **named)

        return pressed


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """Somebody's finger on Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    made = Stop()
    monkeypatch.setattr(psycopg.Connection, "wait", made.before(psycopg.Connection.wait))
    yield made
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Somebody at a terminal who lets something happen while a question is open, and says yes."""

    def answer(meanwhile: Callable[[], object]) -> None:
        def ask(self: Questions, question: str, flag: str) -> str:
            meanwhile()
            named = re.search(r"Type the database's name, (.+):$", question)
            return "y" if named is None else named[1]

        monkeypatch.setattr(Questions, "interactive", property(lambda self: True))
        monkeypatch.setattr(Questions, "ask", ask)

    return answer


def end_sessions(database: Database) -> None:
    """Ends all sessions of chatops on a database; returns when none is left."""
    while database.execute(OURS, (database.name,))[0][0]:
        pass


@pytest.mark.sampled(8)
@pytest.mark.long
@pytest.mark.parametrize("name", ACTING)
def test_a_command_acts_though_its_session_ended_at_the_question_and_ctrl_c_says_what_is_done(
    name: str,
    new_database: Callable[..., Database],
    farm: Farm,
    server: Server,
    chatops_inprocess: Run,
    stop: Stop,
    answering: Callable[[Callable[[], object]], None],
) -> None:
    """In the quick form one of the two, by turns; what asks nothing is stopped in the middle of what it asks the database in all."""
    turn, in_all = list(ACTING).index(name) % 2, 0
    if LONG or turn or not ACTING[name].asks:
        database, words = ready(name, new_database, farm, server, chatops_inprocess)
        before = everything(database)
        answering(lambda: end_sessions(database))
        begun = stop.asked
        chatops_inprocess(*words, db=database, check=0)
        in_all = stop.asked - begun
        assert everything(database) != before or name == "doctor --create-roles"
    if not LONG and turn:
        return

    database, words = ready(name, new_database, farm, server, chatops_inprocess)
    before = everything(database)
    later = 1 + zlib.crc32(name.encode()) % 5

    def press_later() -> None:
        stop.left = later

    answering(press_later)
    if not ACTING[name].asks:
        stop.left = in_all // 2
    done = chatops_inprocess(*words, db=database)
    stop.left = 0
    told_right(name, database, before, done)


def told_right(name: str, database: Database, before: list[object], done: Result) -> None:
    """What is said after a Ctrl-C is what is so."""
    changed = everything(database) != before
    if done.exit_code == 0:  # it was in already, or came to its end: as it is told
        return
    assert done.exit_code == 130, done
    assert "Stopped" in done.stderr or "interrupted" in done.stderr
    if changed:
        assert "Nothing was changed" not in done.stderr, done.stderr
        assert any(way in done.stderr for way in WAYS), done.stderr
    else:
        assert "Nothing was changed" in done.stderr or "rolled back" in done.stderr or name == "doctor --create-roles", (
            done.stderr
        )


@pytest.mark.long
@pytest.mark.parametrize("name", ACTING if LONG else ["drain"])
def test_ctrl_c_at_any_moment_says_what_is_done(
    name: str, new_database: Callable[..., Database], farm: Farm, server: Server, chatops_inprocess: Run, stop: Stop
) -> None:
    at, in_all = 1, 1
    while at <= in_all:
        database, words = ready(name, new_database, farm, server, chatops_inprocess)
        before = everything(database)
        begun, stop.left = stop.asked, at
        done = chatops_inprocess(*words, *(["--yes"] if ACTING[name].asks else []), db=database)
        stop.left = 0
        in_all = max(in_all, stop.asked - begun)
        told_right(name, database, before, done)
        at += 1 if LONG else 7
