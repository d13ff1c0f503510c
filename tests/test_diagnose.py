"""`chatops diagnose` and `explain`: the verdict first, the worst next, and for each a command that works as printed."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from chatops.chats import planting
from chatops.checks import by_files, findings, load, repair_batches
from chatops.render.plain import unstyled
from chatops.screens import diagnose
from chatops.screens.lines import Reader
from tests.ailing import deployed, look, mended, opened, plant
from tests.conftest import Result
from tests.servers import Database

__all__ = ["deployed", "mended"]

Run = Callable[..., Result]


def here(*words: str) -> str:
    return " ".join(("chatops", *words))


def lines_for(database: Database, width: int, *, short: bool = True) -> list[str]:
    answer = diagnose.diagnosis(look(database), "test · here/db as me", Reader(width, short, True, here))
    return [unstyled(line) for block in answer.body if not hasattr(block, "rows") for line in block.lines]


# ---- what it says -------------------------------------------------------------------------------------------------------


def test_a_healthy_system_is_one_line(latest_database: Database, chatops_inprocess: Run) -> None:
    shown = chatops_inprocess("diagnose", db=latest_database, check=0).stdout
    assert shown.count("\n") == 1
    total = len(load.shipped())
    assert re.search(rf"UTC · healthy: {total} of {total} checks, 0 chats, 0 waiting, [0-9.]+ s\n$", shown)


def test_the_first_line_is_the_verdict_with_place_time_and_coverage(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "CHAT003")
    plant(deployed, "CHAT014")
    first = chatops_inprocess("diagnose", db=deployed, check=1).stdout.splitlines()[0]
    total = len(load.shipped())
    assert re.match(
        rf"1 critical, 1 warning, \d advice · not production · 127\.0\.0\.1:\d+/\S+ as postgres · \d\d:\d\d:\d\d UTC · "
        rf"{total} of {total} checks ran · history: last 24 h · [0-9.]+ s$",
        first,
    ), first
    everything = chatops_inprocess("diagnose", "--since", "all", "--ignore", "DB001,QUEUE003", db=deployed, check=1).stdout
    assert "history: all of it" in everything
    assert "without DB001, QUEUE003" in everything


def test_findings_stand_worst_first_and_unknown_ones_last(deployed: Database, chatops_inprocess: Run) -> None:
    for code in ("CONF001", "CHAT001", "CHAT008", "CHAT003"):
        plant(deployed, code)
    deployed.execute("drop function get_assignment_queue_status()")
    shown = chatops_inprocess("diagnose", db=deployed, check=1).stdout
    words = re.findall(r"^(CRITICAL|WARNING|ADVICE|UNKNOWN) ", shown, flags=re.MULTILINE)
    assert words == sorted(words, key=["CRITICAL", "WARNING", "ADVICE", "UNKNOWN"].index)
    assert words[:2] == ["CRITICAL", "CRITICAL"]
    assert words[-1] == "UNKNOWN"


def test_a_limit_says_where_it_comes_from(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    plant(deployed, "OPER001")
    shown = chatops_inprocess("diagnose", "--only", "OPER001", db=deployed, check=1).stdout
    assert "idle_timeout_minutes 5 min (platform_config) · idle_grace_minutes 2 min (default)" in shown
    (tmp_path / "chatops.toml").write_text(f'[env.test]\nurl = "{deployed.url}"\n[env.test.thresholds]\nidle_grace_minutes = 3\n')
    shown = chatops_inprocess("diagnose", "--only", "OPER001", "--threshold", "idle_timeout_minutes=6", check=1).stdout
    assert "idle_timeout_minutes 6 min (--threshold) · idle_grace_minutes 3 min (chatops.toml)" in shown
    assert "chatops --env test repair OPER001 --dry-run" not in shown or "[env.test]" not in shown
    wrong = chatops_inprocess("diagnose", "--threshold", "idle_timeout_minutes=soon", db=deployed, check=2)
    assert "--threshold takes NAME=NUMBER" in wrong.stderr


def test_of_many_rows_three_are_shown_and_a_command_for_the_others(deployed: Database, chatops_inprocess: Run) -> None:
    deployed.execute(
        """update chats set last_operator_id = null where id in (
             select id from chats where chat_state = 'waiting_real_user_reply' and is_active order by id limit 8)"""
    )
    shown = chatops_inprocess("diagnose", "--only", "CHAT014", db=deployed, check=1).stdout
    more = re.search(r"and 5 more: chatops (.+)$", shown, flags=re.MULTILINE)
    assert more is not None
    assert more[1] == "diagnose --only CHAT014 --rows 8"
    again = chatops_inprocess(*shlex.split(more[1]), db=deployed, check=1).stdout
    assert again.count("answered by") == 8
    assert "more:" not in again


def test_the_exit_code_is_for_scripts(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "CHAT014")
    chatops_inprocess("diagnose", db=deployed, check=1)
    chatops_inprocess("diagnose", "--fail-on", "critical", db=deployed, check=0)
    chatops_inprocess("diagnose", "--fail-on", "never", db=deployed, check=0)
    chatops_inprocess("diagnose", "--ignore", "CHAT014", db=deployed, check=0)
    chatops_inprocess("diagnose", "--ignore", "CHAT014", "--fail-on", "advice", db=deployed, check=1)
    deployed.execute("drop function get_assignment_queue_status()")
    chatops_inprocess("diagnose", "--only", "QUEUE003", db=deployed, check=1)
    assert "there is no check 'CHAT099'" in chatops_inprocess("diagnose", "--only", "CHAT099", db=deployed, check=2).stderr


def test_verify_and_diagnose_agree(deployed: Database, chatops_inprocess: Run) -> None:
    for code in ("CHAT003", "CHAT010", "CONF001"):
        plant(deployed, code)
    verified = json.loads(chatops_inprocess("verify", "-o", "json", db=deployed, check=1).stdout)["checks"]
    diagnosed = json.loads(chatops_inprocess("diagnose", "-o", "json", db=deployed, check=1).stdout)["findings"]
    failed = {(row["code"], row["count"]) for row in verified if row["status"] == "failed"}
    groups = {check.code: check.group for check in load.shipped()}
    assert failed == {(row["code"], row["count"]) for row in diagnosed if groups[row["code"]] != "now"}


def test_every_printed_command_parses_and_the_sql_runs(deployed: Database, chatops_inprocess: Run) -> None:
    for code in planting.codes():
        if code not in ("DB004", "DB006", "DB008", "DB003", "DATA005"):  # after DATA005 no command acts until it is mended
            plant(deployed, code)
    found = json.loads(chatops_inprocess("diagnose", "-o", "json", db=deployed, check=1).stdout)["findings"]
    assert len(found) > 25
    for finding in found:
        if finding["help_command"]:
            words = shlex.split(finding["help_command"])
            assert words[0] == "chatops"
            ran = chatops_inprocess(*words[1:], db=deployed)
            # A database without a ledger is to be adopted before it is migrated.
            adopt_first = words[1] == "migrate" and "chatops adopt --to" in ran.stderr
            # Planted faults of one chat may forbid its move (4: some were refused), and the plan says which.
            refused = ran.exit_code == 4 and " refused" in ran.stdout
            assert ran.exit_code in (0, 1) or refused or adopt_first, (finding["code"], finding["help_command"], ran.stderr)
        elif finding["help_sql"] and "terminate" not in finding["help_sql"]:
            # A constraint that had to go for a plant comes back when the rows are mended.
            with contextlib.suppress(*([psycopg.errors.CheckViolation] if finding["code"] == "DB003" else [])):
                deployed.execute(finding["help_sql"])
        else:
            assert finding["help_text"] or finding["help_sql"]


def test_a_preview_leads_to_the_fix_and_the_fix_to_a_clean_finding(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "CHAT003")
    finding = json.loads(chatops_inprocess("diagnose", "-o", "json", db=deployed, check=1).stdout)["findings"][0]
    preview = chatops_inprocess(*shlex.split(finding["help_command"])[1:], db=deployed, check=0).stdout
    do_it = re.search(r"do it: chatops (.+)$", preview, flags=re.MULTILINE)
    assert do_it is not None
    done = chatops_inprocess(*shlex.split(do_it[1]), db=deployed, check=0).stdout
    again = re.search(r"look again: chatops (.+)$", done, flags=re.MULTILINE)
    assert again is not None
    assert "CHAT003 passed" in chatops_inprocess(*shlex.split(again[1]), db=deployed, check=0).stdout


# ---- one chat -------------------------------------------------------------------------------------------------------------


def test_one_chat_shows_its_state_its_history_and_what_is_wrong_with_it(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "CHAT003")
    plant(deployed, "CHAT014")
    ailing = str(
        deployed.value("select id from chats where chat_state = 'waiting_assignment' and assigned_operator_id is not null")
    )
    shown = chatops_inprocess("diagnose", ailing[:8], db=deployed, check=1).stdout
    assert shown.startswith(ailing)
    assert "waiting · held by" in shown
    assert "user wrote" in shown
    assert "Are you there?" not in shown
    assert "CHAT003" in shown
    assert "CHAT014" not in shown
    chatops_inprocess("repair", "--chat", ailing, "--reason", "a test", db=deployed, check=0)
    after = chatops_inprocess("diagnose", ailing, db=deployed, check=0).stdout
    assert "nothing is wrong with it" in after
    assert "repair CHAT003" in after
    found = json.loads(chatops_inprocess("diagnose", ailing, "-o", "json", db=deployed, check=0).stdout)
    assert found["chat"]["chat_id"] == ailing
    assert [event["at"] for event in found["events"]] == sorted(event["at"] for event in found["events"])
    assert "no chat matches" in chatops_inprocess("diagnose", "ffffffff-ffff", db=deployed, check=2).stderr


# ---- how it looks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 40])
def test_it_fits_the_terminal_but_commands_stand_unbroken(deployed: Database, width: int) -> None:
    for code in ("CHAT001", "CHAT003", "CHAT012", "OPER001", "CONF001", "DB003", "DATA002"):
        plant(deployed, code)
    for line in lines_for(deployed, width):
        assert len(line) <= width or "chatops " in line or ";" in line or " " not in line.strip(), line


def test_text_from_the_database_cannot_steer_the_terminal(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "OPER001")
    deployed.execute("update operators set name = E'\\x1b[2J[bold]Eve|\\n\\u202eevil'")
    shown = chatops_inprocess("diagnose", "--show-names", db=deployed, check=1).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]Eve|\\n" in shown
    markdown = chatops_inprocess("diagnose", "--show-names", "-o", "markdown", db=deployed, check=1).stdout
    assert "\\[bold\\]Eve\\|" in markdown


def test_names_of_people_are_initials_off_a_terminal(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "OPER001")
    assert "Wanda" not in chatops_inprocess("diagnose", db=deployed, check=1).stdout
    assert "Wanda Fort" in chatops_inprocess("diagnose", "--show-names", db=deployed, check=1).stdout
    rows = json.loads(chatops_inprocess("diagnose", "-o", "json", db=deployed, check=1).stdout)["findings"]
    assert "Wanda" not in json.dumps(rows)


def test_titles_count_one_and_many() -> None:
    check = next(check for check in load.shipped() if check.code == "CHAT003")
    assert check.heading(1) == "in 1 chat state and operator contradict each other"
    assert check.heading(1234).startswith("in 1,234 chats")


def test_values_in_a_command_are_quoted() -> None:
    assert findings._filled_exactly("alter table {relation} x {object};", {"relation": "chats", "object": 'my "own"'}) == (
        'alter table chats x "my ""own""";'
    )


