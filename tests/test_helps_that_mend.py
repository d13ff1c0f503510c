"""A help, followed to the letter, ends clean; numbers of migrations in it are those of the files that make what it speaks of."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable

import pytest

from chatops import sqlfiles
from chatops.checks import load
from tests.ailing import deployed, plant
from tests.conftest import Result
from tests.servers import Database

__all__ = ["deployed"]

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


def test_the_numbers_in_helps_are_those_of_the_files() -> None:
    files = {name[:3]: sqlfiles.read(f"migrations/{name}.sql") for name in sqlfiles.names("migrations")}
    named = 0
    for check in load.shipped():
        assert "{made by" not in (check.help_text or ""), check.code
        for number in re.findall(r"\((\d{3}) and up\)", check.help_text or ""):
            named += 1
            source = re.search(r"\{made by (\w+) ([\w.]+)\}", sqlfiles.read(f"checks/{check.code}.sql"))
            assert source is not None, f"{check.code} names {number} by hand"
            name = source[2].rpartition(".")[2]
            makes = re.compile(rf"create (or replace )?{source[1]} {name}\b")
            assert next(one for one, text in files.items() if makes.search(text)) == number, check.code
    assert named >= 4


@pytest.mark.parametrize("code", ["OPER001", "CHAT012"])
def test_the_undoable_command_beside_a_repair_ends_clean_too_and_can_be_undone(
    deployed: Database, chatops_inprocess: Run, code: str
) -> None:
    plant(deployed, code)
    shown = chatops_inprocess("diagnose", "--only", code, "-o", "json", db=deployed, check=1).stdout
    finding = next(one for one in json.loads(shown)["findings"] if one["code"] == code)
    assert finding["help_command"].startswith(f"chatops repair {code}")
    command = re.fullmatch(r"or chatops (\w+) --where (\w+), which undo takes back", finding["help_text"])
    assert command is not None
    chatops_inprocess(command[1], "--where", command[2], "--yes", "--reason", "a test", db=deployed, check=0)
    chatops_inprocess("diagnose", "--only", code, db=deployed, check=0)
    actions = [str(number) for (number,) in deployed.execute("select id from chatops.actions where outcome = 'done' order by id")]
    assert actions
    chatops_inprocess("undo", *actions[:1], "--yes", "--reason", "a test", db=deployed, check=0)
