"""Commands that work as they are pasted: how this chatops is called from here, and that name in the lines that it prints."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from chatops.model import Answer, Line, Text
from chatops.settings import Target


def program() -> str:
    """What must be typed to run this chatops again from the current folder."""
    given = Path(sys.argv[0])
    if given.name != "chatops":
        return "chatops"
    folder = None
    with contextlib.suppress(OSError):  # it may be gone
        folder = Path.cwd()
    return _looked_up(given, folder)


@lru_cache(maxsize=8)
def _looked_up(given: Path, _folder: Path | None) -> str:
    """The same, looked up once a folder: a page of findings prints hundreds of commands."""
    # Not resolved: in a virtual environment python and chatops lie side by side, and links lead elsewhere.
    found = shutil.which("chatops")
    if found is not None and Path(found).exists() and given.exists() and Path(found).samefile(given):
        return "chatops"
    return shlex.quote(nearest(given))


def here(target: Target, *words: str) -> str:
    """A chatops command line for a target that works when pasted."""
    return " ".join(part for part in (program(), target.flags, *words) if part)


def program_or_module() -> str:
    """The same where this chatops runs as a module, too."""
    if Path(sys.argv[0]).name == "__main__.py":
        return f"{shlex.quote(nearest(Path(sys.executable)))} -m chatops"
    return program()


def nearest(path: Path) -> str:
    """A path as one would type it here."""
    absolute = path.absolute()
    with contextlib.suppress(ValueError):
        relative = absolute.relative_to(Path.cwd())
        return str(relative) if relative.parent != Path() else f"./{relative}"
    return str(absolute)


def pasteable(line: Line) -> Line:
    """A line whose commands begin as they must be typed here."""
    if isinstance(line, str) or not any(span.style == "code" and span.text.startswith("chatops ") for span in line):
        return line
    typed = program()
    return [
        replace(span, text=(typed + span.text.removeprefix("chatops")).replace("&& chatops ", f"&& {typed} "))
        if span.style == "code" and span.text.startswith("chatops ")
        else span
        for span in line
    ]


def pasteable_answer(answer: Answer) -> Answer:
    """An answer whose lines paste here."""
    body = [
        replace(block, lines=[pasteable(line) for line in block.lines]) if isinstance(block, Text) else block
        for block in answer.body
    ]
    return replace(answer, body=body)
