"""The write path under every way in which the application, an operator's tab, a restore and a stranger really write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from chatops.chats import writers
from chatops.chats.writers import Step
from tests.conftest import LONG
from tests.desk import Desk
from tests.invariants import COUNTERS, INVARIANTS, QUEUE_CLOCK
from tests.original_writers import Session, in_background, refused
from tests.servers import Database, run

INSERT = (
    "insert into messages (id, chat_id, sender_type, content, handled_by_operator_id, created_at) values (%s, %s, %s, %s, %s, %s)"
)


@pytest.fixture
def desk(latest_database_everywhere: Database) -> Desk:
    return Desk(latest_database_everywhere)


@contextmanager
def stranger(desk: Desk) -> Iterator[Session]:
    """A session of a role that does not own the tables, as the hosting's API has; it may write everything."""
    role = f"client_{desk.database.name}"
    desk.database.script(
        f"create role {role} login; grant usage on schema public to {role};"
        f"grant all on all tables in schema public to {role}; grant execute on all functions in schema public to {role}"
    )
    session = Session(desk.database, user=role)
    try:
        yield session
    finally:
        session.connection.close()
        desk.database.script(f"drop owned by {role}; drop role {role}")


def chat_row(desk: Desk, chat: UUID) -> Any:
    return desk.app.execute(
        "select chat_state, message_count, waiting_since, last_message_at, epoch, assigned_operator_id from chats where id = %s",
        [chat],
    )[0]


def refusals(desk: Desk) -> int:
    return int(desk.app.value("select a.last_value + b.last_value from refusals_late_reply a, refusals_operator_busy b"))


def healthy(desk: Desk) -> None:
    """Nothing is broken: neither the invariants nor the clocks nor the counters."""
    assert {name: rows for name, query in INVARIANTS.items() if (rows := desk.app.execute(query))} == {}
    assert desk.app.execute(QUEUE_CLOCK) == []
    assert desk.app.execute(COUNTERS) == []


def notices(session: Session) -> list[str]:
    """What the server tells this session from now on."""
    told: list[str] = []
    session.connection.add_notice_handler(
        lambda diagnostic: told.append(f"{diagnostic.message_primary} {diagnostic.message_hint}")
    )
    return told


# ---- effects after, on what is stored ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", ["real", "fictional"])
@pytest.mark.parametrize("conflict", ["do nothing", "do update set content = excluded.content, created_at = excluded.created_at"])
def test_an_upsert_that_stores_nothing_new_changes_no_chat(desk: Desk, sender: str, conflict: str) -> None:
    ann = desk.operator()
    chat = desk.answered_chat(ann)
    known = desk.app.value("select id from messages where chat_id = %s and sender_type = %s", [chat, sender])
    writer = ann if sender == "fictional" else None
    before, when = chat_row(desk, chat), desk.app.value("select created_at from messages where id = %s", [known])
    with stranger(desk) as client:
        client.execute(f"{INSERT} on conflict (id) {conflict}", [known, chat, sender, "again", writer, None])
        assert chat_row(desk, chat) == before
        assert refused(lambda: client.execute(INSERT, [known, chat, sender, "again", writer, None])) == "23505"
    assert chat_row(desk, chat) == before
    assert refusals(desk) == 0
    assert desk.app.value("select created_at from messages where id = %s", [known]) == when
    healthy(desk)


@pytest.mark.parametrize("name", ["a_before_ours", "zz_after_ours"])
def test_what_a_trigger_of_the_application_drops_or_changes_counts_as_it_was_stored(desk: Desk, name: str) -> None:
    ann = desk.operator()
    chat, other = desk.answered_chat(ann), desk.answered_chat(ann)
    desk.database.script(
        f"""create function changes_messages() returns trigger language plpgsql as $$
            begin
              if new.content = 'drop me' then return null; end if;
              if new.content = 'move me' then new.chat_id := '{other}'; end if;
              if new.content = 'date me' then new.created_at := now() - interval '1 year'; end if;
              return new;
            end $$;
            create trigger {name} before insert on messages for each row execute function changes_messages()"""
    )
    before = chat_row(desk, chat)
    with stranger(desk) as client:
        say = "insert into messages (chat_id, sender_type, content) values (%s, 'real', %s)"
        client.execute(say, [chat, "drop me"])
        assert chat_row(desk, chat) == before
        client.execute(say, [chat, "move me"])
        assert chat_row(desk, chat) == before
        assert desk.state(other) == "waiting_assignment"
        client.execute(say, [chat, "date me"])
    assert desk.state(chat) == "waiting_assignment"
    assert desk.app.value("select content from messages where chat_id = %s order by created_at desc limit 1", [chat]) == "date me"
    healthy(desk)


