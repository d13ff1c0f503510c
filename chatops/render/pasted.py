"""Where a statement or a command may go on on the next line, so that pasted as it stands it is the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatops.widths import cells

_SQL = re.compile(
    r"""[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\1\$|--.*|/\*.*?\*/|(?P<blank>[ ]+)|\w+|.""", re.S
)
"""A literal, a name, a comment or a body between dollars, each whole; a gap; a word; a sign."""
_SHELL = re.compile(r"""'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)"|\\.|(?P<blank>[ ]+)|[^\s'"\\]+|.""", re.S)
_BEGINS_SQL = re.compile(
    r"(?:alter|analyze|begin|call|cluster|comment|commit|create|delete|do|drop|grant|insert|lock|merge|refresh|reindex|reset|revoke"
    r"|select|set|truncate|update|vacuum|with)\b",
    re.I,
)
_BEGINS_COMMAND = re.compile(r"(?:\S+ ){0,3}(?:\S*/)?chatops ")
_PROSE = re.compile(r"\(|.*[,:;)]$")
"""Words that stand behind a command and are no part of it."""
GOES_ON = " \\"
"""What a shell reads as: this line goes on on the next one."""


def is_sql(code: str) -> bool:
    """Whether it begins as a statement does."""
    return _BEGINS_SQL.match(code) is not None


def _gaps_of_sql(text: str) -> list[int]:
    """Where a statement has a blank between two words; none where a quote in it has no end."""
    found = list(_SQL.finditer(text))
    if any(one[0] in ("'", '"') for one in found):
        return []
    return [one.start() for one in found if one["blank"]]


def _words_of_shell(text: str) -> Iterator[tuple[str, list[int], int | None]]:
    """Each word of a command without its quotes, where each of its signs stands (-1: outside quotes), and the blank behind."""
    word, places = "", list[int]()
    for one in _SHELL.finditer(text):
        if one["blank"]:
            yield word, places, one.start()
            word, places = "", []
            continue
        inside = "single" if one["single"] is not None else "double" if one["double"] is not None else None
        start = one.start(inside) if inside else one.start()
        skipped = False
        for place, sign in enumerate(one[inside] if inside else one[0], start):
            skipped = sign == "\\" and inside != "single" and not skipped
            if not skipped:
                word += sign
                places.append(place if inside else -1)
    yield word, places, None


def _gaps_of_shell(text: str) -> dict[int, str]:
    """Where a command may be broken, and by what: between words, and within a statement that psql is given between its words."""
    if any(_PROSE.match(one[0]) for one in _SHELL.finditer(text) if one["single"] is None and one["double"] is None):
        return {}
    found: dict[int, str] = {}
    before = ""
    for word, places, behind in _words_of_shell(text):
        if before == "-c":
            found |= {places[gap]: "" for gap in _gaps_of_sql(word) if places[gap] >= 0}
        if behind is not None:
            found[behind] = GOES_ON
        before = word
    return found


def pieces(code: str, first: int, rest: int) -> list[str]:
    """A statement or a command in lines of at most `first` and then `rest` columns that are pasted as one; else as it is.

    What has no blank for so long stays whole: a name is never broken.

    >>> pieces("alter table messages enable trigger all;", 30, 20)
    ['alter table messages enable', 'trigger all;']
    >>> pieces("chatops psql -- -c 'select 1, 2 from chats'", 20, 20)
    ['chatops psql -- -c \\\\', "'select 1, 2 from", "chats'"]
    """
    if "\n" in code:
        return [code]
    if is_sql(code):
        gaps = dict.fromkeys(_gaps_of_sql(code), "")
    elif _BEGINS_COMMAND.match(code):
        gaps = _gaps_of_shell(code)
    else:
        return [code]
    rows: list[str] = []
    start, last = 0, None
    for gap in [*sorted(gaps), len(code)]:
        room = rest if rows else first
        if last is not None and cells(code[start:gap] + gaps.get(gap, "")) > room:
            rows.append(code[start:last] + gaps[last])
            start = last + len(code[last:]) - len(code[last:].lstrip(" "))
        last = gap
    return [*rows, code[start:]]
