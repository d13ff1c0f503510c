"""`migrate --back FILE`: the SQL that takes a file back, by what it made and replaced here; one answer to “and back?” everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops.flows.other_words import ours
from chatops.screens import going_back

NOW = """select p.oid::regprocedure::text, pg_get_functiondef(p.oid) from pg_proc p where p.pronamespace = 'public'::regnamespace
  union all select c.relname, pg_get_viewdef(c.oid) from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
  order by 1"""
FIRST = """create table things (id integer, name text);
create function shown_name(p_name text, p_width integer default 3) returns text language sql as $$ select p_name $$;
create view named_things as select id, shown_name(name) as name from things;
"""
SECOND = """create or replace function shown_name(p_name text, p_width integer default 3) returns text language sql as $$ select upper(p_name) $$;
create or replace function shown_name(p_names text[]) returns text[] language sql as $$ select p_names $$;
create procedure nothing_done(in p_what numeric(10, 2) default 1.5) language sql as $$ select 1 $$;
create or replace view named_things as select id, upper(name) as name from things;
create view "Few things" as select id from things limit 3;
comment on view "Few things" is 'few';
"""


def folder(tmp_path: Path, **files: str) -> str:
    where = tmp_path / "sql"
    where.mkdir()
    for name, text in files.items():
        (where / f"{name.removeprefix('f')}.sql").write_text(text)
    return str(where)


def test_the_sql_of_back_leaves_functions_and_views_as_they_were(
    database_everywhere: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    where = folder(tmp_path, f001_first=FIRST, f002_second=SECOND)
    chatops_inprocess("migrate", "--dir", where, "--to", "1", "--yes", db=database_everywhere, check=0)
    before = database_everywhere.execute(NOW)
    plan = chatops_inprocess("migrate", "--dir", where, "--dry-run", db=database_everywhere, check=0).stdout
    assert "Going back from 002: deploy the old code;" in " ".join(plan.split())
    assert f"chatops migrate --dir {where} --back 002" in plan
    early = chatops_inprocess("migrate", "--dir", where, "--back", "2", db=database_everywhere, check=0).stdout
    assert "once it is in" in early
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database_everywhere, check=0)
    assert database_everywhere.execute(NOW) != before
    script = chatops_inprocess("migrate", "--dir", where, "--back", "002_second", db=database_everywhere, check=0).stdout
    told = json.loads(
        chatops_inprocess("migrate", "--dir", where, "--back", "2", "-o", "json", db=database_everywhere, check=0).stdout
    )
    assert all(one in script for one in told["statements"])
    assert sorted(told["drops"]) == ["function shown_name", "procedure nothing_done", "view Few things"]
    assert sorted(told["restores"]) == ["function shown_name", "view named_things"]
    assert told["ledger_forgets"] is True
    for statement in told["statements"]:
        database_everywhere.execute(statement)
    assert database_everywhere.execute(NOW) == before
    # Every screen says so: the file is pending, the log has it, and it goes in again.
    status = json.loads(chatops_inprocess("status", "--dir", where, "-o", "json", db=database_everywhere).stdout)
    assert [one["state"] for one in status["files"]] == ["applied", "pending"]
    logged = json.loads(chatops_inprocess("log", "-o", "json", db=database_everywhere, check=0).stdout)["actions"]
    assert [(one["action"], one["row_id"], one["before"]["state"]) for one in logged] == [("back", "002_second", "applied")]
    assert "migrate --back 002_second" in chatops_inprocess("log", db=database_everywhere, check=0).stdout
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database_everywhere, check=0)
    assert database_everywhere.execute(NOW) != before


@pytest.mark.parametrize("newer", [
    "id, upper(name) as name, 1 as more", "id, name, 'a' as \"Odd name\", now() as at", "id, name"],
    ids=["one more column", "odd columns", "the same columns"])  # fmt: skip
def test_a_view_that_gained_columns_comes_back_with_those_who_may_read_it(
    database_everywhere: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path, newer: str
) -> None:
    where = folder(tmp_path, f001_first=FIRST, f002_wider=f"create or replace view named_things as select {newer} from things;\n")
    grants = "select pg_get_viewdef('named_things'::regclass), array(select a::text from unnest((select relacl from pg_class where oid = 'named_things'::regclass)) a order by 1)"
    chatops_inprocess("migrate", "--dir", where, "--to", "1", "--yes", db=database_everywhere, check=0)
    database_everywhere.execute("grant select on named_things to public")
    database_everywhere.execute("grant delete on named_things to public")
    before = database_everywhere.execute(grants)
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database_everywhere, check=0)
    script = chatops_inprocess("migrate", "--dir", where, "--back", "2", db=database_everywhere, check=0).stdout
    told = chatops_inprocess("migrate", "--dir", where, "--back", "2", "-o", "json", db=database_everywhere, check=0).stdout
    assert "named_things" in script
    for statement in json.loads(told)["statements"]:
        database_everywhere.execute(statement)
    assert database_everywhere.execute(grants) == before


def test_what_a_file_does_to_tables_is_named_and_left_to_a_person(
    database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    where = folder(tmp_path, f001_first=FIRST, f002_rows="insert into things values (1, 'a');\n", f003_second=SECOND)
    chatops_inprocess("migrate", "--dir", where, "--to", "2", "--yes", db=database, check=0)
    refused = chatops_inprocess("migrate", "--dir", where, "--back", "2", db=database, check=4).stderr
    assert "002_rows makes no function and no view" in refused
    told = chatops_inprocess("migrate", "--dir", where, "--back", "1", db=database, check=0).stdout
    assert "Not taken back: what it does to tables and rows (lines 1 of the file)" in told
    assert "The ledger still calls it applied" in told
    assert "chatops.migrations" not in told
    chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    refused = chatops_inprocess("migrate", "--dir", where, "--back", "1", db=database, check=4).stderr
    assert "003_second made the same since: 001_first goes after that" in refused


def test_017_goes_by_itself_and_what_comes_after_it_all_together(
    core_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    chatops_inprocess("adopt", "--to", "017", "--yes", db=core_database, check=0)
    told = chatops_inprocess("migrate", "--back", "017", db=core_database, check=0).stdout
    assert "It was adopted: what stood here before it nobody kept" in told
    drop = "drop function public.should_keep_assignment(p_chat_id uuid, p_current_state text, p_assigned_operator_id uuid);"
    assert drop in told
    core_database.execute(told)
    status = json.loads(chatops_inprocess("status", "-o", "json", db=core_database).stdout)
    assert {one["state"] for one in status["files"] if one["name"].startswith("017")} == {"pending"}
    chatops_inprocess("migrate", "--to", "017", "--yes", db=core_database, check=0)
    page = chatops_inprocess("report", "--last", "-o", "markdown", db=core_database, check=0).stdout
    assert "take 017 back, once the old code is deployed: its SQL: `chatops migrate --back 017`" in page
    assert "nothing takes back" not in page
    where = folder(tmp_path, f001_first=FIRST)
    chatops_inprocess("migrate", "--dir", where, "--yes", db=core_database, check=0)
    page = chatops_inprocess("report", "--last", "-o", "markdown", db=core_database, check=0).stdout
    assert "What 001 did to tables and rows, if anything, nothing takes back but a person." in page
    assert "chatops migrate --dir FOLDER --back 001" in page
    assert core_database.value("select count(*) from pg_proc where proname = 'should_keep_assignment'") == 1
    refused = chatops_inprocess("migrate", "--back", "022", db=core_database, check=4).stderr
    assert "022_stop_new_damage goes with all of chatops, not by itself" in refused
    assert "chatops remove --dry-run" in refused
    plan = chatops_inprocess("migrate", "--dry-run", db=core_database, check=0).stdout
    assert "Going back from 018 to 028 (11 files): all of chatops together, 017 stays: chatops remove --dry-run" in plan


@pytest.mark.parametrize("word", ["rollback", "down", "revert", "redo"])
def test_words_of_other_tools_for_going_back_name_both_ways(word: str) -> None:
    found = ours([word])
    assert found is not None
    assert {command for _, command in found.steps} >= {"remove --dry-run", "migrate --back FILE"}


@pytest.mark.parametrize(("number", "which"), [(1, "this file"), (2, "one of these 2 files"), (9, "one of these 9 files")])
def test_of_files_that_were_not_looked_into_one_sentence_says_how_many_they_are(number: int, which: str) -> None:
    names = [f"{100 + one}_x" for one in range(number)]
    (line,) = going_back.lines({}, names, "chatops migrate --back")
    assert not isinstance(line, str)
    assert "".join(span if isinstance(span, str) else span.text for span in line) == (
        f"Going back from {which}: deploy the old code; its SQL, once it is in: chatops migrate --back FILE"
    )
