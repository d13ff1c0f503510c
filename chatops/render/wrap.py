"""Lines on a narrow screen: broken at words; a command only where it is longer than the screen, so that it can be pasted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from chatops.model import Line, Span
from chatops.render.pasted import is_sql, pieces
from chatops.widths import cells, letters

COMMANDS = (
    "migrate", "status", "adopt", "new", "check", "rehearse", "lint", "wait", "verify", "deploy", "monitor", "report", "diagnose",
    "console", "summary", "queue", "stuck", "chats", "operators", "show", "explain", "repair", "reassign", "release", "close",
    "reopen", "drain", "undrain", "undo", "log", "snooze", "pause", "resume", "guard", "demo", "simulate", "doctor", "config",
    "psql", "remove", "help",
)  # fmt: skip
_COMMAND = re.compile(rf"(?:\S*/)?\bchatops (?=-|(?:{'|'.join(COMMANDS)})\b)")
"""Where a command begins in a plain line; it goes on to the line's end."""
_EXCERPT = re.compile(r"\s*\d* ?\|")
"""A line of SQL with its number, or the sign under it: broken, it would point elsewhere."""
_BOUND = re.compile(
    r"(?<=\d) (?=(?:%|ms|[smhd])(?!\w))|(?<=\d [smhd]) (?=\d\d [smhd](?!\w))|(?<=\d\d-\d\d) (?=\d\d:\d\d)|(?<=\d:\d\d) (?=UTC)"
)
"""Blanks between a figure and its unit, and within an instant."""
_QUOTED = re.compile(r"`[^`]*`")
STUCK = "\ue000"
"""Stands for such a blank while a line is taken apart: no line holds it, for foreign text was made visible."""
HANG = 2


def folded(text: str, width: int) -> list[str]:
    """A cell's text as lines of at most `width` columns, broken at blanks. A word that is too long is broken behind a sign within
    it or, as the last resort, between two letters.

    >>> folded("held, not answered", 10), folded('as "manual_release"', 10), folded("漢字かな", 5)
    (['held, not', 'answered'], ['as', '"manual_', 'release"'], ['漢字', 'かな'])
    """
    if "\n" not in text and cells(text) <= width:
        return [text]
    rows: list[str] = []
    for line in text.split("\n"):
        row = ""
        for word in re.findall(r"[ \t]*[^ \t]+", line):
            if cells(row + word) <= width:
                row += word
                continue
            if row:
                rows.append(row)
                word = word.lstrip(" \t")
            *whole, row = _pieces(word, width)
            rows += whole
        rows.append(row)
    return rows


_SEPARATED = re.compile(r"[^-_./:@,;=]*[-_./:@,;=]+|[^-_./:@,;=]+")


def _pieces(word: str, width: int) -> list[str]:
    """A word in pieces of at most `width` columns."""
    if cells(word) <= width:
        return [word]
    rows = [""]
    for part in _SEPARATED.findall(word):
        for piece in [part] if cells(part) <= width else letters(part):
            if rows[-1] and cells(rows[-1] + piece) > width:
                rows.append("")
            rows[-1] += piece
    return rows


def bound(text: str, sign: str) -> str:
    """The text with a sign for each blank at which it must not be broken.

    >>> bound("seen 16 m 08 s ago, 95 % of all", "_")
    'seen 16_m_08_s ago, 95_% of all'
    """
    return _BOUND.sub(sign, text)


def bound_commands(text: str, sign: str) -> str:
    """The text with a sign for each blank between backticks.

    >>> bound_commands("see `chatops log` or ask", "_")
    'see `chatops_log` or ask'
    """
    return _QUOTED.sub(lambda found: found[0].replace(" ", sign), text) if "`" in text else text


def wrapped(line: Line, width: int) -> list[Line]:
    """The line in pieces of at most `width` columns (0: endless), each after the first indented a little more.

    >>> wrapped("  in the queue for 31 m, 0 chats before it", 24)
    ['  in the queue for 31 m,', '    0 chats before it']
    """
    whole = line if isinstance(line, str) else "".join(span.text for span in line)
    if not width or cells(whole) <= width or _EXCERPT.match(whole):
        return [line]
    indent = " " * min(len(whole) - len(whole.lstrip(" ")) + HANG, width // 3)
    rows: list[list[Span]] = [[]]
    used = 0
    words = list(_words(line))
    for word, following in zip(words, [*words[1:], Span("")], strict=True):
        text = word.text if rows[-1] else word.text.lstrip(" ") if len(rows) > 1 else word.text
        glued = bool(rows[-1]) and _sticks(rows[-1][-1], word)  # such as a comma behind a command
        needs = cells(text.rstrip(" ")) + (cells(following.text) if _sticks(word, following) else 0)
        of_a_file = not rows[-1] and len(rows) == 1 and is_sql(text)  # which is copied as it is
        if word.style == "code" and not glued and not of_a_file and len(indent) + needs > width:
            first, *more = pieces(text, width - used, width - len(indent))
            if used + cells(first) > width and any(span.text.strip() for span in rows[-1]):
                rows.append([Span(indent)])
                used = len(indent)
                first, *more = pieces(word.text.lstrip(" "), width - used, width - used)
            rows[-1].append(replace(word, text=first))
            rows += [[Span(indent), replace(word, text=piece)] for piece in more]
            used = cells(indent + more[-1]) if more else used + cells(first)
            continue
        if not glued and used + needs > width and text.strip() and any(span.text.strip() for span in rows[-1]):
            rows.append([Span(indent)])
            used, text = len(indent), text.lstrip(" ")
        rows[-1].append(replace(word, text=text))
        used += cells(text)
    if isinstance(line, str):
        return ["".join(span.text for span in row).rstrip() for row in rows]
    return [_joined(row) for row in rows]


def _sticks(before: Span, after: Span) -> bool:
    """Whether no blank stands between two pieces."""
    return bool(before.text[-1:].strip() and after.text[:1].strip())


def _words(line: Line) -> Iterator[Span]:
    """The pieces between which a line may be broken: words with the blanks before them, commands whole."""
    if isinstance(line, str):
        start = found.start() if (found := _COMMAND.search(line)) else len(line)
        line = [Span(line[:start]), Span(line[start:], "code")]
    for span in line:
        if span.style == "code":
            yield span
        else:
            words = re.findall(r"\s*\S+|\s+$", bound(span.text, STUCK))
            yield from (replace(span, text=text.replace(STUCK, " ")) for text in words)


def _joined(row: list[Span]) -> Line:
    """Neighbours of one style as one span."""
    found: list[Span] = []
    for span in row:
        if found and found[-1].style == span.style and span.style != "code":
            found[-1] = replace(span, text=found[-1].text + span.text)
        else:
            found.append(span)
    if found and found[-1].style != "code":
        found[-1] = replace(found[-1], text=found[-1].text.rstrip())
    return found
