"""The desk: looks again and again in a thread, moves the cursor by id, opens dialogs, and acts only from those."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.widgets import Input, Static

from chatops.chats.desk import Look
from chatops.checks import compare_looks
from chatops.console.dialogs import Acting, Dialog, ReadOut
from chatops.console.drawing import drawn
from chatops.console.keys import HELP, KEYS, OPENERS
from chatops.console.source import Act, Done, Source
from chatops.errors import ChatopsError
from chatops.model import Line, Span, Style
from chatops.render.wrap import cells
from chatops.screens import console as rows
from chatops.screens import console_lines as screen
from chatops.screens.console import Findings, Key, Section
from chatops.screens.console_lines import Head

REST = 3.0
"""Seconds after the last key in which the order stands still."""
ARMED = 600.0
HOUR = 3600.0


class Console(App[None]):
    """The live desk."""

    CSS = """
    Screen { layers: base; }
    #head { height: 3; } #body { height: 1fr; } #foot { height: 3; }
    #filter { height: 1; border: none; padding: 0; display: none; }
    #head, #body, #foot { width: 100%; text-wrap: nowrap; text-overflow: clip; }
    """
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None
    BINDINGS: ClassVar = [
        Binding("up", "move(-1)"), Binding("down", "move(1)"), Binding("pageup", "move(-10)"), Binding("pagedown", "move(10)"),
        Binding("enter", "open"), Binding("o", "open_operator"), Binding("r", "act('reassign')"), Binding("l", "act('release')"),
        Binding("W", "arm"), Binding("f", "check"), Binding("slash", "filter"), Binding("escape", "unfilter"),
        Binding("y", "copy"), Binding("z", "freeze"), Binding("question_mark", "help"), Binding("q,ctrl+c", "leave"),
        Binding("ctrl+z", "suspend_process"),
    ]  # fmt: skip

    def __init__(self, source: Source, *, every: float, checks_every: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(ansi_color=True)  # the colours of the terminal: its own background, light or dark
        self.theme = "ansi-dark"
        self.source = source
        self.every = every
        self.checks_every = checks_every
        self.clock = clock
        self.look: Look | None = None
        self.looked_at: float | None = None
        self.looks = 0
        """How many looks were had."""
        self.found: Findings | None = None
        self.first_survey: compare_looks.Earlier | None = None
        self.checked_at: float | None = None
        self.trouble: str | None = None
        self.said = ""
        self.parts: Sequence[Section] = ()
        self.cursor: Key | None = None
        self.frozen = False
        self.wanted = ""
        self.armed_until: float | None = None
        self.key_at: float | None = None
        self.opening = False
        self.waits: list[tuple[float, float]] = []
        self._turn = asyncio.Lock()

    # ---- what is on the screen ---------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Head, body, filter, foot."""
        yield Static(id="head", markup=False)
        yield Static(id="body", markup=False)
        yield Input(id="filter", placeholder="filter", compact=True)
        yield Static(id="foot", markup=False)

    def on_mount(self) -> None:
        """Begins to look; a signal that ends the program gives the terminal back first."""
        self.query_one("#filter", Input).can_focus = False
        self.set_interval(1.0, self._head)
        self.set_interval(self.every, self._look_again)
        self._look_again()
        if not self.is_headless:
            for name in ("SIGTERM", "SIGHUP"):
                with contextlib.suppress(NotImplementedError, ValueError, AttributeError):
                    asyncio.get_running_loop().add_signal_handler(getattr(signal, name), self.exit)

    def on_resize(self) -> None:
        """Lays out anew."""
        self.redraw()

    def on_unmount(self) -> None:
        """Nothing goes on at the server."""
        self.source.stop()

    def head(self) -> Head:
        """What the first lines tell beside the look."""
        left = None if not self.armed else timedelta(seconds=round((self.armed_until or 0) - self.clock()))
        return Head(
            self.source.name, self.source.where, self.source.production, left if self.source.production else None,
            None if self.looked_at is None else self.clock() - self.looked_at, self.every, self.frozen, self.trouble,
            [wait for _, wait in self.waits],
        )  # fmt: skip

    @property
    def armed(self) -> bool:
        """Whether acting is allowed now."""
        return not self.source.production or (self.armed_until is not None and self.clock() < self.armed_until)

    def redraw(self) -> None:
        """Draws all of it."""
        self._head()
        body = self._base("#body")
        body.update(drawn(screen.body_lines(self.shown, self.size.width, body.size.height, self.cursor)))
        self._foot()

    def _base(self, name: str) -> Static:
        return self.screen_stack[0].query_one(name, Static)

    @property
    def shown(self) -> list[Section]:
        """The sections with the rows that the filter leaves."""
        return screen.filtered(self.parts, self.wanted)

    def _head(self) -> None:
        self._base("#head").update(drawn(screen.head_lines(self.head(), self.look, self.found, self.size.width)))

    def _foot(self) -> None:
        width = self.size.width
        told = self.trouble or self.said or (f"only rows with “{self.wanted}” (esc: all)" if self.wanted else "")
        rule = screen.cut(f" {told} ", width) if told else ""
        row = screen.row_of(self.shown, self.cursor)
        words = row.words if row else ("queue",)
        command = self.source.here(*words)
        if cells(command) >= width:  # what matters stands at its end; y shows the whole
            command = " ".join(("chatops …", *words))
        style: Style = "warning" if self.trouble else "strong"
        first: Line = [Span(rule, style), Span("─" * max(0, width - len(rule)), "dim")]
        lines: list[Line] = [first, [Span(screen.cut(f" {command}", width), "code")], screen.cut(f" {KEYS}", width)]
        self._base("#foot").update(drawn(lines))

    def command(self, row: rows.Row) -> str:
        """The equivalent command line of a row."""
        return self.source.here(*row.words)

    # ---- looking -------------------------------------------------------------------------------------------------------

    def _look_again(self) -> None:
        if not self.frozen and not self._turn.locked():
            self.run_worker(self._one_look(), group="look")

    async def _one_look(self) -> None:
        async with self._turn:
            try:
                look = await asyncio.to_thread(self.source.look)
            except ChatopsError as error:
                self.trouble = f"not seen now: {error.message}"
                self.redraw()
                return
            self.trouble = None
            self._take(look)
        if self.checks_every and (self.checked_at is None or self.clock() - self.checked_at > self.checks_every):
            self.action_check()

    def _take(self, look: Look) -> None:
        self.look, self.looked_at, self.looks = look, self.clock(), self.looks + 1
        if look.queue is not None:
            wait = (look.now - look.queue.oldest).total_seconds() if look.queue.oldest else 0.0
            self.waits = [one for one in self.waits if one[0] > self.looked_at - HOUR] + [(self.looked_at, max(0.0, wait))]
        self._arrange()

    def _arrange(self) -> None:
        """Puts the newest rows on the screen: in their order, or while keys move in that of the screen."""
        if self.look is None:
            return
        names = self.source.show_names
        now = rows.sections(self.look, self.found, show_names=names, here=self.source.here)
        self.parts = screen.kept_in_order(self.parts, now) if self.moving and self.parts else now
        self.redraw()

    @property
    def moving(self) -> bool:
        """Whether a key was pressed a moment ago, or a dialog stands before the rows."""
        return len(self.screen_stack) > 1 or (self.key_at is not None and self.clock() - self.key_at < REST)

    def action_check(self) -> None:
        """Runs the checks."""
        self.checked_at = self.clock()
        self.said = "checking …"
        self._foot()
        self.run_worker(self._check(), group="check", exclusive=True)

    async def _check(self) -> None:
        async with self._turn:
            try:
                survey = await asyncio.to_thread(self.source.check)
            except ChatopsError as error:
                self.said = f"not checked: {error.message}"
                self._foot()
                return
        changes = compare_looks.compare(survey, self.first_survey) if self.first_survey else None
        gone = dict(changes.resolved) if changes else {}
        if self.found is not None:
            gone |= compare_looks.compare(survey, compare_looks.earlier_of(self.found.survey, "the look before")).resolved
        self.first_survey = self.first_survey or compare_looks.earlier_of(survey, "the first look")
        self.found = Findings(survey, changes, gone)
        self.said = ""
        self._arrange()

    # ---- keys ------------------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Keys count only for what was on the screen when they were pressed."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            top = self.screen
            if event.key not in ("ctrl+c", "ctrl+q"):
                if self.opening or (isinstance(top, Dialog) and not top.hears(event)):
                    return
                # From here on, before the key is acted on: others may be behind it already.
                self.opening = event.key in OPENERS and len(self.screen_stack) == 1 and self.focused is None
            self.key_at = self.clock()
        await super().on_event(event)

    def action_move(self, by: int) -> None:
        """The cursor to another row."""
        keys = screen.keys_of(self.shown)
        if keys:
            at = keys.index(self.cursor) + by if self.cursor in keys else 0 if by > 0 else len(keys) - 1
            self.cursor = keys[max(0, min(len(keys) - 1, at))]
        self.said = ""
        self.redraw()

    def action_filter(self) -> None:
        """Asks for a text."""
        asked = self.query_one("#filter", Input)
        asked.display = asked.can_focus = True
        asked.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filters while it is typed."""
        if event.input.id == "filter":
            self.wanted = event.value
            self.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the rows."""
        if event.input.id == "filter":
            self._hide_filter()

    def _hide_filter(self) -> None:
        asked = self.query_one("#filter", Input)
        asked.display = asked.can_focus = False
        self.set_focus(None)
        self.call_after_refresh(self.redraw)

    def action_unfilter(self) -> None:
        """All rows again."""
        self.query_one("#filter", Input).value = self.wanted = ""
        self._hide_filter()

    def action_freeze(self) -> None:
        """The screen stands still, or goes on."""
        self.frozen = not self.frozen
        self.redraw()
        self._look_again()

    def action_arm(self) -> None:
        """Production may be changed for ten minutes, or not any more."""
        if self.source.production:
            self.armed_until = None if self.armed else self.clock() + ARMED
            self.redraw()

    def action_help(self) -> None:
        """The keys."""
        self._read_out(HELP)

    def action_copy(self) -> None:
        """The command line of the row, whole; and into the clipboard, where the terminal lets it."""
        row = screen.row_of(self.shown, self.cursor)
        command = self.command(row) if row else self.source.here("queue")
        self.copy_to_clipboard(command)
        self._read_out(command)

    def _read_out(self, text: str) -> None:
        async def push() -> None:
            await self.push_screen(ReadOut(text))
            self.opening = False

        self.run_worker(push(), group="open")

    def action_leave(self) -> None:
        """Ends the console."""
        self.exit()

    # ---- opening and acting ------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Opens what the cursor is on."""
        row = screen.row_of(self.shown, self.cursor)
        if row is None:
            self._refuse("Nothing is selected: up, down.")
        elif row.key[0] == "action":
            self._refuse("An action's own row: chatops log holds the whole.")
        else:
            self._open(row.key)

    def action_open_operator(self) -> None:
        """Opens the operator of the row."""
        row = screen.row_of(self.shown, self.cursor)
        if row is None or row.operator is None:
            self._refuse("No operator belongs to this row.")
        else:
            self._open(("operator", str(row.operator)))

    def _open(self, key: Key) -> None:
        self._say("opening …")
        self.run_worker(self._opened(key), group="open")

    async def _opened(self, key: Key) -> None:
        try:
            text = await asyncio.to_thread(self.source.about, key, max(40, min(100, self.size.width * 9 // 10 - 6)))
            self._say("")
            await self.push_screen(ReadOut(text))
        except ChatopsError as error:
            self._say(error.message)
        finally:
            self.opening = False

    def action_act(self, act: Act) -> None:
        """Opens the plan of an act; changes nothing."""
        row = screen.row_of(self.shown, self.cursor)
        if row is None or row.key[0] != "chat":
            self._refuse(f"Choose a chat to {act}: up, down.")
        elif not self.armed:
            self._refuse("READ ONLY: this is production. W lets you act for ten minutes.")
        else:
            self._say("planning …")
            self.run_worker(self._planned(act, UUID(row.key[1])), group="open")

    async def _planned(self, act: Act, chat_id: UUID) -> None:
        try:
            proposal = await asyncio.to_thread(self.source.plan, act, chat_id, "auto")
            self._say("")
            await self.push_screen(Acting(self.source, proposal, lambda: self.armed), self._acted)
        except ChatopsError as error:
            self._say(error.message)
        finally:
            self.opening = False

    def _acted(self, done: Done | None) -> None:
        if done is None:
            return
        self._say(" ".join(done.lines))
        self.run_worker(self._one_look(), group="look")

    def _refuse(self, text: str) -> None:
        self.opening = False
        self._say(text)

    def _say(self, text: str) -> None:
        self.said = text
        self._foot()


def screenshot(app: Console, file: Path, size: tuple[int, int], *, checks: bool) -> str | None:
    """Writes one look as a picture; what went wrong, None when nothing did. Needs no terminal."""

    async def take() -> str | None:
        async with app.run_test(size=size) as pilot:
            while not app.looks and app.trouble is None:
                await pilot.pause(0.02)
            while checks and app.trouble is None and app.found is None and not app.said.startswith("not checked"):
                await pilot.pause(0.02)
            await pilot.pause()
            if app.trouble is None:
                file.write_text(app.export_screenshot(title="chatops console"), encoding="utf-8")
            return app.trouble

    return asyncio.run(take())
