"""The system in SQL: what 001 and 014-017 make, what they leave alone, and what the words of sql/views mean."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatops import sqlfiles
from tests.conftest import CORE, ROOT
from tests.locks import wait_until_blocked
from tests.servers import Database

MIGRATIONS = [ROOT / "sql" / "migrations" / f"{name}.sql" for name in CORE]
VIEWS = sorted((ROOT / "sql" / "views").glob("*.sql"))
DEPLOYED = ROOT / "tests" / "deployed_schema.sql"
NEW_VIEWS = {"chat_queue", "stuck_chats", "operator_load"}
"""The views that no deployed database has before ours are put in."""


# ---- the files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MIGRATIONS + VIEWS, ids=lambda path: path.stem)
def test_each_file_says_first_what_it_does(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert re.match(r"-- [A-Z].{20,}\.$", first), first
    assert ":" not in first.split(" ")[1], "a first line that reads as a header would be taken for one"


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_each_migration_says_its_effect_in_one_short_line(path: Path) -> None:
    effect = sqlfiles.header(path.read_text())["effect"]
    assert 20 <= len(effect) <= 70
    assert not effect.endswith(".")


@pytest.mark.parametrize("path", MIGRATIONS + VIEWS, ids=lambda path: path.stem)
def test_no_file_names_a_schema_and_every_function_keeps_the_path_it_was_created_under(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\b(public|auth|extensions)\s*\.\s*[a-z\"]", text)
    functions = len(re.findall(r"create (?:or replace )?function", text))
    assert len(re.findall(r"set search_path from current", text)) == functions


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.stem)
def test_a_file_of_views_makes_the_object_it_is_named_after(path: Path) -> None:
    name = path.name.split(".")[0]
    made = re.findall(r"create or replace (?:view|function) (\w+)", path.read_text())
    assert made == [name]


def test_what_a_view_needs_is_a_file_beside_it() -> None:
    for path in VIEWS:
        assert set(needs(path)) <= {other.name.split(".")[0] for other in VIEWS}, path.name
    for variant in (True, False):
        assert len(in_order_of_need(before_018=variant)) == 7


def test_squawk_finds_nothing_and_every_silenced_rule_has_its_reason() -> None:
    paths = [str(path.relative_to(ROOT)) for path in MIGRATIONS + VIEWS]
    squawk = Path(sys.executable).parent / "squawk"
    done = subprocess.run([squawk, "--reporter", "json", *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout or "[]") == []
    assert done.returncode == 0, done.stderr
    for path in MIGRATIONS + VIEWS:
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if line.startswith("-- squawk-ignore"):
                reason = lines[number - 1]
                assert re.match(r"-- .{30,}", reason), f"{path.name}:{number + 1} gives no reason"
    configuration = (ROOT / ".squawk.toml").read_text()
    excluded = configuration[configuration.index("excluded_rules") :]
    assert "# The migrator sets" in excluded


# ---- on an empty database, and again ---------------------------------------------------------------------------------


def test_the_files_build_the_published_interface_on_an_empty_database(core_database_everywhere: Database) -> None:
    db = core_database_everywhere
    install_views(db)
    assert columns(db, "chat_state_summary")[:6] == [
        ("chat_state", "text"),
        ("count", "bigint"),
        ("with_operator", "bigint"),
        ("has_last_operator", "bigint"),
        ("oldest_chat", "timestamp with time zone"),
        ("newest_chat", "timestamp with time zone"),
    ]
    assert dict(db.execute(SIGNATURES)) == {
        "queue_paused_until()": "timestamp with time zone",
        "get_assignment_queue_status()": "TABLE(total_waiting integer, total_assigned integer, total_waiting_reply integer"
        ", oldest_waiting_chat timestamp with time zone, average_wait_time_minutes numeric)",
        "detect_stuck_chats(p_hours integer DEFAULT 24)": "TABLE(chat_id uuid, chat_state text, assigned_operator_id uuid"
        ", last_operator_id uuid, hours_in_state numeric, last_message_at timestamp with time zone)",
        "should_keep_assignment(p_chat_id uuid, p_current_state text, p_assigned_operator_id uuid)": "boolean",
        "assign_chat_to_operator(p_operator_id uuid)": "uuid",
        "release_and_reassign_chat(p_chat_id uuid, p_reason text DEFAULT 'manual_release'::text)": "boolean",
        "validate_chat_state_transition()": "trigger",
        "update_chat_on_message()": "trigger",
    }
    assert db.execute("select distinct proconfig from pg_proc where pronamespace = 'public'::regnamespace") == [
        (["search_path=public, pg_temp"],)
    ]
    assert db.execute("select conname, convalidated from pg_constraint where conname like 'chk\\_%' order by conname") == [
        ("chk_assigned_state_has_operator", True),
        ("chk_waiting_reply_has_timestamp", True),
    ]
    assert db.execute("select key, value from platform_config order by key") == [
        ("idle_timeout_minutes", 5),
        ("max_reassignments", 3),
    ]
    assert db.value("select count(*) from pg_extension where extname <> 'plpgsql'") == 0


def test_a_second_run_of_every_file_changes_nothing(core_database_everywhere: Database) -> None:
    db = core_database_everywhere
    install_views(db)
    populate(db)
    before = everything(db)
    for path in MIGRATIONS:
        db.script(path)
    install_views(db)
    assert everything(db) == before


def test_the_files_go_into_a_schema_of_their_own_and_work_from_any_path(database: Database) -> None:
    database.execute("create schema tenant_7")
    for path in [*MIGRATIONS, *in_order_of_need(before_018=True)]:
        database.script(path, schema="tenant_7")
    assert database.value("select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
    database.script("insert into operators (name, is_available) values ('Ada', true)", schema="tenant_7")
    chat = database.psql(
        "set search_path = tenant_7;"
        "insert into real_users (name) values ('u'); insert into fictional_users (name) values ('f');"
        "insert into chats (real_user_id, fictional_user_id) select u.id, f.id from real_users u, fictional_users f;"
        "insert into messages (chat_id, sender_type) select id, 'real' from chats;"
        "reset search_path;"
        "select tenant_7.assign_chat_to_operator(id) = (select id from tenant_7.chats) from tenant_7.operators;"
        "select total_assigned from tenant_7.get_assignment_queue_status();"
        "select count(*) from tenant_7.detect_stuck_chats(0);"
    )
    assert (chat.stdout.split(), chat.stderr) == (["t", "1", "1"], "")


# ---- over a deployed database ------------------------------------------------------------------------------------------


def test_over_a_deployed_database_no_row_grant_owner_or_signature_changes(database_everywhere: Database) -> None:
    db = database_everywhere
    db.script(DEPLOYED)
    before = everything(db)
    for path in [*MIGRATIONS, *in_order_of_need(before_018=True)]:
        # As the tables' owner, who is no superuser: so it is on the hosting.
        db.script("set local role application_owner;\n" + path.read_text())
    after = everything(db)
    added = {key for key in after if key not in before}
    assert {key[1].split(" ")[0] for key in added} == {*NEW_VIEWS, "queue_paused_until()"}
    # The one view has one column more, behind the others.
    columns_of_view = next(part for part in after["relation", "chat_state_summary"] if isinstance(part, list))
    assert columns_of_view.pop()[0] == "paused_until"
    assert {key: value for key, value in after.items() if key not in added} == before
    # What may change is the text of functions and of the one view, and only there.
    assert db.value("select prosrc like '%skip locked%' from pg_proc where proname = 'assign_chat_to_operator'")
    assert db.value("select pg_get_functiondef('detect_stuck_chats(integer)'::regprocedure) like '%stuck_chats%'")


def test_over_a_deployed_database_a_hardened_grant_stays_as_it_was_made(database: Database) -> None:
    database.script(DEPLOYED)
    for path in [*MIGRATIONS, *in_order_of_need(before_018=True)]:
        database.script("set local role application_owner;\n" + path.read_text())
    assert database.execute(
        "select has_function_privilege('authenticated', 'release_and_reassign_chat(uuid, text)', 'execute'),"
        " has_function_privilege('service_role', 'release_and_reassign_chat(uuid, text)', 'execute'),"
        " has_table_privilege('anon', 'chat_state_summary', 'select'),"
        " has_table_privilege('service_role', 'chat_queue', 'select')"
    ) == [(False, True, False, True)]


def test_our_views_show_a_caller_under_row_security_only_what_the_tables_would(database: Database) -> None:
    database.script(DEPLOYED)
    for path in in_order_of_need(before_018=True):
        database.script("set local role application_owner;\n" + path.read_text())
    assert database.value("select count(*) from chat_queue") == 2
    database.execute("set role authenticated")
    assert [database.value(f"select count(*) from {view}") for view in sorted(NEW_VIEWS)] == [0, 0, 0]
    database.execute("reset role")


def test_001_does_nothing_at_all_where_chats_exists(database: Database) -> None:
    database.execute("create table chats (id text)")
    before = everything(database)
    database.script(MIGRATIONS[0])
    assert everything(database) == before


def test_014_fills_the_state_of_old_chats_only_in_the_run_that_adds_it(database_everywhere: Database) -> None:
    db = database_everywhere
    db.script(MIGRATIONS[0])
    ada = operator(db, "Ada")
    kinds = ("closed", "held", "answered", "asked again", "asked", "empty")
    chats = {kind: chat(db) for kind in kinds}
    for kind in kinds[:5]:
        message(db, chats[kind], "real", "3 hours")
    for kind in ("closed", "answered", "asked again"):
        message(db, chats[kind], "fictional", "2 hours", by=ada)
    message(db, chats["asked again"], "real", "1 hour")
    db.execute("update chats set is_active = false where id = %s", [chats["closed"]])
    db.execute("update chats set assigned_operator_id = %s where id = %s", [ada, chats["held"]])

    db.script(MIGRATIONS[1])
    told = "select chat_state, last_operator_id is not null, operator_replied_at is not null from chats where id = %s"
    assert {kind: db.execute(told, [chats[kind]])[0] for kind in kinds} == {
        "closed": ("completed", True, False),
        "held": ("assigned", False, False),
        "answered": ("waiting_real_user_reply", True, True),
        "asked again": ("waiting_assignment", True, False),
        "asked": ("waiting_assignment", False, False),
        "empty": ("waiting_assignment", False, False),
    }
    for path in MIGRATIONS[2:]:
        db.script(path)

    db.execute("update chats set chat_state = null where id = %s", [chats["asked"]])
    before = everything(db)
    db.script(MIGRATIONS[1])
    assert everything(db) == before


def test_016_stops_at_rows_that_break_its_checks_and_leaves_nothing_behind(database: Database) -> None:
    for path in MIGRATIONS[:3]:
        database.script(path)
    one = chat(database)
    database.execute("update chats set chat_state = 'assigned' where id = %s", [one])
    before = everything(database)
    with pytest.raises(psycopg.errors.CheckViolation, match="chk_assigned_state_has_operator"):
        database.script(MIGRATIONS[3])
    assert everything(database) == before


# ---- what the deployed functions do, faults included -----------------------------------------------------------------


def test_an_operator_gets_the_oldest_chat_that_they_did_not_just_have(core_database_everywhere: Database) -> None:
    db = core_database_everywhere
    ada, ben = operator(db, "Ada"), operator(db, "Ben")
    first, second = chat(db, age="3 days"), chat(db, age="2 days")
    assert assign(db, ada) == first
    assert assign(db, ada) is None, "one at a time"
    assert db.execute("select chat_state, assigned_operator_id, last_operator_id from chats where id = %s", [first]) == [
        ("assigned", ada, ada)
    ]
    assert db.execute("select chat_id, operator_id, released_at from chat_assignments") == [(first, ada, None)]
    assert db.execute("select chat_id, operator_id from operator_activity") == [(first, ada)]
    assert db.value("select release_and_reassign_chat(%s)", [first]) is True
    assert db.execute("select release_reason, released_at is not null from chat_assignments") == [("manual_release", True)]
    assert db.value("select count(*) from operator_activity") == 0
    assert assign(db, ada) == second, "not the same again"
    assert assign(db, ben) == first


def test_the_last_operator_gets_the_chat_again_when_there_is_no_other(core_database: Database) -> None:
    ada = operator(core_database, "Ada")
    only = chat(core_database)
    assert assign(core_database, ada) == only
    core_database.execute("select release_and_reassign_chat(%s)", [only])
    assert assign(core_database, ada) == only


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("null", "not found"),
        ("(false, true)", "not active"),
        ("(null, true)", "not active"),
        ("(true, false)", "not available"),
    ],
)
def test_assign_refuses_an_operator_who_cannot_work(core_database: Database, flags: str, words: str) -> None:
    chat(core_database)
    ada = operator(core_database, "Ada")
    if flags == "null":
        core_database.execute("delete from operators")
    else:
        core_database.execute(f"update operators set (is_active, is_available) = {flags}")
    with pytest.raises(psycopg.errors.RaiseException, match=words):
        assign(core_database, ada)
    assert core_database.value("select count(*) from chats where chat_state = 'assigned'") == 0


def test_original_a_double_click_gives_an_operator_two_chats(core_database: Database) -> None:
    ada = operator(core_database, "Ada")
    chats = {chat(core_database), chat(core_database)}
    one, other = core_database.connect(), core_database.connect()
    one.execute("begin")
    other.execute("begin")
    # Their own row of operators is written last, so the second click waits there, its chat already taken.
    taken = {one.execute("select assign_chat_to_operator(%s)", [ada]).fetchone()}
    results: list[Any] = []
    thread = threading.Thread(
        target=lambda: results.append(other.execute("select assign_chat_to_operator(%s)", [ada]).fetchone())
    )
    thread.start()
    wait_until_blocked(core_database.connect(), other.info.backend_pid)
    one.execute("commit")
    thread.join()
    other.execute("commit")
    assert {row[0] for row in {*taken, *results} if row} == chats
    assert core_database.value("select count(*) from chats where assigned_operator_id = %s", [ada]) == 2


def test_original_a_locked_queue_hands_an_operator_their_own_chat(core_database: Database) -> None:
    ada = operator(core_database, "Ada")
    own, other = chat(core_database, age="1 day"), chat(core_database, age="2 days")
    core_database.execute("update chats set last_operator_id = %s where id = %s", [ada, own])
    holder = core_database.connect()
    holder.execute("begin")
    holder.execute("select 1 from chats where id = %s for update", [other])
    assert assign(core_database, ada) == own
    holder.execute("rollback")


def test_original_an_empty_chat_and_the_oldest_chat_come_first(core_database: Database) -> None:
    ada = operator(core_database, "Ada")
    starved, empty = chat(core_database, age="1 day"), chat(core_database, age="9 days")
    message(core_database, starved, "real", "20 hours")
    assert assign(core_database, ada) == empty


def test_original_a_release_does_not_look_at_the_state_again(core_database: Database) -> None:
    ada = operator(core_database, "Ada")
    one = chat(core_database)
    assign(core_database, ada)
    reply_as_the_application_does(core_database, one, ada)
    assert core_database.value("select release_and_reassign_chat(%s, 'idle_timeout')", [one]) is True
    assert core_database.value("select chat_state from chats") == "waiting_assignment"


def test_original_three_replies_and_one_timeout_close_a_chat_for_good(core_database: Database) -> None:
    ada, ben = operator(core_database, "Ada"), operator(core_database, "Ben")
    one = chat(core_database)
    for turn in range(3):
        who = (ada, ben)[turn % 2]
        message(core_database, one, "real", "0 seconds")
        core_database.execute("update chats set chat_state = 'waiting_assignment'")
        assert assign(core_database, who) == one
        reply_as_the_application_does(core_database, one, who)
    core_database.execute("update chats set chat_state = 'waiting_assignment'")
    assert assign(core_database, ben) == one
    assert core_database.value("select release_and_reassign_chat(%s, 'idle_timeout')", [one]) is False
    assert core_database.execute("select chat_state, is_active, assigned_operator_id from chats") == [("completed", False, None)]
    assert core_database.value("select count(*) from chat_assignments where released_at is null") == 0


def test_original_a_limit_saved_as_text_stops_every_release(core_database: Database) -> None:
    ada = operator(core_database, "Ada")
    one = chat(core_database)
    assign(core_database, ada)
    core_database.execute("""update platform_config set value = '"3"' where key = 'max_reassignments'""")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="cannot cast jsonb string"):
        core_database.execute("select release_and_reassign_chat(%s)", [one])
    core_database.execute("delete from platform_config")
    assert core_database.value("select release_and_reassign_chat(%s)", [one]) is True, "no row means three"


def test_original_checks_are_one_directional_and_block_a_force_close(core_database: Database) -> None:
    ada = operator(core_database, "Ada")
    one = chat(core_database)
    core_database.execute("update chats set assigned_operator_id = %s", [ada])
    core_database.execute("update chats set chat_state = null")
    core_database.execute("update chats set chat_state = 'waiting_assignment', assigned_operator_id = null")
    assert assign(core_database, ada) == one
    for statement in (
        "update chats set is_active = false, assigned_operator_id = null",
        "delete from operators",
    ):
        with pytest.raises(psycopg.errors.CheckViolation, match="chk_assigned_state_has_operator"):
            core_database.execute(statement)
    with pytest.raises(psycopg.errors.CheckViolation, match="chk_waiting_reply_has_timestamp"):
        core_database.execute("update chats set chat_state = 'waiting_real_user_reply'")


def test_original_release_and_assign_run_as_their_owner_for_everybody(core_database: Database) -> None:
    assert core_database.execute(
        "select proname, prosecdef, coalesce(has_function_privilege('public', oid, 'execute'), false) from pg_proc"
        " where proname in ('assign_chat_to_operator', 'release_and_reassign_chat') order by 1"
    ) == [("assign_chat_to_operator", True, True), ("release_and_reassign_chat", True, True)]


def test_original_monitoring_counts_from_the_chats_age_and_any_write(core_database: Database) -> None:
    waits = chat(core_database, age="10 hours")
    message(core_database, waits, "real", "1 hour")
    waits_for_user = chat(core_database, age="10 hours")
    core_database.execute(
        "update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = now() - interval '9 hours',"
        " updated_at = now() - interval '9 hours' where id = %s",
        [waits_for_user],
    )
    status = core_database.execute("select total_waiting, average_wait_time_minutes::int from get_assignment_queue_status()")
    assert status == [(1, 600)]
    assert core_database.execute("select chat_id from detect_stuck_chats(8)") == [(waits_for_user,)]


def test_the_transition_function_is_there_but_not_installed_and_refuses_what_no_state_leads_to(
    core_database: Database,
) -> None:
    one = chat(core_database)
    triggers = "select tgname from pg_trigger where not tgisinternal"
    assert core_database.execute(triggers) == [("update_chat_on_message",)]
    core_database.execute(
        "create trigger watch before update on chats for each row execute function validate_chat_state_transition()"
    )
    core_database.execute("update chats set chat_state = 'completed', is_active = false")
    with pytest.raises(psycopg.errors.CheckViolation, match=f"chat {one} cannot go from completed to assigned"):
        core_database.execute("update chats set chat_state = 'assigned'")


def test_a_message_moves_the_chats_counters(core_database: Database) -> None:
    one = chat(core_database)
    message(core_database, one, "real", "2 hours")
    message(core_database, one, "fictional", "1 hour")
    assert core_database.execute("select message_count, last_message_at = (select max(created_at) from messages) from chats") == [
        (2, True)
    ]


# ---- what the words of sql/views mean ----------------------------------------------------------------------------------


@pytest.fixture(params=["before 018", "with 018's clock"])
def population(request: pytest.FixtureRequest, core_database: Database) -> tuple[Database, dict[str, Any]]:
    """One chat of each kind, with the views installed: from the messages, and from chats.waiting_since."""
    chats = populate(core_database)
    if request.param == "before 018":
        install_views(core_database)
    else:
        core_database.execute("alter table chats add column if not exists waiting_since timestamptz")
        core_database.execute(
            "update chats c set waiting_since = (select min(created_at) from messages m where m.chat_id = c.id"
            " and sender_type = 'real' and created_at > coalesce((select max(created_at) from messages r"
            " where r.chat_id = c.id and sender_type = 'fictional'), '-infinity'))"
        )
        install_views(core_database, before_018=False)
    return core_database, chats


def test_the_queue_holds_who_waits_since_the_wait_began(population: tuple[Database, dict[str, Any]]) -> None:
    db, chats = population
    rows = db.execute(
        "select chat_id, round(extract(epoch from now() - waiting_since) / 60)::int from chat_queue order by 2 desc"
    )
    assert rows == [(chats["new, two messages"], 360), (chats["asked again"], 60), (chats["still has an operator"], 30)]


def test_stuck_is_who_waits_for_us_and_never_who_we_wait_for(population: tuple[Database, dict[str, Any]]) -> None:
    db, chats = population
    rows = db.execute(
        "select chat_id, reason, round(extract(epoch from now() - since) / 60)::int from stuck_chats order by 3 desc"
    )
    assert rows == [
        (chats["overlooked"], "unanswered", 480),
        (chats["new, two messages"], "waiting", 360),
        (chats["held"], "assigned", 120),
        (chats["asked again"], "waiting", 60),
        (chats["still has an operator"], "waiting", 30),
    ]
    assert db.execute("select chat_id, chat_state, hours_in_state from detect_stuck_chats(5)") == [
        (chats["overlooked"], "waiting_real_user_reply", 8),
        (chats["new, two messages"], "waiting_assignment", 6),
    ]
    assert db.value("select count(*) from detect_stuck_chats()") == 0


def test_the_queue_status_counts_and_times_the_same_queue(population: tuple[Database, dict[str, Any]]) -> None:
    db, _ = population
    assert db.execute(
        "select total_waiting, total_assigned, total_waiting_reply, average_wait_time_minutes::int,"
        " oldest_waiting_chat = (select min(waiting_since) from chat_queue) from get_assignment_queue_status()"
    ) == [(3, 1, 2, 150, True)]


def test_the_queue_status_of_an_empty_queue_knows_no_wait(core_database: Database) -> None:
    install_views(core_database)
    assert core_database.execute("select * from get_assignment_queue_status()") == [(0, 0, 0, None, None)]


def test_operators_are_busy_free_or_away_by_both_clocks(population: tuple[Database, dict[str, Any]]) -> None:
    db, chats = population
    rows = db.execute(
        "select name, load, chat_id, round(extract(epoch from idle_for) / 60)::int, held_chats from operator_load order by name"
    )
    assert rows == [
        ("Ada", "busy", chats["held"], 5, 1),
        ("Ben", "free", None, 1, 0),
        ("Cy", "away", None, None, 0),
        ("Di", "free", None, 0, 0),
    ]
    assert db.value("select now() - last_activity = idle_for from operator_load where name = 'Ada'")
    assert db.value("select last_activity > now() from operator_load where name = 'Di'"), "as it was written"


def test_an_operator_with_two_chats_shows_the_older_and_says_two(core_database: Database) -> None:
    install_views(core_database)
    ada = operator(core_database, "Ada")
    older, newer = chat(core_database), chat(core_database)
    for one, since in ((older, "2 hours"), (newer, "1 hour")):
        core_database.execute(
            "update chats set chat_state = 'assigned', assigned_operator_id = %s, assignment_time = now() - %s::interval"
            " where id = %s",
            [ada, since, one],
        )
    core_database.execute("update operators set is_active = false")
    assert core_database.execute("select load, is_active, chat_id, held_chats from operator_load") == [("busy", False, older, 2)]


def test_a_message_of_the_same_instant_as_the_reply_counts_as_answered(core_database: Database) -> None:
    install_views(core_database)
    one = chat(core_database)
    message(core_database, one, "real", "1 hour")
    core_database.execute(
        "insert into messages (chat_id, sender_type, created_at) select chat_id, 'fictional', created_at from messages"
    )
    for state in ("waiting_assignment", "waiting_real_user_reply"):
        core_database.execute("update chats set chat_state = %s, operator_replied_at = now()", [state])
        assert core_database.value("select count(*) from stuck_chats") == 0


def test_an_inlined_view_answers_as_the_installed_one(population: tuple[Database, dict[str, Any]]) -> None:
    db, _ = population
    before_018 = "waiting_since" not in dict(columns(db, "chats"))
    for view in sorted(NEW_VIEWS):
        ask = f"select count(*), md5(string_agg(v::text, ',' order by v::text)) from {view} v"
        ask = ask if view != "operator_load" else ask.replace("v::text", "(to_jsonb(v) - 'idle_for')::text")
        inlined = sqlfiles.with_views(f"-- Asks.\n-- needs: {view}\n{ask}", before_018=before_018)
        installed = db.execute(ask)
        db.execute("begin")
        db.execute(f"drop view {view} cascade")
        assert db.execute(inlined) == installed
        db.execute("rollback")


def test_both_variants_of_a_view_have_the_same_columns(core_database: Database) -> None:
    install_views(core_database)
    names = ("chat_queue", "stuck_chats")
    before = {name: columns(core_database, name) for name in names}
    core_database.execute("alter table chats add column if not exists waiting_since timestamptz")
    install_views(core_database, before_018=False)
    assert {name: columns(core_database, name) for name in names} == before


def test_the_queue_touches_no_chat_that_neither_waits_nor_is_held(core_database: Database) -> None:
    install_views(core_database)
    populate(core_database)
    core_database.execute(
        "with u as (insert into real_users (name) select 'history-' || n from generate_series(1, 5000) n returning id)"
        " insert into chats (real_user_id, fictional_user_id, chat_state, is_active)"
        " select u.id, (select id from fictional_users limit 1), 'completed', false from u"
    )
    core_database.execute("analyze")
    for view in ("chat_queue", "operator_load"):
        plan = core_database.value(f"explain (analyze, format json) select * from {view}")[0]["Plan"]
        assert rows_read(plan, "chats") < 20, view


# ---- the deploy guide ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("views", ["without sql/views", "with sql/views"])
def test_every_statement_of_the_deploy_guide_gives_what_it_expects(core_database: Database, views: str) -> None:
    db = core_database
    chats = populate(db)
    if views == "with sql/views":
        install_views(db)

    def ask(text: str) -> list[list[str]]:
        done = db.psql(text)
        assert (done.returncode, done.stderr) == (0, "")
        return [line.split("|") for line in done.stdout.splitlines()]

    states = {row[0]: int(row[1]) for row in ask("SELECT * FROM chat_state_summary;")}
    assert states == {"waiting_assignment": 5, "assigned": 1, "waiting_real_user_reply": 2}
    (status,) = ask("SELECT * FROM get_assignment_queue_status();")
    assert status[1:3] == ["1", "2"]
    assert status[0] == ("3" if views == "with sql/views" else "5"), "the original counts empty chats as waiting"
    assert ask("SELECT routine_name FROM information_schema.routines\nWHERE routine_name = 'should_keep_assignment';") == [
        ["should_keep_assignment"]
    ]
    stuck = {row[0] for row in ask("SELECT * FROM detect_stuck_chats(1);")}
    assert (str(chats["held"]) in stuck) == (views == "with sql/views"), "the original looks at the last write"
    (held,) = ask(f"SELECT id, chat_state, assigned_operator_id \nFROM chats \nWHERE id = '{chats['held']}';")
    assert held[1:] == ["assigned", held[2] or "an operator"]
    (again,) = ask(f"SELECT id, chat_state, last_operator_id \nFROM chats \nWHERE id = '{chats['asked again']}';")
    assert again[2], "last_operator_id should be set"
    duplicates = (
        "SELECT chat_id, COUNT(*) as assignment_count\nFROM chat_assignments\nWHERE released_at IS NULL\n"
        "GROUP BY chat_id\nHAVING COUNT(*) > 1;"
    )
    assert ask(duplicates) == []
    db.execute("insert into chat_assignments (chat_id, operator_id) select chat_id, operator_id from chat_assignments")
    assert ask(duplicates) == [[str(chats["held"]), "2"]]


def test_the_guides_two_scenarios_hold_when_nobody_interferes(core_database_everywhere: Database) -> None:
    db = core_database_everywhere
    ada = operator(db, "Ada")
    first, second = chat(db, age="2 days"), chat(db, age="1 day")
    for one in (first, second):
        message(db, one, "real", "1 hour")
    assert assign(db, ada) == first
    # The user writes again while the operator works: the application asks whether they keep the chat.
    message(db, first, "real", "1 minute")
    keeps = "select should_keep_assignment(id, chat_state, assigned_operator_id) from chats where id = %s"
    assert [db.value(keeps, [one]) for one in (first, second)] == [True, False]
    # The operator answers, the user writes back, the operator asks for the next chat.
    reply_as_the_application_does(db, first, ada)
    message(db, first, "real", "0 seconds")
    db.execute("update chats set chat_state = 'waiting_assignment' where id = %s", [first])
    assert assign(db, ada) == second


@pytest.mark.parametrize(
    ("state", "holder", "keeps"),
    [("assigned", True, True), ("assigned", False, False), ("waiting_assignment", True, False), (None, True, False)],
)
def test_a_chat_is_kept_when_it_is_assigned_and_somebody_holds_it(
    core_database: Database, state: str | None, holder: bool, keeps: bool
) -> None:
    call = "select should_keep_assignment(gen_random_uuid(), %s, case when %s then gen_random_uuid() end)"
    assert core_database.value(call, [state, holder]) is keeps


# ---- telling ---------------------------------------------------------------------------------------------------------


def operator(db: Database, name: str, **more: Any) -> Any:
    """A new operator on shift; its id."""
    fields = {"name": name, "is_active": True, "is_available": True, **more}
    marks = ", ".join("%s" for _ in fields)
    return db.value(f"insert into operators ({', '.join(fields)}) values ({marks}) returning id", list(fields.values()))


def chat(db: Database, age: str = "1 day") -> Any:
    """A new chat as the application creates it, before any message; its id."""
    return db.value(
        "with u as (insert into real_users (name) values ('user') returning id),"
        " f as (insert into fictional_users (name) values ('profile') returning id)"
        " insert into chats (real_user_id, fictional_user_id, created_at)"
        " select u.id, f.id, now() - %s::interval from u, f returning id",
        [age],
    )


def message(db: Database, one: Any, sender: str, age: str, by: Any = None) -> None:
    """A message of so long ago, and nothing else of what the application would do."""
    db.execute(
        "insert into messages (chat_id, sender_type, content, created_at, handled_by_operator_id)"
        " values (%s, %s, 'text', clock_timestamp() - %s::interval, %s)",
        [one, sender, age, by],
    )


def assign(db: Database, who: Any) -> Any:
    """The chat that the operator is given, None for none."""
    return db.value("select assign_chat_to_operator(%s)", [who])


def reply_as_the_application_does(db: Database, one: Any, who: Any) -> None:
    """The separate statements of an operator's reply."""
    message(db, one, "fictional", "0 seconds", by=who)
    db.execute(
        "update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = clock_timestamp(),"
        " assigned_operator_id = null, assignment_time = null where id = %s",
        [one],
    )
    db.execute(
        "update chat_assignments set released_at = clock_timestamp(), release_reason = 'operator_sent_message'"
        " where chat_id = %s and released_at is null",
        [one],
    )
    db.execute("delete from operator_activity where chat_id = %s and operator_id = %s", [one, who])


