"""On a Citus cluster: tenants are distributed and migrated, guards and functions hold there, and the rest refuses by name.

Takes CHATOPS_TEST_CITUS_URL, a coordinator with two workers whose database `postgres` may be connected to as a superuser.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from chatops import sqlfiles
from chatops.chats import audit
from chatops.cluster import CitusNode, refuse_writing
from chatops.db import connect
from chatops.errors import RefusedError
from chatops.migrations.citus_form import EVERY_FUNCTION, Form, form_of
from chatops.migrations.ledger import Run as LedgerRun
from chatops.migrations.plan import plan
from chatops.migrations.scanner import scan
from chatops.migrations.source import shipped
from chatops.migrations.transaction import for_file
from chatops.settings import Options, load, resolve
from tests.clusters import Cluster, people, value
from tests.conftest import Result
from tests.locks import wait_for
from tests.servers import Database

Run = Callable[..., Result]


# ---- migrate ---------------------------------------------------------------------------------------------------------


@pytest.mark.citus
def test_a_new_tenant_lies_on_one_worker_with_its_guards_and_is_as_the_files_made_it(
    tenant: Cluster, chatops_inprocess: Run
) -> None:
    verified = chatops_inprocess("--schema", "acme", "verify", db=tenant.url, check=0)
    assert "coordinator of 2 workers, schema distributed" in verified.stderr
    with tenant.connect() as own:
        assert (
            value(own, "select count(distinct (nodename, nodeport)) from citus_shards where table_name::text like 'acme.%%'") == 1
        )
        assert value(own, "select count(*) from citus_tables where table_name::text like 'acme.%%'") == 8
    worker, shard = tenant.shard("acme.chats")
    with psycopg.connect(worker) as there:
        guards = "select count(*) from pg_trigger where tgrelid = %s::regclass and tgname like 'chatops_guard_chat%%'"
        assert there.execute(guards, (shard,)).fetchone() == (1,)
    assert "Nothing to apply" in chatops_inprocess("--schema", "acme", "migrate", "--yes", db=tenant.url, check=0).stdout


@pytest.mark.citus
def test_a_schema_that_was_plain_is_distributed_with_its_rows_and_guarded_on_its_worker(
    lone_coordinator: Cluster, chatops_inprocess: Run
) -> None:
    with lone_coordinator.connect() as own:
        own.execute("create schema old")
    chatops_inprocess("--schema", "old", "migrate", "--yes", db=lone_coordinator.url, check=0)
    with lone_coordinator.connect("old") as own:
        operators, chats = people(own)
    lone_coordinator.add_workers()
    assert '"DB021"' in chatops_inprocess("--schema", "old", "verify", "-o", "json", db=lone_coordinator.url, check=1).stdout
    done = chatops_inprocess("--schema", "old", "migrate", "--yes", db=lone_coordinator.url, check=0)
    assert "the schema distributed" in done.stdout
    chatops_inprocess("--schema", "old", "verify", db=lone_coordinator.url, check=0)
    with lone_coordinator.connect("old") as own:
        assert value(own, "select count(*) from messages") == len(chats)
        held = value(own, "select assign_chat_to_operator(%s)", operators[0])
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            own.execute("insert into messages (chat_id, sender_type, handled_by_operator_id) values (%s, 'fictional', %s)",
                        (held, operators[1]))  # fmt: skip
        own.execute("delete from messages where chat_id = %s", (held,))
        assert value(own, "select message_count from chats where id = %s", held) == 0


@pytest.mark.citus
def test_a_schema_that_was_made_by_psql_and_adopted_is_distributed_with_functions_that_work_there(
    lone_coordinator: Cluster, chatops_inprocess: Run
) -> None:
    with lone_coordinator.connect() as own:
        own.execute("create schema old")
        own.execute("set search_path = old")
        for text in ("bookkeeping", *(f"migrations/{name}" for name in sqlfiles.names("migrations"))):
            for statement in scan(sqlfiles.read(f"{text}.sql")):
                own.execute(statement.text.encode())
    chatops_inprocess("--schema", "old", "adopt", "--to", "028", "--yes", db=lone_coordinator.url, check=0)
    lone_coordinator.add_workers()
    chatops_inprocess("--schema", "old", "migrate", "--yes", db=lone_coordinator.url, check=0)
    chatops_inprocess("--schema", "old", "verify", db=lone_coordinator.url, check=0)
    with lone_coordinator.connect("old") as own:
        operators, chats = people(own)
        held = value(own, "select assign_chat_to_operator(%s)", operators[0])
        assert held in chats
        own.execute("insert into messages (chat_id, sender_type, handled_by_operator_id) values (%s, 'fictional', %s)",
                    (held, operators[0]))  # fmt: skip
        assert value(own, "select chat_state from chats where id = %s", held) == "waiting_real_user_reply"
        own.execute("truncate messages")
        assert value(own, "select sum(message_count) from chats") == 0


@pytest.mark.citus
def test_a_fleet_of_tenants_shares_the_workers(cluster: Cluster, chatops_inprocess: Run) -> None:
    with cluster.connect() as own:
        for name in ("one", "two", "three", "four"):
            own.execute(f"create schema tenant_{name}")
    chatops_inprocess("migrate", "--all-schemas", "tenant_*", "--jobs", "2", "--yes", db=cluster.url, check=0)
    with cluster.connect() as own:
        assert (
            value(own, "select count(distinct (nodename, nodeport)) from citus_shards where table_name::text like 'tenant_%%'")
            == 2
        )
    chatops_inprocess("diagnose", "--all-schemas", "tenant_*", db=cluster.url, check=0)


@pytest.mark.citus
def test_a_lock_that_is_held_on_a_worker_ends_the_run_in_time_and_is_named(cluster: Cluster, chatops_inprocess: Run) -> None:
    with cluster.connect() as own:
        own.execute("create schema acme")
    chatops_inprocess("--schema", "acme", "migrate", "--to", "024", "--yes", db=cluster.url, check=0)
    with cluster.locked("acme.chats", "access share") as (worker, pid):
        blocked = chatops_inprocess("--schema", "acme", "migrate", "--yes", "--max-wait", "2s", db=cluster.url, check=5)
        assert f"pid {pid} on {urlsplit(worker).hostname}:{urlsplit(worker).port}" in blocked.stderr
        with cluster.connect("acme") as own:
            assert value(own, "select count(*) from chats") == 0
    chatops_inprocess("--schema", "acme", "migrate", "--yes", db=cluster.url, check=0)


@pytest.mark.citus
def test_a_tenant_of_the_deployed_system_is_mended_on_its_way_to_the_newest_files(
    deployed_tenant: Cluster, chatops_inprocess: Run
) -> None:
    cluster = deployed_tenant
    with cluster.connect("acme") as own:
        (ann, bob, _), chats = people(own)
        for chat in chats[:2]:  # the faults of the deployed system: two chats of one operator, a lost assignment, wrong counts
            own.execute("update chats set chat_state = 'assigned', assigned_operator_id = %s where id = %s", (ann, chat))
            own.execute("insert into chat_assignments (chat_id, operator_id) values (%s, %s)", (chat, ann))
        own.execute("insert into chat_assignments (chat_id, operator_id) values (%s, %s)", (chats[0], bob))
        own.execute(
            "update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = now() where id = %s", (chats[2],)
        )
        own.execute("update chats set message_count = 7")
        own.execute("update platform_config set value = '\"3\"' where key = 'max_reassignments'")
    done = chatops_inprocess("--schema", "acme", "migrate", "--yes", db=cluster.url, check=0)
    assert "CHAT001: 1 row mended" in done.stderr
    chatops_inprocess("--schema", "acme", "verify", "--only", "CHAT001,CHAT002,CHAT003,CHAT004,CHAT005,CHAT006,DATA001,CONF001",
                      db=cluster.url, check=0)  # fmt: skip
    with cluster.connect("acme") as own:
        logged = own.execute(
            "select distinct code from chatops.actions where action = 'repair' and before is distinct from after"
        )
        assert {"CHAT001", "DATA001", "CONF001"} <= {str(code) for (code,) in logged.fetchall()}


# ---- functions and guards --------------------------------------------------------------------------------------------


@pytest.mark.citus
def test_the_application_s_writes_and_the_functions_mean_there_what_they_mean_on_plain_postgres(tenant: Cluster) -> None:
    with tenant.connect("acme") as own:
        (ann, bob, cem), chats = people(own)
        held = value(own, "select assign_chat_to_operator(%s)", ann)
        assert held == chats[0]
        assert value(own, "select assign_chat_to_operator(%s)", ann) == held
        assert value(own, "select count(*) from chat_assignments where released_at is null") == 1
        own.execute("insert into messages (chat_id, sender_type, content, handled_by_operator_id) values (%s, 'fictional', 'yes', %s)",
                    (held, ann))  # fmt: skip
        # The application's second write, too late to mean anything.
        own.execute("update chats set chat_state = 'waiting_assignment' where id = %s", (held,))
        assert value(own, "select chat_state from chats where id = %s", held) == "waiting_real_user_reply"
        assert value(own, "select total_messages from operators where id = %s", ann) == 1
        assert value(own, "select release_reason from chat_assignments where chat_id = %s", held) == "operator_sent_message"

        value(own, "select message_id from user_message(%s, 'more')", held)
        assert value(own, "select to_operator_id from reassign_chat(%s, %s)", held, bob) == bob
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            own.execute("select * from reassign_chat(%s, %s)", (chats[1], bob))
        assert value(own, "select message_id is not null from operator_reply(%s, %s, 'answer')", held, bob) is True
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            own.execute("select * from operator_reply(%s, %s, 'late')", (held, bob))
        mine = value(own, "select assign_chat_to_operator(%s)", cem)
        assert value(own, "select operator_heartbeat(%s, %s)", mine, cem) is True
        assert value(own, "select release_and_reassign_chat(%s)", mine) is True
        assert value(own, "select assign_chat_to_operator(%s)", cem) == chats[2]
        own.execute("update operators set is_active = false where id = %s", (cem,))
        assert value(own, "select count(*) from chats where chat_state = 'assigned'") == 0
        assert value(own, "select close_chat(%s)", mine) is True
        assert value(own, "select reopen_chat(%s)", mine) == "waiting_assignment"


@pytest.mark.citus
def test_a_tenant_that_is_moved_to_another_worker_keeps_its_guards_and_functions(tenant: Cluster, chatops_inprocess: Run) -> None:
    with tenant.connect("acme") as own:
        (ann, bob, _), _ = people(own)
        held = value(own, "select assign_chat_to_operator(%s)", ann)
        before, _ = tenant.shard("acme.chats")
        there = next(node for node in tenant.nodes if tenant.node_url(*node) != before)
        own.execute("select citus_schema_move('acme'::regnamespace, %s, %s, 'block_writes')", there)
        assert tenant.shard("acme.chats")[0] == tenant.node_url(*there)
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            own.execute(
                "insert into messages (chat_id, sender_type, handled_by_operator_id) values (%s, 'fictional', %s)", (held, bob)
            )
        own.execute(
            "insert into messages (chat_id, sender_type, handled_by_operator_id) values (%s, 'fictional', %s)", (held, ann)
        )
        assert value(own, "select chat_state from chats where id = %s", held) == "waiting_real_user_reply"
        assert value(own, "select assign_chat_to_operator(%s)", ann) not in (None, held)
    chatops_inprocess("--schema", "acme", "verify", "schema", db=tenant.url, check=0)


@pytest.mark.citus
def test_the_hostile_load_breaks_nothing_there_and_breaks_the_deployed_system(cluster: Cluster, chatops_inprocess: Run) -> None:
    small = ["simulate", "--db", cluster.url, "--seconds", "4", "--operators", "3", "--users", "3", "--chats", "6", "-o", "json"]
    for words in ((), ("--writers", "functions")):
        held = json.loads(chatops_inprocess(*small, *words, check=0).stdout)
        assert held["verdict"] == "held"
        assert cluster.name in held["database"]
    chatops_inprocess(*small, "--original", check=1)
    with cluster.connect() as own:
        assert value(own, "select count(*) from pg_namespace where nspname like 'chatops_simulate%%'") == 0


# ---- looking and acting ----------------------------------------------------------------------------------------------


@pytest.mark.citus
def test_every_table_and_finding_is_read_there(tenant: Cluster, chatops_inprocess: Run, tmp_path: Path) -> None:
    with tenant.connect("acme") as own:
        (ann, *_), chats = people(own)
        own.execute("select assign_chat_to_operator(%s)", (ann,))
    for words in (["summary"], ["queue"], ["stuck"], ["chats"], ["operators"], ["show", str(chats[0])], ["show", str(ann)],
                  ["diagnose"], ["status"], ["log"], ["guard"], ["monitor", "--once", "--state", str(tmp_path / "watch.json")], ["doctor"]):  # fmt: skip
        shown = chatops_inprocess("--schema", "acme", *words, db=tenant.url)
        assert shown.exit_code in (0, 1), (words, shown.stderr)
        assert "unknown" not in shown.stdout.lower(), (words, shown.stdout)


@pytest.mark.citus
def test_chats_are_moved_and_each_move_is_logged_and_taken_back(tenant: Cluster, chatops_inprocess: Run) -> None:
    def act(*words: str) -> Result:
        return chatops_inprocess("--schema", "acme", *words, "--yes", "--reason", "test", db=tenant.url, check=0)

    with tenant.connect("acme") as own:
        (ann, bob, _), chats = people(own)
        held = value(own, "select assign_chat_to_operator(%s)", ann)

        def of(chat: object) -> tuple[object, ...] | None:
            found = "select chat_state, assigned_operator_id, epoch > 0 from chats where id = %s"
            return own.execute(found, (chat,)).fetchone()

        def last() -> str:
            return str(value(own, "select max(id) from chatops.actions where outcome = 'done'"))

        act("release", str(held))
        assert of(held) == ("waiting_assignment", None, True)
        act("undo", last())
        assert of(held) == ("assigned", ann, True)
        act("reassign", str(held), "--to", str(bob))
        assert of(held) == ("assigned", bob, True)
        act("drain", str(bob))
        assert value(own, "select is_available from operators where id = %s", bob) is False
        assert value(own, "select count(*) from chats where assigned_operator_id = %s", bob) == 0
        act("undrain", str(bob))
        act("close", str(chats[1]))
        assert of(chats[1]) == ("completed", None, True)
        act("reopen", str(chats[1]))
        assert of(chats[1]) == ("waiting_assignment", None, True)
        chatops_inprocess("--schema", "acme", "pause", "--for", "5m", "--yes", "--reason", "t", db=tenant.url, check=0)
        free = value(own, "select id from operators where is_available and not exists (select from chats where"
                     " assigned_operator_id = operators.id) limit 1")  # fmt: skip
        assert value(own, "select assign_chat_to_operator(%s)", free) is None
        for view in ("chat_queue", "operator_load"):
            assert value(own, f"select count(*) from {view} where paused_until is null") == 0
        chatops_inprocess("--schema", "acme", "resume", "--reason", "t", db=tenant.url, check=0)
        assert value(own, "select assign_chat_to_operator(%s)", free) is not None
        logged = own.execute("select action from chatops.actions where outcome = 'done' order by id").fetchall()
        assert [str(one) for (one,) in logged][:3] == ["release", "undo", "reassign"]
        chatops_inprocess("--schema", "acme", "guard", "off", "--for", "5m", "--yes", "--reason", "t", db=tenant.url, check=0)
        own.execute(
            "insert into messages (chat_id, sender_type, handled_by_operator_id) values (%s, 'fictional', %s)", (chats[1], ann)
        )
        chatops_inprocess("--schema", "acme", "guard", "on", "--yes", "--reason", "t", db=tenant.url, check=0)
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            own.execute("insert into messages (chat_id, sender_type, handled_by_operator_id) values (%s, 'fictional', %s)",
                        (chats[1], bob))  # fmt: skip
        # Only the reply that was let through while the guards were off.
        found = chatops_inprocess("--schema", "acme", "verify", "data", "-o", "json", db=tenant.url, check=1)
        assert [one["code"] for one in json.loads(found.stdout)["checks"] if one["status"] in ("failed", "unknown")] == [
            "CHAT009"
        ]


@pytest.mark.citus
def test_the_guides_scenarios_are_lived_through_there_and_rows_are_mended(tenant: Cluster, chatops_inprocess: Run) -> None:
    played = chatops_inprocess("--schema", "acme", "verify", "--scenarios", "--yes", db=tenant.url, check=0)
    assert "13 of 13 scenario steps passed" in played.stdout
    # The late reply was refused on the tenant's node, and is taken back there: it was ours.
    assert "counted by guard" not in played.stdout
    guard = chatops_inprocess("--schema", "acme", "guard", "-o", "json", db=tenant.url, check=0)
    assert json.loads(guard.stdout)["refusals"] == [], guard.stdout
    with tenant.connect("acme") as own:
        people(own)
        with own.transaction():
            for setting in ("citus.propagate_set_commands = 'local'", "chatops.write = 'function'"):
                own.execute(f"set local {setting}")
            own.execute("update chats set message_count = 7")
    chatops_inprocess("--schema", "acme", "repair", "DATA001", "--yes", "--reason", "test", db=tenant.url, check=0)
    with tenant.connect("acme") as own:
        assert value(own, "select max(message_count) from chats") == 1
        assert value(own, "select count(*) from chatops.actions where code = 'DATA001'") == 3


@pytest.mark.citus
def test_a_guard_that_a_worker_lacks_and_a_function_that_only_the_coordinator_has_fail_verify(
    tenant: Cluster, chatops_inprocess: Run
) -> None:
    def trouble() -> str:
        return chatops_inprocess("--schema", "acme", "verify", "--only", "DB021", db=tenant.url, check=1).stdout

    worker, shard = tenant.shard("acme.chats")
    with psycopg.connect(worker, autocommit=True) as there:
        there.execute("set citus.enable_ddl_propagation to off")
        there.execute("set citus.enable_manual_changes_to_shards to on")
        there.execute(f"drop trigger chatops_guard_chat_{shard.rpartition('_')[2]} on {shard}")
    assert re.search(r"1 of its \d\d guards are missing on the workers", trouble())
    with tenant.connect("acme") as own:
        own.execute("set citus.enable_ddl_propagation to off")
        own.execute("create function acme.lone() returns integer language sql as 'select 1'")
    assert "1 of its functions are on the coordinator alone" in trouble()


@pytest.mark.citus
def test_a_session_that_holds_up_a_tenant_on_a_worker_is_found(tenant: Cluster, chatops_inprocess: Run) -> None:
    worker, shard = tenant.shard("acme.chats")
    with psycopg.connect(worker, autocommit=True) as there:
        there.execute("set citus.enable_manual_changes_to_shards to on")
        there.execute("begin")
        there.execute(f"lock table {shard} in share mode")
        with tenant.connect("acme") as own:
            own.execute("set statement_timeout = '60s'")
            waiting = threading.Thread(target=lambda: own.execute("update chats set updated_at = now()"), daemon=True)
            waiting.start()
            with psycopg.connect(worker, autocommit=True) as looking:
                blocked = "select count(*) from pg_stat_activity where %s = any (pg_blocking_pids(pid))"
                wait_for(lambda: looking.execute(blocked, (there.info.backend_pid,)).fetchone() != (0,), "somebody waits")
            told = chatops_inprocess("--schema", "acme", "diagnose", "--only", "DB026", db=tenant.url, check=1)
            assert f"pid {there.info.backend_pid}" in told.stdout.replace(",", "")
            there.execute("rollback")
            waiting.join(timeout=60)


@pytest.mark.citus
def test_a_schema_on_the_coordinator_alone_works_and_verify_says_where_it_lies(cluster: Cluster, chatops_inprocess: Run) -> None:
    chatops_inprocess("migrate", "--to", "latest", "--yes", db=cluster.url, check=0)
    verified = chatops_inprocess("verify", "schema", "-o", "json", db=cluster.url, check=1)
    assert '"DB021"' in verified.stdout
    assert "coordinator of 2 workers" in verified.stderr
    assert "lies on the coordinator alone" in chatops_inprocess("doctor", db=cluster.url).stdout


@pytest.mark.citus
def test_a_worker_is_no_place_to_work(cluster: Cluster, chatops_inprocess: Run) -> None:
    refused = chatops_inprocess("migrate", "--yes", db=cluster.node_url(*cluster.nodes[0]), check=4)
    assert "this is a worker of a Citus cluster" in refused.stderr
    assert ", worker" in refused.stderr


# ---- without a cluster -----------------------------------------------------------------------------------------------


def test_each_word_of_a_form_meets_the_file_that_it_changes() -> None:
    for name in sqlfiles.names("citus"):
        form = form_of(name)
        statements = [one.text for one in scan(sqlfiles.read(f"migrations/{name}.sql"))]
        for begins, texts in form.instead:
            assert any(form.texts(one) != Form().texts(one) for one in statements if " ".join(one.split()).startswith(begins)), (
                begins
            )
            assert all(texts), begins
        for function, before, _ in form.edits:
            meant = [one for one in statements if function == "*" or f"function {function}(" in one]
            assert any(before in one for one in meant), before
        for begins in form.one_by_one:
            [block] = [one for one in statements if one.startswith(begins)]
            texts = form.texts(block)
            assert len(texts) > 1, begins
            assert all(text in block for text in texts if "function" not in text), begins


def test_every_function_reaches_the_workers_and_no_statement_changes_otherwise() -> None:
    for name in sqlfiles.names("migrations"):
        for statement in scan(sqlfiles.read(f"migrations/{name}.sql")):
            texts = form_of(name).texts(statement.text)
            for text in texts:
                assert text.count("language plpgsql\n") <= text.count(EVERY_FUNCTION[0]) + text.count("do $"), text[:80]
            if name not in sqlfiles.names("citus") and "function" not in statement.text:
                assert texts == [statement.text]


def test_no_update_of_a_function_takes_an_instant_by_itself_on_a_cluster() -> None:
    for name in sqlfiles.names("migrations"):
        for statement in scan(sqlfiles.read(f"migrations/{name}.sql")):
            for text in form_of(name).texts(statement.text):
                for update in re.findall(r"^\s*update \w+ .*?;$", text, re.MULTILINE | re.DOTALL):
                    assert "clock_timestamp()" not in update, (name, update)


def test_plain_postgres_is_sent_each_file_byte_for_byte() -> None:
    files = [entry for entry in plan(shipped(), ()).apply if entry.file is not None and entry.file.reading.mode == "transaction"]
    assert len(files) > 10
    for entry in files:
        assert entry.file is not None
        reading = entry.file.reading
        sent = for_file(entry, "public", LedgerRun("migrate", {}, None), deadline_ms=100, bookkeeping=False)
        own = [part.text for part in sent.parts if part.statement is not None]
        assert own == [reading.sent[one.leading : one.stop] for one in reading.statements]
        assert not sent.apart
        assert not any("citus" in part.text.lower() for part in sent.parts)


@pytest.mark.parametrize("command", ["release", "close", "reopen"])
def test_the_words_for_a_cluster_change_and_log_the_same_on_plain_postgres(latest_database: Database, command: str) -> None:
    latest_database.script("""
        insert into operators (id, name, is_active, is_available) values ('00000000-0000-4000-8000-000000000001', 'ann', true, true);
        insert into real_users (name) select 'u' || n from generate_series(1, 3) as n;
        insert into fictional_users (name) values ('p');
        insert into chats (real_user_id, fictional_user_id) select r.id, f.id from real_users r, fictional_users f;
        insert into messages (chat_id, sender_type, content) select id, 'real', 'x' from chats;
        select assign_chat_to_operator('00000000-0000-4000-8000-000000000001');
    """)
    if command == "reopen":
        latest_database.script("select close_chat(id) from chats")
    target = replace(resolve(Options((latest_database.url,), None, None, None), configuration=load()), schema="public")
    told = []
    for distributed in (False, True):
        with connect(target, "test", "act") as database, database.acting(rollback=True):
            database.annotate({"chatops.write": "function"})
            assert database.facts is not None
            database.facts = replace(database.facts, distributed=distributed)
            chats = audit.array(row[0] for row in database.tuples("select id from chats order by id"))
            parameters = {
                "command": command, "chats": chats, "ending": "{}" if command == "reopen" else chats,
                "release_reason": "manual_release", "reassignment_limit": None,
            }  # fmt: skip
            moved = audit.carry_out(database, "queries/let_go.sql", parameters)
            logged = database.tuples("select action, chat_id, operator_id, before #- '{chat,updated_at}', after - 'assignments' #- "
                                     "'{chat,updated_at}' #- '{chat,state_since}' from chatops.actions order by chat_id")  # fmt: skip
            told.append(
                (sorted(row[1:] for row in moved), logged, database.tuples("select chat_state, is_active, epoch from chats"))
            )
    assert told[0] == told[1]
    assert told[0][0]


@pytest.mark.parametrize(
    ("node", "word"),
    [
        (CitusNode("13.2-1", False, 0, False), "worker"),
        (CitusNode("13.2-1", True, 2, True, here=("messages",)), "in part: messages"),
        (CitusNode("13.2-1", True, 2, False, otherwise=("chats by id", "operators reference")), "table by table"),
        (CitusNode("13.2-1", True, 2, False, on_one_shard=("chats",)), "no tenant"),
    ],
)
def test_writing_is_refused_by_what_the_node_is(node: CitusNode, word: str) -> None:
    with pytest.raises(RefusedError, match=word):
        refuse_writing(node, "remove", "acme")


@pytest.mark.parametrize(
    "node",
    [None, CitusNode("13.2-1", True, 0, False), CitusNode("13.2-1", True, 2, False, here=("chats",)),
     CitusNode("13.2-1", True, 2, True, on_one_shard=("chats",))],
)  # fmt: skip
def test_plain_postgres_plain_schemas_and_tenants_are_written(node: CitusNode | None) -> None:
    refuse_writing(node, "remove", "acme")


def test_without_citus_nothing_is_asked_and_nothing_is_said(
    latest_database_everywhere: Database, chatops_inprocess: Callable[..., Result]
) -> None:
    shown = chatops_inprocess("verify", "--only", "DB021", db=latest_database_everywhere, check=0)
    assert "Citus" not in shown.stderr
