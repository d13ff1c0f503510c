"""On a Citus cluster: a tenant that moves to another node under those who write, and a table that is emptied at once."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from chatops import cluster_log, sqlfiles
from chatops.chats import audit
from chatops.db import connect
from chatops.migrations.citus_form import STAYS, form_of
from chatops.migrations.scanner import scan
from chatops.provenance import Provenance
from chatops.settings import Options, Target, load, resolve
from tests.clusters import Cluster, people, value
from tests.conftest import Result
from tests.locks import wait_for

Run = Callable[..., Result]
WAITS = "select count(*) from pg_stat_activity where application_name = %s and wait_event_type = 'Lock' and wait_event = %s"


class Behind(threading.Thread):
    """One statement in a session and thread of its own; why it failed, once it has ended."""

    def __init__(self, cluster: Cluster, name: str, text: str, *parameters: object) -> None:
        super().__init__(daemon=True)
        self.application, self.text, self.parameters = f"{cluster.name} {name}", text, parameters
        self.url = cluster.url
        self.error: psycopg.Error | None = None
        self.start()

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True, application_name=self.application) as own:
            own.execute("set search_path = acme, pg_temp")
            own.execute("set statement_timeout = '60s'")
            try:
                own.execute(self.text, self.parameters)
            except psycopg.Error as error:
                self.error = error

    def waits(self, own: psycopg.Connection[tuple[object, ...]]) -> bool:
        """Whether it waits for a move, or a move for it."""
        return value(own, WAITS, self.application, "advisory") == 1

    def ended(self) -> None:
        self.join(timeout=90)
        assert not self.is_alive(), self.application


def moving(cluster: Cluster) -> Behind:
    here, _ = cluster.shard("acme.chats")
    there = next(node for node in cluster.nodes if cluster.node_url(*node) != here)
    return Behind(cluster, "move", "select citus_schema_move('acme'::regnamespace, %s, %s, 'block_writes')", *there)


@contextlib.contextmanager
def holding(cluster: Cluster, chat: object) -> Iterator[None]:
    """Somebody has locked a chat and done nothing else: a move does not wait for that."""
    with cluster.connect("acme") as holder, holder.transaction(force_rollback=True):
        holder.execute("select from chats where id = %s for update", (chat,))
        yield


@pytest.mark.citus
def test_who_decides_on_what_they_locked_is_not_overtaken_by_a_move(tenant: Cluster, chatops_inprocess: Run) -> None:
    """A release that waits for its chat, a move, and a reply behind both. Once the reply ended the turn on the new node, and the
    release put the answered chat back into the queue, by what it had read on the old one."""
    with tenant.connect("acme") as own:
        (ann, *_), _ = people(own)
        held = value(own, "select assign_chat_to_operator(%s)", ann)
        before = tenant.shard("acme.chats")[0]
        with holding(tenant, held), psycopg.connect(before, autocommit=True) as worker:
            release = Behind(tenant, "release", "select release_and_reassign_chat(%s)", held)
            blocked = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            wait_for(lambda: worker.execute(blocked).fetchone() == (1,), "the release waits for its chat")
            move = moving(tenant)
            wait_for(lambda: move.waits(own) or not move.is_alive(), "the move waits, or is over", timeout=60)
            text = "insert into messages (chat_id, sender_type, handled_by_operator_id) values (%s, 'fictional', %s)"
            reply = Behind(tenant, "reply", text, held, ann)
            wait_for(lambda: reply.waits(own) or not reply.is_alive(), "the reply waits, or is over")
        for one in (release, move, reply):
            one.ended()
        assert move.error is None
        assert release.error is None
        assert tenant.shard("acme.chats")[0] != before
        assert reply.error is None or reply.error.sqlstate == "55000"
    chatops_inprocess("--schema", "acme", "verify", "data", db=tenant.url, check=0)


def target_of(cluster: Cluster) -> Target:
    return replace(resolve(Options((cluster.url,), None, "acme", None), configuration=load()), schema="acme")


@pytest.mark.citus
def test_a_move_waits_for_whoever_acts(tenant: Cluster) -> None:
    with tenant.connect("acme") as own:
        _, chats = people(own)
        with connect(target_of(tenant), "test", "act") as database:
            with audit.acting(database, Provenance("test", None, "acme", None, None)):
                assert database.tuples("select id from chats where id = :'chat'::uuid for no key update", {"chat": chats[0]})
                move = moving(tenant)
                wait_for(lambda: move.waits(own) or not move.is_alive(), "the move waits")
                assert move.is_alive()
            move.ended()
        assert move.error is None


@pytest.mark.citus
def test_a_node_that_came_later_refuses_as_the_others_and_is_told_to_count(tenant: Cluster, chatops_inprocess: Run) -> None:
    late = "insert into messages (chat_id, sender_type, handled_by_operator_id) values (%s, 'fictional', %s)"
    asked = ("--schema", "acme", "verify", "--only", "DB021", "-o", "json")
    with tenant.connect("acme") as own:
        (ann, *_), chats = people(own)
        names = "acme.refusals_late_reply, acme.refusals_operator_busy, chatops.queue_returns"
        off = "set citus.enable_ddl_propagation to off; drop sequence if exists"
        own.execute("select run_command_on_workers(%s)", (f"{off} {names}",))
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            own.execute(late, (chats[0], ann))
        own.execute("select close_chat(%s, 'max_reassignments')", (chats[0],))
        own.execute("insert into messages (chat_id, sender_type) values (%s, 'real')", (chats[0],))
        assert value(own, "select chat_state from chats where id = %s", chats[0]) == "waiting_assignment"
        told = json.loads(chatops_inprocess(*asked, db=tenant.url, check=1).stdout)
        (missed,) = [row for check in told["checks"] for row in check["rows"]]
        assert missed["trouble"] == "2 of the workers came later and count no refusals"
        own.execute(missed["remedy"])
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            own.execute(late, (chats[0], ann))
    chatops_inprocess(*asked, db=tenant.url, check=0)
    counted = json.loads(chatops_inprocess("--schema", "acme", "guard", "-o", "json", db=tenant.url, check=0).stdout)
    assert [row["refusals"] for row in counted["refusals"]] == [1]


@pytest.mark.citus
def test_truncated_tables_leave_counts_and_turns_that_are_right(tenant: Cluster, chatops_inprocess: Run) -> None:
    with tenant.connect("acme") as own:
        (ann, bob, _), chats = people(own)
        held = value(own, "select assign_chat_to_operator(%s)", ann)
        other = value(own, "select assign_chat_to_operator(%s)", bob)
        own.execute(
            "insert into messages (chat_id, sender_type, handled_by_operator_id) values (%s, 'fictional', %s)", (other, bob)
        )
        moving(tenant).ended()  # whose shards are made anew, with the triggers of their tables
        own.execute("truncate chat_assignments")
        assert own.execute("select chat_id, operator_id from chat_assignments where released_at is null").fetchall() == [
            (held, ann)
        ]
        chatops_inprocess("--schema", "acme", "verify", "--only", "CHAT004,CHAT005", db=tenant.url, check=0)
        own.execute("truncate messages")
        assert value(own, "select count(*) from chats where message_count <> 0 or waiting_since is not null") == 0
        assert value(own, "select sum(total_messages) from operators") == 0
        assert value(own, "select count(*) from messages") == 0
        own.execute("insert into messages (chat_id, sender_type) values (%s, 'real')", (chats[-1],))
        assert value(own, "select message_count from chats where id = %s", chats[-1]) == 1
        own.execute("truncate chats cascade")
        assert value(own, "select count(*) from chat_assignments") == 0
    chatops_inprocess("--schema", "acme", "verify", db=tenant.url, check=0)


@pytest.mark.citus
def test_assign_is_done_where_the_chats_lie_and_asked_for_here(tenant: Cluster) -> None:
    with tenant.connect("acme") as own:
        (ann, bob, cem), chats = people(own)
        own.execute("select set_config('request.jwt.claim.sub', %s, false)", (str(bob),))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            own.execute("select assign_chat_to_operator(%s)", (ann,))
        own.execute("reset request.jwt.claim.sub")
        with pytest.raises(psycopg.errors.RaiseException, match="not found"):
            own.execute("select assign_chat_to_operator(gen_random_uuid())")
        told: list[str] = []
        own.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        own.execute("set citus.log_remote_commands to on")
        assert value(own, "select assign_chat_to_operator(%s)", ann) == chats[0]
        own.execute("reset citus.log_remote_commands")
        # A write of no row, and all of it in the other.
        assert len([one for one in told if one.startswith(("issuing DELETE", "issuing SELECT", "issuing UPDATE"))]) == 2, told
        with own.transaction(force_rollback=True):
            assert value(own, "select assign_chat_to_operator(%s)", bob) == chats[1]
            assert value(own, "select chat_state from chats where id = %s", chats[1]) == "assigned"
        assert value(own, "select assign_chat_to_operator(%s)", cem) == chats[1]
    for node, operator, chat in zip(tenant.nodes, (ann, cem), chats[:2], strict=True):
        with psycopg.connect(tenant.node_url(*node), autocommit=True) as there:
            there.execute("set search_path = acme, pg_temp")
            assert value(there, "select assign_chat_to_operator(%s)", operator) == chat


@pytest.mark.citus
def test_a_transaction_of_one_s_own_that_begins_with_a_write_of_no_row_is_waited_for_by_a_move(tenant: Cluster) -> None:
    """As docs/scale.md says; without that write the move is through before the lock's holder writes."""
    with tenant.connect("acme") as own, tenant.connect("acme") as mine:
        _, chats = people(own)
        with mine.transaction():
            mine.execute("update chats set updated_at = updated_at where false")
            mine.execute("select from chats where id = %s for update", (chats[0],))
            move = moving(tenant)
            wait_for(lambda: move.waits(own) or not move.is_alive(), "the move waits, or is over", timeout=60)
            assert move.is_alive()
            mine.execute("update chats set message_count = message_count where id = %s", (chats[0],))
        move.ended()
        assert move.error is None


