"""How wide a text is on a terminal, and cutting it there."""

from __future__ import annotations

import re
import unicodedata

_LETTER = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[ntr])|.", re.DOTALL)
"""A character, or what stands for one that must not get out."""


def cells(text: str) -> int:
    """How many columns a text takes on a terminal: signs above and below letters take none.

    >>> cells("2 h · naïve"), cells("漢字"), cells("สวัสดี"), cells("\u1112\u1161\u11ab")
    (11, 4, 4, 2)
    """
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(one: str) -> int:
    # What follows a first Hangul letter stands within it.
    if unicodedata.category(one) in ("Mn", "Me") or "\u1160" <= one <= "\u11ff" or "\ud7b0" <= one <= "\ud7ff":
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" or "\u4dc0" <= one <= "\u4dff" else 1  # the latter: hexagrams


def padded(text: str, width: int, *, to_the_right: bool = False) -> str:
    """The text with blanks to so many columns.

    >>> padded("漢字", 6), padded("7", 3, to_the_right=True)
    ('漢字  ', '  7')
    """
    blanks = " " * (width - cells(text))
    return blanks + text if to_the_right else text + blanks


def cut(text: str, width: int) -> str:
    """The text in at most so many columns, `…` at its end where something is left out; escapes and letters stay whole.

    >>> cut("漢字かな", 6), cut("Ada", 6), cut(r"ab\\u200dcd", 6)
    ('漢字…', 'Ada', 'ab…')
    """
    if width <= 0 or cells(text) <= width:
        return text if width > 0 else ""
    kept, used = "", 1
    for one in letters(text):
        used += cells(one)
        if used > width:
            break
        kept += one
    return kept + "…"


def letters(text: str) -> list[str]:
    """Its letters, each with the signs above and below it; what stands for a control character is one."""
    found: list[str] = []
    for one in _LETTER.findall(text):
        if found and not cells(one):
            found[-1] += one
        else:
            found.append(one)
    return found
