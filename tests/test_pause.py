"""`chatops pause` and `resume`: assign answers nobody, every look says so first, it is logged, and it ends by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from chatops import sqlfiles
from chatops.db import database as timeouts
from chatops.model import Severity
from tests import ailing
from tests.conftest import url_as
from tests.desk import Desk
from tests.servers import Database


def test_a_pause_is_obeyed_at_once_led_with_and_ended(latest_database_everywhere: Database, chatops_inprocess: Any) -> None:
    desk = Desk(latest_database_everywhere)
    ann = desk.operator()
    desk.database.execute("update operators set last_activity = now()")
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
    assert ": release 2.14)" in shown
    assert "nobody has taken it since: the queue is paused" in shown
    asked = chatops_inprocess("resume", "--dry-run", db=desk.database, check=0)
    assert ": release 2.14." in asked.stderr
    assert "nothing was changed" in asked.stdout
    assert desk.takes(ann) is None
    done = chatops_inprocess("resume", "--reason", "rolled back", db=desk.database, check=0).stdout
    assert re.search(r"Operators get chats again, action \d+; 1 is free\.", done), done
    assert "could take it now" in chatops_inprocess("show", str(chat), db=desk.database, check=0).stdout
    assert desk.takes(ann) == chat
    rows = desk.app.execute("select action, reason from chatops.actions order by id")
    assert rows == [("pause", "release 2.14"), ("resume", "rolled back")]
    assert "not paused" in chatops_inprocess("resume", db=desk.database, check=0).stdout


def test_it_ends_by_itself_and_a_second_one_takes_its_place(latest_database: Database, chatops_inprocess: Any) -> None:
    desk = Desk(latest_database)
    chat = desk.waiting_chat()
    for span, severity in (("1h", Severity.CRITICAL), ("5m", Severity.WARNING)):
        chatops_inprocess("pause", "--for", span, "--reason", "x", "--yes", db=desk.database, check=0)
        # A user waits: for longer than was promised, or no longer than that.
        assert ailing.result(ailing.look(desk.database, "CONF003"), "CONF003").severity == severity, span
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


VIEWS = {
    "chat_queue": "",
    "stuck_chats": "where reason = 'waiting'",
    "operator_load": "",
    "chat_state_summary": "where chat_state = 'waiting_assignment'",
}
"""The views, and which of their rows wait for somebody to be given."""
WHO = {
    "reads the settings": "grant usage on schema chatops to {0}; grant select on chatops.settings to {0}",
    "is a server": "grant execute on function paused_until() to {0}",
    "may do neither": "",
}


def says(run: Callable[[str], Any]) -> list[object]:
    """Of each view, whether all of those rows say that the queue is paused."""
    return [run(f"select bool_and(coalesce(paused_until > now(), false)) from {view} {rows}") for view, rows in VIEWS.items()]


@pytest.mark.parametrize("who", WHO)
def test_the_views_say_until_when_the_queue_is_paused_to_whoever_may_know(
    latest_database_everywhere: Database, chatops_inprocess: Any, who: str
) -> None:
    desk = Desk(latest_database_everywhere)
    desk.held_chat(desk.operator())
    desk.waiting_chat()
    with desk.database.role("reader") as role:
        desk.database.script(
            "alter default privileges revoke execute on functions from public;"
            f"grant usage on schema public to {role}; grant select on all tables in schema public to {role};"
            + WHO[who].format(role)
        )
        reader = desk.session(user=role)
        assert says(desk.app.value) == says(reader.value) == [False] * 4
        chatops_inprocess("pause", "--for", "15m", "--reason", "x", "--yes", db=desk.database, check=0)
        assert says(desk.app.value) == [True] * 4
        assert says(reader.value) == [who != "may do neither"] * 4
        assert desk.app.value("select count(*) from stuck_chats where reason = 'assigned' and paused_until is null") == 1
        assert desk.app.value("select count(*) from chat_state_summary where paused_until is null") == 1
        chatops_inprocess("resume", "--reason", "x", db=desk.database, check=0)
        assert says(desk.app.value) == says(reader.value) == [False] * 4


def test_one_tenants_pause_is_in_no_others_views(database: Database, chatops_inprocess: Any) -> None:
    for tenant in ("one", '"Two 2"'):
        database.execute(f"create schema {tenant}")
    for tenant in ("one", "Two 2"):
        chatops_inprocess("migrate", "--schema", tenant, "--yes", db=database, check=0)
        database.script("insert into operators (name, is_active, is_available) values ('Ann', true, true)", schema=f'"{tenant}"')
    chatops_inprocess("pause", "--schema", "Two 2", "--for", "15m", "--reason", "x", "--yes", db=database, check=0)
    assert database.value("select paused_until is null from one.operator_load")
    assert database.value('select paused_until > now() from "Two 2".operator_load')


def test_the_views_outlive_schema_chatops_and_say_nothing_of_a_pause_then(
    latest_database_everywhere: Database, chatops_inprocess: Any
) -> None:
    desk = Desk(latest_database_everywhere)
    desk.operator()
    desk.waiting_chat()
    chatops_inprocess("pause", "--for", "15m", "--reason", "x", "--yes", db=desk.database, check=0)
    for change in (
        "alter table chatops.settings rename column until to ends",
        "drop table chatops.settings",
        "drop schema chatops cascade",
    ):
        desk.database.script(change)
        assert says(desk.app.value) == [False] * 4


def test_what_asks_for_a_pause_reads_one_row_however_many_tenants_there_are(latest_database_everywhere: Database) -> None:
    database = latest_database_everywhere
    ann = Desk(database).operator()
    database.execute(
        "insert into chatops.settings (target_schema, key, value)"
        " select 'tenant_' || n, k, to_jsonb(repeat('x', 200)) from generate_series(1, 2000) n, unnest('{pause,guards,safety}'::text[]) k"
    )
    database.execute("analyze chatops.settings")
    scans = "select coalesce(sum(seq_scan), 0)::int from pg_stat_xact_all_tables where relid = 'chatops.settings'::regclass"
    for asked in (f"assign_chat_to_operator('{ann}')", "paused_until()", "queue_paused_until()", "guards_are_on()"):
        with database.connect() as session, session.transaction():
            session.execute(f"select {asked}".encode())
            row = session.execute(scans.encode()).fetchone()
        assert row == (0,), asked


NOT_SEEN = {
    "policies hide it": "alter table chatops.settings enable row level security",
    "no right to the table": "revoke select on chatops.settings from {0}",
    "no right to the schema": "revoke usage on schema chatops from {0}",
}


def test_a_pause_that_cannot_be_seen_is_never_told_as_none(
    latest_database: Database, chatops_inprocess: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(latest_database)
    operator, chat = desk.operator(), desk.waiting_chat()
    looks = (("summary",), ("queue",), ("operators",), ("show", str(chat)))

    def led(line: str, database: Any) -> None:
        for look in looks:
            assert chatops_inprocess(*look, db=database).stdout.startswith(line), (look, line)

    with latest_database.role("reader") as role:
        for text in NOT_SEEN.values():
            latest_database.script(
                f"grant usage on schema public, chatops to {role}; grant select on all tables in schema public, chatops to {role}; "
                "alter table chatops.settings disable row level security; " + text.format(role)
            )
            led("whether the queue is paused cannot be seen: ", url_as(latest_database, role))
            told = json.loads(chatops_inprocess("summary", "-o", "json", db=url_as(latest_database, role), check=0).stdout)
            assert told["paused_until"] is None
            assert told["pause_unseen"]
            assert "its turn is in" not in chatops_inprocess("show", str(chat), db=url_as(latest_database, role)).stdout
        # Assign itself knows, and tells whoever may ask it.
        chatops_inprocess("pause", "--for", "15m", "--reason", "x", "--yes", db=latest_database, check=0)
        led("whether the queue is paused cannot be seen: ", url_as(latest_database, role))
        latest_database.execute(f"grant execute on function paused_until() to {role}")
        led("paused until", url_as(latest_database, role))
    monkeypatch.setitem(timeouts.TIMEOUTS, "read", ("15s", "50ms"))  # type: ignore[misc]
    with latest_database.connect() as other:
        other.execute("begin; lock table chatops.settings in access exclusive mode")
        read, asked = sqlfiles.read, []
        monkeypatch.setattr(sqlfiles, "read", lambda name: asked.append(name) or read(name))  # type: ignore[func-returns-value]
        for look in (*looks, ("chats",), ("diagnose", str(chat)), ("show", "operator", str(operator))):
            asked.clear()
            shown = chatops_inprocess(*look, db=latest_database).stdout
            assert shown.startswith("whether the queue is paused cannot be seen: "), look
            # Each question waits for the lock as long again.
            assert [name for name in asked if name in ("queries/pause_standing.sql", "queries/pause_asked.sql")] == [
                "queries/pause_standing.sql"
            ], look
