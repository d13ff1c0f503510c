"""The same files for many databases or schemas: a look at all first, then each is migrated independently; none stops another."""

from __future__ import annotations

import contextlib
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.errors import ChatopsError, ExitCode, UsageError
from chatops.migrations import ledger as ledgers
from chatops.migrations import run as runs
from chatops.migrations.attempts import MigrationInterruptedError
from chatops.migrations.events import Done, Event
from chatops.migrations.ledger import Run
from chatops.migrations.prepare import MigrationRequest, Prepared, prepare, refuse_problems
from chatops.migrations.run import MigrationOutcome
from chatops.migrations.source import Folder
from chatops.settings import Target


@dataclass
class Member:
    """One target: what was found in it, and how it ended. `label` tells it from the others."""

    target: Target
    label: str
    request: MigrationRequest
    run: Run
    database: Database | None = None
    prepared: Prepared | None = None
    outcome: MigrationOutcome | None = None
    error: ChatopsError | None = None
    seconds: float = 0.0
    files: list[str] = field(default_factory=list)
    """What went in, whatever became of the rest."""

    @property
    def pending(self) -> bool:
        """Whether it is sound and has something to apply."""
        return self.error is None and self.prepared is not None and not self.prepared.nothing

    @property
    def code(self) -> ExitCode:
        """How it ended, as one of the exit codes."""
        return self.error.exit_code if self.error else ExitCode.OK


@dataclass
class Fleet:
    """Every target with the same files; `jobs` are worked on at once. `tell` is given each event with its target's label."""

    folder: Folder
    members: Sequence[Member]
    jobs: int
    tell: Callable[[str, Event], None]
    _speaking: threading.Lock = field(default_factory=threading.Lock)
    _ending: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Reads every target and decides; a target that cannot be reached or is refused keeps its error."""
        self._each(self.members, self._look)

    def apply(self) -> None:
        """Applies what is pending in every sound target."""
        self._each([member for member in self.members if member.pending], self._apply)

    def close(self) -> None:
        """Closes every connection."""
        for member in self.members:
            if member.database is not None:
                member.database.close()

    def _each(self, members: Sequence[Member], work: Callable[[Member], None]) -> None:
        with ThreadPoolExecutor(max_workers=max(1, self.jobs)) as pool:
            futures = [pool.submit(self._guarded, work, member) for member in members]
            try:
                for future in futures:
                    future.result()
            except KeyboardInterrupt:
                # Those that have not begun never do; those that run have their statement ended and are rolled back.
                self._ending.set()
                for future in futures:
                    future.cancel()
                for member in members:
                    if member.database is not None:
                        with contextlib.suppress(ChatopsError):
                            member.database.cancel()
                raise

    def _guarded(self, work: Callable[[Member], None], member: Member) -> None:
        started = time.monotonic()
        try:
            work(member)
        except ChatopsError as error:
            member.error = error
        member.seconds += time.monotonic() - started

    def _look(self, member: Member) -> None:
        member.database = db.connect(member.target, "migrate", "migrate")
        before = ledgers.read(member.database)
        member.prepared = prepare(member.database, before, self.folder, member.request)
        refuse_problems(member.prepared)

    def _apply(self, member: Member) -> None:
        assert member.database is not None
        assert member.prepared is not None

        def tell(event: Event) -> None:
            if self._ending.is_set():
                raise MigrationInterruptedError("interrupted")
            if isinstance(event, Done):
                member.files.append(event.name)
            with self._speaking:
                self.tell(member.label, event)

        member.outcome = runs.apply(member.database, member.prepared, member.request, member.run, tell)


def schemas(target: Target, pattern: str) -> list[Target]:
    """The target once for each of its schemas that match a pattern with `*`. Raises UsageError when none does."""
    like = pattern.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%").replace("*", "%")
    with db.connect(target, "migrate", "read") as database:
        found = [name for (name,) in database.tuples(sqlfiles.read("queries/schemas_like.sql"), {"pattern": like})]
    if not found:
        raise UsageError(f"no schema of {target.shown()} matches {pattern}")
    return [replace(target, schema=name, flags=f"{target.flags} --schema {shlex.quote(name)}".strip()) for name in found]


def labels(targets: Sequence[Target]) -> list[str]:
    """What tells the targets apart: environment, else place, and the schema where it is not public."""
    names = [target.environment or target.shown() for target in targets]
    return [f"{name} {target.schema}" if target.schema != "public" else name for name, target in zip(names, targets, strict=True)]
