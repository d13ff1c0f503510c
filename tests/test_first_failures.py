"""What keeps a database from being migrated is named before the first file, or at the failure, with a way out that works."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatops.migrations.preflight import examine
from chatops.widths import cells
from tests.conftest import ROOT, Result
from tests.servers import Database
from tests.test_folders import folder

Chatops = Callable[..., Result]
CORPUS = ROOT / "tests" / "corpus" / "folders"


def way_out(result: Result, label: str) -> str:
    """The line that is printed behind a label."""
    found = re.search(rf"{re.escape(label)}[^:]*: +(.*)", result.stderr)
    assert found is not None, result.stderr
    return found[1]


def pasted(result: Result) -> list[str]:
    """The words of the command that is printed beside a statement, for chatops."""
    found = re.search(r"^ +or: +chatops (psql --write .*)", result.stderr, re.MULTILINE)
    assert found is not None, result.stderr
    return shlex.split(found[1])


@pytest.fixture
def weak(database_everywhere: Database) -> Iterator[str]:
    """The URL of a role that may make tables in public and nothing else."""
    with database_everywhere.role("weak") as role:
        database_everywhere.execute(f"grant create, usage on schema public to {role}")
        yield database_everywhere.url.replace("postgres@", f"{role}@")


def test_a_schema_of_that_name_that_is_somebody_elses(database_everywhere: Database, chatops_inprocess: Chatops) -> None:
    database, case = database_everywhere, CORPUS / "22-schema-chatops-taken"
    database.execute((case / "pre.sql.txt").read_text())
    refused = chatops_inprocess("migrate", "--dir", case, "--yes", db=database, check=4)
    assert "the schema chatops belongs to postgres" in refused.stderr
    assert database.value("select to_regclass('own')") is None
    assert database.value("select count(*) from pg_class where relnamespace = 'chatops'::regnamespace and relkind = 'r'") == 2
    assert "the schema chatops belongs to postgres" in chatops_inprocess("doctor", db=database, check=1).stdout
    assert way_out(refused, "give theirs another name") == pasted(refused)[-1]
    chatops_inprocess(*pasted(refused), db=database, check=0)
    chatops_inprocess("migrate", "--dir", case, "--yes", db=database, check=0)
    assert database.value("select count(*) from own") == 0


def test_a_schema_of_that_name_that_a_stranger_owns(database: Database, chatops_inprocess: Chatops) -> None:
    with database.role("stranger", "nologin") as stranger, database.role("deployer") as deployer:
        database.execute(f"create schema chatops authorization {stranger}; grant all on schema chatops, public to {deployer}")
        database.execute(f'grant create on database "{database.name}" to {deployer}')
        url = database.url.replace("postgres@", f"{deployer}@")
        refused = chatops_inprocess("migrate", "--dir", CORPUS / "25-names", "--yes", db=url, check=4)
        assert f"belongs to {stranger}" in refused.stderr
        database.execute("alter schema chatops owner to postgres")
        chatops_inprocess("migrate", "--dir", CORPUS / "25-names", "--dry-run", db=url, check=0)


def test_a_database_that_is_read_only(database_everywhere: Database, chatops_inprocess: Chatops) -> None:
    database, case = database_everywhere, CORPUS / "23-read-only-database"
    database.execute(f'alter database "{database.name}" set default_transaction_read_only = on')
    refused = chatops_inprocess("migrate", "--dir", case, "--yes", db=database, check=4)
    assert "default_transaction_read_only is on" in refused.stderr
    assert "default_transaction_read_only is on" in chatops_inprocess("doctor", db=database, check=1).stdout
    chatops_inprocess("status", "--dir", case, db=database, check=0)
    # In a session as a person opens one: it is read-only, too.
    assert way_out(refused, "make it writable") == " ".join(pasted(refused)[4::2])
    chatops_inprocess(*pasted(refused), db=database, check=0)
    chatops_inprocess("migrate", "--dir", case, "--yes", db=database, check=0)


def test_a_role_that_may_make_no_schema(database_everywhere: Database, chatops_inprocess: Chatops, weak: str) -> None:
    case = CORPUS / "47-no-create-on-database"
    refused = chatops_inprocess("migrate", "--dir", case, "--yes", db=weak, check=4)
    assert f"role weak_{database_everywhere.name} may not create schemas in the database" in refused.stderr
    assert "right database" not in refused.stderr  # a folder of its own is for a database of its own
    assert "001_a" not in refused.stderr
    assert "psql" not in refused.stderr, "it cannot grant itself anything"
    database_everywhere.execute(way_out(refused, "grant it"))
    chatops_inprocess("migrate", "--dir", case, "--yes", db=weak, check=0)
    database_everywhere.execute(f'revoke create on database "{database_everywhere.name}" from weak_{database_everywhere.name}')


def test_strings_in_which_a_backslash_escapes(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    database.execute(f'alter database "{database.name}" set standard_conforming_strings = off')
    plain = folder(tmp_path, {"001_a.sql": "create table a ()"}, "plain")
    chatops_inprocess("migrate", "--dir", plain, "--source", "plain", "--yes", db=database, check=0)
    where = folder(tmp_path, {"001_b.sql": r"create table b as select 'a\'; drop table a; --' as x"})
    refused = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=4)
    assert "standard_conforming_strings is off" in refused.stderr
    adopting = chatops_inprocess("adopt", "--dir", where, "--yes", db=database, check=4)
    assert "standard_conforming_strings is off" in adopting.stderr
    assert "nothing was recorded" in adopting.stderr
    assert way_out(refused, "set it as it is everywhere") == pasted(refused)[-1]
    chatops_inprocess(*pasted(refused), db=database, check=0)
    (where / "001_b.sql").write_text(r"create table b as select 'a\' as x")
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    assert database.value("select x from b") == "a\\"
    (where / "002_c.sql").write_text("set standard_conforming_strings = off;\nselect 'a\\'';")
    told = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=4)
    assert "002_c.sql:1:1" in told.stderr


OFF = ("off", "'off'", "f", "'fals'", "no", "n", "0", "of")


@pytest.mark.parametrize(
    ("turns", "odd"),
    [
        *((f"set standard_conforming_strings {by} {value}", True) for by in ("to", "=") for value in OFF),
        ("set local standard_conforming_strings = off", True), ("set session standard_conforming_strings to 'no'", True),
        ("select pg_catalog.set_config('standard_conforming_strings', 'off', false)", True),
        ("select set_config( 'Standard_Conforming_Strings' , 'F' , is_local => true )", True),
        ("set standard_conforming_strings = on", False), ("set standard_conforming_strings = o", False),
        ("set standard_conforming_strings = nothing", False),
        ("select set_config('standard_conforming_strings', 'on', true)", False),
        ("select 'set standard_conforming_strings = off'", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("after", "read_wrong"), [(r"select 'a\'''", True), (r"select E'a\'b', $$a\'$$ -- a\ b", False)])
def test_a_file_that_makes_backslashes_escape_is_refused_where_it_has_one(
    turns: str, odd: bool, after: str, read_wrong: bool
) -> None:
    found = [one.code for one in examine("001_x.sql", f"{turns};\n{after};".encode()).problems]
    assert ("odd-strings" in found) is (odd and read_wrong)


def test_a_limit_on_whole_transactions(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    database.execute(f"alter database \"{database.name}\" set transaction_timeout = '1100ms'")
    where = folder(tmp_path, {"001_slow.sql": "create table slow (); select pg_sleep(3);"})
    failed = chatops_inprocess("migrate", "--dir", where, "--yes", db=database)
    assert failed.exit_code in (3, 4)
    assert "transaction timeout" in failed.stderr
    assert database.value("select to_regclass('slow')") is None
    again = way_out(failed, "without a limit").removeprefix("chatops ").split()
    chatops_inprocess(*again, "--yes", db=database, check=0)
    assert database.value("select to_regclass('slow') is not null") is True


def test_a_procedure_that_commits(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(
        tmp_path,
        {"001_p.sql": "create procedure p() language plpgsql as $$ begin create table made (); commit; end $$",
         "002_call.sql": "call p();"},
    )  # fmt: skip
    failed = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=4)
    assert "put -- chatops: no-transaction at the head of the file" in failed.stderr
    (where / "002_call.sql").write_text("-- chatops: no-transaction\ncall p();")
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    assert database.value("select to_regclass('made') is not null") is True


def test_a_role_whose_connections_are_counted(database: Database, chatops_inprocess: Chatops) -> None:
    with database.role("counted", "login connection limit 0") as role:
        refused = chatops_inprocess("status", db=database.url.replace("postgres@", f"{role}@"), check=3)
        assert "too many connections for role" in refused.stderr
        assert "limit of the role" in refused.stderr


ROWS = ",\n".join(f"  ({n}, 'x')" for n in range(1, 41))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("create table a (id int primary key);\ncreate table b (\n  id int,\n  a_id int references missing\n);", 4),
        ("create table t (\n  id int,\n  name text,\n  id text\n);", 4),
        ("create table t (n int);\nalter table t\n  add column a int,\n  add column n int;", 4),
        ("create table t (n int not null);\ninsert into t\n  values (1);\nalter table t\n  add column m int,\n  add column k int not null;", 6),
        (f"create table t (n int, s text);\ninsert into t values\n{ROWS},\n  (41, 'x'),\n  ('no', 'x');", 44),
        ("create function f() returns int language plpgsql as $$\nbegin\n  return 1 / 0;\nend $$;\nselect f();", 5),
        ("do $$\ndeclare n int;\nbegin\n  n := 1;\n  perform nosuch(n);\nend $$;", 5),
        ("create table t (n int);\ncopy t from stdin;\n1\n2\nthree\n\\.\n", 5),
    ],
)  # fmt: skip
def test_the_snippet_shows_the_line_that_is_wrong(
    text: str, line: int, database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    failed = chatops_inprocess(
        "migrate", "--dir", folder(tmp_path, {"001_t.sql": text}), "--yes", db=database_everywhere, check=4
    )
    assert f"001_t.sql:{line}:" in failed.stderr
    assert re.search(rf"(?m)^ *{line} \| ", failed.stderr)


LONG = "select " + ", ".join(f"'{number}'" for number in range(300))


@pytest.mark.parametrize(
    "text",
    ["select 1;\n\fselect 'a\x0bb\u2028c\x85d\x1ce\rf';\n  select 1, nowhere;", f"{LONG}, nowhere;", f"{LONG}, nowhere, {LONG[7:]};",
     "select 1;\n\t\tselect 'größe 名前', nowhere;"],
    ids=["line ends of others", "end of a long line", "middle of a long line", "tabs and wide letters"],
)  # fmt: skip
def test_the_caret_stands_below_what_is_wrong(text: str, database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "001_a.sql").write_text(text, encoding="utf-8", newline="")
    failed = chatops_inprocess("migrate", "--dir", tmp_path / "m", db=database, check=4)
    lines = failed.stderr.splitlines()
    at = next(place for place, line in enumerate(lines) if line.strip(" |") == "^")
    before = lines[at - 1].partition("nowhere")[0]
    assert "nowhere" in lines[at - 1]
    assert cells(before) == lines[at].index("^")
    assert cells(lines[at - 1]) < 200
