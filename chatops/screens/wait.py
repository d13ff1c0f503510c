"""`chatops wait`, laid out."""

from __future__ import annotations

from chatops import formatting
from chatops.model import Answer, Text


def answer(seconds: float, looks: int) -> Answer:
    """The server is ready."""
    waited = f"after {formatting.duration(seconds)}" if looks > 1 else "at once"
    return Answer(
        "wait", [Text([f"Ready {waited}: the server answers and takes writes."])], {"seconds": round(seconds, 3), "looks": looks}
    )
