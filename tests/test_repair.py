"""`chatops repair`: what a finding names is mended, each changed row is logged, and nobody is waited for."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from chatops.chats import planting
from chatops.checks import repair_batches
from chatops.repairs import texts
from tests.ailing import (
    deployed,
    healthy,
    healthy_everywhere,
    implies,
    look,
    mended,
    plant,
    result,
    several_at_a_time,
    wrong,
)
from tests.conftest import LONG, Result
from tests.locks import wait_until_blocked
from tests.servers import Database
from tests.shift import add_chats, add_operators, chat_id, operator_id

__all__ = ["deployed", "healthy", "healthy_everywhere", "mended"]

Run = Callable[..., Result]
BACK_INTO_THE_QUEUE = {"CHAT006", "CHAT012", "OPER001"}
WAITED_LONG = {"QUEUE002", "QUEUE004", "QUEUE010", "CHAT015"}
"""What is true of a user who was overlooked for half an hour, once their chat is in the queue again."""
MENDABLE = [code for code in repair_batches.shipped() if code in planting.codes()]


def chat(database: Database, number: int) -> dict[str, Any]:
    return dict(database.value("select to_jsonb(c) from chats c where id = %s", (chat_id(number),)))


def assignments(database: Database, number: int) -> list[tuple[Any, ...]]:
    return database.execute(
        "select operator_id, released_at is null, release_reason from chat_assignments where chat_id = %s order by assigned_at, id",
        (chat_id(number),),
    )


@pytest.fixture
def shift(core_database: Database) -> Database:
    """op-1 to op-3 hold chats 1 to 3, op-4 and op-5 are free, chat 11 waits, chat 21 was answered, 31 is empty."""
    add_operators(core_database, 5)
    add_chats(core_database, 3, state="assigned", held_by=1)
    add_chats(core_database, 1, first=11)
    add_chats(core_database, 1, first=21, state="waiting_real_user_reply")
    add_chats(core_database, 1, first=31, state="empty")
    core_database.execute("alter table chats drop constraint chk_assigned_state_has_operator")
    core_database.execute("update chats set assignment_time = now() - interval '1 minute' where chat_state = 'assigned'")
    core_database.execute("update chat_assignments set assigned_at = now() - interval '1 minute' where released_at is null")
    return core_database


# ---- everything that can be planted ------------------------------------------------------------------------------------


GROUPS = several_at_a_time(MENDABLE, 1 if LONG else 6, implies)


@pytest.fixture(scope="module")
def known_of() -> dict[str, set[str]]:
    """What a healthy system is found with by itself, by its schema: asked by the first who needs it."""
    return {}


@pytest.mark.long
@pytest.mark.parametrize("codes", GROUPS, ids=lambda codes: codes[0])
def test_a_repair_clears_its_finding_and_logs_each_row_before_and_after(
    healthy: Database, codes: list[str], chatops_inprocess: Run, known_of: dict[str, set[str]], request: pytest.FixtureRequest
) -> None:
    """Several in one system, one after the other; in the long form each in its own."""
    schema = request.node.callspec.params["healthy"]
    if schema not in known_of:
        known_of[schema] = set(wrong(look(healthy)))
    known = known_of[schema]
    for code in codes:
        plant(healthy, code)
    assert {one.check.code for one in look(healthy, *codes).results if one.count > 0} == set(codes)
    for code in codes:
        chatops_inprocess("repair", code, "--reason", "a test", db=healthy, check=0)
    # A constraint that had to go for the plant stays gone.
    left = set(wrong(look(healthy))).difference(known, {"DB003", "QUEUE004"}, *map(planting.implied, codes))
    assert left <= (WAITED_LONG if BACK_INTO_THE_QUEUE.intersection(codes) else set())
    asked = "select action, code, before, after, reason, outcome from chatops.actions where command = %s and action <> 'note' order by id"
    for code in codes:
        logged = healthy.execute(asked, (f"repair {code}",))
        assert logged
        for action, logged_code, before, after, reason, outcome in logged:
            assert (action, logged_code, reason, outcome) == ("repair", code, "a test", "done")
            assert before != after
    assert healthy.execute(
        "select command, count(distinct plan_id) from chatops.actions where action <> 'note' group by 1 order by 1"
    ) == sorted((f"repair {code}", 1) for code in codes)


def test_all_troubles_at_once_are_mended_in_one_run(healthy_everywhere: Database, chatops_inprocess: Run) -> None:
    for code in MENDABLE:
        plant(healthy_everywhere, code)
    answer = json.loads(chatops_inprocess("repair", "-o", "json", db=healthy_everywhere, check=0).stdout)
    assert set(answer["mended"]) == set(MENDABLE)
    assert set(answer["left"].values()) == {0}
    assert not set(wrong(look(healthy_everywhere))) & set(MENDABLE)
    assert "nothing to mend" in chatops_inprocess("repair", db=healthy_everywhere, check=0).stdout


def test_a_value_that_is_set_right_stands_beside_what_it_was_before_and_after(deployed: Database, chatops_inprocess: Run) -> None:
    """A span of time is not meant, and what is done is not said to change."""
    plant(deployed, "CONF001")
    for words, title in (("--dry-run", "what changes"), ("--yes", "changed")):
        shown = chatops_inprocess("repair", "CONF001", words, db=deployed, terminal=(120, 40), check=0).stdout
        assert 'setting max_reassignments: value "3" → 3' in shown
        assert re.search(rf"^code +(chat +)?{title}\b", shown, re.M), shown


def test_a_dry_run_shows_the_rows_and_changes_nothing(deployed: Database, chatops_inprocess: Run) -> None:
    for code in MENDABLE:
        plant(deployed, code)
    before = everything(deployed)
    shown = chatops_inprocess("repair", "--dry-run", db=deployed, check=0)
    assert everything(deployed) == before
    assert deployed.value("select count(*) from chatops.actions where action <> 'note'") == 0
    for code in MENDABLE:
        assert code in shown.stdout
    assert "nothing was changed; do it: chatops repair" in shown.stdout
    assert re.search(r"chat \w{8} with \w\. goes back to the queue", shown.stdout)
    assert "before → after" not in shown.stdout
    told = re.findall(r"^(?:CHAT|OPER|DATA|QUEUE|CONF)\d{3} .*(?:chat|setting|\w\. \w{8})", shown.stdout, re.MULTILINE)
    assert {line[:7].strip() for line in told} >= {code[:7] for code in MENDABLE if len(code) == 7}
    named = chatops_inprocess("repair", "--dry-run", "--show-names", db=deployed, check=0).stdout
    who = {row[0] for row in deployed.execute("select name from real_users where name is not null")}
    assert any(f"chat with {name} " in named for name in who)
    by_column = chatops_inprocess("repair", "--dry-run", "--columns", db=deployed, check=0).stdout
    assert "chat_state: waiting_real_user_reply → waiting_assignment" in by_column


def test_what_a_preview_or_an_outcome_leaves_out_is_counted_and_named(shift: Database, chatops_inprocess: Run) -> None:
    """Of one operator with many chats, where a fault changes several rows."""
    add_operators(shift, 30, first=101)
    add_chats(shift, 30, first=101, state="assigned", held_by=101)
    shift.execute("update chats set assigned_operator_id = %s where id >= %s", (operator_id(101), chat_id(101)))
    shift.execute("update chat_assignments set operator_id = %s where chat_id >= %s", (operator_id(101), chat_id(101)))
    shown = chatops_inprocess("repair", "CHAT001", "--dry-run", db=shift, check=0).stdout
    lines = re.findall(r"^CHAT001 +[0-9a-f]{8}.*goes back to the queue; .*assignment is closed", shown, re.MULTILINE)
    assert len(lines) == repair_batches.PREVIEW
    assert "all: chatops repair CHAT001 --dry-run --all" in shown
    every = chatops_inprocess("repair", "CHAT001", "--dry-run", "--all", db=shift, check=0).stdout
    assert len(re.findall(r"^CHAT001 +[0-9a-f]{8}", every, re.MULTILINE)) == 29
    assert "--all" not in every
    told = json.loads(chatops_inprocess("repair", "CHAT001", "--dry-run", "-o", "json", db=shift, check=0).stdout)
    assert len(told["changes"]) > repair_batches.PREVIEW  # a row for each row
    done = chatops_inprocess("repair", "CHAT001", "--yes", db=shift, check=0).stdout
    assert re.search(r"all: chatops log --plan [0-9a-f-]{36} -o csv", done)


def everything(database: Database) -> Any:
    return database.value(
        """select jsonb_build_array((select jsonb_agg(to_jsonb(c) order by id) from chats c),
             (select jsonb_agg(to_jsonb(a) order by id) from chat_assignments a),
             (select jsonb_agg(to_jsonb(v) order by chat_id, operator_id) from operator_activity v),
             (select jsonb_agg(to_jsonb(o) order by id) from operators o), (select jsonb_agg(p order by key) from platform_config p))"""
    )


def test_more_rows_than_a_batch_are_mended_in_batches(
    deployed: Database, chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair_batches, "BATCH", 50)
    deployed.execute("update chats set last_operator_id = null where chat_state = 'waiting_real_user_reply' and is_active")
    count = result(look(deployed, "CHAT014"), "CHAT014").count
    assert count > 2 * repair_batches.BATCH
    answer = json.loads(chatops_inprocess("repair", "CHAT014", "-o", "json", db=deployed, check=0).stdout)
    assert answer["mended"] == {"CHAT014": count}
    assert len(answer["changes"]) == repair_batches.PREVIEW
    assert deployed.value("select count(*) from chatops.actions") == count
    # A batch that took long on a busy machine is followed by smaller ones: none is larger.
    batches = [rows for (rows,) in deployed.execute("select count(*) from chatops.actions group by transaction_id")]
    assert max(batches) == repair_batches.BATCH
    assert len(batches) >= -(-count // repair_batches.BATCH)


# ---- the right judgement -----------------------------------------------------------------------------------------------


def test_a_chat_put_back_under_an_operator_at_work_is_theirs_again(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update chats set chat_state = 'waiting_assignment' where id = %s", (chat_id(1),))
    chatops_inprocess("repair", "CHAT003", db=shift, check=0)
    assert (chat(shift, 1)["chat_state"], chat(shift, 1)["assigned_operator_id"]) == ("assigned", str(operator_id(1)))
    assert assignments(shift, 1) == [(operator_id(1), True, None)]


def test_without_an_open_assignment_nobody_is_at_work(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update chats set chat_state = null where id = %s", (chat_id(2),))
    shift.execute("delete from chat_assignments where chat_id = %s", (chat_id(2),))
    chatops_inprocess("repair", "CHAT003", db=shift, check=0)
    assert (chat(shift, 2)["chat_state"], chat(shift, 2)["assigned_operator_id"]) == ("waiting_assignment", None)
    assert shift.execute("select 1 from operator_activity where chat_id = %s", (chat_id(2),)) == []


@pytest.mark.parametrize(
    ("number", "damage", "state"),
    [
        (11, "chat_state = null", "waiting_assignment"),
        (21, "chat_state = null, operator_replied_at = null", "waiting_real_user_reply"),
        (31, "chat_state = null", "waiting_assignment"),
        (11, "chat_state = null, is_active = false", "completed"),
        (11, "chat_state = 'assigned'", "waiting_assignment"),
        (21, "chat_state = 'assigned'", "waiting_real_user_reply"),
    ],
)
def test_a_state_follows_what_the_messages_say(
    shift: Database, chatops_inprocess: Run, number: int, damage: str, state: str
) -> None:
    replied = shift.value(
        "select max(created_at) from messages where chat_id = %s and sender_type = 'fictional'", (chat_id(number),)
    )
    shift.execute(f"update chats set {damage} where id = %s", (chat_id(number),))
    chatops_inprocess("repair", "CHAT003", db=shift, check=0)
    assert chat(shift, number)["chat_state"] == state
    assert wrong(look(shift, "CHAT003", "CHAT011")) == {}
    if state == "waiting_real_user_reply":
        assert shift.value("select operator_replied_at from chats where id = %s", (chat_id(number),)) == replied


def test_a_chat_that_is_called_again_was_answered_when_its_replies_say(shift: Database, chatops_inprocess: Run) -> None:
    """11 holds no reply, 21 one: a time of an answer that nobody gave goes, whatever set it."""
    replied = shift.value("select max(created_at) from messages where chat_id = %s and sender_type = 'fictional'", (chat_id(21),))
    shift.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'And?')", (chat_id(21),))
    shift.execute(
        "update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = created_at - interval '1 day'"
        " where id in (%s, %s)",
        (chat_id(11), chat_id(21)),
    )
    chatops_inprocess("repair", "CHAT006", db=shift, check=0)
    for number, at in ((11, None), (21, replied)):
        assert chat(shift, number)["chat_state"] == "waiting_assignment", number
        assert shift.value("select operator_replied_at from chats where id = %s", (chat_id(number),)) == at, number


def test_an_operator_with_two_chats_keeps_the_one_they_are_active_on(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update chats set assigned_operator_id = %s where id = %s", (operator_id(1), chat_id(2)))
    shift.execute("update chat_assignments set operator_id = %s where chat_id = %s", (operator_id(1), chat_id(2)))
    shift.execute("delete from operator_activity")
    shift.execute(
        "insert into operator_activity (chat_id, operator_id, last_activity) values (%s, %s, now() - interval '1 minute'), (%s, %s, now())",
        (chat_id(1), operator_id(1), chat_id(2), operator_id(1)),
    )
    chatops_inprocess("repair", "CHAT001", db=shift, check=0)
    assert chat(shift, 2)["assigned_operator_id"] == str(operator_id(1))
    assert (chat(shift, 1)["chat_state"], chat(shift, 1)["assigned_operator_id"]) == ("waiting_assignment", None)
    assert assignments(shift, 1) == [(operator_id(1), False, "manual_release:repair")]
    assert shift.execute("select chat_id from operator_activity") == [(chat_id(2),)]


def test_of_several_open_assignments_the_holders_stays_and_none_overlap(shift: Database, chatops_inprocess: Run) -> None:
    for operator, minutes in ((4, 40), (5, 20), (1, 10)):
        shift.execute(
            "insert into chat_assignments (chat_id, operator_id, assigned_at) values (%s, %s, now() - %s * interval '1 minute')",
            (chat_id(1), operator_id(operator), minutes),
        )
    chatops_inprocess("repair", "CHAT002", db=shift, check=0)
    rows = shift.execute(
        """select operator_id, released_at is null, lead(assigned_at) over w = released_at from chat_assignments
            where chat_id = %s window w as (order by assigned_at)""",
        (chat_id(1),),
    )
    assert rows == [(operator_id(4), False, True), (operator_id(5), False, True), (operator_id(1), False, True),
                    (operator_id(1), True, None)]  # fmt: skip
    assert not set(wrong(look(shift))) & {"CHAT002", "CHAT004", "CHAT010"}


def test_an_assignment_that_was_answered_ends_with_its_answer(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute(
        "insert into chat_assignments (chat_id, operator_id, assigned_at) select chat_id, handled_by_operator_id, created_at - interval '3 minutes' "
        "from messages where chat_id = %s and sender_type = 'fictional'",
        (chat_id(21),),
    )
    shift.execute("delete from chat_assignments where chat_id = %s and released_at is not null", (chat_id(21),))
    chatops_inprocess("repair", "CHAT004", db=shift, check=0)
    ended = shift.execute("select released_at, release_reason from chat_assignments where chat_id = %s", (chat_id(21),))
    written = shift.value("select max(created_at) from messages where chat_id = %s and sender_type = 'fictional'", (chat_id(21),))
    assert ended == [(written, "operator_sent_message")]


def test_a_number_kept_as_text_stays_what_it_says_and_rubbish_becomes_the_default(
    shift: Database, chatops_inprocess: Run
) -> None:
    shift.execute("""update platform_config set value = '"7"' where key = 'max_reassignments'""")
    shift.execute("""update platform_config set value = '"soon"' where key = 'idle_timeout_minutes'""")
    chatops_inprocess("repair", "CONF001", db=shift, check=0)
    assert dict(shift.execute("select key, value from platform_config")) == {"max_reassignments": 7, "idle_timeout_minutes": 5}


def test_a_chat_left_by_its_operator_goes_where_its_messages_say(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update operators set is_active = false where id in (%s, %s)", (operator_id(1), operator_id(2)))
    shift.execute(
        "insert into messages (chat_id, sender_type, handled_by_operator_id, content) values (%s, 'fictional', %s, 'x')",
        (chat_id(2), operator_id(2)),
    )
    chatops_inprocess("repair", "OPER001", db=shift, check=0)
    assert chat(shift, 1)["chat_state"] == "waiting_assignment"
    assert chat(shift, 2)["chat_state"] == "waiting_real_user_reply"
    assert assignments(shift, 1)[-1][1:] == (False, "manual_release:repair")
    assert assignments(shift, 2)[-1][1:] == (False, "operator_sent_message")
    assert chat(shift, 3)["chat_state"] == "assigned"


# ---- beside people at work -----------------------------------------------------------------------------------------------


def test_a_chat_that_somebody_has_locked_is_left_for_the_next_run(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update chats set chat_state = null where id in (%s, %s)", (chat_id(11), chat_id(31)))
    busy = shift.connect()
    busy.execute("begin")
    busy.execute("select from chats where id = %s for update", (chat_id(11),))
    first = chatops_inprocess("repair", "CHAT003", db=shift, check=1)
    assert "1 left, busy with somebody else" in first.stdout
    assert f"busy: a row of chats is locked by pid {busy.info.backend_pid}" in first.stdout
    assert f"select pg_terminate_backend({busy.info.backend_pid});" in first.stdout
    assert chat(shift, 31)["chat_state"] == "waiting_assignment"
    busy.execute("rollback")
    chatops_inprocess("repair", "CHAT003", db=shift, check=0)
    assert chat(shift, 11)["chat_state"] == "waiting_assignment"


def test_a_message_that_is_being_inserted_does_not_hide_its_chat(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("alter table messages disable trigger update_chat_on_message")
    shift.execute("update chats set chat_state = null where id = %s", (chat_id(11),))
    writer = shift.connect()
    writer.execute("begin")
    writer.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'one more')", (chat_id(11),))
    chatops_inprocess("repair", "CHAT003", db=shift, check=0)
    writer.execute("commit")
    assert chat(shift, 11)["chat_state"] == "waiting_assignment"


def test_what_changed_after_it_was_found_is_judged_again(shift: Database) -> None:
    # Found by one snapshot; before its batch comes somebody mends the row by hand.
    repair = repair_batches.text_of("CHAT003")
    shift.execute("update chats set chat_state = null where id in (%s, %s)", (chat_id(11), chat_id(31)))
    found = str(shift.value(texts.found_text(repair.finding()))).splitlines()
    shift.execute("update chats set chat_state = 'completed', is_active = false where id = %s", (chat_id(11),))
    answer: Any = shift.value(repair.mending(found))
    assert (len(found), answer) == (2, {"mended": 1, "busy": []})
    assert (chat(shift, 11)["chat_state"], chat(shift, 31)["chat_state"]) == ("completed", "waiting_assignment")


def test_a_row_that_changes_while_it_is_locked_is_told_as_busy(shift: Database) -> None:
    # Between the snapshot of a batch and its locks somebody changes a row and commits.
    repair = repair_batches.text_of("CHAT003")
    shift.execute("update chats set chat_state = null where id in (%s, %s)", (chat_id(11), chat_id(31)))
    found = str(shift.value(texts.found_text(repair.finding()))).splitlines()
    slow = repair.mending(found)
    slow = slow.replace(
        "), locked as materialized (", "), pause as materialized (select pg_advisory_xact_lock(7)), locked as materialized ("
    )
    slow = slow.replace("from candidate k\n", "from candidate k\ncross join pause\n", 1)
    assert slow.count("pause") == 2
    gate, mending = shift.connect(), shift.connect()
    gate.execute("begin; select pg_advisory_xact_lock(7)")
    answers: list[Any] = []
    running = threading.Thread(target=lambda: answers.append(mending.execute(slow).fetchone()[0]))  # type: ignore[index]
    running.start()
    wait_until_blocked(shift.connect(), mending.info.backend_pid)
    shift.execute("update chats set chat_state = 'completed', is_active = false where id = %s", (chat_id(11),))
    gate.execute("rollback")
    running.join()
    assert answers == [{"mended": 1, "busy": [{"chat_id": str(chat_id(11)), "keeps": False}]}]
    assert (chat(shift, 11)["chat_state"], chat(shift, 31)["chat_state"]) == ("completed", "waiting_assignment")


# ---- what the command promises ------------------------------------------------------------------------------------------


def test_one_chat_only(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update chats set chat_state = null where id in (%s, %s)", (chat_id(11), chat_id(31)))
    chatops_inprocess("repair", "--chat", str(chat_id(11))[:13], db=shift, check=0)
    assert chat(shift, 11)["chat_state"] == "waiting_assignment"
    assert chat(shift, 31)["chat_state"] is None


def test_without_the_schema_chatops_it_refuses_and_says_what_to_run(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("drop schema chatops cascade")
    shift.execute("update chats set chat_state = null where id = %s", (chat_id(11),))
    refused = chatops_inprocess("repair", db=shift, check=4)
    assert "chatops adopt --ledger-only" in refused.stderr
    assert "chatops repair --no-audit --dry-run" in refused.stderr
    assert chat(shift, 11)["chat_state"] is None
    preview = chatops_inprocess("repair", "--no-audit", "--dry-run", "--columns", db=shift, check=0)
    assert "chat_state: none → waiting_assignment" in preview.stdout
    done = chatops_inprocess("repair", "--no-audit", db=shift, check=0)
    assert "nothing was logged" in done.stdout
    assert chat(shift, 11)["chat_state"] == "waiting_assignment"
    assert shift.value("select to_regnamespace('chatops')") is None


def test_a_production_database_wants_yes_and_a_reason(shift: Database, chatops_inprocess: Run, tmp_path: Any) -> None:
    (tmp_path / "chatops.toml").write_text(f'[env.live]\nurl = "{shift.url}"\nproduction = true\n')
    shift.execute("update chats set chat_state = null where id = %s", (chat_id(11),))
    assert "--yes" in chatops_inprocess("--env", "live", "repair", "CHAT003", check=4).stderr
    assert "--reason" in chatops_inprocess("--env", "live", "repair", "CHAT003", "--yes", check=4).stderr
    assert chat(shift, 11)["chat_state"] is None
    chatops_inprocess("--env", "live", "repair", "CHAT003", "--yes", "--reason", "ticket 7", check=0)
    assert shift.value("select distinct reason || environment from chatops.actions") == "ticket 7live"


def test_a_finding_without_a_repair_says_what_does_help(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "CHAT013")
    said = chatops_inprocess("repair", "CHAT013", db=deployed, check=1)
    assert "no repair mends it; what helps: chatops release --stuck 60m --dry-run" in said.stdout
    assert "did you mean" in chatops_inprocess("repair", "CHAT31", db=deployed, check=2).stderr


def test_nothing_is_mended_on_a_role_that_may_only_read(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "CHAT003")
    with deployed.role("only_reads") as role:
        deployed.script(
            f"grant usage on schema public, chatops to {role}; grant select on all tables in schema public, chatops to {role}"
        )
        refused = chatops_inprocess("repair", "CHAT003", db=deployed.url.replace("postgres@", f"{role}@"), check=4)
        assert "permission denied" in refused.stderr
    assert result(look(deployed, "CHAT003"), "CHAT003").count == 1


def test_a_chat_that_came_past_the_triggers_gets_into_the_queue(mended: Database, chatops_inprocess: Run) -> None:
    """A restore without triggers: one waits and does not say so, one says so and was answered, one has no message at all."""
    waiting, answered, silent = mended.execute(
        """select (select id from chats where chat_state = 'waiting_assignment' and is_active and waiting_since is not null limit 1),
                  (select id from chats where chat_state = 'waiting_real_user_reply' and is_active limit 1),
                  (select id from chats where chat_state = 'waiting_assignment' and is_active and message_count = 0 limit 1)"""
    )[0]
    since = mended.value("select waiting_since from chats where id = %s", (waiting,))
    mended.execute("set session_replication_role = replica")
    mended.execute("update chats set waiting_since = null where id = %s", (waiting,))
    mended.execute("update chats set chat_state = 'waiting_assignment', waiting_since = now() where id = %s", (answered,))
    mended.execute("update chats set waiting_since = now() where id = %s", (silent,))
    mended.execute("set session_replication_role = origin")
    before = mended.execute("select id, xmin::text from chats where id <> all(%s) order by id", ([waiting, answered, silent],))
    answer = json.loads(chatops_inprocess("repair", "QUEUE012", "-o", "json", db=mended, check=0).stdout)
    assert answer["mended"] == {"QUEUE012": 3}
    clocks = dict(mended.execute("select id, waiting_since from chats where id = any(%s)", ([waiting, answered, silent],)))
    assert clocks == {waiting: since, answered: None, silent: None}
    # Nobody else's row was written.
    assert (
        mended.execute("select id, xmin::text from chats where id <> all(%s) order by id", ([waiting, answered, silent],))
        == before
    )


def test_a_counter_is_mended_by_the_difference_so_that_what_comes_meanwhile_stays_counted(mended: Database) -> None:
    repair = repair_batches.text_of("DATA001")
    chat, counted = mended.execute(
        "select id, message_count from chats where chat_state = 'waiting_real_user_reply' and is_active limit 1"
    )[0]
    with_marker = mended.connect()
    with_marker.execute("set chatops.write = 'function'")
    with_marker.execute("update chats set message_count = message_count + 5 where id = %s", (chat,))
    found = str(mended.value(texts.found_text(repair.finding()))).splitlines()
    # Written between the snapshot and the batch, and counted by the database.
    mended.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'meanwhile')", (chat,))
    assert with_marker.execute(repair.mending(found)).fetchone() == ({"mended": 1, "busy": []},)
    assert mended.value("select message_count from chats where id = %s", (chat,)) == counted + 1
    # Whoever measured before that does not mend it a second time.
    assert with_marker.execute(repair.mending(found)).fetchone() == ({"mended": 0, "busy": []},)
    assert mended.value("select message_count from chats where id = %s", (chat,)) == counted + 1


@pytest.mark.parametrize("clock", ["infinity", "-infinity", "200000-01-01", "0044-03-15 BC"])
def test_clocks_that_no_client_can_read_are_mended_where_they_stand(
    deployed: Database, clock: str, chatops_inprocess: Run
) -> None:
    deployed.execute("update operators set last_activity = %s where id = (select id from operators limit 1)", (clock,))
    deployed.execute("update operator_activity set last_activity = %s", (clock,))
    deployed.execute(
        """update chats set last_message_at = %s, assignment_time = null where id = (
             select id from chats where chat_state = 'completed' limit 1)""",
        (clock,),
    )
    deployed.execute(
        "update chats set created_at = %s, updated_at = %s where id = (select min(id::text)::uuid from chats)", (clock, clock)
    )
    chatops_inprocess("repair", "DATA002", db=deployed, check=0)
    assert (
        deployed.value(
            "select count(*) from chats where not isfinite(created_at) or updated_at > now() or created_at < '1970-01-01'"
        )
        == 0
    )
    odd = "not isfinite(last_activity) or last_activity > now() or last_activity < '1970-01-01'"
    assert deployed.value(f"select count(*) from operators where {odd}") == 0
    assert deployed.value(f"select count(*) from operator_activity where {odd}") == 0
    # A clock that was not set is not set by it.
    assert deployed.value("select count(*) from chats where chat_state = 'completed' and assignment_time is not null") == 0
    assert result(look(deployed, "DATA002"), "DATA002").status == "passed"


def test_old_counters_are_mended_as_far_back_as_asked(deployed: Database, chatops_inprocess: Run) -> None:
    deployed.execute(
        """update chats set message_count = message_count + 5, last_message_at = now() - interval '3 days' where id = (
             select id from chats where chat_state = 'completed' and message_count > 0 limit 1)"""
    )
    # Of tables that are not small, only what was written lately is looked at unless more is asked for.
    deployed.execute("update pg_class set reltuples = 1000000 where oid = 'messages'::regclass")
    assert "nothing to mend" in chatops_inprocess("repair", "DATA001", db=deployed, check=0).stdout
    preview = chatops_inprocess("repair", "DATA001", "--since", "all", "--dry-run", db=deployed, check=0).stdout
    assert "do it: chatops repair DATA001 --since all" in preview
    chatops_inprocess("repair", "DATA001", "--since", "all", db=deployed, check=0)
    assert result(look(deployed, "DATA001", since="all"), "DATA001").status == "passed"


@pytest.mark.parametrize(
    "damage", ["is_active = false", "is_active = false, chat_state = 'assigned'", "chat_state = 'completed'"]
)
def test_a_repair_ends_no_chat_whose_user_waits(shift: Database, chatops_inprocess: Run, damage: str) -> None:
    shift.execute(f"update chats set {damage} where id = %s", (chat_id(11),))
    shift.execute("update chats set is_active = false where id = %s", (chat_id(21),))
    found = chatops_inprocess("diagnose", "--only", "CHAT011", "--full", db=shift, check=1).stdout
    assert "user waits since" in found
    for dry_run in (["--dry-run"], ["--yes"]):
        told = chatops_inprocess("repair", *dry_run, "CHAT011", db=shift, check=0 if dry_run == ["--dry-run"] else 1).stdout
        assert f"reopen {chat_id(11)}" in told
    assert chat(shift, 21)["chat_state"] == "completed"
    assert (chat(shift, 11)["chat_state"] == "completed") == chat(shift, 11)["is_active"]
    chatops_inprocess("reopen", str(chat_id(11)), "--yes", db=shift, check=0)
    assert wrong(look(shift, "CHAT011", "CHAT003", "CHAT006")) == {}
    assert chat(shift, 11)["chat_state"] == "waiting_assignment"


def test_a_preview_of_several_repairs_is_of_them_one_after_the_other(shift: Database, chatops_inprocess: Run) -> None:
    """A chat that the first repair lets go needs no assignment any more."""
    shift.execute("update chats set assigned_operator_id = %s where id = %s", (operator_id(1), chat_id(2)))
    shift.execute("delete from chat_assignments where chat_id = %s", (chat_id(2),))
    told = json.loads(chatops_inprocess("repair", "CHAT001", "CHAT005", "--dry-run", "-o", "json", db=shift, check=0).stdout)
    assert [row["code"] for row in told["changes"] if row["chat_id"] == str(chat_id(2)) and row["before"] is not None] != []
    assert not [row for row in told["changes"] if row["code"] == "CHAT005"]
