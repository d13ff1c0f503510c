"""`chatops guard`."""

from __future__ import annotations

from datetime import timedelta

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode, UsageError
from chatops.flows.run import Invocation


@command(
    examples=["chatops guard", "chatops guard off --for 30m --reason 'app release 2.14 sends late replies'", "chatops guard on"],
    exits="0 on, or switched · 1 they are off (guard alone) · 2 usage · 4 refused: no guards in this database",
    formats=DOCUMENT_FORMATS,
)
def guard(
    ctx: typer.Context,
    switch: str = typer.Argument("", metavar="[on|off]", help="Switch them; without it: their state and what they refused."),
    span: str = typer.Option("30m", "--for", metavar="TIME", help="For how long off; at most a day."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    reason: str | None = typer.Option(None, "--reason", metavar="TEXT", help="Kept in the log; needed to switch off."),
) -> ExitCode:
    """Migrations 018 and up guard the tables against stale writes of the application; this is their emergency switch.

    It works at once and on open connections, needs no superuser, ends by itself, and is logged.
    What keeps rows consistent stays on.
    """
    from chatops import formatting

    invocation = invocation_of(ctx)
    if switch not in ("", "on", "off"):
        raise UsageError(f"guard takes on or off, not “{formatting.visible(switch)}”")
    if switch == "":
        return _show(invocation)
    return (
        _off(invocation, formatting.span(span, "--for"), yes=yes, reason=reason) if switch == "off" else _on(invocation, reason)
    )


def _show(invocation: Invocation) -> ExitCode:
    from chatops import formatting
    from chatops.chats import guards
    from chatops.model import Answer, Column, Line, Span, Table, Text

    with invocation.reading() as database:
        found = guards.state(database)
    columns = [
        Column("operator_id", "operator", "id"),
        Column("operator_name", "name", "person"),
        Column("refusals", "refused", "number"),
        Column("meaning", "because they", audience="people"),
        Column("reason", "reason", audience="machines"),
        Column("last_hour", "last", "age"),
    ]
    lines: list[Line] = []
    if not found.installed:
        lines.append("no guards: migration 022 is not in")
    elif found.off and found.switch is not None:
        switch = found.switch
        left = (
            f"for another {formatting.age(invocation.now, switch.until)}" if switch.until else "until somebody switches them on"
        )
        lines.append([Span("the guards are OFF ", "critical"), Span(left)])
        lines.append(f"switched by {formatting.visible(switch.set_by)}: {formatting.visible(switch.reason or 'no reason given')}")
        lines.append([Span(invocation.here("guard", "on"), "code")])
    else:
        lines.append("the guards are on")
    data = {
        "installed": found.installed,
        "guards": "off" if found.off else "on",
        "until": found.switch.until if found.off and found.switch else None,
    }
    table = Table(
        "refusals", columns, found.refusals, title="Refused in the last day", empty="nothing was refused in the last day"
    )
    invocation.show(Answer("guard", [Text(lines), table] if found.installed else [Text(lines)], data, invocation.now))
    return ExitCode.FOUND if found.off else ExitCode.OK


def _off(invocation: Invocation, span: timedelta, *, yes: bool, reason: str | None) -> ExitCode:
    from chatops import formatting
    from chatops.chats import guards

    if span > guards.LONGEST or not span:
        raise UsageError("--for takes at most 24h: what must stay off for longer is a change of the application")
    given = (reason or "").strip() or invocation.ask("Reason (kept in the log):", "--reason")
    if not given:
        raise UsageError("a reason is needed; nothing was changed")
    invocation.note(f"For {formatting.duration(span)} late replies and stale writes of the application are obeyed as before 022.")
    if not invocation.consent("Switch the guards off", yes=yes):
        return ExitCode.OK
    database = invocation.connect("act")
    done = guards.switch_off(database, invocation.provenance, span, given)
    invocation.banner(database)
    again = invocation.here("guard", "on")
    invocation.emit(f"The guards are off until {formatting.instant(done.until)}, action {done.action_id}. On again: {again}\n")
    return ExitCode.OK


def _on(invocation: Invocation, reason: str | None) -> ExitCode:
    from chatops.chats import guards

    database = invocation.connect("act")
    done = guards.switch_on(database, invocation.provenance, reason)
    invocation.banner(database)
    invocation.emit(
        f"The guards are on, action {done.action_id}.\n" if done else "The guards were on already; nothing was changed.\n"
    )
    return ExitCode.OK
