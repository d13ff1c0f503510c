"""What `pause` and `resume` do: stop assigning for a while, and go on."""

from __future__ import annotations

from chatops import formatting
from chatops.chats import pauses, reports
from chatops.db import Database
from chatops.errors import DatabaseError, ExitCode, RefusedError
from chatops.flows import acting
from chatops.flows.run import Invocation
from chatops.model import Span


def pause(invocation: Invocation, text: str, *, yes: bool, reason: str | None) -> ExitCode:
    """`chatops pause`."""
    database, span, given = acting.for_a_while(invocation, text, reason, pauses.require, longest=pauses.LONGEST)
    invocation.note(f"For {formatting.duration(span)} no operator gets a chat; replies, messages and heartbeats go on.")
    if not invocation.consent("Pause the queue", yes=yes):
        raise RefusedError("nothing was changed")
    done = pauses.begin(database, invocation.provenance, span, given)
    stands = _standing(database)
    if stands.until is None:
        why = f": {formatting.visible(stands.unseen)}" if stands.unseen else ": somebody has ended it meanwhile"
        invocation.tell(
            f"Action {done.action_id}, but the queue is not known to be paused{why}.", paused=None, action_id=done.action_id
        )
        return ExitCode.FOUND
    told = [Span(f"The queue is paused until {formatting.instant(done.until)}, action {done.action_id}. Go on: ")]
    told.append(Span(invocation.here("resume"), "code"))
    invocation.tell(told, paused=True, until=done.until, action_id=done.action_id)
    return ExitCode.OK


def resume(invocation: Invocation, *, dry_run: bool, yes: bool, reason: str | None) -> ExitCode:
    """`chatops resume`."""
    database = invocation.connect("act")
    with acting.planning(invocation, database, logged=False, moves=False):
        found, by = pauses.standing(database), pauses.by(database)
        free = _free(database)
    if found.until is not None:
        who = f" {by}" if by else ""
        invocation.note(f"The queue is paused until {formatting.instant(found.until)}{who}.")
        if dry_run:
            told = [Span("It would go on; nothing was changed. Do it: "), Span(invocation.here("resume"), "code")]
            invocation.tell(told, paused=True, until=found.until, dry_run=True)
            return ExitCode.OK
        if not invocation.consent("End the pause", yes=yes):
            raise RefusedError("nothing was changed")
    elif dry_run:
        invocation.tell(
            "The queue is not paused; nothing would be changed." if found.unseen is None
            else f"Whether the queue is paused cannot be seen: {formatting.visible(found.unseen)}",
            paused=False if found.unseen is None else None, dry_run=True,
        )  # fmt: skip
        return ExitCode.OK if found.unseen is None else ExitCode.FOUND
    done = pauses.end(database, invocation.provenance, reason)
    number = done.action_id if done else None
    stands = _standing(database)
    if stands.until is not None or stands.unseen is not None:
        said = f"Action {number}, but" if done else "Nothing was changed, and"
        still = (
            f"the queue is still paused, until {formatting.instant(stands.until)}"
            if stands.until
            else (f"whether the queue is paused cannot be seen: {formatting.visible(stands.unseen or '')}")
        )
        invocation.tell(f"{said} {still}.", paused=True if stands.until else None, until=stands.until, action_id=number)
        return ExitCode.FOUND
    said = "The queue was not paused; nothing was changed."
    if done and free:
        said = f"Operators get chats again, action {number}; {formatting.count(free)} {'is' if free == 1 else 'are'} free."
    elif done:
        nobody = "; nobody is free: the next who is gets one" if free == 0 else ""
        said = f"The pause is over, action {number}{nobody}."
    invocation.tell(said, paused=False, action_id=number)
    return ExitCode.OK


def _free(database: Database) -> int | None:
    """How many operators are free; None where that cannot be read."""
    try:
        with database.savepoint("chatops_free"):
            return reports.queue_figures(database).free
    except (DatabaseError, RefusedError):
        return None


def _standing(database: Database) -> pauses.Standing:
    """Whether the queue is paused now, as assign sees it: what was asked for may not be what is."""
    with database.reading():
        return pauses.standing(database)
