"""A help, followed to the letter, ends clean; numbers of migrations in it are those of the files that make what it speaks of."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable

import pytest

from chatops import sqlfiles
from chatops.chats import planting
from chatops.checks import by_files, load, repair_batches, run
from chatops.checks.findings import findings
from chatops.checks.results import Survey
from chatops.db import Database as Connection
from tests.ailing import SCHEMAS, TROUBLES, deployed, mended, opened, plant, populated
from tests.conftest import Result
from tests.servers import Database, Farm, Server
from tests.test_checks_long import stage, trials, undone, with_roles

__all__ = ["deployed", "mended"]

Run = Callable[..., Result]

BROKEN = {
    "it answers otherwise": None,
    "it raises": """create or replace function should_keep_assignment(p_chat_id uuid, p_current_state text, p_assigned_operator_id uuid)
        returns boolean language plpgsql as 'begin raise exception ''not today''; end'""",
    "one of a view's file raises": """create or replace function detect_stuck_chats(p_hours integer default 24) returns table (chat_id
        uuid, chat_state text, assigned_operator_id uuid, last_operator_id uuid, hours_in_state numeric, last_message_at timestamptz)
        language plpgsql as 'begin raise exception ''not today''; end'""",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_published_function_that_is_broken_is_made_again_by_what_the_help_says(
    latest_database: Database, chatops_inprocess: Run, how: str
) -> None:
    text = BROKEN[how]
    if text is None:
        plant(latest_database, "DB007")
    else:
        latest_database.execute(text)
    shown = chatops_inprocess("diagnose", "--only", "DB007", "-o", "json", db=latest_database, check=1).stdout
    finding = next(one for one in json.loads(shown)["findings"] if one["code"] == "DB007")
    assert finding["help_command"] or finding["help_sql"], shown
    if finding["help_command"]:
        assert "migrate --again" in finding["help_command"]
        chatops_inprocess(*shlex.split(finding["help_command"])[1:], "--yes", db=latest_database, check=0)
    else:
        latest_database.execute(finding["help_sql"])
    chatops_inprocess("verify", "--only", "DB007", db=latest_database, check=0)


def test_a_text_that_hangs_on_a_migration_is_told_by_whether_it_is_in() -> None:
    files = {name: sqlfiles.read(f"migrations/{name}.sql") for name in sqlfiles.names("migrations")}
    parts = 0
    for check in load.shipped():
        for text in filter(None, (check.why, check.consequence, check.help_text)):
            general = by_files.told(text, None)
            assert not re.search(r"\[(?:before|from) ", general), (check.code, general)
            for when, kind, made, words in re.findall(r"\[(before|from) (\w+) ([\w.]+): ([^\]]*)\]", text):
                parts += 1
                makes = re.compile(rf"create (or replace )?{kind} {made.rpartition('.')[2]}\b")
                file = next(name for name, source in files.items() if (name == made if kind == "file" else makes.search(source)))
                assert f"{when} {file[:3]}" in general, check.code
                said = " ".join(words.split()).strip("; ")
                for is_in in (True, False):
                    shown = by_files.told(text, lambda name, file=file, is_in=is_in: is_in if name == file else not is_in)
                    assert (said in shown) is (is_in is (when == "from")), (check.code, shown)
            named = re.sub(r"\[(?:before|from) [^\]]*\]", "", text)
            assert "chatops migrate" not in named, (check.code, named)
    assert parts >= 12


@pytest.mark.parametrize("code", ["OPER001", "CHAT012"])
def test_the_undoable_command_beside_a_repair_ends_clean_too_and_can_be_undone(
    deployed: Database, chatops_inprocess: Run, code: str
) -> None:
    plant(deployed, code)
    shown = chatops_inprocess("--db", deployed.url, "diagnose", "--only", code, "-o", "json", check=1).stdout
    finding = next(one for one in json.loads(shown)["findings"] if one["code"] == code)
    assert re.match(rf"chatops --db \S+ repair {code}", finding["help_command"])
    command = re.fullmatch(r"or chatops --db \S+ (\w+) --where (\w+), which undo takes back", finding["help_text"])
    assert command is not None
    chatops_inprocess(command[1], "--where", command[2], "--yes", "--reason", "a test", db=deployed, check=0)
    chatops_inprocess("diagnose", "--only", code, db=deployed, check=0)
    actions = [str(number) for (number,) in deployed.execute("select id from chatops.actions where outcome = 'done' order by id")]
    assert actions
    chatops_inprocess("undo", *actions[:1], "--yes", "--reason", "a test", db=deployed, check=0)


OF_MANY_ROWS = {
    "DB017": "alter table messages disable trigger user; alter table chats disable trigger user",
    "DB003": "drop index idx_chats_last_operator, chats_one_per_operator, chat_assignments_one_open_per_chat; drop view chat_state_summary",
    "DB033": "update chatops.migrations set applied_at = '1999-01-01' where name ~ '^0(18|19|20|21|22)'",
}
"""Troubles of more rows than a finding shows, each row with a help of its own."""


@pytest.mark.parametrize("code", OF_MANY_ROWS)
def test_each_row_of_a_finding_has_its_line_wherever_its_help_is_printed(
    latest_database: Database, chatops_inprocess: Run, code: str
) -> None:
    latest_database.execute(OF_MANY_ROWS[code])
    report = json.loads(chatops_inprocess("diagnose", "--only", code, "-o", "json", db=latest_database, check=1).stdout)
    (finding,) = report["findings"]
    helps = finding["helps"]
    assert len(helps) == len(set(helps)) == finding["count"] > 3 == len(finding["rows"])
    assert {finding["help_command"], finding["help_sql"]} - {None} <= set(helps)
    pages = [
        chatops_inprocess("diagnose", "--only", code, "--rows", rows, db=latest_database, terminal=(80, 24), check=1).stdout
        for rows in ("1", "3", "50")
    ]
    pages.append(chatops_inprocess("repair", code, db=latest_database, check=1).stdout)
    for page in pages:  # what is longer than the screen goes on on the next line
        shown = " ".join(page.replace(" \\\n", "\n").split())
        assert [one for one in helps if " ".join(one.split()) not in shown] == []
    assert f"chatops diagnose --only {code}" in chatops_inprocess("explain", code, check=0).stdout
    for one in helps:
        if one.startswith("chatops "):
            chatops_inprocess(*shlex.split(one)[1:], "--yes", db=latest_database, check=0)
        else:
            latest_database.execute(one)
    chatops_inprocess("verify", "--only", code, db=latest_database, check=0)


@pytest.mark.parametrize(
    ("trouble", "where"),
    [
        ("alter table chats disable trigger chatops_guard_chat",
         r" or chatops psql --write -- -c 'alter table chats enable trigger chatops_guard_chat;' help "),
        ("alter table chats disable trigger user", r" or chatops psql --write -- -c 'alter table chats [^']*' -c 'alter table "),
    ],
)  # fmt: skip
def test_a_help_in_sql_says_where_to_type_it(latest_database: Database, chatops_inprocess: Run, trouble: str, where: str) -> None:
    latest_database.execute(trouble)
    shown = chatops_inprocess("diagnose", "--only", "DB017", db=latest_database, terminal=(80, 24), check=1).stdout
    assert re.search(where, " ".join(shown.split())), shown


# ---- every check ---------------------------------------------------------------------------------------------------------

LOOKS = {"status", "summary", "queue", "stuck", "operators", "chats", "show", "log", "guard"}
"""Commands that show something and mend nothing."""
PEOPLE = {"CHAT013", "CHAT017", "QUEUE002", "QUEUE010", "QUEUE011", "OPER003", "OPER004", "OPER005"}
"""What only people can change: the command shows where, and a sentence says what they do."""
IN_WORDS = {"CHAT009", "CHAT010", "CHAT016", "DATA003", "DATA004", "DB002", "DB004", "DB012", "DB023",
            "DB027", "DB028", "DB032", "OPER002"}  # fmt: skip
"""What no statement mends that somebody could paste without thinking: what has happened, and what is the application's own."""
BY_COMMAND = {"CHAT015": "reassign", "CHAT018": "reopen", "CHAT019": "release", "CHAT020": "close", "QUEUE004": "reassign", "CONF002": "guard", "CONF003": "resume",
              "DB003": "migrate", "DB007": "migrate", "DB014": "migrate", "DB018": "migrate", "QUEUE003": "migrate"}  # fmt: skip
