"""The database of a run: which one it is, connections that end with the run, and the banner that says where we are."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from chatops import settings
from chatops.errors import RefusedError
from chatops.flows.given import Given
from chatops.flows.output import Output
from chatops.flows.paste import here
from chatops.settings import Target

if TYPE_CHECKING:  # the driver is most of what a command loads, and what works offline (explain, config) needs none of it
    from chatops.db import Database, Intent


WRITE_AFTER_READING = ("repair",)
"""Commands that find out on a reading connection what they will write."""


class Closable(Protocol):
    """What must be closed."""

    def close(self) -> None:
        """Closes it."""


class Connection(Output):
    """What a run is connected to."""

    is_one_of_many = False
    """Whether it looks at one of many tenants: the run of all tells how far that is."""

    def __init__(self, given: Given) -> None:
        super().__init__(given)
        self._target: Target | None = None
        self._open: list[Closable] = []
        self._banner_shown = False
        self.fits: Callable[[str], str] = lambda text: text
        """A text in signs that the database can hold, once there was a connection to it."""
        self.lacks: Callable[[str], str] = lambda text: ""
        """The first sign of a text that the database cannot hold."""
        self.now: datetime | None = None
        """The database's clock when the snapshot was taken."""

    def asks(self, *, of_database: bool) -> bool:
        """Whether what is the same for all schemas of a database, or what differs between them, is asked by this run."""
        return True

    @property
    def options(self) -> settings.Options:
        """What the command line says about the database."""
        return settings.Options(tuple(self.db), self.env, self.schema, self.config)

    @cached_property
    def configuration(self) -> settings.Configuration:
        """What chatops.toml says."""
        return settings.load(named=self.config)

    @property
    def has_tenants(self) -> bool:
        """Whether several are named: by --all-schemas, several --db, or a list, wildcard or group of environments."""
        if self.all_schemas is not None:
            return True
        named = self.env or self.environ.get("CHATOPS_ENV")
        if named is None and len(self.db) < 2:
            return False
        return settings.named_several(self.options, environ=self.environ, configuration=self.configuration)

    @property
    def target(self) -> Target:
        """The one database this run is about; the embedded server is started if it is the one."""
        if self._target is None:
            target = settings.resolve(self.options, configuration=self.configuration)
            for warning in target.warnings:
                self.warn(warning)
            self._target = started(target, self.note)
        return self._target

    @property
    def known_target(self) -> Target | None:
        """The database this run is about, None while nobody asked."""
        return self._target

    @property
    def secrets(self) -> list[str]:
        """Every secret that this run was told, wherever it came from: no foreign text is shown with one in it."""
        known = [] if self._target is None else settings.secrets_of(self._target, self.environ)
        found = [one for opened in self._open for one in getattr(opened, "secrets", ())]
        texts = [*self.db, *self.argv, *(value for value in self.environ.values() if "://" in value or "=" in value)]
        return [*known, *found, *settings.secrets_in(texts), *filter(None, [self.environ.get("PGPASSWORD")])]

    def use(self, target: Target) -> None:
        """Works on another database from now on: one that this run has made."""
        self._target = target

    def connect(self, intent: Intent = "read", *, target: Target | None = None) -> Database:
        """A connection that is closed when the run ends."""
        from chatops.flows import ahead  # the driver: see above

        database = ahead.connect(target or self.target, self.command, intent)
        if target is None:
            self._target = database.target
        database.show_names = self.medium(stream=sys.stderr).show_names
        self.fits, self.lacks = database.fitting, database.lacking
        self._open.append(database)
        return database

    @contextlib.contextmanager
    def connected(self, intent: Intent = "read") -> Iterator[Database]:
        """A connection for a block, closed behind it: between two looks of a watch none is kept."""
        with self.connect(intent) as database:
            yield database

    @contextlib.contextmanager
    def reading(
        self, *, statement_timeout: str | None = None, ends: float | None = None, chats: bool = True
    ) -> Iterator[Database]:
        """One read-only snapshot of the target, the banner shown; given up at `ends` of the monotonic clock, whatever hangs.

        Refuses a schema that is not there, and unless `chats` is False one without chats; says in words what cannot be seen.
        """
        from chatops import tables_there  # the driver: see above

        database = self.connect("read")
        bounded = contextlib.nullcontext() if ends is None else database.given_up_after(ends - time.monotonic())
        with self.seeing(), bounded, database.reading(statement_timeout=statement_timeout):
            self.banner(database)
            (tables_there.require_chats if chats else tables_there.require_schema)(database)
            yield database

    @contextlib.contextmanager
    def seeing(self) -> Iterator[None]:
        """Says in words what keeps the block from reading."""
        from chatops.flows.cannot_see import cannot_see  # the driver: see above

        with cannot_see(lambda: self.connect("read"), self.here):
            yield

    def here(self, *words: str) -> str:
        """A chatops command line that works when pasted: this database named again."""
        return here(self.target, *words)

    @contextlib.contextmanager
    def acting(self, *, rollback: bool = False) -> Iterator[Database]:
        """One writing transaction on the target, the banner shown."""
        database = self.connect("act")
        with database.acting(rollback=rollback):
            self.banner(database)
            yield database

    def banner(self, database: Database, *, ahead_told: bool = False, refuse_ahead: bool = False) -> None:
        """Says on stderr, once, where this run is: environment, host, database, role, engine, version, server time.

        Says too that a newer chatops was here, unless the caller tells that by itself. Raises RefusedError where a command that
        writes cannot work on this engine, and with `refuse_ahead` where a newer chatops was here.
        """
        from chatops.flows import banner  # the driver: see above

        facts = database.facts
        if facts is None:
            return
        self.now = facts.now
        if not self._banner_shown:
            self._banner_shown = True
            self.note(banner.line(database, facts, self.medium(stream=sys.stderr).width))
            if not ahead_told and (newer := banner.newer(database)):
                self.warn(newer)
        if refuse_ahead and (newer := banner.newer(database)):
            raise RefusedError(f"{newer}; nothing was changed")
        banner.refuse_worker(database, facts, self.command)
        if database.intent != "read" or self.command in WRITE_AFTER_READING:
            banner.refuse_writing(database, facts, self.command)

    def envelope(self) -> dict[str, object]:
        """What machine formats say about the run itself."""
        found = super().envelope()
        if self._target is not None:
            found |= {"environment": self._target.name, "database": self._target.shown()}
        return found

    def close(self) -> None:
        """Closes what is still open."""
        for database in self._open:
            database.close()
        self._open.clear()

    def closed_with_the_run(self, what: Closable) -> None:
        """Closes something else when the run ends."""
        self._open.append(what)


def started(target: Target, note: Callable[[str], None]) -> Target:
    """The target itself, or the embedded server's address once it runs."""
    if target.embedded is None:
        return target
    from chatops import local  # only where the embedded server is the one

    parameters, _ = settings.parse(local.url(target.parameters["dbname"], say=note), "embedded server")
    return replace(target, parameters=parameters)
