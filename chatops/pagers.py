"""The program in which somebody at a terminal reads what is longer than the screen; loaded by a help page, too."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

from chatops import interrupts

TYPE_CHECKING = False
if TYPE_CHECKING:  # without typing, which `--help` does not need
    from collections.abc import Mapping
    from typing import TextIO

LESS = "less -EFRX '-Psspace goes on, q quits'"
"""It ends by itself where the text ends, which stays on the screen: what is typed next is meant for the shell."""


def chosen(environ: Mapping[str, str], *, colour: bool = False) -> list[str] | None:
    """The pager's command line: CHATOPS_PAGER, else PAGER, else less; None where none is wanted (NO_PAGER, cat, empty) or there.

    >>> chosen({"NO_PAGER": "1"}), chosen({"PAGER": "cat"}), chosen({"CHATOPS_PAGER": "", "PAGER": "less"})
    (None, None, None)
    """
    if environ.get("NO_PAGER"):
        return None
    try:
        words = shlex.split(environ.get("CHATOPS_PAGER", environ.get("PAGER", LESS)))
    except ValueError:  # a quote that does not end
        return None
    if not words or words[0] == "cat" or shutil.which(words[0]) is None:
        return None
    # Whatever $LESS says, or a $PAGER with options of its own: our text has colours.
    return [words[0], "-R", *words[1:]] if colour and os.path.basename(words[0]) == "less" else words  # noqa: PTH119 - no pathlib


def read_in(words: list[str], text: bytes, environ: Mapping[str, str], stream: TextIO | None = None) -> bool:
    """Whether somebody could read it: an option that the pager does not know must not lose the answer."""
    environ = dict(environ)
    environ.setdefault("LESS", "EFRX")  # a $PAGER without options shows colours as codes otherwise
    environ.setdefault("LV", "-c")  # the same for lv
    environ.setdefault("LESSSECURE", "1")  # a command that was meant for the shell writes and runs nothing
    if not text.isascii():
        environ.setdefault("LESSCHARSET", "utf-8")  # less would go by LANG, which may be C
    try:
        with interrupts.for_another_program():
            return subprocess.run(words, input=text, stdout=stream, check=False, env=environ).returncode <= 0
    except OSError:
        return False
