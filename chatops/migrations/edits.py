"""Which statements of an applied file are no longer those that were applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

from chatops.frozen import frozen

if TYPE_CHECKING:  # it brings the scanner, which a comparison of hashes does not need
    from chatops.migrations.migration_text import MigrationText

MOST_COMPARED = 2000


@frozen
class Edit:
    """A statement that is not what was applied. `index` counts from 0, in the new file or, if it was removed, in the old one;
    `line` is where it stands now, or where it stood no more."""

    what: Literal["changed", "added", "removed"]
    index: int
    line: int


def edited_statements(old_hashes: Sequence[str], new: MigrationText) -> tuple[Edit, ...]:
    """Which statements of an applied file are not those that were applied; none = only blanks and comments changed."""
    hashes = new.hashes
    # Equal statements at both ends need no comparing; those between are compared one by one.
    first = 0
    while first < min(len(old_hashes), len(hashes)) and old_hashes[first] == hashes[first]:
        first += 1
    same_end = 0
    while same_end < min(len(old_hashes), len(hashes)) - first and old_hashes[-1 - same_end] == hashes[-1 - same_end]:
        same_end += 1
    old = old_hashes[first : len(old_hashes) - same_end]
    now = hashes[first : len(hashes) - same_end]
    found: list[Edit] = []
    if max(len(old), len(now)) > MOST_COMPARED:
        blocks = [(0, len(old), 0, len(now))]
    else:
        compared = SequenceMatcher(None, old, now, autojunk=False).get_opcodes()
        blocks = [(a, b, c, d) for tag, a, b, c, d in compared if tag != "equal"]
    for old_from, old_to, new_from, new_to in blocks:
        both = min(old_to - old_from, new_to - new_from)
        line = _line_of(new, first + new_to)
        found += [
            Edit("changed" if step < both else "added", index, new.statements[index].line)
            for step, index in enumerate(range(first + new_from, first + new_to))
        ]
        found += [Edit("removed", index, line) for index in range(first + old_from + both, first + old_to)]
    return tuple(found)


def edited_finished(old_hashes: Sequence[str], finished: int, new: MigrationText) -> tuple[Edit, ...]:
    """Which of the first `finished` statements of a half-done file were edited since; only without any can it go on."""
    kept = edited_statements(old_hashes[:finished], _first(new, finished))
    return tuple(kept)


def _line_of(new: MigrationText, index: int) -> int:
    """The line of a statement, or the last line of the file behind the last one."""
    if index < len(new.statements):
        return new.statements[index].line
    return new.text.rstrip("\n").count("\n") + 1


def _first(new: MigrationText, count: int) -> MigrationText:
    return replace(new, statements=new.statements[:count], hashes=new.hashes[:count])
