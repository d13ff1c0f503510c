"""What a rehearsal found: per statement its time, locks and rows, per file whom it keeps waiting."""

from __future__ import annotations

from typing import Literal

from chatops.frozen import frozen
from chatops.migrations.citus_form import Form
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.scanner import Statement

Status = Literal["rehearsed", "failed", "too long", "not rehearsable", "not together", "out of time", "unknown", "not reached"]


@frozen
class TakenLock:
    """A lock that a statement took. `since` names an earlier file that already held one on the same relation, which hides how
    strong this one is: its mode is then the one that such a statement is known to take."""

    relation: str
    mode: str
    since: str | None = None


@frozen
class TouchedRelation:
    """What a statement did to a relation: rows, and bytes where it wrote all of it anew."""

    relation: str
    what: Literal["rewrites", "builds", "scans", "changes", "empties"]
    rows: int
    bytes: int | None = None
    index: str | None = None


@frozen
class RehearsedStatement:
    """One statement, measured. `seconds` is the server's own time for it; `over` is whether it was cancelled for taking longer
    than locks may be held. `line` counts from 1. `count`: how many statements were measured together; this is the first."""

    file: str
    line: int
    statement: str
    seconds: float
    locks: tuple[TakenLock, ...] = ()
    touched: tuple[TouchedRelation, ...] = ()
    over: bool = False
    help: str | None = None
    count: int = 1


@frozen
class Blocking:
    """Whom a file keeps waiting: from the lock to the end of the file, in seconds; `more` where it was cancelled before."""

    relation: str
    what: Literal["every read and write", "every write", "other writes of the changed rows"]
    seconds: float
    more: bool = False


@frozen
class RehearsedFile:
    """One file's rehearsal. `note` says why it was not, or what went wrong; `excerpt` shows where."""

    name: str
    status: Status
    steps: tuple[RehearsedStatement, ...] = ()
    blocking: tuple[Blocking, ...] = ()
    note: str | None = None
    excerpt: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """The time of its statements."""
        return sum(step.seconds for step in self.steps)


@frozen
class Rehearsal:
    """All files, and the time from the first statement to the last rollback; `on_shift` operators would have waited,
    `silent` of them were not heard of for long."""

    files: tuple[RehearsedFile, ...]
    seconds: float
    max_hold: float | None
    on_shift: int | None
    silent: int = 0

    @property
    def too_long(self) -> bool:
        """Whether a file keeps others waiting for longer than locks may be held, or was not measured because time was up."""
        return any(file.status in ("too long", "out of time") for file in self.files) or (
            self.max_hold is not None and any(one.seconds > self.max_hold for file in self.files for one in file.blocking)
        )

    @property
    def failed(self) -> bool:
        """Whether a file fails."""
        return any(file.status == "failed" for file in self.files)


@frozen
class Piece:
    """What runs as one transaction: a file, or the views together. `forms` are the words that a Citus tenant takes, for each."""

    name: str
    readings: tuple[MigrationText, ...]
    forms: tuple[Form, ...] = ()

    @property
    def statements(self) -> list[tuple[MigrationText, Statement]]:
        """Its statements in order."""
        return [(reading, statement) for reading in self.readings for statement in reading.statements]

    def texts(self, reading: MigrationText, statement: Statement) -> list[str] | None:
        """What a Citus tenant gets for one of them; None: the statement itself."""
        return self.forms[self.readings.index(reading)].texts(statement.text) if self.forms else None
