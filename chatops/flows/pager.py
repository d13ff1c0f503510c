"""An answer that is longer than the screen is read in a pager, where somebody sits at a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TextIO

from chatops import pagers, settings
from chatops.flows.run import Invocation
from chatops.model import Answer, Table, Text
from chatops.render import encodable, render


def show_paged(invocation: Invocation, answer: Answer, *, screens: int = 1) -> None:
    """Shows an answer; in a pager when it does not fit on so many screens of the terminal."""
    words = _pager(invocation)
    if words is None:
        invocation.show(answer)
        return
    pieces: list[str] = []
    try:
        invocation.show(answer, pieces.append)
    finally:  # a file of --write that cannot be written keeps nobody from the answer
        _page(invocation, words, "".join(pieces), screens)


def page_beside(invocation: Invocation, text: str) -> None:
    """Shows a text that stands beside the answer, on stderr: what a question is about. Never in a pager: that would take the
    answer to the question for a command of its own, and hide the last lines, which stand right above the question."""
    sys.stderr.write(text)
    sys.stderr.flush()


def show_beside(invocation: Invocation, body: Sequence[Table | Text]) -> None:
    """Shows blocks of an answer beside the answer, on stderr: what a question is about."""
    medium = invocation.medium(stream=sys.stderr)
    pieces = render(Answer("", body, now=invocation.now), "table", medium)
    page_beside(invocation, "".join(encodable(piece, medium) for piece in pieces))


def _page(invocation: Invocation, words: list[str], text: str, screens: int) -> None:
    if text.count("\n") < screens * shutil.get_terminal_size().lines or not _ran(invocation, words, text, sys.stdout):
        invocation.emit(text)


def _ran(invocation: Invocation, words: list[str], text: str, stream: TextIO) -> bool:
    """Whether the pager has shown the text on this terminal."""
    stream.flush()
    given = encodable(text, invocation.medium(stream=stream)).encode("utf-8", "replace")
    return pagers.read_in(words, given, settings.without_databases(invocation.environ), stream)


def _pager(invocation: Invocation) -> list[str] | None:
    """The pager's command line; None off a terminal, or where none is wanted or there."""
    if not (invocation.medium().redraws and invocation.interactive):
        return None
    return pagers.chosen(invocation.environ, colour=invocation.medium().colour)
