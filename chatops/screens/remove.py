"""`chatops remove`, laid out: what goes, what comes back, what is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chatops import formatting
from chatops.migrations.removal import ORDER, Removal, Step
from chatops.model import Answer, Column, Line, Span, Table, Text

_COLUMNS = (
    Column("action", "action"),
    Column("kind", "kind"),
    Column("object", "object"),
    Column("loses", "what is lost", rank=1),
)
MOST_TENANTS = 5
"""Other tenants that are named."""


def lines(found: Removal) -> list[Line]:
    """Every object, those of a kind together, and what stays."""
    shown: list[Line] = [f"From schema {formatting.visible(found.schema)} would go: {_counted(found)}."]
    for kind in ORDER:
        own = [step for step in found.steps if step.kind == kind and step.action == "remove"]
        if own:
            lost = own[0].loses
            shown.append([Span(f"{kind}: ", "strong"), Span(_named(own))])
            if lost:
                shown.append(f"  lost: {formatting.visible(lost)}")
    if back := [step for step in found.steps if step.action == "restore"]:
        shown.append([Span("as before chatops: ", "strong"), Span(_named(back))])
    shown += [formatting.visible(note) for note in found.notes]
    if found.tenants:
        rest = len(found.tenants) - MOST_TENANTS
        others = formatting.visible(", ".join(found.tenants[:MOST_TENANTS]) + (f" and {rest} more" if rest > 0 else ""))
        shown.append(f"Schema chatops stays for {others}: it goes with the last of them.")
    shown.append("Tables and rows of the application stay, repaired rows stay repaired, 001 to 017 stay in.")
    shown.append([Span("From then on nothing refuses late replies, and there is no log: this cannot be undone.", "warning")])
    return shown


def _named(steps: Sequence[Step]) -> str:
    """Functions without their arguments; -o json and -o sql have them."""
    return formatting.visible(", ".join(dict.fromkeys(step.object.partition("(")[0] for step in steps)))


def preview(found: Removal, command: str) -> Answer:
    """What would be done."""
    if not found.steps:
        return Answer("remove", [Text(["Nothing of chatops is in this database."])], _data(found, done=False))
    end: list[Line] = ["", [Span("Nothing was changed. Take it out: "), Span(command, "code")]]
    return Answer("remove", [_table(found), Text([*lines(found), *end])], _data(found, done=False))


def done(found: Removal, adopt: str) -> Answer:
    """What was done."""
    said: list[Line] = [f"Took {_counted(found)} out; the application's own tables, columns and rows stay."]
    said.append([Span("To come back: "), Span(f"{adopt} --through 017", "code")])
    return Answer("remove", [_table(found), Text(said)], _data(found, done=True))


def _counted(found: Removal) -> str:
    kinds = Counter(step.kind for step in found.steps if step.action == "remove")
    return ", ".join(_plural(kinds[kind], kind) for kind in ORDER if kinds[kind])


def _plural(number: int, kind: str) -> str:
    many = {"index": "indexes"}.get(kind)
    return f"{number} {many}" if many and number != 1 else formatting.plural(number, kind)


def _table(found: Removal) -> Table:
    return Table("objects", _COLUMNS, found.steps, audience="machines")


def _data(found: Removal, *, done: bool) -> dict[str, object]:
    return {"schema": found.schema, "removed": done, "tenants": list(found.tenants), "notes": list(found.notes)}
