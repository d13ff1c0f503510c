"""What a run of migrations tells while it is under way, in the order in which it happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from chatops.frozen import frozen
from chatops.migrations.heard import Said
from chatops.migrations.ledger import Migrator
from chatops.migrations.locks import Blocker


@frozen
class Done:
    """A file, view or step that is in now. Milliseconds; `rows` is what its own statements said they changed; where it
    `mends`, how many its repairs found and mended, of which one may change several rows, and `filled` those of them with which
    nothing was wrong: a column was new."""

    name: str
    kind: Literal["file", "view", "step"]
    effect: str
    duration_ms: float
    waited_ms: float
    rows: int
    attempts: int = 1
    mends: bool = False
    filled: int = 0


@frozen
class Started:
    """A file begins."""

    name: str


@frozen
class Waiting:
    """An attempt at a file did not get its locks, or had them and kept others waiting, and another one will be made."""

    name: str
    attempt: int
    deadline_ms: int
    waited: float
    blockers: Sequence[Blocker]
    unseen: str | None
    kept_others: bool = False


@frozen
class OtherAtWork:
    """Another migrator is at work, and this one waits for it."""

    by: Migrator


@frozen
class StepBegun:
    """A statement of a file that runs outside one transaction: how far it is."""

    name: str
    number: int
    of: int
    text: str


@frozen
class Note:
    """Progress for a person who waits: how far an index is, what is dropped before it."""

    name: str
    text: str


@frozen
class Installed:
    """The views that changed are in; seconds."""

    names: tuple[str, ...]
    seconds: float


@frozen
class Paused:
    """A run waits and holds nothing; a listener that raises ends it here."""


Event = Said | Installed | Paused | Started | Waiting | OtherAtWork | StepBegun | Note | Done
Tell = Callable[[Event], None]
