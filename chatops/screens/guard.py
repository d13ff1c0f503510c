"""The answer of `guard`: the switch, and what the guards refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chatops import formatting
from chatops.chats.guards import Guards
from chatops.checks.guards_there import Guarding
from chatops.model import Answer, Column, Line, Span, Table, Text

MOST = 5
"""As many things that do not work are named."""
COLUMNS = [
    Column("refusals", "refused", "number"),
    Column("meaning", "because they", audience="people"),
    Column("reason", "reason", audience="machines"),
]


def answer(found: Guards, guarding: Guarding, now: datetime | None, here: Callable[..., str]) -> Answer:
    """`chatops guard`; `here` makes a command line for this database."""
    data = {
        "installed": found.installed,
        "guards": "off" if found.off else "on",
        "until": found.switch.until if found.off and found.switch else None,
        "broken": [{"code": code, "says": says} for code, says in guarding.broken],
        **({"untold": guarding.unknown} if guarding.unknown else {}),
        **({"unknown": list(found.away)} if found.away else {}),
    }
    if not found.installed:
        return Answer("guard", [Text(["no guards: migration 022 is not in"])], data, now)
    lines: list[Line] = ["the guards are on"]
    if found.off and found.switch is not None:
        switch = found.switch
        left = f"for another {formatting.age(now, switch.until)}" if switch.until else "until somebody switches them on"
        lines = [
            [Span("the guards are OFF ", "critical"), Span(left)],
            f"switched by {formatting.visible(switch.set_by)}: {formatting.visible(switch.reason or 'no reason given')}",
            [Span(here("guard", "on"), "code")],
        ]
    elif guarding.broken:
        lines = [
            [
                Span("the guards do not all work: ", "critical"),
                Span(f"{formatting.count(len(guarding.broken))} of what they need"),
            ]
        ]
    elif guarding.unknown:
        lines = [
            [
                Span("the guards are switched on; UNKNOWN whether they work: ", "warning"),
                Span(formatting.visible(guarding.unknown)),
            ]
        ]
    lines += _broken(guarding, here)
    if found.away:
        lines.append(f"UNKNOWN: what was refused on {', '.join(found.away)}, which the coordinator does not reach")
    table = Table("refusals", COLUMNS, found.refusals, title="Refused since the guards count", empty="nothing was refused yet")
    return Answer("guard", [Text(lines), table], data, now)


def _broken(guarding: Guarding, here: Callable[..., str]) -> list[Line]:
    """What does not work, and the command that has what mends each."""
    if not guarding.broken:
        return []
    lines: list[Line] = [f"  {line}" for line in formatting.first_lines([says for _, says in guarding.broken], MOST)]
    codes = dict.fromkeys(code for code, _ in guarding.broken)
    return [*lines, [Span("mend: "), Span(here("diagnose", *(word for code in codes for word in ("--only", code))), "code")]]


def still_broken(
    said: str, guarding: Guarding, now: datetime | None, here: Callable[..., str], data: dict[str, object]
) -> Answer:
    """`guard on` where the switch is on, and what it switches does not work, or nobody can tell; `said` is about the switch."""
    if not guarding.broken:
        lines: list[Line] = [
            [Span(f"{said}; UNKNOWN whether the guards work: ", "warning"), Span(formatting.visible(guarding.unknown or ""))]
        ]
    else:
        count = formatting.count(len(guarding.broken))
        lines = [[Span(f"{said}, but the guards do not all work: ", "critical"), Span(f"{count} of what they need")]]
        lines += _broken(guarding, here)
    broken = [{"code": code, "says": says} for code, says in guarding.broken]
    return Answer("guard", [Text(lines)], {"off": False, **data, "broken": broken}, now)
