"""What a role can do before files go in and not after is told before, with the grant that keeps it, and found after; nothing else is.

Each act is tried as each role, before and after, in transactions that are taken back: by the server's word, not by reading grants.
"""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatops.migrations.lost_rights import ADDS
from tests.conftest import Result, build_core
from tests.servers import Database, Server
from tests.test_from_then_on import EARLY, PEOPLE, A

Run = Callable[..., Result]

ACTS = {
    "assign_chat_to_operator": "select assign_chat_to_operator('00000000-0000-0000-0000-000000000003')",
    "release_and_reassign_chat": f"select release_and_reassign_chat('{EARLY}')",
    "get_assignment_queue_status": "select * from get_assignment_queue_status()",
    "detect_stuck_chats": "select * from detect_stuck_chats(1)",
    "should_keep_assignment": f"select should_keep_assignment('{EARLY}', 'assigned', '{A}')",
    "all of chats": "select * from chats",
    "all of chat_assignments": "select * from chat_assignments",
    "all of messages": "select * from messages",
    "summary": "select * from chat_state_summary",
    "message": f"insert into messages (id, chat_id, sender_type, content) values (gen_random_uuid(), '{EARLY}', 'real', 'more')",
    "touch": f"update chats set last_message_at = now() where id = '{EARLY}'",
    "turn": f"insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason)"
            f" values ('{EARLY}', '{A}', now(), now(), 'manual_reassignment_by_admin')",
    "heartbeat": f"insert into operator_activity (chat_id, operator_id) values ('{EARLY}', '{A}')",
}  # fmt: skip
READ_OLD = "id, chat_state, is_active, created_at, assigned_operator_id, last_operator_id, updated_at, last_message_at"
TABLES = "chats, messages, chat_assignments, operator_activity, operators, real_users, fictional_users, platform_config, chat_state_summary"
ROLES: Mapping[str, tuple[str, str]] = {
    "app_user": ("login", f"grant select, insert, update on {TABLES} to ROLE"),
    "granted": ("login", f"grant select, insert, update on {TABLES} to ROLE; grant execute on all functions in schema public to ROLE"),
    "half": ("login", f"grant select, insert on {TABLES} to ROLE; grant execute on function assign_chat_to_operator(uuid) to ROLE"),
    "web": ("nologin", f"grant select, insert, update on {TABLES} to ROLE"),
    "web_inherits": ("login", "grant OF_web to ROLE"),
    "web_becomes": ("login noinherit", "grant OF_web to ROLE"),
    "callers": ("nologin", "grant execute on all functions in schema public to ROLE"),
    "called_as_group": ("login", f"grant OF_callers to ROLE; grant select, insert, update on {TABLES} to ROLE"),
    "no_group": ("login noinherit", f"grant OF_callers to ROLE; grant select, insert, update on {TABLES} to ROLE"),
    "reads": ("login", f"grant select on {TABLES} to ROLE"),
    "every_column": ("login", "EVERY_COLUMN"),
    "old_columns": ("login", f"grant select ({READ_OLD}) on chats to ROLE; grant insert on messages to ROLE"),
    "one_column": ("login", "grant select (id) on chats to ROLE"),
    "of_the_server": ("login", "grant OF_server to ROLE"),
    "server": ("nologin", "grant service_role to ROLE; grant select, update on chats to ROLE"),
    "of_operators": ("login", "grant authenticated to ROLE; grant select, update on chats to ROLE"),
    "nothing": ("login", "select 1"),
    "under policies": ("login", f"grant select, insert, update on {TABLES} to ROLE; create policy only_theirs on chats to ROLE using (true)"),
}  # fmt: skip
"""As roles are made: how they log in, and what they are granted."""
OF_THE_SERVER: Mapping[str, tuple[str, str]] = {
    "all_data": ("login", "grant pg_read_all_data, pg_write_all_data to ROLE"),
    "looks": ("login", "grant pg_read_all_data to ROLE"),
}
"""Roles that may work in every database of a server: in a server of their own, for other tests' databases would count them."""
HOSTING = ("anon", "authenticated", "service_role")
WRITES = re.compile(r"\b(insert|update)\b")
EVERY = """do $$ declare t record; begin for t in
 select c.relname, string_agg(quote_ident(a.attname), ', ') as columns from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
  where c.relname in ('chats', 'messages', 'chat_assignments') and not a.attisdropped group by 1
 loop execute format('grant select (%s), update (%s) on %I to ROLE', t.columns, t.columns, t.relname); end loop; end $$"""
