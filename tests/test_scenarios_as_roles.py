"""`verify --scenarios` as the application's roles: what was not tried is no proof, and what was says by which way."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chatops.chats.scenarios import DAY
from chatops.model import Answer, Outcome
from chatops.render import junit, nagios
from tests.conftest import APPLICATION_OWNER, url_as
from tests.servers import Database

TABLES = "operators, real_users, fictional_users, chats, messages, chat_assignments, operator_activity, platform_config"
SHOWN = ("table", "plain", "markdown")
FORMATS = (*SHOWN, "json", "nagios", "github", "junit")


@contextmanager
def with_app(database: Database) -> Iterator[tuple[str, str]]:
    """A login of the application with the rights that the plan of `migrate` tells, and the owner's URL."""
    owner = url_as(database, APPLICATION_OWNER)
    with database.role("app") as app:
        for table in ("chats", "messages", "operators", "chat_assignments", "operator_activity"):
            database.execute(f"create policy everything on {table} to {app} using (true) with check (true)")
        database.execute(f"grant select, insert, update, delete on {TABLES} to {app}")
        database.execute(
            f"grant execute on function assign_chat_to_operator(uuid), release_and_reassign_chat(uuid, text) to {app}"
        )
        yield app, owner


def steps(answer: dict[str, Any], role: str) -> dict[str, dict[str, Any]]:
    return {act: step for step in answer["scenarios"] for act in DAY if step["name"] == f"as {role}: {act}"}


def results(answer: dict[str, Any], role: str) -> set[str]:
    return {step["result"] for step in steps(answer, role).values()}


def test_what_only_grants_say_is_not_tried_and_not_passed_in_any_format_until_the_printed_grant_lets_it(
    migrated_application_database_everywhere: Database, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    database = migrated_application_database_everywhere
    members = (
        "select member, admin_option from pg_auth_members where roleid = (select oid from pg_roles where rolname = %s) order by 1"
    )

    def run(check: int = 0) -> dict[str, str]:
        written = [part for format_ in FORMATS for part in ("--write", f"{format_}={tmp_path / format_}")]
        chatops_inprocess("verify", "--scenarios", *written, db=owner, check=check)
        return {format_: (tmp_path / format_).read_text(encoding="utf-8") for format_ in FORMATS}

    with with_app(database) as (app, owner):
        # The application cannot store a message, whatever its grants say: only who becomes it sees that.
        database.script(
            "create function blocked() returns trigger language plpgsql as $f$ begin "
            f"if current_user = '{app}' then raise exception 'blocked for it'; end if; return new; end $f$; "
            "grant execute on function blocked() to public; "
            "create trigger zz_blocked before insert on messages for each row execute function blocked()"
        )
        before = database.execute(members, (app,))
        found = run()
        answer = json.loads(found["json"])
        assert set(steps(answer, app)) == set(DAY)
        assert results(answer, app) == {"not tried"}
        passed = sum(step["result"] == "passed" for step in answer["scenarios"])
        assert (answer["passed"], answer["not tried"]) == (passed, 4)
        for format_ in SHOWN:
            shown = found[format_].replace("\\", "")
            assert f"{passed} of {len(answer['scenarios'])} scenario steps passed, 4 not tried; " in shown
            told = [line for line in shown.splitlines() if f"as {app}: " in line]
            assert len(told) == 4
            assert all("○" in line and "✓" not in line and "not tried; its grants let it, by " in line for line in told)
            assert f"Nothing was tried as {app}, which {APPLICATION_OWNER} may not become" in shown
            assert "It holds for the whole server until it is taken back:" in shown
            assert "a script stands in Step 4 of chatops help guide" in shown.replace("`", "")
            assert answer["to_try"][0]["grant"] in shown
        assert ", 4 not tried, " in found["nagios"]
        assert found["github"].count("::notice title=as ") == 4
        suite = ET.fromstring(found["junit"]).find("testsuite")
        assert suite is not None
        assert suite.get("skipped") == "4"
        assert {case.get("name") for case in suite.iter("testcase") if case.find("skipped") is not None} == {
            f"as {app}: {act}" for act in DAY
        }

        database.execute(answer["to_try"][0]["grant"])
        tried = json.loads(run(check=1)["json"])
        assert {act: step["result"] for act, step in steps(tried, app).items()} == {
            "assign": "passed", "message": "failed", "reply": "failed", "release": "passed",
        }  # fmt: skip
        assert "blocked for it" in steps(tried, app)["message"]["seen"]
        assert tried["to_try"] == []
        database.execute(answer["to_try"][0]["back"])
        assert database.execute(members, (app,)) == before
        assert results(json.loads(run()["json"]), app) == {"not tried"}


WAYS = {
    "all": ("", {"assign": "assign_chat_to_operator()", "message": "INSERT into messages", "reply": "INSERT into messages",
                 "release": "release_and_reassign_chat(), UPDATE of chats"}, "release_chat()"),
    "the release function": ("revoke execute on function release_and_reassign_chat(uuid, text) from {app}",
                             {"release": "UPDATE of chats"}, "release_and_reassign_chat()"),
    "the chats": ("revoke update on chats from {app}", {"release": "release_and_reassign_chat()"}, "UPDATE of chats"),
    "the functions instead of the tables": (
        ("revoke update, insert on chats, messages from {app}; grant execute on function user_message(uuid, text, uuid, boolean), "
         "operator_reply(uuid, uuid, text, uuid, timestamptz), release_chat(uuid, uuid, text) to {app}"),
        {"message": "user_message()", "reply": "operator_reply()", "release": "release_chat(), release_and_reassign_chat()"},
        "UPDATE of chats"),
}  # fmt: skip
"""What is revoked, by which ways each act then goes, and one by which a release does not."""


def test_a_step_says_by_which_ways_a_role_does_it_and_by_which_it_does_not(
    migrated_application_database: Database, chatops_inprocess: Callable[..., Any]
) -> None:
    database = migrated_application_database
    with with_app(database) as (app, owner):
        for name, (change, ways, closed) in WAYS.items():
            if change:
                database.script(change.format(app=app))
            untried = json.loads(chatops_inprocess("verify", "--scenarios", "-o", "json", db=owner, check=0).stdout)
            for act, way in ways.items():
                assert steps(untried, app)[act]["seen"].startswith(f"its grants let it, by {way}; not tried"), (name, act)
            database.execute(untried["to_try"][0]["grant"])
            tried = json.loads(chatops_inprocess("verify", "--scenarios", "-o", "json", db=owner, check=0).stdout)
            for act, way in ways.items():
                said = steps(tried, app)[act]["seen"]
                assert said == f"by {way}" or said.startswith(f"by {way}; not by "), (name, act, said)
            assert closed in steps(tried, app)["release"]["seen"].partition("not by ")[2], name
            database.execute(untried["to_try"][0]["back"])
            database.execute(f"revoke execute on all functions in schema public from {app}")
            database.execute(f"grant insert, update on chats, messages to {app}")
            database.execute(
                f"grant execute on function assign_chat_to_operator(uuid), release_and_reassign_chat(uuid, text) to {app}"
            )
        # Nothing is left to it: neither tried nor only read is that passed.
        database.script(
            f"revoke update on chats from {app}; revoke execute on function release_and_reassign_chat(uuid, text) from {app}"
        )
        tried = json.loads(chatops_inprocess("verify", "--scenarios", "-o", "json", db=owner).stdout)
        assert steps(tried, app).get("release", {"result": "failed"})["result"] == "failed"


def test_what_stores_no_message_is_no_step_that_passed(latest_database: Database, chatops_inprocess: Callable[..., Any]) -> None:
    with latest_database.role("app") as app:
        latest_database.execute(f"grant select, insert, update, delete on {TABLES} to {app}")
        latest_database.script(
            "create function swallowed() returns trigger language plpgsql as $f$ begin "
            f"if current_user = '{app}' or new.content ~ 'one more|an answer' then return null; end if; return new; end $f$; "
            "create trigger zz_swallowed before insert on messages for each row execute function swallowed()"
        )
        result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=latest_database, check=1)
        answer = json.loads(result.stdout)
        failed = {step["name"]: step["seen"] for step in answer["scenarios"] if step["result"] == "failed"}
        assert "no message was stored" in failed[f"as {app}: message"]
        assert "no message was stored" in failed[f"as {app}: reply"]
        assert failed["concurrent messages"].startswith("1 of 2 were stored")
        assert "not stored" in failed["reply"]


