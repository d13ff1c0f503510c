"""summary, queue, stuck and operators: the figures are those of the raw tables."""

from __future__ import annotations

import dataclasses
import json

import pytest

from chatops import db, sqlfiles
from chatops.chats import reports
from tests.servers import Database

# One small system: four operators, nine chats; ages in minutes.
SYSTEM = """
insert into operators (id, name, email, is_active, is_available, last_activity, total_messages) values
  ('00000000-0000-0000-0000-0000000000a1', 'Free Frida', 'frida@x', true, true, now() - interval '1 min', 3),
  ('00000000-0000-0000-0000-0000000000a2', 'Busy Bert', 'bert@x', true, true, now() - interval '9 min', 5),
  ('00000000-0000-0000-0000-0000000000a3', 'Away Ann', 'ann@x', true, false, now() - interval '5 h', 0),
  ('00000000-0000-0000-0000-0000000000a4', 'Gone Gus', 'gus@x', null, null, null, null);
insert into real_users (id, name) select ('00000000-0000-0000-0001-00000000000' || n)::uuid, 'user ' || n from generate_series(1, 9) n;
insert into fictional_users (id, name) values ('00000000-0000-0000-0002-000000000001', 'profile');
insert into chats (id, real_user_id, fictional_user_id, chat_state, assigned_operator_id, assignment_time, last_operator_id,
                   operator_replied_at, is_active, created_at)
select ('c000000' || n || '-0000-4000-8000-000000000000')::uuid, ('00000000-0000-0000-0001-00000000000' || n)::uuid,
       '00000000-0000-0000-0002-000000000001', s, a::uuid, now() - held, l::uuid, now() - replied, active, now() - interval '30 days'
from (values
  (1, 'waiting_assignment', null, null::interval, null, null::interval, true),                                     -- waits 3 h
  (2, 'waiting_assignment', null, null, '00000000-0000-0000-0000-0000000000a1', interval '5 h', true),             -- waits 10 min
  (3, 'waiting_assignment', null, null, null, null, true),                                                         -- empty
  (4, 'assigned', '00000000-0000-0000-0000-0000000000a2', interval '2 h', '00000000-0000-0000-0000-0000000000a2', null, true),
  (5, 'waiting_real_user_reply', null, null, '00000000-0000-0000-0000-0000000000a1', interval '2 days', true),     -- waits for user
  (6, 'waiting_real_user_reply', null, null, '00000000-0000-0000-0000-0000000000a1', interval '5 h', true),        -- user spoke last
  (7, 'completed', null, null, null, null, false),
  (8, 'completed', null, null, null, null, false),
  (9, 'waiting_assignment', null, null, null, null, false)                                                         -- not active
) as v(n, s, a, held, l, replied, active);
insert into messages (chat_id, sender_type, created_at)
select ('c000000' || n || '-0000-4000-8000-000000000000')::uuid, who, now() - ago
from (values
  (1, 'real', interval '3 h'), (1, 'real', interval '5 min'),
  (2, 'real', interval '6 h'), (2, 'fictional', interval '5 h'), (2, 'real', interval '10 min'),
  (4, 'real', interval '2 h 5 min'),
  (5, 'real', interval '3 days'), (5, 'fictional', interval '2 days'),
  (6, 'fictional', interval '5 h'), (6, 'real', interval '4 h'),
  (7, 'real', interval '9 days'), (9, 'real', interval '9 h')
) as m(n, who, ago)
order by ago desc;
"""


@pytest.fixture
def system(core_database: Database) -> Database:
    core_database.script(SYSTEM)
    return core_database


def as_json(chatops_inprocess, database: Database, *arguments: str) -> dict:
    return json.loads(chatops_inprocess(*arguments, "-o", "json", db=database, check=0).stdout)


def test_summary_counts_each_state_and_tells_empty_chats_apart(system: Database, chatops_inprocess) -> None:
    answer = as_json(chatops_inprocess, system, "summary")
    counts = {(row["state"], row["why"]): row["chats"] for row in answer["states"]}
    assert counts == {
        ("waiting_assignment", None): 2,
        ("waiting_assignment", "no message"): 1,
        ("waiting_assignment", "not active"): 1,
        ("assigned", None): 1,
        ("waiting_real_user_reply", None): 2,
        ("completed", None): 2,
    }
    assert answer["chats"] == 9
    assert sum(row["share"] for row in answer["states"]) == pytest.approx(1)


def test_queue_tells_staff_first_then_waits_since_the_wait_began(system: Database, chatops_inprocess) -> None:
    answer = as_json(chatops_inprocess, system, "queue")
    assert (answer["operators_free"], answer["operators_busy"], answer["operators_away"], answer["operators_inactive"]) == (
        1,
        1,
        1,
        1,
    )
    assert answer["waiting"] == 2
    assert [row["chat_id"][:8] for row in answer["queue"]] == ["c0000001", "c0000002"]
    assert answer["wait_p50_seconds"] == pytest.approx((180 + 10) / 2 * 60, rel=0.02)
    text = chatops_inprocess("queue", db=system, check=0).stdout
    # In the sixth chat the user spoke last, and nobody was called: they wait the longest, in no queue.
    assert text.startswith("1 free · 1 busy · 1 away · 2 wait · +1 in no queue · oldest 4 h · half under 1 h 35 m, ")
    assert (answer["in_no_queue"], answer["locked"]) == (1, 0)
    system.execute("delete from messages where chat_id::text like 'c0000006%'")
    text = chatops_inprocess("queue", db=system, check=0).stdout
    assert text.startswith("1 free · 1 busy · 1 away · 2 wait · oldest 3 h · half under 1 h 35 m, ")


