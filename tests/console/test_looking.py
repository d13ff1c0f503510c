"""`chatops console`: what it shows, driven by its keys against real servers; nothing unseen is shown as zero."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from chatops.checks import load
from chatops.console import state
from chatops.console.dialogs import ReadOut
from tests.conftest import Result
from tests.console.driving import Open, drive, holder, look, picture, read_out, select, until
from tests.servers import Database
from tests.shift import add_chats, chat_id, operator_id

Run = Callable[..., Result]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_the_desk_on_one_screen(shift: Database, desk: Open, size: tuple[int, int]) -> None:
    app = desk(shift, checks=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("f")
        await until(pilot, lambda: app.desk.found is not None)
        await select(pilot, 12)
        text = picture(app)
        lines = text.splitlines()
        assert len(lines) <= size[1]
        assert all(len(line) <= size[0] for line in lines)
        assert "8 OPERATORS: 4 free  2 busy  1 away  1 off" in text
        assert "WAITING 3 " in text
        assert "> c4000012" in text
        assert "4 free do not fetch" in text
        assert "HELD, UNANSWERED 2" in text
        assert "FREE 4" in text
        assert "FINDINGS" in text
        assert "not seen" not in text
        assert "reassign c4000012 --to auto" in lines[-2]
        assert "? help" in lines[-1]

    drive(app, script, size)


def test_advice_is_counted_apart_as_diagnose_counts_it(shift: Database, desk: Open, chatops_inprocess: Run) -> None:
    shift.execute("insert into platform_config (key, value) values ('Queue SLA-minutes', '30')")
    assert "1 advice" in chatops_inprocess("diagnose", "--only", "CONF004", db=shift, check=None).stdout
    app = desk(shift)
    app.desk.source._checks = [check for check in load.shipped() if check.code == "CONF004"]  # type: ignore[attr-defined]

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("f")
        await until(pilot, lambda: app.desk.found is not None)
        text = picture(app)
        assert re.search(r"FINDINGS 0, 1 advice, [\d.]+ m?s old", text), text

    drive(app, script, (80, 24))


def test_production_is_unmistakable_and_begins_read_only(shift: Database, desk: Open) -> None:
    app = desk(shift, production=True)

    async def script(pilot: Pilot[None]) -> None:
        first = picture(app).splitlines()[0]
        assert "PRODUCTION LIVE" in first
        assert "READ ONLY (W: arm 10 m)" in first
        await select(pilot, 11)
        await pilot.press("r")
        assert len(app.screen_stack) == 1
        assert "READ ONLY" in app.said
        database = app.desk.source._reading.connected()  # type: ignore[attr-defined]
        assert database.value("show default_transaction_read_only") == "on"
        await pilot.press("W")
        assert "ARMED" in picture(app).splitlines()[0]
        now = app.desk.clock
        app.desk.clock = lambda: now() + state.ARMED + 1
        assert not app.desk.armed

    drive(app, script)


def test_each_key_does_what_the_help_says(shift: Database, desk: Open) -> None:
    app = desk(shift, checks=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        assert "r            reassign" in picture(app)
        await until(pilot, lambda: app.screen.drawn_at is not None)  # type: ignore[attr-defined]
        await pilot.press("escape")
        await select(pilot, 11)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ReadOut) and str(chat_id(11)) in picture(app))
        assert "user wrote" in picture(app)
        assert "not checked:" in picture(app)  # and not that nothing is wrong with it
        await until(pilot, lambda: app.screen.drawn_at is not None)  # type: ignore[attr-defined]
        await pilot.press("escape")
        await select(pilot, 1)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, ReadOut) and str(operator_id(1)) in picture(app))
        await until(pilot, lambda: app.screen.drawn_at is not None)  # type: ignore[attr-defined]
        await pilot.press("escape", "y")
        assert "c4000001" in picture(app)
        await until(pilot, lambda: app.screen.drawn_at is not None)  # type: ignore[attr-defined]
        await pilot.press("escape", "slash", *"user-12", "enter")
        await until(pilot, lambda: "> c4000012" in picture(app) and "c4000011" not in picture(app))
        await pilot.press("escape")
        await until(pilot, lambda: "c4000011" in picture(app))
        await pilot.press("z")
        assert "FROZEN" in picture(app)
        looks = app.desk.looks
        app.look_again()
        await pilot.pause()
        assert app.desk.looks == looks
        await until(pilot, lambda: not app._turn.locked())
        await pilot.press("z")
        await until(pilot, lambda: app.desk.looks > looks)
        await pilot.press("f")
        await until(pilot, lambda: app.desk.found is not None)
        await pilot.press("q")
        assert not app.is_running

    drive(app, script)


def test_no_transaction_stays_open_between_looks(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        for _ in range(3):
            await look(pilot)
            assert not app.desk.source._reading.connected().in_transaction  # type: ignore[attr-defined]
        rows = shift.execute(
            "select state, xact_start from pg_stat_activity where application_name = 'chatops console' and datname = current_database()"
        )
        assert [tuple(row) for row in rows] == [("idle", None)]

    drive(app, script)


def test_findings_are_new_ongoing_and_gone_against_the_first_look(shift: Database, desk: Open) -> None:
    app = desk(shift, checks=True)

    async def check(pilot: Pilot[None]) -> None:
        before = app.desk.found
        await pilot.press("f")
        await until(pilot, lambda: app.desk.found is not before)
        app.desk.key_at = None  # the keys rest
        app._arrange(app.desk)

    async def script(pilot: Pilot[None]) -> None:
        await check(pilot)
        with shift.connect() as past:
            past.execute("set session_replication_role = replica")
            past.execute("update platform_config set value = '\"three\"' where key = 'max_reassignments'")
        await check(pilot)
        assert "NEW      CONF001" in picture(app)
        app.desk.cursor = ("finding", "CONF001")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ReadOut) and app.screen.drawn_at is not None)
        assert "CONF001" in picture(app)
        assert "max_reassignments" in picture(app)
        await pilot.press("escape")
        shift.execute("update platform_config set value = '3' where key = 'max_reassignments'")
        await check(pilot)
        assert "gone     CONF001" in picture(app)
        await check(pilot)
        assert "CONF001" not in picture(app)

    drive(app, script, (120, 40))


# ---- rows that move ------------------------------------------------------------------------------------------------


def test_the_cursor_stays_on_its_row_and_what_is_gone_stays_until_the_keys_rest(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await select(pilot, 12)
        shift.execute("update chats set is_active = false, chat_state = 'completed' where id = %s", (chat_id(11),))
        app.desk.clock = (lambda at: lambda: at)(app.desk.key_at or 0.0)
        await look(pilot)
        text = picture(app)
        assert text.index("c4000011") < text.index("> c4000012"), text
        assert " gone" in next(line for line in text.splitlines() if "c4000011" in line)
        assert "WAITING 2" in text
        later = (app.desk.key_at or 0.0) + state.REST + 1
        app.desk.clock = lambda: later
        await look(pilot)
        text = picture(app)
        assert "c4000011" not in text
        assert "> c4000012" in text
        # The row under the cursor itself: the cursor goes to no other by itself.
        shift.execute("update chats set is_active = false, chat_state = 'completed' where id = %s", (chat_id(12),))
        await look(pilot)
        assert ">" not in picture(app).replace("->", "")
        await pilot.press("r")
        assert len(app.screen_stack) == 1
        assert "Choose a chat" in app.said

    drive(app, script)


# ---- what the rows say -----------------------------------------------------------------------------------------------


def test_who_is_free_and_not_heard_of_is_silent_and_counts_as_the_other_commands_count(shift: Database, desk: Open) -> None:
    shift.execute("update operators set last_activity = now() - interval '2 hours' where name in ('op-3', 'op-4')")
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        text = picture(app)
        assert "4 free (2 silent)  2 busy  1 away  1 off" in text
        assert "FREE 4" in text
        assert "2 free do not fetch" in text
        row = next(line for line in text.splitlines() if "op-3" in line)
        assert row.endswith("SILENT")
        shift.execute("update operators set last_activity = now() - interval '2 hours' where name in ('op-5', 'op-6')")
        await look(pilot)
        assert "nobody is free but 4 silent ones" in picture(app)

    drive(app, script, (120, 40))


def test_why_nobody_has_a_chat_that_its_only_free_operator_had_last(shift: Database, desk: Open) -> None:
    shift.execute("update operators set is_available = false where name <> 'op-3' and name <> 'op-4'")
    shift.execute("select assign_chat_to_operator(%s)", (operator_id(4),))
    shift.execute("select assign_chat_to_operator(%s)", (operator_id(3),))
    number = 11 if holder(shift, 11) == operator_id(3) else 12
    shift.execute("select release_and_reassign_chat(%s)", (chat_id(number),))
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        row = next(line for line in picture(app).splitlines() if f"c40000{number}" in line)
        assert re.search(r"until \d\d:\d\d not for op-3, who had it last", row)
        shift.execute(
            """insert into platform_config (key, value) values ('own_chat_after_seconds', '0')
               on conflict (key) do update set value = excluded.value"""
        )
        await look(pilot)
        row = next(line for line in picture(app).splitlines() if f"c40000{number}" in line)
        assert "only op-3 is free, and does not fetch" in row
        shift.execute("update operators set is_available = false where name = 'op-3'")
        await look(pilot)
        assert "nobody is free, " in picture(app)

    drive(app, script, (120, 40))


def test_how_often_a_chat_was_passed_over_stands_in_its_row(shift: Database, desk: Open) -> None:
    add_chats(shift, 6, first=21)
    with shift.connect() as past:
        past.execute("set session_replication_role = replica")
        past.execute("update chats set waiting_since = now() - interval '1 hour', state_since = now() - interval '1 hour' where id = any(%s)",
                     ([chat_id(number) for number in (11, 12, 13)],))  # fmt: skip
        past.execute(
            """insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason, waiting_since)
               select id, %s, now(), now(), 'operator_sent_message', now() - interval '10 minutes'
                 from chats where id = any(%s)""",
            (operator_id(3), [chat_id(number) for number in range(21, 27)]),
        )
        past.execute("update messages set created_at = now() - interval '10 minutes' where chat_id = any(%s)",
                     ([chat_id(number) for number in range(21, 27)],))  # fmt: skip
    app = desk(shift, checks=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("f")
        await until(pilot, lambda: app.desk.found is not None)
        app.desk.key_at = None
        app._arrange(app.desk)
        row = next(line for line in picture(app).splitlines() if "c4000011" in line)
        assert row.endswith("passed over 6 times")

    drive(app, script, (120, 40))


def test_the_wait_of_the_hour_before_is_on_the_screen_at_once(shift: Database, desk: Open) -> None:
    with shift.connect() as past:
        past.execute("set session_replication_role = replica")
        past.execute(
            "update chats set chat_state = 'completed', is_active = false where id = any(%s)",
            ([chat_id(n) for n in (11, 12, 13)],),
        )
        past.execute(
            """insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, waiting_since, queued_since)
               values (%s, %s, now() - interval '30 minutes', now(), now() - interval '50 minutes', now() - interval '50 minutes')""",
            (chat_id(11), operator_id(3)),
        )
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(app.desk.waits) > 2)
        line = picture(app).splitlines()[2]
        assert re.search(r"wait, 1 h [▁▂▃▄▅▆▇█]{12} falling|wait, 1 h [▁▂▃▄▅▆▇█]{12} steady", line), line
        blocks = re.search(r"1 h (\S+)", line)
        assert blocks is not None
        assert blocks[1][0] == blocks[1][-1] == "▁"
        assert "█" in blocks[1][3:7]

    drive(app, script, (120, 40))


def test_tab_goes_from_section_to_section_and_around(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        seen = []
        for _ in range(4):
            await pilot.press("tab")
            seen.append(app.desk.cursor)
        assert seen[:2] == [("chat", str(chat_id(11))), ("chat", str(chat_id(1)))]
        assert seen[2] is not None
        assert seen[2][0] == "operator"
        assert seen[3] == seen[0]
        await pilot.press("shift+tab")
        assert app.desk.cursor == seen[2]
        await pilot.press("end", "home")
        assert app.desk.cursor == seen[0]

    drive(app, script)


def test_a_filter_finds_operators_who_are_not_on_the_screen(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        assert "op-7" not in picture(app)
        await pilot.press("slash", *"op-7", "enter")
        await until(pilot, lambda: "OPERATORS 1" in picture(app))
        await pilot.press("down")
        assert app.desk.cursor == ("operator", str(operator_id(7)))
        text = await read_out(pilot, "enter")
        assert str(operator_id(7)) in text

    drive(app, script)


def test_what_slept_is_stale_and_looks_go_on_while_it_is_checked(shift: Database, desk: Open) -> None:
    app = desk(shift, checks=True)

    async def script(pilot: Pilot[None]) -> None:
        app.desk.every = 0.0  # each look is due at once
        looks = app.desk.looks
        await pilot.press("f")
        await until(pilot, lambda: app.desk.found is not None)
        assert app.desk.looks > looks
        app.desk.every = 5.0
        now = app.desk.clock
        app.desk.clock = lambda: now() + 3600
        app.redraw()
        first = picture(app).splitlines()[0]
        assert "STALE" in first
        assert "1 h ago" in first

    drive(app, script, (120, 40))
