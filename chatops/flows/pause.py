"""What `pause` and `resume` do: stop assigning for a while, and go on."""

from __future__ import annotations

from chatops import formatting
from chatops.chats import pauses
from chatops.errors import ExitCode, UsageError
from chatops.flows import acting
from chatops.flows.run import Invocation
from chatops.model import Span


def pause(invocation: Invocation, text: str, *, yes: bool, reason: str | None) -> ExitCode:
    """`chatops pause`."""
    span = formatting.span(text, "--for")
    if span > pauses.LONGEST or not span:
        raise UsageError("--for takes a time up to 24h")
    database = invocation.connect("act")
    with acting.planning(invocation, database):
        pass  # what could not be done is refused before anybody is asked
    given = invocation.needed_reason(reason)
    database = invocation.connect("act")
    with acting.planning(invocation, database, moves=False):
        pauses.require(database)
    invocation.note(f"For {formatting.duration(span)} no operator gets a chat; replies, messages and heartbeats go on.")
    if not invocation.consent("Pause the queue", yes=yes):
        return ExitCode.OK
    done = pauses.begin(database, invocation.provenance, span, given)
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
    told = f"Operators get chats again, action {done.action_id}." if done else "The queue was not paused; nothing was changed."
    invocation.tell(told, paused=False, action_id=done.action_id if done else None)
    return ExitCode.OK
