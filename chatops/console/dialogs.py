"""The desk's dialogs: one that reads out, and one that acts, whose safe button has the focus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rich.text import Text
from textual import events
from textual._time import get_time
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from chatops.console.source import Done, Proposal, Source
from chatops.errors import ChatopsError


class Dialog(ModalScreen[Done | None]):
    """Counts only keys that were pressed after it was drawn."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical { width: 90%; max-width: 110; height: auto; max-height: 90%; border: round; padding: 0 1; }
    Dialog VerticalScroll { height: auto; max-height: 18; }
    Dialog Static { width: 1fr; height: auto; }
    Dialog Input { border: none; height: 1; padding: 0; width: 1fr; }
    Dialog .label { width: 9; }
    Dialog .field { height: 1; }
    Dialog Horizontal.buttons { height: auto; align-horizontal: right; }
    Dialog Button { margin: 0 1; }
    """
    BINDINGS = [Binding("escape,ctrl+c", "leave", "leave", priority=True)]  # noqa: RUF012  Textual's own declaration

    def __init__(self) -> None:
        super().__init__()
        self.drawn_at: float | None = None
        """When it was on the screen, by the clock of the events."""

    def on_mount(self) -> None:
        """Listens once it is drawn."""
        self.call_after_refresh(self._drawn)

    def _drawn(self) -> None:
        self.drawn_at = get_time()

    def hears(self, event: events.Key) -> bool:
        """Whether a key was pressed with this dialog before the person's eyes."""
        return self.drawn_at is not None and event.time >= self.drawn_at

    def action_leave(self) -> None:
        """Goes back; nothing is done."""
        self.dismiss(None)


class ReadOut(Dialog):
    """A text to read: a timeline, the help, a command to copy."""

    BINDINGS = [  # noqa: RUF012  Textual's own declaration
        Binding("q,enter,question_mark,y", "leave", "leave"), Binding("up", "up"), Binding("down", "down"),
        Binding("pageup", "page(-1)"), Binding("pagedown", "page(1)"),
    ]  # fmt: skip

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        """The text, scrolled by the arrow keys."""
        with Vertical():
            with VerticalScroll(can_focus=False):
                yield Static(Text(self.text), id="text", markup=False)
            yield Static("esc back   up/down scroll", classes="keys", markup=False)

    def action_up(self) -> None:
        """One line up."""
        self.query_one(VerticalScroll).scroll_up(animate=False)

    def action_down(self) -> None:
        """One line down."""
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def action_page(self, way: int) -> None:
        """A page up or down."""
        scrolled = self.query_one(VerticalScroll)
        (scrolled.scroll_page_down if way > 0 else scrolled.scroll_page_up)(animate=False)


class Acting(Dialog):
    """A plan, a reason, a button that leaves everything as it is, and one that says the act."""

    def __init__(self, source: Source, proposal: Proposal, may_act: Callable[[], bool]) -> None:
        super().__init__()
        self.may_act = may_act
        self.source = source
        self.proposal = proposal
        self.working = False

    def action_leave(self) -> None:
        """Goes back; not while it acts, so that its end is seen."""
        if not self.working:
            self.dismiss(None)

    def compose(self) -> ComposeResult:
        """The plan above, what is asked below."""
        with Vertical():
            with VerticalScroll(can_focus=False):
                yield Static(id="plan", markup=False)
            yield Static(id="said", markup=False)
            if self.proposal.act == "reassign":
                with Horizontal(classes="field"):
                    yield Static("to", classes="label", markup=False)
                    yield Input(self.proposal.to, id="to", placeholder="auto, a name or an id; enter plans again", compact=True)
            with Horizontal(classes="field"):
                yield Static("reason", classes="label", markup=False)
                needed = "needed on production; " if self.source.production else ""
                yield Input(id="reason", placeholder=f"{needed}kept in the log", compact=True)
            with Horizontal(classes="buttons"):
                yield Button("Leave it as it is", id="leave", compact=True)
                yield Button(self.proposal.button, id="act", compact=True)
            yield Static("tab next   enter press   esc leave it as it is", classes="keys", markup=False)

    def on_mount(self) -> None:
        """The safe button has the focus."""
        super().on_mount()
        self.query_one("#leave", Button).focus()
        self._show(self.proposal)

    def _show(self, proposal: Proposal, *said: str) -> None:
        self.proposal = proposal
        self.query_one("#plan", Static).update(Text("\n".join((*proposal.lines, "", proposal.command))))
        refused = f"Refused: {proposal.problem}" if proposal.problem else ""
        self.query_one("#said", Static).update(Text("\n".join(line for line in (*said, refused) if line), "bold"))
        self.query_one("#act", Button).disabled = proposal.problem is not None

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter behind a target plans again; behind the reason it goes on to the buttons."""
        event.stop()
        if event.input.id == "to" and not self.working:
            self.working = True
            self.run_worker(self._plan_again(event.value.strip() or "auto"))
        elif event.input.id == "reason":
            self.query_one("#leave", Button).focus()

    async def _plan_again(self, to: str) -> None:
        try:
            self._show(await asyncio.to_thread(self.source.plan, self.proposal.act, self.proposal.chat_id, to))
        except ChatopsError as error:
            self._say(error.message)
        finally:
            self.working = False

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(Text(text, "bold"))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Leaves, or acts."""
        event.stop()
        if event.button.id == "leave":
            self.action_leave()
            return
        to = self.query_one("#to", Input).value.strip() if self.proposal.act == "reassign" else ""
        reason = self.query_one("#reason", Input).value.strip()
        if self.working or self.proposal.problem is not None:
            return
        if self.proposal.act == "reassign" and to != self.proposal.to:
            self._say(f"The plan above is for “{self.proposal.to}”. Press enter behind the new name first.")
        elif not self.may_act():
            self._say("READ ONLY again: the ten minutes are over. esc, then W.")
        elif not reason and self.source.production:
            self._say("A reason is needed on production.")
            self.query_one("#reason", Input).focus()
        else:
            self.working = True  # before the next key
            self.run_worker(self._act(reason))

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
            self.dismiss(done)
            return
        # What was different stays before the eyes, and the safe button has the focus again.
        self._show(done.proposal or self.proposal, *done.lines)
        self.query_one("#leave", Button).focus()
