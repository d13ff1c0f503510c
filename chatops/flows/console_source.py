"""The database behind the live desk: one connection that only reads; one that acts, for as long as an act takes."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from chatops import lock_holders, names, tables_there
from chatops.chats import desk, one_chat, one_operator, why_waiting
from chatops.chats.desk import Look, Wait
from chatops.checks import load, run, stored_snoozes
from chatops.checks.load import Check
from chatops.checks.results import Survey
from chatops.console.source import Act, Done, Proposal, Source
from chatops.db import Database, pools_transactions
from chatops.errors import ChatopsError, DatabaseError, LockTimeoutError, StatementTimeoutError, UsageError
from chatops.flows import cannot_see, console_answers
from chatops.flows.console_acting import Acting
from chatops.flows.run import Invocation
from chatops.flows.silence import LIMIT, silent_before
from chatops.model import Answer
from chatops.screens import explain, show_chat, show_operator
from chatops.screens import why_waiting as why_screen
from chatops.screens.console import Key
from chatops.screens.lines import Reader

PATIENCE = 20.0
"""Seconds after which a look that still hangs, in a pooler or in the network, is given up."""
CHECKS = 14.0
"""Seconds for a check that is not quick."""
FIRST, QUICK = 5.0, 1.5
"""Seconds for all of the quick ones, and for each of them."""
EVENTS = 40
ROWS = desk.MOST
"""Rows of evidence that the checks keep: as many as a section may show."""


class _NotAllSeenError(Exception):
    """A part of the desk was refused to this role."""


class Reading:
    """One connection of a run that only reads, made again when it was lost, a look at a time."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self._lock = threading.Lock()
        self._database: Database | None = None

    def connected(self) -> Database:
        """The connection: read-only for all its life."""
        if self._database is None or self._database.closed:
            self.close()
            made = self.invocation.connect("read")
            if not pools_transactions(made):  # behind a pooler it would stay on somebody else's session
                made.for_its_life("set session characteristics as transaction read only")
            self._database = made
        return self._database

    @contextlib.contextmanager
    def alone(self, patience: float = PATIENCE) -> Iterator[Database]:
        """The connection for one look; says in words what cannot be seen."""
        with self._lock:
            database = self.connected()
            with cannot_see.cannot_see(self.connected, self.invocation.here), database.given_up_after(patience):
                yield database

    @contextlib.contextmanager
    def snapshot(self, patience: float = PATIENCE) -> Iterator[Database]:
        """One read-only snapshot on it. Refuses a schema without chats."""
        with self.alone(patience) as database, database.reading():
            tables_there.require_chats(database)
            yield database

    def stop(self) -> None:
        """Ends what is running."""
        if self._database is not None and self._lock.locked():
            self._database.cancel(timeout=1)

    def close(self) -> None:
        """Closes it until somebody looks again."""
        if self._database is not None:
            self._database.close()
        self._database = None


