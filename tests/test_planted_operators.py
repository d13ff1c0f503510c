"""No operator of a stranger is chosen, whatever types stand left and right of it, in any query, check, view or function."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chatops import sqlfiles
from tests.conftest import PLPGSQL_CHECK, ROOT, build_latest
from tests.servers import Database, Farm

PLANT = Path(__file__).with_name("plant_operators.sql")
SQL = ROOT / "sql"
# Of a statement that stands for itself the server tells which operators it chose: as the body of a function that is parsed.
CHOSEN = """select distinct o.oprname, o.oprleft::regtype::text, o.oprright::regtype::text from pg_catalog.pg_depend as d
  join pg_catalog.pg_operator as o on o.oid operator(pg_catalog.=) d.refobjid
 where d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_operator'::regclass::oid
   and o.oprnamespace operator(pg_catalog.=) 'public'::regnamespace::oid
   and d.classid operator(pg_catalog.=) 'pg_catalog.pg_proc'::regclass::oid
   and d.objid operator(pg_catalog.=) (select p.oid from pg_catalog.pg_proc as p
         where p.pronamespace operator(pg_catalog.=) 'looked_at'::regnamespace::oid)"""
DEPENDS = """select name, params from plpgsql_show_dependency_tb(%s::regprocedure)
  where type::text operator(pg_catalog.=) 'OPERATOR'::text and schema::text operator(pg_catalog.=) 'public'::text"""
# Blocks, locks and what makes things cannot be such a body; what they call is seen where it runs.
NO_BODY = re.compile(r"is not (?:yet )?supported in unquoted SQL function body")
# Only where a cluster, or a table of the run itself, is.
ELSEWHERE = re.compile(r'(?:relation|function|type) "?(?:pg_catalog\.)?(?:pg_dist_|citus_|run_command_on_|offending)\w*')


@pytest.fixture(scope="module")
def planted(farm: Farm, server: object) -> Iterator[Database]:
    """The newest schema, and beside it every operator that a stranger could want to be chosen."""
    on = farm.server("15" if PLPGSQL_CHECK.exists() else "18")
    database = on.create_database(farm.template(on, "latest", build_latest))
    if PLPGSQL_CHECK.exists():
        database.execute("create extension plpgsql_check")
    database.script("create schema supabase_migrations; create table supabase_migrations.schema_migrations"
                    "(version text primary key, statements text[], name text)")  # fmt: skip
    database.script(PLANT.read_text(encoding="utf-8"))
    yield database
    database.drop()


def chosen(
    connection: psycopg.Connection[tuple[object, ...]], arguments: str, result: str, body: str
) -> list[tuple[object, ...]]:
    """The planted operators that a statement would run."""
    found: list[tuple[object, ...]] = []
    with connection.transaction():
        connection.execute("create schema looked_at")
        text = f"create function looked_at.it({arguments}) returns {result} language sql begin atomic {body}; end"
        connection.execute(text.encode())
        found = connection.execute(CHOSEN.encode()).fetchall()
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
    if all(NO_BODY.search(error) for error in errors):
        return of_blocks(connection, text)
    assert any(ELSEWHERE.match(error) for error in errors), f"cannot be read: {errors}"
    return []


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
            found += connection.execute(DEPENDS.encode(), ["looked_at.it()"]).fetchall()
            raise psycopg.Rollback
    return found


TEXTS = [path for folder in ("queries", "queries/application", "queries/simulation", "checks", "checks/shared")
         for path in sorted((SQL / folder).glob("*.sql"))]  # fmt: skip


def test_no_query_and_no_check_runs_one(planted: Database) -> None:
    wrong: dict[str, object] = {}
    with planted.server.connect(planted.name) as connection:
        connection.autocommit = True
        for path in TEXTS:
            name = str(path.relative_to(SQL))
            if path.stem.startswith("citus_"):
                continue  # pieces of other texts, and what only a cluster has
            text = path.read_text(encoding="utf-8")
            text = sqlfiles.with_shared(text) if name.startswith("checks/") else text
            try:
                found = of_text(connection, sqlfiles.with_views(text))
            except AssertionError as error:
                wrong[name] = str(error)
                continue
            if found:
                wrong[name] = found
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())


def test_no_function_and_no_view_does(planted: Database) -> None:
    wrong: dict[str, object] = {}
    with planted.server.connect(planted.name) as connection:
        connection.autocommit = True
        functions = connection.execute(
            """select p.oid, p.proname::text, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.prosrc, l.lanname::text,
                      coalesce((select t.tgrelid from pg_catalog.pg_trigger as t where t.tgfoid operator(pg_catalog.=) p.oid limit 1), 0)
                 from pg_catalog.pg_proc as p join pg_catalog.pg_language as l on l.oid operator(pg_catalog.=) p.prolang
                where p.pronamespace operator(pg_catalog.=) 'public'::regnamespace::oid and p.proname::text !~ '^planted|^(__)?plpgsql_'::text"""
        ).fetchall()
        for oid, name, arguments, result, body, language, table in functions:
            if language == "sql":
                found: object = chosen(connection, arguments, result, body.strip().rstrip(";"))
            elif not PLPGSQL_CHECK.exists() or (result == "trigger" and not table):
                continue
            else:
                asked = """select name, params from plpgsql_show_dependency_tb(%s::oid::regprocedure, %s::oid)
                            where type::text operator(pg_catalog.=) 'OPERATOR'::text and schema::text operator(pg_catalog.=) 'public'::text"""
                found = connection.execute(asked, [oid, table]).fetchall()
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
