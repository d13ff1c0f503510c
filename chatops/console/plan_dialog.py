"""The dialog that acts: a plan, who gets it, a reason, a count for sets; the safe button has the focus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rich.text import Text
from textual import events
from textual._time import get_time
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Static

from chatops.console.dialogs import Dialog
from chatops.console.source import Proposal, Source
from chatops.errors import ChatopsError
from chatops.formatting import visible

TARGETS = {
    "reassign": "auto, a name or an id; enter plans again",
    "drain": "auto, a name or id, release, finish; enter plans again",
}


class Choice(Button):
    """A button that can be pressed again at once: Textual's own takes no key while it is drawn as pressed."""

    def __init__(self, label: str, name: str) -> None:
        super().__init__(label, id=name, compact=True)
        self.active_effect_duration = 0


class PlanDialog(Dialog):
    """A plan, a button that leaves everything as it is, and one that says the act."""

    DEFAULT_CSS = """
    PlanDialog VerticalScroll { max-height: 62vh; }
    PlanDialog Input { border: none; height: 1; padding: 0; width: 1fr; }
    PlanDialog .label { width: 9; }
    PlanDialog .field { height: 1; }
    PlanDialog Horizontal.buttons { height: auto; align-horizontal: right; }
    PlanDialog Button { margin: 0 1; }
    """

    def __init__(self, source: Source, proposal: Proposal, may_act: Callable[[], bool]) -> None:
        super().__init__()
        self.may_act = may_act
        self.source = source
        self.proposal = proposal
        self.working = False
        self.acted_at = 0.0
        """When its act was done; 0 until then."""
        self.shown_at: float | None = None
        """When the present plan was on the screen, by the clock of the events."""

    def action_leave(self) -> None:
        """Goes back; not while it acts, so that its end is seen."""
        if not self.working:
            self.leave(None)

    def compose(self) -> ComposeResult:
        """The plan above, what is asked below."""
        count = len(self.proposal.keys)
        needed = "needed on production; " if self.source.production else ""
        with Vertical():
            with VerticalScroll(can_focus=False):
                yield Static(id="plan", markup=False)
            yield Static(id="said", markup=False)
            if self.proposal.has_target:
                yield from _field("to", self.proposal.to, TARGETS[self.proposal.act])
            yield from _field("reason", "", f"{needed}kept in the log; just type it")
            if count > 1:
                yield from _field("count", "", f"type {count}: how many this is about")
            with Horizontal(classes="buttons"):
                yield Choice("Leave it as it is", "leave")
                yield Choice(self.proposal.button, "act")
            yield Static("tab next   enter press   esc leave it as it is   pgup/pgdn scroll", classes="keys", markup=False)

    def on_mount(self) -> None:
        """The safe button has the focus."""
        super().on_mount()
        self.set_focus(self.query_one("#leave", Button))
        self._show(self.proposal)

    def _show(self, proposal: Proposal, *said: str) -> None:
        self.proposal, self.shown_at = proposal, None
        self.call_after_refresh(self._shown)
        self.query_one("#plan", Static).update(Text("\n".join((*proposal.lines, "", proposal.command))))
        refused = f"Refused: {proposal.problem}" if proposal.problem else ""
        self._say("\n".join(line for line in (*said, refused) if line))
        self.query_one("#act", Button).disabled = proposal.problem is not None
        if self.focused is None:  # it was on a button that cannot be pressed any more
            self.set_focus(self.query_one("#leave", Button))

    def _shown(self) -> None:
        self.shown_at = get_time()

    # ---- keys ------------------------------------------------------------------------------------------------------

    def takes(self, event: events.Key) -> bool:
        """Tab, scrolling, and what is typed while a button has the focus: that is the reason.

        The button that acts takes no key that was pressed before the present plan was on the screen.
        """
        on_act = self.focused is not None and self.focused.id == "act"
        if event.key == "enter" and on_act and (self.shown_at is None or event.time < self.shown_at):
            return True
        if event.key == "tab":
            self.focus_next()
        elif event.key == "shift+tab":
            self.focus_previous()
        elif event.key in ("pageup", "pagedown"):
            scrolled = self.query_one(VerticalScroll)
            (scrolled.scroll_page_up if event.key == "pageup" else scrolled.scroll_page_down)(animate=False)
        elif isinstance(self.focused, Button) and event.is_printable and event.character and event.character != " ":
            self._into_reason(event.character)
        else:
            return False
        return True

    def _into_reason(self, text: str) -> None:
        reason = self.query_one("#reason", Input)
        self.set_focus(reason)
        reason.insert_text_at_cursor(text)

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted while a button has the focus is the reason, too."""
        if isinstance(self.focused, Button) and self.hears(event) and event.text.strip():
            event.stop()
            self._into_reason(event.text.strip().splitlines()[0])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter behind a target plans again; behind the reason it goes on to the buttons."""
        event.stop()
        if event.input.id == "to":
            if not self.working:
                self.working = True
                self.run_worker(self._plan_again(event.value.strip() or "auto"))
        else:
            self.set_focus(self.query_one("#leave", Button))

    async def _plan_again(self, to: str) -> None:
        try:
            self._show(await asyncio.to_thread(self.source.plan, self.proposal.act, self.proposal.keys, to))
        except ChatopsError as error:
            self._say(error.message)
        finally:
            self.working = False

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(Text(visible(text, lines=True), "bold"))

    def _typed(self, name: str) -> str | None:
        """What stands in a field; None where there is no such field."""
        found = self.query(f"#{name}").results(Input)
        return next((one.value.strip() for one in found), None)

    # ---- acting ----------------------------------------------------------------------------------------------------

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Leaves, or acts."""
        event.stop()
        if self.over:
            return
        if event.button.id == "leave":
            self.action_leave()
        elif not self.working and self.proposal.problem is None:
            lacking = self._lacking()
            if lacking is None:
                self.working = True  # before the next key
                self.run_worker(self._act(self._typed("reason") or ""))
            else:
                name, sentence = lacking
                self._say(sentence)
                if name is not None:
                    self.set_focus(self.query_one(f"#{name}", Input))

    def _lacking(self) -> tuple[str | None, str] | None:
        """What is missing before it may act: the field where it is given, and a sentence."""
        to, count = self._typed("to"), self._typed("count")
        if to is not None and to != self.proposal.to:
            return None, f"The plan above is for “{self.proposal.to}”. Press enter behind the new name first."
        if not self.may_act():
            return None, "READ ONLY again: the ten minutes are over. esc, then W."
        if self.source.production and not self._typed("reason"):
            return "reason", "A reason is needed on production."
        if count is not None and count != str(len(self.proposal.keys)):
            return "count", f"Type {len(self.proposal.keys)} first: how many this is about."
        return None

    async def _act(self, reason: str) -> None:
        self._say("acting …")
        try:
            done = await asyncio.to_thread(self.source.carry_out, self.proposal, reason)
        except ChatopsError as error:
            self._say(error.message)
            return
        finally:
            self.working = False
        if done.action_id is not None:
            self.acted_at = get_time()
            self.leave(done)
            return
        # What was different stays before the eyes, and the safe button has the focus again.
        self._show(done.proposal or self.proposal, *done.lines)
        self.set_focus(self.query_one("#leave", Button))


def _field(name: str, value: str, asked: str) -> ComposeResult:
    with Horizontal(classes="field"):
        yield Static(name, classes="label", markup=False)
        # What is typed while a button has the focus is put here, and must not be typed over: only a target is.
        yield Input(value, id=name, placeholder=asked, compact=True, select_on_focus=name == "to")