def populate(db: Database) -> dict[str, Any]:
    """One chat of each kind and four operators; the chats' ids by kind."""
    ada = operator(db, "Ada")
    operator(db, "Ben")
    operator(db, "Cy", is_available=False, last_activity=None)
    operator(db, "Di")
    kinds = (
        "new, two messages",
        "asked again",
        "answered, in the queue",
        "empty",
        "still has an operator",
        "held",
        "answered",
        "overlooked",
        "closed",
    )
    chats = {kind: chat(db) for kind in kinds}
    for kind in kinds:
        if kind not in ("empty", "still has an operator", "new, two messages"):
            message(db, chats[kind], "real", "12 hours")
    for kind in ("asked again", "answered, in the queue", "answered", "overlooked", "closed"):
        message(db, chats[kind], "fictional", "10 hours", by=ada)
    message(db, chats["new, two messages"], "real", "6 hours")
    message(db, chats["new, two messages"], "real", "2 hours")
    message(db, chats["asked again"], "real", "1 hour")
    message(db, chats["still has an operator"], "real", "30 minutes")
    message(db, chats["overlooked"], "real", "8 hours")
    message(db, chats["overlooked"], "real", "7 hours")
    message(db, chats["closed"], "real", "9 hours")

    def put(kind: str, assignments: str) -> None:
        db.execute(f"update chats set {assignments} where id = %s", [chats[kind]])

    put("asked again", f"last_operator_id = '{ada}'")
    put("still has an operator", f"assigned_operator_id = '{ada}'")
    put("held", f"chat_state = 'assigned', assigned_operator_id = '{ada}', assignment_time = now() - interval '2 hours'")
    for kind in ("answered", "overlooked"):
        put(kind, "chat_state = 'waiting_real_user_reply', operator_replied_at = now() - interval '7 hours'")
    put("closed", "chat_state = 'completed', is_active = false")
    db.execute(
        "insert into chat_assignments (chat_id, operator_id, assigned_at) values (%s, %s, now() - interval '2 hours')",
        [chats["held"], ada],
    )
    db.execute(
        "insert into operator_activity (chat_id, operator_id, last_activity) values (%s, %s, now() - interval '5 minutes')",
        [chats["held"], ada],
    )
    db.execute(
        "update operators set last_activity = case name when 'Ada' then now() - interval '3 hours'"
        " when 'Ben' then now() - interval '1 minute' when 'Di' then now() + interval '1 hour' end"
    )
    return chats


