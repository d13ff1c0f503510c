"""What the desk shows on a terminal: three lines above, sections, a rule, the command, the keys; drawn where it changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import Input, Static

from chatops.console.drawing import drawn
from chatops.console.keys import KEYS, TENANTS
from chatops.console.state import DeskState
from chatops.formatting import duration, plural
from chatops.model import Line, Span, Style
from chatops.screens import console_head
from chatops.screens import console_lines as screen
from chatops.widths import cells, cut


class Screenful(App[None]):
    """The screen of one desk at a time."""

    CSS = """
    Screen { layers: base; }
    #head { height: 3; } #body { height: 1fr; } #foot { height: 3; }
    #filter { height: 1; border: none; padding: 0; display: none; }
    #head, #body, #foot { width: 100%; text-wrap: nowrap; text-overflow: clip; }
    /* Textual frames a button that cannot be pressed, as if it were the one to press. */
    PlanDialog Button:disabled { border: none !important; height: 1; }
    """

    def __init__(self, desk: DeskState, *, light: bool) -> None:
        super().__init__(ansi_color=True)  # the colours of the terminal: its own background, light or dark
        self.theme = "ansi-light" if light else "ansi-dark"
        self.desk = desk
        self.said = ""
        self._drawn: dict[str, Text] = {}

    def compose(self) -> ComposeResult:
        """Head, body, filter, foot."""
        yield Static(id="head", markup=False)
        yield Static(id="body", markup=False)
        yield Input(id="filter", placeholder="filter", compact=True)
        yield Static(id="foot", markup=False)

    def on_resize(self) -> None:
        """Lays out anew."""
        self.redraw()

    def redraw(self) -> None:
        """Draws all of it."""
        self._head()
        body, desk = self._base("#body"), self.desk
        if body is not None:
            lines = screen.body_lines(desk.shown, self.size.width, body.size.height, desk.cursor, desk.marked)
            self._show("#body", lines)
        self._foot()

    def _base(self, name: str) -> Static | None:
        """A part of the desk; None while it is being taken down, when a look may still come to its end."""
        if not self._screen_stack:
            return None
        return next(iter(self._screen_stack[0].query(name).results(Static)), None)

    def _show(self, name: str, lines: Sequence[Line]) -> None:
        """Puts lines on the screen, if they are others than those that stand there: nothing flickers over a slow line."""
        text, part = drawn(lines), self._base(name)
        if part is not None and self._drawn.get(name) != text:
            self._drawn[name] = text
            part.update(text, layout=False)

    def _head(self) -> None:
        desk = self.desk
        self._show("#head", console_head.head_lines(desk.head(), desk.look, desk.found, self.size.width))

    def _foot(self) -> None:
        desk, width = self.desk, self.size.width
        told = desk.trouble or self.said or (f"only rows with “{desk.wanted}” (esc: all)" if desk.wanted else "")
        if not told and desk.clock_back:
            told = f"The database's clock went back {duration(desk.clock_back)}: what is older looks younger by that."
        if not told and desk.marked:
            told = f"{plural(len(desk.marked), next(iter(desk.marked))[0])} marked (esc: none)"
        rule = cut(f" {told} ", width) if told else ""
        command = desk.source.here(*desk.words)
        if cells(command) >= width:  # what matters stands at its end; y shows the whole
            words = " ".join(desk.words).split(" ")
            while len(words) > 1 and cells(" ".join(words)) + len(" chatops … ") >= width:
                words.pop(0)
            command = " ".join(("chatops …", *words))
        style: Style = "warning" if desk.trouble else "strong"
        first: Line = [Span(rule, style), Span("─" * max(0, width - cells(rule)), "dim")]
        keys = TENANTS if desk.parts and desk.parts[0].name == "tenants" else KEYS
        self._show("#foot", [first, [Span(cut(f" {command}", width), "code")], cut(f" {keys}", width)])

    def say(self, text: str) -> None:
        """A sentence in the rule above the command."""
        self.said = text
        self._foot()
