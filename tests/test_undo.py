"""`chatops undo`: every column that an action changed becomes what it was, where things are still as left."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatops import sqlfiles
from chatops.db import placeholders
from tests.conftest import Result
from tests.servers import Database
from tests.shift import add_chats, add_operators, chat_id, furnish, operator_id
from tests.test_reassign import chat, everything, invariants

Run = Callable[..., Result]


@pytest.fixture
def shift(core_database_everywhere: Database) -> Database:
    """op-1 and op-2 hold a chat, op-3 and op-4 are free, chat 11 waits."""
    return furnish(core_database_everywhere, 4, held=2, waiting=1)


def tables(database: Database) -> Any:
    """Every row of what a move could change, all columns but the version that only grows."""
    return database.value(
        """select jsonb_build_array(
             (select jsonb_agg(to_jsonb(c) - 'epoch' order by c.id) from chats c),
             (select jsonb_agg(to_jsonb(a) order by a.id) from chat_assignments a),
             (select jsonb_agg(to_jsonb(v) order by v.id) from operator_activity v),
             (select jsonb_agg(to_jsonb(o) order by o.id) from operators o))"""
    )


def newest(database: Database) -> int:
    """The number of the newest action."""
    return int(database.value("select max(id) from chatops.actions"))


def test_a_reassign_is_taken_back_to_the_last_column_and_again_the_other_way(shift: Database, chatops_inprocess: Run) -> None:
    before = tables(shift)
    chatops_inprocess("reassign", "c4000001", "--to", "op-3", db=shift, check=0)
    after = tables(shift)
    action = newest(shift)
    chatops_inprocess("undo", action, "--reason", "wrong person", db=shift, check=0)
    assert tables(shift) == before
    rows = shift.execute("select action, undoes, outcome, reason from chatops.actions order by id desc limit 1")
    assert rows == [("undo", action, "done", "wrong person")]
    assert f"undone by action {newest(shift)}" in chatops_inprocess("undo", action, db=shift, check=4).stderr
    undone = shift.value("select max(id) from chatops.actions where outcome = 'done'")
    chatops_inprocess("undo", undone, db=shift, check=0)
    assert tables(shift) == after
    chatops_inprocess("undo", action, db=shift, check=0)
    assert tables(shift) == before
    invariants(shift)


def test_a_whole_plan_is_taken_back(shift: Database, chatops_inprocess: Run) -> None:
    before = tables(shift)
    chatops_inprocess("release", "c4000001", "c4000002", db=shift, check=0)
    plan = shift.value("select distinct plan_id from chatops.actions")
    # Of tens of thousands, too, when the server has not heard yet that anything was undone: nothing is looked for once an action.
    shift.script(
        """insert into chatops.actions (target_schema, command, action) select 'public', 'bulk', 'release' from generate_series(1, 3000);
           analyze chatops.actions;
           insert into chatops.actions (target_schema, command, action, undoes) select 'public', 'bulk', 'undo', a.id
             from chatops.actions a where a.command = 'bulk'"""
    )
    query = "explain " + placeholders(sqlfiles.query("queries/undo_find.sql"))
    read = str(shift.execute(query, {"schema": "public", "action_id": None, "plan_id": plan}))
    assert "Join Filter" not in read
    assert re.search(r"NOT \((?:ANY \(\S+ = \()?hashed SubPlan", read)  # 17 and later name its column, too
    result = chatops_inprocess("undo", plan, db=shift, check=0)
    assert "2 of 2 actions undone" in result.stdout
    assert tables(shift) == before


def test_a_dry_run_leaves_nothing(shift: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("reassign", "c4000001", "--to", "op-3", db=shift, check=0)
    before = everything(shift)
    tried = chatops_inprocess("undo", newest(shift), "--dry-run", db=shift, check=0).stdout
    assert "1 of 1 action would be undone" in tried
    assert tried.splitlines()[-1] == f"Do it: chatops undo {newest(shift)}"
    assert everything(shift) == before


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        ("update chats set chat_state = 'waiting_real_user_reply', assigned_operator_id = null, operator_replied_at = now()",
         "is waiting_real_user_reply now"),
        (f"update chats set assigned_operator_id = '{operator_id(4)}'", "another operator holds the chat now"),
        ("update chats set assignment_time = now()", "handled since"),
        ("update chat_assignments set released_at = now() where released_at is null", "assignments were changed"),
        ("delete from chats", "deleted since"),
    ],
)  # fmt: skip
def test_what_moved_since_is_left_alone_and_said(shift: Database, chatops_inprocess: Run, meanwhile: str, why: str) -> None:
    chatops_inprocess("reassign", "c4000001", "--to", "op-3", db=shift, check=0)
    action = newest(shift)
    key = "chat_id" if "chat_assignments" in meanwhile else "id"
    shift.execute(f"{meanwhile} {'and' if ' where ' in meanwhile else 'where'} {key} = '{chat_id(1)}'")
    before = tables(shift)
    result = chatops_inprocess("undo", action, db=shift, check=5)
    assert why in result.stdout
    assert tables(shift) == before
    assert shift.execute("select action, undoes, outcome from chatops.actions order by id desc limit 1") == [
        ("undo", action, "moved")
    ]


def test_a_former_holder_who_holds_another_chat_by_now_is_not_given_two(shift: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("reassign", "c4000001", "--to", "op-3", db=shift, check=0)
    action = newest(shift)
    chatops_inprocess("reassign", "c4000011", "--to", "op-1", db=shift, check=0)
    assert "holds another chat now" in chatops_inprocess("undo", action, db=shift, check=5).stdout
    chatops_inprocess("undo", action, "--force", "busy", db=shift, check=0)
    assert chat(shift, 1)["assigned_operator_id"] == str(operator_id(1))


def test_a_user_who_wrote_meanwhile_is_not_forgotten_by_an_undo(shift: Database, chatops_inprocess: Run) -> None:
    add_chats(shift, 1, first=21, state="waiting_real_user_reply")
    chatops_inprocess("reassign", "c4000021", "--to", "op-3", "--force", "answered", db=shift, check=0)
    shift.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'hello?')", (chat_id(21),))
    result = chatops_inprocess("undo", newest(shift), db=shift, check=5)
    assert "the user has written since" in result.stdout
    assert chat(shift, 21)["chat_state"] == "assigned"


def test_a_heartbeat_since_does_not_stand_in_the_way(shift: Database, chatops_inprocess: Run) -> None:
    before = tables(shift)
    chatops_inprocess("reassign", "c4000001", "--to", "op-3", db=shift, check=0)
    shift.execute("update operator_activity set last_activity = now() where chat_id = %s", (chat_id(1),))
    chatops_inprocess("undo", newest(shift), db=shift, check=0)
    assert tables(shift) == before


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("999", "no action 999"),
        ("nonsense", "neither an action's number nor a plan"),
        ("99999999999999999999999", "neither"),
        ("11111111-1111-4111-8111-111111111111", "nothing that was done of plan"),
    ],
)
def test_what_is_not_in_the_log_is_a_usage_error(shift: Database, chatops_inprocess: Run, what: str, why: str) -> None:
    told = chatops_inprocess("undo", what, db=shift, check=2).stderr
    assert why in told
    assert "the log lists actions and plans: chatops " in " ".join(told.split())


def test_undo_of_nothing_in_particular_names_the_last_action_and_its_line(shift: Database, chatops_inprocess: Run) -> None:
    assert "the log holds none that can be undone" in chatops_inprocess("undo", db=shift, check=2).stderr
    chatops_inprocess("reassign", "c4000011", "--to", "op-3", "--reason", "first", db=shift, check=0)
    last = newest(shift)
    chatops_inprocess("release", "c4000001", "c4000002", "--reason", "no hands", db=shift, check=0)
    chatops_inprocess("reassign", "c4000001", "--to", "op-3", db=shift, check=4)  # it changed nothing
    told = chatops_inprocess("undo", db=shift, check=2).stderr
    plan = shift.value("select max(plan_id::text) from chatops.actions where action = 'release'")
    assert re.search(r"the last that can be undone: \d+, release of chat c400000[12]-\S+ .* ago by .*: no hands", told), told
    assert f"all 2 of its plan: chatops undo {plan} --dry-run" in told
    chatops_inprocess("undo", plan, db=shift, check=0)
    chatops_inprocess("undo", *[str(shift.value("select max(id) from chatops.actions where action = 'undo'"))], db=shift, check=0)
    chatops_inprocess("undo", shift.value("select max(id) from chatops.actions"), db=shift, check=0)
    line = re.search(r"undo it: +chatops (undo \d+ --dry-run)", chatops_inprocess("undo", db=shift, check=2).stderr)
    assert line is not None
    chatops_inprocess(*line[1].split(), db=shift, check=0)
    assert last < newest(shift)


def test_a_refusal_and_a_repair_are_not_taken_back(shift: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("reassign", "c4000011", "--to", "op-1", db=shift, check=4)
    assert "changed nothing" in chatops_inprocess("undo", newest(shift), db=shift, check=4).stderr
    shift.execute("""insert into chatops.actions (action, code, before) values ('repair', 'CHAT003', '{"chat_state": null}')""")
    assert "bring the fault back" in chatops_inprocess("undo", newest(shift), db=shift, check=4).stderr


# ---- over random populations ----------------------------------------------------------------------------------------

STATES = ("waiting_assignment", "assigned", "waiting_real_user_reply", "completed", "empty")
POPULATION = st.lists(
    st.tuples(
        st.sampled_from(STATES),
        st.lists(st.sampled_from(["user", "reply", "stray assignment", "stray heartbeat", "no last operator"]), max_size=4),
    ),
    min_size=1,
    max_size=8,
)
COMMAND = st.sampled_from(
    [
        ("release", "--force"),
        ("release",),
        ("reassign", "--to", "auto"),
        ("reassign", "--to", "auto", "--force"),
        ("reassign", "--to", "op-9", "--force"),
        ("release", "--stuck", "1h"),
        ("reassign", "--stuck", "1h", "--to", "auto"),
        ("release", "--idle"),
    ]
)


def populate(database: Database, population: list[tuple[str, list[str]]], seed: int) -> list[str]:
    """Empties the database and fills it; the names of the chats."""
    random_ = random.Random(seed)
    database.execute("truncate operators, real_users, fictional_users, chatops.actions cascade")
    add_operators(database, 9)
    database.execute("update operators set is_available = random() < 0.8, is_active = random() < 0.9 where name <> 'op-9'")
    for number, (state, extras) in enumerate(population, 1):
        add_chats(database, 1, first=number, state=state, held_by=number if state == "assigned" else None)
        for extra in extras:
            operator = operator_id(random_.randint(1, 9))
            match extra:
                case "user":
                    database.execute("insert into messages (chat_id, sender_type) values (%s, 'real')", (chat_id(number),))
                case "reply":
                    database.execute(
                        "insert into messages (chat_id, sender_type, handled_by_operator_id) values (%s, 'fictional', %s)",
                        (chat_id(number), operator),
                    )
                case "stray assignment":
                    database.execute(
                        "insert into chat_assignments (chat_id, operator_id, assigned_at) values (%s, %s, now() - interval '1 h')",
                        (chat_id(number), operator),
                    )
                case "stray heartbeat":
                    database.execute(
                        """insert into operator_activity (chat_id, operator_id, last_activity) values (%s, %s, now() - interval '1 h')
                           on conflict do nothing""",
                        (chat_id(number), operator),
                    )
                case _:
                    database.execute("update chats set last_operator_id = null where id = %s", (chat_id(number),))
    return [f"c4{number:06d}" for number in range(1, len(population) + 1)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(population=POPULATION, command=COMMAND, seed=st.integers(0, 1000))
def test_a_dry_run_predicts_what_the_run_does_and_undo_restores_every_column(
    core_database: Database, chatops_inprocess: Run, population: list[tuple[str, list[str]]], command: tuple[str, ...], seed: int
) -> None:
    predicted_and_undone(core_database, chatops_inprocess, population, command, seed)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    population=st.lists(st.tuples(st.sampled_from(STATES), st.just([])), min_size=1, max_size=6),
    command=COMMAND,
    seed=st.integers(0, 99),
)
def test_so_it_is_on_a_mended_database(
    latest_database: Database,
    chatops_inprocess: Run,
    population: list[tuple[str, list[str]]],
    command: tuple[str, ...],
    seed: int,
) -> None:
    predicted_and_undone(latest_database, chatops_inprocess, population, command, seed)


def predicted_and_undone(
    database: Database, chatops_inprocess: Run, population: list[tuple[str, list[str]]], command: tuple[str, ...], seed: int
) -> None:
    """A dry run, the run, and its undo over one population."""
    names = populate(database, population, seed)
    chosen = [] if {"--stuck", "--idle"} & set(command) else random.Random(seed).sample(names, (len(names) + 1) // 2)
    words = [command[0], *chosen, *command[1:]]
    before = tables(database)
    dry = chatops_inprocess(*words, "--dry-run", "-o", "json", db=database)
    assert tables(database) == before
    assert database.value("select count(*) from chatops.actions") == 0

    run = chatops_inprocess(*words, "-o", "json", db=database)
    assert dry.exit_code == run.exit_code
    told, done = (list(json.loads(one.stdout).get("chats", [])) for one in (dry, run))
    kept = ("chat_id", "outcome", "detail", "state_before", "state_after", "operator_before_id", "operator_after_id")
    assert [[row[key] for key in kept] for row in told] == [[row[key] for key in kept] for row in done]
    for row in done:
        found = database.execute("select chat_state, assigned_operator_id::text from chats where id = %s", (row["chat_id"],))
        assert found == [(row["state_after"], row["operator_after_id"])]

    changed = [row["action_id"] for row in done if row["outcome"] == "done"]
    if changed:
        plan = database.value("select distinct plan_id from chatops.actions where outcome = 'done'")
        chatops_inprocess("undo", plan, "--force", db=database, check=0)
    assert tables(database) == before
