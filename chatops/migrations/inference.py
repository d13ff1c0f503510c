"""Which files ran, as far as the state of the database settles it.

Every cell of the expected catalog has a live state, and for each cell there are a few stories of how it may have come about:
this file wrote it last, and those that write it later did not run. Every file that ran had what it needs. What all
stories that are left agree on is a fact; a cell without any story left was changed by somebody else, and is set aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from chatops.frozen import frozen
from chatops.migrations.claims import Definition
from chatops.migrations.replay import Replay
from chatops.migrations.standing import THERE, Cell, Need, Place, Write

Story = frozenset[tuple[int, bool]]
Equal = Callable[[Cell, Definition], bool | None]
END: Place = (1 << 30, 0)
MOST_STORIES = 200


@frozen
class Live:
    """What a database holds. `there` tells whether a thing is there; `equal` whether a part is what a file writes, None where
    that is not known."""

    there: Callable[[Cell], bool]
    equal: Equal


@dataclass
class Facts:
    """What was found out: files that ran (True) or did not (False), and cells that no story explains, with their thing there or
    not."""

    ran: dict[int, bool]
    strange: set[Cell] = field(default_factory=set)


@dataclass
class _Puzzle:
    """A cell or a need, and the stories that are possible by themselves."""

    cell: Cell
    stories: list[Story]
    is_need: bool = False


def infer(replay: Replay, live: Live, known: dict[int, bool]) -> Facts:
    """The facts; `known` says of some files, from another source, whether they ran."""
    facts = Facts(dict(known))
    puzzles = [
        _Puzzle(cell, list(dict.fromkeys(_stories(replay, live, cell, END))))
        for cell in replay.cells
        # What a thing is cannot be asked where it is not.
        if not cell.part or _stands(cell, live)
    ]
    needs = [
        _Puzzle(need.cell, [frozenset([(need.file, False)]), *_stories_of_need(replay, live, need)], is_need=True)
        for need in replay.needs
        if replay.writes(need.cell)
    ]
    # What is there speaks before what is not: a thing that somebody dropped must not outvote those that stand.
    standing = [one for one in puzzles if _stands(one.cell, live)]
    _settle(facts, [_Puzzle(one.cell, [_only_ran(story) for story in one.stories]) for one in standing], set_aside=False)
    _settle(
        facts, [_Puzzle(one.cell, [_only_ran(story, keep=None) for story in one.stories], True) for one in needs], set_aside=False
    )
    _settle(facts, [*standing, *needs], set_aside=True)
    _settle(facts, [*puzzles, *needs], set_aside=True)
    return facts


def _stands(cell: Cell, live: Live) -> bool:
    return live.there(Cell(cell.thing))


def _only_ran(story: Story, keep: bool | None = True) -> Story:
    """The part of a story that says what ran."""
    return frozenset(literal for literal in story if literal[1] or keep is None)


def _settle(facts: Facts, puzzles: Iterable[_Puzzle], *, set_aside: bool) -> None:
    """Draws conclusions until there are no more."""
    waiting = list(puzzles)
    moved = True
    while moved:
        moved = False
        left: list[_Puzzle] = []
        for puzzle in waiting:
            stories = [one for one in puzzle.stories if all(facts.ran.get(file, ran) == ran for file, ran in one)]
            if not stories:
                if set_aside and not puzzle.is_need:
                    facts.strange.add(puzzle.cell)
                continue
            sure = frozenset.intersection(*stories)
            for file, ran in sure:
                if file not in facts.ran:
                    facts.ran[file] = ran
                    moved = True
            left.append(_Puzzle(puzzle.cell, stories, puzzle.is_need))
        waiting = left


def _stories_of_need(replay: Replay, live: Live, need: Need) -> list[Story]:
    """How what a file needs may have come about before it, the file running."""
    wanted = Live(lambda _: need.there, lambda cell, definition: None)
    return [story for story in _stories(replay, wanted, need.cell, need.place) if (need.file, False) not in story]


def _stories(replay: Replay, live: Live, cell: Cell, before: Place, depth: int = 0) -> list[Story]:
    """Each way in which a cell may have come to its live state before a point of the folder."""
    found: list[Story] = []
    later: set[tuple[int, bool]] = set()
    for write in reversed(replay.writes(cell)):
        if write.place >= before:
            continue
        for part in _explained(replay, live, write, cell, depth):
            story = part | later | {(write.file, True), *((file, False) for file in write.unless)}
            if not any((file, not ran) in story for file, ran in story):
                found.append(frozenset(story))
        if write.certain:
            later.add((write.file, False))
        if len(found) > MOST_STORIES:
            return [frozenset()]
    found += _untold(replay, cell, before)
    initially_there = cell in replay.foreign or Cell(cell.thing) in replay.foreign
    if _initial(live, cell, initially_there=initially_there):
        found.append(frozenset(later))
    return found


def _untold(replay: Replay, cell: Cell, before: Place) -> list[Story]:
    """The stories in which a thing comes from a file that does not say how this part of it is."""
    if not cell.part:
        return []
    told = {write.file for write in replay.writes(cell)}
    makes = (write for write in replay.writes(Cell(cell.thing)) if write.place < before and (write.value or write.source))
    return [frozenset([(write.file, True)]) for write in makes if write.file not in told]


def _initial(live: Live, cell: Cell, *, initially_there: bool) -> bool:
    """Whether a cell may have its live state though no file wrote it."""
    return not live.there(Cell(cell.thing)) or initially_there


def _explained(replay: Replay, live: Live, write: Write, cell: Cell, depth: int) -> list[Story]:
    """The stories in which a write leaves what is there: none, the one that holds no more, or those of what it moved here."""
    if write.source is not None:
        if depth > 8:
            return [frozenset()]
        there = live.there(Cell(cell.thing))
        moved = Live(lambda _: there, lambda _, definition: live.equal(cell, definition))
        return _stories(replay, moved, write.source, write.place, depth + 1)
    there = live.there(Cell(cell.thing))
    if write.value is None:
        return [] if there else [frozenset()]
    if not there:
        return [] if write.certain or write.value.how != "any" else [frozenset()]
    if write.value.how == "any":
        return [frozenset()]
    if write.value == THERE and not cell.part:
        return [frozenset()]
    return [] if live.equal(cell, write.value) is False else [frozenset()]
