"""What an owner's session, an admin's console and a restore do to rows that the application never touches: nothing is left wrong."""

from __future__ import annotations

import pytest

from tests.desk import Desk
from tests.invariants import COUNTERS, INVARIANTS, QUEUE_CLOCK
from tests.servers import Database
from tests.test_writes import healthy, notices, stranger


@pytest.fixture
def desk(latest_database_everywhere: Database) -> Desk:
    return Desk(latest_database_everywhere)


def test_the_open_row_of_a_held_chat_is_not_deleted_and_goes_with_its_chat_or_operator(desk: Desk) -> None:
    ann, ben, cem = desk.operator(), desk.operator(), desk.operator()
    chat, other, third = desk.held_chat(ann), desk.held_chat(ben), desk.held_chat(cem)
    told = notices(desk.app)
    for delete in (
        "delete from chat_assignments where chat_id = %s",
        "delete from chat_assignments where chat_id = %s returning id",
    ):
        assert desk.app.execute(delete, [chat]) == []
    with stranger(desk) as client:
        client.execute("delete from chat_assignments")
    assert "reassign_chat()" in told[0]
    assert desk.open_assignments(chat) == [ann]
    healthy(desk)
    desk.app.execute("delete from operators where id = %s", [ben])
    assert (desk.open_assignments(other), desk.state(other)) == ([], "waiting_assignment")
    desk.app.execute("delete from chats where id = %s", [third])
    assert desk.app.execute("select from chat_assignments where chat_id = %s", [third]) == []
    desk.app.execute("select release_chat(%s, null)", [chat])
    desk.app.execute("delete from chat_assignments where chat_id = %s", [chat])
    assert desk.app.execute("select from chat_assignments where chat_id = %s", [chat]) == []
    healthy(desk)


@pytest.mark.parametrize(
    "tables", ["messages", "chat_assignments", "messages, chat_assignments, operator_activity", "chats cascade"]
)
def test_truncated_tables_leave_nothing_that_counts_on_them(desk: Desk, tables: str) -> None:
    ann, ben = desk.operator(), desk.operator()
    desk.answered_chat(ann)
    held = desk.held_chat(ben)
    desk.waiting_chat()
    desk.app.execute(f"truncate {tables}")
    wrong = {name: rows for name, query in INVARIANTS.items() if not name.startswith("I9") and (rows := desk.app.execute(query))}
    assert wrong == {}
    assert desk.app.execute(QUEUE_CLOCK) == []
    assert desk.app.execute(COUNTERS) == []
    if "chats" not in tables:
        assert desk.open_assignments(held) == [ben]
        desk.says(held)
        assert desk.replies(held, ben)
        assert desk.state(held) == "waiting_real_user_reply"


@pytest.mark.parametrize("late", ["0", "40 milliseconds", "3 seconds", "-11 minutes"])
def test_an_application_that_connects_as_the_owner_and_gives_its_messages_times_is_obeyed(desk: Desk, late: str) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    desk.app.execute("update chats set updated_at = now() where id = %s", [chat])
    with desk.history() as past:
        past.execute("update chats set assignment_time = assignment_time - interval '1 minute' where id = %s", [chat])
        past.execute("update chat_assignments set assigned_at = assigned_at - interval '1 minute' where chat_id = %s", [chat])
        past.execute("update messages set created_at = created_at - interval '2 minutes' where chat_id = %s", [chat])
        past.execute("update chats set waiting_since = oldest_unanswered(id) where id = %s", [chat])
    said = ("insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at)"
            " values (%s, %s, 'x', %s, clock_timestamp() - %s::interval)")  # fmt: skip
    desk.app.execute(said, [chat, "fictional", ann, late])
    assert desk.state(chat) == "waiting_real_user_reply"
    assert desk.app.value("select release_reason from chat_assignments where chat_id = %s", [chat]) == "operator_sent_message"
    healthy(desk)
    desk.app.execute("update messages set content = 'y' where chat_id = %s", [chat])
    with desk.history() as past:
        past.execute("update messages set created_at = created_at - interval '1 minute' where chat_id = %s", [chat])
        past.execute("update chat_assignments set assigned_at = assigned_at - interval '1 minute' where chat_id = %s", [chat])
        past.execute(
            "update chats set chat_state = 'completed', is_active = false, closed_reason = 'max_reassignments' where id = %s",
            [chat],
        )
    desk.app.execute(said, [chat, "real", None, late])
    assert desk.state(chat) == "waiting_assignment"
    healthy(desk)


def test_what_a_transaction_remembers_does_not_grow_with_what_it_writes(desk: Desk) -> None:
    chat = desk.empty_chat()
    desk.app.execute("begin")
    desk.app.execute(
        "insert into messages (chat_id, sender_type, content, created_at)"
        " select %s, 'real', 'x', now() + interval '30 minutes' + n * interval '1 second' from generate_series(1, 150) as n",
        [chat],
    )
    assert desk.app.value("select length(current_setting('chatops.history')) < 100")
    desk.app.execute("commit")
    given = "select count(*), min(created_at) > now() + interval '29 minutes', count(distinct created_at) from messages"
    assert desk.app.execute(given) == [(150, True, 150)]
    assert desk.app.value("select message_count from chats where id = %s", [chat]) == 150
    desk.database.script("""
        create function welcome() returns trigger language plpgsql as $$ begin
          insert into messages (chat_id, sender_type, content) values (new.id, 'real', 'hello'); return null; end $$;
        create trigger welcome after insert on chats for each row execute function welcome()""")
    desk.app.execute("begin")
    desk.app.execute("""with u as (insert into real_users (name) select 'u' || n from generate_series(1, 50) as n returning id),
        f as (insert into fictional_users (name) values ('f') returning id)
        insert into chats (real_user_id, fictional_user_id) select u.id, f.id from u, f""")
    assert desk.app.value("select length(current_setting('chatops.nested')) < 400")
    desk.app.execute("commit")
    assert desk.app.value("select count(*) from chats where message_count = 1 and waiting_since is not null") == 50
