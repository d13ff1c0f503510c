"""Labelled lines that fit a width: for findings and checks, on a terminal or an endless medium."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chatops import formatting
from chatops.frozen import frozen
from chatops.model import Line, Span, Style
from chatops.render.wrap import STUCK, bound
from chatops.widths import cells

SEVERITY_STYLES: Mapping[str, Style] = {"critical": "critical", "warning": "warning", "advice": "advice", "unknown": "warning"}
DIFF = "- as the file makes it, + as it is now"
SIDES = "file → now"
"""Which side of a difference is which, over several lines and in one: the same wherever what became of a file is shown."""
INDENT = 3
LABEL = 11
NARROW = 60


def free_in_words(free: int, silent: int) -> str:
    """How many are free, some of them unheard of for long; where all of them are, nobody is."""
    if 0 < free <= silent:
        return f"nobody is free but {formatting.plural(silent, 'silent one')}"
    return f"{formatting.count(free)} free" + (f" ({formatting.count(silent)} silent)" if silent else "")


def locked_in_words(locked: int, waiting: int) -> str:
    """For how many of those who wait nobody is called, because somebody keeps their chats locked."""
    return f"{formatting.count(min(locked, waiting))} of {formatting.count(waiting)} locked"


def busy_in_words(busy: int, leaving: int, held: int | None = None) -> str:
    """How many hold a chat, where some hold several (`held` in all) how many chats, and for how many it is the last one."""
    gets = "gets" if leaving == 1 else "get"
    who = "none gets a next chat" if leaving == busy else f"{formatting.count(leaving)} {gets} no next chat"
    chats = f" with {formatting.plural(held, 'chat')}" if held is not None and held != busy else ""
    return f"{formatting.count(busy)} busy{chats}" + (f" ({who})" if leaving else "")


@frozen
class Reader:
    """Whom the lines are for: the width (0: endless), whether ids may be short and names be shown, and how commands begin."""

    width: int
    short_ids: bool
    show_names: bool
    here: Callable[..., str]
    own: tuple[str, ...] = ()
    """What a command needs to know of the checks that were asked, such as --checks-dir."""


def hang(reader: Reader) -> int:
    return INDENT if 0 < reader.width < NARROW else INDENT + LABEL


def wrap(text: str, reader: Reader, used: int) -> list[str]:
    """Text in pieces that fit after so many columns; whole on an endless medium. Never empty, never broken inside a figure.

    A part between gaps of two blanks is broken only where it is longer than a line.
    """
    if not reader.width:
        return [text]
    first = max(12, reader.width - used)
    rest = max(12, reader.width - min(used, hang(reader)))
    rows: list[str] = []
    for gap, part in re.findall(r"(\s{2,}|^)(\S+(?:\s\S+)*)", text):
        room = first if len(rows) < 2 else rest
        if rows and cells(rows[-1]) + len(gap) + cells(part) <= room:
            rows[-1] += gap + part
        elif rows and cells(part) <= rest:
            rows.append(part)
        else:
            begun = rows.pop() + gap + part if rows else part
            rows += broken(begun, first if not rows else rest, rest)
    return rows or [""]


def broken(text: str, first: int, rest: int) -> list[str]:
    """In lines, at the blanks between words."""
    rows = [""]
    for piece in re.findall(r"\s*\S+", bound(text, STUCK)):
        word = piece.replace(STUCK, " ")
        if rows[-1] and cells(rows[-1]) + cells(word) > (first if len(rows) == 1 else rest):
            rows.append(word.lstrip())
        else:
            rows[-1] += word if rows[-1] else word.lstrip()
    return rows


def labelled(label: str, text: str, reader: Reader, pasted: Sequence[str] = ()) -> list[Line]:
    """A label and its text, broken between words; what is `pasted` stands on one line, however long it is."""
    indent = hang(reader)
    narrow = indent == INDENT
    prefix = " " * INDENT + (label + ": " if label else "") if narrow else " " * indent
    first, *more = wrap(kept_whole(text, pasted), reader, len(prefix))
    head = [Span(prefix)] if narrow else [Span(" " * INDENT), Span(f"{label:<{LABEL}}", "dim")]
    return [_line([*head, *told(first, pasted)]), *(_line([Span(" " * indent), *told(piece, pasted)]) for piece in more)]


def _line(spans: list[Span]) -> Line:
    plain = all(span.style == "plain" for span in spans)
    return "".join(span.text for span in spans) if plain else [span for span in spans if span.text]


def kept_whole(text: str, pasted: Sequence[str]) -> str:
    """The text with what is pasted bound together, for `wrap` and `broken`; `told` makes spans of what comes of it."""
    for one in sorted(pasted, key=len, reverse=True):
        text = text.replace(one, one.replace(" ", STUCK))
    return text


def told(piece: str, pasted: Sequence[str]) -> list[Span]:
    """A piece of a text as spans: what is pasted as code, which nothing breaks."""
    piece = piece.replace(STUCK, " ")
    if not pasted:
        return [Span(piece)]
    parts = re.split("(" + "|".join(map(re.escape, sorted(pasted, key=len, reverse=True))) + ")", piece)
    return [Span(part, "code" if place % 2 else "plain") for place, part in enumerate(parts) if part]


def command_line(label: str, command: str, reader: Reader) -> Line:
    width = LABEL if hang(reader) > INDENT else len(label) + 2
    text = label if hang(reader) > INDENT or not label else label + ":"
    return [Span(" " * INDENT), Span(f"{text:<{width}}", "dim"), Span(command, "code")]


def hanging(spans: Sequence[Span], reader: Reader) -> list[Line]:
    """Words and a command below what they are about; the command on a line of its own where both do not fit."""
    blank = Span(" " * hang(reader))
    if not reader.width or hang(reader) + sum(len(span.text) for span in spans) <= reader.width:
        return [[blank, *spans]]
    *words, command = spans
    return [[blank, *words[:-1], replace(words[-1], text=words[-1].text.rstrip())], [blank, command]]


def flow(parts: Sequence[Sequence[Span]], reader: Reader) -> list[Line]:
    """Parts joined by dots on as few lines as fit."""
    lines: list[list[Span]] = []
    used = 0
    for part in parts:
        size = sum(len(span.text) for span in part)
        if lines and (not reader.width or used + 3 + size <= reader.width):
            lines[-1] += [Span(" · "), *part]
            used += 3 + size
        else:
            lines.append([*part])
            used = size
    return list(lines)


def looked_back(since: str) -> str:
    """How far checks of history looked back, in words."""
    text = formatting.duration(formatting.span(since.replace(" hours", "h"), "--since"))
    return "24 h" if text == "1 d" else text


def described(pairs: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """Names with a text beside each, wrapped to the width; below it where the terminal is narrow. "" is the name before."""
    pairs = [(formatting.visible(name), text) for name, text in pairs]
    longest = min(max((len(name) for name, _ in pairs), default=0), 36)
    found: list[Line] = []
    for name, text in pairs:
        if width and width < NARROW:
            found += [[Span(f"  {name}", "strong")]] if name else []
            found += textwrap.wrap(text, width, initial_indent="    ", subsequent_indent="    ")
            continue
        indent = " " * (longest + 4)
        wrapped = textwrap.wrap(text, max(20, width - 1) if width else 10_000, initial_indent=indent, subsequent_indent=indent)
        rest = wrapped[0][len(indent) :] if wrapped else ""
        found.append([Span(f"  {name:<{longest}}", "strong"), Span(f"  {rest}" if rest else "")])
        found += wrapped[1:]
    return found
