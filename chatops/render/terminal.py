"""What is drawn again in place on a terminal: a bar, a line, a page. The only file that brings rich for it."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from chatops import formatting
from chatops.render import encodable
from chatops.render.format import Medium
from chatops.widths import cells

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Drawing:
    """What draws in place: on stderr, but for a page."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        self.console = Console(stderr=True, no_color=not medium.colour)

    @contextlib.contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar; what takes how many are done."""
        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console, transient=True) as drawn:
            task = drawn.add_task(what, total=total)
            yield lambda done: drawn.update(task, completed=done)

    @contextlib.contextmanager
    def line(self, first: str) -> Iterator[Callable[[str], None]]:
        """One line; what takes the text that comes in its place."""

        def shown(text: str) -> Text:
            # One column is left free: some terminals wrap when the last one is written.
            return Text(encodable(text, self.medium)[: max(10, self.console.width - 1)], no_wrap=True, overflow="crop")

        with Live(shown(first), console=self.console, transient=True, auto_refresh=False) as live:
            yield lambda text: live.update(shown(text), refresh=True)

    def page(self, emit: Callable[[str], None]) -> Page:
        """The whole answer, again and again."""
        return Page(emit)


class Page:
    """The last answer on a terminal; the next one is written over it."""

    def __init__(self, emit: Callable[[str], None]) -> None:
        self.emit = emit
        self.rows = 0

    def draw(self, text: str, status: str) -> None:
        """Writes the text over the last one; what does not fit under the terminal's last line is counted, not shown."""
        columns, height = shutil.get_terminal_size()
        lines = text.splitlines()
        room = height - 1 - rows_of(status, columns)
        kept: list[str] = []
        used = 0
        for position, line in enumerate(lines):
            needs = rows_of(line, columns)
            if used + needs > room - (position + 1 < len(lines)):
                kept.append(f"… {formatting.plural(len(lines) - position, 'more line')}")
                used += rows_of(kept[-1], columns)
                break
            kept.append(line)
            used += needs
        back = f"\x1b[{self.rows}F\x1b[J" if self.rows else ""
        self.emit(back + "".join(line + "\n" for line in (*kept, status)))
        self.rows = used + rows_of(status, columns)


def rows_of(line: str, columns: int) -> int:
    """How many rows of a terminal a line takes, its colours aside."""
    return max(1, -(-cells(_COLOURS.sub("", line)) // max(1, columns)))
