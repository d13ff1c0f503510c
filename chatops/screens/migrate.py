"""Plans and runs of migrations, laid out for people and programs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.frozen import frozen
from chatops.later import later
from chatops.migrations import from_then_on, views
from chatops.migrations.plan import Entry, State, not_applied, short, told_apart
from chatops.migrations.source import DEPLOYED, SHIPPED
from chatops.model import Answer, Column, Line, Span, Style, Table, Text
from chatops.screens.lines import described

if TYPE_CHECKING:  # a run that has nothing to do needs nothing of what applies files
    from chatops.migrations.events import Done
    from chatops.migrations.heard import Said
    from chatops.migrations.lost_rights import RoleLoses
    from chatops.migrations.plan_locks import PlanLocks
    from chatops.migrations.prepare import Prepared
    from chatops.migrations.repair_counts import RepairCount
    from chatops.migrations.run import MigrationOutcome
    from chatops.screens import lost_rights, plan_locks, plan_summary
    from chatops.screens.plan_locks import Ways
else:
    lost_rights = later("chatops.screens.lost_rights")
    plan_locks, plan_summary = later("chatops.screens.plan_locks"), later("chatops.screens.plan_summary")

LONGEST_SAID = 300
ORDERS = {"number": ", by number", "name": ", in the order of their names"}
MODES = {"statements": "statement by statement", "batched": "in batches", "repairs": "in batches"}


@frozen
class PlannedRow:
    """A file that would be applied; `rows` is how many its repairs find, None where that is not counted; `waits` whom it keeps
    waiting, and what is lost by it; `from_then_on` what callers notice of a shipped one."""

    name: str
    state: str
    mode: str
    statements: int
    effect: str
    notes: tuple[str, ...]
    rows: int | None
    waits: dict[str, object]
    from_then_on: tuple[str, ...]


Told = tuple["PlanLocks", "Ways"]
"""Who waits for the files of a plan, and the command lines that go with it."""


def plan_lines(prepared: Prepared, width: int, counts: Mapping[str, RepairCount], told: Told | None = None) -> list[Line]:
    """What would be applied: a headline, then a line per file; `width` in columns, 0 for endless.

    `counts` are the rows that the repairs of files find, where they were counted; `told` is who waits meanwhile, where it was
    looked for. Then the files have their numbers alone on a terminal, where each says what it does.
    """
    plan = prepared.plan
    called = (
        str
        if told is None or not width or any(_says_nothing(entry) for entry in plan.apply)
        else told_apart(entry.name for entry in plan.apply)
    )
    last = f"{formatting.visible(short(plan.last_in.name))} is the last one in" if plan.last_in else "none is in yet"
    lines: list[Line] = []
    if plan.apply:
        order = "" if prepared.folder.source == SHIPPED else ORDERS[prepared.folder.order]
        lines += [f"{formatting.plural(len(plan.apply), 'file')} to apply from {plan.source}{order} ({last}):", ""]
        files = [(called(entry.name), _effect(entry, counts.get(entry.name), told is None)) for entry in plan.apply]
        lines += described(files, width)
    if prepared.distributes:
        lines = ["the schema becomes a tenant of the Citus cluster: its tables go to one worker", "", *lines]
    if prepared.views:
        if lines:
            lines.append("")
        names = ", ".join(view.name for view in prepared.views)
        then = "then " if plan.apply else ""
        number = formatting.plural(len(prepared.views), "view or reading function", "views and reading functions")
        text = f"{then}{number}, new or changed: {names}"
        lines += textwrap.wrap(text, width or 10_000, subsequent_indent="  ")
    return [*lines, *plan_locks.lines(prepared, told[0], counts, told[1], width)] if told is not None else lines


def _says_nothing(entry: Entry) -> bool:
    return entry.file is None or not entry.file.reading.effect


def _effect(entry: Entry, count: RepairCount | None, alone: bool) -> str:
    assert entry.file is not None
    reading = entry.file.reading
    told = formatting.visible(reading.effect or formatting.plural(len(reading.statements), "statement"))
    mode = MODES.get(reading.mode)
    notes = [mode] if mode and alone else []
    if entry.state is State.HALF_DONE and entry.row:
        of = "" if reading.repairs is not None else f" after {entry.row.steps_done} of {len(reading.statements)}"
        notes.append(f"goes on{of}")
    elif entry.state is State.LATE:
        notes.append("late")
    if count is not None and alone:
        notes.append(_to_mend(count))
    notes += reading.notes
    if not reading.statements and reading.repairs is None:
        notes.append("nothing to run")
    return f"{told} ({', '.join(notes)})" if notes else told


def _to_mend(count: RepairCount) -> str:
    """How many rows a file is about to write; about, where each repair was counted by itself.

    >>> from chatops.migrations.repair_counts import RepairCount
    >>> _to_mend(RepairCount({"CHAT003": 2, "CONF001": 1})), _to_mend(RepairCount({"CHAT003": 2}, ("DATA001",)))
    ('3 rows to mend', '2 rows to mend, DATA001 not counted')
    """
    known = sum(count.found.values())
    told = count.in_words if known or not count.uncounted else ""
    if not known and not count.uncounted:
        return "nothing to mend"
    few = ", ".join(count.uncounted) if len(count.uncounted) <= 3 else formatting.plural(len(count.uncounted), "repair")
    return ", ".join(part for part in (told, f"{few} not counted" if count.uncounted else "") if part)


def plan_answer(prepared: Prepared, width: int, again: str, counts: Mapping[str, RepairCount], told: Told) -> Answer:
    """The dry run."""
    rows = [
        PlannedRow(
            entry.name,
            entry.state.value,
            entry.file.reading.mode,
            len(entry.file.reading.statements),
            entry.effect,
            entry.file.reading.notes,
            counts[entry.name].rows if entry.name in counts else None,
            plan_locks.as_data(told[0].files[entry.name]),
            from_then_on.of(entry.name) if prepared.folder.source == SHIPPED else (),
        )
        for entry in prepared.plan.apply
        if entry.file is not None
    ]
    lines: list[Line] = plan_lines(prepared, width, counts, told) or [nothing_line(prepared)]
    if not prepared.nothing:  # the answer first: how much, who waits, who loses what; then all of it
        lines = [*plan_summary.lines(prepared, told[0], counts, told[1], width, where="below"), "", *lines]
        lines += ["", formatting.visible(prepared.plan.beyond)] if prepared.plan.beyond else []
        lines += [""]
        lines += [from_then_on.BRING] if prepared.plan.may_stay else []
        stay = f"One may stay at {DEPLOYED}, or apply them: " if prepared.plan.may_stay else "Apply them: "
        lines += [[Span(f"Nothing was changed. {stay}"), Span(again, "code")]]
    columns = [
        Column("name", "file"), Column("state", "state"), Column("mode", "mode"), Column("statements", "statements", "number"),
        Column("effect", "effect"), Column("notes", "notes", audience="machines"), Column("rows", "rows", "number"),
        Column("waits", "who waits", "data", "machines"), Column("from_then_on", "noticed from then on", "data", "machines"),
    ]  # fmt: skip
    return Answer(
        "migrate",
        [Table("pending", columns, rows, audience="machines"), Text(lines)],
        {"dry_run": True, "repairs": {name: dict(count.found) for name, count in counts.items()},
         "views": [view.name for view in prepared.views], "left": [entry.name for entry in prepared.plan.left],
         "met": dict(told[1].met), "roles": lost_rights.as_data(told[1].losses),
         "figures": [asdict(one) for one in told[1].figures.changed],
         "warnings": [f"{p.where}: {p.message}" for p in prepared.problems], "order": prepared.folder.order,
         "left_alone": list(prepared.folder.left_alone), "undoing": [one.name for one in prepared.folder.undoing]},
        prepared.ledger.facts.now,
    )  # fmt: skip


def nothing_answer(prepared: Prepared) -> Answer:
    """A run that had nothing to do."""
    data = {"by_others": [], "left": [entry.name for entry in prepared.plan.left], "seconds": 0.0}
    body: list[Table | Text] = [Table("applied", _APPLIED, (), audience="machines"), Text([nothing_line(prepared)])]
    return Answer("migrate", body, data, prepared.ledger.facts.now)


def nothing_line(prepared: Prepared) -> str:
    """That there is nothing to do, and why that is right."""
    plan = prepared.plan
    last = formatting.visible(plan.last_in.name) if plan.last_in else "no file"
    beyond = "".join(f" {formatting.visible(told)}" for told in (plan.beyond, plan.not_taken_back) if told)
    return f"Nothing to apply: {last} is the last one in.{beyond}"


def outcome_answer(
    prepared: Prepared, outcome: MigrationOutcome, seconds: float, verify: str, report: str, psql: str,
    log: tuple[str, str], losses: Sequence[RoleLoses] = (),
) -> Answer:  # fmt: skip
    """What a run did, which roles can do less now, and the commands that prove it, tell others, and (`psql`) run a grant.

    `log` are the commands that list what was logged, and that show one of it before and after.
    """
    files = [done for done in outcome.done if done.kind == "file"]
    made = [done for done in outcome.done if done.kind == "view"]
    distributed = any(done.kind == "step" for done in outcome.done)
    told = [formatting.plural(len(files), "file")] if files or not (made or distributed) else []
    told += views.counted(done.name for done in made)
    told += ["the schema distributed"] if distributed else []
    line = f"{', '.join(told[:-1])}{' and ' if told[1:] else ''}{told[-1]} in {formatting.duration(seconds)}"
    within = formatting.duration(sum(done.duration_ms for done in (*files, *made)) / 1000)
    line += f", {within} of it in the files." if (files or made) and within != formatting.duration(seconds) else "."
    if files:
        line += f" {_rows(files, ', with what goes with them') or 'No row changed'}; {_locks_had(outcome.done)}."
    if outcome.by_others:
        line += f" {formatting.plural(len(outcome.by_others), 'file')} went in by another migrator meanwhile."
    if outcome.left:
        line += f" {formatting.visible(not_applied(prepared.plan.to, outcome.left))}"
    check: list[Line] = [line, *(lost_rights.since_now(losses, psql) if losses else ())]
    if prepared.folder.source == SHIPPED:
        if any(done.mends and done.rows for done in files):
            check += [[Span(f"Each row that it {_did(files)}, with its number: "), Span(log[0], "code")],
                      [Span("One of them, before and after: "), Span(log[1], "code")]]  # fmt: skip
        check += [[Span("Prove it: "), Span(verify, "code")], [Span("A page for others: "), Span(report, "code")]]
    data = {
        "by_others": list(outcome.by_others), "left": list(outcome.left), "seconds": round(seconds, 3),
        "said": [asdict(one) for one in outcome.said], "roles": [asdict(one) for one in losses],
    }  # fmt: skip
    now = prepared.ledger.facts.now
    return Answer("migrate", [Table("applied", _APPLIED, outcome.done, audience="machines"), Text(check)], data, now)


def _rows(files: Sequence[Done], beside: str = "") -> str:
    """What became of how many rows; `beside`: what is said of those that were mended.

    >>> from chatops.migrations.events import Done
    >>> _rows([Done("a", "file", "", 0, 0, 2), Done("b", "file", "", 0, 0, 5, mends=True, filled=4)], ", with more")
    '2 rows changed, 4 rows filled in and 1 row mended, with more'
    >>> _rows([Done("b", "file", "", 0, 0, 4, mends=True, filled=4)]), _rows([Done("a", "file", "", 0, 0, 0)])
    ('4 rows filled in', '')
    """
    filled = sum(done.filled for done in files)
    mended = sum(done.rows for done in files if done.mends) - filled
    changed = sum(done.rows for done in files if not done.mends)
    counted = ((changed, "changed"), (filled, "filled in"), (mended, f"mended{beside}"))
    told = [f"{formatting.plural(number, 'row')} {done}" for number, done in counted if number]
    return " and ".join(one for one in (", ".join(told[:-1]), *told[-1:]) if one)


def _did(files: Sequence[Done]) -> str:
    """What the repairs of these files did.

    >>> from chatops.migrations.events import Done
    >>> _did([Done("b", "file", "", 0, 0, 5, mends=True, filled=4)]), _did([Done("b", "file", "", 0, 0, 4, mends=True, filled=4)])
    ('filled in or mended', 'filled in')
    """
    filled, rows = sum(done.filled for done in files), sum(done.rows for done in files if done.mends)
    return " or ".join(done for done, number in (("filled in", filled), ("mended", rows - filled)) if number)


def _locks_had(done: Sequence[Done]) -> str:
    """Whether locks were waited for, and so whether anybody can have waited longer than one short try."""
    tries = sum(one.attempts - 1 for one in done)
    if not tries:
        return "every lock was had at the first try"
    waited = formatting.duration(sum(one.waited_ms for one in done) / 1000)
    return f"for locks it waited {waited}, in {formatting.plural(tries, 'further try', 'further tries')}"


_APPLIED = (
    Column("name", "file"), Column("kind", "kind"), Column("duration_ms", "ms"), Column("waited_ms", "waited ms"),
    Column("attempts", "attempts", "number"), Column("rows", "rows", "number"), Column("effect", "effect"),
)  # fmt: skip


def done_line(done: Done) -> Line:
    """One file that is in now."""
    waited = f" after {formatting.duration(done.waited_ms / 1000)} of waiting" if done.attempts > 1 else ""
    changed = f"{_rows([done])}   " if done.rows else ""
    return [
        Span("  ✓ ", "ok"),
        Span(f"{formatting.visible(done.name):<28}  {changed}{formatting.duration(done.duration_ms / 1000)}{waited}"),
    ]


def said_line(said: Said) -> Line:
    """One kind of thing that the server said in a file."""
    more = f" ({left} like it)" if (left := formatting.and_more(said.times - 1)) else ""
    extra = "".join(f"  {label}: {text}" for label, text in (("detail", said.detail), ("hint", said.hint)) if text)
    text = formatting.shortened(f"{said.message}{extra}", LONGEST_SAID)
    style: Style = "warning" if said.loud else "dim"
    return [Span(f"       {formatting.visible(said.file)}:{said.line}  "), Span(said.severity, style), Span(f"  {text}{more}")]
