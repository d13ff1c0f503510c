"""`chatops log`: every action and every refusal, by chat, operator, person and time, in every format."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops import sqlfiles
from chatops.chats import log
from chatops.cli import completion
from tests.conftest import Result
from tests.servers import Database
from tests.shift import add_chats, add_operators, chat_id, operator_id

Run = Callable[..., Result]


@pytest.fixture
def logged(core_database_everywhere: Database, chatops_inprocess: Run) -> Database:
    """Three actions: op-1's chat goes to op-3, chat 2 is released, a busy operator is refused."""
    database = core_database_everywhere
    add_operators(database, 3)
    add_chats(database, 2, state="assigned", held_by=1)
    env = {"GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "acme/chat", "GITHUB_ACTOR": "ada"}
    chatops_inprocess("reassign", "c4000001", "--to", "op-3", "--reason", "a | b\n[bold]c", db=database, check=0)
    chatops_inprocess("release", "c4000002", "--reason", "no hands", db=database, env=env, check=0)
    chatops_inprocess("reassign", "c4000002", "--to", "op-3", db=database, check=4)
    return database


def shown(run: Run, database: Database, *words: str) -> list[tuple[str, str]]:
    """Action and outcome of the rows that were asked for, the newest first."""
    lines = run("log", *words, "-o", "jsonl", db=database, check=0).stdout.splitlines()
    return [(row["action"], row["outcome"]) for row in map(json.loads, lines)]


def test_the_newest_comes_first_with_who_why_and_how_it_ended(logged: Database, chatops_inprocess: Run) -> None:
    text = chatops_inprocess("log", db=logged, check=0).stdout
    lines = [line for line in text.splitlines() if "c400000" in line]
    assert [re.findall(r"reassign:?|release", line)[0] for line in lines] == ["reassign:", "release", "reassign"]
    assert "the operator is busy with another chat" in lines[0]
    assert "a | b\\n[bold]c" in lines[2]


ASKED = [
    (("--chat", "c4000001"), [("reassign", "done")]),
    (("--operator", "op-1"), [("reassign", "done")]),
    (("--operator", "op-2"), [("release", "done")]),
    (("--operator", "op-3"), [("reassign", "refused"), ("reassign", "done")]),
    (("--by", "ada"), [("release", "done")]),
    (("--by", "postgres"), [("reassign", "refused"), ("release", "done"), ("reassign", "done")]),
    (("--outcome", "refused"), [("reassign", "refused")]),
    (("--action", "release"), [("release", "done")]),
    (("--since", "1h"), [("reassign", "refused"), ("release", "done"), ("reassign", "done")]),
    (("--until", "1h"), []),
    (("--since", "2000-01-01", "--until", "2000-01-02T00:00Z"), []),
    (("--limit", "1"), [("reassign", "refused")]),
]
"""What is asked, and which actions are found."""


def test_the_log_is_asked_by_chat_operator_person_time_and_outcome(logged: Database, chatops_inprocess: Run) -> None:
    assert {words: shown(chatops_inprocess, logged, *words) for words, _ in ASKED} == dict(ASKED)


def test_a_plan_shows_what_it_did(logged: Database, chatops_inprocess: Run) -> None:
    plan = logged.value("select plan_id from chatops.actions where action = 'release'")
    assert shown(chatops_inprocess, logged, "--plan", str(plan)) == [("release", "done")]
    assert "no plan" in chatops_inprocess("log", "--plan", "nonsense", db=logged, check=2).stderr


def test_every_format_holds_what_was_before_and_after(logged: Database, chatops_inprocess: Run) -> None:
    rows = json.loads(chatops_inprocess("log", "-o", "json", db=logged, check=0).stdout)["actions"]
    assert [row["action"] for row in rows] == ["reassign", "release", "reassign"]
    first = rows[-1]
    assert first["before"]["chat"]["assigned_operator_id"] == str(operator_id(1))
    assert first["after"]["chat"]["assigned_operator_id"] == str(operator_id(3))
    assert (first["operator_before_id"], first["operator_after_id"]) == (str(operator_id(1)), str(operator_id(3)))
    table = list(csv.DictReader(io.StringIO(chatops_inprocess("log", "-o", "csv", db=logged, check=0).stdout)))
    assert [row["chat_id"] for row in table] == [str(chat_id(2)), str(chat_id(2)), str(chat_id(1))]
    assert "\\|" in chatops_inprocess("log", "-o", "markdown", db=logged, check=0).stdout
    assert "[bold" in chatops_inprocess("log", "-o", "plain", db=logged, check=0).stdout


def test_what_one_command_did_to_many_is_one_line_for_people_and_each_for_programs(
    core_database_everywhere: Database, chatops_inprocess: Run
) -> None:
    database = core_database_everywhere
    add_operators(database, 62)
    add_chats(database, 61, state="assigned", held_by=1)
    chatops_inprocess("reassign", "c4000001", "--to", "op-62", "--reason", "first", db=database, check=0)
    chatops_inprocess(
        "release", *(str(chat_id(one)) for one in range(2, 62)), "--reason", "gone", "--max", "99", db=database, check=0
    )
    chatops_inprocess("release", "c4000001", "--reason", "last", db=database, check=0)
    for terminal in ((80, 24), None):
        shown = chatops_inprocess("log", "--show-names", db=database, terminal=terminal, check=0, env={"PAGER": "cat"}).stdout
        lines = [line for line in shown.splitlines() if re.match(r"\s*\d+ ", line)]
        assert [re.findall(r"(reassign|release) +(\d+)", line)[0] for line in lines] == [
            ("release", "1"), ("release", "60"), ("reassign", "1")
        ]  # fmt: skip
        assert ["op-" in line for line in lines] == [True, False, True]
        command = next(line for line in shown.splitlines() if "--plan" in line).partition("chatops ")[2]
    words = command.split()
    each = chatops_inprocess(*words[words.index("log") :], "--limit", "99", db=database, check=0).stdout
    assert sum("c400" in line for line in each.splitlines()) == 60
    full = chatops_inprocess("log", "--full", "--limit", "99", db=database, check=0).stdout
    assert sum("c400" in line for line in full.splitlines()) == 62
    for words in (("-o", "jsonl"), ("-o", "csv")):
        assert sum("c400" in line for line in chatops_inprocess("log", *words, db=database, check=0).stdout.splitlines()) == 62
    whole = len(json.loads(chatops_inprocess("log", "-o", "json", db=database, check=0).stdout)["actions"])
    assert whole == database.value("select count(*) from chatops.actions") > 50
    some = chatops_inprocess("log", "--limit", "50", "-o", "json", db=database, check=0).stdout
    assert len(json.loads(some)["actions"]) == 50
    one = chatops_inprocess("log", "c4000007", db=database, check=0).stdout
    assert re.search(rf"release +1  +{chat_id(7)}", one)
    of_all = chatops_inprocess("log", "--all-schemas", "public", db=database, check=0).stdout
    assert re.search(r"release +60  ", of_all)


def test_names_are_hidden_where_logs_are_public(logged: Database, chatops_inprocess: Run) -> None:
    assert "op-3" not in chatops_inprocess("log", db=logged, check=0).stdout
    assert "op-3" in chatops_inprocess("log", "--show-names", db=logged, check=0).stdout


def test_a_database_without_a_log_says_so(core_database: Database, chatops_inprocess: Run) -> None:
    core_database.execute("drop schema chatops cascade")
    assert "nothing was logged here" in chatops_inprocess("log", db=core_database, check=4).stderr


def test_a_database_without_chats_has_a_log_all_the_same(database: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    (tmp_path / "001_f.sql").write_text("create or replace function f() returns int language sql as 'select 1'")
    folder = ("--dir", tmp_path, "--yes")
    chatops_inprocess("migrate", *folder, db=database, check=0)
    assert "No log entry" in chatops_inprocess("log", db=database, check=0).stdout
    database.execute("create or replace function f() returns int language sql as 'select 2'")
    chatops_inprocess("migrate", "--again", "001", *folder, db=database, check=0)
    rows = json.loads(chatops_inprocess("log", "-o", "json", db=database, check=0).stdout)["actions"]
    assert [row["operator_name"] for row in rows] == [None] * len(rows)
    assert len(rows) == 1


SENSELESS = [
    (("--since", "yesterday"), "--since takes"),
    (("--outcome", "good"), "--outcome is one of"),
    (("--action", "relaese"), "did you mean release"),
    (("--action", "guard onn"), "did you mean guard on"),
    (("--action", "release now"), "--action is one of guard on"),
    (("999",), "the log holds no action 999"),
    (("x",), "log takes an action's number, a chat or an operator"),
    (("nobody at all",), "log takes an action's number, a chat or an operator"),
    (("c4000001", "--chat", "c4000002"), "once"),
]
"""What cannot be asked, and what is said of it."""


def test_a_question_that_makes_no_sense_is_a_usage_error(logged: Database, chatops_inprocess: Run) -> None:
    for words, message in SENSELESS:
        assert message in chatops_inprocess("log", *words, db=logged, check=2).stderr, words


@pytest.mark.parametrize("terminal", [(80, 24), (40, 24), None])
def test_one_action_is_shown_with_what_was_before_and_what_takes_it_back(
    logged: Database, chatops_inprocess: Run, terminal: tuple[int, int] | None
) -> None:
    first, release, refused = (row[0] for row in logged.execute("select id from chatops.actions order by id"))
    text = chatops_inprocess("log", first, "--show-names", db=logged, terminal=terminal, check=0).stdout
    told = " ".join(text.split())
    assert told.startswith(f"Action {first}: reassign")
    assert str(chat_id(1)) in told
    for wanted in ("as role", "a | b\\n[bold]c", "reassign c4000001 --to op-3", "op-3", f"undo {first} --dry-run"):
        assert wanted in told, wanted
    before, after = str(operator_id(1)), str(operator_id(3))
    assert f"chat assigned operator id: {before} → {after}" in told
    for number, why in ((refused, "It cannot be undone: it changed nothing"), (release, f"undo {release} --dry-run")):
        assert why in " ".join(chatops_inprocess("log", f"#{number}", db=logged, terminal=terminal, check=0).stdout.split())
    row = json.loads(chatops_inprocess("log", first, "-o", "json", db=logged, check=0).stdout)
    assert [one["action_id"] for one in row["actions"]] == [first]
    assert row["actions"][0]["before"]["chat"]["assigned_operator_id"] == before
    chatops_inprocess("undo", first, "--yes", db=logged, check=0)
    assert "It cannot be undone: it was undone by action" in chatops_inprocess("log", first, db=logged, check=0).stdout


def test_a_chat_or_operator_may_be_named_as_it_is(logged: Database, chatops_inprocess: Run) -> None:
    assert shown(chatops_inprocess, logged, "c4000001") == [("reassign", "done")]
    assert shown(chatops_inprocess, logged, "op-2") == [("release", "done")]
    assert shown(chatops_inprocess, logged, str(chat_id(2)), "--outcome", "done") == [("release", "done")]


def test_an_action_is_found_by_its_first_word(latest_database: Database, chatops_inprocess: Run) -> None:
    for state in ("off", "on"):
        chatops_inprocess("guard", state, "--reason", "a late reply", "--yes", db=latest_database, check=0)
    assert shown(chatops_inprocess, latest_database, "--action", "guard") == [("guard on", "done"), ("guard off", "done")]
    assert shown(chatops_inprocess, latest_database, "--action", "guard on") == [("guard on", "done")]


def test_each_action_that_is_logged_can_be_asked_for_and_completed() -> None:
    paths = [path for name in ("queries", "repairs") for path in (sqlfiles.root() / name).rglob("*.sql")]
    inserts = re.compile(r"insert into chatops\.actions \(([^)]*)\)(?: overriding system value)?\s*select (.*)")
    logged = [found for path in paths for found in inserts.findall(path.read_text(encoding="utf-8"))]
    named = {given.split(",")[columns.split(", ").index("action")].strip() for columns, given in logged}
    literals = {one.strip("'").partition(" ")[0] for one in named if one.startswith("'")}
    assert {"repair", "guard", "again"} <= literals <= set(log.ACTIONS)
    offered = completion.actions(None, "")  # type: ignore[arg-type]
    assert [word for word, _ in offered] == list(log.ACTIONS)


def test_files_that_came_in_stand_under_the_log_as_the_ledger_knows_them(
    core_database: Database, chatops_inprocess: Callable[..., Result]
) -> None:
    """When, which files and who: migrate and adopt change the database as much as any action."""
    chatops_inprocess("adopt", "--to", "017", "--yes", db=core_database, check=0)
    chatops_inprocess("migrate", "--to", "019", "--yes", db=core_database, check=0)
    told = json.loads(chatops_inprocess("log", "-o", "json", db=core_database, check=0).stdout)["files"]
    assert [(one["command"], one["first_file"], one["last_file"], one["files"]) for one in told] == [
        ("migrate", "018_queue_clocks", "019_queue_indexes", 2), ("adopt", "001_chat_core", "017_fix_concurrent_messages", 5)
    ]  # fmt: skip
    assert all(one["database_role"] and one["at"] and not one["unfinished"] for one in told)
    shown = chatops_inprocess("log", db=core_database, terminal=(80, 30), check=0).stdout
    assert "018 to 019 (2 files)" in " ".join(shown.split())
    for words in (("--operator", "nobody-at-all"), ("--action", "release"), ("--since", "1ms")):
        found = chatops_inprocess("log", *words, "-o", "json", db=core_database)
        assert found.exit_code or "files" not in json.loads(found.stdout), words


def test_a_line_of_many_names_an_operator_only_where_it_was_the_same_of_all(logged: Database, chatops_inprocess: Run) -> None:
    for plan, operators in (("a" * 8, ("op-1", None)), ("b" * 8, ("op-1", "op-1")), ("c" * 8, (None, None))):
        for place, name in enumerate(operators):
            logged.execute(
                "insert into chatops.actions (action, code, plan_id, chat_id, operator_id) values ('repair', 'CHAT003',"
                " (%s || '-0000-0000-0000-000000000000')::uuid, %s, (select id from operators where name = %s))",
                (plan, chat_id(place + 1), name),
            )
    lines = chatops_inprocess("log", "--show-names", db=logged, check=0).stdout.splitlines()
    told = [line for line in lines if "repair CHAT003" in line]
    assert ["op-1" in line for line in told] == [False, True, False], told


def test_what_a_migration_repairs_is_one_line_whatever_the_codes_and_however_many_batches(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    database = latest_database
    place = database.value("select max(started_at) from chatops.runs")
    add = (
        "insert into chatops.actions (at, command, action, code, plan_id, outcome) values"
        " (%s::timestamptz + %s * interval '1 second', %s, %s, %s, null, 'done')"
    )
    # Each in a transaction of its own: batches of two codes, by migrate and by deploy, with an act of somebody between them.
    database.execute(add, (place, -3600, "migrate --yes", "repair", "CHAT001"))  # of a run that is not known
    for second, code in ((1, "CHAT001"), (2, "CHAT001"), (3, "CHAT003")):
        database.execute(add, (place, second, "migrate --yes", "repair", code))
    database.execute(add, (place, 4, "repair CHAT003", "repair", "CHAT003"))
    for second, code in ((5, "DATA001"), (6, "CHAT014"), (7, "CHAT014")):
        database.execute(add, (place, second, "deploy", "repair", code))
    lines = chatops_inprocess("log", db=database, check=0).stdout.splitlines()
    told = [" ".join(line.split()) for line in lines if "repair" in line and "chatops" not in line]
    last = log.span_of_files("001_chat_core", database.value("select max(name) from chatops.migrations where number > 0"))
    patterns = (f"migrate {last}: repairs 6 .*4 codes", "repair CHAT003 1 ", "migrate: repairs 1 .*CHAT001")
    for line, wanted in zip(told, patterns, strict=True):
        assert re.search(wanted, line), (line, wanted)
    each = chatops_inprocess("log", "--full", "--limit", "8", db=database, check=0).stdout
    assert each.count("repair ") == 8
    only = chatops_inprocess("log", "--since", "3599s", "--action", "repair", "-o", "json", db=database, check=0).stdout
    assert len(json.loads(only)["actions"]) == 7


def test_a_row_that_came_or_went_is_named(latest_database: Database, chatops_inprocess: Run) -> None:
    """Whatever an action kept of one row alone: what it is called stands where it says that it is gone."""
    cases = [
        ("back", "017_fix_concurrent_messages", '{"name": "017_fix_concurrent_messages"}', None, "is removed"),
        ("repair", "operator_activity", '{"operator_id": 1}', None, "is removed"),
        ("repair", "platform_config x", None, '{"value": 1}', "is added"),
        ("repair", None, '{"value": 1}', None, "is removed"),
    ]
    for action, row_id, before, after, says in cases:
        number = latest_database.value(
            "insert into chatops.actions (action, row_id, before, after) values (%s, %s, %s, %s) returning id",
            (action, row_id, before, after),
        )
        lines = chatops_inprocess("log", number, db=latest_database, check=0).stdout.splitlines()
        assert f"  {row_id or 'the row'} {says}" in lines, (action, row_id)


def test_since_when_the_user_waits_is_told_of_a_chat_that_moved(latest_database: Database, chatops_inprocess: Run) -> None:
    add_operators(latest_database, 2)
    add_chats(latest_database, 1)
    chatops_inprocess("reassign", "c4000001", "--to", "op-1", "--reason", "x", db=latest_database, check=0)
    number = latest_database.value("select max(id) from chatops.actions")
    waits = latest_database.value(
        "select to_char(waiting_since at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS') from chats where id = %s", (chat_id(1),)
    )
    told = chatops_inprocess("log", number, db=latest_database, check=0).stdout
    assert f"chat, as it was: waiting since {waits}" in told
    assert "assignment" in told
    assert "chat assigned operator id: — →" in told
    assert re.search(r"heartbeat \w+ chat id: — →", told)