"""What a command mends that is no repair, where the row names no statement."""


def test_no_help_is_a_dead_end() -> None:
    repaired = set(repair_batches.shipped())
    by_sql = {check.code for check in load.shipped() if check.help_sql}
    for check in load.shipped():
        word = (check.help_command or "").partition(" ")[0]
        if word in LOOKS or check.code in PEOPLE:
            assert check.code in PEOPLE | {"CONF002", "QUEUE004"}, f"{check.code}: {word} mends nothing"
            assert check.help_text or check.code == "CONF002", f"{check.code}: nothing says what to do"
        if word == "repair":
            assert check.code in repaired, check.code
        if check.code in IN_WORDS | PEOPLE:
            assert "a person decides" in (check.help_text or ""), check.code
    everything = repaired | by_sql | PEOPLE | IN_WORDS | set(BY_COMMAND) | {"OPER006"}
    assert {check.code for check in load.shipped()} == everything


def followed(connection: Connection, found: Survey) -> bool:
    """Runs the statements of the first finding as they are; whether there were some."""
    told = findings(found, lambda *words: " ".join(words))
    if not told or told[0].sql is None:
        return False
    connection.script(told[0].sql.replace(" CONCURRENTLY", "").replace(" concurrently", ""))
    return True


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_statements_of_every_help_end_clean(
    new_database: Callable[..., Database], farm: Farm, server: Server, schema: str
) -> None:
    database = populated(new_database, farm, server, schema)
    with_roles(database)
    left, tried = [], set()
    with trials(database, schema) as trial:
        for code in trial.possible():
            check = next(one for one in load.shipped() if one.code == code)
            if not check.help_sql or code in ("DB015", "DB016", "DB011"):
                continue
            with undone(trial.database):
                if code in TROUBLES:
                    stage(trial.database, TROUBLES[code].text)
                else:
                    planting.plant_here(trial.database, code)
                for _ in range(5):
                    found = run.run(trial.database, [check], whole_seconds=60)
                    if found.results[0].status == "passed" or not followed(trial.database, found):
                        break
                    tried.add(code)
                if code in tried and found.results[0].status != "passed":
                    left.append(f"{code}: {[dict(row) for row in found.results[0].rows]}")
    assert left == []
    # Of the others the help is a command on this schema.
    assert len(tried) >= (10 if schema == "latest" else 8), tried


