"""Which columns of a table a screen has room for, and how wide each of them is. A figure is shown whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatops.frozen import frozen
from chatops.model import Column
from chatops.render.cells import NUMERIC
from chatops.render.wrap import bound, bound_commands
from chatops.widths import cells

WHOLE = NUMERIC | {"id", "bar", "instant", "flag", "command"}
"""Kinds that are never broken over two lines."""
LONGEST_WORD = 24
LONGEST_COMMAND = 40
LONGEST_NAME = 40
SHORTEST = 8
SPARE = 3
"""From this rank on a column gives way to rows of one line."""
FOLDED = 0
"""Up to this rank a column is folded before it is left out."""
NOTHING = ("", "—", "-")
_FIGURE = re.compile(r"\W?[-+]?\d[\d.,:_-]*[^\W\d]{0,3}%?\W*$")
"""A word that is a number or an instant, perhaps with its unit: not a name with a number in it."""
_NAME = re.compile(r"[^\W_][\w.]*_\w+\W*$")
"""A word that is the name of a file or an object: broken, it is hard to tell from its neighbours."""
SHORT = 20
"""Words so wide at most are short: a state, a reason."""


@frozen
class Fit:
    """The columns that are shown, by their place in the table, with their widths; and those for which there is no room."""

    shown: Sequence[tuple[int, int]]
    left_out: Sequence[Column]


def fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, gap: int) -> Fit:
    """Leaves out the columns of the highest rank, and of one rank the last, until the others fit; then shares what is left.

    What nobody has gives way first. What matters most is folded inside its words before it is left out.
    """
    wants = [max([cells(column.heading), *(cells(row[place]) for row in rows)]) for place, column in enumerate(columns)]
    needs = [_needs(column, [row[place] for row in rows], wants[place]) for place, column in enumerate(columns)]
    shown = list(range(len(columns)))
    empty = {place for place in shown if rows and all(row[place] in NOTHING for row in rows)}
    while len(shown) > 1 and sum(needs[place] for place in shown) + gap * (len(shown) - 1) > width:
        last = max(shown, key=lambda place: (place in empty, columns[place].rank, place))
        if columns[last].rank <= FOLDED and last not in empty:
            least = {place: _least(columns[place], [row[place] for row in rows], needs[place]) for place in shown}
            if sum(least.values()) + gap * (len(shown) - 1) <= width:
                needs = [least.get(place, wide) for place, wide in enumerate(needs)]
                break
        shown.remove(last)
    shown = _on_one_line(columns, wants, needs, shown, width, gap)
    room = width - gap * (len(shown) - 1) - sum(needs[place] for place in shown)
    widths = {place: needs[place] for place in shown}
    while room > 0 and (short := [place for place in shown if widths[place] < wants[place]]):
        for place in short[:room]:
            widths[place] += 1
            room -= 1
    left_out = [column for place, column in enumerate(columns) if place not in widths and column.kind != "bar"]
    return Fit([(place, widths[place]) for place in shown], left_out)


def _on_one_line(
    columns: Sequence[Column], wants: Sequence[int], needs: Sequence[int], shown: list[int], width: int, gap: int
) -> list[int]:
    """Leaves out what matters least (from SPARE on) where names and short words then stand on one line each, row by row."""

    def least(place: int) -> int:
        return wants[place] if columns[place].kind == "person" or wants[place] <= SHORT else needs[place]

    kept = list(shown)
    while sum(least(place) for place in kept) + gap * (len(kept) - 1) > width:
        spare = [place for place in kept if columns[place].rank >= SPARE]
        if not spare:
            return shown
        kept.remove(max(spare, key=lambda place: (columns[place].rank, place)))
    return kept


def _least(column: Column, texts: Sequence[str], needs: int) -> int:
    """As narrow as it can be: words are folded, figures are not."""
    if column.kind in WHOLE:
        return needs
    figures = [cells(word) for text in texts for word in bound(text, "_").split() if _FIGURE.match(word)]
    return min(needs, max([SHORTEST, *figures]))


def _needs(column: Column, texts: Sequence[str], wants: int) -> int:
    """The least width: a figure's own, or the longest word of a text."""
    heading = max((cells(word) for word in column.heading.split()), default=0)
    if column.kind in WHOLE:
        return max([heading, *map(cells, texts)])
    words = [word for text in texts for word in bound_commands(bound(text, "_"), "_").split()]
    whole = column.rank <= FOLDED
    longest = max((min(cells(word), _longest(word, whole=whole)) for word in words), default=0)
    return min(wants, max(heading, SHORTEST, longest))


def _longest(word: str, *, whole: bool) -> int:
    """From how many columns on a word is broken while others could give way; `whole`: names are kept longer."""
    if "`" in word:
        return LONGEST_COMMAND
    return LONGEST_NAME if whole and _NAME.match(word) else LONGEST_WORD
