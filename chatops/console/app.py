"""The desk at work: looks again and again in a thread, hears the keys, opens dialogs, acts only from those."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding
from textual.widgets import Input

from chatops.chats.desk import TenantsLook
from chatops.console import clock
from chatops.console.dialogs import Dialog, ReadOut
from chatops.console.keys import HELP, OPENERS
from chatops.console.plan_dialog import PlanDialog
from chatops.console.screenful import Screenful
from chatops.console.source import KINDS, Act, Done, Source
from chatops.console.state import DeskState
from chatops.errors import ChatopsError
from chatops.screens.console import Key

ALWAYS = ("ctrl+c", "ctrl+q", "ctrl+z")
"""Keys that count whatever is on the screen."""
_OVER = "over"


class Console(Screenful):
    """The live desk."""

    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None
    BINDINGS: ClassVar = [
        Binding("up", "move(-1)"), Binding("down", "move(1)"), Binding("pageup", "move(-10)"), Binding("pagedown", "move(10)"),
        Binding("home", "to_end(False)"), Binding("end", "to_end(True)"),
        # Before the screen's own, which go through what can have the focus.
        Binding("tab", "jump(1)", priority=True), Binding("shift+tab", "jump(-1)", priority=True),
        Binding("enter", "open"), Binding("o", "open_operator"), Binding("space", "mark"),
        Binding("r", "act('reassign')"), Binding("l", "act('release')"), Binding("d", "act('drain')"),
        Binding("u", "act('undo')"),
        Binding("W", "arm"), Binding("f", "check"), Binding("escape", "step_back"),
        Binding("y", "copy"), Binding("z", "freeze"), Binding("question_mark", "help"), Binding("q,ctrl+c", "leave"),
        Binding("ctrl+z", "suspend_process", priority=True),
    ]  # fmt: skip

    def __init__(
        self, source: Source, *, every: float, checks_every: float, clock: Callable[[], float] = clock.now, light: bool = False
    ) -> None:
        super().__init__(DeskState(source, every, clock), light=light)
        self.outer: DeskState | None = None
        """The tenants', while one of them is open."""
        self.checks_every = checks_every
        self.opening = False
        self.mine: list[int] = []
        """The actions that were done here."""
        self._checking = False
        """Whether a step of the checks is under way."""
        self._plan: PlanDialog | None = None
        self._turn = asyncio.Lock()

    # ---- looking -------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begins to look; a signal that ends the program gives the terminal back first."""
        self.query_one("#filter", Input).can_focus = False
        self.set_interval(1.0, self._head)
        self.set_interval(self.desk.every, self.look_again)
        self.app_resume_signal.subscribe(self, lambda _: self.look_again())
        self.look_again()
        if not self.is_headless:
            for name in ("SIGTERM", "SIGHUP"):
                with contextlib.suppress(NotImplementedError, ValueError, AttributeError):
                    asyncio.get_running_loop().add_signal_handler(getattr(signal, name), self.exit)

    def on_unmount(self) -> None:
        """Nothing goes on at the server."""
        self.desk.source.stop()

    def look_again(self) -> None:
        """Another look, unless one is under way or the screen is frozen."""
        if not self.desk.frozen and not self._turn.locked():
            self.run_worker(self._one_look(self.desk), group="look")

    async def _one_look(self, desk: DeskState) -> None:
        async with self._turn:
            try:
                look = await asyncio.to_thread(desk.source.look)
            except ChatopsError as error:
                desk.trouble = f"not seen now: {error.message}"
                self.redraw()
                return
            desk.take(look)
            self._arrange(desk)
        if desk.looks == 1:
            await self._look_back(desk)
        due = desk.checked_at is None or desk.clock() - desk.checked_at > self.checks_every
        if self.checks_every and due and not isinstance(look, TenantsLook):
            self.action_check()

    async def _look_back(self, desk: DeskState) -> None:
        """The hour before the first look, once."""
        async with self._turn:
            with contextlib.suppress(ChatopsError):  # the line then begins with this look
                desk.take_waits(await asyncio.to_thread(desk.source.waits))
        self._head()

    def _arrange(self, desk: DeskState) -> None:
        desk.arrange(still=len(self.screen_stack) > 1)
        if desk is self.desk:
            self.redraw()

    def action_check(self) -> None:
        """Runs the checks."""
        self.desk.checked_at = self.desk.clock()
        self.say("checking …")
        self.run_worker(self._check(self.desk), group="check", exclusive=True)

    async def _check(self, desk: DeskState) -> None:
        """Step by step: between two steps it is looked as always."""
        steps, survey = iter(desk.source.checks()), None
        try:
            while True:
                async with self._turn:
                    self._checking = True
                    try:
                        found = await asyncio.to_thread(next, steps, _OVER)
                    finally:
                        self._checking = False
                if isinstance(found, str):
                    break
                survey = found
                if desk.looked_at is None or desk.clock() - desk.looked_at >= desk.every:
                    await self._one_look(desk)
        except ChatopsError as error:
            self.say(f"not checked: {error.message}")
            return
        if survey is None:
            self.say(f"checked are tenants that are open; all of them: {desk.source.here('diagnose')}")
            return
        desk.take_survey(survey)
        self.said = "" if self.said == "checking …" else self.said
        self._arrange(desk)

    # ---- keys ------------------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Keys count only for what was on the screen when they were pressed."""
        if isinstance(event, events.Key) and not event.is_forwarded and event.key not in ALWAYS:
            top = self.screen
            if self.opening or event.time < self.hears_from or (isinstance(top, Dialog) and not top.hears(event)):
                return
            self.desk.key_at = self.desk.clock()
            # At once, before the next key is looked at: it may be on its way already.
            if isinstance(top, Dialog):
                if top.takes(event):
                    return
            elif self.focused is None:
                self.opening = event.key in OPENERS
                if event.key == "slash":
                    self._show_filter(shown=True)
                    return
        await super().on_event(event)

    def action_move(self, by: int) -> None:
        """The cursor to another row."""
        self.desk.move(by)
        self.said = ""
        self.redraw()

    def action_to_end(self, last: bool) -> None:
        """The cursor to the first or the last row."""
        self.desk.to_end(last=last)
        self.said = ""
        self.redraw()

    def action_jump(self, by: int) -> None:
        """The cursor to another section; not behind a dialog."""
        if len(self.screen_stack) > 1:
            return
        self.desk.jump(by)
        self.said = ""
        self.redraw()

    def action_mark(self) -> None:
        """Marks the row."""
        self.said = "" if self.desk.mark() else "Chats and operators can be marked: up, down."
        self.redraw()

    def _show_filter(self, *, shown: bool) -> None:
        asked = self.query_one("#filter", Input)
        asked.display = asked.can_focus = shown
        self.set_focus(asked if shown else None)
        self.call_after_refresh(self.redraw)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filters while it is typed."""
        if event.input.id == "filter":
            self.desk.wanted = event.value
            self.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the rows, to the first that is left where the cursor was on another."""
        if event.input.id == "filter":
            if self.desk.row is None:
                self.desk.to_end(last=False)
            self._show_filter(shown=False)

    def action_step_back(self) -> None:
        """All rows again; else no marks; else back to the tenants."""
        if self.desk.wanted or self.focused is not None:
            self.query_one("#filter", Input).value = self.desk.wanted = ""
            self._show_filter(shown=False)
        elif self.desk.marked:
            self.desk.marked = {}
            self.redraw()
        elif self.outer is not None:
            inner, self.desk, self.outer = self.desk, self.outer, None
            inner.source.stop()
            self.run_worker(self._close(inner), group="look")
            self._arrange(self.desk)
            if not self.desk.frozen:  # also when the tenant is being looked at: after that
                self.run_worker(self._one_look(self.desk), group="look")

    def action_freeze(self) -> None:
        """The screen stands still, or goes on."""
        self.desk.frozen = not self.desk.frozen
        self.redraw()
        self.look_again()

    def action_arm(self) -> None:
        """Production may be changed for ten minutes, or not any more."""
        self.desk.arm()
        self.said = ""
        self.redraw()

    def action_suspend_process(self) -> None:
        """Suspends when the look is over: no transaction stays open while the program sleeps."""
        self.run_worker(self._suspend(), group="suspend", exclusive=True)

    async def _suspend(self) -> None:
        async with self._turn:
            super().action_suspend_process()

    def action_help(self) -> None:
        """The keys."""
        self._open(lambda: self._read_out(HELP))

    def action_copy(self) -> None:
        """The command line of the row, whole; and into the clipboard, where the terminal lets it."""
        command = self.desk.source.here(*self.desk.words)
        self.copy_to_clipboard(command)
        self._open(lambda: self._read_out(command))

    def action_leave(self) -> None:
        """Ends the console."""
        self.exit()

    # ---- opening and acting ------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Opens what the cursor is on."""
        row = self.desk.row
        if row is None:
            self._refuse("Nothing is selected: up, down.")
        elif row.key[0] == "action":
            self._refuse("u undoes an action; chatops log holds the whole.")
        else:
            self._open(lambda: self._tenant(row.key[1]) if row.key[0] == "tenant" else self._about(row.key))

    def action_open_operator(self) -> None:
        """Opens the operator of the row."""
        row = self.desk.row
        if row is None or row.operator is None:
            self._refuse("No operator belongs to this row.")
        else:
            operator = ("operator", str(row.operator))
            self._open(lambda: self._about(operator))

    def _open(self, what: Callable[[], Coroutine[None, None, None]]) -> None:
        """Runs what opens something; keys count again when it is open, or cannot be."""

        async def opened() -> None:
            try:
                await what()
            except ChatopsError as error:
                self.say(error.message)
            finally:
                self.opening = False

        self.run_worker(opened(), group="open")

    async def _read_out(self, text: str) -> None:
        await self.push_screen(ReadOut(text))

    async def _about(self, key: Key) -> None:
        self.say("opening …")
        self._hurry()
        text = await asyncio.to_thread(self.desk.source.about, key, max(40, min(100, self.size.width * 96 // 100 - 6)))
        self.say("")
        await self._read_out(text)

    async def _tenant(self, schema: str) -> None:
        self.say("opening …")
        self.desk.source.hurry()
        async with self._turn:
            await asyncio.to_thread(self.desk.source.close)
            source = await asyncio.to_thread(self.desk.source.tenant, schema)
        inner = DeskState(source, self.desk.every, self.desk.clock, armed_until=self.desk.armed_until)
        self.outer, self.desk = self.desk, inner
        self.said = ""
        self.redraw()
        self.look_again()

    async def _close(self, desk: DeskState) -> None:
        async with self._turn:
            await asyncio.to_thread(desk.source.close)

    def action_act(self, act: Act) -> None:
        """Opens the plan of an act; changes nothing."""
        keys = self.desk.subjects(act)
        if not keys and act == "undo" and self.mine:
            keys = [("action", str(self.mine[-1]))]
        if not keys:
            kind = KINDS[act]
            self._refuse(f"Choose {'an' if kind[0] in 'ao' else 'a'} {kind} to {act}: up, down, tab.")
        elif not self.desk.armed:
            self._refuse("READ ONLY: this is production. W lets you act for ten minutes.")
        else:
            self._open(lambda: self._planned(act, keys))

    async def _planned(self, act: Act, keys: Sequence[Key]) -> None:
        self.say("planning …")
        desk = self.desk
        to = "auto" if act in ("reassign", "drain") else ""
        proposal = await asyncio.to_thread(desk.source.plan, act, keys, to)
        self.say("")
        self._plan = PlanDialog(desk.source, proposal, lambda: desk.armed)
        await self.push_screen(self._plan, self._acted)

    @property
    def hears_from(self) -> float:
        """What was pressed before that, by the clock of the events, was meant for a dialog that has acted."""
        return self._plan.acted_at if self._plan is not None else 0.0

    def _acted(self, done: Done | None) -> None:
        if done is None or done.action_id is None:
            return
        self.mine.append(done.action_id)
        self.desk.marked = {}
        self.say(" ".join(done.lines))
        self._hurry()
        self.run_worker(self._one_look(self.desk), group="look")

    def _hurry(self) -> None:
        """Lets nobody wait for the checks."""
        if self._checking:
            self.desk.source.hurry()

    def _refuse(self, text: str) -> None:
        self.opening = False
        self.say(text)
