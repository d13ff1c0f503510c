"""What the checks find: nothing in a healthy system, and of each trouble exactly the one that it is."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from chatops import db, sqlfiles
from chatops.chats import planting
from chatops.checks import explain, heads, load, new_check, repair_batches, run, thresholds
from chatops.cli import COMMANDS
from chatops.errors import UsageError
from chatops.model import Severity
from chatops.repairs import texts as repairs
from chatops.screens.explain import document
from tests.ailing import (
    KNOWN_BEFORE_018,
    above_advice,
    as_role,
    deployed,
    healthy,
    healthy_everywhere,
    healthy_template,
    look,
    mended,
    opened,
    plant,
    result,
    standing_still,
    wrong,
)
from tests.conftest import ROOT, build_core, server_labels
from tests.locks import wait_for, wait_until_blocked
from tests.servers import Database, Farm, Server, standby_of
from tests.test_checks_long import undone

__all__ = ["deployed", "healthy", "healthy_everywhere", "mended"]

CRITICAL, WARNING, ADVICE = Severity.CRITICAL, Severity.WARNING, Severity.ADVICE
INVARIANTS = {
    **{f"I{n}": (f"CHAT{n:03d}", CRITICAL if n in (1, 2, 3, 4, 5, 10) else WARNING) for n in range(1, 11)},
    "I11": ("OPER002", ADVICE), "I12": ("OPER001", WARNING), "I13": ("CHAT011", WARNING), "I14": ("DATA001", WARNING),
    "I15": ("CHAT012", WARNING), "I16": ("QUEUE001", WARNING), "I17": ("DATA002", WARNING), "I18": ("DATA003", WARNING),
    "I19": ("QUEUE002", WARNING), "I20": ("CONF001", WARNING), "I21": ("CHAT013", WARNING), "I22": ("QUEUE003", WARNING),
    "I23": ("DB001", WARNING), "I24": ("DB002", ADVICE), "I25": ("DB003", WARNING), "I26": ("QUEUE004", ADVICE),
    "I27": ("CHAT014", WARNING),
}  # fmt: skip
CHECKS = {check.code: check for check in load.shipped()}
OF_VERIFY_FROM_THE_START = {
    "CHAT001", "CHAT002", "CHAT003", "CHAT004", "CHAT005", "CHAT006", "OPER001", "CHAT011", "CHAT012", "CONF001", "CHAT014",
}  # fmt: skip


# ---- the files -------------------------------------------------------------------------------------------------------


def test_each_invariant_has_its_code_and_severity() -> None:
    assert {c.invariant: (c.code, c.severity) for c in CHECKS.values() if c.invariant} == INVARIANTS
    assert all(":'since'" in c.query(before_018=True) for c in CHECKS.values() if c.kind == "history")
    assert all(":'touched_since'" in c.query(before_018=True) for c in CHECKS.values() if c.kind == "touched")
    assert {c.code for c in CHECKS.values() if c.group == "data"} >= OF_VERIFY_FROM_THE_START


@pytest.mark.parametrize("code", CHECKS)
def test_each_check_says_what_a_person_must_know(code: str) -> None:
    check = CHECKS[code]
    text = sqlfiles.read(f"checks/{code}.sql")
    assert check.question.endswith("?")
    assert check.why
    assert check.consequence
    assert set(check.says) <= set(explain.PROBLEMS)
    assert check.says
    assert set(re.findall(r":'([a-z_]+)'", check.query(before_018=True))) >= set(check.limits)
    for command in re.findall(r"`([a-z]+)[^`]*`", check.help_text or ""):
        assert command in {name for _, name, _ in COMMANDS}
    assert (check.help_text or "").count("`") % 2 == 0
    helps = [bool(check.help_command), bool(check.help_sql), bool(check.help_text)]
    undoable = (check.help_command or "").startswith("repair ") and (check.help_text or "").endswith("which undo takes back")
    by_row = (check.help_command, check.help_sql) == ("{mend}", "{remedy}")
    # What only shows something is followed by what people do; what is meant otherwise than it looks, by the other way.
    assert helps.count(True) == 1 or undoable or by_row or (check.help_text and helps.count(True) == 2)
    assert not re.search(r"\b(public|auth)\s*\.\s*[a-z\"]", text)
    if check.help_command:
        assert check.help_command == "{mend}" or check.help_command.split()[0] in {name for _, name, _ in COMMANDS}
        if check.help_command.startswith("repair "):
            assert check.help_command == f"repair {code} --dry-run"
            assert code in repair_batches.shipped()


@pytest.mark.parametrize("word", ["advice", "critical"])
def test_a_check_that_is_judged_by_its_rows_says_in_its_head_where_it_is_what(word: str) -> None:
    """Else `explain` and docs/findings.md name one severity, and the screens another."""
    of_code = {check.code: check for check in load.shipped()}
    by_rows = {check.code for check in load.shipped() if re.search(rf"\b{word}\b", re.sub(r"--.*|'[^']*'", "", check.sql))}
    assert by_rows == {check.code for check in load.shipped() if getattr(check, word)}
    for code in by_rows:
        told = dict(explain.parts(of_code[code]))["severity"]
        assert f", {word} where " in told, told


def test_every_repair_belongs_to_a_check_that_names_it() -> None:
    assert set(sqlfiles.names("repairs")) == set(repair_batches.shipped())
    named = {code for code, check in CHECKS.items() if (check.help_command or "").startswith("repair ")}
    # Where users wait in all of its chats, another command mends them.
    assert named | {"CHAT011"} == set(repair_batches.shipped())


def test_the_document_is_made_from_the_heads_of_the_files() -> None:
    assert (ROOT / "docs" / "findings.md").read_text(encoding="utf-8") == document(), "run: make docs"


# ---- healthy and ailing ----------------------------------------------------------------------------------------------


def test_a_healthy_system_has_no_finding_above_advice(healthy_everywhere: Database) -> None:
    survey = look(healthy_everywhere)
    assert above_advice(survey) == set()
    # The population stands still while the clock goes on: after a minute its operators wait for nothing.
    known = {"QUEUE004"} | (KNOWN_BEFORE_018 if survey.inventory.before_018 else set())
    assert set(wrong(survey)) <= known
    assert survey.ran == len(load.shipped())


@pytest.mark.sampled(1)
def test_troubles_do_not_hide_each_other(healthy_everywhere: Database) -> None:
    codes = [code for code in planting.codes() if not code.startswith("DB")]
    for code in codes:
        plant(healthy_everywhere, code)
    assert set(codes) <= {code for code, status in wrong(look(healthy_everywhere)).items() if status == "failed"}


def test_the_count_is_exact_and_the_rows_are_few(deployed: Database) -> None:
    deployed.execute("update chats set last_operator_id = null where chat_state = 'waiting_real_user_reply'")
    expected = deployed.value(
        """select count(*) from chats c where is_active and last_operator_id is null and chat_state = 'waiting_real_user_reply'
            and exists (select from messages m where m.chat_id = c.id and m.handled_by_operator_id is not null)"""
    )
    found = result(look(deployed, "CHAT014"), "CHAT014")
    assert found.count == expected > 100
    assert len(found.rows) == 3
    assert len(result(look(deployed, "CHAT014", rows=50), "CHAT014").rows) == 50


def test_what_is_about_another_chat_is_left_out(deployed: Database) -> None:
    deployed.execute("update chats set last_operator_id = null where chat_state = 'waiting_real_user_reply'")
    one = deployed.value("select id from chats where chat_state = 'waiting_real_user_reply' and is_active order by id limit 1")
    found = result(look(deployed, "CHAT014", about=str(one)), "CHAT014")
    assert found.count == 1
    assert found.rows[0]["chat_id"] == one


# ---- the database itself -----------------------------------------------------------------------------------------------


def test_a_session_that_blocks_writers_is_named(deployed: Database) -> None:
    holder, waiter = deployed.connect(application_name="nightly report"), deployed.connect()
    holder.execute("begin; lock table operator_activity in share mode")
    writing = threading.Thread(target=lambda: waiter.execute("update operator_activity set last_activity = now()"))
    writing.start()
    try:
        wait_until_blocked(deployed.connect(), waiter.info.backend_pid)
        found = result(look(deployed, "DB010"), "DB010")
    finally:
        holder.execute("rollback")
        writing.join()
    assert (found.status, found.rows[0]["pid"], found.rows[0]["blocks"]) == ("failed", holder.info.backend_pid, 1)
    assert found.rows[0]["application"] == "nightly report"


def test_a_transaction_left_open_on_the_tables_is_named_by_its_age(deployed: Database) -> None:
    idle = deployed.connect()
    idle.execute("begin; select count(*) from chats")
    assert result(look(deployed, "DB010"), "DB010").status == "passed"
    # Age is told by the server's clock: rather than wait, ask with a limit that every transaction is beyond.
    found = result(look(deployed, "DB010", given={"long_transaction_minutes": 0.1}), "DB010")
    assert found.status == "passed"
    idle.execute("rollback")


def test_dead_rows_that_vacuum_did_not_clean_up_are_advice(deployed: Database) -> None:
    with deployed.connect() as connection:
        for _ in range(8):
            connection.execute("update messages set read_at = now()")
        connection.execute("select pg_stat_force_next_flush()")
    found = result(look(deployed, "DB011"), "DB011")
    assert (found.status, found.severity, found.rows[0]["object"]) == ("failed", ADVICE, "messages")


@pytest.mark.parametrize("label", server_labels())
def test_slow_statements_are_advice_where_the_server_counts_them(
    label: str, own_server: Callable[..., Server], new_database: Callable[..., Database]
) -> None:
    database = own_server(label, shared_preload_libraries="pg_stat_statements").create_database()
    build_core(database)
    assert result(look(database, "DB027"), "DB027").status == "passed"  # the extension is not there
    database.execute("create schema extensions; create extension pg_stat_statements schema extensions")
    assert result(look(database, "DB027"), "DB027").status == "passed"
    with database.connect() as connection:
        for _ in range(20):
            connection.execute("select count(*), 'what <a user> wrote' from chats, pg_sleep(0.002)")
            connection.execute("select count(*) from pg_catalog.pg_class, pg_sleep(0.002)")
    found = result(look(database, "DB027", given={"slow_statement_ms": 2}), "DB027")
    assert (found.status, found.severity, found.count) == ("failed", ADVICE, 1)
    assert found.rows[0]["calls"] == 20
    assert found.rows[0]["statement_text"].startswith("select count(*)")
    assert "wrote" not in str(found.rows)
    assert result(look(database, "DB027"), "DB027").status == "passed"
    with database.role("reads") as role:
        database.execute(f"grant pg_read_all_data to {role}; grant usage on schema extensions to {role}")
        unseen = result(as_role(database, role, "DB027"), "DB027")
    assert (unseen.status, unseen.remedy) == ("unknown", f'grant pg_read_all_stats to "{role}";')


def test_statements_that_are_not_counted_are_no_finding(deployed: Database) -> None:
    deployed.execute("create extension pg_stat_statements")  # made, but the server was started without it
    assert result(look(deployed, "DB027"), "DB027").status == "passed"


def test_large_tables_are_advice(healthy: Database) -> None:
    assert result(look(healthy, "DB028"), "DB028").status == "passed"
    found = result(look(healthy, "DB028", given={"table_size_gb": 0.0001}, rows=9), "DB028")
    assert (found.status, found.severity) == ("failed", ADVICE)
    assert {row["object"] for row in found.rows} >= {"messages", "chats"}
    assert found.rows[0]["size"].endswith("B")


def test_connections_near_the_limit_are_a_finding(deployed: Database) -> None:
    assert result(look(deployed, "DB015"), "DB015").status == "passed"
    kept = [deployed.connect() for _ in range(6)]
    found = result(look(deployed, "DB015", given={"connections_percent": 1}), "DB015")
    assert found.status == "failed"
    assert found.rows[0]["used"] >= len(kept)


def test_the_age_of_transaction_ids_is_looked_at(deployed: Database) -> None:
    with opened(deployed) as database, database.reading():
        query = CHECKS["DB016"].query(before_018=True)
        rows = database.mappings(query, {"wraparound_percent": "0"})
    assert rows[0]["age"] > 0
    assert rows[0]["used_percent"] == 0


def test_files_that_are_not_in_are_advice_where_there_is_a_ledger(database: Database, chatops_inprocess) -> None:  # type: ignore[no-untyped-def]
    chatops_inprocess("migrate", "--to", "017", "--yes", db=database, check=0)
    found = result(look(database, "DB014"), "DB014")
    pending = [name for name in sqlfiles.names("migrations") if name > "018"]
    assert (found.status, found.severity, found.count) == ("failed", ADVICE, len(pending))
    assert [row["object"] for row in found.rows] == pending[:3]


def test_a_grant_that_the_application_needs_is_missed(deployed: Database) -> None:
    deployed.script(
        """do $$ begin create role authenticated nologin; exception when duplicate_object or unique_violation then null; end $$;
           revoke execute on function assign_chat_to_operator(uuid) from public, authenticated"""
    )
    assert result(look(deployed, "DB009"), "DB009").status == "passed"  # nobody of this application
    deployed.execute("grant select on chats to authenticated")
    found = result(look(deployed, "DB009"), "DB009")
    assert {(row["role"], row["object"]) for row in found.rows} == {("authenticated", "assign_chat_to_operator(uuid)")}


def test_a_trigger_that_is_switched_off_is_found(healthy: Database) -> None:
    healthy.execute("alter table messages disable trigger update_chat_on_message")
    assert wrong(look(healthy, "DB017")) == {"DB017": "failed"}


def test_the_guards_switch_leads_and_refusals_are_told(mended: Database) -> None:
    mended.execute(
        """insert into chatops.settings (target_schema, key, value, until, reason)
           values ('public', 'guards', '"off"', now() + interval '10 minutes', 'release 2.14')"""
    )
    mended.execute("select setval('refusals_late_reply', 4)")
    survey = look(mended)
    assert result(survey, "CONF002").severity is CRITICAL
    assert result(survey, "OPER005").rows[0]["times"] == 4
    mended.execute(
        """insert into chatops.watches (target_schema, state)
           values ('public', '{"ticks": [{"figures": {"refusals": 1}}, {"figures": {"refusals": 3}}]}')"""
    )
    assert result(look(mended, "OPER005"), "OPER005").rows[0]["times"] == 1, "those that the last look told are not told again"
    mended.execute("update chatops.settings set until = now() - interval '1 minute' where key = 'guards'")
    assert result(look(mended, "CONF002"), "CONF002").status == "passed"


# ---- settings that cannot be used ----------------------------------------------------------------------------------------


UNUSABLE = ['"three"', "null", "[3]", '{"n": 3}', "true", "0", "-1", "1e300", '""']
USABLE = ['"3"', '" 4 "', "2.5"]
"""A number as text is used, and a finding all the same; a fraction is used as the functions use it."""


@pytest.fixture(scope="module")
def as_deployed(farm: Farm, server: Server) -> Iterator[db.Database]:
    with standing_still(farm, server, "017") as connection:
        yield connection


@pytest.mark.sampled(4)
@pytest.mark.parametrize("value", [*USABLE, *UNUSABLE])
def test_every_unusable_setting_is_a_finding_and_never_an_error(as_deployed: db.Database, value: str) -> None:
    with undone(as_deployed):
        as_deployed.execute(
            "update platform_config set value = :'value'::jsonb where key in ('max_reassignments', 'idle_timeout_minutes')",
            {"value": value},
        )
        survey = run.run(as_deployed, load.shipped(), whole_seconds=120)
    assert result(survey, "CONF001").count == (0 if value == "2.5" else 2)
    assert survey.ran == len(survey.results)
    origin = survey.thresholds["max_reassignments"].origin
    assert origin == ("platform_config" if value in USABLE else "default, because platform_config holds no usable number")


def test_a_threshold_comes_from_the_flag_before_the_file_before_platform_config(deployed: Database) -> None:
    deployed.execute("update platform_config set value = '11' where key = 'idle_timeout_minutes'")
    assert look(deployed, "OPER001").thresholds["idle_timeout_minutes"].value == 11
    found = look(deployed, "OPER001", given={"idle_timeout_minutes": 0.1, "idle_grace_minutes": 0})
    assert found.thresholds["idle_timeout_minutes"].origin == "--threshold"
    assert result(found, "OPER001").count > 0
    resolved = thresholds.resolve({"queue_sla_minutes": 7.0}, {"queue_sla_minutes": 9.0}, {}, file_origin="chatops.toml")
    assert resolved["queue_sla_minutes"].value == 9
    with pytest.raises(UsageError, match="no threshold 'queue_slo'"):
        thresholds.resolve({}, {"queue_slo": 1.0}, {})
    with pytest.raises(UsageError, match="must lie between"):
        thresholds.resolve({}, {}, {"queue_sla_minutes": -1.0})


# ---- unknown is not OK --------------------------------------------------------------------------------------------------


def test_an_empty_database_passes_no_check_of_the_system(database: Database) -> None:
    survey = look(database)
    passed = {found.check.code for found in survey.results if found.status == "passed"}
    assert not {code for code in passed if CHECKS[code].group in ("schema", "data")}
    assert result(survey, "DB003").rows[0]["kind"] == "file"
    assert "chats, operators are not there" in (result(survey, "CHAT003").reason or "")


def role_of(database: Database, name: str, statements: str) -> psycopg.Connection[tuple[object, ...]]:
    database.script(
        f"""do $$ begin create role {name} login; exception when duplicate_object or unique_violation then null; end $$;
            {statements}"""
    )
    return database.connect(user=name)


def test_a_role_without_a_grant_hears_which_one_is_missing(deployed: Database) -> None:
    role_of(deployed, "half_blind", "grant usage on schema public to half_blind; grant select on chats, messages to half_blind")
    survey = as_role(deployed, "half_blind")
    assert result(survey, "CHAT006").status == "passed"
    blind = result(survey, "CHAT004")
    assert blind.status == "unknown"
    assert blind.remedy == (
        'grant usage on schema "public" to "half_blind"; grant select on chat_assignments, operators to "half_blind";'
    )
    deployed.script(blind.remedy)
    assert result(as_role(deployed, "half_blind", "CHAT004"), "CHAT004").status == "passed"
    hidden = result(survey, "DB010")
    assert (hidden.status, hidden.remedy) == ("unknown", 'grant pg_read_all_stats to "half_blind";')


def test_rows_hidden_by_row_level_security_are_never_taken_for_health(deployed: Database) -> None:
    plant(deployed, "CHAT003")
    role_of(
        deployed, "operator_eyes",
        """grant usage on schema public to operator_eyes; grant select on all tables in schema public to operator_eyes;
           alter table chats enable row level security;
           create policy own on chats for select to operator_eyes using (assigned_operator_id is null and false)""",
    )  # fmt: skip
    hidden = result(as_role(deployed, "operator_eyes", "CHAT003"), "CHAT003")
    assert hidden.status == "unknown"
    assert "hides rows of chats" in (hidden.reason or "")
    assert hidden.remedy
    deployed.script(hidden.remedy)
    assert result(as_role(deployed, "operator_eyes", "CHAT003"), "CHAT003").status == "failed"


def test_a_locked_table_makes_its_checks_unknown_and_leaves_the_rest(deployed: Database) -> None:
    locker = deployed.connect()
    locker.execute("begin; lock table operator_activity in access exclusive mode")
    survey = look(deployed)
    locker.execute("rollback")
    assert survey.locked is not None
    unknown = {found.check.code for found in survey.results if found.status == "unknown"}
    # What the catalog says of a locked table waits for it, too.
    assert unknown == {c.code for c in load.shipped() if "operator_activity" in c.reads or "structure" in c.shares}
    assert (result(survey, "CHAT008").reason or "").startswith("operator_activity is locked by pid ")
    assert survey.seconds < 60


def test_a_function_that_is_gone_makes_its_reader_unknown(deployed: Database) -> None:
    deployed.execute("drop function get_assignment_queue_status()")
    survey = look(deployed)
    assert result(survey, "DB003").rows[0]["object"] == "get_assignment_queue_status"
    assert "lacks what it asks" in (result(survey, "QUEUE003").reason or "")


def test_a_lost_connection_leaves_what_was_found_and_names_the_rest(deployed: Database) -> None:
    plant(deployed, "CHAT003")
    with opened(deployed) as database:
        pids: list[int] = []

        def cut(check: load.Check, position: int, of: int) -> None:
            if check.code == "CHAT005":
                pids.append(deployed.value("select pg_terminate_backend(%s)::int", (database.facts.backend_pid,)))  # type: ignore[union-attr]

        try:
            with database.reading():
                survey = run.run(database, load.shipped(), progress=cut)
        except Exception:  # noqa: BLE001 - the transaction went with the connection
            pass
    assert pids == [1]
    assert result(survey, "CHAT003").status == "failed"
    assert result(survey, "CHAT005").status == "unknown"
    assert "connection was lost" in (result(survey, "DB003").reason or "")


# ---- somebody's own checks ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def untouched(farm: Farm, server: Server) -> Iterator[Database]:
    """A healthy deployed system that no check may change, for all that try."""
    made = server.create_database(healthy_template(farm, server, "017"))
    made.execute("create sequence own")
    yield made
    made.drop()


HEAD = "-- Which?\n-- code: {code}\n-- title: {{count}} rows\n-- severity: warning\n-- group: data\n-- expected: none\n"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("delete from operator_activity returning *", "data-modifying"),
        ("select 1 as x) , gone as (delete from operator_activity returning chat_id", "data-modifying"),
        ("select 1; commit; delete from operator_activity", "syntax error"),
        ("select set_config('transaction_read_only', 'off', false), nextval('own')", "read-only"),
        ("select pg_read_file('/etc/hostname') as x", "permission denied"),
        ("select pg_terminate_backend(pid) as x from pg_stat_activity where pid <> pg_backend_pid()", "ermission"),
        ("select pg_sleep(3600)", "took longer"),
        ("select from nowhere", "lacks what it asks"),
        ("selct 1", "syntax error"),
        ("select 1 / 0 as x", "division by zero"),
    ],
)
def test_a_check_of_somebodys_own_cannot_write_end_the_snapshot_or_hang(
    untouched: Database, tmp_path: Path, query: str, reason: str
) -> None:
    deployed = untouched
    before = deployed.value("select count(*) from operator_activity")
    (tmp_path / "a.sql").write_text(HEAD.format(code="SHOP001") + query)
    (tmp_path / "b.sql").write_text(HEAD.format(code="SHOP002") + "select id from chats limit 2")
    with opened(deployed) as database:
        with database.reading():
            survey = run.run(database, (*load.from_folder(tmp_path), CHECKS["CHAT001"]), whole_seconds=3, each_seconds=0.4)
        assert database.wrote is False
    assert reason in (result(survey, "SHOP001").reason or "")
    assert (result(survey, "SHOP002").status, result(survey, "SHOP002").count) == ("failed", 2)
    assert result(survey, "CHAT001").status == "passed"
    assert deployed.value("select count(*) from operator_activity") == before


def test_what_a_check_of_ones_own_sets_ends_with_it(deployed: Database, tmp_path: Path) -> None:
    plant(deployed, "CHAT006")
    text = "select set_config('search_path', 'pg_catalog', false) as path, set_config('enable_seqscan', 'off', false) as scan"
    (tmp_path / "a.sql").write_text(HEAD.format(code="SHOP001") + text)
    with opened(deployed) as database, database.reading():
        survey = run.run(database, (*load.from_folder(tmp_path), CHECKS["CHAT006"]))
        assert database.value("select current_setting('enable_seqscan')") == "on"
    assert result(survey, "CHAT006").status == "failed"


def test_files_that_are_no_checks_cannot_run_and_each_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("select 1")
    (tmp_path / "b.sql").write_text(HEAD.format(code="CHAT001") + "select 1")
    (tmp_path / "c.sql").write_text(HEAD.format(code="shop1") + "select 1")
    (tmp_path / "d.sql").write_text(HEAD.format(code="SHOP001"))
    (tmp_path / "C!.sql").write_text("")
    (tmp_path / "e.sql").write_text(HEAD.format(code="SHOP002") + "select 1")
    found = {check.code: check.broken for check in load.from_folder(tmp_path)}
    assert found.pop("SHOP002") is None
    assert set(found) == {"A", "B", "C", "C_", "D"}
    assert all(reason and str(tmp_path) in reason for reason in found.values())
    assert "the code CHAT001 is taken" in str(found["B"])
    with pytest.raises(UsageError):
        load.from_folder(tmp_path / "gone")


ODD = {
    "limts: queue_sla_minutes": ":7: there is no head key 'limts'; did you mean limits or limit?; there are: code, invariant,",
    "limits: queue_slo_minutes": ":7: there is no limit 'queue_slo_minutes'; did you mean queue_sla_minutes",
    "shares: late_turn": ":7: there is no shared query 'late_turn'; did you mean late_turns",
    "needs: chat_queu": ":7: there is no view 'chat_queu'; did you mean chat_queue",
    "kind: past": ":7: kind is state or history or touched, not 'past'",
    "on-error: passed": ":7: on-error is failed, not 'passed'",
    "severity: critical": ":7: -- severity: stands twice",
    "limit: shop_hours": ":7: a limit is declared as name = default unit, least to most: meaning",
    "limit: shop_hours = 9 h, 10 to 20: too late": ":7: the default 9 does not lie between 10 and 20",
    "limit: queue_sla_minutes = 9 h, 1 to 20: taken": ":7: the limit queue_sla_minutes is declared already",
    "says: nobody\nselect :'shop_hours'": ":8: there is no parameter 'shop_hours'",
}


@pytest.mark.parametrize("line", ODD)
def test_a_head_that_says_what_there_is_not_is_refused_with_file_line_and_what_there_is(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.sql").write_text(HEAD.format(code="SHOP001") + f"-- {line}\nselect 1")
    (broken,) = load.from_folder(tmp_path)
    assert (broken.broken or "").startswith(f"{tmp_path}/a.sql{ODD[line]}")


def test_a_check_of_ones_own_brings_its_limits(deployed: Database, tmp_path: Path, chatops_inprocess) -> None:  # type: ignore[no-untyped-def]
    text = HEAD.format(code="SHOP001") + (
        "-- limit: shop_chats = 3 chats, 1 to 1000000: so many are too many\n-- limits: shop_chats\n"
        "select count(*) as chats from chats having count(*) >= :'shop_chats'::numeric"
    )
    (tmp_path / "a.sql").write_text(text)
    own = ("diagnose", "--checks-dir", str(tmp_path), "--only", "SHOP001")
    assert "limit      shop_chats 3 chats (default)" in chatops_inprocess(*own, db=deployed, check=1).stdout
    assert "1 of 1 check" in chatops_inprocess(*own, "--threshold", "shop_chats=1000000", db=deployed, check=0).stdout
    assert (
        "must lie between 1 and 1e+06 chats"
        in chatops_inprocess(*own, "--threshold", "shop_chats=0", db=deployed, check=2).stderr
    )


@pytest.mark.parametrize("repair", [False, True])
def test_a_new_check_is_its_files_alone_and_each_loads_with_every_key_explained(
    repair: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deployed: Database
) -> None:
    made = new_check.texts("SHOP001", repair=repair)
    assert [path.partition("/")[0] for path in made] == ["checks", "plants", *(["repairs"] if repair else [])]
    assert all(key.name in made["checks/SHOP001.sql"] for key in heads.KEYS)
    shutil.copytree(sqlfiles.root(), tmp_path / "sql")
    for path, text in made.items():
        (tmp_path / "sql" / path).write_text(text)
    monkeypatch.setattr(sqlfiles, "root", lambda: tmp_path / "sql")
    for cached in (sqlfiles.read, load.shipped, load.limits, repairs.shipped):
        cached.cache_clear()
    try:
        assert "SHOP001" in {check.code for check in load.shipped()}
        assert ("SHOP001" in repair_batches.shipped()) is repair
        assert result(look(deployed, "SHOP001"), "SHOP001").status == "passed"
        with opened(deployed, "act") as acting, acting.acting(rollback=True):
            planting.plant_here(acting, "SHOP001")
            if repair:
                (made_repair,) = repairs.chosen(["SHOP001"])
                assert acting.value(repairs.found_text(made_repair.finding())) is None
                assert acting.value(made_repair.mending(["{}"])) == {"mended": 0, "busy": []}
        assert "SHOP001" in document()
    finally:
        monkeypatch.undo()
        for cached in (sqlfiles.read, load.shipped, load.limits, repairs.shipped):
            cached.cache_clear()
    for code in ("shop", "CHAT001"):
        with pytest.raises(UsageError):
            new_check.texts(code, repair=repair)


# ---- a standby -----------------------------------------------------------------------------------------------------------


def test_on_a_standby_everything_can_be_read_and_its_lag_is_told(own_server: Callable[..., Server], farm: Farm) -> None:
    primary = own_server("18")
    database = primary.create_database()
    build_core(database)
    with standby_of(primary, farm) as standby:
        copy = Database(standby, database.name)
        wait_for(lambda: copy.value("select pg_last_wal_replay_lsn() is not null"), "the standby replays")
        survey = look(copy)
        assert {code: said for code, said in wrong(survey).items() if said != "failed"} == {}
        assert above_advice(survey) == set()
        copy.execute("select pg_wal_replay_pause()")
        database.execute("insert into real_users (name) values ('written while the standby stood still')")
        wait_for(lambda: copy.value("select pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()"), "the standby lags")
        lags = {"standby_lag_seconds": 1.0}
        wait_for(lambda: result(look(copy, "DB012", given=lags), "DB012").status == "failed", "the lag is told", 30)
        assert result(look(copy, "DB012", given=lags), "DB012").rows[0]["standby"] == "this server"
        copy.close()
    database.close()
