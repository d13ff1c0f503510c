"""`chatops console` acts: only from its dialogs, by the rules of the commands, on what was before the eyes; each act is in the log."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from chatops.console import state
from chatops.console.plan_dialog import PlanDialog
from tests.conftest import Result
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
    plan_for,
    planned,
    press,
    reason,
    refused,
    select,
    until,
)  # fmt: skip
from tests.servers import Database
from tests.shift import chat_id, operator_id

Run = Callable[..., Result]


def test_a_chat_is_reassigned_on_production_in_at_most_eight_keys_beside_the_reason(shift: Database, desk: Open) -> None:
    app = desk(shift, production=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("W", "down")
        opened = await dialog(pilot, "r")
        assert isinstance(app.focused, Button)
        assert app.focused.id == "leave"
        assert str(opened.query_one("#act", Button).label) == "Reassign 1 chat"
        text = picture(app)
        assert "op-6" in text or "op-3" in text
        assert f"reassign {chat_id(11)} --to auto" in text
        # Without a reason nothing is done.
        await pilot.press("tab", "enter")
        assert "A reason is needed" in picture(app)
        assert log(shift) == []
        await pilot.press(*"op-12 left", "tab", "tab", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await until(pilot, lambda: "Done, action" in app.said and "reassign c4000011" in picture(app))
        assert [row[0] for row in log(shift)] == ["reassign"]

    drive(app, script)
    assert log(shift) == [("reassign", chat_id(11), "done", "op-12 left")]
    assert holder(shift, 11) is not None


def test_a_dialog_that_was_left_open_beyond_the_ten_minutes_does_nothing(shift: Database, desk: Open) -> None:
    app = desk(shift, production=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("W", "down")
        opened = await dialog(pilot, "r")
        reason(opened, "late")
        later = app.desk.clock() + state.ARMED + 1
        app.desk.clock = lambda: later
        await press(pilot, opened, "act")
        assert "READ ONLY again" in str(opened.query_one("#said", Static).render())

    drive(app, script)
    assert log(shift) == []


def test_a_chat_is_given_to_whom_the_dialog_names(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        opened = await planned(pilot, 12)
        opened.query_one("#to", Input).value = "op-4"
        await refused(pilot, opened, "Press enter behind the new name first")
        await focus(pilot, opened, "to")
        await pilot.press("enter")
        await until(pilot, lambda: opened.proposal.to == "op-4")
        assert "op-4" in "\n".join(opened.proposal.lines)
        await carry_out(pilot, opened)

    drive(app, script)
    assert holder(shift, 12) == operator_id(4)
    assert log(shift) == [("reassign", chat_id(12), "done", None)]


def test_what_the_rules_refuse_has_no_button_to_press(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        opened = await planned(pilot, 12)
        await plan_for(pilot, opened, "op-1")
        assert "Refused: the operator is busy" in picture(app)
        assert opened.query_one("#act", Button).disabled
        assert opened.query_one("#act", Button).size.height == 1
        opened.query_one("#to", Input).value = "nobody-of-that-name"
        await pilot.press("enter")
        await until(pilot, lambda: "nobody-of-that-name" in str(opened.query_one("#said", Static).render()))
        await pilot.press("escape")

    drive(app, script)
    assert log(shift) == []


def test_a_chat_is_released(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await planned(pilot, 1, "l")
        await pilot.press("shift+tab", *"gone home", "tab", "tab", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await until(pilot, lambda: "release c4000001" in picture(app))

    drive(app, script)
    assert log(shift) == [("release", chat_id(1), "done", "gone home")]
    assert holder(shift, 1) is None


CHANGES = {
    "held by": "select assign_chat_to_operator('0b000000-0000-4000-8000-000000000003')",
    "a message was written since": """insert into messages (chat_id, sender_type, content)
                                      values ('c4000011-0000-4000-8000-000000000011', 'real', 'hello?')""",
    "state": "update chats set is_active = false, chat_state = 'completed' where id = 'c4000011-0000-4000-8000-000000000011'",
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_since_the_dialog_was_opened_is_shown_and_nothing_is_done(shift: Database, desk: Open, what: str) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        opened = await planned(pilot, 11)
        shift.execute(CHANGES[what])
        before = holder(shift, 11)
        await refused(pilot, opened, "Changed since")
        assert what in picture(app)
        assert app.screen is opened
        assert app.focused is opened.query_one("#leave", Button)
        assert holder(shift, 11) == before
        assert done(shift) == []
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)

    drive(app, script)


def test_keys_that_were_typed_before_the_dialog_was_drawn_do_not_count(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await select(pilot, 11)
        ahead = [events.Key(key, None) for key in ("r", "shift+tab", "enter", "enter", "tab", "enter", "q", "escape")]
        for event in ahead:
            app.post_message(event)
        await until(pilot, lambda: isinstance(app.screen, PlanDialog) and app.screen.drawn_at is not None)
        # What was typed before it was drawn, and is read only now.
        for event in [events.Key(key, None) for key in ("shift+tab", "enter")]:
            event.time = (app.screen.drawn_at or 0) - 0.001  # type: ignore[attr-defined]
            app.post_message(event)
        await pilot.pause()
        assert isinstance(app.screen, PlanDialog)
        assert app.focused is app.screen.query_one("#leave", Button)
        assert app.is_running

    drive(app, script)
    assert log(shift) == []


def test_the_row_of_an_act_is_seen_at_once_above_those_before_it(shift: Database, desk: Open) -> None:
    app, other = desk(shift), desk(shift).desk.source
    other.carry_out(other.plan("reassign", [("chat", str(chat_id(12)))], "auto"), "earlier")

    async def script(pilot: Pilot[None]) -> None:
        await look(pilot)
        assert '"earlier"' in last_line(picture(app))
        opened = await planned(pilot, 11)
        await pilot.press(*"now")
        await carry_out(pilot, opened)
        await until(pilot, lambda: '"now"' in picture(app))
        assert '"now"' in last_line(picture(app))
        # The others only moved down.
        actions = [row.key[1] for part in app.desk.parts if part.name == "last" for row in part.rows]
        assert actions == sorted(actions, key=int, reverse=True)

    def last_line(text: str) -> str:
        lines = text.splitlines()
        return lines[next(place for place, line in enumerate(lines) if line.startswith(" LAST")) + 1]

    drive(app, script)


# ---- sets ------------------------------------------------------------------------------------------------------------


async def mark(pilot: Pilot[None], *numbers: int) -> None:
    """Marks chats, by the keys."""
    for number in numbers:
        await pilot.press("home")
        await select(pilot, number)
        await pilot.press("space")


def test_a_set_is_released_once_its_count_was_typed_and_undone_as_one(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await mark(pilot, 1, 2)
        assert "2 chats marked" in picture(app)
        assert "release c4000001 c4000002" in picture(app)
        opened = await dialog(pilot, "l")
        assert str(opened.query_one("#act", Button).label) == "Release 2 chats"
        await refused(pilot, opened, "Type 2 first")
        assert log(shift) == []
        await until(pilot, lambda: app.focused is not None and app.focused.id == "count")
        await pilot.press("1")
        await refused(pilot, opened, "Type 2 first")
        await pilot.press("backspace", "2")
        await carry_out(pilot, opened)
        await until(pilot, lambda: app.desk.looks > 1)
        assert "2 of 2 chats released" in app.said
        assert not app.desk.marked

    drive(app, script)
    assert sorted(log(shift), key=str) == [("release", chat_id(number), "done", None) for number in (1, 2)]


def test_marks_go_by_id_and_a_set_of_which_one_has_moved_is_left_alone(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await mark(pilot, 11, 12, 13)
        await mark(pilot, 12)  # not any more
        assert [key[1] for key in app.desk.marked] == [str(chat_id(11)), str(chat_id(13))]
        opened = await dialog(pilot, "r")
        assert "2 chats to reassign" in "\n".join(opened.proposal.lines)
        shift.execute(CHANGES["a message was written since"])
        await pilot.press(*"sick", "enter")
        opened.query_one("#count", Input).value = "2"
        await refused(pilot, opened, "Changed since")
        assert "c4000011 a message was written since" in picture(app)
        assert done(shift) == []
        # What stands there now is what is done.
        await carry_out(pilot, opened)

    drive(app, script)
    assert sorted(str(row[1]) for row in log(shift) if row[2] == "done") == [str(chat_id(11)), str(chat_id(13))]
    assert len({holder(shift, 11), holder(shift, 13), None}) == 3
    assert holder(shift, 12) is None


def test_a_marked_row_that_went_away_is_not_in_the_set(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await mark(pilot, 11, 12)
        shift.execute(CHANGES["state"])
        app.desk.key_at = None  # the keys rest
        await look(pilot)
        assert [key[1] for key in app.desk.marked] == [str(chat_id(12))]
        await pilot.press("escape")
        assert not app.desk.marked

    drive(app, script)


# ---- drain and undo ----------------------------------------------------------------------------------------------------


def test_an_operator_is_drained_and_that_is_undone(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        opened = await planned(pilot, 1, "d")
        assert str(opened.query_one("#act", Button).label) == "Drain 1 operator"
        assert "op-1" in picture(app)
        assert f"drain {operator_id(1)}" in opened.proposal.command
        await pilot.press(*"off sick", "enter")
        await carry_out(pilot, opened)
        assert shift.value("select is_available from operators where id = %s", (operator_id(1),)) is False
        assert holder(shift, 1) not in (None, operator_id(1))
        # What was done last here, without its row being chosen.
        app.desk.cursor = None
        opened = await dialog(pilot, "u")
        assert str(opened.query_one("#act", Button).label) == "Undo 1 action"
        await carry_out(pilot, opened)

    drive(app, script)
    assert shift.value("select is_available from operators where id = %s", (operator_id(1),)) is True
    assert [(row[0], row[2]) for row in log(shift)] == [("drain", "done"), ("reassign", "done"), ("undo", "done")]


@pytest.mark.parametrize(("to", "left"), [("finish", operator_id(1)), ("release", None)])
def test_a_drained_operator_finishes_or_gives_back(shift: Database, desk: Open, to: str, left: object) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        opened = await planned(pilot, 1, "d")
        await plan_for(pilot, opened, to)
        assert f"--{to}" in opened.proposal.command
        await carry_out(pilot, opened)

    drive(app, script)
    assert holder(shift, 1) == left


@pytest.mark.parametrize("what", ["took a chat", "went away"])
def test_a_drain_is_compared_with_what_the_operator_was(shift: Database, desk: Open, what: str) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"op-4", "enter", "down")
        assert app.desk.cursor == ("operator", str(operator_id(4)))
        opened = await dialog(pilot, "d")
        if what == "took a chat":
            shift.execute("select assign_chat_to_operator(%s)", (operator_id(4),))
        else:
            shift.execute("update operators set is_available = false where id = %s", (operator_id(4),))
        await refused(pilot, opened, "Changed since")
        assert "is: was free, is" in picture(app)

    drive(app, script)
    assert done(shift) == []


def test_an_action_is_undone_by_its_row_unless_its_chat_has_moved_since(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        opened = await planned(pilot, 11)
        await carry_out(pilot, opened)
        await until(pilot, lambda: "reassign c4000011" in picture(app))
        number = shift.value("select max(id) from chatops.actions")
        app.desk.cursor = ("action", str(number))
        opened = await dialog(pilot, "u")
        assert f"undo {number}" in opened.proposal.command
        shift.execute("select release_and_reassign_chat(%s)", (chat_id(11),))
        await refused(pilot, opened, "Changed since")
        assert "held by: was op-" in picture(app)
        # Pressed again all the same: the row lock decides as the command would.
        await refused(pilot, opened, "Nothing was done")

    drive(app, script)
    assert [row[0] for row in log(shift) if row[2] == "done"] == ["reassign"]


# ---- keys in a dialog ------------------------------------------------------------------------------------------------


def test_keys_that_come_faster_than_the_screen_go_where_they_were_meant(shift: Database, desk: Open) -> None:
    app = desk(shift, production=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("W")
        opened = await planned(pilot, 11)
        for key in ("o", "p", "space", "o", "u", "t", "tab", "shift+tab", "tab", "tab", "shift+tab", "tab"):
            app.post_message(events.Key(key, " " if key == "space" else key if len(key) == 1 else None))
        await until(pilot, lambda: app.focused is opened.query_one("#act", Button))
        await until(pilot, lambda: opened.query_one("#reason", Input).value == "op out")
        # Away from the button that acts, and enter at once: that is not the button any more.
        for key in ("shift+tab", "enter"):
            app.post_message(events.Key(key, None))
        await until(pilot, lambda: len(app.screen_stack) == 1)

    drive(app, script)
    assert log(shift) == []


def test_a_button_can_be_pressed_again_at_once(shift: Database, desk: Open) -> None:
    app = desk(shift, production=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("W")
        opened = await planned(pilot, 11)
        await refused(pilot, opened, "A reason is needed")
        reason(opened, "left")
        opened.set_focus(opened.query_one("#act", Button))
        await pilot.press("enter")
        await acted(pilot)

    drive(app, script)
    assert log(shift) == [("reassign", chat_id(11), "done", "left")]


def test_a_letter_behind_the_filters_key_is_text(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await select(pilot, 11)
        for key in ("slash", "r", "q", "d"):
            app.post_message(events.Key(key, "/" if key == "slash" else key))
        await until(pilot, lambda: app.desk.wanted == "rqd")
        assert app.is_running
        assert len(app.screen_stack) == 1
        await pilot.press("escape")
        assert not app.desk.wanted

    drive(app, script)
