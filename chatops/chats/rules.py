"""The rules that a move of a chat keeps, unless `--force` breaks them. Loads no driver: the help names them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from chatops import formatting
from chatops.errors import UsageError


class Rule(Enum):
    """What must be so for a chat to be moved, named as `--force` takes it."""

    INACTIVE = "inactive"
    AWAY = "away"
    BUSY = "busy"
    SILENT = "silent"
    LAST = "last"
    ANSWERED = "answered"
    COMPLETED = "completed"


NAMES = tuple(rule.value for rule in Rule)


def rules(text: Iterable[str]) -> frozenset[Rule]:
    """The rules that `--force` names. Raises UsageError for a word that is none.

    >>> sorted(rule.value for rule in rules(["busy,away"]))
    ['away', 'busy']
    """
    given = [word.strip().lower() for words in text for word in words.split(",") if word.strip()]
    if "all" in given:
        return frozenset(Rule)
    known = {rule.value: rule for rule in Rule}
    if unknown := [word for word in given if word not in known]:
        raise UsageError(
            f"--force knows no rule {formatting.visible(', '.join(unknown))}", details=(f"rules: {', '.join(known)}; or all",)
        )
    return frozenset(known[word] for word in given)
