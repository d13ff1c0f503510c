"""The answer of `guard`: the switch, and what the guards refused."""

from __future__ import annotations

from datetime import datetime

from chatops import formatting
from chatops.chats.guards import Guards
from chatops.model import Answer, Column, Line, Span, Table, Text

COLUMNS = [
    Column("refusals", "refused", "number"),
    Column("meaning", "because they", audience="people"),
    Column("reason", "reason", audience="machines"),
]


def answer(found: Guards, now: datetime | None, on: str) -> Answer:
    """`chatops guard`; `on` is the command that switches them on."""
    data = {
        "installed": found.installed,
        "guards": "off" if found.off else "on",
        "until": found.switch.until if found.off and found.switch else None,
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
            [Span(on, "code")],
        ]
    if found.away:
        lines.append(f"UNKNOWN: what was refused on {', '.join(found.away)}, which the coordinator does not reach")
    table = Table("refusals", COLUMNS, found.refusals, title="Refused since the guards count", empty="nothing was refused yet")
    return Answer("guard", [Text(lines), table], data, now)
