"""The states of a chat: their names in the database, in the order of a chat's life, and their words for people."""

from __future__ import annotations

STATES = ("waiting_assignment", "assigned", "waiting_real_user_reply", "completed")

_BRIEF = {
    "waiting_assignment": "waiting",
    "assigned": "assigned",
    "waiting_real_user_reply": "waits for the user",
    "completed": "completed",
}
_LONG = {
    "waiting_assignment": "waiting for an operator",
    "assigned": "with an operator",
    "waiting_real_user_reply": "waiting for the user",
    "completed": "completed",
    "none": "no state",
}


def brief(state: str | None, missing: str = "no state") -> str:
    """A state in a word or three, for the cells of a table; one that is not known as it is, `missing` where there is none.

    >>> brief("waiting_real_user_reply"), brief(None), brief("odd")
    ('waits for the user', 'no state', 'odd')
    """
    return _BRIEF.get(state or "", state or missing)


def long(state: str) -> str:
    """A state in full words, for a heading or a line of its own.

    >>> long("assigned")
    'with an operator'
    """
    return _LONG.get(state, state)