def test_stuck_is_what_a_person_means(system: Database, chatops_inprocess) -> None:
    answer = as_json(chatops_inprocess, system, "stuck", "--longer-than", "1h")
    assert [(row["chat_id"][:8], row["reason"]) for row in answer["stuck"]] == [
        ("c0000006", "unanswered"),
        ("c0000001", "waiting"),
        ("c0000004", "assigned"),
    ]
    assert answer["total"] == 3
    assert as_json(chatops_inprocess, system, "stuck", "--longer-than", "2h30m")["total"] == 2
    # Who waits in no queue is told whatever the limit is.
    shown = chatops_inprocess("stuck", "--longer-than", "3d", db=system, check=0).stdout.splitlines()
    assert shown == [
        "1 user waits in no queue, oldest 4 h: chatops diagnose --only CHAT006,QUEUE012",
        "nothing else is stuck for longer than 3 d (--longer-than)",
    ]
    system.execute("delete from messages where chat_id::text like 'c0000006%'")
    shown = chatops_inprocess("stuck", "--longer-than", "3d", db=system, check=0).stdout.splitlines()
    assert shown == ["nothing is stuck for longer than 3 d (--longer-than)"]


def test_stuck_shows_the_worst_and_the_exact_total_and_streams_them_all(system: Database, chatops_inprocess) -> None:
    text = chatops_inprocess("stuck", "--limit", "1", db=system, check=0).stdout
    assert "3 chats have not moved" in text
    assert "and 2 more of 3: chatops stuck" in text
    lines = chatops_inprocess("stuck", "--limit", "1", "-o", "jsonl", db=system, check=0).stdout.splitlines()
    assert [json.loads(line)["chat_id"][:8] for line in lines] == ["c0000006"]
    lines = chatops_inprocess("stuck", "-o", "jsonl", db=system, check=0).stdout.splitlines()
    assert {json.loads(line)["chat_id"][:8] for line in lines} == {"c0000001", "c0000004", "c0000006"}


def test_a_span_of_time_that_is_none_is_a_usage_error(system: Database, chatops_inprocess) -> None:
    for wrong in ("soon", "1", "-1h", "1y", "99999999d", ""):
        assert chatops_inprocess("stuck", f"--longer-than={wrong}", db=system).exit_code == 2, wrong


def test_operators_show_load_chat_and_when_last_seen(system: Database, chatops_inprocess) -> None:
    rows = as_json(chatops_inprocess, system, "operators", "--show-names")["operators"]
    assert [(row["name"], row["load"]) for row in rows] == [
        ("Busy Bert", "busy"),
        ("Free Frida", "free"),
        ("Away Ann", "away"),
        ("Gone Gus", "inactive"),
    ]
    assert rows[0]["chat_id"][:8] == "c0000004"


def test_the_tables_work_with_nothing_of_ours_in_the_database(system: Database, chatops_inprocess) -> None:
    before = {name: as_json(chatops_inprocess, system, name) for name in ("summary", "queue", "operators", "stuck")}
    system.script(
        "drop schema chatops cascade; drop view if exists stuck_chats, chat_queue, operator_load;"
        "drop function detect_stuck_chats; drop function get_assignment_queue_status; drop view chat_state_summary"
    )
    for name, answer in before.items():
        after = as_json(chatops_inprocess, system, name)
        assert {**after, "at": None, "wait_p50_seconds": 0, "wait_p95_seconds": 0} == {
            **answer, "at": None, "wait_p50_seconds": 0, "wait_p95_seconds": 0
        }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "row", "parameters"),
    [
        ("summary", reports.StateCount, None),
        ("queue", reports.QueueFigures, {"silent_minutes": 30}),
        ("queue_head", reports.WaitingChat, {"limit": 5}),
        ("stuck", reports.StuckChat, {"longer_than": "1h"}),
        ("operators", reports.OperatorLoad, None),
    ],
)
def test_a_query_returns_exactly_the_fields_of_its_dataclass(file: str, row: type, parameters, core_database: Database) -> None:
    from chatops.db import placeholders

    text = sqlfiles.query(f"queries/{file}.sql", before_018=True)
    with core_database.connect() as connection:
        cursor = connection.execute(placeholders(text), parameters or {})
        # What another query fills in has a default.
        asked = [field.name for field in dataclasses.fields(row) if field.default is dataclasses.MISSING]
        assert [column.name for column in cursor.description] == asked


def test_the_queues_percentiles_off_its_index_are_those_of_sorting_every_wait(latest_database: Database) -> None:
    files = [sqlfiles.query(f"queries/{name}.sql") for name in ("queue", "queue.before_018")]
    asked = [db.inlined(text, {"silent_minutes": 30}) for text in files]
    with latest_database.connect() as connection, connection.transaction():
        # As a restore writes: the clocks stay as they are given.
        connection.execute("set local session_replication_role = replica")
        for waiting in range(45):
            by_index, by_sorting = (connection.execute(text.encode()).fetchone() for text in asked)
            assert by_index is not None
            assert by_sorting is not None
            assert by_index[0] == waiting
            assert by_index[:2] == by_sorting[:2]
            assert by_index[2:] == pytest.approx(by_sorting[2:])
            connection.execute(
                """with u as (insert into real_users (name) values ('user') returning id),
                        f as (insert into fictional_users (name) values ('profile') returning id)
                   insert into chats (real_user_id, fictional_user_id, chat_state, waiting_since, state_since)
                   select u.id, f.id, 'waiting_assignment', now() - random() * interval '1 day', now() from u, f"""
            )