# ---- reading ---------------------------------------------------------------------------------------------------------

SIGNATURES = """
select p.proname || '(' || pg_get_function_arguments(p.oid) || ')', pg_get_function_result(p.oid)
  from pg_proc p where p.pronamespace = 'public'::regnamespace"""

CATALOG = """
select 'relation', c.relname, jsonb_build_array(c.relkind, c.relowner::regrole, c.relacl::text, c.relrowsecurity,
         c.reloptions, (select jsonb_agg(jsonb_build_array(a.attname, a.atttypid::regtype, a.attnotnull, a.attacl::text,
           pg_get_expr(d.adbin, d.adrelid)) order by a.attnum) from pg_attribute a
           left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
  from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
union all
select 'index', indexname, to_jsonb(indexdef) from pg_indexes where schemaname = 'public'
union all
select 'constraint', conrelid::regclass || ' ' || conname, jsonb_build_array(pg_get_constraintdef(oid), convalidated)
  from pg_constraint where connamespace = 'public'::regnamespace and conrelid <> 0 and contype <> 'n'
union all
select 'trigger', tgrelid::regclass || ' ' || tgname, jsonb_build_array(pg_get_triggerdef(oid), tgenabled)
  from pg_trigger where not tgisinternal
union all
select 'policy', tablename || ' ' || policyname, jsonb_build_array(cmd, roles::text, qual, with_check)
  from pg_policies where schemaname = 'public'
union all
select 'function', p.proname || '(' || pg_get_function_arguments(p.oid) || ')',
       jsonb_build_array(p.oid::bigint, pg_get_function_result(p.oid), p.proowner::regrole, p.proacl::text)
  from pg_proc p where p.pronamespace = 'public'::regnamespace"""


