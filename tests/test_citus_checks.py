"""On a tenant of a Citus cluster the checks say what they say on plain Postgres: what stands in rows and locks of its node, too."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from chatops import sqlfiles
from chatops.migrations import scanner
from tests.clusters import Cluster, people, value
from tests.conftest import Result
from tests.locks import wait_for
from tests.test_citus_moves import Behind

Run = Callable[..., Result]
AT_ONCE = ("--threshold", "locked_rows_seconds=0.1")
SWITCHED_OFF = (
    "update operators set is_available = false where id in (select assigned_operator_id from chats where chat_state = 'assigned')"
)
WAITING = "where chat_state = 'waiting_assignment'"


def found(cluster: Cluster, run: Run, code: str, *words: str) -> list[dict[str, Any]]:
    """What one check tells of the tenant; that it could not be asked fails the test."""
    told = run("--schema", "acme", "diagnose", "--only", code, "-o", "json", *words, db=cluster.url, check=None)
    findings = json.loads(told.stdout)["findings"]
    assert all(one["status"] == "failed" for one in findings), told.stdout
    return list(findings)


@contextmanager
def holding(url: str, schema: str, text: str) -> Iterator[int]:
    """Somebody has done that and keeps the transaction open: the process."""
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute(f"set search_path = {schema}, pg_temp".encode())
        with holder.transaction(force_rollback=True):
            holder.execute(text.encode())
            yield holder.info.backend_pid


@pytest.mark.citus
def test_that_operators_were_switched_off_together_is_seen_on_the_node(tenant: Cluster, chatops_inprocess: Run) -> None:
    with tenant.connect("acme") as own:
        people(own, 4)
        own.execute("insert into operators (name, is_active, is_available, last_activity) values ('dan', true, true, now())")
        own.execute("select assign_chat_to_operator(id) from operators where name <> 'dan'")
        assert found(tenant, chatops_inprocess, "OPER007") == []
        for operator in ("operator 1", "operator 2", "operator 3"):
            own.execute("update operators set is_available = false where name = %s", (operator,))
        assert found(tenant, chatops_inprocess, "OPER007") == []  # one after the other, and somebody is left
        own.execute("update operators set is_available = true")
        own.execute(SWITCHED_OFF)
        (told,) = found(tenant, chatops_inprocess, "OPER007")
        assert (told["severity"], told["count"]) == ("warning", 3)
        assert told["rows"][0]["because"] == "one statement switched them off, all at once"
        own.execute("update operators set is_available = false")
        assert found(tenant, chatops_inprocess, "OPER007")[0]["severity"] == "critical"
        own.execute(told["rows"][0]["remedy"])
        assert found(tenant, chatops_inprocess, "OPER007") == []


@pytest.mark.citus
@pytest.mark.parametrize("stop", ["017", "latest"])
def test_who_keeps_waiting_chats_locked_is_told_by_their_session_on_the_coordinator(
    cluster: Cluster, chatops_inprocess: Run, stop: str
) -> None:
    with cluster.connect() as own:
        own.execute("create schema acme")
    chatops_inprocess("--schema", "acme", "migrate", "--to", stop, "--yes", db=cluster.url, check=0)
    with cluster.connect("acme") as own:
        people(own, 3)
    assert found(cluster, chatops_inprocess, "DB010", *AT_ONCE) == []
    with holding(cluster.url, "acme", f"select from chats {WAITING} for update") as pid:
        wait_for(lambda: found(cluster, chatops_inprocess, "DB010", *AT_ONCE), "it is told")
        (told,) = found(cluster, chatops_inprocess, "DB010", *AT_ONCE)
        assert told["severity"] == "critical"
        assert (told["rows"][0]["pid"], told["rows"][0]["blocks"]) == (pid, 0)
        assert "row locks on all 3 waiting chats" in told["rows"][0]["locks"]
        waits = Behind(cluster, "waits", "update chats set updated_at = now()")
        wait_for(lambda: found(cluster, chatops_inprocess, "DB010")[0]["rows"][0]["blocks"] == 1, "somebody waits behind it")
    waits.ended()
    wait_for(lambda: found(cluster, chatops_inprocess, "DB010", *AT_ONCE) == [], "nothing is locked")


@pytest.mark.citus
def test_who_keeps_waiting_chats_locked_on_the_node_itself_is_told_with_the_node(tenant: Cluster, chatops_inprocess: Run) -> None:
    with tenant.connect("acme") as own:
        people(own, 3)
    worker, shard = tenant.shard("acme.chats")
    with holding(worker, "acme", f"select from {shard} {WAITING} for update") as pid:
        wait_for(lambda: found(tenant, chatops_inprocess, "DB026", *AT_ONCE), "it is told")
        (told,) = found(tenant, chatops_inprocess, "DB026", *AT_ONCE)
        assert told["severity"] == "critical"
        assert (told["rows"][0]["pid"], told["rows"][0]["locks"]) == (pid, "all 3 waiting chats")
        assert found(tenant, chatops_inprocess, "DB010", *AT_ONCE) == []
    with holding(worker, "acme", f"select from {shard} limit 1 for update"):
        wait_for(lambda: found(tenant, chatops_inprocess, "DB026", *AT_ONCE), "it is told")
        assert found(tenant, chatops_inprocess, "DB026", *AT_ONCE)[0]["rows"][0]["locks"] == "1 waiting chat"
        assert found(tenant, chatops_inprocess, "DB026", *AT_ONCE)[0]["severity"] == "warning"


@pytest.mark.citus
def test_what_the_deployed_functions_say_is_asked_on_the_coordinator(deployed_tenant: Cluster, chatops_inprocess: Run) -> None:
    with deployed_tenant.connect("acme") as own:
        people(own, 2)
        assert found(deployed_tenant, chatops_inprocess, "QUEUE003") == []
        # The deployed text counts chats without a message.
        own.execute("delete from messages where chat_id = (select id from chats limit 1)")
    (told,) = found(deployed_tenant, chatops_inprocess, "QUEUE003")
    assert [(row["says"], row["really"]) for row in told["rows"]] == [(2, 1)]


@pytest.mark.citus
def test_repairs_are_tried_on_a_tenant_and_nothing_is_left_of_it(deployed_tenant: Cluster, chatops_inprocess: Run) -> None:
    kept = "select (select count(*) from chatops.actions), (select json_agg(c order by id)::text from chats as c)"
    with deployed_tenant.connect("acme") as own:
        (ann, *_), chats = people(own, 3)
        for chat in chats[:2]:
            own.execute(
                "update chats set chat_state = 'assigned', assigned_operator_id = %s, assignment_time = now() where id = %s",
                (ann, chat),
            )
        own.execute("insert into chat_assignments (chat_id, operator_id) select id, assigned_operator_id from chats where id = %s",
                    (chats[0],))  # fmt: skip
        before = own.execute(kept).fetchone()
        tried = chatops_inprocess(
            "--schema", "acme", "diagnose", "--rehearse", "--yes", "-o", "json", db=deployed_tenant.url, check=1
        )
        assert own.execute(kept).fetchone() == before
    effects = {one["code"]: one["rehearsal"]["effects"] for one in json.loads(tried.stdout)["findings"] if one.get("rehearsal")}
    for code in ("CHAT001", "CHAT005"):
        assert effects[code][code] == {"before": 1, "after": 0}, tried.stdout


@pytest.mark.citus
def test_no_row_of_a_schema_that_is_distributed_stays_on_the_coordinator(
    lone_coordinator: Cluster, chatops_inprocess: Run
) -> None:
    """Citus leaves them there: 024's indexes refused the damage in them, long after it was mended on the worker."""
    cluster = lone_coordinator
    for schema in ("one", "two"):
        with cluster.connect() as own:
            own.execute(f"create schema {schema}".encode())
        chatops_inprocess("--schema", schema, "migrate", "--to", "017", "--yes", db=cluster.url, check=0)
        with cluster.connect(schema) as own:
            (ann, *_), chats = people(own, 3)
            for chat in chats[:2]:  # she holds two chats
                own.execute(
                    "update chats set chat_state = 'assigned', assigned_operator_id = %s, assignment_time = now() where id = %s",
                    (ann, chat),
                )
                own.execute("insert into chat_assignments (chat_id, operator_id) values (%s, %s)", (chat, ann))
    cluster.add_workers()
    chatops_inprocess("--schema", "one", "migrate", "--yes", db=cluster.url, check=0)
    left = "select sum(pg_relation_size(oid)) from pg_class where relkind = 'r' and relnamespace = %s::regnamespace"
    with cluster.connect("two") as own:
        assert value(own, left, "one") == 0
        with own.transaction():  # as it was distributed before, and may be by hand
            own.execute("set local check_function_bodies = off")
            own.execute("set local citus.enable_unsafe_triggers to on")
            own.execute(sqlfiles.read("queries/citus_set_aside.sql").encode())
            own.execute("select citus_schema_distribute('two')")
            own.execute(sqlfiles.read("queries/citus_put_back.sql").encode())
        assert value(own, left, "two") != 0
        stopped = chatops_inprocess("--schema", "two", "migrate", "--yes", db=cluster.url, check=4)
        assert "024_one_chat_per_operator stopped" in stopped.stderr
        told = json.loads(
            chatops_inprocess("--schema", "two", "verify", "--only", "DB021", "-o", "json", db=cluster.url, check=1).stdout
        )
        (missed,) = [row for check in told["checks"] for row in check["rows"]]
        assert missed["trouble"].startswith("old rows of 7 tables lie on the coordinator still"), missed
        counted = "select (select sum(message_count) from chats), (select count(*) from chat_assignments), (select count(*) from messages)"
        before = own.execute(counted).fetchone()
        with psycopg.connect(cluster.url) as psql:
            psql.execute(missed["remedy"].encode())
        assert value(own, left, "two") == 0
        # What follows a TRUNCATE of the tenant's rows was left out, and follows the next one.
        assert own.execute(counted).fetchone() == before
        assert value(own, "select count(*) from pg_trigger where tgname = 'zz_chatops_follow_truncate' and tgenabled = 'O'"
                          " and tgrelid in ('two.messages'::regclass, 'two.chat_assignments'::regclass)") == 2  # fmt: skip
    chatops_inprocess("--schema", "two", "migrate", "--yes", db=cluster.url, check=0)
    for schema in ("one", "two"):
        chatops_inprocess("--schema", schema, "verify", db=cluster.url, check=0)