PIECES = (
    "grant select on chats to ROLE", "grant update on chats to ROLE", "grant insert on messages to ROLE", "grant select on messages to ROLE",
    f"grant select ({READ_OLD}) on chats to ROLE", "grant update (chat_state) on chats to ROLE", "grant select on chat_assignments to ROLE",
    "grant execute on function release_and_reassign_chat(uuid, text) to ROLE", "grant execute on function assign_chat_to_operator(uuid) to ROLE",
    "grant service_role to ROLE", "grant authenticated to ROLE", "EVERY_COLUMN", "grant insert on chat_assignments to ROLE",
)  # fmt: skip


@contextmanager
def peopled(database: Database, roles: Mapping[str, tuple[str, str]]) -> Iterator[dict[str, str]]:
    """These roles, by what they are called here."""
    with ExitStack() as stack:
        for one in HOSTING:
            database.execute(
                f"do $$ begin create role {one} nologin; exception when duplicate_object or unique_violation then null; end $$"
            )
        made = {
            called: stack.enter_context(database.role(called.replace(" ", "_"), options))
            for called, (options, _) in roles.items()
        }
        for called, (_, text) in roles.items():
            text = re.sub(r"OF_(\w+)", lambda found: made[found[1]], text.replace("EVERY_COLUMN", EVERY))
            database.script(text.replace("ROLE", made[called]))
        yield made


def can(database: Database, roles: Mapping[str, str]) -> set[tuple[str, str]]:
    """Which role can do what: tried, and taken back. Only what it has no right to counts as what it cannot do."""
    found = set()
    with database.connect(autocommit=False) as connection, connection.cursor() as cursor:
        for called, role in roles.items():
            for act, statement in ACTS.items():
                try:
                    cursor.execute(f"set local role {role}")
                    cursor.execute(statement)
                    found.add((called, act))
                except psycopg.errors.InsufficientPrivilege:
                    pass
                except psycopg.Error:
                    found.add((called, act))
                connection.rollback()
    return found


def told_by(
    run: Run, database: Database, roles: Mapping[str, str], *words: str
) -> tuple[set[tuple[str, str]], dict[str, list[str]]]:
    """Who loses what as a dry run tells it, and the grants that it prints, by when they are to be run."""
    answer = json.loads(run("migrate", *words, "--dry-run", "-o", "json", db=database, check=0).stdout)
    named = {role: called for called, role in roles.items()}
    lost: set[tuple[str, str]] = set()
    grants: dict[str, list[str]] = {"first": [], "afterwards": []}
    for one in answer["roles"]:
        if one["role"] in named:
            acts = [*one["calls"], *one["reads"], *(f"all of {table}" for table in one["tables"])]
            lost |= {(named[one["role"]], act) for act in acts}
            for when, statements in grants.items():
                statements += [one[when]] if one[when] else []
    return lost, grants


def lost_of(
    before: set[tuple[str, str]], after: set[tuple[str, str]], roles: Mapping[str, tuple[str, str]]
) -> set[tuple[str, str]]:
    """What went, of the roles that work on the chats by a right of their own: others are told with their group, or not at all."""
    return {(called, act) for called, act in before - after if called not in UNTOLD and works(roles[called][1])}


UNTOLD = ("web_inherits", "web_becomes", "of_the_server", "callers", "looks", "nothing")


