"""What is said of a database that somebody made by psql, file by file: at each stop each command says what is so, and the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from chatops import sqlfiles
from chatops.migrations.scanner import scan
from tests.conftest import Result
from tests.servers import Database, Farm, Server

Run = Callable[..., Result]

FILES = tuple(sqlfiles.names("migrations"))
FROM = next(place for place, name in enumerate(FILES) if name >= "014")
UNTOLD = {"020": "019", "023": "022", "027": "026"}
"""What only moves rows or sets rights is not told from the catalog: the stop before it is."""
NEEDS_TABLES = "021"
"""The first file that calls what the bookkeeping makes: without it psql stops there."""
QUICK = ("016", "021")


STOPS = [pytest.param(name, id=name[:3], marks=[] if name[:3] in QUICK else [pytest.mark.full]) for name in FILES[FROM:]]


@pytest.fixture
def made_up_to(new_database: Callable[..., Database], farm: Farm, server: Server) -> Callable[[str], Database]:
    """A database with all files up to this one, each by psql: no ledger, or from 021 on an empty one."""

    def make(last: str) -> Database:
        def build(database: Database) -> None:
            tables = ["bookkeeping.sql"] if last[:3] >= NEEDS_TABLES else []
            names = [*tables, *(f"migrations/{name}.sql" for name in FILES[: FILES.index(last) + 1])]
            done = database.psql("\n".join((sqlfiles.root() / name).read_text(encoding="utf-8") for name in names))
            assert done.returncode == 0, done.stderr

        return new_database(template=farm.template(server, f"by-hand-{last[:3]}", build))

    return make


def asked(run: Run, database: Database, *words: str) -> dict[str, Any]:
    answer = run(*words, "-o", "json", db=database)
    assert answer.exit_code in (0, 1), answer.stderr
    said: dict[str, Any] = json.loads(answer.stdout)
    return said


def found(run: Run, database: Database) -> dict[str, dict[str, Any]]:
    return {one["code"]: one for one in asked(run, database, "diagnose", "--rows", "200")["findings"]}


def pending(finding: dict[str, Any], last: str) -> bool:
    """Whether a check is unknown for what a later file makes, which is named."""
    told = re.fullmatch(r"(\w+) comes with (\w+), which is pending", finding["reason"] or "")
    return finding["status"] == "unknown" and told is not None and told[2] in FILES and told[2] > last


def helps(findings: dict[str, dict[str, Any]]) -> set[str]:
    return {" ".join(text.split()[1:]) for one in findings.values() for text in one["helps"] if text.startswith("chatops ")}


@pytest.mark.parametrize("last", STOPS)
def test_what_is_later_is_pending_and_nothing_is_missing(
    last: str, made_up_to: Callable[[str], Database], chatops_inprocess: Run
) -> None:
    database = made_up_to(last)
    stand = UNTOLD.get(last[:3], last[:3])
    findings = found(chatops_inprocess, database)
    unknown = {code for code, one in findings.items() if one["status"] == "unknown"}
    assert all(pending(findings[code], last) for code in unknown), findings
    rows = [row["object"] for row in findings.get("DB003", {}).get("rows", ())]
    assert rows == (["bookkeeping"] if "018" <= last[:3] < NEEDS_TABLES else []), rows
    assert not any(one["severity"] == "critical" for one in findings.values() if one["status"] == "failed"), findings
    # What would refuse here is not what helps.
    assert not {text for text in helps(findings) if text.startswith("migrate")}, findings
    assert ("DB033" in findings) == (last[:3] >= NEEDS_TABLES)
    status = chatops_inprocess("status", db=database).stdout
    why = "" if stand >= "017" else "; adopt looks at each file up to 017, and leaves pending what is not in"
    assert f"the newest object found is one that {stand} makes{why}\n" in status
    refused = chatops_inprocess("migrate", "--dry-run", db=database, check=4)
    assert f"the newest object found is one that {stand} makes{why}\n" in refused.stderr
    take_over = f"chatops adopt --to {max(stand, '017')}"
    assert take_over in status
    if "DB005" not in findings:  # what 025 leaves for 026 to validate
        objects = next(one for one in asked(chatops_inprocess, database, "doctor")["points"] if one["area"] == "objects")
        assert (objects["verdict"], objects["remedy"]) == ("advice", take_over)
    proposed = asked(chatops_inprocess, database, "adopt", "--dry-run")
    states = {one["name"]: one["state"] for one in proposed["files"]}
    assert {name for name, state in states.items() if state in ("partial", "conflict")} == set()
    assert max(name for name, state in states.items() if state == "applied")[:3] == stand
    assert all(state in ("pending", "unprovable") for name, state in states.items() if name > last)
    verified = asked(chatops_inprocess, database, "verify")
    wrong = {one["code"] for one in verified["checks"] if one["status"] not in ("passed", "not judged")}
    assert wrong == {code for code, one in findings.items() if one["group"] != "now"}


def next_of_several(last: str) -> tuple[str, list[str]] | None:
    """The next file whose objects several statements make, and these; None behind the last of such."""
    following = (name for name in FILES if name > last and name[:3] not in (*UNTOLD, "026", "028"))
    several = ((name, [one.text for one in scan(sqlfiles.read(f"migrations/{name}.sql"))]) for name in following)
    return next((one for one in several if len(one[1]) > 1), None)


@pytest.mark.parametrize("last", [stop for stop in STOPS if next_of_several(str(stop.values[0])) is not None])
def test_a_file_that_psql_left_in_the_middle_is_told_with_what_of_it_is_missing(
    last: str, made_up_to: Callable[[str], Database], chatops_inprocess: Run
) -> None:
    several = next_of_several(last)
    assert several is not None
    name, statements = several
    database = made_up_to(last)
    # As psql leaves it, which stops at an error.
    texts = [*(["bookkeeping.sql"] if name[:3] >= NEEDS_TABLES else []), *statements[: len(statements) // 2]]
    done = database.psql(";\n".join((sqlfiles.root() / one).read_text() if one == "bookkeeping.sql" else one for one in texts))
    assert done.returncode == 0, done.stderr
    findings = found(chatops_inprocess, database)
    rows = [row for row in findings["DB003"]["rows"] if row["object"] != "bookkeeping"]
    assert rows, findings
    assert {row["migration"] for row in rows} <= {one for one in FILES if last < one <= name}
    assert not any("does not exist" in (one["reason"] or "") for one in findings.values())


@pytest.mark.parametrize("last", STOPS)
def test_what_is_taken_over_stands_where_it_stood(
    last: str, made_up_to: Callable[[str], Database], chatops_inprocess: Run
) -> None:
    database = made_up_to(last)
    chatops_inprocess("adopt", "--through", last[:3], "--yes", db=database, check=0)
    findings = found(chatops_inprocess, database)
    assert "DB003" not in findings
    # Who takes over the newest file still lacks the views, which go in behind it.
    assert [row["object"] for row in findings.get("DB033", {}).get("rows", ())] == (["views"] if last == FILES[-1] else [])
    assert all(pending(one, last) for one in findings.values() if one["status"] == "unknown"), findings
    assert not {text for text in helps(findings) if text.startswith("adopt")}, findings
    status = asked(chatops_inprocess, database, "status")
    assert {one["name"]: one["state"] for one in status["files"]} == {
        name: "adopted" if name <= last else "pending" for name in FILES
    }
    later = chatops_inprocess("migrate", "--dry-run", db=database, check=0)
    assert all((name in later.stdout) == (name > last) for name in FILES)


@pytest.mark.parametrize("taken_over", [False, True])
def test_the_key_that_keeps_a_user_to_one_chat_with_a_profile_is_missed_under_any_name(
    taken_over: bool, made_up_to: Callable[[str], Database], chatops_inprocess: Run
) -> None:
    database = made_up_to("017_fix_concurrent_messages")
    if taken_over:
        chatops_inprocess("adopt", "--to", "017", "--yes", db=database, check=0)
    database.execute("alter table chats drop constraint chats_real_user_id_fictional_user_id_key")
    finding = asked(chatops_inprocess, database, "diagnose", "--only", "DB003,DB030")["findings"]
    assert [one["code"] for one in finding] == ["DB003"]
    assert "a user can have two chats with one profile" in finding[0]["title"]
    for other in (
        finding[0]["help_sql"],
        "create unique index of_their_own on chats (fictional_user_id, real_user_id) where is_active",
        "alter table chats add constraint of_their_own unique (real_user_id, fictional_user_id, created_at)",
    ):
        database.execute(other)
        left = asked(chatops_inprocess, database, "diagnose", "--only", "DB003,DB030")["findings"]
        assert all(one["severity"] == "advice" for one in left), left  # of a new key
        database.execute(
            "alter table chats drop constraint if exists chats_real_user_id_fictional_user_id_key, drop constraint if exists of_their_own"
        )
        database.execute("drop index if exists of_their_own")
