"""The desk's dialogs: what they have in common, and the one that reads out."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual._time import get_time
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from chatops.console.source import Done


class Dialog(ModalScreen[Done | None]):
    """Counts only keys that were pressed after it was drawn."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical { width: 96%; max-width: 110; height: auto; max-height: 96%; }
    Dialog > Vertical { border: round ansi_bright_black; padding: 0 1; }
    Dialog VerticalScroll { height: auto; max-height: 80vh; }
    Dialog Static { width: 1fr; height: auto; }
    """
    BINDINGS = [Binding("escape,ctrl+c", "leave", "leave", priority=True)]  # noqa: RUF012  Textual's own declaration

    def __init__(self) -> None:
        super().__init__()
        self.drawn_at: float | None = None
        """When it was on the screen, by the clock of the events."""
        self.over = False
        """Whether it is on its way out: its parts may be gone already."""

    def on_mount(self) -> None:
        """Listens once it is drawn."""
        self.call_after_refresh(self._drawn)

    def _drawn(self) -> None:
        self.drawn_at = get_time()

    def hears(self, event: events.Key | events.Paste) -> bool:
        """Whether a key was pressed with this dialog before the person's eyes."""
        return not self.over and self.drawn_at is not None and event.time >= self.drawn_at

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key does anything that was on its way here before it was drawn, or when the key before closed it."""
        return super().check_action(action, parameters) if self.drawn_at is not None and not self.over else False

    def takes(self, event: events.Key) -> bool:
        """Whether it dealt with a key at once: before the next one, which may be on its way already."""
        return False

    def action_leave(self) -> None:
        """Goes back; nothing is done."""
        self.leave(None)

    def leave(self, result: Done | None) -> None:
        """Goes back with a result, once."""
        if not self.over:
            self.over = True
            self.dismiss(result)


class ReadOut(Dialog):
    """A text to read: a timeline, the help, a command to copy."""

    BINDINGS = [  # noqa: RUF012  Textual's own declaration
        Binding("q,enter,question_mark,y", "leave", "leave"), Binding("up", "up"), Binding("down", "down"),
        Binding("pageup", "page(-1)"), Binding("pagedown,space", "page(1)"),
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
