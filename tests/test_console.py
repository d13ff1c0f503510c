"""`chatops console`: driven by its keys against real servers; each act ends in the log, and what is not seen is never zero."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from chatops.checks import load
from chatops.console import app as console_app
from chatops.console.app import Console
from chatops.console.dialogs import Acting, ReadOut
from chatops.flows.console_source import DeskSource
from chatops.flows.given import Given
from chatops.flows.run import Invocation
from tests.conftest import Result, clean_environment, url_as
from tests.servers import Database, Server
from tests.shift import add_chats, add_operators, chat_id, furnish, operator_id
from tests.test_questions import Terminal

Run = Callable[..., Result]
Open = Callable[..., Console]
CHECKS = ("CHAT003", "CONF001", "QUEUE001")


@pytest.fixture
def shift(latest_database: Database) -> Database:
    """op-1 and op-2 hold chats 1 and 2 since yesterday; op-3 to op-6 are free, op-7 away, op-8 inactive; 11, 12, 13 wait."""
    return furnish(latest_database, 6, held=2, waiting=3, away=True)


@pytest.fixture
def desk(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the console on a database; `production` through a chatops.toml that says so."""
    for name, value in clean_environment(home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    opened: list[Invocation] = []

    def make(database: Database | str, *, production: bool = False, checks: bool = False, **options: Any) -> Console:
        url = database if isinstance(database, str) else database.url
        given = Given(["console"], command="console", db=(url,))
        if production:
            (tmp_path / "chatops.toml").write_text(f'[env.live]\nurl = "{url}"\nproduction = true\n')
            given = Given(["console"], command="console", env="live", config=str(tmp_path / "chatops.toml"))
        opened.append(Invocation(given))
        wanted = [check for check in load.shipped() if check.code in CHECKS] if checks else []
        source = DeskSource(opened[-1], wanted, show_names=True)
        # No look comes by itself in the time of a test: each is asked for.
        return Console(source, every=3600, checks_every=0, **options)

    yield make
    for one in opened:
        one.close()


@contextlib.asynccontextmanager
async def running(app: Console, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The console after its first look."""
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.looks > 0 or app.trouble is not None)
        yield pilot


async def until(pilot: Pilot[None], so: Callable[[], bool]) -> None:
    """Waits for a condition, half a minute at the most."""
    ends = asyncio.get_running_loop().time() + 30
    while not so():
        assert asyncio.get_running_loop().time() < ends, picture(pilot.app)
        await pilot.pause(0.005)


async def look(pilot: Pilot[None]) -> None:
    """Another look, now."""
    app = pilot.app
    assert isinstance(app, Console)
    before = (app.looks, app.trouble)
    app.trouble = None if app.trouble is None else "before"
    app._look_again()
    await until(pilot, lambda: app.looks > before[0] or app.trouble not in (None, "before"))


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


def holder(database: Database, number: int) -> Any:
    """Who holds a chat."""
    return database.value("select assigned_operator_id from chats where id = %s", (chat_id(number),))


async def select(pilot: Pilot[None], number: int) -> None:
    """The cursor on a chat, by its keys."""
    app = pilot.app
    assert isinstance(app, Console)
    for _ in range(40):
        if app.cursor == ("chat", str(chat_id(number))):
            return
        await pilot.press("down")
    raise AssertionError(f"no row of chat {number}\n{picture(app)}")


# ---- looking -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_the_desk_on_one_screen(shift: Database, desk: Open, size: tuple[int, int]) -> None:
    app = desk(shift, checks=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("f")
        await until(pilot, lambda: app.found is not None)
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
        database = app.source._connected()  # type: ignore[attr-defined]
        assert database.value("show default_transaction_read_only") == "on"
        await pilot.press("W")
        assert "ARMED" in picture(app).splitlines()[0]
        now = app.clock
        app.clock = lambda: now() + console_app.ARMED + 1
        assert not app.armed

    drive(app, script)


def test_each_key_does_what_the_help_says(shift: Database, desk: Open) -> None:
    app = desk(shift, checks=True)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        assert "reassign the chat" in picture(app)
        await until(pilot, lambda: app.screen.drawn_at is not None)  # type: ignore[attr-defined]
        await pilot.press("escape")
        await select(pilot, 11)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ReadOut) and str(chat_id(11)) in picture(app))
        assert "user wrote" in picture(app)
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
        await until(pilot, lambda: "c4000012" in picture(app) and "c4000011" not in picture(app))
        await pilot.press("escape")
        await until(pilot, lambda: "c4000011" in picture(app))
        await pilot.press("z")
        assert "FROZEN" in picture(app)
        looks = app.looks
        app._look_again()
        await pilot.pause()
        assert app.looks == looks
        await pilot.press("z")
        await until(pilot, lambda: app.looks > looks)
        await pilot.press("f")
        await until(pilot, lambda: app.found is not None)
        await pilot.press("q")
        assert not app.is_running

    drive(app, script)


def test_no_transaction_stays_open_between_looks(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        for _ in range(3):
            await look(pilot)
            assert not app.source._connected().in_transaction  # type: ignore[attr-defined]
        rows = shift.execute(
            "select state, xact_start from pg_stat_activity where application_name = 'chatops console' and datname = current_database()"
        )
        assert [tuple(row) for row in rows] == [("idle", None)]

    drive(app, script)


def test_findings_are_new_ongoing_and_gone_against_the_first_look(shift: Database, desk: Open) -> None:
    app = desk(shift, checks=True)

    async def check(pilot: Pilot[None]) -> None:
        before = app.found
        await pilot.press("f")
        await until(pilot, lambda: app.found is not before)
        app.key_at = None  # the keys rest
        app._arrange()

    async def script(pilot: Pilot[None]) -> None:
        await check(pilot)
        with shift.connect() as past:
            past.execute("set session_replication_role = replica")
            past.execute("update platform_config set value = '\"three\"' where key = 'max_reassignments'")
        await check(pilot)
        assert "NEW      CONF001" in picture(app)
        app.cursor = ("finding", "CONF001")
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
        app.clock = (lambda at: lambda: at)(app.key_at or 0.0)
        await look(pilot)
        text = picture(app)
        assert text.index("c4000011") < text.index("> c4000012"), text
        assert " gone" in next(line for line in text.splitlines() if "c4000011" in line)
        assert "WAITING 2" in text
        later = (app.key_at or 0.0) + console_app.REST + 1
        app.clock = lambda: later
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


# ---- acting --------------------------------------------------------------------------------------------------------


async def focus(pilot: Pilot[None], opened: Acting, name: str) -> None:
    """Gives a field or button the focus; a key that is pressed before it has it goes elsewhere."""
    opened.query_one(f"#{name}").focus()
    await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == name)


async def press_until_done(pilot: Pilot[None], opened: Acting) -> None:
    """Presses the button that acts; again, as a person would, where a plan that was just made anew has taken the key."""

    def done() -> bool:
        return len(pilot.app.screen_stack) == 1

    for _ in range(20):
        if done():
            return
        if not opened.working:  # then it cannot close before the key arrives
            await focus(pilot, opened, "act")
            await pilot.press("enter")
        await pilot.pause(0.3)
    await until(pilot, done)


async def dialog(pilot: Pilot[None], key: str) -> Acting:
    """The dialog that a key opens, once it listens."""
    app = pilot.app
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, Acting) and app.screen.drawn_at is not None)
    found = app.screen
    assert isinstance(found, Acting)
    return found


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
        opened.query_one("#reason", Input).value = "late"
        later = app.clock() + console_app.ARMED + 1
        app.clock = lambda: later
        await focus(pilot, opened, "act")
        await pilot.press("enter")
        assert "READ ONLY again" in str(opened.query_one("#said", Static).render())

    drive(app, script)
    assert log(shift) == []


def test_a_chat_is_given_to_whom_the_dialog_names(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await select(pilot, 12)
        opened = await dialog(pilot, "r")
        opened.query_one("#to", Input).value = "op-4"
        await focus(pilot, opened, "act")
        await pilot.press("enter")
        assert "Press enter behind the new name first" in picture(app)
        await focus(pilot, opened, "to")
        await pilot.press("enter")
        await until(pilot, lambda: opened.proposal.to == "op-4")
        assert "op-4" in "\n".join(opened.proposal.lines)
        await press_until_done(pilot, opened)

    drive(app, script)
    assert holder(shift, 12) == operator_id(4)
    assert log(shift) == [("reassign", chat_id(12), "done", None)]


def test_what_the_rules_refuse_has_no_button_to_press(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await select(pilot, 12)
        opened = await dialog(pilot, "r")
        opened.query_one("#to", Input).value = "op-1"
        await focus(pilot, opened, "to")
        await pilot.press("enter")
        await until(pilot, lambda: opened.proposal.to == "op-1")
        assert "Refused: the operator is busy" in picture(app)
        assert opened.query_one("#act", Button).disabled
        opened.query_one("#to", Input).value = "nobody-of-that-name"
        await pilot.press("enter")
        await until(pilot, lambda: "nobody-of-that-name" in str(opened.query_one("#said", Static).render()))
        await pilot.press("escape")

    drive(app, script)
    assert log(shift) == []


def test_a_chat_is_released(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        await select(pilot, 1)
        await dialog(pilot, "l")
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
        await select(pilot, 11)
        opened = await dialog(pilot, "r")
        shift.execute(CHANGES[what])
        before = holder(shift, 11)
        await focus(pilot, opened, "act")
        await pilot.press("enter")
        await until(pilot, lambda: "Changed since" in picture(app))
        assert what in picture(app)
        assert app.screen is opened
        assert app.focused is opened.query_one("#leave", Button)
        assert holder(shift, 11) == before
        assert not [row for row in log(shift) if row[2] == "done"]
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
        await until(pilot, lambda: isinstance(app.screen, Acting) and app.screen.drawn_at is not None)
        # What was typed before it was drawn, and is read only now.
        for event in [events.Key(key, None) for key in ("shift+tab", "enter")]:
            event.time = (app.screen.drawn_at or 0) - 0.001  # type: ignore[attr-defined]
            app.post_message(event)
        await pilot.pause()
        assert isinstance(app.screen, Acting)
        assert app.focused is app.screen.query_one("#leave", Button)
        assert app.is_running

    drive(app, script)
    assert log(shift) == []


# ---- what cannot be seen -------------------------------------------------------------------------------------------


def test_a_locked_table_leaves_the_old_figures_marked_stale_and_the_desk_goes_on(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        with shift.connect() as blocker, blocker.transaction():
            blocker.execute("lock table chats in access exclusive mode")
            await look(pilot)
            text = picture(app)
            assert "STALE" in text.splitlines()[0]
            assert "WAITING 3" in text
            assert "chats cannot be seen now: it is locked by pid" in " ".join(text.split())
        await look(pilot)
        assert "STALE" not in picture(app)

    drive(app, script, (120, 40))


def test_a_table_locked_from_the_beginning_is_not_zero(shift: Database, desk: Open) -> None:
    app = desk(shift)
    with shift.connect() as blocker, blocker.transaction():
        blocker.execute("lock table chats in access exclusive mode")

        async def script(pilot: Pilot[None]) -> None:
            text = picture(app)
            assert "not seen now" in text
            assert "WAITING" not in text
            assert " 0 " not in text

        drive(app, script)


def test_the_server_goes_and_comes_back(
    own_server: Callable[..., Server], desk: Open, home: Path, chatops_inprocess: Run
) -> None:
    server = own_server("18")
    database = server.create_database()
    chatops_inprocess("migrate", "--to", "latest", "--yes", db=database, check=0)
    add_operators(database, 2)
    add_chats(database, 1, first=11)
    app = desk(database)

    async def script(pilot: Pilot[None]) -> None:
        server.stop("immediate")
        await look(pilot)
        text = picture(app)
        assert "STALE" in text
        assert "WAITING 1" in text
        server.start()
        await look(pilot)
        assert app.trouble is None
        assert "STALE" not in picture(app)

    drive(app, script)


def test_what_a_role_may_not_see_is_said_and_never_zero(shift: Database, desk: Open) -> None:
    role = "desk_blind"
    shift.execute(
        f"""do $$ begin
              if not exists (select from pg_roles where rolname = '{role}') then create role {role} login; end if;
            end $$;
            grant usage on schema public to {role};
            grant select on chats, messages, chat_assignments, real_users, fictional_users, platform_config to {role}"""
    )
    app = desk(url_as(shift, role))

    async def script(pilot: Pilot[None]) -> None:
        text = picture(app)
        assert "OPERATORS not seen" in text
        assert "FREE not seen" in text
        assert "LAST not seen" in text
        assert "FREE 0" not in text

    drive(app, script)
    shift.execute(f"drop owned by {role}; drop role {role}")


# ---- the command ---------------------------------------------------------------------------------------------------


def test_without_a_terminal_it_says_so_and_with_screenshot_it_draws(
    shift: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    assert "--screenshot" in chatops_inprocess("console", db=shift, check=4).stderr
    chatops_inprocess("console", "--screenshot", "desk.svg", "--checks-every", "0", db=shift, check=0)
    drawn = (tmp_path / "desk.svg").read_text()
    assert drawn.startswith("<svg")
    assert "WAITING" in drawn
    assert "user-11" not in drawn  # names of people in full only on a terminal


def test_without_textual_it_says_how_to_get_it_and_nothing_else_loads_it(shift: Database, chatops: Run, tmp_path: Path) -> None:
    (tmp_path / "textual.py").write_text("raise ModuleNotFoundError('No module named textual', name='textual')\n")
    env = {"PYTHONPATH": str(tmp_path)}
    done = chatops("console", db=shift, env=env, check=2)
    assert "console needs Textual" in done.stderr
    assert "[console]" in done.stderr
    chatops("queue", db=shift, env=env, check=0)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP, b"q", b"\x03"], ids=["SIGTERM", "SIGHUP", "q", "ctrl-c"])
def test_the_terminal_is_given_back(shift: Database, home: Path, end: signal.Signals | bytes) -> None:
    terminal = Terminal(home, "console", "--checks-every", "0", CHATOPS_DATABASE_URL=shift.url, NO_COLOR="1")
    terminal.until("WAITING")
    terminal.until("c4000011")
    assert "\x1b[?1049h" in terminal.seen
    if isinstance(end, bytes):
        terminal.type(end)
    else:
        terminal.process.send_signal(end)
    terminal.until("\x1b[?1049l")
    assert terminal.end() == 0
    # Without colour: bold, dim and reverse at most; the terminal's own background.
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-7]|4[0-7]|38|48)[;m]", terminal.seen)


def test_production_is_marked_by_words_and_by_colour_on_the_terminals_own_background(
    shift: Database, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "chatops.toml").write_text(f'[env.live]\nurl = "{shift.url}"\nproduction = true\n')
    terminal = Terminal(home, "--env", "live", "--config", str(tmp_path / "chatops.toml"), "console", "--checks-every", "0")
    terminal.until("c4000011")
    terminal.type(b"q")
    terminal.until("\x1b[?1049l")
    assert terminal.end() == 0
    marked = re.search(r"\x1b\[([\d;]+)m PRODUCTION LIVE ", terminal.seen)
    assert marked is not None, terminal.seen
    codes = marked[1].split(";")
    assert {"1", "7"} <= set(codes)  # bold and reversed, which needs no colour
    assert codes[-1] != "40"
    assert not re.search(r"\x1b\[[\d;]*30;40m", terminal.seen)