def works(text: str) -> bool:
    return bool(re.search(r"\bon (chats|messages)\b|pg_write_all_data|EVERY_COLUMN", text))


def at(database: Database, run: Run, stop: str) -> None:
    database.script(PEOPLE)
    run("adopt", "--through", stop, "--yes", db=database, check=0)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("stop", ["016", "017"])
def test_what_each_role_loses_is_told_before_and_found_after(
    core_database_everywhere: Database, chatops_inprocess: Run, stop: str
) -> None:
    database = core_database_everywhere
    if stop == "016":
        database.execute("drop function should_keep_assignment")
    else:
        database.execute("alter table chats enable row level security")
        database.script("create policy known on chats for all using (true)")
    at(database, chatops_inprocess, stop)
    with peopled(database, ROLES) as roles:
        before = can(database, roles)
        told, grants = told_by(chatops_inprocess, database, roles, "--to", "latest")
        chatops_inprocess("migrate", "--to", "latest", "--yes", db=database, check=0)
        after = can(database, roles)
        assert told == lost_of(before, after, ROLES)
        assert {role for role, _ in told} >= {
            "app_user",
            "web",
            "half",
            "no_group",
            "reads",
            "every_column",
            "old_columns",
        }
        assert ("app_user", "get_assignment_queue_status") in after
        # Found by checks, as long as nobody grants it; every role that writes.
        assert {one for one, _ in found_in(chatops_inprocess, database, roles)} >= {
            "app_user",
            "web",
            "half",
            "no_group",
            "every_column",
        }
        for statement in (*grants["first"], *grants["afterwards"]):
            database.script(statement)
        assert lost_of(before, can(database, roles), ROLES) == set(), "what is printed gives all of it back"
        assert found_in(chatops_inprocess, database, roles) == set()


def found_in(run: Run, database: Database, roles: Mapping[str, str]) -> set[tuple[str, str]]:
    """Which of these roles are named by the checks of rights, and by which."""
    shown = json.loads(run("diagnose", "--only", "DB009,DB030", "--rows", "200", "-o", "json", db=database).stdout)
    text = json.dumps(shown)
    return {(called, "") for called, role in roles.items() if re.search(rf"\b{role}\b", text)}


def test_a_role_that_may_write_in_every_database_is_told_what_it_loses(
    own_server: Callable[..., Server], chatops_inprocess: Run
) -> None:
    database = own_server("18").create_database()
    build_core(database)
    at(database, chatops_inprocess, "017")
    with peopled(database, OF_THE_SERVER) as roles:
        before = can(database, roles)
        told, _ = told_by(chatops_inprocess, database, roles)
        chatops_inprocess("migrate", "--to", "latest", "--yes", db=database, check=0)
        assert told == lost_of(before, can(database, roles), OF_THE_SERVER)
        assert {role for role, _ in told} == {"all_data"}


def test_each_step_tells_what_it_takes(core_database: Database, chatops_inprocess: Run) -> None:
    database = core_database
    at(database, chatops_inprocess, "017")
    with peopled(database, ROLES) as roles:
        for stop in ("018", "022", "026", "027", "latest"):
            before = can(database, roles)
            told, _ = told_by(chatops_inprocess, database, roles, "--to", stop)
            chatops_inprocess("migrate", "--to", stop, "--yes", db=database, check=0)
            assert told == lost_of(before, can(database, roles), ROLES), stop


@pytest.mark.sampled(1)
@pytest.mark.parametrize("seed", range(2))
def test_whatever_roles_are_granted_what_they_lose_is_told(core_database: Database, chatops_inprocess: Run, seed: int) -> None:
    database, chance = core_database, random.Random(seed)
    at(database, chatops_inprocess, "017")
    drawn = {f"r{n}": ("login", "; ".join(chance.sample(PIECES, chance.randint(1, 5)))) for n in range(24)}
    with peopled(database, drawn) as roles:
        before = can(database, roles)
        told, grants = told_by(chatops_inprocess, database, roles)
        for statement in grants["first"]:
            database.script(statement)
        chatops_inprocess("migrate", "--to", "latest", "--yes", db=database, check=0)
        lost = lost_of(before, can(database, roles), drawn)
        assert lost == {(role, act) for role, act in told if act not in ("assign_chat_to_operator", "release_and_reassign_chat")}
        for statement in grants["afterwards"]:
            database.script(statement)
        assert lost_of(before, can(database, roles), drawn) == set()


