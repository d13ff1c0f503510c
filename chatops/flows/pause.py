"""What `pause` and `resume` do: stop assigning for a while, and go on."""

from __future__ import annotations

from chatops import formatting
from chatops.chats import pauses
from chatops.db import Database
from chatops.errors import ExitCode, RefusedError
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


def resume(invocation: Invocation, reason: str | None) -> ExitCode:
    """`chatops resume`."""
    database = invocation.connect("act")
    with acting.planning(invocation, database, logged=False, moves=False):
        pass  # the wrong place, and a newer chatops, are refused
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
    told = f"Operators get chats again, action {number}." if done else "The queue was not paused; nothing was changed."
    invocation.tell(told, paused=False, action_id=number)
    return ExitCode.OK


def _standing(database: Database) -> pauses.Standing:
    """Whether the queue is paused now, as assign sees it: what was asked for may not be what is."""
    with database.reading():
        return pauses.standing(database)
