"""A page of help as text. Pages come from `help.json`, which `make help-file` writes, so that no command is loaded for them."""

from __future__ import annotations

import json
import os
import sys

from chatops import signs
from chatops.cli import COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:  # without typing, which `--help` does not need
    from collections.abc import Mapping, Sequence
    from typing import TextIO, TypedDict

    class Entry(TypedDict, total=False):
        """One row of a panel: a command, an argument, or an option with its spellings."""

        names: list[str]
        short: list[str]
        value: str
        help: str
        extra: str
        required: bool
        multiple: bool

    class Panel(TypedDict):
        """Rows under a title."""

        title: str
        entries: list[Entry]

    class Page(TypedDict):
        """All that a help text says; `epilog` holds lines, the others paragraphs."""

        usage: str
        text: list[str]
        panels: list[Panel]
        epilog: list[str]


HELP_OPTIONS = ("--help", "-h")
FILE = os.path.join(os.path.dirname(__file__), "help.json")  # noqa: PTH118, PTH120 - pathlib is slower than the whole answer


def pages() -> dict[str, Page]:
    """Every page by its command; the one of chatops itself is ""."""
    with open(FILE, encoding="utf-8") as file:  # noqa: PTH123
        found: dict[str, Page] = json.load(file)
    return found


def asked(words: Sequence[str]) -> str | None:
    """The command whose help these words ask for and nothing else; "" for all of chatops, None for any other words.

    >>> asked(["--help"]), asked(["summary", "-h"]), asked(["summary", "--help", "--watch"])
    ('', 'summary', None)
    """
    if not words or words[-1] not in ("--help", "-h"):
        return None
    if len(words) == 1:
        return ""
    return words[0] if len(words) == 2 and any(name == words[0] for _, name, _ in COMMANDS) else None


def shown(page: Page, stream: TextIO, environ: Mapping[str, str] = os.environ) -> str:
    """The page as wide as the stream, with colour only where it is seen."""
    terminal = stream.isatty()
    colour = terminal and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") not in ("dumb", "")
    text = drawn(page, width_of(stream, environ), colour=colour)
    return signs.in_ascii(text) if signs.is_ascii_only(getattr(stream, "encoding", None)) else text


def width_of(stream: TextIO, environ: Mapping[str, str]) -> int:
    """Columns of the terminal, 80 where there is none."""
    columns = environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return max(20, int(columns))
    try:
        return max(20, os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError, AttributeError):
        return 80


def drawn(page: Page, width: int, *, colour: bool = False) -> str:
    """The page: usage, text, a box for each panel, then examples and exit codes, which are never broken inside a command."""
    lines = ["", *_indented(f"Usage: {page['usage']}", width), ""]
    for paragraph in page["text"]:
        lines += [*_indented(paragraph, width), ""]
    for panel in page["panels"]:
        lines += _box(panel, width, colour)
    for line in page["epilog"]:
        command = line.startswith("  ")
        lines += [f" {line}"] if command else ["", *_indented(line, width)]
    return "".join(line.rstrip() + "\n" for line in (*lines, ""))


def _indented(text: str, width: int) -> list[str]:
    return [f" {line}" for line in wrapped(text, width - 2)]


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters, broken between words where they have room.

    >>> wrapped("one two three", 7)
    ['one two', 'three']
    """
    lines: list[str] = []
    line = ""
    for word in text.split():
        while len(word) > width:
            head, word = word[: max(1, width - len(line) - bool(line))], word[max(1, width - len(line) - bool(line)) :]
            lines.append(f"{line} {head}" if line else head)
            line = ""
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line or not lines else lines


def _box(panel: Panel, width: int, colour: bool) -> list[str]:
    dim, bold, off = ("\x1b[2m", "\x1b[1m", "\x1b[0m") if colour else ("", "", "")
    title = f" {panel['title']} "
    found = [f"{dim}╭─{off}{title}{dim}{'─' * max(0, width - len(title) - 3)}╮{off}"]
    inside = width - 4
    labels = [_label(entry) for entry in panel["entries"]]
    heads = [max(len(label[column]) for label in labels) for column in range(3)]
    left = sum(heads) + 2 * sum(map(bool, heads))
    beside = left + 16 <= inside
    for label, entry in zip(labels, panel["entries"], strict=True):
        cells = [text.ljust(size) + "  " for text, size in zip(label, heads, strict=True) if size]
        head = "".join(cells)
        room = inside - left if beside else inside - 2
        told = wrapped(f"{entry.get('help', '')} {entry.get('extra', '')}", room)
        rows = [(head, told[0], *told[1:])] if beside else []
        if beside:
            lines = [(head, rows[0][1]), *((" " * left, line) for line in told[1:])]
        else:
            lines = [*((part, "") for part in wrapped(" ".join(filter(None, label)), inside)), *(("  ", line) for line in told)]
        for name, text in lines:
            found.append(f"{dim}│{off} {bold}{name}{off}{text.ljust(inside - len(name))} {dim}│{off}")
    return [*found, f"{dim}╰{'─' * (width - 2)}╯{off}"]


def _label(entry: Entry) -> tuple[str, str, str]:
    star = "* " if entry.get("required") else ""
    return star + ", ".join(entry["names"]), ", ".join(entry.get("short", ())), entry.get("value", "")


def answer(words: Sequence[str]) -> str | None:
    """The text that answers these words when they ask for a help page and nothing else."""
    name = asked(words)
    page = None if name is None else pages().get(name)
    return None if page is None or sys.stdout is None else shown(page, sys.stdout)


def paged(text: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether it was longer than the screen of somebody at a terminal, and read in a pager."""
    try:
        if not (sys.stdout.isatty() and sys.stdin.isatty()) or environ.get("TERM", "dumb") in ("dumb", ""):
            return False
        if text.count("\n") < os.get_terminal_size(sys.stdout.fileno()).lines:
            return False
    except (OSError, ValueError, AttributeError):
        return False
    from chatops import pagers  # it starts a program: nothing else here does

    words = pagers.chosen(environ, colour="\x1b[" in text)
    return words is not None and pagers.read_in(words, text.encode("utf-8", "replace"), environ)
