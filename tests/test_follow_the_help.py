"""What diagnose prints is done as printed, again and again: it comes to an end, and what is left says that a person decides, and how."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from chatops.chats import planting, population
from tests.ailing import mended, opened
from tests.conftest import Result, _command
from tests.harms_together import LOUD
from tests.servers import Database

__all__ = ["mended"]

Run = Callable[..., Result]
Found = dict[str, Any]
MOST_ROUNDS = 8
"""More than any chain of troubles is long, each of which hides the next."""
LOOKS = {"status", "summary", "queue", "stuck", "operators", "chats", "show", "log", "guard", "diagnose", "explain", "verify"}
"""Commands that show something and change nothing."""
WITH_REASON = {"release", "reassign", "close", "reopen", "drain"}
NOT_FILLED = re.compile(r"<\w+>|(?<![\w-])(?:CHAT|OPERATOR|CODE|NAME|FILE|…)(?![\w])")
"""What stands for a value that somebody would have to look up."""


def found(database: Database, run: Run) -> list[Found]:
    told: list[Found] = json.loads(run("diagnose", "-o", "json", "--rows", "50", db=database).stdout)["findings"]
    return told


def done(database: Database, run: Run, text: str) -> str | None:
    """Does what a help says, as printed; what went wrong."""
    if not text.startswith("chatops "):
        pasted = database.psql(text)
        return None if pasted.returncode == 0 else f"{text}: {pasted.stderr}"
    words = [word for word in shlex.split(text)[1:] if word != "--dry-run"]
    if words[0] in LOOKS:
        return None
    yes = () if "--once" in words else ("--yes",)
    reason = ("--reason", "a test") if words[0] in WITH_REASON else ()
    ended = run(*words, *yes, *reason, db=database)
    # Of a set whatever can move is moved, and the rest refused.
    some = ended.exit_code == 4 and "--where" in words and re.search(r"^[1-9]\d* of \d+ chats ", ended.stdout, re.MULTILINE)
    return None if ended.exit_code == 0 or some else f"{text}: {ended.exit_code} {ended.stdout}{ended.stderr}"


def followed(database: Database, run: Run) -> list[Found]:
    """What is left when nothing is printed any more that changes something.

    What another finding's help has done already fails; it is not printed again, then.
    """
    before: list[str] = []
    wrong: dict[str, str] = {}
    for _ in range(MOST_ROUNDS):
        findings = found(database, run)
        helps = list(dict.fromkeys(text for finding in findings for text in finding["helps"]))
        acts = [text for text in helps if not (text.startswith("chatops ") and text.split()[1] in LOOKS)]
        assert [why for text, why in wrong.items() if text in acts] == []
        if not acts or acts == before:
            break
        before = acts
        wrong = {text: told for text in acts if (told := done(database, run, text)) is not None}
    assert acts == [], "it does not come to an end"
    return findings


def is_left_to_a_person(database: Database, run: Run, left: list[Found]) -> None:
    """Each of these says that a person decides, and how, with all values filled in; what is offered can be tried."""
    for finding in left:
        words = finding["help_text"]
        assert "a person decides" in words, finding["code"]
        assert not NOT_FILLED.search(words), words
        page = run("diagnose", "--only", finding["code"], db=database).stdout
        commands = re.findall(r"chatops (\w[^:;(),]*?)(?= (?:says|shows|takes|gives)|[:;(),]|$)", words)
        statements = re.findall(r"(?:begin|drop|revoke|delete|alter|update) [^`]*;", words)
        assert commands or statements, words
        assert words in page


IN_THE_WAY = """
    alter table chats drop constraint chats_real_user_id_fictional_user_id_key;
    alter table chat_assignments drop constraint chat_assignments_chat_id_fkey;
    alter table chats drop constraint chats_real_user_id_fkey, drop constraint chats_completed_when_inactive;
    drop trigger chatops_apply_message on messages;
    drop index chats_one_per_operator, chat_assignments_one_open_per_chat, idx_chats_queue;
    set session_replication_role = replica;
    insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, message_count, last_message_at)
    select gen_random_uuid(), c.real_user_id, c.fictional_user_id, 'waiting_assignment', true, 1, now() from chats c
     where c.is_active order by c.id limit 2;
    insert into messages (chat_id, sender_type, content) select id, 'real', 'and here?' from chats where last_message_at = now();
    insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, message_count, last_message_at)
    select gen_random_uuid(), c.real_user_id, c.fictional_user_id, 'completed', false, 0, null from chats c
     where c.chat_state = 'waiting_real_user_reply' order by c.id limit 3;
    delete from chats where id in (select id from chats where chat_state = 'waiting_real_user_reply' order by id desc limit 2);
    delete from real_users where id in (select real_user_id from chats where chat_state = 'waiting_real_user_reply' order by id desc limit 2);
    update chats set is_active = false where id in (select id from chats where chat_state = 'waiting_real_user_reply' order by id limit 2);
    update chats set assigned_operator_id = (select assigned_operator_id from chats where chat_state = 'assigned' order by id limit 1)
     where id = (select id from chats where chat_state = 'assigned' order by id offset 1 limit 1);
    alter table operator_activity drop constraint operator_activity_chat_id_operator_id_key;
    insert into operator_activity (chat_id, operator_id, last_activity, updated_at)
    select a.chat_id, a.operator_id, a.last_activity, now() from operator_activity a order by a.chat_id limit 1;
    alter table messages drop constraint messages_sender_type_check;
    insert into messages (chat_id, sender_type, content) select id, 'system', '' from chats order by id limit 1;
    alter table messages add constraint said_something check (content <> '') not valid;
"""
"""Keys, CHECKs, triggers and indexes that are gone, and rows that came meanwhile and stand in their way."""


@pytest.mark.full  # the demo is healed by the same (tests/test_demo.py)
def test_all_planted_troubles_of_the_deployed_system(new_database: Callable[..., Database], chatops_inprocess: Run) -> None:
    database = new_database()
    _command(database.url, "migrate", "--to", "017", "--yes")
    with opened(database) as connection:
        population.populate(connection, size=population.SMALLEST, seed=1)
        planting.plant_all(connection)
    left = followed(database, chatops_inprocess)
    is_left_to_a_person(database, chatops_inprocess, left)


def test_objects_that_are_missing_and_rows_that_stand_in_their_way(mended: Database, chatops_inprocess: Run) -> None:
    planted = mended.psql(IN_THE_WAY)
    assert planted.returncode == 0, planted.stderr
    left = followed(mended, chatops_inprocess)
    is_left_to_a_person(mended, chatops_inprocess, left)


@pytest.mark.full  # each by itself: tests/test_structure.py
def test_what_people_and_tools_do_at_night(migrated_application_database: Database, chatops_inprocess: Run) -> None:
    database = migrated_application_database
    for harm in LOUD:
        if "pg_database" not in harm.text:
            database.psql(harm.text)
    left = followed(database, chatops_inprocess)
    is_left_to_a_person(database, chatops_inprocess, left)
