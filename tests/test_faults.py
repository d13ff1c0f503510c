"""The eighteen known faults of the deployed system: each is shown on the original, and is gone on ours.

A scenario orders two or three sessions so that the fault must show, and returns what went wrong: nothing, or the damage.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from chatops.chats import writers
from chatops.chats.writers import Step
from tests.desk import Desk
from tests.locks import blocking_pids, wait_for, wait_until_blocked
from tests.original_writers import in_background, refused
from tests.servers import Database

Scenario = Callable[[Desk], object]


def f01_a_double_click_gives_one_operator_two_chats(desk: Desk) -> object:
    ann = desk.operator()
    desk.waiting_chat()
    desk.waiting_chat()
    first, second, watch = desk.session(), desk.session(), desk.session().connection
    first.execute("begin")
    first.write(writers.assign(ann))
    click = in_background(lambda: second.write(writers.assign(ann)))
    wait_for(lambda: click.done() or blocking_pids(watch, second.pid), "the second click ends or waits")
    first.execute("commit")
    click.result(timeout=60)
    held = desk.app.value("select count(*) from chats where assigned_operator_id = %s", [ann])
    return held > 1 and f"{held} chats"


def f02_a_locked_queue_hands_an_operator_the_chat_they_just_answered(desk: Desk) -> object:
    ann = desk.operator()
    desk.operator("another, on shift")
    just_answered = desk.answered_chat(ann)
    other = desk.waiting_chat()
    desk.says(just_answered)
    writing = desk.session()
    writing.execute("begin")
    writing.execute("select from chats where id = %s for no key update", [other])
    got = desk.takes(ann)
    writing.execute("rollback")
    return got == just_answered and "their own chat"


def f03_a_release_that_waits_behind_a_reply_requeues_an_answered_chat(desk: Desk) -> object:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    desk.was_silent(chat)
    replying, cron, watch = desk.session(), desk.session(), desk.session().connection
    reply = replying.begin(writers.operator_reply(chat, ann, "sorry, I was away")).until("insert_reply")
    replying.execute("begin")
    reply.rest()
    release = in_background(lambda: cron.run(Step("release_idle", {"chat_id": chat})))
    wait_until_blocked(watch, cron.pid)
    replying.execute("commit")
    release.result(timeout=60)
    return desk.state(chat) == "waiting_assignment" and "an answered chat is in the queue"


def f03_a_release_decided_on_too_early_takes_the_chat_from_the_next_operator(desk: Desk) -> object:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    desk.was_silent(chat)
    cron = desk.session().begin(writers.idle_cron(lambda: datetime.now(UTC))).until("release_idle")
    desk.replies(chat, ann)
    desk.says(chat)
    assert desk.takes(ben) == chat
    cron.rest()
    return desk.holder(chat) != ben and "the next operator lost it"


def f04_a_stale_message_write_gives_an_assigned_chat_to_a_second_operator(desk: Desk) -> object:
    ann, ben, cia = desk.operator(), desk.operator(), desk.operator()
    chat = desk.answered_chat(ann)
    slow = desk.session()
    message = slow.begin(writers.user_message(chat, "one"))
    message.step()
    message.step()  # it has read the state, and will write by it
    desk.says(chat, "two")
    assert desk.takes(ben) == chat
    slow.run(Step("requeue_chat", {"chat_id": chat}))
    second = desk.takes(cia)
    return (
        (second == chat and "a second operator has it")
        or (desk.holder(chat) != ben and "its operator lost it")
        or desk.contradictions()
    )


def f04_then_an_idle_release_and_an_assign_of_that_chat_wait_for_each_other(desk: Desk) -> object:
    """The deployed release takes turn, heartbeat, chat; the deployed assign takes chat, turn, heartbeat."""
    ann = desk.operator()
    chat = desk.held_chat(ann)
    desk.was_silent(chat)
    desk.app.run(Step("requeue_chat", {"chat_id": chat}))  # stale: in the queue, its operator still set
    assigning, cron, watch = desk.session(), desk.session(), desk.session().connection
    assigning.execute("begin")
    assigning.execute("select from chats where id = %s for update skip locked", [chat])  # as far as the assign has come
    release = in_background(lambda: refused(lambda: cron.run(Step("release_idle", {"chat_id": chat}))))
    wait_until_blocked(watch, cron.pid)
    assign = refused(lambda: assigning.write(writers.assign(ann)))
    assigning.execute("rollback" if assign else "commit")
    return "40P01" in (assign, release.result(timeout=60)) and "a deadlock"


def f05_a_message_during_a_reply_is_lost(desk: Desk) -> object:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    reply = desk.session().begin(writers.operator_reply(chat, ann, "hi")).until("end_chat_turn")
    desk.says(chat, "one more thing")
    reply.rest()
    lost = desk.state(chat) == "waiting_real_user_reply" and desk.newest_sender(chat) == "real"
    return (lost and "nobody is called") or (desk.takes(ben) != chat and "nobody gets it")


def f06_a_late_reply_takes_the_chat_from_its_new_holder(desk: Desk) -> object:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    reply = desk.session().begin(writers.operator_reply(chat, ann, "late")).until("insert_reply")
    desk.app.write(writers.unassign(chat))
    assert desk.takes(ben) == chat
    code = refused(reply.rest)
    assert code in (None, "55000"), code
    return desk.holder(chat) != ben and "the new holder lost it"


def f07_an_admins_reassign_leaves_two_open_assignments_and_no_heartbeat(desk: Desk) -> object:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    desk.app.write(writers.admin_reassign(chat, ben, "ann is ill"))
    heard = desk.app.execute("select operator_id from operator_activity where chat_id = %s", [chat])
    assert desk.holder(chat) == ben
    return (desk.open_assignments(chat) != [ben] and "open assignments") or (heard != [(ben,)] and "heartbeats")


def f08_three_replies_and_one_idle_timeout_close_a_chat_for_good(desk: Desk) -> object:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.empty_chat()
    for operator in (ann, ben, ann):
        desk.says(chat)
        assert desk.takes(operator) == chat
        assert desk.replies(chat, operator)
    desk.says(chat)
    assert desk.takes(ben) == chat
    desk.was_silent(chat)
    desk.app.write(writers.idle_cron(lambda: datetime.now(UTC)))
    return desk.state(chat) == "completed" and "closed"


def f09_a_limit_saved_as_text_stops_every_release(desk: Desk) -> object:
    desk.app.execute("""insert into platform_config (key, value) values ('max_reassignments', '"3"'), ('idle_timeout_minutes', '"5"')
        on conflict (key) do update set value = excluded.value""")
    chat = desk.held_chat(desk.operator())
    desk.was_silent(chat)
    return refused(lambda: desk.app.write(writers.idle_cron(lambda: datetime.now(UTC)))) or (
        desk.state(chat) == "assigned" and "not released"
    )


def f10_contradictory_states_are_accepted(desk: Desk) -> object:
    ann = desk.operator()
    waiting, nothing = desk.waiting_chat(), desk.waiting_chat()
    for statement, values in (
        ("update chats set assigned_operator_id = %s where id = %s", [ann, waiting]),
        ("update chats set chat_state = null where id = %s", [nothing]),
    ):
        refused(lambda statement=statement, values=values: desk.app.execute(statement, values))  # type: ignore[misc]
    return desk.contradictions()


def f11_a_chat_that_is_held_cannot_be_closed_nor_its_operator_deleted(desk: Desk) -> object:
    ann, ben, cia = desk.operator(), desk.operator(), desk.operator()
    closed, blocked, orphaned = desk.held_chat(ann), desk.held_chat(ben), desk.held_chat(cia)
    user = desk.app.value("select real_user_id from chats where id = %s", [blocked])
    codes = [
        refused(lambda: desk.app.write(writers.force_close(closed))),
        refused(lambda: desk.app.write(writers.block_user(user))),
        refused(lambda: desk.app.write(writers.delete_operator(cia))),
    ]
    if any(codes):
        return codes
    assert [desk.state(chat) for chat in (closed, blocked, orphaned)] == ["completed", "completed", "waiting_assignment"]
    return desk.contradictions() or [chat for chat in (closed, blocked, orphaned) if desk.open_assignments(chat)]


def f12_the_oldest_chat_comes_first_however_long_others_wait(desk: Desk) -> object:
    ann = desk.operator()
    old, young = desk.empty_chat(), desk.empty_chat()
    with desk.history() as past:
        past.execute("update chats set created_at = now() - interval '1 year' where id = %s", [old])
    desk.says(young)
    desk.says(old)
    return desk.takes(ann) != young and "who wrote first waits longer"


def f13_stuck_means_any_chat_that_was_not_written_to(desk: Desk) -> object:
    answered, waiting = desk.answered_chat(desk.operator()), desk.waiting_chat()
    columns = {row[0] for row in desk.app.execute("select attname from pg_attribute where attrelid = 'chats'::regclass")}
    with desk.history() as past:
        past.execute("update messages set created_at = created_at - interval '2 days'")
        past.execute(
            "update chats set updated_at = now() - interval '2 days', operator_replied_at = now() - interval '2 days'"
            " where id = %s",
            [answered],
        )
        if "waiting_since" in columns:
            past.execute("update chats set waiting_since = waiting_since - interval '2 days' where id = %s", [waiting])
    desk.app.execute("update chats set updated_at = now() where id = %s", [waiting])
    stuck = [row[0] for row in desk.app.execute("select chat_id from detect_stuck_chats(24)")]
    return stuck != [waiting] and stuck


def f14_a_deactivated_operator_keeps_the_chat(desk: Desk) -> object:
    ann = desk.operator()
    chat = desk.held_chat(ann)
    desk.app.write(writers.deactivate_operator(ann))
    desk.app.write(writers.heartbeat(chat, ann, datetime.now(UTC)))
    desk.app.write(writers.idle_cron(lambda: datetime.now(UTC)))
    return desk.holder(chat) == ann and "still held"


def f15_a_chat_without_any_message_is_handed_out(desk: Desk) -> object:
    desk.empty_chat()
    return desk.takes(desk.operator())


def f16_anybody_may_assign_for_any_operator(desk: Desk) -> object:
    ann, ben = desk.operator(), desk.operator()
    desk.waiting_chat()
    stranger = f"stranger_{desk.database.name}"
    desk.app.execute(f"create role {stranger}")
    try:
        somebody = desk.session()
        somebody.execute(f"set role {stranger}")
        code = refused(lambda: somebody.write(writers.assign(ann)))
        if code is None:
            return "any role assigns"
        assert code == "42501"
        as_ben = desk.session()
        as_ben.execute("select set_config('request.jwt.claims', %s, false)", [json.dumps({"sub": str(ben)})])
        assert refused(lambda: as_ben.write(writers.assign(ann))) == "42501"
        assert as_ben.write(writers.assign(ben)) is not None
        return None
    finally:
        desk.app.execute(f"drop role {stranger}")


def f17_assign_reads_all_of_an_operators_own_chats_at_the_head(desk: Desk) -> object:
    ann, ben = desk.operator(), desk.operator()
    queued(desk, 20, ben)
    none = pages_read(desk, ann)
    queued(desk, 10000, ann, waited=timedelta(hours=2))
    own = pages_read(desk, ann)
    return own > 2 * none and f"{own} pages, without own chats {none}"


def f18_the_last_operator_gets_the_chat_at_once_or_never(desk: Desk) -> object:
    ann, ben = desk.operator(), desk.operator()
    chat = desk.answered_chat(ann)
    desk.says(chat)
    if desk.takes(ann) is not None:
        return "at once, although somebody else is on shift"
    desk.app.execute("""insert into platform_config (key, value) values ('own_chat_after_seconds', '60')
        on conflict (key) do update set value = excluded.value""")
    with desk.history() as past:
        past.execute(
            "update chats set waiting_since = waiting_since - interval '30 seconds',"
            " state_since = state_since - interval '30 seconds' where id = %s",
            [chat],
        )
    assert desk.takes(ann) is None
    with desk.history() as past:
        past.execute(
            "update chats set waiting_since = waiting_since - interval '31 seconds',"
            " state_since = state_since - interval '31 seconds' where id = %s",
            [chat],
        )
    assert desk.takes(ann) == chat, "an exclusion needs an end"
    desk.replies(chat, ann)
    desk.says(chat)
    desk.app.execute("update operators set is_available = false where id = %s", [ben])
    assert desk.takes(ann) == chat, "the only one on shift gets it at once"
    return None


SCENARIOS: list[Scenario] = [value for name, value in sorted(globals().items()) if name[0] == "f" and name[1:3].isdigit()]


def names_of(scenarios: list[Scenario]) -> list[str]:
    return [scenario.__name__ for scenario in scenarios]


@pytest.mark.sampled(10)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=names_of(SCENARIOS))
def test_the_deployed_system_has_the_fault(scenario: Scenario, core_database_everywhere: Database) -> None:
    assert scenario(Desk(core_database_everywhere))


@pytest.mark.sampled(10)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=names_of(SCENARIOS))
def test_after_the_migrations_the_fault_is_gone(scenario: Scenario, latest_database_everywhere: Database) -> None:
    desk = Desk(latest_database_everywhere)
    damage = scenario(desk)
    assert not damage
    assert not desk.contradictions()


def test_every_known_fault_has_a_scenario() -> None:
    assert {name[1:3] for name in names_of(SCENARIOS)} == {f"{number:02}" for number in range(1, 19)}


def queued(desk: Desk, chats: int, last: Any, *, waited: timedelta = timedelta(hours=1)) -> None:
    """Waiting chats, each behind the ones before, all last handled by one operator."""
    has_clocks = desk.app.value(
        "select count(*) from pg_attribute where attrelid = 'chats'::regclass and attname = 'waiting_since'"
    )
    clock = ", waiting_since, state_since" if has_clocks else ""
    clock_value = ", began, began" if has_clocks else ""
    with desk.history() as past:
        past.execute("insert into fictional_users (name) values ('profile')")
        past.execute(
            f"""with people as (
                  insert into real_users (name) select 'user-' || n from generate_series(1, %s) as n returning id
                ), numbered as (
                  select id, now() - %s + row_number() over () * interval '1 millisecond'
                             + (select count(*) from chats) * interval '1 millisecond' as began from people
                ), made as (
                  insert into chats (real_user_id, fictional_user_id, chat_state, last_operator_id, created_at{clock})
                  select n.id, (select id from fictional_users limit 1), 'waiting_assignment', %s, n.began{clock_value}
                    from numbered as n returning id, created_at
                )
                insert into messages (chat_id, sender_type, content, created_at) select id, 'real', 'hello', created_at from made""",
            [chats, waited, last],
        )
    desk.app.execute("analyze chats")


def pages_read(desk: Desk, operator: Any) -> int:
    """How many pages an assign touches, on a connection that has assigned before."""
    session = desk.session()
    session.execute("begin")
    session.write(writers.assign(operator))
    session.execute("rollback")
    session.execute("begin")
    plan = session.value("explain (analyze, buffers, format json) select assign_chat_to_operator(%s)", [operator])
    session.execute("rollback")
    root = plan[0]["Plan"]
    return int(root["Shared Hit Blocks"] + root["Shared Read Blocks"])


def test_a_late_reply_is_refused_in_words_for_the_operator(latest_database: Database) -> None:
    desk = Desk(latest_database)
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    desk.app.write(writers.unassign(chat))
    assert desk.takes(ben) == chat
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="no longer holds chat"):
        desk.app.run(Step("insert_reply", {"chat_id": chat, "operator_id": ann, "content": "late"}))
    assert desk.newest_sender(chat) == "real"