def test_it_is_said_where_somebody_decides_and_after_the_run(
    core_database: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    database = core_database
    at(database, chatops_inprocess, "017")
    with peopled(database, {"app_user": ROLES["app_user"]}) as roles:
        role = roles["app_user"]
        grant = f"grant execute on function assign_chat_to_operator(uuid), release_and_reassign_chat(uuid,text) to {role};"
        may = "may call assign_chat_to_operator() and release_and_reassign_chat() (as everybody may)"

        def reported() -> list[dict[str, str]]:
            shown = json.loads(chatops_inprocess("report", "--last", "-o", "json", db=database, check=None).stdout)
            return [one for one in shown["roles"] if one["role"] == role]

        assert [(one["may"], one["back"]) for one in reported()] == [(may, "")]
        for width in (40, 80):
            shown = chatops_inprocess("migrate", "--dry-run", db=database, check=0, terminal=(width, 400)).stdout
            said = " ".join(shown.replace("\\\n", " ").split())
            assert said.count(f"grant first: chatops psql --write -- -c '{grant}'") == 2, "in its place, and in short"
            assert shown.startswith("In short: ")
            assert said.index("grant first: ") < said.index(" to apply from "), "the answer first"
            assert shown.rstrip().endswith("migrate"), "the command last"
            assert f"{role}, which writes the chats, loses assign_chat_to_operator(), release_and_reassign_chat():" in said
            assert f"The code of before works on, but not as {role} without the grants above, and" in said
        done = chatops_inprocess("migrate", "--yes", db=database, check=0)
        assert f"grant first: chatops psql --write -- -c '{grant}'" in done.stderr, "before"
        pasted = re.search(r"if it must: chatops (.*)", done.stdout)
        assert pasted is not None, "after"
        assert chatops_inprocess("verify", "schema", db=database, check=1).stdout.count("DB030") > 0
        critical = json.loads(chatops_inprocess("diagnose", "--only", "DB030", "-o", "json", db=database, check=1).stdout)
        assert critical["findings"][0]["severity"] == "critical"
        (lost,) = reported()
        assert lost["may"] == (
            "not assign_chat_to_operator() and release_and_reassign_chat() any more, which a file took from everybody"
        )
        page = chatops_inprocess("report", "--last", "--to", tmp_path / "page.html", db=database, check=None)
        assert "page.html" in page.stdout
        assert f"<td>{role}" in (tmp_path / "page.html").read_text()
        chatops_inprocess(*shlex.split(lost["back"])[1:], db=database, check=0)
        assert [one["may"] for one in reported()] == [may.replace("as everybody may", "granted")]
        database.execute(f"revoke execute on all functions in schema public from {role}")
        chatops_inprocess(*shlex.split(pasted[1]), db=database, check=0)
        chatops_inprocess("verify", "schema", db=database, check=0)
        assert role not in chatops_inprocess("migrate", "--dry-run", db=database, check=0).stdout


def test_many_tenants_name_a_role_that_loses_the_same_once_with_the_line_that_keeps_it(
    database: Database, chatops_inprocess: Run
) -> None:
    """Before the question, in a dry run, for programs and after the run; what is printed keeps it in every tenant."""
    names = [f"tenant_{n}" for n in range(1, 6)]
    for name in names:
        database.execute(f"create schema {name}")
    words = ("migrate", "--all-schemas", "tenant_*")
    chatops_inprocess(*words, "--to", "017", "--yes", db=database, check=0)
    with peopled(database, {"app": ("login", "select 1"), "other": ("login", "select 1")}) as roles:
        app, other = roles["app"], roles["other"]
        for name in names:
            database.execute(f"grant usage on schema {name} to {app}, {other}")
            database.execute(f"grant select, insert, update on {name}.chats, {name}.messages to {app}")
        database.execute(f"grant select, insert, update on tenant_2.chats, tenant_2.messages to {other}")
        calls = ["assign_chat_to_operator", "release_and_reassign_chat"]
        plan = json.loads(chatops_inprocess(*words, "--dry-run", "-o", "json", db=database, check=0).stdout)
        assert {one["role"]: (one["calls"], one["tenants"]) for one in plan["roles"]} == {
            app: (calls, names),
            other: (calls, ["tenant_2"]),
        }
        loses = "which writes the chats, loses assign_chat_to_operator(), release_and_reassign_chat() in"
        many, lone = f"{app}, {loses} 5 tenants (tenant_1, tenant_2, tenant_3 and 2 more):", f"{other}, {loses} tenant_2:"
        shown = chatops_inprocess(*words, "--dry-run", db=database, check=0).stdout
        pasted = dict(re.findall(r"(\w+), which writes .*\n  grant first: chatops (.*)", shown))
        assert many in shown
        assert lone in shown
        done = chatops_inprocess(*words, "--to", "027", "--yes", db=database, check=0)
        assert many in done.stderr, "before it runs"
        assert (
            f"{app} may not call assign_chat_to_operator() and release_and_reassign_chat() any more in 5 tenants" in done.stdout
        )

        def may(role: str) -> list[str]:
            asks = "has_function_privilege(%s, %s || '.assign_chat_to_operator(uuid)', 'execute')"
            return [name for name in names if database.execute(f"select {asks}", (role, name)) == [(True,)]]

        assert (may(app), may(other)) == ([], [])
        found = chatops_inprocess("verify", "schema", "--only", "DB030", "--schema", "tenant_5", db=database, check=1).stdout
        assert app in found, "kept, so that it is missed"
        for role in (app, other):
            chatops_inprocess(*shlex.split(pasted[role]), db=database, check=0)
        assert (may(app), may(other)) == (names, ["tenant_2"])
        left = json.loads(chatops_inprocess(*words, "--dry-run", "-o", "json", db=database, check=0).stdout)
        assert not any(one["calls"] for one in left["roles"])


def test_a_deploy_names_who_loses_what_before_it_asks_and_stops_where_nobody_granted_it(
    core_database: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    database = core_database
    at(database, chatops_inprocess, "017")
    words = ("deploy", "--to", "latest", "--skip-code", "--no-scenarios", "--receipt", str(tmp_path / "deploy.json"))
    with peopled(database, {"app_user": ROLES["app_user"]}) as roles:
        plan = json.loads(chatops_inprocess(*words, "--dry-run", "-o", "json", db=database, check=0).stdout)
        (loses,) = plan["roles"]
        assert (loses["role"], loses["calls"]) == (roles["app_user"], ["assign_chat_to_operator", "release_and_reassign_chat"])
        line = re.search(r"grant first: chatops (.*)", chatops_inprocess(*words, "--dry-run", db=database, check=0).stdout)
        assert line is not None
        done = chatops_inprocess(*words, "--yes", db=database, check=1)
        assert line[0] in done.stderr, "in the plan"
        assert (
            f"{roles['app_user']} may not call assign_chat_to_operator() and release_and_reassign_chat() any more" in done.stderr
        )
        assert "the deploy stopped at verify" in done.stderr
        chatops_inprocess(*shlex.split(line[1]), db=database, check=0)
        chatops_inprocess(*words, "--from", "verify", "--yes", db=database, check=0)


def test_others_who_can_still_be_given_chats_make_it_a_warning(core_database: Database, chatops_inprocess: Run) -> None:
    database = core_database
    at(database, chatops_inprocess, "017")
    with peopled(database, {one: ROLES[one] for one in ("app_user", "granted")}):
        chatops_inprocess("migrate", "--yes", db=database, check=0)
        (found,) = json.loads(chatops_inprocess("diagnose", "--only", "DB009,DB030", "-o", "json", db=database, check=1).stdout)[
            "findings"
        ]
        assert (found["code"], found["severity"]) == ("DB030", "warning")
        # It was meant so: said once, and not missed any more.
        forgets = re.search(
            r"update chatops\.settings .*?;", chatops_inprocess("diagnose", "--only", "DB030", db=database, check=1).stdout
        )
        assert forgets is not None
        database.execute(forgets[0])
        chatops_inprocess("diagnose", "--only", "DB009,DB030", db=database, check=0)


def test_without_what_migrate_keeps_a_writer_who_cannot_assign_is_named(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    database = latest_database
    with peopled(database, {one: ROLES[one] for one in ("app_user", "web", "web_becomes", "reads")}) as roles:
        told = chatops_inprocess("diagnose", "--only", "DB009", db=database, check=1).stdout
        assert f"role {roles['app_user']} and {roles['web']}  assign_chat_to_operator(uuid)" in told
        assert f"grant select on chat_queue to {roles['reads']};" in told, "granted after the views came"
        database.execute(f"grant execute on function assign_chat_to_operator(uuid) to {roles['web']}")
        assert "assign_chat_to_operator" not in chatops_inprocess("diagnose", "--only", "DB009", db=database).stdout


def test_the_columns_that_files_add_are_those_that_are_told(core_database: Database, chatops_inprocess: Run) -> None:
    database = core_database
    there = "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 where c.relname = any (%s)"
    tables = [
        [
            "chats",
            "messages",
            "chat_assignments",
            "operator_activity",
            "operators",
            "real_users",
            "fictional_users",
            "platform_config",
        ]
    ]
    before = set(database.execute(there, tables))
    at(database, chatops_inprocess, "017")
    chatops_inprocess("migrate", "--to", "latest", "--yes", db=database, check=0)
    assert set(database.execute(there, tables)) - before == {
        (table, column) for added in ADDS.values() for table, columns in added.items() for column in columns
    }


def test_closing_by_hand_what_is_open_to_everybody_takes_nothing_from_who_writes(
    core_database: Database, chatops_inprocess: Run
) -> None:
    """DB001 leaves it to 027 as long as that is pending; after it, its statements grant whoever writes what they take."""

    def finding() -> dict[str, Any]:
        shown = json.loads(chatops_inprocess("diagnose", "--only", "DB001", "-o", "json", db=database, check=None).stdout)
        (one,) = shown["findings"]
        return dict(one)

    database = core_database
    with peopled(database, {name: ROLES[name] for name in ("app_user", "granted", "reads")}) as roles:
        at(database, chatops_inprocess, "017")
        for stop in ("017", "018", "021", "024", "026"):
            chatops_inprocess("migrate", "--to", stop, "--yes", db=database, check=0)
            assert finding()["severity"] == "advice"
            said = chatops_inprocess("diagnose", "--only", "DB001", "--full", db=database, check=None).stdout
            assert (
                "help       migration 027 does that for all of them; chatops migrate --to 027 --dry-run names the roles" in said
            )
            assert "revoke" not in said
        chatops_inprocess("migrate", "--yes", db=database, check=0)
        database.execute("grant execute on all functions in schema public to public")
        one = finding()
        assert one["severity"] == "warning"
        for statement in one["helps"]:
            database.execute(statement)
        may = "select array_agg(has_function_privilege(%s, p, 'execute')) from unnest(array['assign_chat_to_operator(uuid)', 'release_and_reassign_chat(uuid, text)']) p"
        told = {name: database.value(may, (role,)) for name, role in roles.items()}
        assert told == {"app_user": [True, True], "granted": [True, True], "reads": [False, False]}
        chatops_inprocess("verify", "--only", "DB001,DB009", db=database, check=0)
