"""How a batch of changes ends: done, tried again because somebody else was there, or halved until the row at fault is alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from chatops.errors import DatabaseError
from chatops.frozen import frozen

Item = TypeVar("Item")
Result = TypeVar("Result")
Done = tuple[list[Result], list[Item]]
"""What became of some of the items, and the items that are to be tried again."""

SIZE = 1000
# How often a chat that another session is writing to is tried again.
LOOKS = 4
PAUSE_SECONDS = 0.15

CLASHES = frozenset({"40P01", "40001", "55P03", "23505"})
"""What another session did at the same moment: deadlock, lock timeout, unique violation. Not a fault of the chat."""
NOT_FOR_US = frozenset({"42501", "25006", "57014", None})
"""No grant, read-only, cancelled: the next chat would fare no better."""
NOT_AS_MADE = ("42", "3F")
"""The classes of what a table, a column or a function lacks: nor would it with these."""
ABSORBED = "the database did not take the change (a trigger absorbed it?); it was rolled back"


@frozen
class Ended:
    """What became of one item: done, unchanged (it was so already), moved (not as planned or left any more), refused or failed.

    `action_id` names what was done in the log (None with --no-audit).
    """

    outcome: str
    detail: str | None = None
    action_id: int | None = None


def looks(
    items: Sequence[Item], one_look: Callable[[Sequence[Item], bool], Iterable[tuple[list[Result], list[Item]]]]
) -> Iterator[list[Result]]:
    """The results of one committed batch after another; what was locked is looked at again, a few times, after a moment.

    `one_look` goes over the items in batches; it is told whether this is the last look.
    """
    for look in range(LOOKS):
        again: list[Item] = []
        for results, locked in one_look(items, look == LOOKS - 1):
            again += locked
            if results:
                yield results
        if not again:
            return
        items = again
        threading.Event().wait(PAUSE_SECONDS)


def halved(
    work: Callable[[Sequence[Item]], tuple[list[Result], list[Item]]],
    items: Sequence[Item],
    failed: Callable[[Item, str, DatabaseError], Result],
    *,
    last: bool,
) -> tuple[list[Result], list[Item]]:
    """What `work` does with the items in one transaction; where the server refuses, in two halves, and so on.

    An item that is refused alone is tried again when another session clashed with it and this is not the last look; else
    `failed` makes its result, from the outcome (moved or failed) and the error.
    """
    try:
        return work(items)
    except DatabaseError as error:
        if error.sqlstate in NOT_FOR_US or (error.sqlstate or "").startswith(NOT_AS_MADE):
            raise
        if len(items) > 1:
            middle = len(items) // 2
            first, again = halved(work, items[:middle], failed, last=last)
            second, more = halved(work, items[middle:], failed, last=last)
            return first + second, again + more
        clash = error.sqlstate in CLASHES
        if clash and not last:
            return [], list(items)
        return [failed(items[0], "moved" if clash else "failed", error)], []
