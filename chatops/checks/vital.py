"""Which objects of ours a message, a reply and assigning cannot do without: its loss stops the queue, or loses messages."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping

Properties = Mapping[str, str | Mapping[str, str]]

ACTS = ("assign_chat_to_operator", "release_and_reassign_chat", "operator_reply", "user_message")
"""The functions by which operators and users come and go. What else happens is done by triggers."""
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"(?:chatops\.)?\w+")
_CONFLICT = re.compile(r"\bon\s+conflict\s*\(([^)]*)\)", re.IGNORECASE)


def vital(objects: Mapping[str, Properties]) -> frozenset[str]:
    """Those of these objects, by kind and name, that the acts or a trigger of ours reach: by what the text of each one names."""
    reached = {label for label in objects if label.startswith("trigger ") or label.removeprefix("function ") in ACTS}
    waiting = deque(reached)
    words: set[str] = set()
    keys: set[frozenset[str]] = set()
    while waiting:
        text = _COMMENTS.sub(" ", " ".join(_texts(objects[waiting.popleft()])))
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


def _texts(properties: Properties) -> list[str]:
    told = [properties.get(name, "") for name in ("definition", "body")]
    return [text if isinstance(text, str) else " ".join(text.values()) for text in told]