class DeskSource:
    """What the desk asks, answered by the run's database."""

    def __init__(self, invocation: Invocation, checks: Sequence[Check], *, show_names: bool) -> None:
        self._invocation = invocation
        self._checks = checks
        self._reading = Reading(invocation)
        self._careful = False
        """Whether a part of the desk was refused to this role, so that each is asked for by itself."""
        self._hurried = False
        self.show_names = show_names
        with self._reading.snapshot() as database:
            invocation.banner(database)
            facts, target = database.facts, database.target
            assert facts is not None
        self.name = target.title
        self.production = target.production
        schema = "" if target.schema == "public" else f" {target.schema}"
        self.where = f"{target.place}/{facts.database}{schema} as {facts.role}"
        self._acting = Acting(invocation, target.production, show_names)
        self._silent_after = timedelta(minutes=target.thresholds.get(LIMIT, load.limits()[LIMIT].default))

    def here(self, *words: str) -> str:
        """A command line that names this database."""
        return self._invocation.here(*words)

    def stop(self) -> None:
        """Ends what is running."""
        self._reading.stop()

    def close(self) -> None:
        """Closes the connection until the next look."""
        self._reading.close()

    def tenant(self, name: str) -> Source:
        """There are none."""
        raise UsageError("this desk is about one schema")

    # ---- looking -------------------------------------------------------------------------------------------------------

    def look(self) -> Look:
        """One snapshot of the desk."""
        if not self._careful:
            with contextlib.suppress(_NotAllSeenError), self._reading.snapshot() as database:
                return self._all_seen(database)
            self._careful = True
        with self._reading.snapshot() as database:
            return desk.read(database, self._silent_after)

    def _all_seen(self, database: Database) -> Look:
        """The desk where nothing of it is refused. Raises _NotAllSeenError, after which the snapshot is spoilt."""
        try:
            return desk.read(database, self._silent_after, careful=False)
        except (LockTimeoutError, StatementTimeoutError):
            raise
        except DatabaseError as error:
            if error.sqlstate is None:  # the connection is gone
                raise
            raise _NotAllSeenError from None

    def waits(self) -> list[Wait]:
        """The longest wait at moments of the last hour."""
        with self._reading.snapshot(CHECKS) as database:
            return desk.waits(database)

    def checks(self) -> Iterator[Survey | None]:
        """The checks that are not snoozed: first what is quick, then one by one what was not, so that looks go on in between."""
        with self._reading.snapshot() as database:
            silent = {one.code for one in stored_snoozes.read(database)}
        checks = [check for check in self._checks if check.code not in silent]
        while (survey := self._checked(checks, FIRST, QUICK)) is None:
            yield None
        yield survey
        left = deque(one.check for one in survey.results if one.status == "unknown")
        while left:
            check = left.popleft()
            again = self._checked([check], CHECKS, CHECKS)
            if again is None or (self._hurried and again.results[0].status == "unknown"):
                left.append(check)
            if again is not None:
                known = {one.check.code: one for one in (*survey.results, *again.results)}
                survey = replace(survey, results=tuple(known[one.check.code] for one in survey.results))
            yield survey

    def _checked(self, checks: Sequence[Check], whole: float, each: float) -> Survey | None:
        """Some checks in a snapshot of their own; None when somebody could not wait for them."""
        self._hurried = False
        try:
            with self._reading.snapshot(whole + run.GRACE_SECONDS) as database:
                return run.run(database, checks, rows=ROWS, whole_seconds=whole, each_seconds=each)
        except ChatopsError:
            if not self._hurried:
                raise
            return None

    def hurry(self) -> None:
        """Ends the check that runs, to be begun again later: somebody waits for a look."""
        self._hurried = True
        self._reading.stop()

    def about(self, key: Key, width: int) -> str:
        """A chat or an operator with its timeline; what a finding means."""
        kind, name = key
        if kind == "finding":
            check = next(one for one in self._checks if one.code == name)
            return self._text(explain.one(check, width), width)
        reader = Reader(width, short_ids=True, show_names=self.show_names, here=self.here)
        with self._reading.snapshot() as database:
            if kind == "operator":
                known = one_operator.read(database, names.find_operator(database, name), EVENTS)
                answer = show_operator.about_operator(known, show_names=self.show_names, short=True)
            else:
                chat = names.find_chat(database, name)
                survey = run.run(database, [], whole_seconds=CHECKS, about=name)
                holders = lock_holders.of_chat(database, chat.id)
                further = why_screen.lines(
                    why_waiting.read(database, chat.id, silent_before(database)), reader.here,
                    show_names=self.show_names, locked=bool(holders),
                )  # fmt: skip
                found = one_chat.read(database, chat, events=EVENTS, show_text=False, actions=bool(survey.inventory.audit))
                answer = show_chat.about_chat(found, survey, reader, further, holders=holders)
        return self._text(answer, width)

    def _text(self, answer: Answer, width: int) -> str:
        return console_answers.of_answer(answer, width, show_names=self.show_names)

    # ---- acting --------------------------------------------------------------------------------------------------------

    def plan(self, act: Act, keys: Sequence[Key], to: str) -> Proposal:
        """What the act would do, by the rules of the command."""
        return self._acting.plan(act, keys, to)

    def carry_out(self, proposal: Proposal, reason: str) -> Done:
        """Acts, if everything still is as proposed."""
        return self._acting.carry_out(proposal, reason)