def test_a_message_and_an_update_of_its_chat_go_in_one_statement(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.answered_chat(ann)
    desk.app.execute(
        "with said as (insert into messages (chat_id, sender_type, content) values (%s, 'real', 'x') returning chat_id)"
        " update chats set chat_state = 'waiting_assignment', updated_at = now() where id = (select chat_id from said)",
        [chat],
    )
    assert desk.state(chat) == "waiting_assignment"
    desk.operator()
    ben = desk.operator()
    assert desk.takes(ben) == chat
    desk.app.execute(
        "with said as (insert into messages (chat_id, sender_type, content, handled_by_operator_id)"
        " values (%s, 'fictional', 'x', %s) returning chat_id)"
        " update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = now(), assigned_operator_id = null"
        " where id = (select chat_id from said)",
        [chat, ben],
    )
    assert desk.state(chat) == "waiting_real_user_reply"
    healthy(desk)


def test_rows_of_one_statement_have_their_effects_one_after_the_other(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    rows = [("real", None), ("fictional", ann), ("fictional", ann), ("real", None), ("fictional", ann), ("real", None)]
    values = ", ".join(f"(%s, '{sender}', 'x', %s)" for sender, _ in rows)
    parameters = [value for _, by in rows for value in (chat, by)]
    with stranger(desk) as client:
        client.execute(
            f"insert into messages (chat_id, sender_type, content, handled_by_operator_id) values {values}", parameters
        )
    senders = desk.app.execute("select sender_type from messages where chat_id = %s order by created_at offset 1", [chat])
    assert [row[0] for row in senders] == [sender for sender, _ in rows]
    assert (desk.state(chat), chat_row(desk, chat)[1]) == ("waiting_assignment", 7)
    healthy(desk)


def test_copied_messages_count_as_inserted_ones(desk: Desk) -> None:
    chats = [desk.answered_chat(desk.operator()) for _ in range(3)]
    with (
        stranger(desk) as client,
        client.connection.cursor().copy("copy messages (chat_id, sender_type, content) from stdin") as copy,
    ):
        for chat in [*chats, *chats]:
            copy.write_row((chat, "real", "x"))
    assert {desk.state(chat) for chat in chats} == {"waiting_assignment"}
    assert [chat_row(desk, chat)[1] for chat in chats] == [4, 4, 4]
    healthy(desk)


def test_a_stored_message_keeps_its_chat_sender_writer_and_time(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()
    chat, other = desk.answered_chat(ann), desk.waiting_chat()
    one = desk.app.value("select id from messages where chat_id = %s and sender_type = 'fictional'", [chat])
    before = desk.app.execute(
        "select chat_id, sender_type, handled_by_operator_id, created_at from messages where id = %s", [one]
    )
    told = notices(desk.app)
    desk.app.execute(
        "update messages set chat_id = %s, sender_type = 'real', handled_by_operator_id = %s, created_at = now() - interval '1 day',"
        " content = 'better', read_at = now() where id = %s",
        [other, ben, one],
    )
    after = desk.app.execute("select chat_id, sender_type, handled_by_operator_id, created_at from messages where id = %s", [one])
    assert after == before
    assert desk.app.execute("select content, read_at is not null from messages where id = %s", [one]) == [("better", True)]
    assert "user_message()" in told[0]
    desk.app.execute("delete from operators where id = %s", [ann])
    assert desk.app.value("select handled_by_operator_id from messages where id = %s", [one]) is None


# ---- order that no client and no clock decides -------------------------------------------------------------------------------


@pytest.mark.parametrize("off", ["-11 minutes", "-30 seconds", "-1 year", "1 year", "3 seconds", "59 minutes"])
def test_a_clients_time_is_replaced_whatever_it_is(desk: Desk, off: str) -> None:
    ann = desk.operator()
    chat = desk.answered_chat(ann)
    say = "insert into messages (chat_id, sender_type, content, created_at) values (%s, 'real', 'x', now() + %s::interval)"
    with stranger(desk) as client:
        client.execute(say, [chat, off])
        assert desk.state(chat) == "waiting_assignment"
        assert desk.app.value("select abs(extract(epoch from now() - max(created_at))) < 25 from messages")
        desk.operator()
        ben = desk.operator()
        assert desk.takes(ben) == chat
        reply = "insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at) values (%s, 'fictional', 'x', %s, now() + %s::interval)"
        client.execute(reply, [chat, ben, off])
        assert desk.state(chat) == "waiting_real_user_reply"
        assert refused(lambda: client.execute(reply, [chat, ben, off])) == "55000"
    healthy(desk)


def test_as_a_role_of_the_hosting_an_owners_session_writes_no_history(desk: Desk) -> None:
    chat = desk.answered_chat(desk.operator())
    role = f"client_{desk.database.name}"
    desk.database.script(
        f"create role {role}; grant usage on schema public to {role}; grant all on all tables in schema public to {role}"
    )
    session = desk.session()
    session.execute(f"set role {role}")
    session.execute(
        "insert into messages (chat_id, sender_type, content, created_at) values (%s, 'real', 'x', now() - interval '1 day')",
        [chat],
    )
    session.execute("set chatops.write = 'function'")
    session.execute(
        "insert into messages (chat_id, sender_type, content, created_at) values (%s, 'real', 'y', now() - interval '1 day')",
        [chat],
    )
    session.execute("reset role")
    assert desk.app.value("select min(created_at) > now() - interval '1 minute' from messages where chat_id = %s", [chat])
    assert desk.state(chat) == "waiting_assignment"
    desk.database.script(f"drop owned by {role}; drop role {role}")


def test_a_message_is_later_than_the_clock_the_last_and_the_newest(desk: Desk) -> None:
    chat = desk.waiting_chat()
    for ahead in ("last_message_at", "messages"):
        with desk.history() as past:
            if ahead == "messages":
                past.execute(
                    "update messages set created_at = clock_timestamp() + interval '40 seconds' where chat_id = %s", [chat]
                )
            else:
                past.execute("update chats set last_message_at = clock_timestamp() + interval '30 seconds' where id = %s", [chat])
        newest = desk.app.value(
            "select greatest(c.last_message_at, (select max(created_at) from messages where chat_id = c.id)) from chats c where id = %s",
            [chat],
        )
        desk.says(chat, "later")
        stored = desk.app.value("select max(created_at) from messages where chat_id = %s and content = 'later'", [chat])
        assert stored == newest + timedelta(microseconds=1)


def test_when_the_clock_goes_back_nobody_is_lost(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.answered_chat(ann)
    with desk.history() as past:  # as if all of it had been written by a clock 30 seconds ahead
        past.execute("update messages set created_at = created_at + interval '30 seconds' where chat_id = %s", [chat])
        past.execute(
            "update chats set last_message_at = last_message_at + interval '30 seconds',"
            " operator_replied_at = operator_replied_at + interval '30 seconds' where id = %s",
            [chat],
        )
    desk.says(chat)
    assert desk.state(chat) == "waiting_assignment"
    desk.operator()
    ben = desk.operator()
    assert desk.takes(ben) == chat
    assert desk.replies(chat, ben)
    assert desk.state(chat) == "waiting_real_user_reply"
    assert desk.newest_sender(chat) == "fictional"


def test_messages_from_far_ahead_are_put_right_first_and_decide_nothing(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.answered_chat(ann)
    with desk.history() as past:
        past.execute("update messages set created_at = created_at + interval '2 years' where chat_id = %s", [chat])
        past.execute("update chats set last_message_at = (select max(created_at) from messages) where id = %s", [chat])
    desk.says(chat, "newest")
    said = desk.app.execute(
        "select content, created_at < now() + interval '1 minute' from messages where chat_id = %s order by created_at", [chat]
    )
    assert said == [("hello", True), ("hi", True), ("newest", True)]
    assert desk.state(chat) == "waiting_assignment"
    assert desk.app.value("select last_message_at < now() + interval '1 minute' from chats where id = %s", [chat])
    assert desk.app.execute(QUEUE_CLOCK) == []


def test_a_transaction_that_has_been_open_for_long_loses_no_message(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    with stranger(desk) as client:
        client.execute("begin")
        client.execute("select now()")
        desk.replies(chat, ann)
        # Its now() is older than the reply, as that of a transaction of 20 minutes would be.
        client.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'x')", [chat])
        client.execute(
            "insert into messages (chat_id, sender_type, content, created_at) values (%s, 'real', 'y', now() - interval '20 minutes')",
            [chat],
        )
        client.execute("commit")
    assert desk.state(chat) == "waiting_assignment"
    assert desk.newest_sender(chat) == "real"
    healthy(desk)


def test_a_data_only_dump_comes_back_as_it_was(desk: Desk, new_database: Any) -> None:
    ann, ben = desk.operator(), desk.operator()
    answered, held, waiting = desk.answered_chat(ann), desk.answered_chat(ben), desk.waiting_chat()
    desk.says(waiting, "more")
    desk.says(held, "and?")
    assert desk.takes(ann) == waiting
    desk.replies(waiting, ann)
    assert desk.takes(ann) == held
    closed = desk.waiting_chat()
    desk.app.write(writers.force_close(closed))
    # Answered by one, and last with another, who let it go.
    moved = desk.answered_chat(desk.operator())
    desk.says(moved)
    assert desk.takes(desk.operator()) == moved
    desk.app.write(writers.unassign(moved))
    tables = ("operators", "real_users", "fictional_users", "chats", "messages", "chat_assignments", "operator_activity")
    dumped = {table: desk.app.execute(f"select to_jsonb(t) from {table} t order by id") for table in tables}
    server = desk.database.server
    dump = run([server.bin / "pg_dump", "--data-only", *(f"--table={table}" for table in tables), desk.database.url], timeout=60)
    assert dump.returncode == 0, dump.stderr
    text = "\n".join(line for line in dump.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))
    desk.app.execute(f"truncate {', '.join(tables)} cascade")
    restored = desk.database.psql(text)
    assert (restored.returncode, restored.stderr) == (0, "")
    clocks = {"state_since", "epoch"}
    for table in tables:
        rows = desk.app.execute(f"select to_jsonb(t) from {table} t order by id")
        assert [_without(row[0], clocks) for row in rows] == [_without(row[0], clocks) for row in dumped[table]], table
    healthy(desk)
    assert desk.state(answered) == "waiting_real_user_reply"


def _without(row: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in names}


def test_history_that_is_newer_than_all_of_its_chat_wakes_it(desk: Desk) -> None:
    chat = desk.answered_chat(desk.operator())
    with desk.history() as past:
        past.execute("update messages set created_at = created_at - interval '1 hour'")
        past.execute("update chats set last_message_at = last_message_at - interval '1 hour'")
    desk.app.execute(
        "insert into messages (chat_id, sender_type, content, created_at) values (%s, 'real', 'x', now() - interval '2 minutes')",
        [chat],
    )
    assert desk.state(chat) == "waiting_assignment"
    assert desk.app.value("select now() - waiting_since > '1 minute' from chats where id = %s", [chat])
    assert desk.app.execute(QUEUE_CLOCK) == []


# ---- waiting_since tells the truth ---------------------------------------------------------------------------------------------


def test_a_chat_that_the_limit_closed_waits_since_the_oldest_unanswered_message(desk: Desk) -> None:
    desk.app.execute("update platform_config set value = '1' where key = 'max_reassignments'")
    chat = desk.held_chat(desk.operator())
    first = desk.app.value("select created_at from messages where chat_id = %s", [chat])
    desk.app.value("select release_and_reassign_chat(%s)", [chat])
    desk.takes(desk.operator())
    assert desk.app.value("select release_and_reassign_chat(%s)", [chat]) is False
    assert chat_row(desk, chat)[2] is None
    desk.says(chat, "hello?")
    assert chat_row(desk, chat)[:3] == ("waiting_assignment", 2, first)
    healthy(desk)


def test_a_held_chat_goes_back_to_its_place(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    since = chat_row(desk, chat)[2]
    desk.waiting_chat()
    desk.says(chat, "more")
    desk.app.execute("update chats set waiting_since = null, last_message_at = now() where id = %s", [chat])
    desk.app.write(writers.unassign(chat))
    assert chat_row(desk, chat)[2] == since
    assert desk.takes(desk.operator()) == chat


@pytest.mark.parametrize("state", ["waiting_assignment", "assigned", "waiting_real_user_reply", "completed", None])
@pytest.mark.parametrize("held", [True, False])
def test_a_new_chat_is_neither_in_the_queue_nor_held_without_its_assignment(desk: Desk, state: str | None, held: bool) -> None:
    ann = desk.operator()
    user, profile = desk.app.execute(
        "with u as (insert into real_users (name) values ('u') returning id), f as (insert into fictional_users (name) values ('f')"
        " returning id) select u.id, f.id from u, f"
    )[0]
    with stranger(desk) as client:
        chat = client.value(
            "insert into chats (real_user_id, fictional_user_id, chat_state, assigned_operator_id, operator_replied_at, waiting_since,"
            " message_count, epoch, releases_without_reply) values (%s, %s, %s, %s, now(), now() - interval '1 year', 7, 7, 7) returning id",
            [user, profile, state, ann if held else None],
        )
    assert desk.app.value("select count(*) from chat_queue") == 0
    assert desk.takes(desk.operator()) is None
    assert desk.open_assignments(chat) == ([ann] if state == "assigned" and held else [])
    assert not desk.contradictions()
    healthy(desk)


# ---- what the application means is kept -----------------------------------------------------------------------------------------


def test_a_heartbeat_keeps_the_time_of_the_last_input_so_an_idle_tab_is_released(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    desk.was_silent(chat)
    for minutes in (-9, 9):
        desk.app.write(writers.heartbeat(chat, ann, datetime.now(UTC) + timedelta(minutes=minutes)))
        sane = "select last_activity between now() - interval '10 minutes' and now() from operator_activity"
        assert desk.app.value(sane)
    desk.app.write(writers.heartbeat(chat, ann, datetime.now(UTC) - timedelta(minutes=9)))
    desk.app.write(writers.idle_cron(lambda: datetime.now(UTC)))
    assert desk.holder(chat) is None
    assert desk.app.value("select release_reason from chat_assignments") == "idle_timeout"


def test_the_functions_heartbeat_takes_the_last_input_too(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    desk.was_silent(chat)
    assert desk.app.value("select operator_heartbeat(%s, %s, now() - interval '9 minutes')", [chat, ann]) is True
    assert desk.app.value("select count(*) from release_idle_chats()") == 1


@pytest.mark.parametrize("reason", ["operator_idle_timeout", "manual_unassign", "off sick"])
def test_the_reason_of_an_unassign_reaches_its_row(desk: Desk, reason: str) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    desk.app.run(Step("unassign_chat", {"chat_id": chat}))
    assert (desk.state(chat), desk.open_assignments(chat)) == ("waiting_assignment", [ann])
    desk.app.run(Step("close_assignment", {"chat_id": chat, "reason": reason}))
    ended = desk.app.execute("select operator_id, release_reason, released_at >= assigned_at from chat_assignments")
    assert ended == [(ann, reason, True)]
    healthy(desk)


@pytest.mark.parametrize("taken_by", ["assign", "reassign", "give", "close", "release"])
def test_a_row_that_was_left_open_ends_with_what_comes_next(desk: Desk, taken_by: str) -> None:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    desk.app.run(Step("unassign_chat", {"chat_id": chat}))
    match taken_by:
        case "assign":
            assert desk.takes(ben) == chat
        case "reassign":
            desk.app.execute("select reassign_chat(%s, %s)", [chat, ben])
        case "give":
            desk.app.write(writers.admin_reassign(chat, ben))
        case "close":
            desk.app.write(writers.force_close(chat))
        case "release":
            assert desk.app.value("select release_and_reassign_chat(%s, 'idle_timeout')", [chat]) is True
    reason = {"close": "chat_closed", "release": "idle_timeout"}.get(taken_by, "manual_unassign")
    rows = desk.app.execute("select operator_id, release_reason from chat_assignments where released_at is not null")
    assert rows == [(ann, reason)]
    desk.app.run(Step("close_assignment", {"chat_id": chat, "reason": "operator_idle_timeout"}))
    assert desk.open_assignments(chat) == ([ben] if taken_by in ("assign", "reassign", "give") else [])
    healthy(desk)


def test_the_idle_cron_ends_what_was_left_open_for_five_seconds(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    desk.app.run(Step("unassign_chat", {"chat_id": chat}))
    desk.app.execute("select * from release_idle_chats()")
    assert desk.open_assignments(chat) == [ann], "the reason may still be on its way"
    with desk.history() as past:
        past.execute("update chats set state_since = now() - interval '6 seconds'")
        past.execute("update chat_assignments set assigned_at = now() - interval '1 minute'")
    desk.app.execute("select * from release_idle_chats()")
    ended = desk.app.execute("select release_reason, released_at < now() - interval '5 seconds' from chat_assignments")
    assert ended == [("manual_unassign", True)]


def test_a_refused_reassign_leaves_no_reason_on_the_row_that_stays(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    desk.held_chat(ben)
    assert refused(lambda: desk.app.write(writers.admin_reassign(chat, ben, "ann is ill"))) == "55000"
    assert desk.app.execute("select release_reason, released_at from chat_assignments where operator_id = %s", [ann]) == [
        (None, None)
    ]
    desk.replies(chat, ann)
    assert desk.app.value("select release_reason from chat_assignments where operator_id = %s", [ann]) == "operator_sent_message"


@pytest.mark.parametrize("closed", [False, True])
def test_a_release_of_a_chat_that_nobody_holds_answers_as_the_deployed_one(desk: Desk, closed: bool) -> None:
    chat = desk.held_chat(desk.operator())
    desk.app.execute("update platform_config set value = %s where key = 'max_reassignments'", ["1" if closed else "3"])
    with desk.history() as past:
        past.execute("update chats set releases_without_reply = 1 where id = %s", [chat])
    assert desk.app.value("select release_and_reassign_chat(%s)", [chat]) is not closed
    before = chat_row(desk, chat)
    assert desk.app.value("select release_and_reassign_chat(%s)", [chat]) is not closed
    assert chat_row(desk, chat) == before


def test_what_is_absorbed_says_what_to_use_instead(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    told = notices(desk.app)
    absorbed = [
        (
            "update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = now() where id = %s",
            [chat],
            "release_chat()",
        ),
        ("update chats set chat_state = 'waiting_assignment' where id = %s", [chat], "chatops release"),
        ("update chats set message_count = 9 where id = %s", [chat], "chatops repair DATA001"),
        ("update operators set total_messages = 9 where id = %s", [ann], "chatops repair DATA001"),
        ("update chat_assignments set released_at = now() where chat_id = %s", [chat], "release_chat()"),
        ("insert into chat_assignments (chat_id, operator_id) values (%s, %s)", [chat, ben], "reassign_chat()"),
        (
            "insert into chat_assignments (chat_id, operator_id, released_at) values (%s, %s, now())",
            [chat, ann],
            "reassign_chat()",
        ),
        ("insert into operator_activity (chat_id, operator_id) values (%s, %s)", [chat, ben], "operator_heartbeat()"),
        ("update messages set sender_type = 'fictional' where chat_id = %s", [chat], "operator_reply()"),
    ]
    for statement, parameters, instead in absorbed:
        told.clear()
        desk.app.execute(statement, parameters)
        assert any(instead in notice for notice in told), (statement, told)
    told.clear()
    desk.says(chat)
    desk.replies(chat, ann)
    assert [notice for notice in told if "total_messages" not in notice] == [], "the application's own turn is not scolded"
    assert desk.app.execute("select message_count from chats where id = %s", [chat]) == [(3,)]


def test_a_column_that_a_guard_reads_can_be_neither_dropped_nor_changed(desk: Desk) -> None:
    read = desk.app.execute(
        "select table_name, column_name from information_schema.view_column_usage where view_name = 'guarded_columns' order by 1, 2"
    )
    assert len(read) > 40
    for table, column in read:
        assert (
            refused(lambda table=table, column=column: desk.app.execute(f"alter table {table} drop column {column}")) == "2BP01"
        )  # type: ignore[misc]
    assert (
        refused(lambda: desk.app.execute("alter table chat_assignments alter column release_reason type varchar(200)")) == "0A000"
    )
    # The way out, as the view's comment tells it.
    definition = desk.app.value("select pg_get_viewdef('guarded_columns'::regclass)")
    desk.app.execute("drop view guarded_columns")
    desk.app.execute("alter table chat_assignments alter column release_reason type varchar(200)")
    desk.app.execute(f"create view guarded_columns with (security_invoker = true) as {definition}")
    desk.answered_chat(desk.operator())
    healthy(desk)


# ---- clocks that are none ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"])
def test_a_clock_that_no_client_can_read_is_refused(desk: Desk, clock: str) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    writes = [
        f"insert into messages (chat_id, sender_type, content, created_at) values ('{chat}', 'real', 'x', %s)",
        f"insert into messages (chat_id, sender_type, content, read_at) values ('{chat}', 'real', 'x', %s)",
        "update messages set delivered_at = %s",
        "update chats set last_message_at = %s",
        "update chats set updated_at = %s",
        "update operator_activity set last_activity = %s",
        "update operators set last_activity = %s",
        "update chat_assignments set assigned_at = %s",
        f"insert into chat_assignments (chat_id, operator_id, assigned_at, released_at) values ('{chat}', '{ann}', %s, now())",
        f"select operator_heartbeat('{chat}', '{ann}', %s)",
    ]
    for statement in writes:
        assert refused(lambda statement=statement: desk.app.execute(statement, [clock])) == "22008", statement  # type: ignore[misc]
    with desk.history() as past:
        past.execute("update chats set updated_at = %s", [clock])
    desk.app.execute("update chats set is_active = is_active")
    desk.says(chat, "a row that is wrong already does not stop the next write")


# ---- assign writes nothing it need not, and never ends in a riddle -----------------------------------------------------------------


def test_an_assign_that_finds_nothing_writes_nothing(desk: Desk) -> None:
    ann = desk.operator()
    desk.operator()
    before = desk.app.execute("select ctid, xmin, xmax, last_activity from operators where id = %s", [ann])
    assert desk.takes(ann) is None
    assert desk.app.execute("select ctid, xmin, xmax, last_activity from operators where id = %s", [ann]) == before
    chat = desk.answered_chat(ann)
    desk.says(chat)
    before = desk.app.execute("select ctid, xmin, last_activity from operators where id = %s", [ann])
    assert desk.takes(ann) is None, "their own"
    assert desk.app.execute("select ctid, xmin, last_activity from operators where id = %s", [ann]) == before


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.parametrize("given_by", ["reassign", "give", "assign"])
def test_assign_in_an_old_snapshot_ends_in_an_answer_or_in_40001(desk: Desk, level: str, given_by: str) -> None:
    ann, ben = desk.operator(), desk.operator()
    held = desk.held_chat(ben)
    chats = [desk.waiting_chat(), desk.waiting_chat(), held]
    old = desk.session()
    old.execute(f"begin isolation level {level}")
    old.execute("select count(*) from chats")
    match given_by:
        case "reassign":
            desk.app.execute("select reassign_chat(%s, %s)", [chats[1], ann])
        case "give":
            desk.app.write(writers.admin_reassign(chats[1], ann))
        case "assign":
            assert desk.takes(ann) is not None
    assert refused(lambda: old.write(writers.assign(ann))) in (None, "40001")
    old.execute("rollback")
    assert desk.app.value("select count(*) from chats where assigned_operator_id = %s", [ann]) == 1
    healthy(desk)


def test_assign_and_reply_in_one_transaction_beside_the_same_in_another_do_not_deadlock(desk: Desk) -> None:
    people = [desk.operator() for _ in range(3)]
    chats = [desk.waiting_chat() for _ in range(4)]
    sessions = [desk.session() for _ in range(4)]
    rounds = 40 if LONG else 12

    def turns(number: int) -> int:
        session, done = sessions[number], 0
        for round_ in range(rounds):
            operator = people[(number + round_) % 3]
            session.execute("begin")
            try:
                held = session.write(writers.assign(operator))
                if held is not None:
                    session.write(writers.heartbeat(held, operator, datetime.now(UTC)))
                    session.write(writers.operator_reply(held, operator, "hi"))
                    session.write(writers.assign(operator))
                    done += 1
                session.execute("commit")
            except psycopg.Error as error:
                session.execute("rollback")
                if error.sqlstate != "55000":
                    raise
            session.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'x')", [chats[round_ % 4]])
        return done

    running = [in_background(lambda number=number: turns(number)) for number in range(4)]  # type: ignore[misc]
    assert sum(one.result(timeout=60) for one in running) > rounds // 2
    healthy(desk)


# ---- closed chats come back ----------------------------------------------------------------------------------------------------------


def test_what_the_deployed_limit_closed_comes_back_with_its_users_next_message(core_database_everywhere: Database) -> None:
    from tests.test_repair_migrations import migrate

    desk = Desk(core_database_everywhere)
    ann, ben = desk.operator(), desk.operator()
    by_limit = desk.empty_chat()
    for operator in (ann, ben, ann):
        desk.says(by_limit)
        assert desk.takes(operator) == by_limit
        desk.replies(by_limit, operator)
    desk.says(by_limit, "the fourth")
    assert desk.takes(ben) == by_limit
    assert desk.app.value("select release_and_reassign_chat(%s)", [by_limit]) is False
    by_hand = desk.answered_chat(ann)
    desk.app.write(writers.force_close(by_hand))
    migrate(desk.database)
    assert (desk.state(by_limit), desk.state(by_hand)) == ("completed", "completed")
    since = desk.app.value("select created_at from messages where content = 'the fourth'")
    for chat in (by_limit, by_hand):
        desk.says(chat, "hello?")
    assert (desk.state(by_limit), desk.state(by_hand)) == ("waiting_assignment", "completed")
    assert chat_row(desk, by_limit)[2] == since
    healthy(desk)


@pytest.mark.parametrize("how", ["force_close", "close_chat", "block"])
def test_reopening_puts_a_chat_where_its_messages_say(desk: Desk, how: str) -> None:
    ann = desk.operator()
    answered, asked = desk.answered_chat(ann), desk.waiting_chat()
    since = chat_row(desk, asked)[2]
    for chat in (answered, asked):
        if how == "close_chat":
            desk.app.value("select close_chat(%s)", [chat])
        elif how == "block":
            desk.app.write(writers.block_user(desk.app.value("select real_user_id from chats where id = %s", [chat])))
        else:
            desk.app.write(writers.force_close(chat))
    assert desk.app.value("select reopen_chat(%s)", [answered]) == "waiting_real_user_reply"
    assert desk.app.value("select reopen_chat(%s)", [asked]) == "waiting_assignment"
    assert desk.app.value("select reopen_chat(%s)", [asked]) is None
    assert chat_row(desk, asked)[2] == since
    assert desk.takes(desk.operator()) == asked
    healthy(desk)


# ---- a pause -------------------------------------------------------------------------------------------------------------------------


def test_while_paused_assign_answers_nobody_and_everything_else_goes_on(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()
    held = desk.held_chat(ann)
    waiting = desk.waiting_chat()
    desk.app.execute(
        "insert into chatops.settings (target_schema, key, value, until, reason)"
        " values (current_schema(), 'pause', '\"on\"', now() + interval '15 minutes', 'release 2.14')"
    )
    assert desk.takes(ben) is None
    assert desk.app.execute("select answer, paused_until > now() from explain_empty_queue(%s)", [ben]) == [("paused", True)]
    assert desk.takes(ann) == held, "who holds a chat is told so"
    desk.says(held)
    desk.app.write(writers.heartbeat(held, ann, datetime.now(UTC)))
    assert desk.replies(held, ann)
    desk.says(waiting)
    desk.app.execute("update chatops.settings set until = now() - interval '1 second' where key = 'pause'")
    assert desk.takes(ben) == waiting
    healthy(desk)


# ---- counters of refusals ----------------------------------------------------------------------------------------------------------------


def test_refusals_survive_a_crash_and_none_is_invented(own_server: Any) -> None:
    from tests.conftest import build_latest

    server = own_server("18", fsync="on")
    database = server.create_database()
    build_latest(database)
    desk = Desk(database)
    ann, ben = desk.operator(), desk.operator()
    other = desk.held_chat(ben)
    for _ in range(5):
        assert refused(lambda: desk.app.run(Step("insert_reply", {"chat_id": other, "operator_id": ann, "content": "x"})))
    desk.app.execute("create table flushed ()")  # a commit, which writes the log out
    database.close()
    server.restart("immediate")
    desk = Desk(database)
    assert refusals(desk) == 5


def test_a_refusal_in_one_tenant_shows_in_no_other(desk: Desk) -> None:
    from tests.test_repair_migrations import command

    desk.app.execute('create schema "Tenant One"')
    command(desk.database, "migrate", "--schema", "Tenant One", "--to", "latest", "--yes")
    assert desk.app.value('select last_value from "Tenant One".refusals_late_reply') == 0
    ann, ben = desk.operator(), desk.operator()
    other = desk.held_chat(ben)
    assert refused(lambda: desk.app.run(Step("insert_reply", {"chat_id": other, "operator_id": ann, "content": "x"})))
    assert (refusals(desk), desk.app.value('select last_value from "Tenant One".refusals_late_reply')) == (1, 0)


def test_two_refusals_at_once_are_two(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()
    other = desk.held_chat(ben)
    late = {"chat_id": other, "operator_id": ann, "content": "x"}
    sessions = [desk.session() for _ in range(4)]
    running = [
        in_background(lambda one=one: [refused(lambda: one.run(Step("insert_reply", late))) for _ in range(10)])  # type: ignore[misc]
        for one in sessions
    ]
    assert {code for one in running for code in one.result(timeout=60)} == {"55000"}
    assert refusals(desk) == 40
