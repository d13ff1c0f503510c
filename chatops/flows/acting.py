"""What the commands that act have in common: consent and a reason, a log that is there, refusals that are kept, progress."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from chatops import formatting
from chatops.chats import audit
from chatops.chats.carry_out import Conditions
from chatops.db import Database
from chatops.errors import ChatopsError, ConflictError, ExitCode, NotATerminalError, RefusedError, UsageError, standby_refused
from chatops.flows.ahead import refuse_ahead
from chatops.flows.live_line import drawing
from chatops.flows.run import Invocation
from chatops.tables_there import require_chats, require_text_state

FEW = 200
"""Chats that are done before a bar could be read."""

LINE_EVERY_S = 3.0
MOMENT_S = 1.0

ENDS = {"done": ExitCode.OK, "unchanged": ExitCode.OK, "moved": ExitCode.CONFLICT}
"""The exit code of one outcome; of every other it is REFUSED."""


class LoggedError(RefusedError):
    """A refusal that is in the log already."""


def end(outcome: str) -> ExitCode:
    """The exit code of one outcome of the log."""
    return ENDS.get(outcome, ExitCode.REFUSED)


def reason_and_yes(
    invocation: Invocation, what: str, *, yes: bool, reason: str | None, dry_run: bool, again: Sequence[str]
) -> None:
    """Refuses before anything is read what nobody is there to be asked for: consent and a reason, on production."""
    if reason is not None and "\0" in reason:
        raise UsageError("a reason cannot hold a NUL character")
    if dry_run or invocation.interactive or not invocation.target.production:
        return
    missing = [flag for flag, given in (("--yes", yes), ("--reason TEXT", (reason or "").strip())) if not given]
    if missing:
        raise NotATerminalError(
            f"{what} on a production database needs {' and '.join(missing)} where nobody can be asked; nothing was changed",
            next_steps=[("see what it would do", invocation.here(*again, "--dry-run"))],
        )


@contextlib.contextmanager
def planning(
    invocation: Invocation, database: Database, *, logged: bool = True, moves: bool = True, statement_timeout: str | None = None
) -> Iterator[None]:
    """One snapshot to plan in: the banner shown; a standby, and a log that is missing, refused before anybody is asked."""
    with invocation.seeing(), database.reading(statement_timeout=statement_timeout):
        invocation.banner(database, ahead_told=True)  # by the refusal below
        require_chats(database)
        refuse_ahead(database)
        if moves:
            require_text_state(database)
        if database.facts is not None and database.facts.standby:
            raise standby_refused()
        if logged:
            audit.require(database, invocation.here("adopt", "--ledger-only"))
        yield


def for_a_while(
    invocation: Invocation,
    text: str,
    reason: str | None,
    require: Callable[[Database], None],
    *,
    longest: timedelta,
    more: str = "",
) -> tuple[Database, timedelta, str]:
    """Where to act, for how long, and why; what could not be done is refused before anybody is asked. Then `require` looks."""
    span = formatting.span(text, "--for")
    if span > longest or not span:
        raise UsageError(f"--for takes a time up to {longest // timedelta(hours=1)}h{more}")
    with planning(invocation, invocation.connect("act")):
        pass
    given = invocation.needed_reason(reason)
    database = invocation.connect("act")
    with planning(invocation, database, logged=False, moves=False):
        require(database)
    return database, span, given


def with_reason(invocation: Invocation, conditions: Conditions, reason: str | None, *, dry_run: bool) -> Conditions:
    """The conditions with the reason that was given, or is asked for."""
    return replace(conditions, reason=reason if dry_run else invocation.reason(reason))


@contextlib.contextmanager
def refusals_logged(database: Database, action: str, conditions: Conditions) -> Iterator[None]:
    """Logs a refusal before it is shown, where the database can be written to.

    A line that names nothing there is, or leaves something out, is no attempt on anything: the log is spared of it.
    """
    try:
        yield
    except (RefusedError, ConflictError) as error:
        facts = database.facts
        writable = conditions.logged and not conditions.rehearsal and facts is not None and facts.has_bookkeeping
        if isinstance(error, LoggedError | NotATerminalError) or not writable:
            raise
        outcome = "moved" if isinstance(error, ConflictError) else "refused"
        with contextlib.suppress(ChatopsError), audit.acting(database, conditions.provenance, reason=conditions.reason):
            audit.record_failures(database, action, [(None, None, outcome, error.message)])
        raise


@contextlib.contextmanager
def told_when_stopped(invocation: Invocation, done: Callable[[], str], ways: Sequence[tuple[str, str]]) -> Iterator[None]:
    """Says after Ctrl-C or a failure in the middle how much is done, and the commands to go on and to undo."""
    try:
        yield
    except (KeyboardInterrupt, ChatopsError):
        invocation.note(f"Stopped after {done()}. " + " · ".join(f"{label}: {command}" for label, command in ways))
        raise


class Seldom:
    """Whether it is time for one more line in a log: every few seconds, and never for what is over in a moment."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def due(self) -> bool:
        """Once in that time."""
        now = time.monotonic()
        if now - self._last < LINE_EVERY_S:
            return False
        self._last = now
        return True


@contextlib.contextmanager
def progress(invocation: Invocation, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, a line every few seconds in a log; nothing for what is over in a moment."""
    medium = invocation.medium(stream=sys.stderr)
    if not medium.redraws:
        seldom = Seldom()
        tenths = [0]

        def tell(done: int) -> None:
            # Of many chats a tenth is told, however quick it was.
            crossed = total > FEW and done * 10 // total > tenths[0]
            if seldom.due() or crossed:
                tenths[0] = done * 10 // total
                invocation.note(f"{what}: {done:,} of {total:,}")

        yield tell
        return
    with contextlib.ExitStack() as shown:
        began = time.monotonic()
        advance: list[Callable[[int], None]] = []

        def draw(done: int) -> None:
            if not advance and (total > FEW or time.monotonic() - began > MOMENT_S):
                advance.append(shown.enter_context(drawing(medium).bar(what, total)))
            for one in advance:
                one(done)

        draw(0)
        yield draw
