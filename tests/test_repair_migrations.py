"""Migrations 018 and up: what they say of themselves, what the guards do, and that they can go into a database in use."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatops import sqlfiles
from chatops.chats import writers
from chatops.chats.writers import Step
from tests.conftest import ROOT, Result, clean_environment, inside
from tests.desk import Desk
from tests.invariants import COUNTERS, INVARIANTS, QUEUE_CLOCK
from tests.load import WITHOUT_CLOSING, hostile_load, summary
from tests.locks import blocking_pids, wait_for, wait_until_blocked
from tests.original_writers import in_background, refused
from tests.servers import Database

FILES = sorted(path for path in (ROOT / "sql" / "migrations").glob("*.sql") if path.name >= "018")


@pytest.fixture
def desk(latest_database: Database) -> Desk:
    return Desk(latest_database)


# ---- the files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_says_what_it_is_and_what_people_will_notice(path: Path) -> None:
    text = path.read_text()
    assert re.match(r"-- [A-Z].{20,}\.\n", text), text.splitlines()[0]
    effect = sqlfiles.header(text)["effect"]
    assert 20 <= len(effect) <= 70
    assert not effect.endswith(".")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_file_names_a_schema_and_every_function_keeps_its_path(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\b(public|auth|extensions)\s*\.\s*[a-z\"]", text)
    functions = len(re.findall(r"create (?:or replace )?function", text))
    assert len(re.findall(r"^\s*set search_path from current$", text, re.MULTILINE)) == functions


def test_every_function_says_what_it_is_for(latest_database: Database) -> None:
    silent = latest_database.execute(
        """select p.proname from pg_proc as p
            where p.pronamespace = 'public'::regnamespace and obj_description(p.oid, 'pg_proc') is null
              and p.proname not in ('update_chat_on_message', 'validate_chat_state_transition', 'should_keep_assignment',
                                    'get_assignment_queue_status', 'detect_stuck_chats')"""
    )
    assert silent == []


def test_every_definer_keeps_a_path_that_ends_in_pg_temp(latest_database: Database) -> None:
    paths = latest_database.execute("select proname, proconfig from pg_proc where pronamespace = 'public'::regnamespace")
    assert {name for name, settings in paths if "search_path=public, pg_temp" not in (settings or ())} == set()


def test_a_second_run_of_every_transactional_file_changes_nothing(latest_database: Database) -> None:
    before = objects(latest_database)
    for path in FILES:
        text = path.read_text()
        if "concurrently" in text or "-- chatops:" in text or "025" in path.name:
            continue
        latest_database.script(path)
    assert objects(latest_database) == before


def objects(database: Database) -> Any:
    return database.execute(
        """select proname, md5(prosrc), pg_get_function_identity_arguments(oid), proconfig::text from pg_proc where pronamespace = 'public'::regnamespace
           union all select tgname, tgrelid::regclass::text, pg_get_triggerdef(oid), null from pg_trigger where not tgisinternal
           union all select conname, conrelid::regclass::text, pg_get_constraintdef(oid), null from pg_constraint
           order by 1, 2, 3"""
    )


# ---- the queue's clocks --------------------------------------------------------------------------------------------


def test_existing_chats_get_their_clocks_from_their_messages(core_database_everywhere: Database) -> None:
    desk = Desk(core_database_everywhere)
    ann, ben = desk.operator(), desk.operator()
    for _ in range(3):
        desk.answered_chat(ann)
    desk.says(desk.answered_chat(ann), "again")
    held = desk.takes(ben)
    desk.waiting_chat()
    desk.empty_chat()
    closed = desk.waiting_chat()
    desk.app.execute("update chats set chat_state = 'completed', is_active = false where id = %s", [closed])
    migrate(desk.database)
    assert desk.app.execute(QUEUE_CLOCK) == []
    assert desk.app.value("select waiting_since is not null from chats where id = %s", [held])
    assert desk.app.value("select waiting_since from chats where id = %s", [closed]) is None
    assert desk.app.value("select count(*) from chat_queue") == 1
    assert desk.app.execute("select * from chatops.settings where key not in ('safety', 'functions')") == []


def test_a_requeue_keeps_the_wait_and_a_reply_ends_it(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    began = desk.app.value("select waiting_since from chats where id = %s", [chat])
    desk.says(chat, "still there?")
    desk.app.write(writers.unassign(chat))
    assert desk.app.value("select waiting_since from chats where id = %s", [chat]) == began
    ben = desk.operator()
    assert desk.takes(ben) == chat
    assert (
        desk.app.value("select waiting_since from chat_assignments where chat_id = %s and released_at is null", [chat]) == began
    )
    desk.replies(chat, ben)
    assert desk.app.value("select waiting_since from chats where id = %s", [chat]) is None


def test_messages_of_a_chat_are_timed_in_the_order_in_which_they_had_its_row(desk: Desk) -> None:
    chat = desk.waiting_chat()
    first, second, watch = desk.session(), desk.session(), desk.session().connection
    second.execute("begin")
    second.execute("select now()")
    first.execute("begin")
    first.write(writers.user_message(chat, "first"))
    late = in_background(lambda: second.run(Step("insert_user_message", {"chat_id": chat, "content": "second"})))
    wait_until_blocked(watch, second.pid)
    first.execute("commit")
    late.result(timeout=60)
    second.execute("commit")
    said = desk.app.execute("select content from messages where chat_id = %s order by created_at", [chat])
    assert said == [("hello",), ("first",), ("second",)]


def test_restored_messages_keep_their_time_and_call_nobody(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.answered_chat(ann)
    desk.app.execute(
        "insert into messages (chat_id, sender_type, content, created_at) values (%s, 'real', 'old', now() - interval '3 days')",
        [chat],
    )
    desk.app.execute(
        "insert into messages (chat_id, sender_type, content, created_at, handled_by_operator_id)"
        " values (%s, 'fictional', 'old', now() - interval '2 days', %s)",
        [chat, desk.operator()],
    )
    ages = desk.app.execute(
        "select date_trunc('day', now() - created_at) from messages where content = 'old' order by created_at"
    )
    assert [age[0].days for age in ages] == [3, 2]
    assert desk.state(chat) == "waiting_real_user_reply"
    assert desk.app.value("select last_operator_id from chats where id = %s", [chat]) == ann


def test_guards_are_silent_where_a_replica_is_fed(desk: Desk) -> None:
    chat = desk.answered_chat(desk.operator())
    with desk.history() as past:
        past.execute(
            "insert into messages (chat_id, sender_type, content, created_at) values (%s, 'real', 'x', '2020-01-01')", [chat]
        )
        past.execute("update chats set message_count = 77 where id = %s", [chat])
    assert desk.app.value("select message_count from chats where id = %s", [chat]) == 77
    assert desk.state(chat) == "waiting_real_user_reply"


def test_deleted_messages_are_not_waited_for(desk: Desk) -> None:
    ann = desk.operator()
    chat, fresh = desk.answered_chat(ann), desk.waiting_chat()
    desk.says(chat)
    desk.app.execute("delete from messages where sender_type = 'real' and content = 'and?'")
    assert desk.state(chat) == "waiting_real_user_reply"
    desk.app.execute("delete from messages where chat_id = %s", [fresh])
    assert desk.app.execute(QUEUE_CLOCK) == []
    assert desk.app.execute(COUNTERS) == []
    assert [row for query in INVARIANTS.values() for row in desk.app.execute(query)] == []


# ---- guards --------------------------------------------------------------------------------------------------------


def test_a_user_who_writes_into_a_chat_that_the_limit_closed_is_heard(desk: Desk) -> None:
    desk.app.execute("update platform_config set value = '1' where key = 'max_reassignments'")
    ann, ben, cia = desk.operator(), desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    assert desk.app.value("select release_and_reassign_chat(%s)", [chat]) is True
    assert desk.takes(ben) == chat
    assert desk.app.value("select release_and_reassign_chat(%s)", [chat]) is False
    assert desk.state(chat) == "completed"
    desk.says(chat, "hello?")
    assert desk.takes(cia) == chat
    assert not desk.contradictions()


def test_a_chat_that_was_closed_by_hand_stays_closed_until_somebody_opens_it(desk: Desk) -> None:
    chat = desk.held_chat(desk.operator())
    desk.app.write(writers.force_close(chat))
    desk.says(chat, "hello?")
    assert desk.state(chat) == "completed"
    desk.app.execute("update chats set is_active = true where id = %s", [chat])
    assert desk.takes(desk.operator()) == chat


def test_a_move_to_an_operator_who_holds_another_chat_is_refused_with_a_sentence(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()
    chat, busy = desk.held_chat(ann), desk.held_chat(ben)
    move = desk.session().begin(writers.admin_reassign(chat, ben)).until("give_chat")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="is working on another chat"):
        move.step()
    move.session.run(Step("insert_open_assignment", {"chat_id": chat, "operator_id": ben}))
    assert (desk.holder(chat), desk.holder(busy)) == (ann, ben)
    assert (desk.open_assignments(chat), desk.open_assignments(busy)) == ([ann], [ben])


def test_an_admins_reassign_keeps_the_reason_that_the_application_wrote(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    desk.app.write(writers.admin_reassign(chat, ben, "ann is ill"))
    rows = desk.app.execute(
        "select operator_id, release_reason from chat_assignments where chat_id = %s order by assigned_at", [chat]
    )
    assert rows == [(ann, "manual_reassignment_by_admin:ann is ill"), (ben, None)]


def test_counters_are_counted_once_and_taken_from_nobody(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.answered_chat(ann)
    desk.app.execute("update chats set message_count = 99 where id = %s", [chat])
    desk.app.execute("update operators set total_messages = 99 where id = %s", [ann])
    assert desk.app.value("select message_count from chats where id = %s", [chat]) == 2
    assert desk.app.value("select total_messages from operators where id = %s", [ann]) == 1
    assert desk.app.execute(COUNTERS) == []


def test_a_clients_clock_is_not_believed(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    desk.app.write(writers.heartbeat(chat, ann, datetime(2131, 1, 1, tzinfo=UTC)))
    assert desk.app.value("select abs(extract(epoch from now() - last_activity)) < 5 from operator_activity")


def test_the_emergency_switch_works_on_open_connections_and_ends_by_itself(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    late = desk.session()
    reply = late.begin(writers.operator_reply(chat, ann, "late")).until("insert_reply")
    desk.app.write(writers.unassign(chat))
    assert desk.takes(ben) == chat
    assert refused(lambda: late.run(Step("insert_reply", {"chat_id": chat, "operator_id": ann, "content": "late"}))) == "55000"
    desk.app.execute(
        "insert into chatops.settings (target_schema, key, value, until) values ('public', 'guards', '\"off\"', now() + interval '1 hour')"
    )
    reply.rest()
    assert desk.state(chat) == "waiting_real_user_reply"
    assert not desk.contradictions()
    desk.app.execute("update chatops.settings set until = now() - interval '1 second'")
    assert refused(lambda: late.run(Step("insert_reply", {"chat_id": chat, "operator_id": ann, "content": "late"}))) == "55000"


def test_refusals_are_counted_by_reason_although_they_roll_back(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    other = desk.held_chat(ben)
    for _ in range(3):
        assert refused(lambda: desk.app.run(Step("insert_reply", {"chat_id": other, "operator_id": ann, "content": "x"})))
    assert refused(lambda: desk.app.write(writers.admin_reassign(chat, ben)))
    assert refusals(desk.database) == (3, 1)


def refusals(database: Database) -> tuple[int, int]:
    """Late replies, and moves to a busy operator."""
    return tuple(database.value(f"select last_value from {one}") for one in ("refusals_late_reply", "refusals_operator_busy"))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("stored", "read"),
    [("7", 7), ('"7"', 7), ('" 7.5 "', 7.5), ('"seven"', 3), ("null", 3), ("[7]", 3), ('{"n": 7}', 3), ("true", 3),
     ("-1", 3), ("1e300", 3), ('""', 3), ('"7; drop table chats"', 3), ("5000", 3), ("0", 3)],
)  # fmt: skip
def test_a_setting_is_read_however_it_was_stored_and_never_raises(desk: Desk, stored: str, read: float) -> None:
    desk.app.execute(
        "insert into platform_config (key, value) values ('max_reassignments', %s::jsonb)"
        " on conflict (key) do update set value = excluded.value",
        [stored],
    )
    assert float(desk.app.value("select policy_number('max_reassignments', 3, 1, 1000)")) == read
    chat = desk.held_chat(desk.operator())
    assert desk.app.value("select release_and_reassign_chat(%s)", [chat]) is True


def test_a_callers_temporary_table_is_not_taken_for_the_chats(desk: Desk) -> None:
    chat = desk.waiting_chat()
    ann = desk.operator()
    caller = desk.session()
    caller.execute("create temp table chats (like public.chats)")
    caller.execute("create temp table operators (like public.operators)")
    assert caller.value("select public.assign_chat_to_operator(%s)", [ann]) == chat


# ---- the functions -------------------------------------------------------------------------------------------------


def test_asking_again_returns_the_chat_that_is_held(desk: Desk) -> None:
    ann = desk.operator()
    desk.waiting_chat()
    desk.waiting_chat()
    assert desk.takes(ann) == desk.takes(ann) is not None


def test_an_empty_answer_is_explained(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()

    def answer(operator: Any) -> Any:
        return desk.app.execute("select answer, waiting, own from explain_empty_queue(%s)", [operator])[0]

    assert answer(ann) == ("empty", 0, 0)
    chat = desk.answered_chat(ann)
    desk.says(chat)
    assert desk.takes(ann) is None
    assert answer(ann) == ("only_your_own", 1, 1)
    own_from = desk.app.value("select own_from > now() from explain_empty_queue(%s)", [ann])
    assert own_from
    taking = desk.session()
    taking.execute("begin")
    taking.execute("select from chats for no key update")
    assert desk.takes(ben) is None
    assert answer(ben) == ("all_taken", 1, 0)
    taking.execute("rollback")
    assert desk.takes(ben) == chat


def test_a_reply_is_sent_once_however_often_it_is_asked_for(desk: Desk) -> None:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    seen = desk.app.value("select now()")
    desk.says(chat, "more")
    message = desk.app.value("select gen_random_uuid()")
    ask = "select message_id, created_at, newer_user_messages, repeated from operator_reply(%s, %s, 'answer', %s, %s)"
    first = desk.app.execute(ask, [chat, ann, message, seen])[0]
    again = desk.app.execute(ask, [chat, ann, message, seen])[0]
    assert (first[0], first[2], first[3]) == (message, 1, False)
    assert (again[0], again[1], again[3]) == (message, first[1], True)
    assert desk.app.value("select count(*) from messages where chat_id = %s and sender_type = 'fictional'", [chat]) == 1
    assert refused(lambda: desk.app.execute(ask, [desk.waiting_chat(), ann, message, seen])) == "23505"
    assert refused(lambda: desk.app.execute(ask, [chat, ann, desk.app.value("select gen_random_uuid()"), seen])) == "55000"
    assert desk.app.execute(COUNTERS) == []


def test_a_users_message_is_stored_once_however_often_it_is_asked_for(desk: Desk) -> None:
    chat = desk.answered_chat(desk.operator())
    message = desk.app.value("select gen_random_uuid()")
    ask = "select created_at, chat_state, repeated from user_message(%s, 'question', %s)"
    first, again = desk.app.execute(ask, [chat, message])[0], desk.app.execute(ask, [chat, message])[0]
    assert (first[1:], again[1:]) == (("waiting_assignment", False), ("waiting_assignment", True))
    assert first[0] == again[0]
    assert desk.app.value("select count(*) from messages where chat_id = %s", [chat]) == 3


def test_two_of_the_same_request_at_once_are_one_message(desk: Desk) -> None:
    chat = desk.answered_chat(desk.operator())
    message = desk.app.value("select gen_random_uuid()")
    first, second, watch = desk.session(), desk.session(), desk.session().connection
    first.execute("begin")
    first.execute("select * from user_message(%s, 'question', %s)", [chat, message])
    twin = in_background(lambda: second.execute("select repeated from user_message(%s, 'question', %s)", [chat, message]))
    wait_until_blocked(watch, second.pid)
    first.execute("commit")
    assert twin.result(timeout=60) == [(True,)]


def test_a_release_takes_the_chat_only_from_whom_it_was_meant(desk: Desk) -> None:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    assert desk.app.value("select release_chat(%s, %s)", [chat, ben]) == "not_held"
    assert desk.app.value("select release_chat(%s, %s)", [chat, ann]) == "released"
    assert desk.app.value("select release_chat(%s, %s)", [chat, ann]) == "not_held"


def test_a_chat_is_given_only_as_it_was_seen_and_only_to_who_is_free(desk: Desk) -> None:
    ann, ben, away = desk.operator(), desk.operator(), desk.operator()
    desk.app.execute("update operators set is_available = false where id = %s", [away])
    chat = desk.held_chat(ann)
    epoch = desk.app.value("select epoch from chats where id = %s", [chat])
    give = "select from_operator_id, to_operator_id, epoch from reassign_chat(%s, %s, %s, %s)"
    assert refused(lambda: desk.app.execute(give, [chat, ben, None, epoch - 1])) == "PT409"
    assert refused(lambda: desk.app.execute(give, [chat, ben, ben, epoch])) == "PT409"
    assert refused(lambda: desk.app.execute(give, [chat, away, ann, epoch])) == "55000"
    assert desk.app.execute(give, [chat, ben, ann, epoch]) == [(ann, ben, epoch + 1)]
    other = desk.held_chat(ann)
    assert refused(lambda: desk.app.execute(give, [other, ben, ann, None])) == "55000"
    assert desk.open_assignments(chat) == [ben]
    assert desk.app.value("select close_chat(%s)", [chat]) is True
    assert desk.app.value("select close_chat(%s)", [chat]) is False
    assert refused(lambda: desk.app.execute(give, [chat, ann, None, None])) == "55000"


def test_the_idle_are_released_in_one_statement_and_the_others_are_not(desk: Desk) -> None:
    ann, ben, cia = desk.operator(), desk.operator(), desk.operator()
    silent, there, inactive = desk.held_chat(ann), desk.held_chat(ben), desk.held_chat(cia)
    desk.was_silent(silent)
    desk.was_silent(there)
    assert desk.app.value("select operator_heartbeat(%s, %s)", [there, ben]) is True
    with desk.history() as past:
        past.execute("update operators set is_active = false where id = %s", [cia])
    released = desk.app.execute("select chat_id, operator_id, outcome from release_idle_chats()")
    assert sorted(released) == sorted([(silent, ann, "released"), (inactive, cia, "released")])
    assert desk.app.value("select operator_heartbeat(%s, %s)", [silent, ann]) is False
    assert desk.open_assignments(silent) == []
    assert desk.holder(there) == ben


def test_the_functions_alone_keep_the_invariants(latest_database: Database) -> None:
    for table, trigger in latest_database.execute(
        "select tgrelid::regclass::text, tgname from pg_trigger where tgname like 'chatops\\_%' and not tgisinternal"
    ):
        latest_database.execute(f"drop trigger {trigger} on {table}")
    outcome = hostile_load(latest_database, path=writers.FUNCTIONS, operators=8, users=3, chats=25).run(3)
    assert outcome.verdict == "held", summary(outcome)
    assert outcome.tally.done["replied"] > 20, summary(outcome)
    assert latest_database.execute(QUEUE_CLOCK) == []


# ---- who may do what -----------------------------------------------------------------------------------------------


def test_an_operator_under_row_security_does_everything_as_before(database_everywhere: Database) -> None:
    office = deployed(database_everywhere)
    desk = Desk(office)
    ann = desk.app.value(
        "insert into operators (name, email, is_active, is_available) values ('Ann', 'ann@example.test', true, true) returning id"
    )
    account = desk.app.value("insert into auth.users (email) values ('ann@example.test') returning id")
    desk.app.execute("update operators set auth_id = %s where id = %s", [account, ann])
    chat = desk.app.value("select id from chats where waiting_since is not null order by waiting_since, id limit 1")
    operator = desk.session()
    operator.execute(
        "select set_config('request.jwt.claims', %s, false)", [json.dumps({"sub": str(account), "role": "authenticated"})]
    )
    operator.execute("set role authenticated")
    assert operator.write(writers.assign(ann)) == chat
    operator.write(writers.heartbeat(chat, ann, datetime.now(UTC)))
    assert operator.write(writers.operator_reply(chat, ann, "hello from ann")) is True
    assert desk.state(chat) == "waiting_real_user_reply"
    assert (
        refused(lambda: operator.write(writers.assign(desk.app.value("select id from operators where name = 'Ben'")))) == "42501"
    )
    for call in (
        "release_and_reassign_chat(%s)",
        "release_chat(%s, null)",
        "close_chat(%s)",
        "let_go(%s, null, '', false, false)",
    ):
        assert refused(lambda call=call: operator.execute(f"select {call}", [chat])) == "42501"  # type: ignore[misc]
    assert not desk.contradictions()
    owners = desk.app.execute(
        "select distinct proowner::regrole::text from pg_proc where pronamespace = 'public'::regnamespace and prosecdef"
    )
    assert owners == [("application_owner",)]


def test_over_a_deployed_database_rows_are_mended_and_both_counting_triggers_count_once(database_everywhere: Database) -> None:
    office = deployed(database_everywhere)
    desk = Desk(office)
    assert not desk.contradictions()
    assert desk.app.execute(QUEUE_CLOCK) == []
    logged = desk.app.execute("select code, before, after from chatops.actions where action = 'repair'")
    assert {code for code, _, _ in logged} >= {"CHAT003", "CHAT006", "CONF001"}
    assert all(before is not None for _, before, _ in logged)
    chat = desk.app.value("select id from chats where chat_state = 'waiting_assignment' and waiting_since is not null limit 1")
    before = desk.app.value("select message_count from chats where id = %s", [chat])
    desk.says(chat)
    assert desk.app.value("select message_count from chats where id = %s", [chat]) == before + 1


def deployed(database: Database) -> Database:
    """The synthetic deployed system, taken over and migrated."""
    database.script(ROOT / "tests" / "deployed_schema.sql")
    migrate(database)
    return database


def command(database: Database, *arguments: str) -> None:
    """The command inside this process; it ends well."""
    with tempfile.TemporaryDirectory() as home:
        done = inside(clean_environment(Path(home), {"CHATOPS_DATABASE_URL": database.url}), Path(home), arguments)
    assert done.exit_code == 0, done.stdout + done.stderr


TAKE_OVER = (("adopt", "--through", "017", "--yes"), ("migrate", "--to", "latest", "--yes"))


def migrate(database: Database) -> None:
    """Takes a database over that stands at 017, and applies the rest."""
    for words in TAKE_OVER:
        command(database, *words)


def test_a_session_that_remembers_the_head_of_the_queue_sees_at_once_what_came_back_in_front_of_it(desk: Desk) -> None:
    first, second, _ = (desk.waiting_chat() for _ in range(3))
    one, two, three = (desk.operator() for _ in range(3))
    with desk.database.connect(autocommit=True) as session:

        def asks(operator: Any) -> Any:
            return session.execute("select assign_chat_to_operator(%s)", [operator]).fetchone()[0]  # type: ignore[index]

        assert [asks(one), asks(two)] == [first, second]
        assert session.execute("select current_setting('chatops.queue_head')").fetchone() != ("",)
        desk.app.execute("select release_chat(%s, %s)", [first, one])
        assert asks(three) == first


@pytest.mark.parametrize(
    "memory",
    [
        "",
        "nonsense",
        "99999999999.000000 99999999999.000000 0 {schema}",
        "1e9 0 0 {schema}",
        "\u00b2 \u00b2 \u00b2 x",
        "  0 {schema}",
        f"{'9' * 400} 0 0 {{schema}}",
        "{now} {later} 0 {schema}",
        "{later} {later} 0 {schema}",
    ],
)
def test_a_memory_of_the_queues_head_that_cannot_be_true_is_not_believed(desk: Desk, memory: str) -> None:
    chat = desk.waiting_chat()
    with desk.database.connect(autocommit=True) as session:
        now = desk.app.value("select (1000000 * extract(epoch from clock_timestamp()))::bigint")
        memory = memory.format(now=now, later=now + 10**12, schema=hashlib.md5(b"public").hexdigest())
        session.execute("select set_config('chatops.queue_head', %s, false)", [memory])
        assert session.execute("select assign_chat_to_operator(%s)", [desk.operator()]).fetchone() == (chat,)


# ---- into a database in use ----------------------------------------------------------------------------------------


def test_the_migrations_go_in_under_load_and_no_statement_fails_but_the_refusals(
    core_database: Database, chatops: Callable[..., Result]
) -> None:
    files = {
        table: core_database.value("select pg_relation_filenode(%s)", [table])
        for table in ("chats", "messages", "chat_assignments")
    }
    load = hostile_load(core_database, admin=WITHOUT_CLOSING, operators=8, users=3, chats=30)
    with load.running():
        wait_for(lambda: load.progress().replied > 20, "they work on the deployed system")
        for words in TAKE_OVER:  # in a process of its own: this one has the load
            chatops(*words, db=core_database, check=0)
        before = load.progress().replied
        wait_for(lambda: load.progress().replied > before + 20, "they work on the newest migration")
    outcome = load.outcome
    # So the deployed system always was: until 022 two tabs that look for their heartbeat and then insert it may both insert, and until
    # 021 an idle release and an assign of a chat that a stale write put back wait for each other (F4 of test_faults.py).
    theirs = {
        "23505": 'operator: duplicate key value violates unique constraint "operator_activity_chat_id_operator_id_key"',
        "40P01": "cron: deadlock detected",
    }
    assert outcome.unexpected.items() <= theirs.items(), summary(outcome)
    assert {table: core_database.value("select pg_relation_filenode(%s)", [table]) for table in files} == files
    state = {name: core_database.execute(query) for name, query in INVARIANTS.items() if name.split()[0] not in ("I9", "I10")}
    assert {name: rows for name, rows in state.items() if rows} == {}
    assert core_database.execute(QUEUE_CLOCK) == []


def test_a_writer_is_never_held_by_the_locks_of_more_than_one_attempt(core_database: Database) -> None:
    """The transactional files hold their table locks for one round trip; nothing they do waits while holding one."""
    for path in FILES:
        text = path.read_text().lower()
        tables = set(re.findall(r"^alter table (\w+)|^create or replace trigger \w+ [^;]*? on (\w+)", text, re.MULTILINE))
        if "validate constraint" in text:
            assert "add constraint" not in text
        if "add constraint" in text:
            assert text.count("not valid") == text.count("add constraint")
        assert not (re.search(r"^update |^delete ", text, re.MULTILINE) and "-- chatops: batched" not in text), path
        assert len(tables) <= 7


def test_two_tabs_that_are_heard_at_once_for_the_first_time_both_succeed(latest_database_everywhere: Database) -> None:
    desk = Desk(latest_database_everywhere)
    ann = desk.operator()
    chat = desk.held_chat(ann)
    desk.app.execute("delete from operator_activity where chat_id = %s", [chat])
    heard = "insert into operator_activity (chat_id, operator_id, last_activity) values (%s, %s, now())"
    first, second, watch = desk.session(), desk.session(), desk.session().connection
    first.execute("begin")
    first.execute(heard, [chat, ann])
    other = in_background(lambda: second.execute(heard, [chat, ann]))
    wait_for(lambda: other.done() or blocking_pids(watch, second.pid), "the second tab ends or waits")
    first.execute("commit")
    other.result(timeout=60)
    assert desk.app.value("select count(*) from operator_activity where chat_id = %s", [chat]) == 1
