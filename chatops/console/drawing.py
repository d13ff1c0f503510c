"""Lines as Textual draws them, on the terminal's own background, light or dark; colour never carries the meaning alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from chatops.model import Line, Style
from chatops.render import safe

# Yellow and cyan cannot be read on white; magenta and blue can be told from red and green by those who see no red or green.
STYLES: Mapping[Style, str] = {
    "plain": "", "strong": "bold", "dim": "dim", "ok": "bold green", "advice": "", "warning": "bold magenta",
    "critical": "bold reverse red", "code": "bold",
}  # fmt: skip


def drawn(lines: Sequence[Line]) -> Text:
    """The lines as one text that is never broken."""
    text = Text(no_wrap=True, overflow="crop")
    for place, line in enumerate(lines):
        text.append("\n" if place else "")
        shown = safe(line)
        if isinstance(shown, str):
            text.append(shown)
            continue
        for span in shown:
            text.append(span.text, STYLES[span.style])
    return text