@pytest.mark.parametrize("code", ["CHAT018", "CHAT019", "DB007", "DB018"])
def test_the_command_of_a_help_ends_clean(mended: Database, chatops_inprocess: Run, code: str) -> None:
    if code in TROUBLES:
        with opened(mended, "act") as connection, connection.acting():
            stage(connection, TROUBLES[code].text)
    else:
        plant(mended, code)
    for _ in range(3):
        shown = chatops_inprocess("diagnose", "--only", code, "-o", "json", db=mended).stdout
        finding = next((one for one in json.loads(shown)["findings"] if one["code"] == code), None)
        if finding is None or finding["help_command"] is None:
            break
        assert f" {BY_COMMAND[code]} " in finding["help_command"]
        words = [word for word in shlex.split(finding["help_command"])[1:] if word != "--dry-run"]
        reason = () if "migrate" in words else ("--reason", "a test")
        chatops_inprocess(*words, "--yes", *reason, db=mended, check=0)
    chatops_inprocess("diagnose", "--only", code, db=mended, check=0)


@pytest.mark.parametrize("schema", ["Acme Chat", "select"])
def test_statements_of_a_help_name_the_schema_that_they_are_for(database: Database, chatops_inprocess: Run, schema: str) -> None:
    database.execute(f'create schema "{schema}"')
    chatops_inprocess("--schema", schema, "migrate", "--yes", db=database, check=0)
    database.execute(f'drop index "{schema}".idx_chats_last_operator')
    database.execute(f'drop view "{schema}".chat_state_summary')
    database.execute(f'alter table "{schema}".chats disable trigger chatops_guard_chat')
    for _ in range(6):
        report = json.loads(chatops_inprocess("--schema", schema, "diagnose", "-o", "json", db=database).stdout)
        wrong = [one for one in report["findings"] if one["severity"] != "advice"]
        if not wrong:
            break
        if wrong[0]["help_sql"]:
            # As pasted into psql: each statement by itself, with the path that a session has.
            assert database.psql(wrong[0]["help_sql"]).returncode == 0
        else:
            chatops_inprocess(*shlex.split(wrong[0]["help_command"])[1:], "--yes", db=database, check=0)
    assert wrong == []