def everything(db: Database) -> dict[tuple[str, str], Any]:
    """Every object with owner, grants and definition, and every row with the transaction that last touched it."""
    found: dict[tuple[str, str], Any] = {(kind, name): told for kind, name, told in db.execute(CATALOG)}
    for (table,) in db.execute("select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"):
        found["rows", table] = db.execute(f'select ctid::text, xmin::text, to_jsonb(t) from "{table}" t order by ctid')
    return found


def columns(db: Database, name: str) -> list[tuple[str, str]]:
    """The columns of a table or view with their types, in order."""
    return db.execute(  # type: ignore[return-value]
        "select attname::text, format_type(atttypid, null) from pg_attribute where attrelid = %s::regclass"
        " and attnum > 0 and not attisdropped order by attnum",
        [name],
    )


def rows_read(plan: dict[str, Any], table: str) -> int:
    """The rows of a table that a plan looked at, those that a filter dropped included."""
    own = 0
    if plan.get("Relation Name") == table:
        own = int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    return own + sum(rows_read(child, table) for child in plan.get("Plans", []))


def needs(path: Path) -> list[str]:
    """The files that a file of sql/views says it needs."""
    return [name for name in re.split(r"[,\s]+", sqlfiles.header(path.read_text()).get("needs", "")) if name]


def in_order_of_need(*, before_018: bool) -> list[Path]:
    """The files of sql/views in one variant, each after those that it needs."""
    chosen = {path.stem: path for path in VIEWS if "." not in path.stem}
    if before_018:
        chosen |= {path.name.split(".")[0]: path for path in VIEWS if path.stem.endswith(".before_018")}
    done: list[Path] = []

    def add(name: str) -> None:
        for other in needs(chosen[name]):
            add(other)
        if chosen[name] not in done:
            done.append(chosen[name])

    for name in sorted(chosen):
        add(name)
    return done


def install_views(db: Database, *, before_018: bool = True) -> None:
    """Installs sql/views without the migrator."""
    for path in in_order_of_need(before_018=before_018):
        db.script(path)
