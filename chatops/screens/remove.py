"""`chatops remove`, laid out: what goes, what comes back, what is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from chatops import formatting
from chatops.migrations.removal import ORDER, Removal, Step
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.screens.lines import described

_COLUMNS = (
    Column("action", "action"),
    Column("kind", "kind"),
    Column("object", "object"),
    Column("loses", "what is lost", rank=1),
    Column("becomes", "how it comes back", rank=2),
)
LOST = ("column", "sequence", "schema")
"""What holds data that is nowhere else."""
MOST_TENANTS = 5
"""Other tenants that are named."""


def lines(found: Removal, width: int, whole: str, save_log: str, adopt: str) -> list[Line]:
    """What is lost and what stays, first in a sentence each; then what is lost by name, what comes back, what else goes.

    `width` in columns, 0 for endless; `whole` is the command line that names every object, `save_log` the one that
    keeps the log, "" where none is lost, `adopt` the one that begins the way back.
    """
    gone = [step for step in found.steps if step.action == "remove"]
    lost = [step for step in gone if step.kind in LOST]
    guards = any(step.kind in ("trigger", "constraint") for step in gone)
    at = f"which then stands at {found.stand} again{', as before chatops' if found.was_there else ''}"
    stays = "What stays: every table, column and row of the application, and what the files up to"
    shown: list[Line] = [
        f"Takes chatops out of schema {formatting.visible(found.schema)}, {at}. Lost for good: {_lost(lost) or 'nothing'}.",
        f"{stays} {found.stand} made; repaired rows stay repaired.",
        [Span(f"{'Nothing refuses late replies any more, nothing is logged' if guards else 'Nothing is logged any more'},"
              " and this cannot be undone.", "warning")],
    ]  # fmt: skip
    if lost:
        shown += ["", [Span("Lost, by name:", "strong")]]
        shown += described([(step.object, formatting.visible(step.loses)) for step in lost], width)
    if back := [step for step in found.steps if step.action == "restore"]:
        shown.append("")
        for becomes in dict.fromkeys(step.becomes for step in back):
            told = _named([step for step in back if step.becomes == becomes])
            shown.append([Span(f"Comes back {formatting.visible(becomes)}: ", "strong"), Span(told)])
    if rest := [step for step in gone if step.kind not in LOST]:
        shown += ["", [Span(f"Goes, too, and holds no data: {_counted(rest)}. By name: "), Span(whole, "code")]]
    shown += [formatting.visible(note) for note in found.notes]
    if found.tenants:
        named = formatting.visible(formatting.listed(found.tenants, MOST_TENANTS))
        others: list[Span] = [Span(f"Schema chatops stays for {named}")]
        others += [Span(" ("), Span(whole, "code"), Span(")")] if len(found.tenants) > MOST_TENANTS else []
        shown.append([*others, Span(": it goes with the last of them.")])
    shown += _meanwhile(found, width, adopt)
    if save_log:
        shown += ["", [Span("Keep the log first: "), Span(save_log, "code")]]
    return shown


def in_short(found: Removal) -> Line:
    """The last line before the question: how much goes and comes back, what is lost, who waits."""
    gone = [step for step in found.steps if step.action == "remove"]
    back = len(found.steps) - len(gone)
    told = formatting.plural(len(gone), "object goes", "objects go")
    told += f", {formatting.plural(back, 'comes back as it was', 'come back as they were')}" if back else ""
    lost = _lost([step for step in gone if step.kind in LOST])
    waits = "others wait for a moment" if found.locks else "nobody waits"
    return [Span(f"In short: {told}; lost for good: {lost or 'nothing'}; {waits}; there is no way back.", "strong")]


def _meanwhile(found: Removal, width: int, adopt: str) -> list[Line]:
    """Who waits while it goes, what comes first, and how to come back."""
    names = formatting.visible(", ".join(found.locks))
    who = f"reads and writes of {names}: for a moment" if found.locks else "nobody"
    tries = "All in one transaction; locks are waited for 3 s at most, then nothing is changed."
    calls = any(step.kind in ("function", "view", "column") for step in found.steps)
    code = f"First deploy the code that works with {found.stand} alone" if calls else "The code stays as it is"
    return [
        "",
        [Span("Who waits meanwhile, at most: ", "strong"), Span(f"{who}. {tries}")],
        [Span("Files and code: ", "strong"), Span(f"{code}.")],
        [Span("To come back: ", "strong"), Span(f"{adopt} --through {found.stand}", "code"), Span(" and then migrate again")],
    ]


def _lost(lost: Sequence[Step]) -> str:
    """What is lost, in words and by how many."""
    number = Counter(step.kind for step in lost)
    told = [f"the values of {formatting.plural(number['column'], 'column')}"] if number["column"] else []
    told += [formatting.plural(number["sequence"], "counter")] if number["sequence"] else []
    told += [formatting.visible(step.loses) for step in lost if step.kind == "schema"]
    return ", ".join(told)


def _named(steps: Sequence[Step]) -> str:
    """Functions without their arguments; -o json and -o sql have them."""
    return formatting.visible(", ".join(dict.fromkeys(step.object.partition("(")[0] for step in steps)))


def preview(found: Removal, command: str, shown: Sequence[Line], now: datetime | None) -> Answer:
    """What would be done."""
    if not found.steps:
        return Answer("remove", [Text(["Nothing of chatops is in this database."])], _data(found, done=False), now)
    end: list[Line] = ["", [Span("Nothing was changed. Take it out: "), Span(command, "code")]]
    return Answer("remove", [_table(found), Text([*shown, *end])], _data(found, done=False), now)


def done(found: Removal, adopt: str, now: datetime | None) -> Answer:
    """What was done."""
    said: list[Line] = [f"Took chatops out: {_counted(found.steps)}. The application's own tables, columns and rows stay."]
    said.append([Span(f"It is at {found.stand} again. To come back: "), Span(f"{adopt} --through {found.stand}", "code")])
    return Answer("remove", [_table(found), Text(said)], _data(found, done=True), now)


def _counted(steps: Sequence[Step]) -> str:
    kinds = Counter(step.kind for step in steps if step.action == "remove")
    return ", ".join(_plural(kinds[kind], kind) for kind in ORDER if kinds[kind])


def _plural(number: int, kind: str) -> str:
    many = {"index": "indexes"}.get(kind)
    return f"{number} {many}" if many and number != 1 else formatting.plural(number, kind)


def _table(found: Removal) -> Table:
    return Table("objects", _COLUMNS, found.steps, audience="machines")


def _data(found: Removal, *, done: bool) -> dict[str, object]:
    return {
        "schema": found.schema,
        "removed": done,
        "back_to": found.stand,
        "tenants": list(found.tenants),
        "notes": list(found.notes),
        "locks": list(found.locks),
    }
