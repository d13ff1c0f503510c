"""One page for many tenants: the worst first, those that are well counted, what cannot be seen UNKNOWN by name."""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatops import db, settings
from chatops.checks import load, run
from chatops.checks.load import Check
from chatops.checks.others import Others
from chatops.errors import ExitCode
from chatops.screens import tenants as screen
from chatops.screens.tenants import Page, TenantRow, Told
from tests.conftest import LONG, Result, _command
from tests.servers import Database, Farm, Server
from tests.test_migrate import folder

Chatops = Callable[..., Result]
NAMES = ("tenant_a", "tenant_b", "tenant_c", "tenant d'or")
WAITS = """set session_replication_role = replica;
set search_path = {schema};
insert into real_users (id, name) values ('{one}', 'Ada') on conflict do nothing;
insert into fictional_users (id, name) values ('{one}', 'Eve') on conflict do nothing;
insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, waiting_since, last_message_at, message_count)
values ('{one}', '{one}', '{one}', 'waiting_assignment', true, now() - interval '{since}', now() - interval '{since}', 1);
insert into messages (chat_id, sender_type, content, created_at) values ('{one}', 'real', 'hello', now() - interval '{since}');
reset all"""
EVERY = {
    "summary": (), "queue": (), "stuck": (), "operators": (), "chats": ("--state", "waiting"), "status": (), "verify": ("schema",),
    "diagnose": (), "doctor": (), "adopt": (), "monitor": ("--once",),
}  # fmt: skip


def build_tenants(database: Database) -> None:
    """Four tenants that are up to date, and a schema without chats."""
    database.execute("; ".join(f'create schema "{name}"' for name in (*NAMES, "tenant_without")))
    for name in NAMES:
        _command(database.url, "migrate", "--all-schemas", name, "--yes")


@pytest.fixture
def tenants(new_database: Callable[..., Database], farm: Farm, server: Server) -> Database:
    """Four tenants that are up to date, and a schema without chats."""
    return new_database(on=server, template=farm.template(server, "tenants", build_tenants))


FEW = ("CHAT001", "CONF001", "DB015", "DB016", "DB017", "OPER001")


