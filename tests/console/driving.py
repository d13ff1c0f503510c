"""The console as its tests drive it: opened on a database of a shift, looked at as text, its keys pressed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input, Static

from chatops.console.app import Console
from chatops.console.dialogs import Dialog, ReadOut
from chatops.console.plan_dialog import PlanDialog
from tests.servers import Database
from tests.shift import chat_id

Open = Callable[..., Console]
CHECKS = ("CHAT003", "CONF001", "QUEUE001", "QUEUE002")


@contextlib.asynccontextmanager
async def running(app: Console, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The console after its first look."""
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: (app.desk.looks > 0 or app.desk.trouble is not None) and not app._turn.locked())
        yield pilot


async def until(pilot: Pilot[None], so: Callable[[], bool]) -> None:
    """Waits for a condition, a minute and a half at the most: machines may be busy."""
    ends = asyncio.get_running_loop().time() + 90
    while not so():
        assert asyncio.get_running_loop().time() < ends, picture(pilot.app)
        await pilot.pause(0.005)


async def look(pilot: Pilot[None]) -> None:
    """Another look, now."""
    app = pilot.app
    assert isinstance(app, Console)
    await until(pilot, lambda: not app._turn.locked())  # else it would be no look of its own
    before = (app.desk.looks, app.desk.trouble)
    app.desk.trouble = None if app.desk.trouble is None else "before"
    app.look_again()
    await until(pilot, lambda: app.desk.looks > before[0] or app.desk.trouble not in (None, "before"))


def picture(app: Any) -> str:
    """What is on the screen, as text."""
    width, height = app.size
    rows = [" " * width for _ in range(height)]
    for place, strip in enumerate(app.screen._compositor.render_strips()[:height]):
        rows[place] = strip.text[:width]
    if len(app.screen_stack) > 1:
        return "\n".join(str(widget.render()) for widget in app.screen.query(Static))
    return "\n".join(row.rstrip() for row in rows)


def drive(app: Console, script: Callable[[Pilot[None]], Awaitable[None]], size: tuple[int, int] = (80, 24)) -> None:
    """Runs a script of keys against the console."""

    async def run() -> None:
        async with running(app, size) as pilot:
            await script(pilot)

    asyncio.run(run())


def log(database: Database) -> list[tuple[Any, ...]]:
    """What was done, to which chat, how it ended, and why."""
    return [tuple(row) for row in database.execute("select action, chat_id, outcome, reason from chatops.actions order by id")]


def done(database: Database) -> list[tuple[Any, ...]]:
    """What of it was done."""
    return [row for row in log(database) if row[2] == "done"]


def holder(database: Database, number: int) -> Any:
    """Who holds a chat."""
    return database.value("select assigned_operator_id from chats where id = %s", (chat_id(number),))


async def select(pilot: Pilot[None], number: int) -> None:
    """The cursor on a chat, by its keys."""
    app = pilot.app
    assert isinstance(app, Console)
    for _ in range(40):
        if app.desk.cursor == ("chat", str(chat_id(number))):
            return
        await pilot.press("down")
    raise AssertionError(f"no row of chat {number}\n{picture(app)}")


async def focus(pilot: Pilot[None], opened: PlanDialog, name: str) -> None:
    """Gives a field or button the focus; a key that is pressed before it has it goes elsewhere."""
    await until(pilot, lambda: opened.shown_at is not None)
    opened.query_one(f"#{name}").focus()
    await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == name)


async def press(pilot: Pilot[None], opened: PlanDialog, name: str) -> None:
    """Presses a button."""
    await focus(pilot, opened, name)
    await pilot.press("enter")


async def acted(pilot: Pilot[None]) -> None:
    """The dialog is gone, since its act is done."""
    await until(pilot, lambda: len(pilot.app.screen_stack) == 1)


async def carry_out(pilot: Pilot[None], opened: PlanDialog) -> None:
    """Presses the button that acts, and it is done."""
    await press(pilot, opened, "act")
    await acted(pilot)


async def refused(pilot: Pilot[None], opened: PlanDialog, words: str) -> None:
    """Presses the button that acts: the dialog stays, and says these words."""
    await press(pilot, opened, "act")
    await until(pilot, lambda: words in picture(pilot.app))
    assert pilot.app.screen is opened


async def dialog(pilot: Pilot[None], key: str) -> PlanDialog:
    """The dialog that a key opens, once it listens."""
    app = pilot.app
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, PlanDialog) and None not in (app.screen.drawn_at, app.screen.shown_at))
    found = app.screen
    assert isinstance(found, PlanDialog)
    return found


async def planned(pilot: Pilot[None], number: int, key: str = "r") -> PlanDialog:
    """The dialog of an act on a chat."""
    await select(pilot, number)
    return await dialog(pilot, key)


async def plan_for(pilot: Pilot[None], opened: PlanDialog, to: str) -> None:
    """Plans again, for somebody else."""
    opened.query_one("#to", Input).value = to
    await focus(pilot, opened, "to")
    await pilot.press("enter")
    await until(pilot, lambda: opened.proposal.to == to)


def reason(opened: PlanDialog, text: str) -> None:
    """Puts a reason into its field."""
    opened.query_one("#reason", Input).value = text


async def read_out(pilot: Pilot[None], key: str) -> str:
    """What a key reads out, once it listens."""
    app = pilot.app
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, ReadOut) and app.screen.drawn_at is not None)
    assert isinstance(app.screen, ReadOut)
    return app.screen.text


def listens(app: Console) -> bool:
    """Whether a dialog is open and drawn."""
    return isinstance(app.screen, Dialog) and app.screen.drawn_at is not None