@pytest.mark.citus
def test_a_function_over_a_table_is_one_transaction_on_the_tenant_s_node(tenant: Cluster, chatops_inprocess: Run) -> None:
    """Citus sends the whole statement there, without a transaction around it: what fails leaves nothing behind all the same."""
    held = "select count(*) from chats where chat_state = 'assigned'"
    by_table = "select assign_chat_to_operator(id) from operators where id = %s"
    with tenant.connect("acme") as own:
        (ann, bob, cem), chats = people(own)
        fails = (
            "select assign_chat_to_operator(id), 1 / (case when is_active then 0 else 1 end) from operators where id = %s",
            f"with taken as materialized ({by_table}) select 1 / (count(*) - count(*)) from taken, generate_series(1, 2)",
        )
        for text in fails:
            with pytest.raises(psycopg.errors.DivisionByZero):
                own.execute(text, (ann,))
            assert value(own, held) == 0
        with own.transaction(force_rollback=True):
            assert value(own, by_table, ann) == chats[0]
        assert value(own, held) == 0
        assert value(own, by_table, ann) == chats[0]
        assert value(own, "select assign_chat_to_operator((select id from operators where id = %s))", bob) == chats[1]
        assert value(own, "select assign_chat_to_operator(%s)", cem) == chats[2]
        assert value(own, "select count(*) from (select assign_chat_to_operator(id) from operators) as everybody") == 3
        assert value(own, held) == 3
        own.execute("select release_and_reassign_chat(id) from chats where chat_state = 'assigned'")
        assert value(own, held) == 0
    chatops_inprocess("--schema", "acme", "verify", "data", db=tenant.url, check=0)


