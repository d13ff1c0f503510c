"""Words of other tools, codes and numbers where people type them: each brings what chatops has for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from chatops.cli import COMMANDS
from chatops.flows.other_words import WORDS
from tests.servers import Database

Chatops = Callable[..., Any]

NAMES = {name for _, name, _ in COMMANDS}

SAID = (
    (("rollback", "017"), "no migration is taken back", "chatops undo ACTION"),
    (("down",), "no migration is taken back", "chatops new NAME"),
    (("db", "push"), "applying the pending files is migrate", "chatops migrate --dry-run"),
    (("migrations", "list"), "which files are in is status", "chatops status"),
    (("makemigrations",), "made by new", "chatops new NAME"),
    (("repair-ledger",), "put right by adopt", "chatops adopt --edited FILE"),
    (("migrate", "up", "2"), "migrate takes no up", "chatops migrate --dry-run"),
    (("migrate", "status"), "status is a command of its own", "chatops status"),
    (("migrate", "017"), "did you mean --to 017?", "chatops migrate --help"),
    (("status", "017"), "did you mean --to 017?", "chatops status --help"),
    (("verify", "schema", "chat001"), "did you mean --only CHAT001?", "chatops verify --help"),
    (("verify", "shema"), "did you mean schema?", ""),
    (("verify", "CHAT99"), "there is no check 'CHAT99'; did you mean", "chatops explain"),
    (("explain", "stuck"), "there is no check 'stuck'; did you mean CHAT013", "chatops explain"),
    (("explain", "Chat3"), "there is no check 'Chat3'; did you mean CHAT003", "chatops explain"),
)


def test_what_was_meant_is_said(chatops_inprocess: Chatops) -> None:
    for words, says, step in SAID:
        told = " ".join(chatops_inprocess(*words, check=2).stderr.split())
        assert says in told, (words, told)
        assert step in told, (words, told)


def test_every_answer_names_commands_that_there_are(chatops_inprocess: Chatops) -> None:
    assert not WORDS.keys() & NAMES
    for found in set(WORDS.values()):
        for _, step in found.steps:
            name, *more = step.split()
            assert name in NAMES, step
            page = chatops_inprocess(name, "--help", check=0).stdout
            assert all(re.search(rf"{word}\b", page) for word in more if word.startswith("-")), step


def test_a_code_at_the_place_of_a_chat_or_a_group_is_that_check(core_database: Database, chatops_inprocess: Chatops) -> None:
    for words in (("diagnose", "CHAT007"), ("diagnose", "chat007"), ("verify", "chat007,")):
        told = chatops_inprocess(*words, "-o", "json", db=core_database)
        asked = chatops_inprocess(words[0], "--only", "CHAT007", "-o", "json", db=core_database)
        assert told.exit_code == asked.exit_code
        assert told.stdout.count('"CHAT') == asked.stdout.count('"CHAT') > 0


def test_a_number_below_what_is_in_takes_nothing_back(latest_database: Database, chatops_inprocess: Chatops) -> None:
    last = chatops_inprocess("migrate", db=latest_database, check=0).stdout
    for words in (("migrate", "--to", "016"), ("migrate", "--to", "17", "--dry-run"), ("status", "--to", "016"),
                  ("deploy", "--to", "017", "--dry-run", "--skip-code")):  # fmt: skip
        told = " ".join(chatops_inprocess(*words, db=latest_database, check=0).stdout.split())
        assert f"--to {words[2]} takes nothing back: " in told, told
        assert "Do it:" not in told
    assert "takes nothing back" not in last


def test_a_database_without_the_platform_is_asked_about_first(database: Database, chatops_inprocess: Chatops) -> None:
    with database.role("visitor") as role:
        url = database.url.replace("://postgres@", f"://{role}@")
        for words in (
            ("doctor",),
            ("verify",),
            ("diagnose",),
            ("adopt",),
            ("migrate", "--dry-run"),
            ("deploy", "--dry-run", "--skip-code"),
        ):
            shown = chatops_inprocess(*words, db=url)
            told = " ".join((shown.stdout + shown.stderr).split())
            assert shown.exit_code in (1, 4), words
            assert f"is {database.name} the right database?" in told, (words, told)
            assert " config" in told.partition("right database?")[2]
            assert "grant create" not in told.partition("right database?")[0]


def test_forgetting_says_what_the_file_is(latest_database: Database, chatops_inprocess: Chatops) -> None:
    for name, says in (("017", "was applied, not missing or adopted"), ("99", "has a file 99")):
        assert says in " ".join(chatops_inprocess("adopt", "--forget", name, "--yes", db=latest_database, check=2).stderr.split())
