"""How the rows that a repair has found are gone through: in batches that keep no lock for long, the busy ones once more."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

WANTED_BATCH_MS = 40
FIRST_BATCH, LARGEST_BATCH = 50, 2_000


def next_size(size: int, elapsed_ms: float, largest: int = LARGEST_BATCH) -> int:
    """The batch size that should keep row locks for about WANTED_BATCH_MS; at most doubled at a time.

    >>> next_size(100, 10), next_size(1000, 160), next_size(5, 900)
    (200, 250, 1)
    """
    wanted = size * WANTED_BATCH_MS / max(elapsed_ms, 1)
    return int(max(1, min(largest, size * 2, wanted)))


@dataclass
class Round:
    """The rows of one look at what is wrong, as lines of JSON, until each was mended or is known to be busy."""

    found: deque[str]
    size: int = FIRST_BATCH
    mended: int = 0
    batches: int = 0
    busy: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, lines: str | None) -> Round:
        """Of what `texts.found_text` answers."""
        return cls(deque(lines.split("\n") if lines else ()))

    def take(self) -> list[str]:
        """The next batch; what was taken must be told with `done`, or given back."""
        return [self.found.popleft() for _ in range(min(self.size, len(self.found)))]

    def give_back(self, rows: Iterable[str]) -> None:
        """A batch that was not carried out."""
        self.found.extendleft(reversed(list(rows)))

    def done(self, answer: str, elapsed_ms: float) -> int:
        """What a batch answered, and how long it took by the server's clock; how many rows it mended."""
        told = json.loads(answer)
        self.busy += [json.dumps(row) for row in told["busy"]]
        self.mended += told["mended"]
        self.batches += 1
        self.size = next_size(self.size, elapsed_ms)
        return int(told["mended"])

    def again(self) -> bool:
        """Makes the busy ones the rows to go through; whether there are any."""
        self.found, self.busy = deque(self.busy), []
        return bool(self.found)
