"""`chatops console`: what goes wrong with acting from a live screen, at other moments than those that `test_acting` has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Input

from chatops.console.app import Console
from chatops.console.plan_dialog import PlanDialog
from tests.console.driving import (
    Open,
    acted,
    carry_out,
    dialog,
    done,
    drive,
    focus,
    holder,
    log,
    look,
    picture,
    planned,
    press,
    reason,
    refused,
    select,
    until,
)  # fmt: skip
from tests.servers import Database
from tests.shift import chat_id

CHARACTERS = {"space": " ", "slash": "/", "question_mark": "?"}
ALL = ("r", "l", "d", "u", "enter", "tab", "shift+tab", "space", "o", "y", "f", "z", "slash", "x", "1", "escape", "question_mark", "up",
       "down", "home", "end", "pagedown")  # fmt: skip


def key(name: str, time: float | None = None) -> events.Key:
    """A key as a terminal sends it, at a moment of the events' clock."""
    event = events.Key(name, name if len(name) == 1 else CHARACTERS.get(name))
    if time is not None:
        event.time = time
    return event


async def leave_all(pilot: Pilot[None]) -> None:
    """Whatever was opened is left again."""
    app = pilot.app
    assert isinstance(app, Console)
    await pilot.pause()
    await until(pilot, lambda: not app.opening)
    while len(app.screen_stack) > 1 or app.opening:
        await pilot.press("escape")


def endless() -> Iterator[str]:
    """All keys in one order, and then in others."""
    step = 1
    while True:
        yield from (ALL[at * step % len(ALL)] for at in range(len(ALL)))
        step += 2


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_two_hundred_keys_ahead_do_nothing_to_production_and_end_nothing(
    shift: Database, desk: Open, size: tuple[int, int]
) -> None:
    app = desk(shift, production=True, checks=True)

    async def script(pilot: Pilot[None]) -> None:
        for _, name in zip(range(200), endless(), strict=False):
            app.post_message(key(name))
        app.post_message(events.Paste("r\nq d u"))
        await until(pilot, lambda: app.desk.key_at is not None)
        await leave_all(pilot)
        app.desk.frozen = False
        await look(pilot)
        assert app.is_running

    drive(app, script, size)
    assert log(shift) == []


