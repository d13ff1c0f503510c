"""An answer that is longer than the screen is read in a pager, where somebody sits at a terminal."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys

from chatops import settings
from chatops.flows.run import Invocation
from chatops.model import Answer
from chatops.render import encodable

LESS = "less -FRX"


def show_paged(invocation: Invocation, answer: Answer) -> None:
    """Shows an answer; in $PAGER (less, where that is empty of other advice) when it does not fit on the terminal."""
    words = _pager(invocation)
    if words is None:
        invocation.show(answer)
        return
    pieces: list[str] = []
    try:
        invocation.show(answer, pieces.append)
    finally:  # a file of --write that cannot be written keeps nobody from the answer
        _page(invocation, words, "".join(pieces))


def _page(invocation: Invocation, words: list[str], text: str) -> None:
    if text.count("\n") < shutil.get_terminal_size().lines:
        invocation.emit(text)
        return
    sys.stdout.flush()
    try:
        subprocess.run(words, input=encodable(text, invocation.medium()).encode("utf-8", "replace"), check=False,
                       env=settings.without_databases(invocation.environ))  # fmt: skip
    except OSError:
        invocation.emit(text)


def _pager(invocation: Invocation) -> list[str] | None:
    """The pager's command line; None off a terminal, or where PAGER is empty or cat, or there is none."""
    if not (invocation.medium().terminal and invocation.interactive) or invocation.environ.get("TERM", "dumb") == "dumb":
        return None
    try:
        words = shlex.split(invocation.environ.get("PAGER", LESS))
    except ValueError:  # a quote that does not end
        return None
    if not words or words[0] == "cat" or shutil.which(words[0]) is None:
        return None
    return words
