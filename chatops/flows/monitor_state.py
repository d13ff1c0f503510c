"""Where a watch is remembered between looks: in a file, or in the database that it watches."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from chatops import sqlfiles
from chatops.checks import safety
from chatops.deploys import monitor_state as watches
from chatops.deploys import notice
from chatops.deploys.monitor_state import Watch
from chatops.errors import UnreachableError
from chatops.files import locked, write_file
from chatops.flows.run import Invocation
from chatops.tables_there import require_chats


class Keeper(Protocol):
    """One remembered watch."""

    name: str

    def read(self) -> Watch | None:
        """What is remembered, None when nothing is."""

    def write(self, watch: Watch, *, anew: bool = False) -> bool:
        """Remembers the watch; False when another run took the same look first."""

    def told(self, said: Watch) -> Watch | None:
        """Remembers that what was due in `said` has been told; the watch as it is now, None when it is gone."""

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Keeps a second run from the same look, where that can be done beforehand."""


class InFile:
    """A state file; a second run waits for the first, and then finds its slot taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    def read(self) -> Watch | None:
        """The watch in the file. Raises UsageError when it holds something else."""
        return watches.read(self.path)

    def write(self, watch: Watch, *, anew: bool = False) -> bool:
        """By a rename: a killed run leaves the old one or the new one."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self.path, watch.text, private=True)
        return True

    def told(self, said: Watch) -> Watch | None:
        """In the file; the caller is alone."""
        kept = self.read()
        if kept is None or kept.started != said.started:
            return kept
        after = notice.told(kept, said)
        self.write(after)
        return after

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """A lock on a file beside it."""
        with locked(self.path.with_name(self.path.name + ".lock")):
            yield


class InDatabase:
    """A row of chatops.watches. While the server is away the run remembers by itself, and writes when it is back."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.name = "chatops.watches"
        self.last: Watch | None = None

    def prepare(self) -> None:
        """Makes the table where the bookkeeping is older than it, or absent."""
        with self.invocation.connected("act") as database, database.acting():
            known = """select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                                       where n.nspname = 'chatops' and c.relname = 'watches')"""
            if hidden := database.hidden_among("chatops.watches"):
                raise database.rows_hidden(hidden)
            if not database.value(known):
                require_chats(database)
                database.script(sqlfiles.read("bookkeeping.sql"))
        with self.invocation.connected("act") as database:
            safety.keep(database, anew=False)

    def read(self) -> Watch | None:
        """The row, or what this run remembers while the server is away."""
        try:
            with self.invocation.connected() as database, database.reading():
                text = database.value(sqlfiles.read("queries/watch_read.sql"), {"schema": self.invocation.target.schema})
        except UnreachableError:
            if self.last is None:
                raise
            return self.last
        kept, last = self._parsed(text), self.last
        ahead = kept is not None and last is not None and kept.started == last.started and len(last.ticks) > len(kept.ticks)
        return last if ahead else kept

    def write(self, watch: Watch, *, anew: bool = False) -> bool:
        """Under the row's lock: another run that took a slot of this one first wins."""
        asked = {"schema": self.invocation.target.schema}
        try:
            with self.invocation.connected("act") as database, database.acting():
                kept = self._parsed(database.value(sqlfiles.read("queries/watch_lock.sql"), asked))
                same = kept is not None and kept.started == watch.started
                if not anew and kept is not None and same and len(kept.ticks) >= len(watch.ticks) > 0:
                    self.last = kept
                    return False
                database.execute(sqlfiles.read("queries/watch_write.sql"), {**asked, "state": watch.text})
        except UnreachableError:
            self.invocation.warn("the server is away: this look is remembered here, and written when it is back")
        self.last = watch
        return True

    def told(self, said: Watch) -> Watch | None:
        """Under the row's lock: another run may have taken a slot meanwhile."""
        asked = {"schema": self.invocation.target.schema}
        kept = self.last
        try:
            with self.invocation.connected("act") as database, database.acting():
                kept = self._parsed(database.value(sqlfiles.read("queries/watch_lock.sql"), asked))
                ahead = kept is not None and self.last is not None and len(self.last.ticks) > len(kept.ticks)
                kept = self.last if ahead else kept
                if kept is not None and kept.started == said.started:
                    kept = notice.told(kept, said)
                    database.execute(sqlfiles.read("queries/watch_write.sql"), {**asked, "state": kept.text})
        except UnreachableError:
            kept = None if kept is None else notice.told(kept, said)
        self.last = kept
        return kept

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Nothing beforehand: the row's lock decides when a look is written."""
        return contextlib.nullcontext()

    def _parsed(self, text: str | None) -> Watch | None:
        return None if text is None else watches.parse_state(text, self.name)
