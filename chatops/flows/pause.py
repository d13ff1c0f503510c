"""What `pause` and `resume` do: stop assigning for a while, and go on."""

from __future__ import annotations

from chatops import formatting
from chatops.chats import pauses
from chatops.errors import ExitCode
from chatops.flows import acting
from chatops.flows.run import Invocation
from chatops.model import Span


def pause(invocation: Invocation, text: str, *, yes: bool, reason: str | None) -> ExitCode:
    """`chatops pause`."""
    database, span, given = acting.for_a_while(invocation, text, reason, pauses.require, longest=pauses.LONGEST)
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
