"""doctor says what works from here; the roles that it makes can do their work and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from chatops.checks.inventory import TABLES
from chatops.db import identifier, literal
from tests.conftest import CORE, ROOT, url_as
from tests.servers import Database
from tests.test_questions import Terminal

CHATS = """
insert into operators (name, is_active, is_available, last_activity) values ('a', true, true, now()), ('b', true, true, now());
insert into real_users (name) values ('u'); insert into fictional_users (name) values ('p');
insert into chats (real_user_id, fictional_user_id) select r.id, f.id from real_users r, fictional_users f;
insert into messages (chat_id, sender_type, content) select id, 'real', 'hello' from chats;
"""


@pytest.fixture
def roles(latest_database: Database, chatops_inprocess) -> Iterator[dict[str, str]]:
    """URLs of a login role for each of the two roles, on the newest schema with row level security on every table."""
    latest_database.script(CHATS)
    for table in TABLES:
        latest_database.execute(f"alter table {table} enable row level security")
    chatops_inprocess("doctor", "--create-roles", "--yes", db=latest_database, check=0)
    urls = {}
    for kind in ("reader", "operator"):
        name = f"{kind}_{latest_database.name}"
        latest_database.script(f"create role {name} login; grant chatops_{kind} to {name}")
        urls[kind] = re.sub(r"//[^@/]*@", f"//{name}@", latest_database.url)
    yield urls
    for kind in ("reader", "operator"):
        latest_database.script(f"drop role {kind}_{latest_database.name}")
    latest_database.script("drop owned by chatops_operator, chatops_reader")


def points(result) -> dict[str, dict[str, str]]:
    return {point["area"]: point for point in json.loads(result.stdout)["points"]}


def test_on_a_healthy_database_everything_is_ok(latest_database: Database, chatops_inprocess) -> None:
    found = points(chatops_inprocess("doctor", "-o", "json", db=latest_database, check=0))
    assert {name for name, point in found.items() if point["verdict"] != "ok"} == set()
    for area in (
        "version",
        "encryption",
        "latency",
        "clock",
        "standby",
        "pooler",
        "plpgsql",
        "role",
        "acting",
        "reading",
        "objects",
    ):
        assert area in found


def test_a_pooler_in_transaction_mode_is_seen(latest_database: Database, through_pgbouncer, chatops_inprocess) -> None:
    found = points(chatops_inprocess("doctor", "-o", "json", db=through_pgbouncer(latest_database, "transaction"), check=0))
    assert "transaction mode" in found["pooler"]["says"]
    found = points(chatops_inprocess("doctor", "-o", "json", db=through_pgbouncer(latest_database, "session"), check=0))
    assert "transaction mode" not in found["pooler"]["says"]


def test_missing_rights_hidden_rows_and_a_missing_log_are_told_with_their_remedy(
    core_database: Database, chatops_inprocess
) -> None:
    name = f"poor_{core_database.name}"
    core_database.script(
        f"create role {name} login; grant select on chats, messages to {name}; alter table messages enable row level security;"
        "drop schema chatops cascade"
    )
    try:
        url = re.sub(r"//[^@/]*@", f"//{name}@", core_database.url)
        found = points(chatops_inprocess("doctor", "-o", "json", db=url, check=1))
        assert "operators" in found["reading"]["says"]
        assert "messages" in found["row security"]["says"]
        assert "may read only" in found["acting"]["says"]
        assert found["log"]["remedy"].endswith("chatops adopt --to 017")
        assert "pg_read_all_stats" in found["monitoring"]["remedy"]
    finally:
        core_database.script(f"drop owned by {name}; drop role {name}")


def test_a_database_built_by_hand_is_no_fault_and_what_is_missing_is_the_ledger(database: Database, chatops_inprocess) -> None:
    for name in CORE[:-1]:
        database.script(ROOT / "sql" / "migrations" / f"{name}.sql")
    found = points(chatops_inprocess("doctor", "-o", "json", db=database, check=0))
    assert found["objects"]["verdict"] == "advice"
    assert "and makes the log" in found["objects"]["says"]
    assert "log" not in found, "one command mends both: they are one trouble"
    database.execute("drop view chat_state_summary; create view chat_state_summary as select 1 as other")
    found = points(chatops_inprocess("doctor", "-o", "json", db=database, check=1))
    assert found["objects"]["verdict"] == "failed"


def test_the_reader_can_look_at_everything_and_change_nothing(roles, latest_database: Database, chatops_inprocess) -> None:
    for command in (["summary"], ["queue"], ["stuck"], ["operators"], ["status"], ["log"], ["verify"], ["guard"]):
        result = chatops_inprocess(*command, db=roles["reader"])
        assert result.exit_code == 0, (command, result)
    chat = latest_database.execute("select id from chats")[0][0]
    for command in (
        ["release", str(chat), "--yes", "--force"],
        ["reassign", str(chat), "--to", "auto", "--yes"],
        ["guard", "off", "--reason", "x"],
        ["repair", "--yes"],
    ):
        result = chatops_inprocess(*command, db=roles["reader"])
        assert result.exit_code in (0, 4), (command, result)
    assert latest_database.execute("select chat_state, assigned_operator_id from chats") == [("waiting_assignment", None)]
    assert latest_database.execute("select count(*) from chatops.actions where outcome = 'done'") == [(0,)]


def test_the_operator_can_act_and_cannot_change_the_log_or_the_schema(
    roles, latest_database: Database, chatops_inprocess
) -> None:
    import psycopg

    chat = str(latest_database.execute("select id from chats")[0][0])
    chatops_inprocess("reassign", chat, "--to", "auto", "--reason", "test", "--yes", db=roles["operator"], check=0)
    assert latest_database.execute("select chat_state from chats") == [("assigned",)]
    action = latest_database.execute("select max(id) from chatops.actions")[0][0]
    chatops_inprocess("undo", action, "--yes", db=roles["operator"], check=0)
    chatops_inprocess("reassign", chat, "--to", "auto", "--yes", db=roles["operator"], check=0)
    chatops_inprocess("release", chat, "--yes", db=roles["operator"], check=0)
    chatops_inprocess("log", db=roles["operator"], check=0)
    with psycopg.connect(roles["operator"], autocommit=True) as connection:
        for statement in (
            "update chatops.actions set reason = 'other'",
            "delete from chatops.actions",
            "truncate chatops.actions",
            "alter table chats add column x int",
            "delete from chats",
            "delete from messages",
            "create table mine (x int)",
            "insert into chatops.migrations (target_schema, source, name, checksum) values ('public', 'x', 'x', 'x')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_making_the_roles_again_is_harmless_and_can_be_previewed(roles, latest_database: Database, chatops_inprocess) -> None:
    text = chatops_inprocess("doctor", "--create-roles", "--dry-run", db=latest_database, check=0).stdout
    assert "create role chatops_reader" in text
    chatops_inprocess("doctor", "--create-roles", "--yes", db=latest_database, check=0)


def test_a_person_gets_a_role_of_their_own_that_the_log_names(roles, latest_database: Database, chatops_inprocess) -> None:
    name = f"ada_{latest_database.name}"
    text = chatops_inprocess("doctor", "--create-roles", name, "--dry-run", db=latest_database, check=0).stdout
    assert f'create role "{name}" login;' in text
    assert not latest_database.value(f"select count(*) from pg_roles where rolname = '{name}'")
    try:
        for _ in range(2):  # made again, it stays what it is
            made = chatops_inprocess("doctor", "--create-roles", name, "--yes", db=latest_database, check=0).stdout
        assert f"//{name}@" in made
        url = re.sub(r"//[^@/]*@", f"//{name}@", latest_database.url)
        chat = str(latest_database.value("select id from chats"))
        for database, reason in ((url, "by ada"), (latest_database.url, "by the owner")):
            chatops_inprocess("reassign", chat, "--to", "auto", "--reason", reason, "--yes", db=database, check=0)
            chatops_inprocess("release", chat, "--reason", reason, "--yes", db=database, check=0)
        shown = chatops_inprocess("log", db=latest_database, terminal=(200, 40), check=0).stdout
        by = {words: line for line in shown.splitlines() for words in ("by ada", "by the owner") if words in line}
        assert f" {name} " in by["by ada"]
        assert "@" in by["by the owner"]
        hand_over = chatops_inprocess("summary", "--since", "1h", db=url, terminal=(200, 40), check=0).stdout
        assert hand_over.count(name) == 2
        chatops_inprocess("snooze", "OPER003", "--store", "--until", "2999-01-01", "--reason", "known", "--yes", db=url, check=0)
        assert latest_database.value("select set_by from chatops.settings where key = 'snooze OPER003'") == name
    finally:
        latest_database.script(f"drop owned by {name}; drop role {name}")


def test_a_person_may_be_called_as_people_are(roles, latest_database: Database, chatops_inprocess) -> None:
    names = [f"Zoë O'Hara {latest_database.name}", f"{latest_database.name}.Ada", f'a"b;-- {latest_database.name}']
    try:
        for _ in range(2):
            made = chatops_inprocess("doctor", "--create-roles", *names, "--yes", db=latest_database, check=0).stdout
        for name in names:
            assert f"//{quote(name, safe='')}@" in made
            member = f"select pg_has_role({literal(name)}, 'chatops_operator', 'member')"
            assert latest_database.value(member)
    finally:
        for name in names:
            latest_database.script(f"drop owned by {identifier(name)}; drop role {identifier(name)}")


@pytest.mark.parametrize("name", ["pg_ada", "public", "chatops_operator", " ", "a\x1bb", "a" * 64])
def test_what_cannot_be_a_persons_role_is_refused(latest_database: Database, chatops_inprocess, name: str) -> None:
    assert chatops_inprocess("doctor", "--create-roles", name, "--yes", db=latest_database).exit_code == 2
    assert chatops_inprocess("doctor", name, db=latest_database).exit_code == 2


def test_an_administrator_is_not_made_a_person_on_call(latest_database: Database, chatops_inprocess) -> None:
    told = chatops_inprocess("doctor", "--create-roles", "postgres", "--yes", db=latest_database, check=4).stderr
    assert "choose another name" in " ".join(told.split())


def test_a_password_is_typed_unseen_and_never_reaches_the_server(latest_database: Database, home: Path) -> None:
    name = f"ben_{latest_database.name}"
    screen = Terminal(home, "doctor", "--create-roles", name, CHATOPS_DATABASE_URL=latest_database.url)
    try:
        for question, answer in (("[y/N]", b"y\n"), ("Password for", b"s3cret-word\n"), ("Once more", b"s3cret-word\n")):
            screen.until(question)
            screen.type(answer)
        assert screen.end() == 0, screen.seen
        shown = screen.seen
        assert "s3cret-word" not in shown
        assert str(latest_database.value(f"select rolpassword from pg_authid where rolname = '{name}'")).startswith(
            "SCRAM-SHA-256$"
        )
    finally:
        latest_database.script(f"drop owned by {name}; drop role {name}")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("stop", ["017", "018", "latest"])
def test_whatever_a_role_may_not_every_point_is_told_with_the_line_that_mends_it(
    stop: str, database: Database, chatops_inprocess
) -> None:
    empty = points(chatops_inprocess("doctor", "-o", "json", db=database))
    assert not any("does not own" in point["says"] for point in empty.values())
    assert "right database" in empty["tables"]["says"]
    chatops_inprocess("migrate", "--to", stop, "--yes", db=database, check=0)
    chatops_inprocess("doctor", "--create-roles", "--yes", db=database, check=0)
    whole = points(chatops_inprocess("doctor", "-o", "json", db=database))
    schema = database.execute("select 1 from pg_namespace where nspname = 'chatops'")
    assert schema
    for rights, may_act in (
        ("select 1", False),
        ("revoke usage on schema public from public", False),
        ("grant usage on schema public to {role}; grant select on all tables in schema public to {role}", False),
        ("grant usage on schema chatops to {role}", False),
        ("grant chatops_reader to {role}", False),
        ("grant chatops_operator to {role}", True),
    ):
        with database.role("may") as role:
            database.script(rights.format(role=role))
            told = chatops_inprocess("doctor", "-o", "json", db=url_as(database, role))
        assert told.exit_code in (0, 1), (rights, told.stderr)
        found = points(told)
        assert {"version", "role", "acting", "migrating", "connections", "extensions", "objects"} <= set(found), rights
        assert (found["acting"]["verdict"] == "ok") is may_act, (rights, found["acting"])
        assert found["migrating"]["verdict"] == "advice", rights
        for area in ("acting", "schema", "tables", "reading"):
            if area in found and found[area]["verdict"] != "ok":
                assert found[area]["remedy"], (rights, found[area])
    assert whole["acting"]["verdict"] == "ok"


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("policies", "verdict"),
    [
        ("", "advice"),
        ("create policy one on chats for update to {role} using (assigned_operator_id is null)", "advice"),
        ("create policy one on chats to {role} using (true)", "ok"),
        ("create policy one on chats for update to {role} using (true) with check (true)", "ok"),
        ("create policy one on chats using (true)", "ok"),
        (("create policy one on chats to {role} using (true); "
          "create policy two on chats as restrictive to {role} using (is_active)"), "advice"),
        ("create policy one on chats to {role} using (true) with check (is_active)", "advice"),
    ],
)  # fmt: skip
def test_where_policies_decide_what_a_role_writes_its_grants_are_no_tick(
    latest_database: Database, chatops_inprocess, policies: str, verdict: str
) -> None:
    with latest_database.role("acts") as role:
        latest_database.script(
            f"grant all on all tables in schema public, chatops to {role}; grant usage on schema chatops to {role};"
            f"alter table chats enable row level security; {policies.format(role=role)}"
        )
        found = points(chatops_inprocess("doctor", "-o", "json", db=url_as(latest_database, role)))["acting"]
        assert found["verdict"] == verdict, found
        assert ("was not tried: chats" in found["says"]) is (verdict == "advice"), found
