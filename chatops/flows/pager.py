"""An answer that is longer than the screen is read in a pager, where somebody sits at a terminal."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TextIO

from chatops import interrupts, settings
from chatops.flows.run import Invocation
from chatops.model import Answer
from chatops.render import encodable

LESS = "less -FRX '-Pq quits, space goes on'"


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


def page_beside(invocation: Invocation, text: str) -> None:
    """The same for a text that stands beside the answer, on stderr: what a question is about."""
    words = _pager(invocation)
    if words is None or text.count("\n") < shutil.get_terminal_size().lines or not _ran(invocation, words, text, sys.stderr):
        sys.stderr.write(text)
        sys.stderr.flush()


def _page(invocation: Invocation, words: list[str], text: str) -> None:
    if text.count("\n") < shutil.get_terminal_size().lines or not _ran(invocation, words, text, sys.stdout):
        invocation.emit(text)


def _ran(invocation: Invocation, words: list[str], text: str, stream: TextIO) -> bool:
    """Whether the pager has shown the text on this terminal."""
    stream.flush()
    medium = invocation.medium(stream=stream)
    environ = settings.without_databases(invocation.environ)
    environ.setdefault("LESS", "FRX")  # a $PAGER without options shows colours as codes otherwise
    environ.setdefault("LV", "-c")  # the same for lv
    if not medium.ascii:
        environ.setdefault("LESSCHARSET", "utf-8")  # less would go by LANG, which may be C
    try:
        with interrupts.for_another_program():
            given = encodable(text, medium).encode("utf-8", "replace")
            read = subprocess.run(words, input=given, stdout=stream, check=False, env=environ)
    except OSError:
        return False
    return read.returncode <= 0  # an option it does not know, a library it does not find: the answer is not lost for that


def _pager(invocation: Invocation) -> list[str] | None:
    """The pager's command line; None off a terminal, or where PAGER is empty or cat, or there is none."""
    if not (invocation.medium().redraws and invocation.interactive):
        return None
    try:
        words = shlex.split(invocation.environ.get("PAGER", LESS))
    except ValueError:  # a quote that does not end
        return None
    if not words or words[0] == "cat" or shutil.which(words[0]) is None:
        return None
    # Whatever $LESS says, or a $PAGER with options of its own: our text has colours.
    return [words[0], "-R", *words[1:]] if Path(words[0]).name == "less" and invocation.medium().colour else words
