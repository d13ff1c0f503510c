"""adopt held to the truth: random folders, a random part of them run by psql's way, and what adopt says of each file.

Never "applied" for a file that did not run, nothing but "applied" and "unprovable" for one that did, and what is proposed leads,
with migrate, to the schema of the whole folder.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatops import db
from chatops import settings as configured
from chatops.errors import ChatopsError
from chatops.migrations import ledger
from chatops.migrations.adopt import ForHistory, Survey, record, survey
from chatops.migrations.fingerprint import fingerprint
from chatops.migrations.ledger import Run
from chatops.migrations.prepare import MigrationRequest, prepare
from chatops.migrations.proposal import Proposal, propose
from chatops.migrations.run import apply
from chatops.migrations.source import Folder, discover
from tests.conftest import LONG
from tests.random_folders import Case, cases
from tests.servers import Database

EXAMPLES = 2000 if LONG else 30
RESET = "drop schema if exists chatops, ship cascade; drop schema public cascade; create schema public; drop publication if exists one, two, three; reset all"


class Bench:
    """Two databases that are emptied for each example: one for the truth, one for what adopt sees."""

    def __init__(self, one: Database, whole: Database, folder: Path) -> None:
        self.one, self.whole, self.folder = one, whole, folder
        self.connections = {database.name: database.connect() for database in (one, whole)}
        target = configured.resolve(configured.Options((one.url,), None, "public"))
        self.database = db.connect(target, "test", "migrate")
        self.other = db.connect(configured.resolve(configured.Options((whole.url,), None, "public")), "test", "read")
        self.seen: Counter[str] = Counter()

    def run(self, database: Database, text: str) -> bool:
        """Runs a file as psql -1 does; whether it went in."""
        connection = self.connections[database.name]
        try:
            connection.execute(f"begin;\n{text}\n;commit; reset all".encode())
        except psycopg.Error:
            connection.execute("rollback")
            connection.execute("reset all")
            return False
        return True

    def empty(self) -> None:
        """Empties both."""
        for connection in self.connections.values():
            connection.execute(RESET)

    def close(self) -> None:
        """Lets go of the servers."""
        self.database.close()
        self.other.close()


@pytest.fixture(scope="module")
def bench(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The databases of this module, on 18."""
    one, whole = server.create_database(), server.create_database()
    found = Bench(one, whole, tmp_path_factory.mktemp("folders"))
    yield found
    found.close()
    one.drop()
    whole.drop()


def written(bench: Bench, files: list[str]) -> Folder:
    """The folder on disk."""
    for path in bench.folder.glob("*.sql"):
        path.unlink()
    for number, text in enumerate(files, 1):
        (bench.folder / f"{number:03}_x.sql").write_text(text, encoding="utf-8")
    return discover(bench.folder, source="files")


def schema(connection: db.Database) -> dict[str, Any]:
    """What is in public, the order of columns aside: a late file puts its columns last."""
    found = {
        kind: {name: dict(value) for name, value in names.items()} for kind, names in fingerprint(connection).objects.items()
    }
    for column in found.get("column", {}).values():
        column.pop("place", None)
    return found


def look(bench: Bench, files: list[str]) -> tuple[Folder, Survey, Proposal]:
    """What adopt says."""
    folder = written(bench, files)
    found = survey(bench.database, folder, ledger.read(bench.database))
    return folder, found, propose(folder, found.judgement)


OBJECTS = """select 'relation ' || relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'i')
union all select 'column ' || attrelid::regclass || '.' || attname from pg_attribute join pg_class on oid = attrelid
           where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
union all select 'constraint ' || conrelid::regclass || '.' || conname from pg_constraint
           where connamespace = 'public'::regnamespace and contype in ('c', 'u')
union all select 'policy ' || polrelid::regclass || '.' || polname from pg_policy
union all select 'trigger ' || tgrelid::regclass || '.' || tgname from pg_trigger where not tgisinternal
union all select 'function ' || oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace
union all select 'label ' || enumtypid::regtype || '.' || enumlabel from pg_enum"""


def functions(text: str) -> set[str]:
    """The functions that a file makes or replaces, as regprocedure writes them."""
    made = re.findall(r"create or replace function (\w+)\(([^)]*)\)", text)
    return {f"function {name}({arguments.replace('int', 'integer').replace(', ', ',')})" for name, arguments in made}


def objects(bench: Bench, database: Database) -> set[str]:
    """What stands in a database, by name."""
    return {row[0] for row in bench.connections[database.name].execute(OBJECTS.encode()).fetchall()}


