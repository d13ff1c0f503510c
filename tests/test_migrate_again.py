"""migrate --show and --again: a file's text, and its functions and views made once more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.migrations.again import made_by
from chatops.migrations.source import shipped
from tests.conftest import ROOT, Result
from tests.servers import Database
from tests.test_folders import folder

Chatops = Callable[..., Result]
PRICE = "create or replace function price(a int) returns int language sql as 'select {}';\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return folder(
        tmp_path,
        {
            "001_a.sql": "create table t (n int);\n" + PRICE.format(1) + "create or replace function left_alone() returns int"
            " language sql as 'select 10';\ncreate or replace view cheap as select n from t where n < 5;\n",
            "002_b.sql": "create or replace function left_alone() returns int language sql as 'select 20';\n",
        },
    )


def test_a_files_text_is_shown_as_it_stands(chatops_inprocess: Chatops, files: Path) -> None:
    shipped = ROOT / "sql" / "migrations" / "018_queue_clocks.sql"
    for name in ("018", "018_queue_clocks", "018_queue_clocks.sql"):
        assert chatops_inprocess("migrate", "--show", name, check=0).stdout == shipped.read_text()
    told = json.loads(chatops_inprocess("migrate", "--dir", files, "--show", "2", "-o", "json", check=0).stdout)
    assert (told["name"], told["text"]) == ("002_b", (files / "002_b.sql").read_text())
    assert "018_queue_clocks" in chatops_inprocess("migrate", "--show", "99", check=2).stderr
    chatops_inprocess("migrate", "--show", "018", "--to", "018", check=2)


def test_what_drifted_is_made_again_with_its_diff_and_in_the_log(
    database_everywhere: Database, chatops_inprocess: Chatops, files: Path
) -> None:
    database = database_everywhere
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=0)
    database.execute(PRICE.format(2) + "grant execute on function price to public")
    before = database.value("select proacl::text from pg_proc where proname = 'price'")
    preview = chatops_inprocess("migrate", "--dir", files, "--again", "001", "--dry-run", db=database, check=0)
    assert "-select 2" in preview.stdout
    assert "+select 1" in preview.stdout
    assert "Left to 002_b, which made them since: left_alone" in preview.stdout
    assert database.value("select price(0)") == 2
    chatops_inprocess("migrate", "--dir", files, "--again", "001", "--yes", db=database, check=0)
    assert database.value("select price(0)") == 1
    assert database.value("select left_alone()") == 20
    assert database.value("select proacl::text from pg_proc where proname = 'price'") == before
    row_id, changed, then = database.execute("select row_id, before, after from chatops.actions where action = 'again'")[0]
    assert row_id == "001_a"
    assert "select 2" in changed["price(integer)"]
    assert "select 1" in then["price(integer)"]


def test_the_text_for_psql_does_the_same(database: Database, chatops_inprocess: Chatops, files: Path) -> None:
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=0)
    database.execute(PRICE.format(3))
    text = chatops_inprocess("migrate", "--dir", files, "--again", "1", "-o", "sql", "--dry-run", db=database, check=0).stdout
    assert database.value("select price(0)") == 3
    done = database.psql(text)
    assert done.returncode == 0, done.stderr
    assert database.value("select price(0)") == 1
    assert database.value("select count(*) from chatops.actions where action = 'again'") == 1


def test_a_corrected_text_counts_as_applied_where_only_such_statements_changed(
    database: Database, chatops_inprocess: Chatops, files: Path
) -> None:
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=0)
    corrected = (files / "001_a.sql").read_text().replace("select 1'", "select 7'")
    (files / "001_a.sql").write_text(corrected)
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=4)
    chatops_inprocess("migrate", "--dir", files, "--again", "001", "--yes", db=database, check=0)
    assert database.value("select price(0)") == 7
    chatops_inprocess("status", "--dir", files, "--exit-code", db=database, check=0)
    (files / "001_a.sql").write_text(corrected.replace("n int", "n bigint"))
    chatops_inprocess("migrate", "--dir", files, "--again", "001", "--yes", db=database, check=0)
    chatops_inprocess("status", "--dir", files, "--exit-code", db=database, check=1)


def test_what_cannot_be_made_again_is_refused(database: Database, chatops_inprocess: Chatops, files: Path) -> None:
    (files / "003_c.sql").write_text("create table lonely ()")
    chatops_inprocess("migrate", "--dir", files, "--to", "001", "--yes", db=database, check=0)
    assert "is pending" in chatops_inprocess("migrate", "--dir", files, "--again", "002", db=database, check=4).stderr
    chatops_inprocess("migrate", "--dir", files, "--yes", db=database, check=0)
    assert "has no function" in chatops_inprocess("migrate", "--dir", files, "--again", "003", db=database, check=4).stderr
    database.execute("drop view cheap; alter table t rename to u")
    failed = chatops_inprocess("migrate", "--dir", files, "--again", "001", "--yes", db=database, check=4)
    assert "001_a.sql:4" in failed.stderr
    assert "Nothing was changed." in failed.stderr
    assert database.value("select count(*) from chatops.actions") == 0


def test_shipped_functions_are_made_again(latest_database: Database, chatops_inprocess: Chatops) -> None:
    made = ((one, file.name) for file in shipped().files for statement in file.reading.statements if (one := made_by(statement)))
    last = {one.name: file for one, file in made if one.kind == "FUNCTION" and one.replaces}
    alone = "select proname from pg_proc where pronamespace = 'public'::regnamespace group by 1 having count(*) = 1"
    function = min(name for (name,) in latest_database.execute(alone) if name in last)
    file = last[function]
    body = f"select prosrc from pg_proc where proname = '{function}'"
    right = latest_database.value(body)
    definition = latest_database.value(f"select pg_get_functiondef(oid) from pg_proc where proname = '{function}'")
    latest_database.execute(definition.replace("AS $function$", "AS $function$ /* drifted */", 1))
    assert latest_database.value(body) != right
    preview = chatops_inprocess("migrate", "--again", file, "--dry-run", db=latest_database, check=0)
    assert "/* drifted */" in preview.stdout
    chatops_inprocess("migrate", "--again", file, "--yes", db=latest_database, check=0)
    assert latest_database.value(body) == right
    assert "again" in chatops_inprocess("log", db=latest_database, check=0).stdout
