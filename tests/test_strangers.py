"""Nobody else's function is called, whatever a role with CREATE on the schema puts there; and no function says what cannot be."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from chatops.chats import writers
from tests.conftest import LONG, PLPGSQL_CHECK, ROOT, build_latest
from tests.desk import Desk
from tests.original_writers import refused
from tests.servers import Database, Farm

SQL = sorted(
    path
    for folder in (
        "migrations",
        "views",
        "checks",
        "checks/shared",
        "repairs",
        "repairs/shared",
        "queries",
        "queries/simulation",
        "roles",
    )
    for path in (ROOT / "sql" / folder).glob("*.sql")
)
SYNTAX = {"coalesce", "greatest", "least", "nullif", "extract", "exists", "row", "values", "cast", "overlay", "position", "substring",
          "trim", "normalize", "numeric", "varchar", "timestamp", "interval", "setof", "text", "in", "any", "all", "array"}  # fmt: skip
TYPES = (
    "text",
    "uuid",
    "integer",
    "bigint",
    "numeric",
    "boolean",
    "timestamptz",
    "jsonb",
    "uuid[]",
    "text[]",
    "double precision",
    "name",
)


# ---- what is called --------------------------------------------------------------------------------------------------------


def calls(text: str) -> set[str]:
    """The names that a text calls without a schema, with at least one argument; not in comments, nor in texts."""
    bare = re.sub(r"--[^\n]*", "", text)
    bare = re.sub(r"(?<![\w])[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'", "''", bare)
    found = set()
    for match in re.finditer(r"(?<![\w.\"$:])([a-z_][a-z0-9_]*)\((?!\s*\))", bare):
        before = bare[: match.start()].split()
        if before and before[-1].lower() in ("function", "into", "table", "view", "index", "on", "as", "trigger", "references"):
            continue
        if match[1] == "unnest" and _several(bare, match.end()):
            continue  # of several arrays: the grammar's own, which is always the catalog's
        found.add(match[1])
    return found - SYNTAX


def _several(text: str, start: int) -> bool:
    depth = 1
    for letter in text[start:]:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return False
        if letter == "," and depth == 1:
            return True
    return False


@pytest.fixture(scope="module")
def built_in(server: Any) -> set[str]:
    with server.connect("postgres") as connection:
        rows = connection.execute("select distinct proname from pg_proc where pronamespace = 'pg_catalog'::regnamespace")
        return {row[0] for row in rows}


def test_every_function_of_the_server_is_called_by_its_schema(built_in: set[str]) -> None:
    """Write pg_catalog. before it: an overload in the schema would be called instead."""
    assert len(SQL) > 100
    called = {f"{path.parent.name}/{path.stem}": calls(path.read_text(encoding="utf-8")) for path in SQL}
    assert {name: bare for name, found in called.items() if (bare := sorted(found & built_in))} == {}


def test_no_planted_function_or_operator_is_called(
    latest_database_everywhere: Database, chatops_inprocess: Callable[..., Any]
) -> None:
    """For each function that our SQL calls, overloads of every number and common type of arguments; each would say that it ran."""
    desk = Desk(latest_database_everywhere)
    ann, ben = desk.operator(), desk.operator()
    chat = desk.held_chat(ann)
    desk.waiting_chat()
    names = sorted(
        {match for path in SQL for match in re.findall(r"pg_catalog\.([a-z_0-9]+)\(", path.read_text(encoding="utf-8"))}
    )
    assert len(names) > 40
    shapes = [shape for size in (1, 2) for shape in itertools.product(TYPES[:8], repeat=size)] + [
        ("text",) * 3,
        ("text", "text", "bigint"),
    ]
    known = {
        (row[0], row[1])
        for row in desk.app.execute(
            "select proname, pg_get_function_identity_arguments(oid) from pg_proc where pronamespace = 'pg_catalog'::regnamespace"
        )
    }
    planted = [
        f'create function public."{name}"({", ".join(shape)}) returns text language plpgsql as'
        f" $$ begin raise exception 'planted {name} ran'; end $$"
        for number, name in enumerate(names)
        for at, shape in enumerate(shapes)
        # In the quick form each name has a sixth of the pairs, and another sixth than the name before it.
        if (LONG or len(shape) != 2 or (number + at) % 6 == 0) and (name, ", ".join(shape)) not in known
    ]
    operators = [
        f"create function public.planted_{number}(a {left}, b {right}) returns {result} language plpgsql as"
        f" $$ begin raise exception 'planted {sign} of {left} and {right} ran'; end $$;"
        f" create operator public.{sign} (leftarg = {left}, rightarg = {right}, function = public.planted_{number})"
        for number, (sign, left, right, result) in enumerate(
            [("->>", "jsonb", "jsonb", "text"), ("->", "jsonb", "jsonb", "jsonb"), ("#>>", "jsonb", "jsonb", "text"),
             ("||", "text", "uuid", "text"), ("||", "text", "bigint", "text"), ("||", "text", "numeric", "text")]
        )
    ]  # fmt: skip
    desk.database.script(";\n".join(planted + operators))
    desk.app.write(writers.heartbeat(chat, ann, desk.app.connection.execute("select now()").fetchone()[0]))  # type: ignore[index]
    desk.says(chat)
    assert desk.replies(chat, ann)
    assert desk.takes(ben) is not None
    assert (
        refused(
            lambda: desk.app.execute(
                "insert into messages (chat_id, sender_type, content, handled_by_operator_id) values (%s, 'fictional', 'x', %s)",
                [chat, ann],
            )
        )
        == "55000"
    )
    for call in (
        "select * from explain_empty_queue(%(ann)s)", "select release_and_reassign_chat(%(chat)s)", "select * from release_idle_chats()",
        "select close_chat(%(chat)s)", "select reopen_chat(%(chat)s)", "select * from user_message(%(chat)s, 'x')",
        "select * from chat_state_summary", "select * from chat_queue", "select * from operator_load", "select * from stuck_chats",
        "select * from get_assignment_queue_status()", "select * from detect_stuck_chats(1)",
    ):  # fmt: skip
        desk.app.execute(call, {"ann": ann, "chat": chat})
    for words in (("diagnose", "-o", "json"), ("verify",), ("summary",), ("queue",), ("stuck",), ("operators",), ("show", chat), ("log",),
                  ("status",), ("doctor",), ("reassign", chat, "--to", str(ann), "--yes", "--reason", "x"),
                  ("release", chat, "--yes", "--reason", "x"), ("guard",)):  # fmt: skip
        told = chatops_inprocess(*words, db=desk.database)
        assert "planted" not in told.stdout + told.stderr, words


# ---- what plpgsql_check says -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not PLPGSQL_CHECK.exists(), reason="plpgsql_check is not installed (Debian: postgresql-15-plpgsql-check)")
def test_plpgsql_check_finds_nothing_in_any_function(farm: Farm) -> None:
    server = farm.server("15")
    database = server.create_database(farm.template(server, "latest", build_latest))
    try:
        database.execute("create extension plpgsql_check")
        told = database.execute(
            """select p.proname, f.lineno, f.level, f.message
                 from pg_proc as p
                 join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
                 left join pg_trigger as t on t.tgfoid = p.oid and not t.tgisinternal
                cross join lateral plpgsql_check_function_tb(
                  p.oid, coalesce(t.tgrelid, 0), oldtable => case when p.proname = 'forget_messages' then 'gone'::name end,
                  performance_warnings => false, extra_warnings => true, security_warnings => true) as f
                where p.pronamespace = 'public'::regnamespace and (p.prorettype <> 'trigger'::regtype or t.oid is not null)"""
        )
    finally:
        database.drop()
    assert told == []


def test_no_function_is_longer_than_a_page() -> None:
    for path in (ROOT / "sql" / "migrations").glob("*.sql"):
        for name, body in re.findall(
            r"create or replace function (\w+)(.*?)\n\s*\$function\$;", path.read_text(encoding="utf-8"), re.DOTALL
        ):
            assert body.count("\n") <= 80, f"{path.stem}: {name} has {body.count(chr(10))} lines"


# ---- who owns what is trusted, and what a role may write ------------------------------------------------------------------------


def test_a_schema_chatops_that_another_role_made_is_refused(database: Database, chatops: Callable[..., Any]) -> None:
    role = f"squatter_{database.name}"
    database.script(
        f'create role {role}; grant create on database "{database.name}" to {role}; create schema chatops authorization {role}'
    )
    try:
        told = chatops("migrate", "--to", "latest", "--yes", db=database)
        assert told.exit_code != 0
        assert f"schema chatops belongs to {role}" in told.stdout + told.stderr
        assert database.value("select count(*) from pg_class where relnamespace = 'chatops'::regnamespace") == 0
    finally:
        database.script(f"drop owned by {role} cascade; drop role {role}")


def test_an_operators_role_forges_nothing_and_writes_no_words(latest_database_everywhere: Database) -> None:
    desk = Desk(latest_database_everywhere)
    desk.database.script(ROOT / "sql" / "roles" / "chatops_reader.sql")
    desk.database.script(ROOT / "sql" / "roles" / "chatops_operator.sql")
    chat = desk.held_chat(desk.operator())
    acting = desk.session()
    acting.execute("set role chatops_operator")
    for statement in (
        "insert into chatops.actions (action, at) values ('x', '2020-01-01')",
        "insert into chatops.actions (action, database_role) values ('x', 'somebody')",
        "insert into chatops.actions (action, os_user) values ('x', 'somebody')",
        "insert into chatops.actions (action, client_address) values ('x', '10.0.0.1')",
        "insert into chatops.actions (id, action) overriding system value values (1, 'x')",
        "update chatops.actions set action = 'y'",
        "delete from chatops.actions",
        "insert into chatops.runs (command, started_at) values ('x', '2020-01-01')",
        "update messages set content = 'x'",
        "insert into messages (chat_id, sender_type, content) values (gen_random_uuid(), 'real', 'x')",
        "update operators set email = 'x'",
        "update operators set name = 'x'",
        "update chats set real_user_id = gen_random_uuid()",
        "delete from chats",
    ):
        assert refused(lambda statement=statement: acting.execute(statement)) == "42501", statement  # type: ignore[misc]
    acting.execute(
        "insert into chatops.actions (action, chat_id, before, after, reason) values ('x', %s, '{}', '{}', 'y')", [chat]
    )
    acting.execute("update operators set is_available = false")
    assert acting.value("select release_chat(%s, null)", [chat]) == "released"


# ---- names of schemas --------------------------------------------------------------------------------------------------------


LEGAL = [
    "select",
    "42",
    'Tenant "É".b',
    *(pytest.param(name, marks=pytest.mark.full) for name in ("Acme", "Tenant One", "a.b", 'quo"ted', "acmé")),
]
"""A word of SQL, a number, and a name that has everything at once; by itself, each sign is for the long form."""


@pytest.mark.sampled(1)
@pytest.mark.parametrize("schema", LEGAL)
def test_any_legal_name_of_a_schema_will_do_and_its_neighbours_are_left_alone(
    latest_database: Database, chatops_inprocess: Callable[..., Any], schema: str
) -> None:
    quoted = psycopg.sql.Identifier(schema).as_string(None)
    latest_database.execute(f"create schema {quoted}")
    neighbours = ["acme", "tenant one", "a", "b", "Select"]
    for neighbour in neighbours:
        name = psycopg.sql.Identifier(neighbour).as_string(None)
        latest_database.script(
            f"create schema {name}; create function {name}.assign_chat_to_operator(p_operator_id uuid) returns uuid language sql as 'select null::uuid'"
        )
    before = latest_database.execute(
        "select oid, proconfig, proacl::text, proowner from pg_proc where proname = 'assign_chat_to_operator' order by oid"
    )
    chatops_inprocess("migrate", "--schema", schema, "--to", "latest", "--yes", db=latest_database, check=0)
    after = {
        row[0]: row
        for row in latest_database.execute(
            "select oid, proconfig, proacl::text, proowner from pg_proc where proname = 'assign_chat_to_operator'"
        )
    }
    assert [after[row[0]] for row in before] == before
    ours = [row for oid, row in after.items() if oid not in {row[0] for row in before}]
    assert len(ours) == 1
    assert any("pg_temp" in setting for setting in ours[0][1])
    latest_database.script(
        "insert into operators (name, is_available) values ('Ada', true);"
        "insert into real_users (name) values ('u'); insert into fictional_users (name) values ('f');"
        "insert into chats (real_user_id, fictional_user_id) select u.id, f.id from real_users u, fictional_users f;"
        "insert into messages (chat_id, sender_type) select id, 'real' from chats",
        schema=quoted,
    )
    got = latest_database.value(
        f"select {quoted}.assign_chat_to_operator(id) = (select id from {quoted}.chats) from {quoted}.operators"
    )
    assert got is True
    for words in (("diagnose", "-o", "json"), ("summary",), ("guard",), ("verify",)):
        told = chatops_inprocess(*words, "--schema", schema, db=latest_database)
        assert told.exit_code in (0, 1), told.stdout + told.stderr
    assert json.loads(chatops_inprocess("diagnose", "--schema", schema, "-o", "json", db=latest_database).stdout)
