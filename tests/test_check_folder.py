"""check: a folder from nothing, on a server of its own, for pull requests; one verdict, nothing left behind."""

from __future__ import annotations

import json
import re
import secrets
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops import db, settings
from chatops.migrations import lint as linting
from chatops.migrations.scratch import scratch
from tests.conftest import ROOT, Result
from tests.servers import Server

Run = Callable[..., Result]
PROJECT = Path(__file__).with_name("supabase_project") / "supabase" / "migrations"
CORPUS = ROOT / "tests" / "corpus" / "folders"


def written(folder: Path, *texts: str) -> Path:
    """A folder of numbered files."""
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts, 1):
        (folder / f"{number:03}_x.sql").write_text(text + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def check(chatops_inprocess: Run, any_server: Server) -> Callable[..., dict[str, Any]]:
    """Checks a folder on each server of the matrix; what programs are told. Nothing is left there afterwards."""
    return checking(chatops_inprocess, any_server)


def checking(chatops_inprocess: Run, server: Server) -> Callable[..., dict[str, Any]]:
    """Checks folders on one server."""

    def run(folder: Path, *options: object, code: int = 0) -> dict[str, Any]:
        url = server.url_of("postgres")
        shown = chatops_inprocess("check", "--dir", folder, "--on", url, *options, "-o", "json", check=code)
        (name,) = re.findall(r"database (chatops_check_\w+), dropped at the end", shown.stderr)
        with server.connect("postgres") as connection:
            assert connection.execute("select datname from pg_database where datname = %s", (name,)).fetchall() == []
            assert connection.execute("select rolname from pg_roles where rolname = %s", (name,)).fetchall() == []
        return dict(json.loads(shown.stdout))

    return run


def test_the_applications_own_folder_applies_from_nothing_and_says_whom_each_file_blocks(
    check: Callable[..., dict[str, Any]],
) -> None:
    told = check(PROJECT, code=1)
    assert told["verdict"] == "unsafe"
    assert {file["status"] for file in told["files"]} == {"applied"}
    blocks = {Path(file["file"]).stem: file["blocks"] for file in told["files"]}
    assert blocks["001_initial_schema"] == ""
    assert "every write of messages" in blocks["002_indexes"]
    assert "every read and write of chats" in blocks["003_row_level_security"]


def test_a_file_that_fails_is_named_with_its_line_and_what_follows_is_not_reached(
    check: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    folder = written(tmp_path / "files", "create table a (x int);", "select 1;\nalter table b add y int;", "create table c ();")
    told = check(folder, code=4)
    assert told["verdict"] == "fails"
    assert [file["status"] for file in told["files"]] == ["applied", "failed", "not reached"]
    problem = next(one for one in told["problems"] if one["code"] == "does-not-apply")
    assert (Path(problem["file"]).name, problem["line"], problem["column"]) == ("002_x.sql", 2, 13)
    assert 'relation "b" does not exist  (42P01)' in problem["message"]


def test_what_only_a_superuser_may_do_fails(check: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    told = check(written(tmp_path / "files", "alter system set work_mem = '8MB';"), code=4)
    assert "42501" in told["problems"][0]["message"] or "25001" in told["problems"][0]["message"]
    told = check(written(tmp_path / "files", "create function f() returns int language internal as 'now';"), code=4)
    assert "42501" in told["problems"][0]["message"]


def test_what_the_server_does_not_have_is_named_and_stand_ins_do(
    chatops_inprocess: Run, any_server: Server, own_server: Callable[..., Server], tmp_path: Path
) -> None:
    # Roles belong to a whole server, and other tests make these.
    alone = own_server(any_server.label)
    check = checking(chatops_inprocess, alone)
    folder = written(
        tmp_path / "files",
        "create table notes (id int, owner uuid references auth.users (id));\nalter table notes enable row level security;",
        "create policy own on notes for select to authenticated using (owner = auth.uid());\ngrant select on notes to anon;",
    )
    told = check(folder, code=4)
    assert told["lacks"] == ["role anon", "role authenticated", "schema auth"]
    assert "this server does not have" in told["problems"][0]["help"]
    shown = chatops_inprocess("check", "--dir", folder, "--on", alone.url_of("postgres"), check=4).stdout
    lines = shown.partition("that --before runs first:")[2].splitlines()
    stand_ins = tmp_path / "platform.sql"
    stand_ins.write_text("\n".join(line.strip() for line in lines if line.strip().startswith("create")))
    told = check(folder, "--before", stand_ins, code=1)
    assert {file["status"] for file in told["files"]} == {"applied"}
    assert told["lacks"] == []
    with alone.connect("postgres") as connection:
        assert connection.execute("select count(*) from pg_roles where rolname = 'authenticated'").fetchone() == (0,)


def test_roles_that_others_make_meanwhile_stay(any_server: Server) -> None:
    named, dynamic, strange = (f"{kind}_{secrets.token_hex(4)}" for kind in ("named", "dynamic", "strange"))
    here = settings.resolve(settings.Options((any_server.url_of("postgres"),)), environ={})
    with db.connect(here, "test") as server, any_server.connect("postgres") as connection:
        try:
            with scratch(server, [], [f"create role {named};"], "check") as own, db.connect(own, "test") as inside:
                connection.execute(f"create role {strange}".encode())
                inside.execute(f"create role {named}")
                inside.execute(f"create role {dynamic}")
            left = connection.execute("select rolname from pg_roles where rolname = any(%s)", ([named, dynamic, strange],))
            known = {dynamic} if connection.info.server_version < 160000 else set()  # 15 does not say who made a role
            assert {row[0] for row in left} == {strange} | known
        finally:
            for role in (named, dynamic, strange):
                connection.execute(f"drop role if exists {role}".encode())


def test_an_extension_that_is_not_there_is_named(check: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    told = check(written(tmp_path / "files", "create extension if not exists no_such_thing;"), code=4)
    assert told["lacks"] == ["extension no_such_thing"]


def test_the_verdict_is_told_to_people_annotations_and_test_views(chatops_inprocess: Run, server: Server, tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "create table a (x int);", "alter table a add column y int;", "drop table nothing;")
    report = tmp_path / "check.xml"
    on = ("--on", server.url_of("postgres"))
    shown = chatops_inprocess("check", "--dir", folder, *on, "-o", "github", "--write", f"junit={report}", check=4)
    assert '::error file=files/003_x.sql,line=1,col=12,title=does-not-apply::table "nothing" does not exist' in shown.stdout
    suite = ElementTree.parse(report).getroot()[0]
    assert (suite.get("name"), suite.get("tests")) == ("chatops check", "3")
    assert suite[2].find("failure") is not None
    people = chatops_inprocess("check", "--dir", folder, *on, check=4).stdout
    assert people.splitlines()[0].startswith("2 of 3 files applied from nothing on Postgres 18")
    assert "every read and write of a" in people


def test_a_bad_stand_in_and_a_role_that_may_create_nothing_are_refused(
    chatops_inprocess: Run, server: Server, tmp_path: Path
) -> None:
    folder = written(tmp_path / "files", "create table a (x int);")
    bad = tmp_path / "bad.sql"
    bad.write_text("create schem auth;")
    on = server.url_of("postgres")
    assert "bad.sql: syntax error" in chatops_inprocess("check", "--dir", folder, "--on", on, "--before", bad, check=4).stderr
    with server.connect("postgres") as connection:
        role = f"weak_checker_{secrets.token_hex(4)}"
        connection.execute(f"create role {role} login".encode())
        try:
            weak = on.replace("postgres@", f"{role}@")
            assert "may create no database" in chatops_inprocess("check", "--dir", folder, "--on", weak, check=4).stderr
        finally:
            connection.execute(f"drop role {role}".encode())


@pytest.mark.usefixtures("embedded")
def test_the_embedded_server_does_where_no_other_is_named(chatops: Run, tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "create table a (x int);")
    done = chatops("check", "--dir", folder)
    assert "1 file applied from nothing on Postgres 18" in done.stdout, done.stderr


def test_what_was_not_linted_is_not_good(
    chatops_inprocess: Run, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = written(tmp_path / "files", "create table notes (id bigint primary key)")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    linting.program.cache_clear()
    try:
        shown = chatops_inprocess(
            "check", "--dir", folder, "--on", server.url_of("postgres"), env={"PATH": str(tmp_path)}, check=1
        )
    finally:
        linting.program.cache_clear()
    assert "1 file applied" in shown.stdout
    assert "not linted" in shown.stdout
    assert "pip install squawk-cli" in shown.stdout