@pytest.fixture
def few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of a tenant, and remembered of it, is the same of few checks; in the long form all are asked."""
    if not LONG:
        few = tuple(check for check in load.shipped() if check.code in FEW)
        monkeypatch.setattr(load, "shipped", lambda: few)


def somebody_waits(database: Database, schema: str, since: str) -> None:
    database.execute(WAITS.format(schema=f'"{schema}"', one=uuid.uuid4(), since=since))


def rows_of(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)["tenants"]
    return found


def worst_of(result: Result) -> list[str]:
    """The words of the command that the page ends with."""
    return shlex.split(result.stdout.splitlines()[-1].partition("the worst: ")[2])


@pytest.fixture(scope="module")
def one_is_ill(farm: Farm, server: Server) -> Iterator[Database]:
    """Four tenants, of which the third is behind and without its triggers, and whose users wait; nothing more is changed in it."""
    tenants = server.create_database(farm.template(server, "tenants", build_tenants))
    somebody_waits(tenants, "tenant_b", "2 hours")
    somebody_waits(tenants, "tenant_c", "3 hours")
    somebody_waits(tenants, "tenant_c", "1 minute")
    tenants.execute("alter table tenant_c.chats disable trigger user")
    tenants.execute("delete from chatops.migrations where target_schema = 'tenant_c' and name ~ '^02[67]'")
    yield tenants
    tenants.drop()


@pytest.mark.sampled(4)
@pytest.mark.long
@pytest.mark.parametrize("command", EVERY)
def test_every_command_that_looks_has_a_page_of_all_tenants(
    command: str, one_is_ill: Database, chatops_inprocess: Chatops
) -> None:
    tenants = one_is_ill
    words = (command, *EVERY[command], "--all-schemas", "tenant*")
    found = chatops_inprocess(*words, "-o", "json", db=tenants)
    rows = rows_of(found)
    judged = ("verify", "diagnose", "doctor")
    expected = {*NAMES, *(["tenant_without"] if command in ("status", "doctor") else [])}
    assert {row["tenant"] for row in rows} == expected
    assert all(row["unknown"] is None for row in rows if row["tenant"] != "tenant_without")
    assert found.exit_code == (1 if command in judged else 0), found.stderr
    if LONG or list(EVERY).index(command) % 2:  # people are told the same: every other page is drawn
        page = chatops_inprocess(*words, db=tenants)
        assert page.exit_code == found.exit_code, page.stderr
        assert "tenant_c" in page.stdout or command in ("monitor", "operators")
    if command in ("monitor", "operators"):
        return  # a watch begins with what is there; nobody works anywhere
    first = rows[0] if command not in ("status", "doctor") else rows[[row["tenant"] for row in rows].index("tenant_c")]
    assert first["tenant"] == "tenant_c"
    assert shlex.split(first["command"])[-3:] == ["--schema", "tenant_c", command]


LOST = {
    "drop table {}.chats cascade": "tenant_a",
    "alter table {}.chats drop column chat_state cascade": "tenant_b",
    "drop table {}.chats, {}.messages, {}.chat_assignments cascade": "tenant_c",
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("command", ["summary", "queue", "stuck", "operators", "chats", "verify", "diagnose", "monitor"])
def test_a_tenant_that_lost_its_chats_or_their_states_is_no_schema_without_chats(
    tenants: Database, chatops_inprocess: Chatops, tmp_path: Path, command: str
) -> None:
    """It was named on stderr alone, and the page said that all was well."""
    for text, schema in LOST.items():
        tenants.execute(text.replace("{}", schema))
    words = ("--once", "--state", str(tmp_path / "state")) if command == "monitor" else ()
    told = chatops_inprocess(command, *words, "--all-schemas", "tenant*", "-o", "json", db=tenants, check=1)
    bad = [row["tenant"] for row in rows_of(told) if row["exit_code"]]
    assert sorted(bad) == ["tenant_a", "tenant_b", "tenant_c"] or (command == "operators" and bad), told.stdout
    assert "1 schema has no chats: tenant_without" in told.stderr


def test_a_tenant_of_which_most_cannot_be_seen_stands_right_below_what_is_critical(
    tenants: Database, chatops_inprocess: Chatops
) -> None:
    tenants.execute("alter table tenant_a.chats disable trigger all; drop index tenant_b.chats_one_per_operator")
    with tenants.connect() as holder:
        holder.execute("begin; lock table tenant_c.chats in access exclusive mode")
        found = rows_of(chatops_inprocess("diagnose", "--all-schemas", "tenant*", "-o", "json", db=tenants, check=1))
    assert [row["tenant"] for row in found if row["tenant"] in NAMES] == ["tenant_a", "tenant_c", "tenant_b", "tenant d'or"]


def test_figures_are_the_tenants_own_and_who_has_waited_longest_is_first(tenants: Database, chatops_inprocess: Chatops) -> None:
    for schema, since in (("tenant_b", "2 hours"), ("tenant_c", "3 hours"), ("tenant_b", "1 minute")):
        somebody_waits(tenants, schema, since)
    rows = rows_of(chatops_inprocess("summary", "--all-schemas", "tenant*", "-o", "json", db=tenants, check=0))
    assert [(row["tenant"], row["waiting"], row["chats"]) for row in rows[:2]] == [("tenant_c", 1, 1), ("tenant_b", 2, 2)]
    page = chatops_inprocess("summary", "--all-schemas", "tenant*", db=tenants, check=0)
    lines = page.stdout.splitlines()
    assert lines[0] == "4 tenants · 3 wait"
    assert lines[-2] == "2 tenants: nobody waits"
    assert "1 schema has no chats: tenant_without" in page.stderr
    stuck = rows_of(chatops_inprocess("stuck", "--all-schemas", "tenant*", "-o", "json", db=tenants, check=0))
    assert [(row["tenant"], row["total"]) for row in stuck if row["total"]] == [("tenant_c", 1), ("tenant_b", 1)]
    again = chatops_inprocess(*worst_of(page)[1:], db=tenants, check=0)
    assert "1 waits" in again.stdout
    metrics = chatops_inprocess("queue", "--all-schemas", "tenant*", "-o", "prometheus", db=tenants, check=0).stdout
    assert 'tenant="tenant_b"} 2' in metrics


def test_status_tells_what_is_pending_and_can_gate(tenants: Database, chatops_inprocess: Chatops) -> None:
    tenants.execute("delete from chatops.migrations where target_schema = 'tenant_b' and name like '027%'")
    status = chatops_inprocess("status", "--all-schemas", "tenant_*", "--exit-code", db=tenants, check=1)
    lines = status.stdout.splitlines()
    assert lines[0] == "2 of 4 tenants up to date"
    assert lines[-1].endswith("status")
    chatops_inprocess("status", "--all-schemas", "tenant_*", db=tenants, check=0)


def test_status_names_a_tenant_that_a_newer_chatops_has_migrated(tenants: Database, chatops_inprocess: Chatops) -> None:
    tenants.execute(
        "insert into chatops.migrations (target_schema, source, name, number, checksum, state, chatops_version, applied_at)"
        " values ('tenant_b', 'chatops', '999_later', 999, '', 'applied', '9.9', now())"
    )
    status = chatops_inprocess("status", "--all-schemas", "tenant_*", "-o", "json", "--exit-code", db=tenants, check=1)
    rows = {row["tenant"]: row for row in rows_of(status)}
    assert rows["tenant_b"]["state"].startswith("ahead: this database is ahead of chatops")
    assert rows["tenant_a"]["state"] == "up to date"


def test_a_tenant_that_cannot_be_seen_is_unknown_by_name(tenants: Database, chatops_inprocess: Chatops) -> None:
    role = f"sees_two_{uuid.uuid4().hex[:12]}"
    tenants.execute(f"create role {role} login; grant usage on schema tenant_a, tenant_b, chatops to {role}")
    tenants.execute(
        f"grant select on all tables in schema tenant_a to {role}; grant select on all tables in schema chatops to {role}"
    )
    url = tenants.url.replace("//postgres@", f"//{role}@")
    done = chatops_inprocess("--db", url, "summary", "--all-schemas", "tenant_*", "-o", "json", check=1)
    rows = {row["schema"]: row["unknown"] for row in rows_of(done)}
    assert rows["tenant_a"] is None
    assert rows["tenant_b"].startswith("UNKNOWN: ")
    assert rows["tenant_c"] == "UNKNOWN: this role may not use the schema"
    people = chatops_inprocess("--db", url, "summary", "--all-schemas", "tenant_*", check=1)
    assert "2 UNKNOWN" in people.stdout.splitlines()[0]
    assert worst_of(people)[-3:] == ["--schema", "tenant_b", "summary"]
    plugin = chatops_inprocess("--db", url, "queue", "--all-schemas", "tenant_*", "-o", "nagios", check=3)
    assert "tenant_c unknown" in plugin.stdout
    narrow = chatops_inprocess("--db", url, "summary", "--all-schemas", "tenant_*", terminal=(40, 50), check=1).stdout
    assert "UNKNOWN:" in narrow.split("not shown at 40 columns")[0]
    status = rows_of(chatops_inprocess("--db", url, "status", "--all-schemas", "tenant_*", "-o", "json", check=1))
    assert {row["schema"]: row["unknown"] for row in status}["tenant_c"] == "UNKNOWN: this role may not use the schema"


def test_what_the_server_hides_from_the_role_is_told_once_in_the_databases_name(
    tenants: Database, chatops_inprocess: Chatops
) -> None:
    role = f"sees_no_sessions_{uuid.uuid4().hex[:12]}"
    tenants.execute(f"create role {role} login; grant pg_read_all_data to {role}")
    url = tenants.url.replace("//postgres@", f"//{role}@")
    hidden = ("DB010", "DB012")
    done = chatops_inprocess(
        "--db", url, "diagnose", "--all-schemas", "tenant_*", "--only", ",".join(hidden), "-o", "json", check=1
    )
    told = {row["tenant"]: row["codes"] for row in rows_of(done)}
    assert told.pop(f"database {tenants.name}") == ["DB012"]
    assert set(map(tuple, told.values())) == {()}
    alone = chatops_inprocess("--db", url, "diagnose", "--all-schemas", "tenant_*", "--only", "DB010", "-o", "json", check=1)
    assert {tuple(row["codes"]) for row in rows_of(alone)} == {("DB010",)}


def test_a_database_that_is_away_keeps_no_other_from_its_watch(
    latest_database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    environments(tmp_path, {"here": latest_database.url, "away": f"{latest_database.url}_gone"})
    words = ("--env", "here,away", "monitor", "--all-schemas", "public", "--plan", "1ms*2", "--state", tmp_path / "watches")
    for more in (("--once",), ()):
        done = chatops_inprocess(*words, *more, "-o", "json", check=3)
        documents = [json.loads(text) for text in re.split(r"(?<=\n})\n", done.stdout) if text.strip()]
        rows = {row["environment"]: row for row in documents[-1]["tenants"]}
        assert rows["here"]["unknown"] is None
        assert "has no database" in rows["away"]["unknown"]
    assert len(list((tmp_path / "watches").glob("*.json"))) == 1


def test_a_question_about_many_names_what_is_production(
    latest_database: Database, new_database: Callable[..., Database], chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    environments(tmp_path, {"spare": latest_database.url})
    text = (tmp_path / "chatops.toml").read_text()
    (tmp_path / "chatops.toml").write_text(f"{text}[env.live]\nurl = '{new_database().url}'\nproduction = true\n")
    refused = chatops_inprocess("--env", "spare,live", "rehearse", check=4).stderr
    assert "rehearse changes production (live (" in refused
    assert "spare (" not in refused


def test_the_tenant_with_a_finding_is_on_the_first_line(tenants: Database, chatops_inprocess: Chatops) -> None:
    tenants.execute("alter table tenant_c.chats disable trigger user")
    done = chatops_inprocess("diagnose", "--all-schemas", "tenant*", "--jobs", "2", db=tenants, check=1)
    assert done.stdout.startswith("tenant_c: ")
    assert worst_of(done)[-3:] == ["--schema", "tenant_c", "diagnose"]
    found = chatops_inprocess("diagnose", "--only", "DB017", "--all-schemas", "tenant*", "-o", "json", db=tenants, check=1)
    assert (rows_of(found)[0]["tenant"], rows_of(found)[0]["codes"]) == ("tenant_c", ["DB017"])
    junit = chatops_inprocess("verify", "schema", "--all-schemas", "tenant*", "-o", "junit", db=tenants, check=1)
    assert junit.stdout.count("<testcase ") == 4
    assert junit.stdout.count("<failure ") == 1


def environments(tmp_path: Path, urls: dict[str, str], more: str = "") -> None:
    tables = [f"[env.{name}]\nurl = '{url}'\nproduction = false\n" for name, url in urls.items()]
    (tmp_path / "chatops.toml").write_text("\n".join([*tables, more]))


def test_environments_are_named_as_a_list_a_wildcard_or_a_group(
    latest_database: Database, new_database: Callable[..., Database], chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    empty = new_database()
    gone = f"{latest_database.url}_gone"
    environments(tmp_path, {"eu-one": latest_database.url, "eu-two": empty.url, "us": latest_database.url, "away": gone},
                 "[groups]\nall = ['eu-*', 'us']\n")  # fmt: skip
    somebody_waits(latest_database, "public", "1 hour")
    for named, expected in (
        ("us,eu-one", ["us", "eu-one"]), ("eu-*", ["eu-one", "eu-two"]), ("all", ["eu-one", "eu-two", "us"]),
        ("eu-one,all", ["eu-one", "eu-two", "us"]),
    ):  # fmt: skip
        done = chatops_inprocess("--env", named, "summary", "-o", "json")
        rows = rows_of(done)
        assert sorted(row["environment"] for row in rows) == sorted(expected)
        assert done.exit_code == ("eu-two" in expected)
    page = chatops_inprocess("--env", "all,away", "summary", check=3)
    assert "2 UNKNOWN" in page.stdout.splitlines()[0]
    assert " ".join(worst_of(page)[1:]) == "--env away summary"
    refused = chatops_inprocess("--env", "us,eu-one", "guard", check=2)
    assert "this command works on one database at a time, and 2 are named: us, eu-one" in refused.stderr
    nothing = chatops_inprocess("--env", "asia-*", "summary", check=2)
    assert "no environment matches asia-*" in nothing.stderr


def test_all_schemas_of_several_databases_are_one_page(
    tenants: Database, latest_database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    environments(tmp_path, {"many": tenants.url, "one": latest_database.url})
    (tmp_path / "chatops.toml").write_text(
        (tmp_path / "chatops.toml").read_text().replace("[env.one]", "schema = 'tenant_a'\n[env.one]")
    )
    done = chatops_inprocess("--env", "many,one", "queue", "--all-schemas", "*", "-o", "json", check=0)
    rows = rows_of(done)
    assert {(row["environment"], row["schema"]) for row in rows} == {*(("many", name) for name in NAMES), ("one", "public")}
    assert {row["tenant"] for row in rows} == {*(f"many {name}" for name in NAMES), "one"}
    assert all(row["command"].count("--schema") == 1 for row in rows)


@pytest.mark.own_sessions
@pytest.mark.long
def test_a_fleet_is_looked_at_on_few_connections(tenants: Database, chatops_inprocess: Chatops) -> None:
    role = f"few_{uuid.uuid4().hex[:12]}"
    tenants.execute(f"create role {role} login superuser")
    tenants.execute(f"alter role {role} connection limit 4")
    tenants.execute(f"alter role {role} nosuperuser; grant pg_read_all_data to {role}")
    url = tenants.url.replace("//postgres@", f"//{role}@")
    for command in ("summary", "queue", "diagnose", "doctor", "status", "verify") if LONG else ("summary", "diagnose", "doctor"):
        rows = rows_of(chatops_inprocess("--db", url, command, "--all-schemas", "tenant*", "--jobs", "2", "-o", "json"))
        assert not [row for row in rows if "connections" in (row["unknown"] or "")]
    wrong = chatops_inprocess("summary", "--all-schemas", "tenant*", "--jobs", "0", db=tenants, check=2)
    assert "--jobs is a number from 1 to 64" in wrong.stderr


@pytest.mark.long
@pytest.mark.usefixtures("few_checks")
def test_each_tenant_has_a_watch_of_its_own(tenants: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    words = ("monitor", "--once", "--all-schemas", "tenant_*", "--plan", "1ms*9", "--state", tmp_path / "watches")
    begun = chatops_inprocess(*words, db=tenants, check=0)
    assert begun.stdout.startswith("3 of 3 tenants no worse than before")
    assert len(list((tmp_path / "watches").glob("*.json"))) == 3
    tenants.execute("alter table tenant_b.chats disable trigger user")
    worse = chatops_inprocess(*words, "-o", "json", db=tenants, check=1)
    assert rows_of(worse)[0]["tenant"] == "tenant_b"
    assert sum(bool(row["codes"]) for row in rows_of(worse)) == 1
    page = tmp_path / "tenants.html"
    chatops_inprocess("report", tmp_path / "watches", "--to", page, check=0)
    assert "tenant_b: findings that appeared and went" in page.read_text()
    assert "2 tenants: no worse than before." in page.read_text()
    loop = ("monitor", "--all-schemas", "tenant_*", "--plan", "1ms*2", "--state", tmp_path / "others")
    ended = chatops_inprocess(*loop, db=tenants, check=0)
    assert "3 of 3 tenants no worse than before" in ended.stdout
    chatops_inprocess("monitor", "--once", "--all-schemas", "tenant_*", db=tenants, check=0)
    told = chatops_inprocess("report", "--all-schemas", "tenant_[ab]", "-o", "json", db=tenants, check=0)
    assert sorted(row["schema"] for row in rows_of(told)) == ["tenant_a", "tenant_b"]
    assert all(shlex.split(row["command"])[-3:] == ["--schema", row["schema"], "diagnose"] for row in rows_of(told))


def test_tenants_are_taken_over_together(tenants: Database, chatops_inprocess: Chatops) -> None:
    tenants.execute("delete from chatops.migrations where target_schema in ('tenant_a', 'tenant_c')")
    shown = chatops_inprocess("adopt", "--all-schemas", "tenant_*", db=tenants)
    assert tenants.value("select count(*) from chatops.migrations where target_schema = 'tenant_a'") == 0
    assert "tenant_a" in shown.stdout
    chatops_inprocess("adopt", "--through", "017", "--all-schemas", "tenant_*", "--yes", db=tenants)
    assert tenants.value("select count(distinct target_schema) from chatops.migrations where state = 'adopted'") == 2


def test_pending_files_are_rehearsed_in_every_tenant(tenants: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_more.sql": "alter table chats add column mood text"})
    tenants.execute("alter table tenant_b.chats add column mood text")
    done = chatops_inprocess("rehearse", "--dir", where, "--all-schemas", "tenant_*", "--yes", "-o", "json", db=tenants, check=4)
    rows = rows_of(done)
    assert rows[0]["tenant"] == "tenant_b"
    assert tenants.value("select count(*) from information_schema.columns where column_name = 'mood'") == 1


def test_the_log_of_all_tenants_is_one_the_newest_first(tenants: Database, chatops_inprocess: Chatops) -> None:
    for schema in ("tenant_b", "tenant_a", "tenant d'or"):
        chatops_inprocess("--schema", schema, "pause", "--reason", f"why {schema}", "--yes", db=tenants, check=0)
    done = chatops_inprocess("log", "--all-schemas", "tenant*", "-o", "json", db=tenants, check=0)
    told = json.loads(done.stdout)
    assert [(row["tenant"], row["schema"], row["action"], row["reason"]) for row in told["actions"]] == [
        (schema, schema, "pause", f"why {schema}") for schema in ("tenant d'or", "tenant_a", "tenant_b")
    ]
    assert (told["tenants_total"], told["unknown"]) == (4, [])
    page = chatops_inprocess("log", "--all-schemas", "tenant*", "--limit", "2", db=tenants, check=0).stdout.splitlines()
    assert page[0] == "4 tenants · 2 entries about 2 of them"
    assert page[-1] == "the newest 2, of 3 actions; more with --limit, all with -o jsonl"
    for more in (["--since", "2020-01-01"], ["--action", "pause", "-o", "csv"]):
        assert chatops_inprocess("log", "--all-schemas", "*", *more, db=tenants, check=0).stdout.count("why tenant") == 3
    nobody = chatops_inprocess("log", "--all-schemas", "tenant*", "--operator", "Nobody", db=tenants, check=2)
    assert "Nobody" in nobody.stderr
    role = f"sees_none_{uuid.uuid4().hex[:12]}"
    tenants.execute(f"create role {role} login; grant usage on schema tenant_a to {role}")
    url = tenants.url.replace("//postgres@", f"//{role}@")
    unseen = chatops_inprocess("--db", url, "log", "--all-schemas", "tenant_*", check=1).stdout
    assert "tenant_a: UNKNOWN, this cannot be seen: permission denied for schema chatops" in unseen
    assert "tenant_b: UNKNOWN, this role may not use the schema" in unseen


@pytest.mark.long
@pytest.mark.usefixtures("few_checks")
def test_what_is_the_same_for_all_tenants_is_asked_once_and_told_in_the_databases_name(
    tenants: Database, chatops_inprocess: Chatops, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = run._rest

    def told(state: run._Run, checks: Sequence[Check], others: Others) -> Sequence[Check]:
        asked.extend(check.code for check in checks)
        return ask(state, checks, others)

    monkeypatch.setattr(run, "_rest", told)
    every = ("--all-schemas", "tenant_*")
    low = chatops_inprocess("diagnose", *every, "--threshold", "connections_percent=1", "-o", "json", db=tenants, check=1)
    assert asked.count("DB015") == asked.count("DB016") == 1
    assert asked.count("CHAT001") == 3
    rows = rows_of(low)
    assert [(row["tenant"], row["schema"], row["codes"]) for row in rows if row["exit_code"]] == [
        (f"database {tenants.name}", "", ["DB015"])
    ]
    assert json.loads(low.stdout)["tenants_total"] == json.loads(low.stdout)["well"] == 3
    few = ("--only", "DB015,CHAT001", "--threshold", "connections_percent=1")
    page = chatops_inprocess("diagnose", *every, *few, db=tenants, check=1).stdout
    assert page.startswith(f"database {tenants.name}: 1 warning, DB015 ")
    assert page.splitlines()[0].endswith("0 of 3 tenants with findings")
    asked.clear()
    chatops_inprocess("monitor", "--once", *every, db=tenants, check=0)
    assert asked.count("DB015") == 1
    asked_about = rows_of(chatops_inprocess("doctor", *every, "-o", "json", db=tenants, check=1))
    assert {row["tenant"] for row in asked_about} == {"tenant_a", "tenant_b", "tenant_c", "tenant_without"}


def test_a_log_that_all_tenants_share_is_not_taken_for_the_forgotten_schemas(
    tenants: Database, chatops_inprocess: Chatops
) -> None:
    for words in (["log"], ["log", "-o", "csv"], ["guard"], ["summary"], ["snooze", "--store"]):
        told = chatops_inprocess(*words, db=tenants, check=4).stderr
        assert "4 other schemas have one: name a schema" in told, words
        assert "--schema tenant_a summary" in told


def test_all_schemas_goes_with_neither_schema_nor_a_pattern_of_nothing(tenants: Database, chatops_inprocess: Chatops) -> None:
    for words in (["summary"], ["status"], ["diagnose"], ["monitor", "--once"], ["rehearse", "--yes"]):
        both = chatops_inprocess("--schema", "tenant_a", *words, "--all-schemas", "tenant_*", db=tenants, check=2)
        assert "--schema and --all-schemas" in both.stderr
        none = chatops_inprocess(*words, "--all-schemas", "tenent_a", db=tenants, check=2)
        assert "did you mean tenant_a" in none.stderr


WRITES = (
    ("migrate", "--yes"), ("adopt", "--yes"), ("adopt", "--ledger-only", "--yes"), ("rehearse", "--yes"), ("deploy", "--skip-code", "--yes"),
    ("doctor", "--create-roles", "--yes"), ("status",),
)  # fmt: skip
ACTS = ("--yes", "--reason", "look")


def test_nothing_is_made_in_public_because_a_schema_was_forgotten(
    tenants: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    tenants.execute("create table public.mine ()")
    where = ("migrate", "--dir", folder(tmp_path, {"001_more.sql": "create table more ()"}), "--yes")
    for words in (*WRITES, where):
        done = chatops_inprocess(*words, db=tenants, check=2)
        assert "live in 4 schemas, and no schema is named" in done.stderr, words
        assert "summary --all-schemas 'tenant*'" in done.stderr
    assert tenants.execute("select relname from pg_class where relnamespace = 'public'::regnamespace") == [("mine",)]
    seen = chatops_inprocess("summary", db=tenants, check=4)
    assert "4 other schemas have one: name a schema" in seen.stderr
    assert "summary --all-schemas 'tenant*'" in seen.stderr
    chatops_inprocess("--schema", "public", *where, db=tenants, check=0)
    assert tenants.value("select to_regclass('public.more') is not null")


def test_a_schema_that_is_not_there_is_a_wrong_command_line_with_the_nearest_names(
    tenants: Database, chatops_inprocess: Chatops
) -> None:
    for words in (
        *((command, *more) for command, more in EVERY.items()), *WRITES, ("show", "3f2b8c1e"), ("log",), ("guard",),
        ("repair", *ACTS), ("release", "3f2b8c1e", *ACTS), ("drain", "ada", *ACTS), ("pause", *ACTS), ("undo", "1", "--yes"),
        ("remove", "--yes"), ("verify", "--scenarios", "--yes"), ("diagnose", "3f2b8c1e"),
    ):  # fmt: skip
        done = chatops_inprocess("--schema", "tenent_b", *words, db=tenants)
        assert done.exit_code == 2, (words, done.stderr)
        assert "did you mean tenant_" in done.stderr, (words, done.stderr)


@pytest.mark.long
@pytest.mark.usefixtures("few_checks")
def test_what_is_remembered_of_a_tenant_is_its_own(tenants: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    tenants.execute("alter table tenant_b.chats disable trigger user; alter table tenant_c.chats disable trigger user")

    def found() -> dict[str, bool]:
        done = chatops_inprocess("diagnose", "--all-schemas", "tenant_*", "-o", "json", db=tenants)
        return {row["tenant"]: "DB017" in row["codes"] for row in rows_of(done)}

    assert found() == {"tenant_a": False, "tenant_b": True, "tenant_c": True}
    snooze = ("snooze", "DB017", "--until", "2999-01-01", "--reason", "known")
    chatops_inprocess("--schema", "tenant_b", *snooze, db=tenants, check=0)
    assert found() == {"tenant_a": False, "tenant_b": False, "tenant_c": True}
    alone = chatops_inprocess("--schema", "tenant_b", "diagnose", db=tenants).stdout
    assert "DB017 (snoozed until 2999-01-01)" in alone.replace("\n", " ")
    chatops_inprocess("--schema", "tenant_c", *snooze, db=tenants, check=0)
    assert found() == {"tenant_a": False, "tenant_b": False, "tenant_c": False}
    chatops_inprocess("--schema", "tenant_b", "snooze", "DB017", "--off", db=tenants, check=0)
    assert found() == {"tenant_a": False, "tenant_b": True, "tenant_c": False}
    chatops_inprocess("--schema", "tenant_b", *snooze, "--store", "--yes", db=tenants, check=0)
    assert found() == {"tenant_a": False, "tenant_b": False, "tenant_c": False}

    chatops_inprocess("--schema", "tenant_c", "pause", "--yes", "--reason", "look", db=tenants, check=0)
    paused = rows_of(chatops_inprocess("summary", "--all-schemas", "tenant_*", "-o", "json", db=tenants, check=0))
    assert paused[0]["tenant"] == "tenant_c"
    for schema, actions in (("tenant_a", 0), ("tenant_b", 1), ("tenant_c", 1)):
        log = json.loads(chatops_inprocess("--schema", schema, "log", "-o", "json", db=tenants, check=0).stdout)
        assert len(log["actions"]) == actions
    number = tenants.value("select id from chatops.actions where target_schema = 'tenant_c'")
    assert chatops_inprocess("--schema", "tenant_a", "undo", number, "--yes", db=tenants).exit_code in (2, 4)


@pytest.mark.parametrize("role", ["postgres", "pg_monitor"])
def test_many_schemas_are_told_at_once_what_each_is_told_alone(role: str, tenants: Database) -> None:
    tenants.execute("create schema odd; create table odd.chats (id int); alter table odd.chats force row level security")
    tenants.execute("alter table odd.chats enable row level security; alter table tenant_b.messages enable row level security")
    tenants.execute("grant usage on schema tenant_b to pg_monitor")
    parameters, _ = settings.parse(tenants.url, "test")
    target = settings.Target(parameters=parameters, origin="test", production=False)
    names = [*NAMES, "public", "odd", "not there", "tenant_without"]
    with db.connect(target, "test", "migrate") as connection:
        connection.execute(f"set role {role}")
        for name, together in zip(names, connection.glance_many(names), strict=True):
            connection.target = replace(target, schema=name)
            assert replace(connection.glance(), now=together.now) == together


def _page(judges: bool) -> Page:
    def headline(rows: Sequence[TenantRow]) -> str:
        return f"{len(rows)}"

    return Page("summary", (), lambda answer, code: Told((), {}), "well", headline, judges=judges)


ROWS = st.lists(
    st.builds(
        TenantRow, st.sampled_from("abcdefgh"), st.just("s"), st.just("e"), st.just("d"), st.just("chatops summary"),
        st.sampled_from([ExitCode.OK, ExitCode.FOUND]),
        st.builds(Told, st.tuples(st.integers(0, 3).map(float), st.integers(0, 3).map(float)), st.just({})),
        st.none() | st.just("no right"),
    ),
    max_size=30,
)  # fmt: skip


@hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@given(ROWS, st.booleans())
def test_every_tenant_is_told_or_counted_and_nothing_worse_comes_later(rows: list[TenantRow], judges: bool) -> None:
    page = _page(judges)
    ordered = screen.worst_first(page, rows)
    told = [row for row in ordered if not row.well]
    assert ordered[: len(told)] == told
    unknown = [row for row in ordered if row.unknown is not None]
    assert ordered[: len(unknown)] == unknown
    ranks = [row.told.badness for row in ordered[len(unknown) :]]
    assert ranks == sorted(ranks, reverse=True)
    answer = screen.answer(page, rows, None)
    shown = [list(table.rows) for table in answer.tables if table.audience == "people"]
    assert len(shown[0] if shown else []) == min(len(told), screen.MOST)
    assert answer.data["well"] == len(rows) - len(told)


@pytest.mark.long
def test_a_pattern_means_the_same_in_every_command(tenants: Database, chatops_inprocess: Chatops) -> None:
    """As environments and files are named: stars, question marks, sets of signs; and a name is itself."""
    tenants.execute('alter schema "tenant d\'or" rename to "tenant_[x]"')

    def named(*words: str) -> set[str]:
        answer = json.loads(chatops_inprocess(*words, "-o", "json", db=tenants).stdout)
        return {row["schema"] for row in answer["tenants"]}

    for pattern, meant in (
        ("tenant_[ab]", {"tenant_a", "tenant_b"}), ("tenant_[!ab]", {"tenant_c"}), ("tenant_?", {"tenant_a", "tenant_b", "tenant_c"}),
        ("*_[a-b]", {"tenant_a", "tenant_b"}), ("tenant_[x]", {"tenant_[x]"}), ("tenant_[[]x]", {"tenant_[x]"}),
    ):  # fmt: skip
        every = (("queue",), ("status",), ("monitor", "--once"), ("migrate", "--dry-run"))
        turn = (len(pattern) + 1) % 2  # each pattern is given to two of them, in the long form to all
        for words in every if LONG else every[turn::2]:
            if words != ("migrate", "--dry-run"):
                assert named(*words, "--all-schemas", pattern) == meant, (words, pattern)
                continue
            told = chatops_inprocess(*words, "--all-schemas", pattern, db=tenants).stdout  # one was renamed: it has no ledger
            assert {name for name in (*NAMES, "tenant_[x]") if name in told} == meant, told
    for refused in ("tenant_[xy]", "TENANT_?", "tenant_%"):
        assert "no schema of" in chatops_inprocess("queue", "--all-schemas", refused, db=tenants, check=2).stderr
    cut = json.loads(chatops_inprocess("queue", "--all-schemas", "tenant_?", "--limit", "2", "-o", "json", db=tenants).stdout)
    assert (len(cut["tenants"]), cut["tenants_total"], cut["truncated"]) == (2, 3, True)