def test_nothing_is_written_by_looking(deployed: Database) -> None:
    with opened(deployed) as database:
        with database.reading():
            pass
        assert database.wrote is False


# ---- explain ---------------------------------------------------------------------------------------------------------------


def test_every_code_is_explained_offline(chatops_inprocess: Run) -> None:
    listed = chatops_inprocess("explain", check=0).stdout
    for check in load.shipped():
        assert check.code in listed
        told = chatops_inprocess("explain", check.code.lower(), check=0).stdout
        assert by_files.told(check.why, None) in told
        assert check.question in told
        if check.code in repair_batches.shipped():
            assert "repair  " in told
    for phrase in ("operator loses the chat", "gets the same chat again", "stats seem wrong", "nobody answers"):
        assert f"“{phrase}”" in listed
    assert "did you mean CHAT003, " in chatops_inprocess("explain", "CHAT3", check=2).stderr
    assert "did you mean QUEUE011, " in chatops_inprocess("explain", "queue", "11", check=2).stderr


def test_the_query_can_be_pasted_into_psql(deployed: Database, mended: Database, chatops_inprocess: Run) -> None:
    now, before = "", ""  # one psql for all of them: each ends by itself
    for check in load.shipped():
        text = chatops_inprocess("explain", check.code, "--sql", check=0).stdout
        after, _, until = text.partition("-- before migration 021:")
        assert after.rstrip().endswith(";")
        now += f"\\echo {check.code}\n{after}\n"
        before += f"\\echo {check.code}\n{until}\n" if until else ""
    for database, texts in ((mended, now), (deployed, before)):
        ran = database.psql(texts)
        assert ran.returncode == 0, (ran.stdout[-200:], ran.stderr)