@pytest.mark.citus
def test_the_lines_that_a_finding_prints_are_taken_there(tenant: Cluster, chatops_inprocess: Run) -> None:
    """A worker takes one statement of a request, a switch of a trigger when it is told to, a setting that is sent on."""
    schema_wrong = (
        "alter table messages disable trigger update_chat_on_message",
        "alter table messages add constraint has_text check (content <> '') not valid",
        "alter table fictional_users enable row level security",
        "create policy everybody on fictional_users for select using (true)",
        "alter table fictional_users disable row level security",
    )
    with tenant.connect("acme") as own:
        people(own, 3)
        own.execute("set citus.enable_unsafe_triggers to on")
        for statement in schema_wrong:
            own.execute(statement.encode())
        own.execute("set citus.propagate_set_commands to local")
        with own.transaction():
            own.execute("set local chatops.write = 'function'")
            own.execute(
                "update chats set waiting_since = now() - interval '1 hour' where id = (select max(id::text)::uuid from chats)"
            )
    codes = ("DB017", "DB005", "DB024", "QUEUE013")
    asked = ("--schema", "acme", "diagnose", "--only", ",".join(codes))
    told = json.loads(chatops_inprocess(*asked, "-o", "json", db=tenant.url, check=1).stdout)["findings"]
    assert {one["code"] for one in told} == set(codes), told
    lines = [line.strip() for line in chatops_inprocess(*asked, db=tenant.url, check=1).stdout.splitlines()]
    typed = [shlex.split(line.removeprefix("or ")) for line in lines if line.startswith("or ")]
    assert len(typed) == 3, lines
    for words in typed:
        requests = [text for word, text in pairwise(words) if word == "-c"]
        with psycopg.connect(tenant.url, autocommit=True) as psql:
            for request in requests:
                psql.execute(request.encode())
    pasted = [text for one in told for text in one["helps"] if "begin;" in text]
    assert len(pasted) == 1, told
    with psycopg.connect(tenant.url, autocommit=True) as psql:
        for statement in scanner.scan(pasted[0]):
            psql.execute(statement.text.encode())
    found_again = chatops_inprocess(*asked, "-o", "json", db=tenant.url, check=0)
    assert json.loads(found_again.stdout)["findings"] == []
