"""`chatops verify`: is the deploy right? Passed, failed and unknown, counted apart, and any one thing that breaks is seen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from chatops import db
from chatops.checks import before_files, findings, load, results, run
from chatops.flows import paste, verify
from tests.ailing import deployed, opened, plant, standing_still, wrong
from tests.conftest import ROOT, Result
from tests.servers import Database, Farm, Server
from tests.shift import furnish
from tests.test_checks_long import undone

__all__ = ["deployed"]

Run = Callable[..., Result]


def test_on_the_migrated_system_everything_passes(core_database_everywhere: Database, chatops_inprocess: Run) -> None:
    shown = chatops_inprocess("verify", db=core_database_everywhere, check=0).stdout
    schema = sum(check.group == "schema" for check in load.shipped())
    data = sum(check.group == "data" for check in load.shipped())
    assert f"schema: {schema} passed, 0 failed, 0 unknown" in shown
    assert f"data: {data} passed, 0 failed, 0 unknown" in shown
    assert f"All {schema + data} checks passed in" in shown


def test_on_the_newest_schema_everything_passes(latest_database_everywhere: Database, chatops_inprocess: Run) -> None:
    assert "failed, 0 unknown" in chatops_inprocess("verify", db=latest_database_everywhere, check=0).stdout


def test_the_applications_own_database_passes_too(database_everywhere: Database, chatops_inprocess: Run) -> None:
    database_everywhere.script(ROOT / "tests" / "deployed_schema.sql")
    found = json.loads(chatops_inprocess("verify", "schema", "-o", "json", db=database_everywhere, check=0).stdout)
    assert {check["status"] for check in found["checks"]} == {"passed"}


def test_schema_and_data_can_be_asked_apart(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "CHAT003")
    chatops_inprocess("verify", "schema", db=deployed, check=0)
    failed = chatops_inprocess("verify", "data", db=deployed, check=1).stdout
    assert "✗ failed   CHAT003  in 1 chat state and operator contradict each other" in failed
    assert failed.startswith("1 of ")
    assert "what it means and what helps: chatops diagnose" in failed
    assert "looks at schema or data" in chatops_inprocess("verify", "everything", db=deployed, check=2).stderr


def test_advice_is_shown_and_changes_no_exit_code_unless_asked(deployed: Database, chatops_inprocess: Run) -> None:
    shown = chatops_inprocess("verify", "--only", "QUEUE003", db=deployed, check=0).stdout
    assert "! advice   QUEUE003" in shown
    assert "0 of 1 check passed, 1 with advice" in shown
    chatops_inprocess("verify", "--only", "QUEUE003", "--fail-on", "advice", db=deployed, check=1)
    plant(deployed, "CHAT003")
    chatops_inprocess("verify", "--only", "CHAT003", "--fail-on", "never", db=deployed, check=0)
    plant(deployed, "CHAT014")
    chatops_inprocess("verify", "--only", "CHAT014", "--fail-on", "critical", db=deployed, check=0)
    assert "--fail-on takes" in chatops_inprocess("verify", "--fail-on", "error", db=deployed, check=2).stderr


def test_an_empty_database_is_told_in_one_line_and_never_right(database: Database, chatops_inprocess: Run) -> None:
    found = json.loads(chatops_inprocess("verify", "-o", "json", db=database, check=4).stdout)
    assert found["error"]["message"].startswith("there is no table chats in schema public")
    assert f"is {database.name} the right database?" in found["error"]["details"][0]
    steps = [step["command"] for step in found["error"]["next_steps"]]
    assert steps == ["chatops config", "chatops migrate --to 017"]


def test_the_list_connects_to_nothing(chatops_inprocess: Run) -> None:
    listed = json.loads(chatops_inprocess("verify", "--list", "-o", "json", check=0).stdout)["checks"]
    assert {row["code"] for row in listed} == {check.code for check in load.shipped() if check.group != "now"}


def test_a_summary_is_written_beside_the_screen(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    plant(deployed, "CHAT003")
    chatops_inprocess("verify", "--write", "markdown=summary.md", "--write", "json=out.json", db=deployed, check=1)
    assert "CHAT003" in (tmp_path / "summary.md").read_text()
    found = {row["code"]: row for row in json.loads((tmp_path / "out.json").read_text())["checks"]}
    assert (found["CHAT003"]["status"], found["CHAT003"]["count"]) == ("failed", 1)
    assert found["CHAT003"]["rows"][0]["chat_state"] == "waiting_assignment"


def test_checks_of_a_folder_are_found_by_flag_and_by_file(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "shop.sql").write_text(
        "-- Which users have no name?\n-- code: SHOP001\n-- title: {count} users have no name\n-- severity: warning\n"
        "-- group: data\n-- expected: every user has a name\nselect id as user_id from real_users limit 5\n"
    )
    shown = chatops_inprocess("verify", "--only", "SHOP001", "--checks-dir", "own", db=deployed, check=1).stdout
    assert "5 users have no name" in shown
    for text in ('checks_dir = "own"\n', '[verify]\nchecks_dir = "own"\n'):
        (tmp_path / "chatops.toml").write_text(text)
        chatops_inprocess("diagnose", "--only", "SHOP001", db=deployed, check=1)
    assert "no folder" in chatops_inprocess("verify", "--checks-dir", "elsewhere", db=deployed, check=2).stderr


def test_a_choice_that_leaves_no_check_is_no_success(deployed: Database, chatops_inprocess: Run) -> None:
    refused = chatops_inprocess("verify", "schema", "--only", "CHAT001", "-o", "nagios", db=deployed)
    assert refused.exit_code == 3
    assert "no check is left among those of schema" in refused.stdout
    for words, left_out, way in (
        (("--scenarios", "--only", "DB003"), "--only", "--scenarios"),
        (("schema", "--scenarios"), "schema", "--scenarios"),
        (("data", "--against", "a b.json", "--skip", "DB003"), "data, --skip", "--against 'a b.json'"),
    ):
        told = chatops_inprocess("verify", *words, check=2).stderr
        assert f"no checks: leave out {left_out} (verify {way})\n" in told


def test_files_that_are_no_checks_are_unknown_and_the_rest_is_looked_at(
    deployed: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    head = "-- Which?\n-- code: {}\n-- title: {{count}} rows\n-- severity: warning\n-- group: data\n-- expected: none\n"
    (tmp_path / "own" / "headless.sql").write_text("select 1")
    (tmp_path / "own" / "taken.sql").write_text(head.format("CHAT001") + "select 1")
    (tmp_path / "own" / "well.sql").write_text(head.format("SHOP001") + "select 1 where false")
    (tmp_path / "own" / "bytes.sql").write_bytes(b"\xff\xfe")
    done = chatops_inprocess("verify", "data", "--checks-dir", "own", "-o", "json", db=deployed, check=1)
    found = {row["code"]: (row["status"], row["reason"]) for row in json.loads(done.stdout)["checks"]}
    assert found["SHOP001"][0] == found["CHAT001"][0] == "passed"
    assert {code: status for code, (status, _) in found.items() if status == "unknown"} == dict.fromkeys(
        ("HEADLESS", "TAKEN", "BYTES"), "unknown"
    )
    assert "its head lacks -- code:" in found["HEADLESS"][1]
    assert "the code CHAT001 is taken" in found["TAKEN"][1]
    shown = chatops_inprocess("verify", "data", "--checks-dir", "own", db=deployed, check=1).stdout
    assert "diagnose --checks-dir own" in shown


def test_what_watches_checks_is_told_when_there_is_no_database(chatops_inprocess: Run, tmp_path: Path) -> None:
    nowhere = "postgresql://u:hunter2@127.0.0.1:1/x"
    (tmp_path / "v.prom").write_text("chatops_findings 0\n")
    failed = chatops_inprocess(
        "verify", "--write", "junit=v.xml", "--write", "prometheus=v.prom", "-o", "github", db=nowhere, check=3
    )
    junit = (tmp_path / "v.xml").read_text()
    assert 'errors="1"' in junit or "<error" in junit
    assert "chatops_findings{" in (tmp_path / "v.prom").read_text()
    assert 'severity="unknown"' in (tmp_path / "v.prom").read_text()
    assert failed.stdout.startswith("::")
    assert "hunter2" not in junit + failed.stdout + failed.stderr


HOSTILE = {
    "OWN001": ("delete from operator_activity returning chat_id", "data-modifying"),
    "OWN002": ("select 1; commit; delete from operator_activity", "syntax error"),
    "OWN003": ("selct 1", "syntax error"),
    "OWN004": ("select pg_sleep(3600)", "took longer"),
}


def test_hostile_checks_of_a_folder_are_unknown_with_the_reason_and_harm_nothing(
    deployed: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    before = deployed.value("select count(*) from operator_activity")
    (tmp_path / "own").mkdir()
    (tmp_path / "chatops.toml").write_text('[verify]\nchecks_dir = "own"\n')
    for code, (query, _) in HOSTILE.items():
        head = f"-- Which?\n-- code: {code}\n-- title: {{count}} rows\n-- severity: warning\n-- group: data\n-- expected: none\n"
        (tmp_path / "own" / f"{code}.sql").write_text(head + query)
    only = ",".join(("CHAT001", *HOSTILE))
    done = chatops_inprocess("verify", "--only", only, "--timeout", "1", "-o", "json", db=deployed, check=1)
    found = {row["code"]: row for row in json.loads(done.stdout)["checks"]}
    assert found.pop("CHAT001")["status"] == "passed"
    assert {code: row["status"] for code, row in found.items()} == dict.fromkeys(HOSTILE, "unknown")
    assert all(HOSTILE[code][1] in row["reason"] for code, row in found.items())
    assert deployed.value("select count(*) from operator_activity") == before


def test_history_is_looked_back_to_the_last_migration_unless_told(latest_database: Database, chatops_inprocess: Run) -> None:
    latest_database.execute("update chatops.migrations set applied_at = now()")  # its template may be older than seconds
    assert " since the last migration" in chatops_inprocess("verify", db=latest_database, check=0).stdout
    early = chatops_inprocess("verify", db=latest_database, terminal=(80, 60), check=0).stdout
    assert early.startswith("028 is in and right\nproof: the objects of every applied file exist (DB003);"), early
    assert re.search(r"^– not judged CHAT009 ", early, re.MULTILINE), early
    assert re.search(r"since\s+the\s+last\s+migration;\s+over\s+the\s+last\s+day:\s+chatops verify --since 24h", early), early
    assert (
        "not judged" not in chatops_inprocess("verify", "--since", "24h", db=latest_database, terminal=(80, 60), check=0).stdout
    )
    latest_database.execute("update chatops.migrations set applied_at = applied_at - interval '2 hours'")
    shown = chatops_inprocess("verify", "--only", "CHAT016,CHAT017", db=latest_database, check=0).stdout
    assert re.search(r"history checks cover the \d h( \d\d m)? since the last migration", shown), shown
    assert "passed   CHAT017  no chats yet" in shown
    assert (
        "history checks cover the last 1 h\n" in chatops_inprocess("verify", "--since", "1h", db=latest_database, check=0).stdout
    )


def test_the_proof_names_what_advice_takes_from_it(latest_database: Database, chatops_inprocess: Run) -> None:
    latest_database.script(
        "create function nothing() returns trigger language plpgsql as 'begin return null; end';"
        "create trigger extra after insert on operators for each row execute function nothing()"
    )
    chatops_inprocess("monitor", "--once", "--store", "--yes", db=latest_database, check=None)

    def told() -> str:
        return " ".join(chatops_inprocess("verify", "schema", db=latest_database, terminal=(80, 60), check=0).stdout.split())

    assert "but for what" not in told()
    latest_database.execute("drop trigger extra on operators")
    assert "; but for what DB030 says, as advice" in told()


def test_history_of_seconds_is_judged_in_no_format_and_by_no_count(latest_database: Database, chatops_inprocess: Run) -> None:
    def asked(form: str, *more: str) -> str:
        return chatops_inprocess("verify", *more, "-o", form, db=latest_database, check=0).stdout

    latest_database.execute("update chatops.migrations set applied_at = now()")  # its template may be older than seconds
    told = json.loads(asked("json"))
    unjudged = [row["code"] for row in told["checks"] if row["status"] == "not judged"]
    assert set(unjudged) == {check.code for check in load.shipped() if check.kind == "history" and check.group == "data"}
    assert (told["not_judged"], set(told["passed"]) & set(unjudged)) == (unjudged, set())
    suite = asked("junit")
    assert f'failures="0" errors="0" skipped="{len(unjudged)}"' in suite
    assert suite.count("<skipped ") == len(unjudged)
    for form in ("table", "markdown", "plain"):
        shown = asked(form)
        judged = len(told["checks"]) - len(unjudged)
        assert f"All {judged} checks passed" in shown, shown
        assert re.search(rf"not judged {' '.join(unjudged)}\b", shown), shown
        assert not re.search(rf"passed +{unjudged[0]}", shown)
    assert "::" not in asked("github")
    assert asked("nagios").startswith("CHATOPS OK")
    assert "chatops_checks_not_judged{" in asked("prometheus")
    # Whoever names a window has asked about that one.
    assert json.loads(asked("json", "--since", "5m"))["not_judged"] == []


def test_state_that_is_looked_for_where_something_was_written_is_judged_as_a_whole_in_small_tables(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    latest_database.execute(
        "set session_replication_role = replica;"
        "insert into real_users(name) values ('r'); insert into fictional_users(name) values ('f');"
        "insert into chats(real_user_id, fictional_user_id, created_at, updated_at, last_message_at, message_count) "
        "select r.id, f.id, now() - interval '30 days', now() - interval '30 days', now() - interval '30 days', 5 "
        "from real_users r, fictional_users f;"
        "insert into messages(chat_id, sender_type, content, created_at) "
        "select id, 'real', 'hello', now() - interval '20 days' from chats"
    )

    def found(*arguments: str) -> set[tuple[str, int]]:
        answer = json.loads(chatops_inprocess("verify", *arguments, "-o", "json", db=latest_database).stdout)
        return {(row["code"], row["count"]) for row in answer["checks"] if row["code"] in ("DATA001", "DATA007")}

    assert found() == found("--since", "all") == {("DATA001", 1), ("DATA007", 1)}
    assert found("--since", "24h") == {("DATA001", 0), ("DATA007", 0)}
    rehearsed = chatops_inprocess("repair", "--dry-run", "-o", "json", db=latest_database, check=0).stdout
    assert {"DATA001", "DATA007"} <= set(re.findall(r"DATA00[17]", rehearsed))
    latest_database.execute("update pg_class set reltuples = 1000000 where oid = 'messages'::regclass")
    assert found() == {("DATA001", 0), ("DATA007", 0)}


def test_what_is_older_than_the_last_migration_is_told_apart_and_counts_all_the_same(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    def look(*words: str) -> tuple[str, dict[str, str]]:
        found = chatops_inprocess("verify", "data", *words, "-o", "json", db=latest_database, check=1).stdout
        failed = [check for check in json.loads(found)["checks"] if check["status"] == "failed" and check["severity"] != "advice"]
        return chatops_inprocess("verify", *words, db=latest_database, check=1).stdout, {
            one["code"]: one["age"] for one in failed
        }

    furnish(latest_database, 2, held=1)
    latest_database.script(
        "set local session_replication_role = replica; update operators set is_active = false, last_activity = now() - interval '2 days'; update operator_activity set last_activity = now() - interval '2 days'; update chats set assignment_time = now() - interval '2 days'"
    )
    latest_database.script(
        """set local session_replication_role = replica;
           insert into real_users (id, name) select md5('many' || n)::uuid, n::text from generate_series(1, 300) n;
           insert into operators (id, name, is_active, last_activity)
           select md5('many' || n)::uuid, n::text, false, now() - interval '2 days' from generate_series(1, 300) n;
           insert into chats (id, real_user_id, fictional_user_id, chat_state, assigned_operator_id, assignment_time)
           select md5('many' || n)::uuid, md5('many' || n)::uuid, (select id from fictional_users limit 1), 'assigned',
                  md5('many' || n)::uuid, now() - interval '2 days' from generate_series(1, 300) n"""
    )
    shown, ages = look("--only", "OPER001")
    assert ages == {"OPER001": "older"}
    assert "data: 1 finding: 0 newer, 1 older" in shown
    assert "exit code 1: what is older counts, too" in shown
    latest_database.execute("update chatops.migrations set applied_at = now() - interval '3 days'")
    shown, ages = look("--only", "OPER001")
    assert ages == {"OPER001": "newer"}
    assert "data: 1 finding: 1 newer (OPER001), 0 older" in shown
    assert "; since the last migration" in shown
    assert "exit code 1; mend it: chatops repair --dry-run" in shown


def test_what_began_partly_before_the_last_migration_is_said_so(latest_database: Database, chatops_inprocess: Run) -> None:
    """Chats of operators who are gone, one of them for longer than the last migration is in."""
    furnish(latest_database, 2, held=2)
    latest_database.script(
        """set local session_replication_role = replica;
           update operators set is_active = false, last_activity = now() - interval '2 hours';
           update operator_activity set last_activity = now() - interval '2 hours';
           update operators set last_activity = now() - interval '2 days' where id = (select min(id::text) from operators)::uuid;
           update operator_activity set last_activity = now() - interval '2 days'
            where operator_id = (select min(id::text) from operators)::uuid;
           update chats set assignment_time = now() - interval '3 days' where assigned_operator_id is not null;
           update chatops.migrations set applied_at = now() - interval '1 day'"""
    )
    words = ("verify", "data", "--only", "OPER001")
    assert (
        "2 chats are held by operators who are gone; some of it since the last migration"
        in chatops_inprocess(*words, db=latest_database, check=1).stdout
    )
    told = json.loads(chatops_inprocess(*words, "-o", "json", db=latest_database, check=1).stdout)["checks"]
    assert [one["age"] for one in told] == ["newer"]


def test_what_is_more_than_is_shown_comes_with_the_command_that_shows_it(deployed: Database, chatops_inprocess: Run) -> None:
    deployed.execute("alter table messages disable trigger user; alter table chats disable trigger user")
    deployed.execute(
        "create trigger t1 before update on chats for each row execute function suppress_redundant_updates_trigger()"
    )
    deployed.execute(
        "create trigger t2 before update on chats for each row execute function suppress_redundant_updates_trigger()"
    )
    deployed.execute("alter table chats disable trigger t1; alter table chats disable trigger t2")
    shown = chatops_inprocess("verify", "--only", "DB017", db=deployed, check=1).stdout
    found = re.search(r"and (\d+) more: chatops (diagnose --only DB017 --rows (\d+))$", shown, re.MULTILINE)
    assert found is not None, shown
    listed = json.loads(chatops_inprocess(*found[2].split(), "-o", "json", db=deployed, check=1).stdout)["findings"][0]["rows"]
    assert len(listed) == int(found[1]) + 1 == int(found[3])


def test_a_chat_taken_at_a_message_says_that_the_code_was_not_deployed(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "CHAT016")
    assert "1 chat was taken from its holder when the user wrote" in chatops_inprocess("verify", db=deployed, check=1).stdout
    told = chatops_inprocess("diagnose", "--only", "CHAT016", db=deployed, check=1).stdout
    assert "the application's code was not deployed" in told


# ---- any one thing that breaks is seen ---------------------------------------------------------------------------------------

SUBSTITUTE = "returns boolean language sql immutable as 'select true'"
BROKEN = {
    "an index is gone": ("drop index idx_chats_waiting_assignment", {"DB003"}),
    "another index is gone": ("drop index idx_chats_operator_replied", {"DB003"}),
    "an index is invalid": ("update pg_index set indisvalid = false where indexrelid = 'idx_chats_last_operator'::regclass", {"DB013"}),
    "a constraint is gone": ("alter table chats drop constraint chk_assigned_state_has_operator", {"DB003"}),
    "a constraint is not validated": (
        "alter table chats add constraint later check (message_count < 1000000) not valid", {"DB005"}),
    "a foreign key is not validated": (
        "alter table messages add constraint also foreign key (handled_by_operator_id) references operators (id) not valid", {"DB005"}),
    "a column is gone": ("alter table operators drop column total_messages", {"DB003", "DATA001"}),
    "a heartbeat column is gone": ("alter table operator_activity drop column last_activity cascade",
                                   {"DB003", "CHAT008", "CHAT017", "OPER001", "CHAT013", "DATA002"}),
    # What reads it is unknown, and the rest is as before.
    "the state is gone": (
        "alter table chats drop column chat_state cascade",
        {"CHAT003", "CHAT004", "CHAT005", "CHAT006", "CHAT007", "CHAT011", "CHAT012", "CHAT013", "CHAT014", "CHAT015", "CHAT017",
         "CHAT018", "CHAT020", "DATA002", "DB003", "DB007", "OPER001", "QUEUE001", "QUEUE002", "QUEUE012", "CHAT016", "CHAT019"}),
    "a table is gone": (
        "drop table operator_activity cascade", {"CHAT008", "CHAT013", "CHAT017", "DATA002", "DB003", "OPER001", "DATA004"}),
    "the settings are gone": ("drop table platform_config cascade", {"DB003", "CONF001", "CONF004", "DATA008"}),
    # Without a ledger the newest file of which nothing is there is pending, and what asks for it unknown.
    "a function is gone": ("drop function should_keep_assignment(uuid, text, uuid)", {"DB007"}),
    "the queue's figures are gone": ("drop function get_assignment_queue_status()", {"DB003", "DB007", "QUEUE003"}),
    "the release is gone": ("drop function release_and_reassign_chat(uuid, text)", {"DB003"}),
    "the view is gone": ("drop view chat_state_summary", {"DB003", "DB007", "QUEUE003", "CHAT017"}),
    "the view has other columns": (
        ("drop view chat_state_summary; create view chat_state_summary as select count(*) as count, chat_state from chats "
        "where is_active group by chat_state"), {"DB008"}),
    "the view counts ended chats": (
        ("create or replace view chat_state_summary as select chat_state, count(*) + 1 as count, count(assigned_operator_id) as "
        "with_operator, count(last_operator_id) as has_last_operator, min(created_at) as oldest_chat, max(created_at) as newest_chat "
        "from chats where is_active group by chat_state"), {"QUEUE003", "CHAT017"}),
    "a function answers otherwise": (
        f"create or replace function should_keep_assignment(p_chat_id uuid, p_current_state text, p_assigned_operator_id uuid) {SUBSTITUTE}",
        {"DB007"}),
    "a function fails": (
        ("create or replace function detect_stuck_chats(p_hours integer default 24) returns table (chat_id uuid, chat_state text, "
        "assigned_operator_id uuid, last_operator_id uuid, hours_in_state numeric, last_message_at timestamptz) language plpgsql as "
        "'begin raise exception ''not today''; end'"), {"DB007"}),
    "a default is gone": (
        ("drop function detect_stuck_chats(integer); create function detect_stuck_chats(p_hours integer) returns table (chat_id uuid, "
        "chat_state text, assigned_operator_id uuid, last_operator_id uuid, hours_in_state numeric, last_message_at timestamptz) "
        "language sql as 'select id, chat_state, assigned_operator_id, last_operator_id, 1.0, last_message_at from chats where false'"),
        {"DB006"}),
    "a parameter has another name": (
        ("drop function assign_chat_to_operator(uuid); create function assign_chat_to_operator(operator uuid) returns uuid "
        "language sql as 'select null::uuid'"), {"DB006"}),
    "a function returns something else": (
        ("drop function release_and_reassign_chat(uuid, text); create function release_and_reassign_chat(p_chat_id uuid, p_reason text "
        "default 'manual_release') returns text language sql as 'select null::text'"), {"DB006"}),
    "instants lost their zone": ("alter table chat_assignments alter column assigned_at type timestamp", {"DB004"}),
    "ids became text": (("alter table messages drop constraint messages_chat_id_fkey; "
                        "alter table messages alter column chat_id type text using chat_id::text"),
                       {"CHAT006", "CHAT007", "CHAT009", "CHAT011", "CHAT012", "CHAT013", "CHAT014", "CHAT015", "CHAT016", "CHAT017", "CHAT018", "DATA001",
                        "DATA002", "DATA003", "DB004", "OPER002", "QUEUE001", "QUEUE002", "DATA004", "DATA007"}),
    "a trigger is off": ("alter table messages disable trigger update_chat_on_message", {"DB017"}),
    "a trigger fires on replicas only": ("alter table messages enable replica trigger update_chat_on_message", {"DB017"}),
    "a setting is text": ("""update platform_config set value = '"3"' where key = 'max_reassignments'""", {"CONF001"}),
    "a setting is far out": ("update platform_config set value = '100000' where key = 'idle_timeout_minutes'", {"CONF001"}),
    "a state is missing": (
        "update chats set chat_state = null where id = (select id from chats where chat_state = 'waiting_real_user_reply' and is_active limit 1)",
        {"CHAT003", "CHAT017", "QUEUE003"}),
    "a flag is missing": (
        "update chats set is_active = null where id = (select id from chats where chat_state = 'waiting_real_user_reply' and is_active limit 1)",
        {"CHAT011"}),
    "an open assignment is doubled": (
        ("insert into chat_assignments (chat_id, operator_id, assigned_at) select chat_id, operator_id, now() from chat_assignments "
        "where released_at is null limit 1"), {"CHAT002"}),
    "a grant is revoked": (
        ("do $$ begin create role authenticated nologin; exception when duplicate_object or unique_violation then null; end $$; "
        "grant select on chats to authenticated; revoke execute on function assign_chat_to_operator(uuid) from public, authenticated"),
        {"DB009"}),
    "a turn ended at a message": (
        ("with taken as (update chats set chat_state = 'waiting_assignment', message_count = message_count + 1, "
        "last_message_at = now() - interval '4 seconds' where id = (select id from chats where chat_state = 'waiting_real_user_reply' "
        "and is_active order by last_message_at limit 1) returning id, (select o.id from operators as o where o.id <> last_operator_id and o.is_active "
        "and not exists (select from chat_assignments as w where w.operator_id = o.id and w.released_at is null) limit 1) as last_operator_id), "
        "turn as (insert into chat_assignments (chat_id, operator_id, assigned_at, released_at) select id, last_operator_id, "
        "now() - interval '9 seconds', now() - interval '3 seconds' from taken) "
        "insert into messages (chat_id, sender_type, content, created_at) select id, 'real', '?', now() - interval '4 seconds' from taken"),
        {"CHAT016"}),
}  # fmt: skip


CHECKS = [check for check in load.shipped() if check.group != "now"]


@pytest.fixture(scope="module")
def as_deployed(farm: Farm, server: Server) -> Iterator[db.Database]:
    with standing_still(farm, server, "017") as connection:
        yield connection


def found_of(connection: db.Database, statement: str) -> set[str]:
    """What the checks of `verify` find once a statement has run, which is taken back."""
    with undone(connection):
        connection.script(f"set local session_replication_role = replica; {statement}")
        return set(wrong(run.run(connection, CHECKS, whole_seconds=120)))


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", BROKEN)
def test_any_one_thing_that_breaks_is_seen_by_exactly_its_checks(as_deployed: db.Database, name: str) -> None:
    statement, expected = BROKEN[name]
    # Known before 018: the deployed figures count empty chats.
    assert found_of(as_deployed, statement) - ({"QUEUE003"} - expected) == expected


NEWER = {
    "a guard is gone": ("drop trigger chatops_guard_chat on chats", {"DB003"}),
    "a guard is off": ("alter table chats disable trigger chatops_guard_chat", {"DB017"}),
    "a unique index is gone": ("drop index chats_one_per_operator", {"DB003"}),
    "a constraint is gone": ("alter table chats drop constraint chats_completed_when_inactive", {"DB003"}),
    "a clock is gone": ("alter table chat_assignments drop column queued_since cascade", {"DB003"}),
    "a clock was written by hand": (
        ("update chats set waiting_since = null where id = (select id from chats where waiting_since is not null "
        "and chat_state = 'waiting_assignment' limit 1)"), {"QUEUE012"}),
    "a function is gone": ("drop function release_idle_chats cascade", {"DB003"}),
    "a function has another body": (
        ("create or replace function release_and_reassign_chat(p_chat_id uuid, p_reason text default 'manual_release') returns boolean "
        "language sql as 'select true'"), {"DB018"}),
    "a guard has another body": (
        ("do $do$ begin execute replace(pg_get_functiondef('guard_chat'::regproc), 'begin', 'begin --'); end $do$"), {"DB018"}),
    "another constraint is gone": ("alter table chats drop constraint chats_operator_when_assigned", {"DB003"}),
    "all that is held was written away by hand": (
        ("update chats set chat_state = 'completed', is_active = false, assigned_operator_id = null where chat_state = 'assigned'; "
        "delete from operator_activity; update chat_assignments set released_at = now(), release_reason = 'manual' where released_at is null; "
        "update operators set last_activity = now() - interval '5 minutes' where is_active and is_available"), {"CHAT017", "CHAT018"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def as_newest(farm: Farm, server: Server) -> Iterator[db.Database]:
    with standing_still(farm, server, "latest") as connection:
        yield connection


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", NEWER)
def test_on_the_newest_schema_too(as_newest: db.Database, name: str) -> None:
    statement, expected = NEWER[name]
    assert found_of(as_newest, statement) == expected


@pytest.mark.parametrize("first_look", ["before the migration", "after it", "none"])
def test_what_looks_found_well_since_the_migration_is_newer_by_the_same_looks_as_in_diagnose(
    latest_database: Database, chatops_inprocess: Run, first_look: str
) -> None:
    """No row says since when an index is missing; a look from before the migration that found it missing says that, too."""
    database = latest_database
    drop = "drop index idx_chats_waiting_assignment"
    if first_look == "before the migration":
        database.execute(drop)
    if first_look != "none":
        chatops_inprocess("diagnose", db=database, terminal=(80, 24), check=None)
    if first_look == "before the migration":
        database.execute("update chatops.migrations set applied_at = clock_timestamp()")
    else:
        database.execute(drop)
    told = {"before the migration": "0 newer, 1 older", "after it": "1 newer (DB003), 0 older",
            "none": "0 newer, 0 older, 1 without a time (DB003)"}  # fmt: skip
    assert f"schema: 1 finding: {told[first_look]}" in chatops_inprocess("verify", "schema", db=database, check=1).stdout
    page = chatops_inprocess("diagnose", "--only", "DB003", db=database, check=1).stdout
    assert ("when a look found it well" in page) == (first_look == "after it")
    assert "not known when" not in page, "above a line that knows it"


def test_what_has_passed_its_limit_since_the_migration_is_newer_though_it_began_before(
    core_database: Database, chatops_inprocess: Run
) -> None:
    """A look just before it found nothing: an operator who was last seen before the migration counts as gone only after it."""
    furnish(core_database, 2, held=1)
    operators = "update operators set last_activity = now() - interval '{0}' where id in (select assigned_operator_id from chats)"
    beats = "update operator_activity set last_activity = now() - interval '{0}'"
    taken = "update chats set assignment_time = now() - interval '{0}' where assigned_operator_id is not null"
    core_database.script(";".join(one.format("20 minutes") for one in (operators, beats, taken)))
    core_database.execute("insert into platform_config (key, value) values ('idle_timeout_minutes', '30')"
                          " on conflict (key) do update set value = excluded.value")  # fmt: skip
    chatops_inprocess("adopt", "--to", "017", "--yes", db=core_database, check=0)
    adopted = chatops_inprocess("verify", db=core_database).stdout
    assert "since the last migration" not in adopted  # nobody knows when what was adopted went in
    assert "017 is in and right, 018 to 028 (11 files) are not" in adopted
    with opened(core_database, "migrate") as looking:
        found = before_files.look(looking)
        assert found is not None
        before_files.keep(looking, found)
    chatops_inprocess("migrate", "--to", "018", "--yes", db=core_database, check=0)
    core_database.script(
        "set session_replication_role = replica; update chatops.migrations set applied_at = now() where name like '018%';"
        "update platform_config set value = '5' where key = 'idle_timeout_minutes';"
        "update chatops.settings set set_at = now() where key = 'before_files'"
    )
    late = chatops_inprocess("verify", db=core_database, check=1).stdout
    assert "data: 1 finding: 1 newer (OPER001), 0 older" in late
    assert re.search(
        r"new since just before the migration: OPER001.* \((it|OPER001) began before, and has passed its limit since\)", late
    ), late
    # The page of the run says the same, with the one date that diagnose has, too; not that it came with the run.
    report = json.loads(chatops_inprocess("report", "--last", "-o", "json", db=core_database).stdout)
    [found] = [one for one in report["findings"] if one["code"] == "OPER001"]
    assert found["age"] == "overdue"
    since = datetime.fromisoformat(found["since"])
    page = chatops_inprocess("report", "--last", "-o", "markdown", db=core_database).stdout
    assert f"1 began before it and passed its limit since: OPER001 (since {since:%Y-%m-%d %H:%M} UTC)" in page
    assert f"{since:%H:%M}" in chatops_inprocess("diagnose", db=core_database, terminal=(120, 40)).stdout


def test_thousands_of_rows_cost_no_more_words_than_are_told(
    latest_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Thousands are dated; the commands of a hundred are made, and what to type for chatops is looked up once."""
    check = next(one for one in load.shipped() if one.helps_by_row)
    with opened(latest_database) as connection, connection.reading():
        survey = run.run(connection, [check])
    rows = tuple({"chat_id": number, "mend": f"release {number}", "object": "chats"} for number in range(verify.ROWS_DATED))
    found = results.Result(check, "failed", check.severity, len(rows), rows, helped=rows)
    looked: list[str] = []
    monkeypatch.setattr("sys.argv", [str(tmp_path / "chatops")])
    monkeypatch.setattr(paste.shutil, "which", looked.append)
    made: list[tuple[str, ...]] = []

    def here(*words: str) -> str:
        made.append(words)
        return f"{paste.program()} {' '.join(words)}"

    told = findings.findings(results.with_rows(results.only(survey, found), verify.ROWS_SHOWN), here)
    assert (told[0].result.count, len(told[0].result.rows)) == (len(rows), verify.ROWS_SHOWN)
    assert 0 < len(made) <= 10 * results.MOST_HELPED
    assert len(looked) == 1
