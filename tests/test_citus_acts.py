"""On a tenant of a Citus cluster: what is measured, mended, deployed and taken out; and where chatops says that it cannot work."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import psycopg
import pytest

from chatops import cluster_log, sqlfiles
from chatops.db import connect
from chatops.repairs import texts
from chatops.settings import Options, load, resolve
from tests.clusters import CITUS, Cluster, at, people, value
from tests.conftest import Result
from tests.locks import wait_for
from tests.servers import Database

Run = Callable[..., Result]
MARK = ("set local citus.propagate_set_commands = 'local'", "set local chatops.write = 'function'")
HARMFUL = """alter table chats add column note text;
alter table chats add constraint sane check (message_count >= 0);
alter table chats add column token uuid default gen_random_uuid();
update messages set content = 'x';
create index on chats (updated_at);
"""


def on_workers(own: psycopg.Connection[tuple[object, ...]], question: str) -> list[object]:
    """What each worker answers to a question."""
    return [row[0] for row in own.execute("select result from run_command_on_workers(%s)", (question,)).fetchall()]


# ---- rehearse --------------------------------------------------------------------------------------------------------


@pytest.mark.citus
def test_pending_files_are_rehearsed_with_the_rows_and_locks_of_the_shards(
    tenant: Cluster, chatops_inprocess: Run, tmp_path: Path
) -> None:
    (tmp_path / "101_harm.sql").write_text(HARMFUL, encoding="utf-8")
    with tenant.connect("acme") as own:
        _, chats = people(own, 40)
    asked = ("--schema", "acme", "rehearse", "--dir", tmp_path, "--source", "ours", "--yes")
    told = json.loads(chatops_inprocess(*asked, "-o", "json", db=tenant.url, check=0).stdout)
    column, check, rewrite, update, index = told["statements"]
    assert [(lock["relation"], lock["mode"]) for lock in column["locks"]] == [("chats", "ACCESS EXCLUSIVE")]
    assert [(one["what"], one["relation"], one["rows"]) for one in check["touched"]] == [("scans", "chats", len(chats))]
    assert [(one["what"], one["relation"], one["rows"]) for one in rewrite["touched"]] == [("rewrites", "chats", len(chats))]
    assert ("changes", "messages", len(chats)) in [(one["what"], one["relation"], one["rows"]) for one in update["touched"]]
    assert [(one["what"], one["index"]) for one in index["touched"]] == [("builds", "chats_updated_at_idx")]
    assert {one["relation"] for one in told["blocking"]} == {"chats", "messages"}
    with tenant.locked("acme.chats", "access share") as (_, pid):
        blocked = chatops_inprocess(*asked, "--max-wait", "1s", db=tenant.url, check=5)
        assert f"pid {pid} on 127.0.0.1" in blocked.stderr
    with tenant.connect("acme") as own:
        left = "select count(*) from pg_class where relname like 'chatops_rehearsal%'"
        assert {*on_workers(own, left), str(value(own, left.replace("%", "%%")))} == {"0"}
    chatops_inprocess("--schema", "acme", "verify", "schema", db=tenant.url, check=0)


@pytest.mark.citus
def test_a_schema_that_is_yet_to_be_distributed_is_rehearsed_as_the_tenant_that_it_becomes(
    lone_coordinator: Cluster, chatops_inprocess: Run
) -> None:
    with lone_coordinator.connect() as own:
        own.execute("create schema old")
    chatops_inprocess("--schema", "old", "migrate", "--to", "017", "--yes", db=lone_coordinator.url, check=0)
    with lone_coordinator.connect("old") as own:
        people(own)
    lone_coordinator.add_workers()
    told = json.loads(
        chatops_inprocess("--schema", "old", "rehearse", "--yes", "-o", "json", db=lone_coordinator.url, check=0).stdout
    )
    assert [one["file"] for one in told["files"]][:2] == ["distribution", "018_queue_clocks"]
    assert {one["status"] for one in told["files"]} == {"rehearsed", "not rehearsable"}
    kept_waiting = {one["relation"] for one in told["blocking"] if one["file"] == "distribution"}
    assert {"chats", "messages"} <= kept_waiting
    with lone_coordinator.connect() as own:
        assert value(own, "select count(*) from citus_schemas") == 0
    assert '"DB021"' in chatops_inprocess("--schema", "old", "verify", "-o", "json", db=lone_coordinator.url, check=1).stdout


# ---- remove ----------------------------------------------------------------------------------------------------------


@pytest.mark.citus
def test_what_chatops_made_is_taken_out_of_every_node_and_can_come_back(tenant: Cluster, chatops_inprocess: Run) -> None:
    with tenant.connect("acme") as own:
        (ann, *_), chats = people(own)
        own.execute("create schema other")
    chatops_inprocess("--schema", "other", "migrate", "--yes", db=tenant.url, check=0)
    done = chatops_inprocess("--schema", "acme", "remove", "--yes", db=tenant.url, check=0)
    assert "the schema stays distributed" in done.stderr
    ours = (
        "select count(*) from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname = 'acme' and (c.relkind = 'S' or c.relname ~ 'chat_queue|one_per_operator')"
    )
    triggers = "select count(*) from pg_trigger where tgname like 'chatops%' and tgrelid::regclass::text like 'acme.%'"
    with tenant.connect("acme") as own:
        for question in (ours, triggers):
            assert {*on_workers(own, question), str(value(own, question.replace("%", "%%")))} == {"0"}, question
        # The deployed system's own functions stand there again, and work.
        assert value(own, "select assign_chat_to_operator(%s)", ann) in chats
        assert value(own, "select release_and_reassign_chat(id) from chats where chat_state = 'assigned'") is True
    chatops_inprocess("--schema", "other", "verify", db=tenant.url, check=0)
    chatops_inprocess("--schema", "acme", "adopt", "--through", "017", "--yes", db=tenant.url, check=0)
    chatops_inprocess("--schema", "acme", "migrate", "--to", "latest", "--yes", db=tenant.url, check=0)
    chatops_inprocess("--schema", "acme", "verify", db=tenant.url, check=0)
    for schema in ("acme", "other"):
        chatops_inprocess("--schema", schema, "remove", "--yes", db=tenant.url, check=0)
    with tenant.connect() as own:
        left = "select count(*) from pg_namespace where nspname = 'chatops'"
        assert {*on_workers(own, left), str(value(own, left))} == {"0"}


# ---- repair, snooze, scenarios, sizes, deploy -----------------------------------------------------------------------------


@pytest.mark.citus
def test_an_assignment_that_is_missing_is_added_and_logged_by_repair_and_by_migrate(
    deployed_tenant: Cluster, chatops_inprocess: Run
) -> None:
    cluster = deployed_tenant
    with cluster.connect("acme") as own:
        (ann, bob, _), chats = people(own)
        for operator, chat in ((ann, chats[0]), (bob, chats[1])):
            own.execute(
                "update chats set chat_state = 'assigned', assigned_operator_id = %s, assignment_time = now() where id = %s",
                (operator, chat),
            )
    done = chatops_inprocess("--schema", "acme", "migrate", "--yes", db=cluster.url, check=0)
    assert "CHAT005: 2 rows mended" in done.stderr
    added = "select count(*) from chatops.actions where code = 'CHAT005' and after ? 'assigned_at'"
    with cluster.connect("acme") as own:
        assert value(own, added) == 2
        with own.transaction():
            for setting in MARK:
                own.execute(setting)
            own.execute("delete from chat_assignments")
    chatops_inprocess("--schema", "acme", "repair", "CHAT005", "--yes", "--reason", "test", db=cluster.url, check=0)
    with cluster.connect("acme") as own:
        assert value(own, added) == 4
        held = "select count(*) from chat_assignments as a join chats as c on c.id = a.chat_id and c.assigned_operator_id = a.operator_id"
        assert value(own, f"{held} where a.released_at is null") == 2
    chatops_inprocess("--schema", "acme", "verify", "--only", "CHAT005", db=cluster.url, check=0)


@pytest.mark.citus
def test_every_repair_is_in_words_that_a_tenant_takes(tenant: Cluster) -> None:
    target = replace(resolve(Options((tenant.url,), None, "acme", None), configuration=load()), schema="acme")
    with connect(target, "test", "act") as database:
        for repair in texts.shipped():
            with database.acting(rollback=True):
                assert json.loads(cluster_log.mend(database, repair.code, repair.mend, []))["mended"] == 0, repair.code


@pytest.mark.citus
def test_a_finding_is_silenced_for_everybody_there(tenant: Cluster, chatops_inprocess: Run) -> None:
    def snooze(*words: str) -> str:
        return chatops_inprocess("--schema", "acme", "snooze", *words, "--store", "--yes", db=tenant.url, check=0).stdout

    for reason in ("first", "second"):
        assert "silent until 2099-01-01" in snooze("CHAT013", "--until", "2099-01-01", "--reason", reason)
    assert "second" in chatops_inprocess("--schema", "acme", "snooze", "--store", db=tenant.url, check=0).stdout
    assert "shown again" in snooze("CHAT013", "--off")
    with tenant.connect() as own:
        logged = own.execute("select action, before ->> 'reason', after ->> 'reason' from chatops.actions order by id").fetchall()
        assert logged == [("snooze", None, "first"), ("snooze", "first", "second"), ("snooze off", "second", None)]


@pytest.mark.citus
def test_the_races_are_run_in_a_schema_with_the_tenants_own_functions(tenant: Cluster, chatops_inprocess: Run) -> None:
    asked = ("--schema", "acme", "verify", "--scenarios", "--concurrent", "--yes")
    assert "3 of 3 scenario steps passed" in chatops_inprocess(*asked, db=tenant.url, check=0).stdout
    with tenant.connect("acme") as own:
        # A function of the tenant that gives nobody a chat is what the races run on.
        own.execute("create or replace function take_next_chat(p_operator_id uuid, p_head timestamptz, p_own_since timestamptz) returns uuid"
                    " language plpgsql set search_path from current as $$ begin return null; end $$")  # fmt: skip
    assert "0 hold a chat" in chatops_inprocess(*asked, db=tenant.url, check=1).stdout
    with tenant.connect("acme") as own:
        own.execute(
            "create function lone() returns bigint language plpgsql as $$ begin return (select count(*) from acme.chats); end $$"
        )
    assert "names its schema" in chatops_inprocess(*asked, db=tenant.url, check=4).stderr
    with tenant.connect() as own:
        assert value(own, "select count(*) from pg_namespace where nspname like 'chatops_copy%%'") == 0


@pytest.mark.citus
def test_sizes_and_dead_rows_are_those_of_the_worker(tenant: Cluster, chatops_inprocess: Run) -> None:
    with tenant.connect("acme") as own:
        own.execute("alter table operators set (autovacuum_enabled = false)")
        own.execute("insert into operators (name) select 'n' || n from generate_series(1, 11000) as n")
        own.execute("update operators set name = name || 'x'")
        own.execute("select run_command_on_workers('analyze')")
    asked = ("--schema", "acme", "diagnose", "--only", "DB011,DB028", "--threshold", "table_size_gb=0.0001", "-o", "json")

    def found() -> dict[str, int]:
        told = json.loads(chatops_inprocess(*asked, db=tenant.url, check=0).stdout)
        rows = [(one["code"], row) for one in told["findings"] for row in one["rows"] if row["object"] == "operators"]
        return {code: int(row.get("dead_rows") or row["rows"]) for code, row in rows}

    wait_for(lambda: found().keys() == {"DB011", "DB028"}, "the statistics are told", timeout=60)
    assert found()["DB011"] >= 11000
    assert found()["DB028"] == 11000


@pytest.mark.citus
def test_a_tenant_is_deployed_with_a_receipt_that_verify_holds_it_against(
    deployed_tenant: Cluster, chatops_inprocess: Run, tmp_path: Path
) -> None:
    cluster = deployed_tenant
    receipt = tmp_path / "receipt.json"
    with cluster.connect("acme") as own:
        people(own)
    chatops_inprocess("--schema", "acme", "deploy", "--skip-code", "--receipt", receipt, "--yes", db=cluster.url, check=0)
    assert {step["name"]: step["result"] for step in json.loads(receipt.read_text())["steps"]}["verify"] == "done"
    against = ("--schema", "acme", "verify", "--against", receipt)
    chatops_inprocess(*against, db=cluster.url, check=0)
    with cluster.connect("acme") as own:
        own.execute("drop index idx_chats_queue")
    assert "idx_chats_queue" in chatops_inprocess(*against, db=cluster.url, check=1).stdout


# ---- where chatops says that it cannot work ------------------------------------------------------------------------------


@pytest.mark.citus
def test_a_schema_that_is_a_tenant_by_halves_is_told_and_its_way_out_leads_out(cluster: Cluster, chatops_inprocess: Run) -> None:
    table = (
        "create table {}.{} (id uuid primary key, chat_state text, assigned_operator_id uuid, operator_replied_at timestamptz)"
    )
    with cluster.connect() as own:
        for schema in ("apart", "halved"):
            own.execute(f"create schema {schema}")
        own.execute(table.format("apart", "chats"))
        own.execute(table.format("apart", "operators"))
        own.execute("select create_distributed_table('apart.chats', 'id'), create_reference_table('apart.operators')")
        own.execute("select citus_schema_distribute('halved')")
        own.execute(f"do $$ begin execute '{table.format('halved', 'chats')}'; end $$")
        own.execute(table.format("halved", "operators"))
        own.execute("insert into halved.chats (id) values (gen_random_uuid())")
    for schema, word in (("apart", "table by table (chats by id, operators reference)"), ("halved", "in part: chats on the")):
        told = chatops_inprocess("--schema", schema, "verify", "--only", "DB021", db=cluster.url, check=1).stdout
        assert word in told
        ways = []
        for words in (
            ["migrate", "--yes"],
            ["adopt", "--yes"],
            ["drain", "x", "--yes", "--reason", "x"],
            ["rehearse"],
            ["remove"],
        ):
            refused = chatops_inprocess("--schema", schema, *words, db=cluster.url, check=4)
            assert word in refused.stderr
            ways.append(refused.stderr.partition("(SQL): ")[2].strip())
        assert word in chatops_inprocess("--schema", schema, "doctor", db=cluster.url, check=1).stdout
        while "(SQL): " in (refused.stderr):
            with cluster.connect() as own:
                own.execute(refused.stderr.partition("(SQL): ")[2].splitlines()[0])
            refused = chatops_inprocess("--schema", schema, "rehearse", db=cluster.url)
        assert word not in refused.stderr
    with cluster.connect() as own:
        assert value(own, "select count(*) from halved.chats") == 1
        assert value(own, "select citus_table_type from citus_tables where table_name = 'halved.chats'::regclass") == "schema"


@pytest.mark.citus
@pytest.mark.parametrize("name", ["Half 2", "select", "o'brien"])
def test_a_name_that_citus_would_spell_wrongly_is_refused_and_its_new_name_is_taken(
    cluster: Cluster, chatops_inprocess: Run, name: str
) -> None:
    with cluster.connect() as own:
        own.execute(f'create schema "{name}"')
        refused = chatops_inprocess("--schema", name, "migrate", "--yes", db=cluster.url, check=4)
        assert "it cannot be a tenant; nothing was changed" in refused.stderr
        own.execute(refused.stderr.partition("(SQL): ")[2].splitlines()[0])
    chatops_inprocess("migrate", "--all-schemas", "*", "--yes", db=cluster.url, check=0)
    chatops_inprocess("verify", "--all-schemas", "*", db=cluster.url)
    with cluster.connect() as own:
        assert value(own, "select count(*) from citus_schemas") == 1
        assert value(own, "select count(*) from chatops.migrations where target_schema like 'citus%%'") == 0


@pytest.mark.citus
def test_an_odd_name_that_needs_no_quotes_is_a_tenant_like_any_other(cluster: Cluster, chatops_inprocess: Run) -> None:
    with cluster.connect() as own:
        own.execute("create schema tünant$1")
    for words in (["migrate", "--yes"], ["verify"], ["verify", "--scenarios", "--concurrent", "--yes"], ["remove", "--yes"]):
        chatops_inprocess("--schema", "tünant$1", *words, db=cluster.url, check=0)


@pytest.mark.citus
def test_a_worker_that_is_away_or_not_told_is_named_before_anything_is_done(
    tenant: Cluster, chatops_inprocess: Run, tmp_path: Path
) -> None:
    away = "update pg_dist_node set nodeport = 1 where groupid = (select max(groupid) from pg_dist_node)"
    with tenant.connect() as own:
        own.execute("create schema next")
        host, port = tenant.nodes[-1]
        own.execute("select stop_metadata_sync_to_node(%s, %s)", (host, port))
        refused = chatops_inprocess("--schema", "next", "migrate", "--yes", db=tenant.url, check=4)
        assert f"{host}:{port} is not told what the coordinator knows" in refused.stderr
        own.execute(refused.stderr.partition("(SQL): ")[2].splitlines()[0])
        held = tenant.shard("acme.chats")[0] == tenant.node_url(host, port)
        own.execute(away)
        refused = chatops_inprocess("--schema", "next", "migrate", "--yes", db=tenant.url, check=3)
        assert f"the coordinator does not reach {host}:1; nothing was changed" in refused.stderr
        assert value(own, "select count(*) from chatops.migrations where target_schema = 'next'") == 0
        told = chatops_inprocess("--schema", "acme", "doctor", db=tenant.url, check=1).stdout
        assert f"the coordinator does not reach {host}:1" in told
        refused = chatops_inprocess("--schema", "acme", "guard", db=tenant.url, check=3).stdout
        assert f"UNKNOWN: what was refused on {host}:1" in refused
        looked = chatops_inprocess("--schema", "acme", "summary", db=tenant.url, check=3 if held else 0)
        assert (f"the coordinator does not reach its worker {host}:1" in looked.stderr) is held
        # The page of many tenants goes on: the others are seen.
        chatops_inprocess("console", "--all-schemas", "acme", "--screenshot", "desk.svg", db=tenant.url, check=0)
        assert ("NOT&#160;SEEN" in (tmp_path / "desk.svg").read_text()) is held
        own.execute("update pg_dist_node set nodeport = %s where nodeport = 1", (port,))
    chatops_inprocess("--schema", "next", "migrate", "--yes", db=tenant.url, check=0)


@pytest.mark.citus
def test_a_cluster_of_one_node_takes_tenants_once_it_may(lone_coordinator: Cluster, chatops_inprocess: Run) -> None:
    with lone_coordinator.connect() as own:
        own.execute("create schema acme")
        own.execute("select citus_schema_distribute('acme')")
        refused = chatops_inprocess("--schema", "acme", "migrate", "--yes", db=lone_coordinator.url, check=4)
        assert "no node of the cluster takes shards" in refused.stderr
        own.execute(refused.stderr.partition("(SQL): ")[2].splitlines()[0])
    for words in (["migrate", "--yes"], ["verify"], ["rehearse", "--yes"], ["verify", "--scenarios", "--yes"]):
        chatops_inprocess("--schema", "acme", *words, db=lone_coordinator.url, check=0)


def keeps_and_misses(cluster: Cluster, url: str, run: Run) -> None:
    """What protects the tables is kept there by migrate, and missed when it goes, by the role that owns them."""
    asked = ("--schema", "acme", "verify", "--only", "DB030", "-o", "json")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("set search_path = acme, pg_temp")
        assert (
            cast(int, value(owner, "select count(*) from chatops.settings as s, jsonb_each(s.value) where s.key = 'safety'")) > 50
        )
        owner.execute("alter table operators add constraint names unique (name)")
        # What this role may not see of other sessions is unknown, and the first look says so.
        run("--schema", "acme", "monitor", "--once", "--store", db=url, check=1)
        owner.execute("alter table operators drop constraint names")
        told = json.loads(run(*asked, db=url, check=1).stdout)
        (missed,) = [row for check in told["checks"] for row in check["rows"] if check["code"] == "DB030"]
        assert (missed["object"], missed["trouble"]) == ("key operators (name)", "is gone")
        owner.execute(missed["remedy"])
    run(*asked, db=url, check=0)


@pytest.mark.citus
def test_an_ordinary_role_that_the_cluster_knows_does_it_all_and_one_that_it_does_not_know_is_told(
    cluster: Cluster, chatops_inprocess: Run, tmp_path: Path
) -> None:
    (tmp_path / "101_harm.sql").write_text(HARMFUL, encoding="utf-8")
    role = f"{cluster.name}_owner"
    by_role = at(cluster.url, netloc=cluster.url.partition("//")[2].partition("/")[0].rpartition("@")[2])
    by_role = by_role.replace("//", f"//{role}@")
    urls = [CITUS, *(cluster.node_url(*node) for node in cluster.nodes)]
    try:
        for url in urls:
            with psycopg.connect(url, autocommit=True) as node:
                node.execute("set citus.enable_create_role_propagation to off")
                node.execute(f"create role {role} login")
        with cluster.connect() as own:
            own.execute(f"grant create on database {cluster.name} to {role}")
            own.execute(f"create schema acme authorization {role}")
            refused = chatops_inprocess("--schema", "acme", "migrate", "--yes", db=by_role, check=4)
            assert f"the cluster does not know the role {role}" in refused.stderr
            for statement in refused.stderr.partition("(SQL): ")[2].splitlines()[0].split("; "):
                own.execute(statement)
        for words in (["migrate", "--yes"], ["verify"],
                      ["rehearse", "--dir", str(tmp_path), "--source", "ours", "--yes"],
                      ["verify", "--scenarios", "--yes"], ["verify", "--scenarios", "--concurrent", "--yes"],
                      ["repair", "DATA001", "--yes", "--reason", "x"], ["remove", "--yes"]):  # fmt: skip
            chatops_inprocess("--schema", "acme", *words, db=by_role, check=0)
            if words[0] == "migrate":
                keeps_and_misses(cluster, by_role, chatops_inprocess)
    finally:
        for url in [cluster.url, *(cluster.node_url(*node) for node in cluster.nodes)]:
            with psycopg.connect(at(url, path=f"/{cluster.name}"), autocommit=True) as node:
                node.execute("set citus.enable_ddl_propagation to off")
                node.execute(f"drop owned by {role} cascade")
        for url in urls:
            with psycopg.connect(url, autocommit=True) as node:
                node.execute("set citus.enable_create_role_propagation to off")
                node.execute("set citus.enable_ddl_propagation to off")
                node.execute(f"drop role if exists {role}")


@pytest.mark.citus
def test_on_a_worker_no_command_answers_for_the_coordinator(tenant: Cluster, chatops_inprocess: Run) -> None:
    url = tenant.node_url(*tenant.nodes[0])
    for words in (["status"], ["verify"], ["diagnose"], ["queue"], ["log"], ["adopt"], ["rehearse"], ["remove"]):
        assert "this is a worker of a Citus cluster" in chatops_inprocess("--schema", "acme", *words, db=url, check=4).stderr
    told = chatops_inprocess("--schema", "acme", "doctor", db=url, check=1).stdout
    assert "only the coordinator can be worked on" in told
    assert "rename" not in told


# ---- without a cluster ---------------------------------------------------------------------------------------------------


def test_the_words_for_a_cluster_add_and_log_the_same_on_plain_postgres(latest_database: Database) -> None:
    latest_database.script("""
        insert into operators (name, is_active, is_available) select 'o' || n, true, true from generate_series(1, 2) as n;
        insert into real_users (name) select 'u' || n from generate_series(1, 3) as n;
        insert into fictional_users (name) values ('p');
        insert into chats (real_user_id, fictional_user_id) select r.id, f.id from real_users r, fictional_users f;
        insert into messages (chat_id, sender_type, content) select id, 'real', 'x' from chats;
        select assign_chat_to_operator(id) from operators;
        begin; set local chatops.write = 'function'; delete from chat_assignments; commit;
    """)
    target = resolve(Options((latest_database.url,), None, None, None), configuration=load())
    (repair,) = texts.chosen(["CHAT005"])
    told = []
    for in_cluster in (False, True):
        with connect(target, "test", "act") as database:
            with database.reading():
                rows = str(database.value(texts.found_text(repair.finding()))).split("\n")
            with database.acting(rollback=True):
                database.annotate({"chatops.write": "function"})
                if in_cluster:
                    answer = cluster_log.mend(database, "CHAT005", repair.mend, rows)
                else:
                    answer = json.dumps(database.value(repair.mending(rows)))
                logged = (
                    "select chat_id, operator_id, before, after, row_id like 'chat_assignments %' from chatops.actions order by 1"
                )
                added = "select chat_id, operator_id, assigned_at, released_at from chat_assignments order by 1"
                told.append((json.loads(answer), database.tuples(logged), database.tuples(added)))
    assert told[0] == told[1]
    assert told[0][0]["mended"] == 2


def test_every_insertion_of_a_repair_is_told_apart_from_its_log() -> None:
    for code in sqlfiles.names("repairs"):
        text = sqlfiles.read(f"repairs/{code}.sql")
        added = [line for line in text.splitlines() if "insert into" in line and "chatops.actions" not in line]
        assert len(cluster_log._MADE.findall(text)) == len(added), code