def test_keys_right_behind_the_one_that_closes_a_dialog_break_nothing(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        for opens in ("question_mark", "y", "enter", "r"):
            await pilot.press("home")
            await select(pilot, 11)
            await pilot.press(opens)
            await until(pilot, lambda: len(app.screen_stack) > 1 and app.screen.drawn_at is not None)  # type: ignore[attr-defined]
            for name in ("escape", "up", "tab", "x", "enter", "pagedown", "escape", "shift+tab", "up"):
                app.post_message(key(name))
            await leave_all(pilot)
        assert app.is_running

    drive(app, script)
    assert log(shift) == []


def test_an_enter_for_the_plan_before_does_not_carry_out_the_one_that_took_its_place(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        opened = await planned(pilot, 11)
        shift.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'hello?')", (chat_id(11),))
        await press(pilot, opened, "act")
        await until(pilot, lambda: "Changed since" in picture(app) and opened.shown_at is not None)
        for name in ("tab", "enter", "enter"):
            app.post_message(key(name, (opened.shown_at or 0.0) - 0.001))
        await pilot.pause()
        assert app.screen is opened
        assert done(shift) == []
        # Pressed with the new plan before the eyes, it counts.
        await carry_out(pilot, opened)

    drive(app, script)
    assert len(done(shift)) == 1


def test_keys_that_were_pressed_before_an_act_was_done_do_nothing_to_the_desk(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        opened = await planned(pilot, 11)
        await carry_out(pilot, opened)
        await until(pilot, lambda: app.hears_from > 0)
        cursor = app.desk.cursor
        for name in ("q", "down", "l", "z"):
            app.post_message(key(name, app.hears_from - 0.001))
        await pilot.pause()
        assert app.is_running
        assert (app.desk.cursor, app.desk.frozen, len(app.screen_stack)) == (cursor, False, 1)

    drive(app, script)
    assert len(done(shift)) == 1


def test_a_reason_may_be_pasted(shift: Database, desk: Open) -> None:
    app = desk(shift, production=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("W")
        opened = await planned(pilot, 11)
        app.post_message(events.Paste("see ticket 12\nenter q"))
        await until(pilot, lambda: opened.query_one("#reason", Input).value == "see ticket 12")
        await carry_out(pilot, opened)

    drive(app, script)
    assert [row[3] for row in done(shift)] == ["see ticket 12"]


def test_a_row_that_goes_while_its_plan_is_made_is_said_and_the_keys_count_again(
    shift: Database, desk: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = desk(shift)
    plan = app.desk.source.plan

    def vanishing(*arguments: Any) -> Any:
        shift.execute("delete from messages where chat_id = %s", (chat_id(11),))
        shift.execute("delete from chats where id = %s", (chat_id(11),))
        return plan(*arguments)

    async def script(pilot: Pilot[None]) -> None:
        await select(pilot, 11)
        with monkeypatch.context() as patched:
            patched.setattr(app.desk.source, "plan", vanishing)
            await pilot.press("r")
            await until(pilot, lambda: not app.opening)
        assert len(app.screen_stack) == 1
        assert "c4000011" in app.said
        await planned(pilot, 12)

    drive(app, script)
    assert log(shift) == []


@pytest.mark.parametrize("marked", [False, True])
def test_a_row_that_goes_while_its_dialog_is_open_is_said(shift: Database, desk: Open, marked: bool) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await select(pilot, 11)
        if marked:
            await pilot.press("space", "space")
        opened = await dialog(pilot, "r")
        shift.execute("delete from messages where chat_id = %s", (chat_id(11),))
        shift.execute("delete from chats where id = %s", (chat_id(11),))
        if marked:
            opened.query_one("#count", Input).value = "2"
        await press(pilot, opened, "act")
        await until(pilot, lambda: "Nothing was done" in picture(app) or "nothing was done" in picture(app))
        assert "gone" in picture(app)
        assert app.screen is opened

    drive(app, script)
    assert done(shift) == []


def test_a_dialog_stands_while_the_screen_changes_its_size_and_a_look_fails(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        opened = await planned(pilot, 12)
        await focus(pilot, opened, "act")
        for size in ((40, 12), (12, 4), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            assert isinstance(app.screen, PlanDialog)
            assert app.focused is opened.query_one("#act", Button)
        with shift.connect() as blocker, blocker.transaction():
            blocker.execute("lock table chats in access exclusive mode")
            await look(pilot)
            assert app.desk.trouble is not None
            await press(pilot, opened, "act")
            await until(pilot, lambda: not opened.working)
            assert app.screen is opened
            assert "chats" in picture(app)
            assert done(shift) == []
        await look(pilot)
        assert app.desk.trouble is None
        await carry_out(pilot, opened)

    drive(app, script)
    assert len(done(shift)) == 1
    assert holder(shift, 12) is not None


def test_a_clock_that_jumps_arms_nothing_longer_and_shows_no_figure_as_new(shift: Database, desk: Open) -> None:
    app = desk(shift, production=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("W")
        opened = await planned(pilot, 11)
        reason(opened, "late")
        now = app.desk.clock
        app.desk.clock = lambda: now() + 8 * 3600  # the machine slept
        app.redraw()
        await refused(pilot, opened, "READ ONLY again")
        await pilot.press("escape")
        await acted(pilot)
        app.redraw()
        assert "STALE" in picture(app).splitlines()[0]
        assert "READ ONLY" in picture(app).splitlines()[0]

    drive(app, script)
    assert log(shift) == []


def test_a_look_that_ends_while_the_desk_is_taken_down_is_no_crash(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await app.screen.query("*").remove()
        app.redraw()
        app.say("over")
        await look(pilot)

    drive(app, script)