def test_as_the_applications_own_login_what_only_the_owner_can_make_up_is_not_tried(
    latest_database: Database, chatops_inprocess: Callable[..., Any]
) -> None:
    with latest_database.role("app") as app:
        latest_database.execute(f"grant select, insert, update, delete on {TABLES} to {app}")
        latest_database.execute(
            f"grant execute on function assign_chat_to_operator(uuid), release_and_reassign_chat(uuid, text) to {app}"
        )
        result = chatops_inprocess("verify", "--scenarios", "-o", "json", db=url_as(latest_database, app), check=0)
        answer = json.loads(result.stdout)
        assert answer["role"] == app
        assert results(answer, app) == {"passed"}
        owners = [step for step in answer["scenarios"] if not step["name"].startswith("as ")]
        assert {step["name"] for step in owners if step["result"] != "passed"} == {"idle release"}
        assert "the tables' owner" in next(step["seen"] for step in answer["scenarios"] if step["name"] == "idle release")


@pytest.mark.parametrize("status", ["not judged", "not tried"])
def test_no_format_counts_what_was_not_judged_as_passed(status: Any) -> None:
    answer = Answer("verify", [], {}, outcomes=[Outcome("a", "passed", "critical", ""), Outcome("b", status, "critical", "why")])
    assert "2 checks, 1 " + status in "".join(nagios.render(answer, None, {}))  # type: ignore[arg-type]
    assert 'skipped="1"' in "".join(junit.render(answer, None, {}))  # type: ignore[arg-type]


def test_a_role_that_may_not_use_the_schema_is_told_so(latest_database: Database, chatops_inprocess: Callable[..., Any]) -> None:
    with latest_database.role("app") as app:
        latest_database.execute(f"grant select, insert, update, delete on {TABLES} to {app}")
        latest_database.execute("revoke usage on schema public from public")
        answer = json.loads(chatops_inprocess("verify", "--scenarios", "-o", "json", db=latest_database).stdout)
        # Where the hosting's roles are on the server they have lost it, too; else nobody but the owner is left.
        mine = [step for step in answer["scenarios"] if step["name"].startswith("as ")]
        assert {step["result"] for step in mine} == {"failed"}
        assert all("does not exist" not in step["seen"] for step in mine), mine
