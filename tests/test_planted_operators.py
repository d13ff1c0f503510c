"""No operator or function of a stranger is chosen, whatever types the tables have, in any query, check, repair, view or function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatops import sqlfiles
from chatops.db.facts import facts_by_schema, facts_query
from chatops.repairs import texts
from tests.conftest import CORE, LONG, PLPGSQL_CHECK, ROOT, _command, build_latest
from tests.desk import Desk
from tests.original_writers import refused
from tests.servers import Database, Farm

PLANT = Path(__file__).with_name("plant_operators.sql")
SQL = ROOT / "sql"
WORDS = ("chats.chat_state", "messages.sender_type", "messages.content", "chat_assignments.release_reason",
         "platform_config.key", "operators.name", "operators.email", "real_users.name", "fictional_users.name")  # fmt: skip
KINDS = {"text": ("text",), "varchar": ("varchar",), "mixed": ("words", "citext", "bpchar")}
"""The types that the columns of words have, one after the other."""
STRANGE = "p.prosrc operator(pg_catalog.~) 'planted'::text"
# Of a statement that stands for itself the server tells which operators it chose: as the body of a function that is parsed.
CHOSEN = f"""select d.refobjid::regoperator::text from pg_catalog.pg_depend as d
  join pg_catalog.pg_operator as o on o.oid operator(pg_catalog.=) d.refobjid
 where d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_operator'::regclass::oid
   and o.oprnamespace operator(pg_catalog.=) 'public'::regnamespace::oid and d.classid operator(pg_catalog.=) %(of)s::regclass::oid
   and (%(it)s::oid is null or d.objid operator(pg_catalog.=) %(it)s::oid)
 union select p.oid::regprocedure::text from pg_catalog.pg_depend as d join pg_catalog.pg_proc as p on p.oid operator(pg_catalog.=) d.refobjid
 where d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_proc'::regclass::oid and {STRANGE}
   and d.classid operator(pg_catalog.=) %(of)s::regclass::oid and (%(it)s::oid is null or d.objid operator(pg_catalog.=) %(it)s::oid)"""
DEPENDS = f"""select t.name, t.params from plpgsql_show_dependency_tb(%s::oid::regprocedure, %s::oid) as t
  where t.schema::text operator(pg_catalog.=) 'public'::text
    and (t.type::text operator(pg_catalog.=) 'OPERATOR'::text
         or exists (select from pg_catalog.pg_proc as p where p.oid operator(pg_catalog.=) t.oid and {STRANGE}))"""
# Blocks, locks and what makes things cannot be such a body; what they call is seen where it runs.
NO_BODY = re.compile(r"is not (?:yet )?supported in unquoted SQL function body")
# Only where a cluster, or a table of the run itself, is.
ELSEWHERE = re.compile(r'(?:relation|function|type) "?(?:pg_catalog\.)?(?:pg_dist_|citus_|run_command_on_|offending)\w*')


def words_of(database: Database, types: tuple[str, ...]) -> None:
    """The tables with words of these types, for the migrator to build on."""
    database.script(SQL / "migrations" / "001_chat_core.sql")
    there = database.value("select exists (select from pg_available_extensions where name = 'citext')")
    database.script(
        "create schema extensions; "
        + ("create extension" if there else "create domain extensions.citext as text; --")
        + " citext schema extensions"
    )
    database.script(
        "create domain words as text;"
        "alter table chats add column chat_state text default 'waiting_assignment'"
        " check (chat_state in ('waiting_assignment', 'assigned', 'waiting_real_user_reply', 'completed'));"
        "alter table chats alter column chat_state drop default;"
        "alter table messages alter column content drop default"
    )
    for place, word in enumerate(WORDS):
        table, column = word.split(".")
        kind = types[place % len(types)].replace("citext", "extensions.citext").replace("bpchar", "char(90)")
        database.script(f"alter table {table} alter column {column} type {kind}")
    database.script("alter table chats alter column chat_state set default 'waiting_assignment'")
    for name in CORE[1:]:
        database.script(SQL / "migrations" / f"{name}.sql")
    _command(database.url, "adopt", "--through", "017", "--yes")


def migrated(database: Database, types: tuple[str, ...]) -> None:
    words_of(database, types)
    build_latest(database)


def ready(farm: Farm, kind: str) -> Database:
    on = farm.server("15" if PLPGSQL_CHECK.exists() else "18")
    if kind == "text":
        return on.create_database(farm.template(on, "latest", build_latest))
    return on.create_database(farm.template(on, f"words-{kind}", lambda database: migrated(database, KINDS[kind])))


def plant(database: Database) -> None:
    database.script(PLANT.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["text", pytest.param("varchar", marks=pytest.mark.full), "mixed"])
def planted(request: pytest.FixtureRequest, farm: Farm) -> Iterator[Database]:
    """The newest schema on tables with such words, and beside it every operator that a stranger could want to be chosen."""
    database = ready(farm, request.param)
    if PLPGSQL_CHECK.exists():
        database.execute("create extension plpgsql_check")
    database.script("create schema supabase_migrations; create table supabase_migrations.schema_migrations"
                    "(version text primary key, statements text[], name text)")  # fmt: skip
    plant(database)
    yield database
    database.drop()


def chosen(
    connection: psycopg.Connection[tuple[object, ...]], arguments: str, result: str, body: str
) -> list[tuple[object, ...]]:
    """The planted operators and functions that a statement would run."""
    found: list[tuple[object, ...]] = []
    with connection.transaction():
        connection.execute("create schema looked_at")
        text = f"create function looked_at.it({arguments}) returns {result} language sql begin atomic {body}; end"
        connection.execute(text.encode())
        it = connection.execute("select p.oid from pg_catalog.pg_proc as p"
                                " where p.pronamespace operator(pg_catalog.=) 'looked_at'::regnamespace::oid").fetchone()  # fmt: skip
        found = connection.execute(CHOSEN.encode(), {"of": "pg_catalog.pg_proc", "it": it[0] if it else None}).fetchall()
        raise psycopg.Rollback
    return found


def of_text(connection: psycopg.Connection[tuple[object, ...]], text: str) -> list[tuple[object, ...]]:
    """The same, whatever its parameters are and whether it gives rows."""
    errors: list[str] = []
    for value in ("null", "null::text", "'1'", "'{}'"):
        body = sqlfiles.PLACEHOLDER.sub(value, text).strip().rstrip(";")
        for result in ("setof record", "void"):
            try:
                return chosen(connection, "", result, body)
            except psycopg.Error as error:
                errors.append(str(error).splitlines()[0])
                # Of what value, and with which result, changes nothing about these.
                if NO_BODY.search(errors[-1]):
                    return of_blocks(connection, text)
                if ELSEWHERE.match(errors[-1]):
                    return []
    raise AssertionError(f"cannot be read: {errors}")


def of_blocks(connection: psycopg.Connection[tuple[object, ...]], text: str) -> list[tuple[object, ...]]:
    """The same of the DO blocks of a text, as plpgsql_check reads them."""
    found: list[tuple[object, ...]] = []
    for _, body in re.findall(r"^do (\$\w*\$)\n(.*?)\1", text, re.DOTALL | re.MULTILINE) if PLPGSQL_CHECK.exists() else ():
        with connection.transaction():
            connection.execute("create schema looked_at")
            inner = sqlfiles.PLACEHOLDER.sub("null", body)
            connection.execute(
                f"create function looked_at.it() returns void language plpgsql as $looked${inner}$looked$".encode()
            )
            it = connection.execute("select 'looked_at.it()'::regprocedure::oid").fetchone()
            found += connection.execute(DEPENDS.encode(), [it[0] if it else None, 0]).fetchall()
            raise psycopg.Rollback
    return found


def all_texts() -> Iterator[tuple[str, str]]:
    """What stands for itself: queries, checks, what every command asks first, and both halves of every repair."""
    for folder in ("queries", "queries/application", "queries/simulation", "checks", "checks/shared"):
        for path in sorted((SQL / folder).glob("*.sql")):
            if not path.stem.startswith("citus_"):  # pieces of other texts, and what only a cluster has
                text = path.read_text(encoding="utf-8")
                yield f"{folder}/{path.name}", sqlfiles.with_views(sqlfiles.with_shared(text))
    yield "facts.py", facts_query("public")
    yield "facts.py, of many schemas", facts_by_schema(["public"])
    for repair in texts.shipped():
        yield f"repairs/{repair.code}.sql, finding", repair.finding()
        yield f"repairs/{repair.code}.sql, mending", repair.mending([])


@pytest.mark.sampled(1)
@pytest.mark.long
def test_no_statement_runs_one(planted: Database, request: pytest.FixtureRequest) -> None:
    """In the quick form all are read where words are text, half of them where they are of other types, and with varchar none."""
    kind = request.node.callspec.params["planted"]
    taken = slice(None) if LONG or kind == "text" else slice(list(KINDS).index(kind) - 1, None, 2)
    wrong: dict[str, object] = {}
    with planted.server.connect(planted.name) as connection:
        connection.autocommit = True
        for name, text in list(all_texts())[taken]:
            try:
                found = of_text(connection, text)
            except AssertionError as error:
                wrong[name] = str(error)
                continue
            if found:
                wrong[name] = found
        files = sorted([*(SQL / "migrations").glob("*.sql"), *(SQL / "citus").glob("*.sql"), SQL / "bookkeeping.sql"])
        for path in files[taken]:
            if found := of_blocks(connection, path.read_text(encoding="utf-8")):
                wrong[f"{path.parent.name}/{path.name}"] = found
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())


def test_no_function_and_no_view_does(planted: Database) -> None:
    wrong: dict[str, object] = {}
    with planted.server.connect(planted.name) as connection:
        connection.autocommit = True
        functions = connection.execute(
            f"""select p.oid, p.proname::text, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.prosrc, l.lanname::text,
                      coalesce((select t.tgrelid from pg_catalog.pg_trigger as t where t.tgfoid operator(pg_catalog.=) p.oid limit 1), 0)
                 from pg_catalog.pg_proc as p join pg_catalog.pg_language as l on l.oid operator(pg_catalog.=) p.prolang
                where p.pronamespace operator(pg_catalog.=) 'public'::regnamespace::oid and not {STRANGE}
                  and p.proname::text operator(pg_catalog.!~) '^(__)?plpgsql_'::text""".encode()
        ).fetchall()
        for oid, name, arguments, result, body, language, table in functions:
            if language == "sql":
                found: object = chosen(connection, arguments, result, body.strip().rstrip(";"))
            elif not PLPGSQL_CHECK.exists() or (result == "trigger" and not table):
                continue
            else:
                found = connection.execute(DEPENDS.encode(), [oid, table]).fetchall()
            if found:
                wrong[name] = found
        views = connection.execute(
            """select c.relname::text, pg_get_viewdef(c.oid) from pg_catalog.pg_class as c
                where c.relnamespace operator(pg_catalog.=) 'public'::regnamespace::oid and c.relkind::text operator(pg_catalog.=) 'v'::text"""
        ).fetchall()
        for name, _ in views:
            text = SQL / "views" / f"{name}.sql"
            if text.exists() and (found := of_text(connection, sqlfiles.with_views(f"-- needs: {name}\nselect * from {name}"))):
                wrong[name] = found
    assert len(functions) > 30
    assert len(views) > 3
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())


def test_migrate_over_what_was_planted_before_takes_none_and_none_runs_afterwards(
    farm: Farm, chatops_inprocess: Callable[..., Any]
) -> None:
    on = farm.server("15" if PLPGSQL_CHECK.exists() else "18")
    bare = farm.template(on, "words-bare", lambda database: words_of(database, KINDS["mixed"]))
    database = on.create_database(bare)
    try:
        plant(database)
        chatops_inprocess("migrate", "--yes", db=database, check=0)
        with on.connect(database.name) as connection:
            for of in ("pg_rewrite", "pg_class", "pg_constraint", "pg_trigger", "pg_attrdef"):
                taken = connection.execute(CHOSEN.encode(), {"of": f"pg_catalog.{of}", "it": None}).fetchall()
                assert taken == [], of
        desk = Desk(database)
        ann, ben = desk.operator(), desk.operator()
        chat = desk.held_chat(ann)
        late = "insert into messages (chat_id, sender_type, content, handled_by_operator_id) values (%s, 'fictional', 'x', %s)"
        assert refused(lambda: desk.app.execute(late, [chat, ben])) == "55000"
        assert desk.replies(chat, ann)
        desk.says(chat)
        assert desk.takes(ben) == chat
        desk.app.execute("select release_and_reassign_chat(%s)", [chat])
        for words in (("verify",), ("queue",), ("show", chat), ("repair", "--yes", "--reason", "x"), ("report",)):
            told = chatops_inprocess(*words, db=database)
            assert "planted" not in told.stdout + told.stderr, words
    finally:
        database.drop()
