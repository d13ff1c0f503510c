"""`chatops pause` and `resume`: assign answers nobody, every look says so first, it is logged, and it ends by itself."""

from __future__ import annotations

import json
from typing import Any

from tests.desk import Desk
from tests.servers import Database


def test_a_pause_is_obeyed_at_once_led_with_and_ended(latest_database_everywhere: Database, chatops_inprocess: Any) -> None:
    desk = Desk(latest_database_everywhere)
    ann = desk.operator()
    chat = desk.waiting_chat()
    told = chatops_inprocess("pause", "--for", "15m", "--reason", "release 2.14", "--yes", db=desk.database, check=0)
    assert "The queue is paused until" in told.stdout
    assert desk.takes(ann) is None
    assert desk.app.value("select answer from explain_empty_queue(%s)", [ann]) == "paused"
    found = json.loads(chatops_inprocess("diagnose", "-o", "json", db=desk.database).stdout)["findings"]
    assert found[0]["code"] == "CONF003"
    for look in (
        ("summary",),
        ("queue",),
        ("stuck",),
        ("operators",),
        ("chats",),
        ("show", str(chat)),
        ("show", "operator", str(ann)),
        ("diagnose", str(chat)),
    ):
        assert chatops_inprocess(*look, db=desk.database).stdout.startswith("paused until"), look
    shown = chatops_inprocess("show", str(chat), db=desk.database, check=0).stdout
    assert "nobody can take it now" in shown
    assert "could take it now" not in shown
    assert "its turn is in" not in shown
    chatops_inprocess("resume", "--reason", "rolled back", db=desk.database, check=0)
    assert "could take it now" in chatops_inprocess("show", str(chat), db=desk.database, check=0).stdout
    assert desk.takes(ann) == chat
    rows = desk.app.execute("select action, reason from chatops.actions order by id")
    assert rows == [("pause", "release 2.14"), ("resume", "rolled back")]
    assert "not paused" in chatops_inprocess("resume", db=desk.database, check=0).stdout


def test_it_ends_by_itself_and_a_second_one_takes_its_place(latest_database: Database, chatops_inprocess: Any) -> None:
    desk = Desk(latest_database)
    chat = desk.waiting_chat()
    for span in ("1h", "5m"):
        chatops_inprocess("pause", "--for", span, "--reason", "x", "--yes", db=desk.database, check=0)
    assert desk.app.value("select until < now() + interval '6 minutes' from chatops.settings where key = 'pause'")
    desk.app.execute("update chatops.settings set until = clock_timestamp() where key = 'pause'")
    assert desk.takes(desk.operator()) == chat
    assert chatops_inprocess("diagnose", "--only", "CONF003", db=desk.database, check=0)


def test_wrong_words_no_reason_and_an_older_database_are_refused(
    latest_database: Database, core_database: Database, chatops_inprocess: Any
) -> None:
    assert chatops_inprocess("pause", "--for", "3d", "--reason", "x", "--yes", db=latest_database).exit_code == 2
    assert chatops_inprocess("pause", "--yes", db=latest_database).exit_code == 4
    assert chatops_inprocess("pause", "--reason", "x", "--yes", db=core_database).exit_code == 4
    assert latest_database.execute("select count(*) from chatops.settings where key = 'pause'") == [(0,)]
