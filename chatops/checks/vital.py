"""Which objects of ours a message, a reply and assigning cannot do without: its loss stops the queue, or loses messages."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Mapping

Properties = Mapping[str, str | Mapping[str, str]]

ACTS = (
    "assign_chat_to_operator",
    "release_and_reassign_chat",
    "release_chat",
    "release_idle_chats",
    "operator_reply",
    "user_message",
)
"""The functions by which operators and users come and go. What else happens is done by triggers."""
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_OURS = re.compile(r"trigger (\w+\.)+chatops_")
"""What 001 makes beside these keeps figures, until 022."""
_WORD = re.compile(r"(?:chatops\.)?\w+")
_CONFLICT = re.compile(r"\bon\s+conflict\s*\(([^)]*)\)", re.IGNORECASE)


STOPS: tuple[tuple[str, str], ...] = (
    (r"function assign_chat_to_operator$", "nobody can be given a chat"),
    (r"function user_message$|trigger messages\.chatops_\w+ .*\bAFTER INSERT\b", "messages do not reach the queue"),
    (r"function operator_reply$", "no operator can reply"),
    (r"function release_(and_reassign_chat|chat|idle_chats)$", "no chat can be given back"),
)
"""What it means that this, or what it cannot do without, is missing; of several the first."""


def vital(objects: Mapping[str, Properties]) -> frozenset[str]:
    """Those of these objects, by kind and name, that the acts or a trigger of ours reach: by what the text of each one names."""
    return _reached(objects, {one for one in objects if _OURS.match(one) or one.removeprefix("function ") in ACTS})


def stops(objects: Mapping[str, Properties]) -> Mapping[str, str]:
    """Of what is vital: what it means that it is missing, by kind and name."""
    told: dict[str, str] = {}
    for begins, meaning in STOPS:
        roots = {one for one in objects if re.match(begins, f"{one} {_code(objects[one])}" if one[:1] == "t" else one)}
        told = dict.fromkeys(_reached(objects, roots), meaning) | told
    return told


def _reached(objects: Mapping[str, Properties], roots: Collection[str]) -> frozenset[str]:
    reached = set(roots)
    waiting = deque(reached)
    words: set[str] = set()
    keys: set[frozenset[str]] = set()
    while waiting:
        text = _code(objects[waiting.popleft()])
        named = set(_WORD.findall(text))
        words |= named
        keys |= {frozenset(re.findall(r"\w+", columns)) for columns in _CONFLICT.findall(text)}
        called = {f"function {name}" for name in named} & objects.keys()
        waiting.extend(called - reached)
        reached |= called
    for label, properties in objects.items():
        kind, _, name = label.partition(" ")
        of, _, own = name.rpartition(".")
        unique = str(properties.get("definition", "")).startswith(("PRIMARY", "UNIQUE", "CREATE UNIQUE"))
        if (
            (kind in ("table", "sequence", "schema") and name in words)
            or (kind == "column" and of in words and own in words)
            or (kind in ("constraint", "index") and unique and frozenset(str(properties.get("columns", "")).split(", ")) in keys)
        ):
            reached.add(label)
    if any(label.partition(" ")[2].startswith("chatops.") for label in reached):
        reached |= {"schema chatops"} & objects.keys()
    return frozenset(reached)


def _code(properties: Properties) -> str:
    return _COMMENTS.sub(" ", " ".join(_texts(properties)))


def _texts(properties: Properties) -> list[str]:
    told = [properties.get(name, "") for name in ("definition", "body")]
    return [text if isinstance(text, str) else " ".join(text.values()) for text in told]
