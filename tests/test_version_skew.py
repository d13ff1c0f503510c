"""A database that a newer chatops has been at: every command leads with it, reading goes on, writing refuses and changes nothing.

By default every command is tried on the first of what may have been left, and in turns on the others; with CHATOPS_TEST_LONG=1 on all.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from chatops import __version__
from chatops.cli import COMMANDS
from tests.conftest import LONG, Result
from tests.desk import Desk
from tests.servers import Database

Run = Callable[..., Result]

NEWER = "update chatops.migrations set chatops_version = '0.10.2'"
LEFT = {
    "a later file": (
        """insert into chatops.migrations (target_schema, source, name, number, kind, checksum, state, chatops_version, applied_at)
           values ('public', 'chatops', '099_of_tomorrow', 99, 'versioned', 'x', 'applied', '9.9', now())""",
        "099_of_tomorrow is in; install chatops 9.9 or newer",
    ),
    "another text of a view": (
        f"""do $$ begin execute 'create or replace view chat_state_summary as select *, 1 as mood from ('
              || rtrim(pg_get_viewdef('chat_state_summary'::regclass), ';') || ') as s'; end $$;
            {NEWER}, checksum = 'x' where name = 'views/chat_state_summary'""",
        "a newer views/chat_state_summary is in; install chatops 0.10.2 or newer",
    ),
    "a view of its own": (
        """insert into chatops.migrations (target_schema, source, name, kind, checksum, state, chatops_version, applied_at)
           values ('public', 'chatops', 'views/moods', 'repeatable', 'x', 'applied', '0.10.2', now())""",
        "views/moods is in; install chatops 0.10.2 or newer",
    ),
    "another text of a file": (
        f"{NEWER}, checksum = 'x' where name = '021_write_path'",
        "a newer 021_write_path is in; install chatops 0.10.2 or newer",
    ),
    "a column of its own": (
        "alter table chatops.actions add mood text; insert into chatops.runs (command, chatops_version) values ('adopt', '1.0')",
        "column chatops.actions.mood is in; install chatops 1.0 or newer",
    ),
}
"""What a newer version may have left: how, and what is said of it."""

READING = (
    "status", "migrate --dry-run", "adopt --dry-run", "verify", "diagnose", "summary", "queue", "stuck", "chats", "operators",
    "show chat CHAT", "show operator Ann", "log", "guard", "doctor", "remove --dry-run", "snooze --store", "monitor --once --state w.json",
)  # fmt: skip
WRITING = (
    "migrate --yes", "migrate --again 017 --yes", "adopt --ledger-only --yes", "adopt --through 017 --yes",
    "adopt --edited 021 --yes", "deploy --skip-code --yes", "monitor --once --store", "diagnose --rehearse --yes",
    "verify --scenarios --yes", "repair --yes --reason x", "release CHAT --yes --reason x", "reassign CHAT --to Bob --yes --reason x",
    "close CHAT --yes --reason x", "reopen CHAT --yes --reason x", "drain Ann --yes --reason x", "undrain Ann --yes --reason x",
    "pause --for 5m --yes --reason x", "resume", "undo 1 --yes --reason x", "guard off --for 5m --yes --reason x", "guard on",
    "snooze CHAT013 --until 2031-01-01 --reason x --store --yes", "snooze CHAT013 --off --store --yes", "remove --yes",
)  # fmt: skip
MAY_HAVE_NOTHING_TO_DO = ("adopt --ledger-only --yes", "adopt --through 017 --yes", "adopt --edited 021 --yes", "migrate --yes",
                          "migrate --again 017 --yes")  # fmt: skip
"""What may find that there is nothing to write, or not what it was to correct: then it leads with what is ahead, as others do."""


def everything(database: Database) -> list[object]:
    """What a command could have changed, of rows and of definitions."""
    tables = ("chats", "chat_assignments", "operator_activity", "operators", "platform_config", "chatops.migrations", "chatops.actions",
              "chatops.settings", "chatops.watches", "chatops.runs")  # fmt: skip
    rows = [
        database.value(f"select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} as t")
        for table in tables
    ]
    views = database.execute("select viewname, definition from pg_views where schemaname = 'public' order by 1")
    return [
        *rows,
        *views,
        *database.execute("select oid, prosrc from pg_proc where pronamespace = 'public'::regnamespace order by 1"),
    ]


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize("how", LEFT)
def test_what_a_newer_chatops_left_is_led_with_read_and_never_written(
    latest_database: Database, chatops_inprocess: Run, how: str
) -> None:
    desk = Desk(latest_database)
    chat = str(desk.held_chat(desk.operator("Ann")))
    desk.operator("Bob")
    # A finding that could be repaired.
    latest_database.script("set session_replication_role = replica; update chats set message_count = 77")
    text, said = LEFT[how]
    latest_database.script(text)
    sentence = f"this database is ahead of chatops {__version__}: {said}"
    before = everything(latest_database)
    wrong = []
    turn, turns = list(LEFT).index(how), len(LEFT) - 1
    commands = (*READING, *WRITING)
    for command in commands if LONG or not turn else commands[turn - 1 :: turns]:
        words = shlex.split(command.replace("chat CHAT", f"chat {chat}").replace("CHAT ", f"{chat} "))
        done = chatops_inprocess(*words, db=latest_database)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("not production ·")]
        leads = any(sentence in line for line in lines[:1])
        if command in READING:
            right = leads and done.exit_code in (0, 1)
        elif command in MAY_HAVE_NOTHING_TO_DO:
            right = leads and done.exit_code in (0, 2, 4)
        else:
            right = any(sentence in line for line in lines) and done.exit_code == 4
        if not right:
            wrong.append(f"{command}: {done.exit_code}\n  {done.stdout[:200]}\n  {done.stderr[:400]}")
    assert wrong == [], "\n".join(wrong)
    assert everything(latest_database) == before


def test_what_another_or_an_older_version_applied_is_not_ahead(latest_database: Database, chatops_inprocess: Run) -> None:
    latest_database.script(
        "update chatops.migrations set chatops_version = case when number % 3 = 0 then null when number % 3 = 1 then '0.0.9' else '9.9' end; "
        # Another text of an older version: edited, and no news of tomorrow.
        "update chatops.migrations set chatops_version = '0.0.9', checksum = 'x' where name = '021_write_path';"
        "alter table chatops.actions add mood text"
    )
    assert "is ahead of" not in chatops_inprocess("summary", db=latest_database, check=0).stderr


def test_every_command_that_writes_is_among_those_that_refuse() -> None:
    offline = {
        "new",
        "check",
        "lint",
        "explain",
        "config",
        "help",
        "demo",
        "simulate",
        "psql",
        "rehearse",
        "wait",
        "report",
        "console",
    }
    assert {command.split()[0] for command in (*READING, *WRITING)} | offline == {name for _, name, _ in COMMANDS}
