"""All functions of the write path against a model of the system, and against the model's invariants when they interleave."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.conftest import build_latest
from tests.invariants import COUNTERS, INVARIANTS, QUEUE_CLOCK
from tests.servers import Database, Farm

OPERATORS, CHATS = 3, 4
LIMIT = 2
"""max_reassignments in the model."""
MORE = 20 if os.environ.get("CHATOPS_TEST_LONG") == "1" else 1


@dataclass
class Chat:
    """What the model knows of a chat; `since` is the place in the order of waits, 0 when nobody waits."""

    state: str = "waiting_assignment"
    holder: int | None = None
    last: int | None = None
    since: int = 0
    replied: bool = False
    releases: int = 0
    by_limit: bool = False
    messages: int = 0


@dataclass
class Model:
    """The rules, in the plainest words."""

    chats: list[Chat] = field(default_factory=lambda: [Chat() for _ in range(CHATS)])
    available: list[bool] = field(default_factory=lambda: [True] * OPERATORS)
    sent: list[int] = field(default_factory=lambda: [0] * OPERATORS)
    clock: int = 0

    def held(self, operator: int) -> int | None:
        return next((n for n, chat in enumerate(self.chats) if chat.holder == operator), None)

    def assign(self, operator: int) -> int | str | None:
        if not self.available[operator]:
            return "P0001"
        if (held := self.held(operator)) is not None:
            return held
        others = any(free for one, free in enumerate(self.available) if one != operator)
        waiting = [
            (chat.since, n) for n, chat in enumerate(self.chats)
            if chat.state == "waiting_assignment" and chat.since and not (others and chat.last == operator)
        ]  # fmt: skip
        if not waiting:
            return None
        n = min(waiting)[1]
        self._give(n, operator)
        return n

    def _give(self, n: int, operator: int) -> None:
        chat = self.chats[n]
        chat.state, chat.holder, chat.last = "assigned", operator, operator

    def reply(self, n: int, operator: int) -> str:
        chat = self.chats[n]
        if chat.holder != operator:
            return "55000"
        chat.state, chat.holder, chat.since, chat.replied, chat.releases = "waiting_real_user_reply", None, 0, True, 0
        chat.messages += 1
        self.sent[operator] += 1
        return "sent"

    def user(self, n: int) -> str:
        chat = self.chats[n]
        self.clock += 1
        chat.messages += 1
        if chat.state == "completed" and not chat.by_limit:
            return "completed"
        if chat.state == "completed":
            chat.releases, chat.by_limit = 0, False
        chat.since = chat.since or self.clock
        chat.state = "assigned" if chat.state == "assigned" else "waiting_assignment"
        return chat.state

    def release(self, n: int, expected: int | None, *, closes: bool) -> str:
        chat = self.chats[n]
        if chat.holder is None or (expected is not None and chat.holder != expected):
            return "not_held"
        closed = closes and bool(chat.since) and chat.releases >= LIMIT
        chat.releases += bool(chat.since)
        chat.holder = None
        if closed:
            chat.state, chat.since, chat.by_limit = "completed", 0, True
            return "closed"
        chat.state = "waiting_assignment" if chat.since or not chat.replied else "waiting_real_user_reply"
        return "released"

    def reassign(self, n: int, operator: int, *, force: bool) -> str:
        chat = self.chats[n]
        if chat.holder == operator:
            return "given"
        if chat.state == "completed" or (not chat.since and not force):
            return "55000"
        if self.held(operator) is not None or not (self.available[operator] or force):
            return "55000"
        self._give(n, operator)
        return "given"

    def close(self, n: int) -> bool:
        chat = self.chats[n]
        if chat.state == "completed":
            return False
        chat.state, chat.holder, chat.since, chat.by_limit = "completed", None, 0, False
        return True


class Office:
    """The same, on a database."""

    def __init__(self, database: Database) -> None:
        self.connection = database.connect()
        self.connection.execute("set session_replication_role = replica")
        self.connection.execute(
            "truncate messages, chat_assignments, operator_activity, chats, operators, real_users, fictional_users cascade"
        )
        self.connection.execute("set session_replication_role = origin")
        self.connection.execute(
            "insert into platform_config (key, value) values ('max_reassignments', %s), ('own_chat_after_seconds', '3600')"
            " on conflict (key) do update set value = excluded.value",
            [f'"{LIMIT}"'],
        )
        self.operators: list[UUID] = [
            self.value("insert into operators (name, is_available) values ('o', true) returning id") for _ in range(OPERATORS)
        ]
        profile = self.value("insert into fictional_users (name) values ('p') returning id")
        self.chats: list[UUID] = [
            self.value(
                "insert into chats (real_user_id, fictional_user_id) values (%s, %s) returning id",
                [self.value("insert into real_users (name) values ('u') returning id"), profile],
            )
            for _ in range(CHATS)
        ]

    def value(self, statement: str, params: Any = None) -> Any:
        row = self.connection.execute(statement, params).fetchone()
        return None if row is None else row[0]

    def outcome(self, statement: str, params: Any) -> Any:
        """The first value, or the SQLSTATE of a refusal."""
        try:
            return self.value(statement, params)
        except psycopg.Error as error:
            return error.sqlstate


@pytest.fixture(scope="module")
def office_database(farm: Farm, server: Any) -> Iterator[Database]:
    database = server.create_database(farm.template(server, "latest", build_latest))
    yield database
    database.drop()


operators = st.integers(0, OPERATORS - 1)
chats = st.integers(0, CHATS - 1)


def machine(database: Database) -> type[RuleBasedStateMachine]:
    """The state machine on one database."""

    class Writes(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.office, self.model = Office(database), Model()

        def teardown(self) -> None:
            self.office.connection.close()

        @rule(operator=operators)
        def assign(self, operator: int) -> None:
            got = self.office.outcome("select assign_chat_to_operator(%s)", [self.office.operators[operator]])
            expected = self.model.assign(operator)
            assert got == (self.office.chats[expected] if isinstance(expected, int) else expected)

        @rule(chat=chats)
        def user_writes(self, chat: int) -> None:
            state = self.office.value("select chat_state from user_message(%s, 'question')", [self.office.chats[chat]])
            assert state == self.model.user(chat)

        @rule(chat=chats)
        def user_writes_past_the_functions(self, chat: int) -> None:
            self.office.connection.execute(
                "insert into messages (chat_id, sender_type, content) values (%s, 'real', 'question')", [self.office.chats[chat]]
            )
            self.model.user(chat)

        @rule(chat=chats, operator=operators)
        def anybody_replies(self, chat: int, operator: int) -> None:
            self.reply(chat, operator)

        @precondition(lambda self: any(chat.holder is not None for chat in self.model.chats))
        @rule(data=st.data(), twice=st.booleans())
        def a_holder_replies(self, data: Any, twice: bool) -> None:
            held = [n for n, chat in enumerate(self.model.chats) if chat.holder is not None]
            chat = data.draw(st.sampled_from(held))
            holder = self.model.chats[chat].holder
            assert holder is not None
            request = uuid4()
            self.reply(chat, holder, request)
            if twice:
                again = "select repeated from operator_reply(%s, %s, 'answer', %s)"
                assert self.office.value(again, [self.office.chats[chat], self.office.operators[holder], request]) is True

        def reply(self, chat: int, operator: int, request: UUID | None = None) -> None:
            got = self.office.outcome(
                "select 'sent' from operator_reply(%s, %s, 'answer', %s)",
                [self.office.chats[chat], self.office.operators[operator], request or uuid4()],
            )
            assert got == self.model.reply(chat, operator)

        @rule(chat=chats, expected=st.none() | operators)
        def release(self, chat: int, expected: int | None) -> None:
            operator = None if expected is None else self.office.operators[expected]
            got = self.office.value("select release_chat(%s, %s)", [self.office.chats[chat], operator])
            assert got == self.model.release(chat, expected, closes=False)

        @rule(chat=chats)
        def release_as_published(self, chat: int) -> None:
            got = self.office.value("select release_and_reassign_chat(%s)", [self.office.chats[chat]])
            assert got is (self.model.release(chat, None, closes=True) != "closed")

        @rule(chat=chats)
        def idle_release_of_who_is_there(self, chat: int) -> None:
            assert self.office.value("select release_and_reassign_chat(%s, 'idle_timeout')", [self.office.chats[chat]]) is True
            assert self.office.value("select count(*) from release_idle_chats()") == 0

        @rule(chat=chats, operator=operators, force=st.booleans())
        def reassign(self, chat: int, operator: int, force: bool) -> None:
            got = self.office.outcome(
                "select 'given' from reassign_chat(%s, %s, p_force => %s)",
                [self.office.chats[chat], self.office.operators[operator], force],
            )
            assert got == self.model.reassign(chat, operator, force=force)

        @rule(chat=chats)
        def close(self, chat: int) -> None:
            assert self.office.value("select close_chat(%s)", [self.office.chats[chat]]) is self.model.close(chat)

        @rule(chat=chats, operator=operators)
        def heartbeat(self, chat: int, operator: int) -> None:
            got = self.office.value(
                "select operator_heartbeat(%s, %s)", [self.office.chats[chat], self.office.operators[operator]]
            )
            assert got is (self.model.chats[chat].holder == operator)

        @rule(operator=operators, available=st.booleans())
        def goes_on_or_off_shift(self, operator: int, available: bool) -> None:
            self.office.connection.execute(
                "update operators set is_available = %s where id = %s", [available, self.office.operators[operator]]
            )
            self.model.available[operator] = available

        @invariant()
        def the_database_is_as_the_model(self) -> None:
            rows = self.office.connection.execute(
                "select id, chat_state, assigned_operator_id, waiting_since is not null, last_operator_id, message_count from chats"
            ).fetchall()
            found = {row[0]: row[1:] for row in rows}
            names = [*self.office.operators, None]
            for n, chat in enumerate(self.model.chats):
                holder = names[chat.holder] if chat.holder is not None else None
                last = names[chat.last] if chat.last is not None else None
                assert found[self.office.chats[n]] == (chat.state, holder, chat.since > 0, last, chat.messages)
            for query in (*INVARIANTS.values(), QUEUE_CLOCK, COUNTERS):
                assert self.office.connection.execute(query).fetchall() == []

    return Writes


def test_one_after_the_other_the_functions_do_what_the_model_says(office_database: Database) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine(office_database),
        settings=settings(
            max_examples=15 * MORE, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate, Phase.shrink], derandomize=True, database=None,
        ),
    )  # fmt: skip


CALLS = (
    "select assign_chat_to_operator(%(operator)s)",
    "select * from user_message(%(chat)s, 'question')",
    "select * from operator_reply(%(chat)s, %(operator)s, 'answer')",
    "select operator_reply(c.id, c.assigned_operator_id, 'answer') from chats as c where c.chat_state = 'assigned' limit 1",
    "select release_chat(%(chat)s, null)",
    "select release_and_reassign_chat(%(chat)s)",
    "select * from reassign_chat(%(chat)s, %(operator)s, p_force => true)",
    "select close_chat(%(chat)s)",
    "select operator_heartbeat(%(chat)s, %(operator)s)",
    "update operators set is_active = not is_active where id = %(operator)s",
    "update chats set is_active = true where id = %(chat)s",
    "update chats set is_active = false where id = %(chat)s",
    "update chats set chat_state = 'waiting_assignment' where id = %(chat)s",
)

call = st.tuples(st.integers(0, len(CALLS) - 1), chats, operators)


@settings(
    max_examples=8 * MORE, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None,
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
@given(scripts=st.lists(st.lists(call, min_size=5, max_size=15), min_size=3, max_size=3))
def test_at_once_the_functions_keep_every_invariant(office_database: Database, scripts: list[list[tuple[int, int, int]]]) -> None:
    office = Office(office_database)
    unexpected: list[str] = []
    start = threading.Barrier(len(scripts))

    def work(script: list[tuple[int, int, int]]) -> None:
        connection = office_database.connect()
        start.wait()
        for which, chat, operator in script:
            try:
                connection.execute(CALLS[which], {"chat": office.chats[chat], "operator": office.operators[operator]})
            except psycopg.Error as error:
                if error.sqlstate not in ("55000", "P0001"):
                    unexpected.append(f"{CALLS[which]}: {error}")
        connection.close()

    threads = [threading.Thread(target=work, args=(script,)) for script in scripts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    broken = {name: rows for name, query in INVARIANTS.items() if (rows := office.connection.execute(query).fetchall())}
    clocks = office.connection.execute(QUEUE_CLOCK).fetchall()
    counters = office.connection.execute(COUNTERS).fetchall()
    office.connection.close()
    assert not unexpected
    assert not broken
    assert not clocks
    assert not counters
