"""lint: squawk's findings over the pending files, at the line and column where people look for them."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops.migrations import lint as linting
from tests.servers import Database

Run = Callable[..., Any]


def problems(chatops: Run, *options: object, check: int, db: Database | None = None) -> list[dict[str, Any]]:
    """What lint tells programs."""
    return list(json.loads(chatops("lint", *options, "-o", "json", db=db, check=check).stdout)["problems"])


def test_our_own_migrations_pass_without_a_database(chatops_inprocess: Run) -> None:
    assert problems(chatops_inprocess, "--all", check=0) == []
    assert problems(chatops_inprocess, check=0) == []


def test_findings_stand_at_lines_and_columns_of_characters_from_1(chatops_inprocess: Run, folder: Callable[..., Path]) -> None:
    files = folder(one="\ufeff-- héllo\r\nselect 'é😀'; drop table chats;\r\n  drop table messages;\r\n")
    found = problems(chatops_inprocess, "--dir", files, "--all", check=1)
    assert [(one["code"], one["line"], one["column"]) for one in found] == [("ban-drop-table", 2, 14), ("ban-drop-table", 3, 3)]
    assert {one["file"] for one in found} == {"migrations/101_one.sql"}
    assert found[0]["statement"] == "drop table chats"


def test_a_comment_silences_a_rule_where_it_is_broken(chatops_inprocess: Run, folder: Callable[..., Path]) -> None:
    files = folder(
        one="-- Nobody reads it any more.\n-- squawk-ignore ban-drop-table\ndrop table if exists a;\ndrop table if exists b;\n"
    )
    assert [one["line"] for one in problems(chatops_inprocess, "--dir", files, "--all", check=1)] == [4]


def test_tables_made_in_the_same_set_are_not_in_use_yet(chatops_inprocess: Run, folder: Callable[..., Path]) -> None:
    texts = {
        "make": "create table public.fresh (id bigint primary key, a text);\ncreate table old_name (id bigint primary key);\n",
        "use": "create index fresh_a on fresh (a);\nalter table fresh add constraint c check (a <> '');\n"
        "alter table old_name rename to new_name;\n",
        "more": "create index new_name_id on new_name (id);\ncreate index on_chats on chats (id);\n",
    }
    found = problems(chatops_inprocess, "--dir", folder(**texts), "--all", check=1)
    assert [(one["code"], one["statement"]) for one in found] == [
        ("require-concurrent-index-creation", "create index on_chats on chats (id)")
    ]


def test_a_file_that_runs_outside_a_transaction_is_read_as_such(chatops_inprocess: Run, folder: Callable[..., Path]) -> None:
    files = folder(one="create index concurrently if not exists i on chats (id);\n")
    assert problems(chatops_inprocess, "--dir", files, "--all", check=0) == []


def test_rows_of_a_copy_are_no_sql_and_restrict_lines_are_passed_over(
    chatops_inprocess: Run, folder: Callable[..., Path]
) -> None:
    files = folder(
        one="\\restrict abc\ncopy t from stdin;\n1\tit's; drop table x\n\\.\ndrop table if exists bar;\n\\unrestrict abc\n"
    )
    found = problems(chatops_inprocess, "--dir", files, "--all", check=1)
    assert [(one["code"], one["line"]) for one in found] == [("ban-drop-table", 5)]


def test_what_the_migrator_would_refuse_is_told_once_and_as_an_error(chatops_inprocess: Run, folder: Callable[..., Path]) -> None:
    files = folder(one="select 1;\ncommit;\n", two="select 'never closed\n")
    found = problems(chatops_inprocess, "--dir", files, "--all", check=1)
    assert {(one["file"][-7:-4], one["code"], one["severity"]) for one in found} == {
        ("one", "transaction-control", "error"),
        ("two", "unterminated", "error"),
    }


def test_only_pending_files_are_read_where_a_database_is_named(
    chatops_inprocess: Run, core_database: Database, folder: Callable[..., Path]
) -> None:
    files = folder(one="drop table if exists a;\n", two="drop table if exists b;\n")
    chatops_inprocess("adopt", "--dir", files, "--through", "101", "--yes", db=core_database, check=0)
    assert [one["file"][-11:] for one in problems(chatops_inprocess, "--dir", files, db=core_database, check=1)] == [
        "102_two.sql"
    ]
    assert len(problems(chatops_inprocess, "--dir", files, "--all", db=core_database, check=1)) == 2


def test_the_projects_own_configuration_counts(chatops_inprocess: Run, folder: Callable[..., Path]) -> None:
    files = folder(one="drop table if exists a;\n")
    (files.parent / ".squawk.toml").write_text('excluded_rules = ["ban-drop-table"]\n', encoding="utf-8")
    assert problems(chatops_inprocess, "--dir", files, "--all", check=0) == []


def test_github_gets_an_annotation_for_each_finding(chatops_inprocess: Run, folder: Callable[..., Path]) -> None:
    files = folder(one="drop table if exists a; -- 100%\n")
    shown = chatops_inprocess("lint", "--dir", files, "--all", "-o", "github", check=1).stdout
    assert shown == (
        "::warning file=migrations/101_one.sql,line=1,col=1,title=ban-drop-table::Dropping a table may break existing clients.\n"
    )


def test_junit_has_a_case_for_each_file(chatops_inprocess: Run, folder: Callable[..., Path]) -> None:
    files = folder(one="drop table if exists a;\n", two="select 1;\n")
    report = files.parent / "lint.xml"
    chatops_inprocess("lint", "--dir", files, "--all", "--write", f"junit={report}", check=1)
    (suite,) = ElementTree.fromstring(report.read_bytes())
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failed = {str(case.get("name")): case.find("failure") for case in suite}
    assert failed["migrations/102_two.sql"] is None
    failure = failed["migrations/101_one.sql"]
    assert failure is not None
    assert "ban-drop-table" in (failure.text or "")


def test_people_read_where_what_and_the_help(chatops_inprocess: Run, folder: Callable[..., Path]) -> None:
    files = folder(one="alter table chats add constraint c check (id is not null);\n")
    shown = chatops_inprocess("lint", "--dir", files, "--all", check=1).stdout
    assert shown.splitlines()[0] == "migrations/101_one.sql:1:19  warning  constraint-missing-not-valid"
    assert "  help: Use `NOT VALID` with a later `VALIDATE CONSTRAINT` call." in shown
    assert shown.splitlines()[-1] == "1 finding in 1 of 1 numbered file."


def test_without_squawk_it_says_which_extra_brings_it(
    chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    linting.program.cache_clear()
    try:
        failed = chatops_inprocess("lint", "--all", env={"PATH": str(tmp_path)}, check=2)
    finally:
        linting.program.cache_clear()
    assert "the extra `lint` of chat-assignment-ops" in failed.stderr


def test_squawk_itself_is_the_one_of_the_extra() -> None:
    told = subprocess.run([linting.program(), "--version"], capture_output=True, text=True, check=True).stdout
    assert told.startswith("squawk ")
