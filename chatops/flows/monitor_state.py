"""Where a watch is remembered between looks: in a file, or in the database that it watches."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from chatops import sqlfiles
from chatops.checks import safety
from chatops.db import Database
from chatops.deploys import monitor_state as watches
from chatops.deploys import notice, watch_file
from chatops.deploys.monitor_state import Counts, Watch
from chatops.errors import UnreachableError
from chatops.files import locked
from chatops.flows.run import Invocation
from chatops.tables_there import require_chats


class Keeper(Protocol):
    """One remembered watch."""

    name: str

    def read(self) -> Watch | None:
        """What is remembered, its newest looks and how many there were before; None when nothing is."""

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
        self._kept: watch_file.Kept | None = None

    def read(self) -> Watch | None:
        """The watch in the file. Raises UsageError when it holds something else."""
        self._kept = watch_file.kept(self.path)
        return None if self._kept is None else self._kept.watch

    def write(self, watch: Watch, *, anew: bool = False) -> bool:
        """As lines at the end, or by a rename: a killed run leaves the old watch or the new one. The caller is alone."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        watch_file.write(self.path, None if anew else self._kept, watch)
        self._kept = None
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
        with locked(self.path.with_name(self.path.name + ".lock"), gone=True):
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
                found = _recent(database, self.invocation.target.schema)
        except UnreachableError:
            if self.last is None:
                raise
            return self.last
        kept, last = found, self.last
        ahead = kept is not None and last is not None and kept.started == last.started and last.taken > kept.taken
        return last if ahead else kept

    def write(self, watch: Watch, *, anew: bool = False) -> bool:
        """Under the row's lock: another run that took a slot of this one first wins."""
        try:
            with self.invocation.connected("act") as database, database.acting():
                kept = _recent(database, self.invocation.target.schema, lock=True)
                same = kept is not None and kept.started == watch.started
                if not anew and kept is not None and same and kept.taken >= watch.taken > 0:
                    self.last = kept
                    return False
                self._put(database, kept if same and not anew else None, watch)
        except UnreachableError:
            self.invocation.warn("the server is away: this look is remembered here, and written when it is back")
        self.last = watch
        return True

    def told(self, said: Watch) -> Watch | None:
        """Under the row's lock: another run may have taken a slot meanwhile."""
        kept = self.last
        try:
            with self.invocation.connected("act") as database, database.acting():
                there = _recent(database, self.invocation.target.schema, lock=True)
                ahead = there is not None and self.last is not None and self.last.taken > there.taken
                kept = self.last if ahead else there
                if kept is not None and kept.started == said.started:
                    kept = notice.told(kept, said)
                    self._put(database, there if there is not None and there.started == kept.started else None, kept)
        except UnreachableError:
            kept = None if kept is None else notice.told(kept, said)
        self.last = kept
        return kept

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Nothing beforehand: the row's lock decides when a look is written."""
        return contextlib.nullcontext()

    def _put(self, database: Database, kept: Watch | None, watch: Watch) -> None:
        """Writes what stands, and adds the looks that the database has not (`kept` is what it has of this watch)."""
        document = watch.document
        ticks = document.pop("ticks")
        assert isinstance(ticks, list | tuple)
        more = watch.taken - (0 if kept is None else kept.taken)
        given = {"schema": self.invocation.target.schema, "state": json.dumps(document), "anew": kept is None,
                 "ticks": json.dumps(ticks[len(ticks) - min(more, len(ticks)):])}  # fmt: skip
        database.execute(sqlfiles.read("queries/watch_write.sql"), given)


def _recent(database: Database, schema: str, *, lock: bool = False) -> Watch | None:
    """A watch of chatops.watches with its newest looks; how many there were before is counted by the server."""
    if lock:
        database.execute(sqlfiles.read("queries/watch_lock.sql"), {"schema": schema})
    found = database.mappings(sqlfiles.read("queries/watch_recent.sql"), {"schema": schema})
    if not found:
        return None
    watch = watches.parse_state(found[0]["state"], "chatops.watches")
    return replace(watch, earlier=Counts(found[0]["taken"], found[0]["reached"], found[0]["blind"]))
