"""The last lines before a question about files, the first of a dry run: how many, how many rows, who waits, the way back."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.migrations import views
from chatops.migrations.plan import short
from chatops.migrations.source import DEPLOYED, SHIPPED
from chatops.model import Line, Span
from chatops.screens import figures_after, lost_rights
from chatops.screens.plan_locks import CLOCKS, IN_BATCHES, MOMENT, NOBODY, waiting

if TYPE_CHECKING:  # what is only read about
    from chatops.migrations.plan_locks import PlanLocks
    from chatops.migrations.prepare import Prepared
    from chatops.migrations.repair_counts import RepairCount
    from chatops.screens.plan_locks import Ways


def these(prepared: Prepared) -> str:
    """What is about to be applied, by its number: for a question."""
    files = len(prepared.plan.apply)
    told = [formatting.plural(files, "file")] if files else []
    told += views.counted(view.name for view in prepared.views)
    return f"{', '.join(told[:-1])}{' and ' if told[1:] else ''}{told[-1]}" if told else "what changed"


def lines(
    prepared: Prepared, locks: PlanLocks, counts: Mapping[str, RepairCount], ways: Ways, width: int, *, where: str = "above"
) -> list[Line]:
    """Files, rows, who waits, what is lost, the way back; `width` in columns, 0 for endless; `where` all of it is told."""
    mended = rows(counts, fills=not prepared.ledger.facts.has_queue_clocks)
    told = f"{these(prepared)}, {mended}; {who_waits(waiting(prepared, locks))}"
    names = [entry.name for entry in prepared.plan.apply if entry.file is not None]
    lost = sum(len(locks.files[name].lost) for name in names)
    told += f"; {formatting.plural(lost, 'thing is', 'things are')} lost for good" if lost else ""
    if changed := figures_after.in_short(ways.figures):
        told += f"; figures that change, with nothing wrong: {changed}"
    found: list[Line] = [[Span(piece, "strong")] for piece in textwrap.wrap(f"In short: {told}.", width or 10_000)]
    found += lost_rights.in_short(ways.losses, ways.psql, where)
    if back := way_back(prepared, locks, ways):
        found.append([Span("Way back: "), Span(back, "code")])
    return found


def of_many(prepared: Sequence[Prepared], one: str) -> list[Line]:
    """The same for many targets: how much goes into how many; `one` is the command that tells the rest of one of them."""
    files = [len(each.plan.apply) for each in prepared]
    made = [len(each.views) for each in prepared]
    told = formatting.plural(len(prepared), "target")
    for numbers, noun in ((files, "file"), (made, "view")):
        if max(numbers, default=0):
            each = " each" if min(numbers) == max(numbers) and len(numbers) > 1 else " in all"
            number = numbers[0] if each == " each" else sum(numbers)
            told += f", {formatting.plural(number, noun)}{each if len(numbers) > 1 else ''}"
    return [
        [Span(f"In short: {told}.", "strong")],
        [Span("Rows to mend, who waits and the way back, of one of them: "), Span(one, "code")],
    ]


def rows(counts: Mapping[str, RepairCount], *, fills: bool = False) -> str:
    """How many rows are mended, in words; `fills`: those of the queue's clocks only get a value in a new column.

    >>> from chatops.migrations.repair_counts import RepairCount
    >>> rows({}), rows({"023": RepairCount({"CHAT007": 2})}), rows({"023": RepairCount({"CHAT007": 1}, ("DATA001",))})
    ('no rows to mend', '2 rows to mend', 'at least 1 row to mend')
    >>> rows({"020": RepairCount({"QUEUE012": 31})}, fills=True)
    'no rows to mend, a new column to fill in 31'
    """
    filled = sum(count.found.get(CLOCKS, 0) for count in counts.values()) if fills else 0
    number = sum(sum(count.found.values()) for count in counts.values()) - filled
    at_least = "at least " if any(count.uncounted for count in counts.values()) else ""
    about = "about " if not at_least and any(count.alone for count in counts.values()) else ""
    column = f", a new column to fill in {formatting.count(filled)}" if filled else ""
    return f"{at_least}{about}{formatting.plural(number, 'row') if number or at_least else 'no rows'} to mend{column}"


def who_waits(groups: Mapping[str, list[str]]) -> str:
    """Who waits, for the files of each such sentence.

    >>> who_waits({"nobody": ["017"]}), who_waits({"nobody": ["019"], "writes of chats: for a moment": ["018", "022"]})
    ('nobody waits', 'others wait for a moment (018 022)')
    """
    short_, longer, unknown = [], [], []
    for told, names in groups.items():
        if "not known" in told or "not all is known" in told:
            unknown += names
        elif told.endswith(MOMENT):
            short_ += names
        elif told not in (NOBODY, IN_BATCHES):
            longer += names
    parts = [f"others wait for a moment ({' '.join(short_)})"] if short_ else []
    parts += [f"others wait longer ({' '.join(longer)})"] if longer else []
    parts += [f"who waits is not known ({' '.join(unknown)})"] if unknown else []
    return ", ".join(parts) or "nobody waits"


def way_back(prepared: Prepared, locks: PlanLocks, ways: Ways) -> str:
    """The command that begins it; "" where no file goes in."""
    names = [entry.name for entry in prepared.plan.apply if entry.file is not None]
    if prepared.folder.source == SHIPPED and any(short(name) > DEPLOYED for name in names):
        return ways.remove
    if len(names) == 1 and names[0] in locks.back:
        return f"{ways.back} {names[0].partition('_')[0]}"
    return f"{ways.back} FILE" if names else ""
