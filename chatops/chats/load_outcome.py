"""What came of a hostile load: what each session did, what was refused or failed, and which invariants were seen broken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from chatops.errors import ChatopsError, UnreachableError
from chatops.frozen import frozen
from chatops.model import Values

REFUSED = "55000"
REFUSALS = {
    "no longer holds chat": "late reply",
    "is working on another chat": "operator busy",
    "is completed": "chat completed",
    "is answered": "chat answered",
}
"""What the application must expect of guards and functions (all 55000), by what their messages say."""
LOST = "connection"
"""Stands for the SQLSTATE of a failure that came with the loss of the connection."""


_OF_A_WORKER = re.compile("connection marked as essential|connection to the remote node|on at least one active node")
"""How the coordinator of a Citus cluster says that it lost a worker's session."""


@dataclass(slots=True)
class Tally:
    """What one session did: counted by itself, so that sessions do not wait for each other."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    assign_seconds: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Takes in what another session counted."""
        self.done += other.done
        self.refused += other.refused
        self.failed += other.failed
        self.examples = {**other.examples, **self.examples}
        self.assign_seconds += other.assign_seconds

    def failure(self, who: str, error: ChatopsError) -> None:
        """Counts a statement that did not go through."""
        lost = isinstance(error, UnreachableError) or _OF_A_WORKER.search(error.message) is not None
        code = LOST if lost else (getattr(error, "sqlstate", None) or type(error).__name__)
        if code == REFUSED:
            self.refused[next((reason for words, reason in REFUSALS.items() if words in error.message), error.message)] += 1
        else:
            self.failed[code] += 1
            self.examples.setdefault(code, f"{who}: {error.message}")


@dataclass(slots=True)
class Breach:
    """How often an invariant was seen broken: in how many looks, the most rows at once, when first (seconds), the first rows."""

    looks: int = 0
    most: int = 0
    first_at: float = 0.0
    rows: Sequence[Values] = ()


@dataclass(slots=True)
class LoadOutcome:
    """All of a run: what was done in `seconds`, what was refused or failed, and what the looks saw.

    `unknown` is what could not be looked at, with the reason; a run of which too little was seen is no proof.
    """

    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    looks: int = 0
    longest_gap: float = 0.0
    breaches: dict[str, Breach] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    losses_expected: bool = False

    @property
    def unexpected(self) -> dict[str, str]:
        """Failures that are no documented refusal, by SQLSTATE, each with an example."""
        return {code: self.tally.examples[code] for code in self.tally.failed if not (code == LOST and self.losses_expected)}

    @property
    def verdict(self) -> Literal["held", "broken", "failed", "unknown"]:
        """broken: an invariant was; unknown: too little was seen; failed: statements failed that must not; else held."""
        if self.breaches:
            return "broken"
        if self.unknown:
            return "unknown"
        return "failed" if self.unexpected else "held"

    def assign_milliseconds(self, share: float) -> float | None:
        """How long an assign took at most in that share of all, as its client saw it."""
        taken = sorted(self.tally.assign_seconds)
        return round(taken[min(len(taken) - 1, int(share * len(taken)))] * 1000, 2) if taken else None


@frozen
class Progress:
    """Where a run is."""

    elapsed: float
    assigned: int
    replied: int
    messages: int
    refused: int
    looks: int
    broken: tuple[str, ...]