def test_every_function_that_decides_under_a_lock_keeps_its_tenant_where_it_is() -> None:
    stay = []
    for name in sqlfiles.names("migrations"):
        for statement in scan(sqlfiles.read(f"migrations/{name}.sql")):
            for text in form_of(name).texts(statement.text):
                locks = " for no key update" in text or " for key share" in text
                if "function" in text and locks and "returns trigger" not in text:
                    stay.append(text.partition("(")[0].split()[-1])
                    assert text.partition("\nbegin\n")[2].startswith(STAYS), stay[-1]
    assert {"let_go", "assign_chat_to_operator", "operator_reply", "user_message", "reassign_chat", "close_chat"} <= set(stay)


def test_whatever_is_kept_in_or_read_from_the_settings_is_in_words_that_a_cluster_takes() -> None:
    for name in sqlfiles.names("queries"):
        text = sqlfiles.read(f"queries/{name}.sql")
        if name.endswith("_keep") and "chatops.settings" in text:
            assert cluster_log._KEEPS.search(sqlfiles.body(sqlfiles.query(f"queries/{name}.sql"))), name
    for name in sqlfiles.names("checks"):
        asked = re.sub(r"'[^']*'|--.*", "", sqlfiles.read(f"checks/{name}.sql"))
        assert asked.count("chatops.settings") == len(cluster_log._SETTINGS.findall(asked)), name
