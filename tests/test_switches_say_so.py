"""Switches whose aim is not reached say so: guards that are broken, snoozes of the other place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.chats import pauses
from chatops.flows import drain
from tests.conftest import Result
from tests.servers import Database
from tests.shift import furnish

Run = Callable[..., Result]
TRIGGERS = """select t.tgrelid::regclass::text, t.tgname from pg_trigger t
  where not t.tgisinternal and t.tgname like 'chatops\\_%' and t.tgrelid::regclass::text in
        ('chats', 'messages', 'chat_assignments', 'operator_activity', 'operators') order by 1, 2"""


def test_guard_on_over_guards_that_do_not_work_says_so_and_is_no_success(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    whole = json.loads(chatops_inprocess("guard", "on", "-o", "json", db=latest_database, check=0).stdout)
    assert whole["works"] is True
    for switched_off_before in (False, True):
        latest_database.execute("alter table chats disable trigger chatops_guard_chat")
        if switched_off_before:
            chatops_inprocess("guard", "off", "--for", "5m", "--yes", "--reason", "a test", db=latest_database, check=0)
        done = chatops_inprocess("guard", "on", "--reason", "a test", db=latest_database, check=1)
        assert "chatops_guard_chat" in done.stdout
        assert "The guards are on" not in done.stdout + done.stderr
        latest_database.execute("alter table chats enable trigger chatops_guard_chat")
        chatops_inprocess("guard", "on", db=latest_database, check=0)


def test_each_trigger_of_ours_says_what_is_not_kept_without_it(latest_database: Database, chatops_inprocess: Run) -> None:
    ours = latest_database.execute(TRIGGERS)
    assert len(ours) > 15
    for relation in dict.fromkeys(relation for relation, _ in ours):
        latest_database.execute(f"alter table {relation} disable trigger user")
    shown = chatops_inprocess("diagnose", "--only", "DB017", "--rows", "60", "-o", "json", db=latest_database, check=1).stdout
    told = {(row["relation"], row["object"]): row for row in json.loads(shown)["findings"][0]["rows"]}
    for relation, name in ours:
        row = told[relation, name]
        assert row["so"], (relation, name)
        assert "does not run" not in row["so"], (relation, name, row["so"])


def test_snoozes_of_both_places_are_listed_and_off_names_the_other(
    latest_database: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    day = ("--until", "2999-01-01", "--reason", "a test")
    chatops_inprocess("snooze", "CHAT003", *day, db=latest_database, check=0)
    chatops_inprocess("snooze", "CHAT003", *day, "--store", "--yes", db=latest_database, check=0)
    rows = json.loads(chatops_inprocess("snooze", "-o", "json", db=latest_database, check=0).stdout)["snoozes"]
    assert sorted(row["where"] for row in rows) == ["chatops.toml", "database"]
    for first, other in ((("--store",), ()), ((), ("--store",))):
        done = chatops_inprocess("snooze", "CHAT003", "--off", *first, "--yes", db=latest_database, check=1)
        assert f"snooze CHAT003 --off{' --store' if other else ''}" in done.stdout + done.stderr
        chatops_inprocess("snooze", "CHAT003", *day, *first, *(["--yes"] if first else []), db=latest_database, check=0)
    for place in ((), ("--store",)):
        chatops_inprocess("snooze", "CHAT003", "--off", *place, "--yes", db=latest_database, check=None)
    assert "nothing is snoozed" in chatops_inprocess("snooze", db=latest_database, check=0).stdout


def test_an_aim_that_was_not_reached_is_said_and_no_success(
    latest_database: Database, chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue that is still paused, an operator who is not active, chats that somebody holds all the same."""
    furnish(latest_database, 3, held=1)
    chatops_inprocess("pause", "--reason", "x", "--yes", db=latest_database, check=0)
    with monkeypatch.context() as patch:
        patch.setattr(pauses, "end", lambda *_: None)
        said = chatops_inprocess("resume", db=latest_database, check=1).stdout
        assert "Nothing was changed, and the queue is still paused, until " in said
    assert "Operators get chats again" in chatops_inprocess("resume", db=latest_database, check=0).stdout
    assert "was not paused" in chatops_inprocess("resume", db=latest_database, check=0).stdout
    chatops_inprocess("drain", "op-3", "--yes", db=latest_database, check=0)
    latest_database.execute("update operators set is_active = false where name = 'op-3'")
    said = chatops_inprocess("undrain", "op-3", "--yes", "--show-names", db=latest_database, check=1).stdout
    assert "op-3 is not active, and gets no chat until an admin changes that." in said
    with monkeypatch.context() as patch:
        patch.setattr(drain.Draining, "emptied", lambda *_, **__: ([], []))
        said = chatops_inprocess("drain", "op-1", "--yes", "--show-names", db=latest_database, check=5).stdout
        assert "Still holding chats: op-1 (1). Again: chatops drain " in said
    undone = chatops_inprocess("drain", "op-2", "--yes", "-o", "json", db=latest_database, check=0).stdout
    said = chatops_inprocess("undo", str(json.loads(undone)["action_id"]), "--yes", db=latest_database, check=0).stdout
    assert "The operator was not available and is available again." in said
    assert "1 action taken back" in said
