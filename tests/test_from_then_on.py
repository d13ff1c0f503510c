"""What callers notice of each shipped file is told, and is so: each thing is tried before the file is in, and after."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from chatops import sqlfiles
from chatops.migrations.from_then_on import FROM_THEN_ON, MET, NOTHING, VIEWS, codes_met
from tests.ailing import plant, populated
from tests.conftest import ROOT
from tests.servers import Database, Farm, Server

Run = Callable[..., Any]

A, B, C, D = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 3, 4))
"""Operators: A and B hold a chat, C and D are free."""
OLD, EARLY, HELD_A, HELD_B, ANSWERED, LIMIT, EMPTY = (f"10000000-0000-0000-0000-00000000000{n}" for n in range(1, 8))
"""Chats: OLD is the oldest, in EARLY the user has waited longest."""
PEOPLE = f"""
insert into operators (id, name, email, is_active, is_available, last_activity)
select ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'op-' || n, n || '@acme.example', true, true, now() from generate_series(1, 4) n;
insert into fictional_users (id, name) values ('20000000-0000-0000-0000-000000000001', 'profile');
insert into real_users (id, name) select ('30000000-0000-0000-0000-00000000000' || n)::uuid, 'user-' || n from generate_series(1, 7) n;
insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, assigned_operator_id, assignment_time, operator_replied_at,
                   last_operator_id, created_at, updated_at)
select ('10000000-0000-0000-0000-00000000000' || n)::uuid, ('30000000-0000-0000-0000-00000000000' || n)::uuid,
       '20000000-0000-0000-0000-000000000001',
       (array['waiting_assignment', 'waiting_assignment', 'assigned', 'assigned', 'waiting_real_user_reply', 'completed',
              'waiting_assignment'])[n], n <> 6,
       case n when 3 then '{A}'::uuid when 4 then '{B}'::uuid end, case when n in (3, 4) then now() end,
       case n when 5 then now() - interval '1 min' end, case n when 5 then '{D}'::uuid end,
       now() - (20 - n) * interval '1 h', now() - interval '1 h'
  from generate_series(1, 7) n;
insert into messages (chat_id, sender_type, content, created_at, handled_by_operator_id) values
  ('{OLD}', 'real', 'hello', now() - interval '2 min', null), ('{EARLY}', 'real', 'hello', now() - interval '9 min', null),
  ('{HELD_A}', 'real', 'hello', now() - interval '5 min', null), ('{HELD_B}', 'real', 'hello', now() - interval '5 min', null),
  ('{ANSWERED}', 'real', 'hello', now() - interval '5 min', null), ('{ANSWERED}', 'fictional', 'hi', now() - interval '1 min', '{D}'),
  ('{LIMIT}', 'real', 'hello', now() - interval '9 h', null);
insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason) values
  ('{HELD_A}', '{A}', now(), null, null), ('{HELD_B}', '{B}', now(), null, null),
  ('{LIMIT}', '{A}', now() - interval '9 h', now() - interval '8 h', 'idle_timeout'),
  ('{LIMIT}', '{B}', now() - interval '8 h', now() - interval '7 h', 'idle_timeout'),
  ('{LIMIT}', '{A}', now() - interval '7 h', now() - interval '6 h', 'idle_timeout');