def hold(bench: Bench, case: Case) -> None:
    """One example."""
    bench.empty()
    files: list[str] = []
    makers: dict[str, set[int]] = {}
    before: set[str] = set()
    for text in case.files:
        if bench.run(bench.whole, text):
            now = objects(bench, bench.whole)
            for name in (now - before) | functions(text):
                makers.setdefault(name, set()).add(len(files))
            before = now
            files.append(text)
    wanted = schema(bench.other)
    ran = {index for index, text in enumerate(files[: case.prefix]) if index not in case.left_out and bench.run(bench.one, text)}
    if not files:
        return
    folder, found, proposal = look(bench, files)
    told = {index: proof.verdict.value for index, proof in enumerate(found.proofs)}
    shown = "\n".join(f"-- {index} {told[index]} {'RAN' if index in ran else ''}\n{text}" for index, text in enumerate(files))
    for index, verdict in told.items():
        allowed = ("applied", "unprovable") if index in ran else ("pending", "unprovable")
        assert verdict in allowed, f"{index}: {found.proofs[index]}\n{shown}"
    standing = objects(bench, bench.one)
    for index in ran:
        if any(makers.get(name) == {index} for name in standing):
            bench.seen["lone makers"] += 1
            bench.seen["proven"] += told[index] == "applied"
            if told[index] != "applied" and os.environ.get("SHOW"):
                print(index, [name for name in standing if makers.get(name) == {index}], shown)
    bench.seen["examples"] += 1
    if proposal.blocked:
        bench.seen["no proposal"] += 1
        assert proposal.obstacles
        return
    try:
        record(bench.database, found, proposal, ForHistory(), Run("adopt"))
        prepared = prepare(bench.database, ledger.read(bench.database), folder, MigrationRequest(allow_out_of_order=True))
        apply(bench.database, prepared, MigrationRequest(allow_out_of_order=True), Run("migrate"), lambda event: None)
    except ChatopsError as error:
        pytest.fail(f"{error.message} {error.details}\nrecorded {[file.name for file in proposal.files]}\n{shown}")
    finally:
        bench.database.rollback()
    assert schema(bench.database) == wanted, f"recorded {[file.name for file in proposal.files]}\n{shown}"


