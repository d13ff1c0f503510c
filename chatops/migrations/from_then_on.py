"""What callers and operators notice once a shipped file is in: from then on. Beside the files, whose texts are released.

The plan of `migrate` says it, and `docs/guide.md`; `tests/test_from_then_on.py` tries each before and after its file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from chatops.frozen import frozen

NOTHING = "nothing"
VIEWS = "views"
"""The views and reading functions, which go in after the newest file."""

FROM_THEN_ON: Mapping[str, tuple[str, ...]] = {
    "001_chat_core": (NOTHING,),
    "014_chat_state_management": ("a chat has a state, which the application has to keep",),
    "015_fix_assignment_function": (
        "assign_chat_to_operator() passes over the chat that the operator just had",
        "release_and_reassign_chat() closes a chat that has come back max_reassignments times",
    ),
    "016_chat_state_verification": (
        "a chat that is assigned to nobody, or answered without operator_replied_at, is refused (23514)",
    ),
    "017_fix_concurrent_messages": (
        "nothing, until the code asks should_keep_assignment(): then a second message leaves the chat with its operator",
    ),
    "018_queue_clocks": (
        "messages of a chat are stored one after the other and get the database's time: a client's created_at no longer counts",
        "a user who writes into a chat that max_reassignments closed opens it again",
    ),
    "019_queue_indexes": (NOTHING,),
    "020_fill_queue_clocks": ("nothing, but each chat that is filled in is an event for listeners (Realtime); updated_at stays",),
    "021_write_path": (
        "assign_chat_to_operator() gives the chat whose user has waited longest, not the oldest chat, and no empty one",
        "an operator who has a chat and asks again gets the same; with another account's JWT (Supabase) it is refused (42501)",
        "release_and_reassign_chat() leaves a chat alone that was answered meanwhile, and one whose holder is not idle after all",
        "only releases without a reply count up to max_reassignments",
        "service_role gets operator_reply(), user_message(), operator_heartbeat(), release_chat(), reassign_chat(), close_chat()",
        "nobody else may call those (42501), no application needs them; who may get them: docs/safety.md, Who may call what",
    ),
    "022_stop_new_damage": (
        "a reply by an operator who no longer holds the chat is refused (55000)",
        "giving a chat to an operator who holds another one is refused (55000)",
        "a stale write of a chat's state or holder, a counter or a heartbeat changes nothing, with a NOTICE: messages decide",
        "a chat that somebody holds can be closed in one statement; an operator who is made inactive gives theirs back",
        "a time that is infinite or outside the years 1 to 9999 is refused (22008)",
        "giving a chat opens its turn: the application's own insert into chat_assignments writes nothing and returns no row",
    ),
    "023_repair_rows": (
        "chats that were wrong have another state or holder, and a new updated_at: lists move, each is an event (Realtime)",
        "chats that the limit closed while their users went on writing wait for an operator",
    ),
    "024_one_chat_per_operator": (
        "a second chat for an operator, and a second open assignment of a chat, is refused (23505), whoever writes it",
    ),
    "025_constraints": ("a chat whose state contradicts its operator or is_active is refused (23514), whoever writes it",),
    "026_validate_constraints": (NOTHING,),
    "027_privileges": (
        "assign_chat_to_operator() and release_and_reassign_chat() are no longer everybody's to call, nor anon's (42501)",
        "authenticated may not release any more (42501), only service_role may; it still gets chats, for its own operator alone",
    ),
    "028_partitioned_messages": (
        "nothing, unless messages is partitioned: a message at a partition's end may be refused (40001); send it again",
    ),
    VIEWS: (
        "get_assignment_queue_status() counts whose user waits, since the user wrote; chat_state_summary counts states",
        "detect_stuck_chats() leaves out chats that wait for their users",
        "whoever may read chats may read chat_queue and stuck_chats, whoever may read operators operator_load, which are new",
    ),
}  # fmt: skip


@frozen
class Met:
    """A check that counts what one sentence of a file is about: over the last 24 h where it is of history, else as it is now."""

    code: str
    one: str
    many: str
    refused: bool = False


MET: Mapping[str, Mapping[int, tuple[Met, ...]]] = {
    "017_fix_concurrent_messages": {0: (Met("CHAT016", "chat lost its operator so", "chats lost their operators so"),)},
    "018_queue_clocks": {1: (Met("CHAT012", "such chat", "such chats"),)},
    "021_write_path": {0: (Met("QUEUE002", "waiting chat was passed over", "waiting chats were passed over"),)},
    "022_stop_new_damage": {
        0: (Met("CHAT009", "reply", "replies", refused=True),),
        1: (Met("CHAT001", "operator holds several chats", "operators hold several chats"),),
        4: (Met("DATA006", "such time", "such times"),),
    },
    "024_one_chat_per_operator": {
        0: (
            Met("CHAT001", "operator holds several chats", "operators hold several chats"),
            Met("CHAT002", "chat has several open assignments", "chats have several open assignments"),
        ),
    },
    "025_constraints": {
        0: (
            Met("CHAT003", "chat contradicts its operator", "chats contradict their operator"),
            Met("CHAT011", "chat contradicts its is_active", "chats contradict their is_active"),
        ),
    },
}  # fmt: skip
"""By the file, and by which of its sentences."""

STOPS: Mapping[str, str] = {
    "020_fill_queue_clocks": "nothing is refused yet",
    "022_stop_new_damage": "no new damage",
    "023_repair_rows": "and the old is mended",
    "026_validate_constraints": "and constraints keep it out",
}
"""After which files a run may well end (`migrate --to`), and what is so then."""
MEANS: Mapping[str, str] = {
    "22008": "an impossible time", "23505": "a second chat or turn", "23514": "a contradicting state", "40001": "send again",
    "42501": "no right to", "55000": "not theirs any more",
}  # fmt: skip
"""What each SQLSTATE means that the sentences name."""
BRING = (
    "They see to it, whatever the application writes, that a chat has one operator and an operator one chat, that no user's "
    "message is overlooked, and that whoever has waited longest is served first."
)
"""What 018 and later are for, where somebody decides whether to stay before them."""
KEPT_BY_CODE: Mapping[str, str] = {"014_chat_state_management": "code that keeps chat_state has to follow at once"}
"""Files after which the code of before does not do: what has to follow."""


def codes_met(names: Iterable[str]) -> tuple[str, ...]:
    """The checks that count what these files are about."""
    return tuple(dict.fromkeys(met.code for name in names for all_ in MET.get(name, {}).values() for met in all_))


def refusals(names: Iterable[str]) -> dict[str, list[str]]:
    """What code has to expect once these files are in: the files by each SQLSTATE that their sentences name.

    >>> refusals(["021_write_path", "022_stop_new_damage"])["42501"]
    ['021_write_path']
    """
    found: dict[str, list[str]] = {}
    for name in names:
        for state in dict.fromkeys(re.findall(r"\(([0-9A-Z]{5})\)", " ".join(of(name)))):
            found.setdefault(state, []).append(name)
    return found


def of(name: str) -> tuple[str, ...]:
    """What is noticed of one file, in short sentences."""
    return FROM_THEN_ON[name]