"""


@dataclass(frozen=True)
class Probe:
    """What is done, and what comes of it (a value, or an SQLSTATE) before and after; `whoever`: past the guards."""

    file: str
    told: str
    does: str
    before: object
    after: object
    caller: bool = False
    whoever: bool = False


def message(chat: str, sender: str, operator: str = "null", at: str = "now()") -> str:
    by = operator if operator == "null" else f"'{operator}'"
    return (
        "insert into messages (id, chat_id, sender_type, content, handled_by_operator_id, created_at) "
        f"values (gen_random_uuid(), '{chat}', '{sender}', 'text', {by}, {at})"
    )


def state(chat: str, column: str = "chat_state") -> str:
    return f"select {column}::text from chats where id = '{chat}'"


PROBES = (
    Probe("018", "created_at no longer counts", message(OLD, "real", at="'2001-01-01'") + " returning created_at < '2002-01-01'",
          True, False, caller=True),
    Probe("018", "opens it again", f"{message(LIMIT, 'real')};{state(LIMIT)}", "completed", "waiting_assignment"),
    Probe("021", "has waited longest, not the oldest", f"select assign_chat_to_operator('{C}')::text", OLD, EARLY),
    Probe("021", "no empty one", f"update chats set is_active = false where id in ('{OLD}', '{EARLY}');"
          f"select assign_chat_to_operator('{C}')::text", EMPTY, None, whoever=True),
    Probe("021", "gets the same", f"select assign_chat_to_operator('{A}')::text", None, HELD_A),
    Probe("021", "another account's JWT", f"set local request.jwt.claims = '{{\"sub\": \"{D}\"}}';"
          f"select assign_chat_to_operator('{C}') is not null", True, "42501"),
    Probe("021", "answered meanwhile", f"select release_and_reassign_chat('{ANSWERED}');{state(ANSWERED)}",
          "waiting_assignment", "waiting_real_user_reply"),
    Probe("021", "not idle after all", f"select release_and_reassign_chat('{HELD_A}', 'idle_timeout');{state(HELD_A)}",
          "waiting_assignment", "assigned"),
    Probe("021", "count up to max_reassignments", "insert into chat_assignments (chat_id, operator_id, assigned_at, released_at,"
          f" release_reason) select '{HELD_A}', '{A}', now() - interval '9 h', now() - interval '9 h', 'operator_sent_message'"
          f" from generate_series(1, 3);select release_and_reassign_chat('{HELD_A}')", False, True),
    Probe("021", "service_role gets", "select case when to_regprocedure('close_chat(uuid, text, uuid)') is not null"
          " then not has_function_privilege('close_chat(uuid, text, uuid)', 'execute') else false end", False, True, caller=True),
    Probe("021", "nobody else may call those", f"select close_chat('{OLD}', 'closed')", "42883", "42501", caller=True),
    Probe("022", "no longer holds the chat", message(HELD_A, "fictional", D), "", "55000"),
    Probe("022", "an operator who holds another one", f"update chats set chat_state = 'assigned', assigned_operator_id = '{A}'"
          f" where id = '{OLD}'", "", "55000"),
    Probe("022", "messages decide", f"update chats set chat_state = 'waiting_assignment' where id = '{ANSWERED}';{state(ANSWERED)}",
          "waiting_assignment", "waiting_real_user_reply"),
    Probe("022", "closed in one statement", "update chats set is_active = false, assigned_operator_id = null"
          f" where id = '{HELD_A}';{state(HELD_A)}", "23514", "completed"),
    Probe("022", "gives theirs back", f"update operators set is_active = false where id = '{A}';{state(HELD_A)}",
          "assigned", "waiting_assignment"),
    Probe("022", "a time that is infinite", f"update chats set updated_at = 'infinity' where id = '{OLD}'", "", "22008"),
    Probe("022", "returns no row", f"update chats set chat_state = 'assigned', assigned_operator_id = '{C}', assignment_time = now()"
          f" where id = '{OLD}';insert into chat_assignments (chat_id, operator_id, assigned_at) values ('{OLD}', '{C}', now())"
          " returning true", True, ""),
    Probe("024", "a second chat for an operator", f"update chats set chat_state = 'assigned', assigned_operator_id = '{A}'"
          f" where id = '{OLD}'", "", "23505", whoever=True),
    Probe("024", "a second open assignment", f"insert into chat_assignments (chat_id, operator_id, assigned_at)"
          f" values ('{HELD_A}', '{C}', now())", "", "23505", whoever=True),
    Probe("025", "contradicts its operator or is_active", f"update chats set is_active = false where id = '{OLD}'", "", "23514",
          whoever=True),
    Probe("027", "no longer everybody's", f"select assign_chat_to_operator('{C}') is not null", True, "42501", caller=True),
    Probe("027", "may not release", f"select release_and_reassign_chat('{HELD_A}') is not null", True, "42501", caller=True),
)  # fmt: skip


def outcome(database: Database, probe: Probe, caller: str) -> object:
    """What comes of it in a transaction that is rolled back: its last value, "" where there is none, or the SQLSTATE."""
    with database.connect(autocommit=False) as connection, connection.cursor() as cursor:
        try:
            if probe.whoever:
                cursor.execute("set local session_replication_role = replica")
            if probe.caller:
                cursor.execute(f"set local role {caller}")
            for statement in probe.does.split(";"):
                cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else ("",)
            return row[0] if row else ""
        except psycopg.Error as error:
            return error.sqlstate
        finally:
            connection.rollback()


def test_what_is_told_of_a_file_is_so_after_it_and_not_before(core_database: Database, chatops_inprocess: Run) -> None:
    database = core_database
    database.script(PEOPLE)
    chatops_inprocess("adopt", "--through", "017", "--yes", db=database, check=0)
    told = {file[:3]: sentences for file, sentences in FROM_THEN_ON.items()}
    with database.role("caller") as caller:
        database.execute(f"grant usage on schema public to {caller}; grant all on all tables in schema public to {caller}")
        for file in sqlfiles.names("migrations"):
            mine = [probe for probe in PROBES if probe.file == file[:3]]
            for probe in mine:
                assert [probe.told in one for one in told[probe.file]].count(True) == 1, probe
                assert outcome(database, probe, caller) == probe.before, probe
            if file >= "018":
                chatops_inprocess("migrate", "--to", file[:3], "--yes", db=database, check=0)
            for probe in mine:
                assert outcome(database, probe, caller) == probe.after, probe


ELSEWHERE = {
    "test_repair_migrations": ("014", "015", "016", "017"),
    "test_migrate_repairs": ("020", "023"),
    "test_partitioned": ("028",),
}
"""Where what is told of the other files is tried."""


def test_every_shipped_file_says_what_is_noticed_and_each_sentence_is_tried() -> None:
    assert list(FROM_THEN_ON) == [*sqlfiles.names("migrations"), VIEWS]
    others = {number for numbers in ELSEWHERE.values() for number in numbers} | {VIEWS}
    for file, sentences in FROM_THEN_ON.items():
        assert sentences
        for one in sentences:
            assert len(one) <= 130, one
            assert one[0].islower() or one.startswith(("Realtime",)), one
            assert not one.endswith(".")
            if one != NOTHING and file[:3] not in others and file != VIEWS:
                assert any(probe.told in one for probe in PROBES if probe.file == file[:3]), one
    assert all((ROOT / "tests" / f"{name}.py").exists() for name in ELSEWHERE)


def test_the_guide_says_the_same() -> None:
    guide = Path(ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", guide, re.MULTILINE))
    assert {file: tuple(told.split("; ")) for file, told in rows.items() if file in FROM_THEN_ON} == {
        file: tuple("; ".join(told).split("; ")) for file, told in FROM_THEN_ON.items() if file >= "018"
    }


def test_the_dry_run_says_it_file_by_file(core_database: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database, check=0)
    for width in (40, 80):
        shown = chatops_inprocess("migrate", "--dry-run", db=core_database, check=0, terminal=(width, 200)).stdout
        said = " ".join(shown.split())
        for file, sentences in FROM_THEN_ON.items():
            if file >= "018" and sentences != (NOTHING,):
                for one in sentences:
                    assert one in said, one
        assert "019 026 · nothing" in said
    rows = json.loads(chatops_inprocess("migrate", "--dry-run", "-o", "json", db=core_database, check=0).stdout)["pending"]
    for file, sentences in MET.items():
        assert max(sentences) < len(FROM_THEN_ON[file]), file
    assert {row["name"]: tuple(row["from_then_on"]) for row in rows} == {
        file: told for file, told in FROM_THEN_ON.items() if "018" <= file < "9"
    }


def test_a_refusal_says_how_often_it_would_have_come_lately(
    new_database: Callable[..., Database], farm: Farm, server: Server, chatops_inprocess: Run
) -> None:
    """What is planted is counted as `diagnose` counts it, by its code, in the sentence that it belongs to."""
    healthy = populated(new_database, farm, server, "017")
    chatops_inprocess("adopt", "--to", "017", "--yes", db=healthy, check=0)
    plant(healthy, "CHAT009")
    plan = json.loads(chatops_inprocess("migrate", "--dry-run", "-o", "json", db=healthy, check=0).stdout)
    codes = codes_met(name for name in FROM_THEN_ON if name >= "018")
    assert set(plan["met"]) == set(codes)
    told = json.loads(chatops_inprocess("diagnose", "--only", ",".join(codes), "-o", "json", db=healthy).stdout)
    assert plan["met"] == dict.fromkeys(told["passed"], 0) | {one["code"]: one["count"] for one in told["findings"]}
    number = plan["met"]["CHAT009"]
    assert number > 0
    said = " ".join(chatops_inprocess("migrate", "--dry-run", db=healthy, check=0).stdout.split())
    replies = "1 reply" if number == 1 else f"{number} replies"
    assert f"is refused (55000); in the last 24 h it would have refused {replies} (CHAT009)" in said
    lone = chatops_inprocess("migrate", "--to", "018", "--dry-run", db=healthy, check=0).stdout
    assert "A try waits" in lone
    assert "has to expect" not in lone


def test_figures_that_change_are_told_before_and_are_so_after(
    new_database: Callable[..., Database], farm: Farm, server: Server, chatops_inprocess: Run
) -> None:
    """Whoever watches the reading functions hears beforehand which say something else, though nothing is wrong."""
    database = populated(new_database, farm, server, "017")
    chatops_inprocess("adopt", "--to", "017", "--yes", db=database, check=0)
    database.execute("""
      update chats set updated_at = now() - interval '3 d' where chat_state = 'waiting_real_user_reply';
      update chats set created_at = now() - interval '30 d' where id = (select id from chats where chat_state = 'waiting_assignment' limit 1);
      insert into real_users (id, name) select gen_random_uuid(), 'silent-' || n from generate_series(1, 3) n;
      insert into chats (real_user_id, fictional_user_id, chat_state)
      select u.id, (select id from fictional_users limit 1), 'waiting_assignment' from real_users u where u.name like 'silent-%'""")
    asks = {
        "rows": "select count(*) from detect_stuck_chats()",
        "total_waiting": "select total_waiting from get_assignment_queue_status()",
        "oldest_waiting_chat": "select to_json(date_trunc('second', oldest_waiting_chat at time zone 'UTC')) from get_assignment_queue_status()",
    }

    def now() -> dict[str, object]:
        return {name: database.value(text) for name, text in asks.items()}

    def told(shown: dict[str, Any], side: str) -> dict[str, object]:
        return {one["name"]: str(one[side])[:19] if "oldest" in one["name"] else one[side] for one in shown["figures"]}

    plant(database, "OPER001")  # whoever is silent loses a chat by 023, which then waits again
    before = now()
    held = database.value("select count(*) from chats where chat_state = 'waiting_assignment'")
    plan = json.loads(chatops_inprocess("migrate", "--dry-run", "-o", "json", db=database, check=0).stdout)
    assert plan["repairs"]["023_repair_rows"]["OPER001"] > 0
    assert {name: value for name, value in told(plan, "before").items() if name in before} == before
    said = chatops_inprocess("migrate", "--dry-run", db=database, check=0).stdout
    assert f"{before['rows']:,} rows → {plan['figures'][-1]['after']}" in said
    assert f"total_waiting {before['total_waiting']} → " in said
    assert re.search(
        r"with nothing wrong: total_waiting [\d,]+ → [\d,]+, detect_stuck_chats\(\) [^.]+, with what 023 mends\.",
        " ".join(said.split()),
    )
    more = re.search(r"those whose user waits, (\d+) more once 023 mended rows", " ".join(said.split()))
    assert more is not None, said
    lone = json.loads(chatops_inprocess("migrate", "--to", "027", "--dry-run", "-o", "json", db=database, check=0).stdout)
    assert lone["figures"] == []
    chatops_inprocess("migrate", "--yes", db=database, check=0)
    after = now()
    assert {name: value for name, value in told(plan, "after").items() if name in after} == after
    assert not set(before.items()) & set(after.items())
    state = database.value("select count(*) from chats where chat_state = 'waiting_assignment'")
    assert f"counts {held} → {state} in waiting_assignment" in " ".join(said.split())
    again = json.loads(chatops_inprocess("migrate", "--dry-run", "-o", "json", db=database, check=0).stdout)
    assert again["figures"] == []
