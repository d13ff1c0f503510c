"""The same files for many databases or schemas: a look at all first, then each is migrated independently; none stops another.

Connections are opened as turns come, and go from one schema of a database to the next: never more than `jobs` at work, one that
watches, and one that asks what a pooler does.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from chatops import formatting, interrupts
from chatops.db import Database, arrived
from chatops.db.sessions import Sessions, place_of
from chatops.errors import ChatopsError, ConflictError, ExitCode
from chatops.migrations import distribution, fleet_together, locks
from chatops.migrations import ledger as ledgers
from chatops.migrations import run as runs
from chatops.migrations.attempts import MigrationInterruptedError
from chatops.migrations.beside import Beside
from chatops.migrations.events import Done, Event
from chatops.migrations.fleet_together import Went
from chatops.migrations.ledger import Ledger, Run
from chatops.migrations.lost_rights import RoleLoses, lost_in_many, still_lost
from chatops.migrations.prepare import MigrationRequest, Prepared, prepare, refuse_problems
from chatops.migrations.run import MigrationOutcome
from chatops.migrations.source import SHIPPED, Folder
from chatops.settings import Target

SHARE_PAUSE_S = 0.2


@dataclass(eq=False)
class Member:
    """One target: what was found in it, and how it ended. `label` tells it from the others."""

    target: Target
    label: str
    request: MigrationRequest
    run: Run
    database: Database | None = None
    """While its turn lasts."""
    prepared: Prepared | None = None
    outcome: MigrationOutcome | None = None
    error: ChatopsError | None = None
    left_out: str | None = None
    """Why its turn never came."""
    seconds: float = 0.0
    files: list[str] = field(default_factory=list)
    """What went in, whatever became of the rest."""
    losses: Sequence[RoleLoses] = ()
    """Which roles can do less once its files are in; where they are, what of it is so."""

    @property
    def pending(self) -> bool:
        """Whether it is sound and has something to apply."""
        return self.error is None and self.prepared is not None and not self.prepared.nothing

    @property
    def code(self) -> ExitCode:
        """How it ended, as one of the exit codes."""
        if self.error is not None:
            return self.error.exit_code
        return ExitCode.REFUSED if self.left_out is not None else ExitCode.OK


@dataclass
class Fleet:
    """Every target with the same files; `jobs` are worked on at once. `tell` is given each event with its target's label.

    `ended` is told of each target whose turn is over.
    """

    folder: Folder
    members: Sequence[Member]
    jobs: int
    tell: Callable[[str, Event], None]
    ended: Callable[[Member], None] = lambda member: None
    max_failures: int | None = None
    check: Callable[[Ledger], None] = lambda ledger: None
    """Refuses a target by its ledger."""
    afterwards: tuple[str, Callable[[Database], None]] | None = None
    """What each target gets once it is wholly migrated: as a statement, which may fail, and by itself where it went alone."""
    beside: Beside = field(default_factory=Beside)
    sessions: Sessions = field(default_factory=lambda: Sessions("migrate"))
    _speaking: threading.Lock = field(default_factory=threading.Lock)
    _ending: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Reads every target and decides; a target that cannot be reached or is refused keeps its error."""
        self._look_at([member for member in self.members if member.error is None])

    def look_for_losses(self) -> None:
        """Which roles lose what, in each sound target that has something to apply."""
        for members in _by_place([member for member in self.members if member.pending]):
            with _turns(members), self.sessions.of(members[0].target, "migrate") as database:
                asked = [(one.target.schema, one.prepared) for one in members if one.prepared is not None]
                for member, losses in zip(members, lost_in_many(database, asked), strict=True):
                    member.losses = losses

    def apply(self, *, canary: int = 0, go_on: Callable[[Sequence[Member]], bool] = lambda first: True) -> None:
        """Applies what is pending in every sound target; the first `canary` of them alone, and the others if those are well."""
        pending = [member for member in self.members if member.pending]
        try:
            self._share(pending)
            first, rest = pending[:canary], pending[canary:]
            self._each([member for member in first if member.error is None])
            if first and rest:
                why = self._look_again(first)
                if why is None and not go_on(first):
                    why = "stopped after the canaries"
                if why is not None:
                    for member in rest:
                        member.left_out = why
                    return
            self._each([member for member in rest if member.error is None])
        finally:
            self._look_what_is_lost(pending)
            self.close()

    def _look_what_is_lost(self, members: Sequence[Member]) -> None:
        """What roles lost where the files are in, for somebody may have granted it meanwhile; it is kept there for DB030."""
        if self._ending.is_set():
            return
        for member in members:
            if member.losses and member.error is None and member.left_out is None:
                with contextlib.suppress(ChatopsError), self.sessions.of(member.target, "migrate") as database:
                    member.losses = still_lost(database, member.losses)

    def close(self) -> None:
        """Closes every connection that is idle."""
        self.beside.close()
        self.sessions.close()

    def _look_again(self, first: Sequence[Member]) -> str | None:
        """Why the others shall not follow, once the first have been migrated and looked at again."""
        self._look_at([member for member in first if member.error is None])
        failed = [member.label for member in first if member.error is not None or member.pending]
        return (
            f"not begun: {formatting.plural(len(failed), 'canary', 'canaries')} failed ({', '.join(failed[:3])})"
            if failed
            else None
        )

    def _each(self, members: Sequence[Member]) -> None:
        """Applies to each, those that can in parts that go as one request."""
        parts = fleet_together.parts(members, self.jobs, lambda member: place_of(member.target))
        with ThreadPoolExecutor(max_workers=max(1, self.jobs)) as pool:
            futures = [pool.submit(self._part, part) for part in parts]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                # Those that have not begun never do; those that run have their statement ended and are rolled back.
                self._ending.set()
                for future in futures:
                    future.cancel()
                self.sessions.cancel()
                for member in members:
                    if (database := member.database) is not None:
                        with contextlib.suppress(ChatopsError):
                            database.cancel()
                raise

    def _part(self, members: Sequence[Member]) -> None:
        """As one request; whoever stops it goes alone, as often as its locks need, and the others behind it together again."""
        interrupts.unless_asked_to_stop()
        left = list(members)
        alone, went = len(left) == 1, Went()
        while left and not self._ending.is_set():
            if self._left_out(left):
                return
            if not alone:
                went = self._together(left)
                left = left[len(went.done) :]
                alone = went.unread
            if left and not self._ending.is_set() and (alone or went.stopped) and not self._left_out(left):
                member = left.pop(0)
                with _turn(member):
                    self._apply(member)
                self._over(member)

    def _together(self, members: Sequence[Member]) -> Went:
        went = Went()
        try:
            with self.sessions.of(members[0].target, "migrate") as database:
                went = fleet_together.send(database, members, self._told, self.afterwards and self.afterwards[0])
        except ChatopsError:
            went.stopped = True  # each finds out for itself what became of it
        if self._ending.is_set():
            raise MigrationInterruptedError("interrupted")
        for member in went.done:
            self._over(member)
        return went

    def _left_out(self, members: Sequence[Member]) -> bool:
        """Whether too many have failed for these to begin."""
        if self.max_failures is None or sum(one.error is not None for one in self.members) < self.max_failures:
            return False
        for member in members:
            member.left_out = f"not begun: {formatting.plural(self.max_failures, 'target')} failed"
        return True

    def _over(self, member: Member) -> None:
        with self._speaking:
            self.ended(member)

    def _told(self, label: str, event: Event) -> None:
        with self._speaking:
            self.tell(label, event)

    # -- the look ------------------------------------------------------------------------------------------------------------

    def _look_at(self, members: Sequence[Member]) -> None:
        places = list(_by_place(members))
        with ThreadPoolExecutor(max_workers=max(1, self.jobs)) as pool:
            list(pool.map(self._look, places))

    def _look(self, members: Sequence[Member]) -> None:
        """All schemas of one database, on one connection."""
        with _turns(members), self.sessions.of(members[0].target, "migrate") as database:
            for member in members:  # whether it is production is known now that somebody answered
                member.target = arrived(member.target, database.answered)
            found = ledgers.read_many(database, [member.target.schema for member in members])
            # Tenants that stand alike are decided alike: the plan of five hundred is one plan.
            known: dict[object, Prepared] = {}
            for member, before in zip(members, found, strict=True):
                with _turn(member):
                    member.prepared = self._decided(database, member, before, known)

    def _decided(self, database: Database, member: Member, before: Ledger, known: dict[object, Prepared]) -> Prepared:
        facts = before.facts
        rows = tuple(map(id, before.rows))
        # On a Citus cluster each schema is asked whether it is a tenant.
        own = member.target.schema if facts.citus is not None else None
        alike = (
            rows, facts.has_chats, facts.goes_by_clocks, facts.schema_there, facts.schema_usable, facts.schema_is_a_strangers,
            own,
        )  # fmt: skip
        if alike not in known:
            database.target, database.facts = member.target, facts
            self.check(before)  # first: what is out of order behind a newer chatops is no problem of the files
            prepared = prepare(database, before, self.folder, member.request)
            refuse_problems(prepared)
            known[alike] = prepared
        return replace(known[alike], ledger=replace(known[alike].ledger, facts=facts))

    # -- the work ------------------------------------------------------------------------------------------------------------

    def _share(self, pending: Sequence[Member]) -> None:
        """Makes what the tenants of a database share before any of them begins: side by side they would race for it."""
        for members in _by_place(pending):
            with _turns(members), self.sessions.of(members[0].target, "migrate") as database:
                until = time.monotonic() + members[0].request.max_wait
                while True:
                    try:
                        ledgers.share(database, shipped=self.folder.source == SHIPPED, run=members[0].run)
                        _share_in_cluster(database, members)
                        break
                    except ChatopsError as error:
                        if not (isinstance(error, ConflictError) or locks.retried(error)) or time.monotonic() > until:
                            raise
                    time.sleep(SHARE_PAUSE_S * random.uniform(0.5, 1.5))

    def _apply(self, member: Member) -> None:
        assert member.prepared is not None

        def tell(event: Event) -> None:
            if self._ending.is_set():
                raise MigrationInterruptedError("interrupted")
            if isinstance(event, Done):
                member.files.append(event.name)
            self._told(member.label, event)

        with self.sessions.of(member.target, "migrate") as database:
            member.database = database
            try:
                # The facts of this session; whether the ledger has moved since the look, each file's transaction asks itself.
                now = replace(member.prepared, ledger=replace(member.prepared.ledger, facts=database.glance()))
                member.outcome = runs.apply(database, now, member.request, member.run, tell, beside=self.beside)
                if self.afterwards is not None:
                    self.afterwards[1](database)
            finally:
                member.database = None


def _share_in_cluster(database: Database, members: Sequence[Member]) -> None:
    """On a Citus cluster: what its tenants share is on every node, and none of them has to see to it."""
    for at, member in enumerate(one for one in members if one.prepared is not None and one.prepared.shares):
        assert member.prepared is not None
        if at == 0:
            distribution.share(database, member.run)
        member.prepared = member.prepared.shared()


@contextlib.contextmanager
def _turn(member: Member) -> Iterator[None]:
    """The target's time is counted, and what goes wrong is its own."""
    started = time.monotonic()
    try:
        yield
    except ChatopsError as error:
        member.error = error
    finally:
        member.seconds += time.monotonic() - started


@contextlib.contextmanager
def _turns(members: Sequence[Member]) -> Iterator[None]:
    """What goes wrong is the error of all."""
    try:
        yield
    except ChatopsError as error:
        for member in members:
            member.error = error


def _by_place(members: Sequence[Member]) -> Iterable[list[Member]]:
    found: dict[object, list[Member]] = {}
    for member in members:
        found.setdefault(place_of(member.target), []).append(member)
    # A schema that is named twice is looked at twice: each ledger belongs to one target.
    return found.values()
