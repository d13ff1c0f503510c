"""What `guard` does: show the guards' switch, turn it off for a while, turn it on."""

from __future__ import annotations

from chatops import formatting
from chatops.chats import guards
from chatops.checks import guards_there
from chatops.errors import ExitCode, RefusedError, UsageError
from chatops.flows import acting
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.model import Span
from chatops.screens import guard as screen


def guard(invocation: Invocation, switch: str, span: str, *, yes: bool, reason: str | None) -> ExitCode:
    """`chatops guard`: shows where `switch` is empty, else turns it on or off."""
    match switch:
        case "":
            return _show(invocation)
        case "off":
            return _off(invocation, span, yes=yes, reason=reason)
        case "on":
            return _on(invocation, reason)
    raise UsageError(f"guard takes on or off, not “{formatting.visible(switch)}”{formatting.did_you_mean(switch, ('on', 'off'))}")


def _show(invocation: Invocation) -> ExitCode:
    with invocation.reading() as database:
        found = guards.state(database)
        guarding = guards_there.look(database) if found.installed else guards_there.Guarding()
    show_paged(invocation, screen.answer(found, guarding, invocation.now, invocation.here))
    wrong = found.off or guarding.broken or guarding.unknown
    return ExitCode.UNREACHABLE if found.away else ExitCode.FOUND if wrong else ExitCode.OK


def _off(invocation: Invocation, text: str, *, yes: bool, reason: str | None) -> ExitCode:
    database, span, given = acting.for_a_while(
        invocation, text, reason, guards.require, longest=guards.LONGEST,
        more=": what must stay off for longer is a change of the application",
    )  # fmt: skip
    invocation.note(
        f"For {formatting.duration(span)} late replies and stale writes of the application are accepted, as before migration 022."
    )
    if not invocation.consent("Switch the guards off", yes=yes):
        raise RefusedError("nothing was changed")
    done = guards.switch_off(database, invocation.provenance, span, given)
    told = [Span(f"The guards are off until {formatting.instant(done.until)}, action {done.action_id}. On again: ")]
    told.append(Span(invocation.here("guard", "on"), "code"))
    invocation.tell(told, off=True, until=done.until, action_id=done.action_id)
    return ExitCode.OK


def _on(invocation: Invocation, reason: str | None) -> ExitCode:
    database = invocation.connect("act")
    with acting.planning(invocation, database, logged=False, moves=False):
        guards.require(database)
    done = guards.switch_on(database, invocation.provenance, reason)
    with database.reading():
        guarding = guards_there.look(database)
    works = not (guarding.broken or guarding.unknown)
    said = f"The switch is on, action {done.action_id}" if done else "The switch was on already"
    if works:
        said = f"The guards are on, action {done.action_id}." if done else "The guards were on already; nothing was changed."
        invocation.tell(said, off=False, works=True, action_id=done.action_id if done else None)
        return ExitCode.OK
    data: dict[str, object] = {"action_id": done.action_id if done else None, "works": None if not guarding.broken else False}
    invocation.show(screen.still_broken(said, guarding, invocation.now, invocation.here, data))
    return ExitCode.FOUND