# Each once told of a file what was not so.
KNOWN = (
    Case(
        files=(
            "create table a (x int constraint keyed_a primary key, y text unique check (y <> ''), z int);",
            "alter table a rename to c;",
            "create table if not exists a (x int, y bigint); drop table a cascade;",
        ), prefix=3, left_out=frozenset([1]),
    ),
    Case(
        files=(
            "create table a (x int constraint keyed_a primary key, y text unique);", "alter table a rename to b;",
            "drop table if exists b cascade;",
        ), prefix=3, left_out=frozenset([1]),
    ),
    Case(
        files=(
            "create table a (x int, y int); create index a_y on a (y);", "alter table a rename to c;",
            "create table if not exists a (x int, y bigint); alter table a drop column y;",
        ), prefix=3, left_out=frozenset([1]),
    ),
    Case(
        files=("savepoint s; create table a (x int); rollback to s; create table b (x int); release s;", "create table a (y int);"),
        prefix=1, left_out=frozenset(),
    ),
    Case(
        files=("set datestyle = 'German'; create table a (d date default '2.1.2024');", "create table b (d date default '2.1.2024');"),
        prefix=2, left_out=frozenset(),
    ),
    Case(
        files=("create table if not exists a (x int default 0);", "create table if not exists a (x int);"),
        prefix=2, left_out=frozenset([0]),
    ),
    Case(
        files=("create table if not exists a (x int);", "create table if not exists a (x int default 0, y int);"),
        prefix=2, left_out=frozenset([0]),
    ),
    Case(
        files=("create table a (x int);", "alter table a add column if not exists y int;", "alter table a add column if not exists y text;"),
        prefix=3, left_out=frozenset([1]),
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", KNOWN)
def test_what_was_wrong_once(case: Case, bench: Bench) -> None:
    hold(bench, case)


TRIGGER = "create function touch() returns trigger language plpgsql as 'begin return new; end'"
# Names, kinds and places that a statement does not write as the catalog does, and what goes along with what is dropped.
FOLDERS = {
    "a view called a table": (
        "create table t (a int); create view v as select 1 as x; create sequence s; create index i on t (a); create domain d as int",
        "alter table v rename to v2; alter table s rename to s2; alter table i rename to i2; alter type d rename to d2", "drop type d2",
    ),
    "a view's trigger and rule": (
        (f"{TRIGGER}; create table t (a int); create view v as select * from t; create rule r as on delete to v do instead nothing;"
        "create trigger g instead of insert on v for each row execute function touch()"),
        "alter view v rename to w", "alter rule r on w rename to q", "drop trigger g on w",
    ),
    "functions without arguments": (
        "create procedure p(a int) language sql as ''; create function f() returns int language sql as 'select 1'",
        "alter procedure p rename to q; alter routine f rename to g; alter function g set schema public", "drop procedure q",
    ),
    "publications": ("create publication one; create publication two", "alter publication one rename to three",
                     "drop publication two, three"),
    "several schemas": ("create schema ship", "drop schema if exists ship, nowhere cascade", "create table t (a int)"),
    "a partitioned table": (
        "create table p (id int) partition by range (id)",
        "create table c partition of p for values from (1) to (9); create index i on c (id)", "drop table p", "create table z ()",
    ),
    "a table that others inherit from": (
        "create table p (id int)", "create table c (x int) inherits (p)", "drop table p cascade", "create table z ()",
    ),
    "columns of partitions": (
        "create table p (id int, n int, c text) partition by list (id)",
        "create table a (id int, n int, c text); alter table p attach partition a for values in (1)",
        "alter table p drop column n; alter table p rename c to d; alter table p alter id type bigint", "create table z ()",
    ),
    "columns of heirs": (
        "create table p (id int, n int)", "create table c (id int, n int); alter table c inherit p", "alter table p drop column n",
    ),
    "an index of a partition": (
        "create table p (id int) partition by list (id); create table c partition of p for values in (1)",
        "create index i on only p (id); create index j on c (id); alter index i attach partition j", "drop index i",
    ),
    "a constraint made of an index": (
        "create table t (a int not null)", "create unique index i on t (a); alter table t add constraint k unique using index i",
        "alter table t drop constraint k",
    ),
    "another kind of constraint": (
        "create table p (a int primary key); create table c (a int references p deferrable)",
        "alter table c alter constraint c_a_fkey not deferrable",
    ),
    "what a function is used by": (
        "create function f() returns int language sql immutable as 'select 1'",
        "create table t (a int default f(), b int, c int check (f() > 0)); create index i on t ((b + f()))", "drop function f cascade",
    ),
    "what a type is used by": (
        "create type e as enum ('a')",
        "create table t (a e, b int); create index i on t (b, a); create view v as select a from t", "drop type e cascade",
    ),
    "what a row type is used by": (
        "create table t (a int)", "create table u (x t, y int); create function f() returns setof t language sql as 'select * from t'",
        "drop table t cascade",
    ),
    "what a sequence is used by": (
        "create sequence s", "create table t (a int default nextval('s'))", "drop sequence s cascade", "create table z ()",
    ),
    "what an aggregate is used by": (
        "create aggregate g(int) (sfunc = int4pl, stype = int)", "create table t (a int); create view v as select g(a) from t",
        "drop aggregate g(int) cascade",
    ),
    "what an operator is used by": (
        ("create function f(int, text) returns bool language sql immutable as 'select true';"
        "create operator === (leftarg = int, rightarg = text, function = f)"),
        "create table t (a int, b text); create view v as select a === b as x from t", "drop operator === (int, text) cascade",
    ),
    "what a collation is used by": (
        "create collation c (locale = 'C')", "create table t (a text collate c, b int); create index i on t (b, a collate c)",
        "drop collation c cascade",
    ),
    "what a configuration is used by": (
        "create text search configuration c (copy = simple)",
        "create table t (b text); create index i on t using gin (to_tsvector('c', b))", "drop text search configuration c cascade",
    ),
    "views of views": (
        "create table t (a int)", "create view v as select a from t", "create view w as select a from v; create view x as select * from w",
        "drop view v cascade", "create table z ()",
    ),
    "a function that changes the catalog": (
        "create table t (a int, b int); create table old (x int)",
        "create function f() returns void language plpgsql as $$ begin drop table if exists old; execute 'alter table t drop b'; end $$",
        "select f()", "create table z ()",
    ),
    "a procedure that is called by a block": (
        "create table t (a int)",
        ("create procedure i(n text) language plpgsql as $$ begin execute format('drop table %I', n); end $$;"
        "create procedure o(n text) language plpgsql as $$ begin call i(n); end $$"),
        "do $$ begin call o('t'); end $$", "create table z ()",
    ),
    "the server's names for indexes": (
        "create table t (a int, b text, j jsonb)",
        ("create index on t ((j->>'x')); create index on t ((a::bigint)); create index on t (coalesce(b, ''));"
        "create index on t (lower(b), upper(b)); create index on t ((a + 1), (a + 2)); create index on t ((not (a > 1)));"
        'create index on t ((case when a > 1 then 2 end)); create index on t (pg_catalog.upper(b)); create index on t ("b", a);'
        'create index on t (((j->>\'x\')::int)); create index on t ((b collate "C")); create index on t ((j[\'x\']))'),
    ),
    "names with a number behind": (
        "create table t (a int check (a > 0), b int unique); create index on t (a)", "create index on t (a); drop index t_a_idx",
        "create index on t (a); alter table t add check (a > 1)", "drop index t_a_idx1; create index on t (a)",
        "alter table t drop constraint t_a_check1",
    ),
    "keys as the server writes them": (
        "create table t (a int, b text)", 'create index i on t (b text_ops, a int4_ops desc nulls first, b collate "default")',
    ),
    "columns that number themselves": (
        "create table t (id bigint not null primary key generated by default as identity, b int not null generated always as identity)",
    ),
    "nothing as a default": (
        "create table t (a varchar(5) default null, b numeric(4, 1) default null::numeric, c text default (null), d int default null)",
    ),
    "a type and its shell": (
        ("create type b; create function i(cstring) returns b language internal immutable strict as 'int4in'; create function"
        " o(b) returns cstring language internal immutable strict as 'int4out'; create type b (input = i, output = o, like = int4)"),
        "create table t (x b)",
    ),
    "constraints that keep from being null": (
        "create table t (a int, b int not null, c int constraint c_nn not null)",
        "alter table t add constraint a_nn not null a not valid; alter table t validate constraint a_nn",
        "alter table t drop constraint a_nn; alter table t drop constraint t_b_not_null; alter table t drop constraint c_nn",
    ),
    "keys that hold for a time": (
        "create table p (id int4range, v daterange, primary key (id, v without overlaps))",
        "create table c (id int4range, v daterange, foreign key (id, period v) references p (id, period v))",
    ),
    "constraints that are not enforced": (
        "create table p (x int primary key); create table c (a int references p not enforced)",
        "alter table c alter constraint c_a_fkey enforced",
    ),
    "a path that begins nowhere": ("set search_path = nowhere, public; create table t (a int)", "alter table t add b int"),
    "a path that begins nowhere yet": (
        "set search_path = ship, public; create table t (a int)", "create schema ship",
        "set search_path = ship, public; create table u (a int); alter table t add b int",
    ),
    "what is made for the session": (
        "create table t (a int)",
        ("set search_path = pg_temp, public; create table u (a int); create function f() returns int language sql as 'select 1';"
        "alter table t add b int; create index i on t (b)"),
        "create temp table q (a int); create view v as select * from q; create view w as select 1 as x", "create table u (b int)",
    ),
    "rows in other words": (
        "create table t (v numeric, d date, j jsonb)", "insert into t values (1, '2024-01-02', '{\"a\": 1, \"b\": 2}')",
        "insert into t values ('1.0', 'Jan 2 2024', '{\"b\":2, \"a\":1}')",
    ),
    "rows that say less": (
        "create table t (a int, b text default 'x')", "insert into t values (1, 'x')", "insert into t (a) values (1)",
        "insert into t (b) values ('y')",
    ),
    "rows under another date style": (
        "create table t (d date)", "set datestyle = 'German, DMY'; insert into t values ('2.1.2024')", "insert into t values ('1/2/2024')",
    ),
}  # fmt: skip


@pytest.mark.sampled(13)
@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_there_is_told_of_each_file_wherever_people_stopped(folder: str, bench: Bench) -> None:
    files = FOLDERS[folder]
    for prefix in range(1, len(files) + 1):
        hold(bench, Case(files=files, prefix=prefix, left_out=frozenset()))


@pytest.mark.long
def test_adopt_never_says_applied_of_a_file_that_did_not_run_and_proposes_what_ends_in_the_whole_folders_schema(
    bench: Bench,
) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.deferred(cases))
    def examples(case: Case) -> None:
        hold(bench, case)

    bench.seen.clear()
    examples()
    seen = bench.seen
    assert seen["proven"] >= 0.9 * seen["lone makers"], seen
    assert seen["lone makers"] > EXAMPLES / 4
    assert seen["no proposal"] < seen["examples"] / 2, seen
