"""`chatops close` and `chatops reopen`: a plan, a reason, the log, undo and sets, as for release."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from chatops.chats import writers
from tests.desk import Desk
from tests.invariants import COUNTERS, INVARIANTS, QUEUE_CLOCK
from tests.servers import Database

Run = Callable[..., Any]


def state(desk: Desk, chat: UUID) -> Any:
    return desk.app.execute("select chat_state, is_active, assigned_operator_id, waiting_since from chats where id = %s", [chat])[
        0
    ]


def healthy(desk: Desk) -> None:
    assert {name: rows for name, query in INVARIANTS.items() if (rows := desk.app.execute(query))} == {}
    assert desk.app.execute(QUEUE_CLOCK) == []
    assert desk.app.execute(COUNTERS) == []
    assert not desk.contradictions()


def test_a_held_chat_is_closed_and_undo_gives_it_back(latest_database_everywhere: Database, chatops_inprocess: Run) -> None:
    desk = Desk(latest_database_everywhere)
    ann = desk.operator()
    chat = desk.held_chat(ann)
    before = state(desk, chat)
    shown = chatops_inprocess("close", chat, "--dry-run", db=desk.database, check=0)
    assert "would be closed" in shown.stdout
    assert state(desk, chat) == before
    done = chatops_inprocess("close", chat, "--yes", "--reason", "asked for", "-o", "json", db=desk.database, check=0)
    assert json.loads(done.stdout)["counts"] == {"done": 1}
    assert state(desk, chat) == ("completed", False, None, None)
    assert desk.app.execute("select release_reason from chat_assignments") == [("chat_closed",)]
    action, reason = desk.app.execute("select id, reason from chatops.actions where action = 'close'")[0]
    assert reason == "asked for"
    healthy(desk)
    chatops_inprocess("undo", action, "--yes", db=desk.database, check=0)
    assert state(desk, chat) == before
    assert desk.open_assignments(chat) == [ann]
    healthy(desk)


@pytest.mark.parametrize("how", ["force_close", "close", "block_user"])
@pytest.mark.parametrize("answered", [True, False])
def test_a_chat_is_reopened_whoever_closed_it(
    latest_database: Database, chatops_inprocess: Run, how: str, answered: bool
) -> None:
    desk = Desk(latest_database)
    chat = desk.answered_chat(desk.operator()) if answered else desk.waiting_chat()
    before = state(desk, chat)
    if how == "close":
        chatops_inprocess("close", chat, "--yes", "--reason", "x", db=desk.database, check=0)
    elif how == "block_user":
        desk.app.write(writers.block_user(desk.app.value("select real_user_id from chats where id = %s", [chat])))
    else:
        desk.app.write(writers.force_close(chat))
    assert state(desk, chat)[0] == "completed"
    chatops_inprocess("reopen", chat, "--yes", "--reason", "unblocked", db=desk.database, check=0)
    assert state(desk, chat) == before
    healthy(desk)
    action = desk.app.value("select id from chatops.actions where action = 'reopen'")
    chatops_inprocess("undo", action, "--yes", db=desk.database, check=0)
    assert state(desk, chat)[0] == "completed"
    assert not desk.contradictions()


def test_users_who_write_in_vain_are_named_and_reopened_as_a_set(latest_database: Database, chatops_inprocess: Run) -> None:
    desk = Desk(latest_database)
    vain, silent = [desk.answered_chat(desk.operator()) for _ in range(2)], desk.answered_chat(desk.operator())
    for chat in (*vain, silent):
        desk.app.write(writers.force_close(chat))
    for chat in vain:
        desk.says(chat, "hello?")
    # The first writes on: for free, paid, and as somebody of whom it is not known.
    for free in (True, False, None):
        desk.says(vain[0], "are you there?")
        desk.app.execute("update messages set is_free_message = %s where content = 'are you there?' and is_free_message is false"
                         " and id = (select id from messages order by created_at desc limit 1)", [free])  # fmt: skip
    found = json.loads(chatops_inprocess("diagnose", "--only", "CHAT018", "-o", "json", db=desk.database).stdout)
    assert {row["chat_id"] for one in found["findings"] for row in one["rows"]} == {str(chat) for chat in vain}
    paid = {row["chat_id"]: (row["messages_since"], row["paid_messages"]) for one in found["findings"] for row in one["rows"]}
    assert paid == {str(vain[0]): (4, 2), str(vain[1]): (1, 1)}
    chatops_inprocess("reopen", "--where", "CHAT018", "--yes", "--reason", "x", db=desk.database, check=0)
    assert [desk.state(chat) for chat in (*vain, silent)] == ["waiting_assignment", "waiting_assignment", "completed"]
    assert chatops_inprocess("diagnose", "--only", "CHAT018", db=desk.database).exit_code == 0
    healthy(desk)


def test_what_is_so_already_is_left_alone_and_a_plan_can_be_written_first(
    latest_database: Database, chatops_inprocess: Run, tmp_path: Any
) -> None:
    desk = Desk(latest_database)
    chat, open_one = desk.waiting_chat(), desk.waiting_chat()
    desk.app.value("select close_chat(%s)", [chat])
    told = chatops_inprocess("close", chat, "--yes", "--reason", "x", "-o", "json", db=desk.database, check=0)
    assert json.loads(told.stdout)["counts"] == {"unchanged": 1}
    told = chatops_inprocess("reopen", open_one, "--yes", "--reason", "x", "-o", "json", db=desk.database, check=0)
    assert json.loads(told.stdout)["counts"] == {"unchanged": 1}
    plan = tmp_path / "plan.json"
    chatops_inprocess("close", open_one, "--plan-out", plan, db=desk.database, check=0)
    assert desk.state(open_one) == "waiting_assignment"
    chatops_inprocess("close", "--plan", plan, "--yes", "--reason", "x", db=desk.database, check=0)
    assert desk.state(open_one) == "completed"


def test_before_018_too(core_database: Database, chatops_inprocess: Run) -> None:
    desk = Desk(core_database)
    chat = desk.waiting_chat()
    chatops_inprocess("close", chat, "--yes", "--reason", "x", db=desk.database, check=0)
    assert desk.state(chat) == "completed"
    chatops_inprocess("reopen", chat, "--yes", "--reason", "x", db=desk.database, check=0)
    assert desk.state(chat) == "waiting_assignment"
