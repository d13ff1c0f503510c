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
RESET = "drop schema if exists chatops, ship cascade; drop schema public cascade; create schema public; reset all"


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

    examples()
    seen = bench.seen
    assert seen["proven"] >= 0.9 * seen["lone makers"], seen
    assert seen["lone makers"] > EXAMPLES / 4
    assert seen["no proposal"] < seen["examples"] / 2, seen
