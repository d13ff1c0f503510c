"""A chat that is held and let go while somebody's assign is under way is taken with its old turn ended."""

from __future__ import annotations

import threading
from uuid import UUID

from tests.desk import Desk
from tests.locks import wait_until_blocked
from tests.servers import Database

WAITS = """create or replace function own_chats_before(p_operator_id uuid) returns timestamptz language plpgsql as
           $$ begin perform pg_advisory_xact_lock_shared(20211); return 'infinity'; end $$"""
"""Keeps an assign between what it sees of the queue and the lock of the chat."""


def test_a_chat_that_others_held_and_let_go_meanwhile_is_taken(latest_database_everywhere: Database) -> None:
    desk = Desk(latest_database_everywhere)
    asks, other = desk.operator(), desk.operator()
    chat = desk.held_chat(asks)
    desk.app.execute("select release_and_reassign_chat(%s)", [chat])
    desk.app.execute(WAITS)
    taken: list[UUID | None] = []
    with latest_database_everywhere.connect() as gate, latest_database_everywhere.connect() as asking:
        gate.execute("select pg_advisory_lock(20211)")
        thread = threading.Thread(
            target=lambda: taken.append(asking.execute("select assign_chat_to_operator(%s)", [asks]).fetchone()[0])  # type: ignore[index]
        )
        thread.start()
        wait_until_blocked(gate, asking.info.backend_pid)
        assert desk.app.value("select assign_chat_to_operator(%s)", [other]) == chat
        desk.app.execute(
            "update chats set chat_state = 'waiting_assignment', assigned_operator_id = null, assignment_time = null where id = %s",
            [chat],
        )
        assert desk.app.value("select count(*) from chat_assignments where chat_id = %s and released_at is null", [chat]) == 1
        gate.execute("select pg_advisory_unlock(20211)")
        thread.join(timeout=30)
    assert taken == [chat]
    turns = "select operator_id from chat_assignments where chat_id = %s and released_at is null"
    assert desk.app.execute(turns, [chat]) == [(asks,)]
