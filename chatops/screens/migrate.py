"""Plans, runs and the ledger laid out for people and programs."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.errors import ExitCode
from chatops.migrations.ledger import Ledger
from chatops.migrations.plan import Entry, Plan, State, short
from chatops.migrations.source import SHIPPED, Folder, MigrationFile
from chatops.migrations.views import views
from chatops.model import Answer, Column, Line, Span, Table, Text

if TYPE_CHECKING:
    from chatops.migrations.run import Done, Outcome, Prepared

NARROW = 60
MODES = {"statements": "statement by statement", "batched": "in batches"}
ROWS_IN_FULL = 30
NEWEST = 10


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A file that would be applied."""

    name: str
    state: str
    mode: str
    statements: int
    effect: str


@dataclass(frozen=True, slots=True)
class StatusRow:
    """A file and its state; `duration` in seconds."""

    name: str
    state: str
    applied_at: datetime | None
    duration: float | None
    applied_by: str | None
    chatops_version: str | None
    effect: str


def plan_lines(prepared: Prepared, width: int) -> list[Line]:
    """What would be applied: a headline, then a line per file; `width` in columns, 0 for endless."""
    plan = prepared.plan
    last = f"{formatting.visible(short(plan.last_in.name))} is the last one in" if plan.last_in else "none is in yet"
    lines: list[Line] = []
    if plan.apply:
        lines += [f"{formatting.plural(len(plan.apply), 'file')} to apply from {plan.source} ({last}):", ""]
        lines += described([(entry.name, _effect(entry)) for entry in plan.apply], width)
    if prepared.views:
        if lines:
            lines.append("")
        names = ", ".join(view.name for view in prepared.views)
        then = "then " if plan.apply else ""
        text = f"{then}{formatting.plural(len(prepared.views), 'view')} whose text changed: {names}"
        lines += textwrap.wrap(text, width or 10_000, subsequent_indent="  ")
    return lines


def described(pairs: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """Names with a text beside each, wrapped to the width; below it where the terminal is narrow."""
    pairs = [(formatting.visible(name), text) for name, text in pairs]
    longest = min(max((len(name) for name, _ in pairs), default=0), 36)
    lines: list[Line] = []
    for name, text in pairs:
        if width and width < NARROW:
            lines.append([Span(f"  {name}", "strong")])
            lines += textwrap.wrap(text, width, initial_indent="    ", subsequent_indent="    ")
            continue
        indent = " " * (longest + 4)
        wrapped = textwrap.wrap(text, max(20, width - 1) if width else 10_000, initial_indent=indent, subsequent_indent=indent)
        rest = wrapped[0][len(indent) :] if wrapped else ""
        lines.append([Span(f"  {name:<{longest}}", "strong"), Span(f"  {rest}" if rest else "")])
        lines += wrapped[1:]
    return lines


def _effect(entry: Entry) -> str:
    assert entry.file is not None
    reading = entry.file.reading
    told = formatting.visible(reading.effect or formatting.plural(len(reading.statements), "statement"))
    mode = MODES.get(reading.mode)
    notes = [mode] if mode else []
    if entry.state is State.HALF_DONE and entry.row:
        notes.append(f"goes on after {entry.row.steps_done} of {len(reading.statements)}")
    elif entry.state is State.LATE:
        notes.append("late")
    return f"{told} ({', '.join(notes)})" if notes else told


def plan_answer(prepared: Prepared, width: int, again: str) -> Answer:
    """The dry run."""
    rows = [
        PlannedRow(entry.name, entry.state.value, entry.file.reading.mode, len(entry.file.reading.statements), entry.effect)
        for entry in prepared.plan.apply
        if entry.file is not None
    ]
    lines: list[Line] = plan_lines(prepared, width) or [nothing_line(prepared)]
    if not prepared.nothing:
        lines += ["", [Span("Nothing was changed. Apply them: "), Span(again, "code")]]
    columns = [
        Column("name", "file"), Column("state", "state"), Column("mode", "mode"), Column("statements", "statements", "number"),
        Column("effect", "effect"),
    ]  # fmt: skip
    return Answer(
        "migrate",
        [Table("pending", columns, rows, audience="machines"), Text(lines)],
        {"dry_run": True, "views": [view.name for view in prepared.views], "left": [e.name for e in prepared.plan.left],
         "warnings": [f"{p.where}: {p.message}" for p in prepared.problems]},
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
    left = (
        f"; {formatting.plural(len(plan.left), 'file')} beyond the goal {'is' if len(plan.left) == 1 else 'are'} left"
        if plan.left
        else ""
    )
    return f"Nothing to apply: {last} is the last one in{left}."


def outcome_answer(prepared: Prepared, outcome: Outcome, seconds: float, verify: str) -> Answer:
    """What a run did."""
    files = [done for done in outcome.done if done.kind == "file"]
    made = [done for done in outcome.done if done.kind == "view"]
    told = [formatting.plural(len(files), "file")] if files or not made else []
    told += [formatting.plural(len(made), "view")] if made else []
    line = f"{' and '.join(told)} in {formatting.duration(seconds)}."
    if outcome.by_others:
        line += f" {formatting.plural(len(outcome.by_others), 'file')} went in by another migrator meanwhile."
    if outcome.left:
        line += f" Left beyond the goal: {formatting.visible(', '.join(outcome.left))}."
    check: list[Line] = [[Span(f"{line} Check it: "), Span(verify, "code")]] if prepared.folder.source == SHIPPED else [line]
    data = {"by_others": list(outcome.by_others), "left": list(outcome.left), "seconds": round(seconds, 3)}
    now = prepared.ledger.facts.now
    return Answer("migrate", [Table("applied", _APPLIED, outcome.done, audience="machines"), Text(check)], data, now)


_APPLIED = (
    Column("name", "file"), Column("kind", "kind"), Column("duration_ms", "ms"), Column("waited_ms", "waited ms"),
    Column("attempts", "attempts", "number"), Column("rows", "rows", "number"), Column("effect", "effect"),
)  # fmt: skip


def done_line(done: Done) -> Line:
    """One file that is in now."""
    waited = f" after {formatting.duration(done.waited_ms / 1000)} of waiting" if done.attempts > 1 else ""
    changed = f"{formatting.plural(done.rows, 'row')} changed   " if done.rows else ""
    return [
        Span("  ✓ ", "ok"),
        Span(f"{formatting.visible(done.name):<28}  {changed}{formatting.duration(done.duration_ms / 1000)}{waited}"),
    ]


def adopted_table(files: Sequence[MigrationFile]) -> Table:
    """The files that an adoption records, for programs."""
    return Table("adopted", [Column("name", "file"), Column("number", "number", "number")], files, audience="machines")


# -- status -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Status:
    """Where a database stands: the answer and how a script should take it."""

    answer: Answer
    code: ExitCode


def status(folder: Folder, ledger: Ledger, plan: Plan, *, adopt: str, migrate: str, whole: bool) -> Status:
    """Every file with its state; `whole` lists all of them, else the newest applied ones and all that are not plainly in.

    `adopt` and `migrate` are the command lines for these files on this database.
    """
    unknown = ledger.facts.has_chats and not ledger.knows(folder.source) and (folder.source == SHIPPED or not ledger.rows)
    # Views go in after the newest file only: short of it, nothing is to be done about them.
    changed = [] if plan.left else [view for view in views(ledger, plan) if view.changed]
    rows = [_status_row(entry, "unknown" if unknown else entry.state.value) for entry in plan.entries]
    shown = rows if whole or len(rows) <= ROWS_IN_FULL else _worth_showing(rows)
    columns = [
        Column("name", "file"), Column("state", "state"), Column("applied_at", "applied", "age"),
        Column("duration", "took", "duration"), Column("applied_by", "by"),
        Column("chatops_version", "chatops", audience="machines"), Column("effect", "effect", audience="machines"),
    ]  # fmt: skip
    odd = [state for state in (State.EDITED, State.REFORMATTED, State.MISSING, State.LATE, State.HALF_DONE) if plan.of(state)]
    pending = plan.apply
    lines: list[Line] = [_headline(folder, plan, ledger, unknown=unknown)]
    if unknown:
        lines.append([Span("  take it over: "), Span(adopt, "code")])
    after: list[Line] = []
    if len(shown) < len(rows):
        after.append(f"{formatting.plural(len(rows) - len(shown), 'earlier file')} not shown (--all)")
    for state in odd:
        after.append([Span(f"{state.value}", "warning"), Span(f"  {state.meaning}")])
        if (way_out := _CORRECTIONS.get(state)) is not None:
            label, option = way_out
            files = " ".join(f"{option} {shlex.quote(formatting.visible(entry.name))}" for entry in plan.of(state))
            after.append([Span(f"  {label}: "), Span(f"{adopt} {files}", "code")])
    if not unknown and ledger.exists and changed and not pending:
        after.append(f"{formatting.plural(len(changed), 'view')} to install again: {', '.join(view.name for view in changed)}")
    if folder.left_alone:
        after.append(f"without a number, and left alone: {formatting.visible(', '.join(folder.left_alone))}")
    for number, names in folder.duplicates.items():
        after.append(f"warning: {len(names)} files bear the number {number:03}: {formatting.visible(', '.join(names))}")
    if pending and not unknown:
        to = f" --to {shlex.quote(formatting.visible(plan.apply[-1].name))}" if plan.left else ""
        after.append([Span("apply them: "), Span(f"{migrate}{to}", "code")])
    waiting = bool(pending or odd != [state for state in odd if state is State.REFORMATTED] or unknown
                   or (changed and folder.source == SHIPPED))  # fmt: skip
    data = {
        "source": folder.source, "schema": None, "ledger": ledger.exists, "last_in": plan.last_in.name if plan.last_in else None,
        "pending": len(pending), "views_changed": [view.name for view in changed], "left_alone": list(folder.left_alone),
    }  # fmt: skip
    del data["schema"]
    body: list[Table | Text] = [Text(lines), Table("files", columns, shown)]
    if after:
        body.append(Text(["", *after]))
    return Status(Answer("status", body, data, ledger.facts.now), ExitCode.FOUND if waiting else ExitCode.OK)


_CORRECTIONS = {
    State.EDITED: ("if it is right as it is", "--edited"),
    State.MISSING: ("if it is gone for good", "--forget"),
}


def _headline(folder: Folder, plan: Plan, ledger: Ledger, *, unknown: bool) -> str:
    if unknown:
        return "The chat tables are there, but no ledger says which files made them."
    pending = plan.apply
    last = f"{formatting.visible(plan.last_in.name)} is the last one in" if plan.last_in else "no file is in"
    told = f"{formatting.plural(len(pending), 'file is', 'files are')} pending" if pending else "nothing is pending"
    beyond = f"; {len(plan.left)} more beyond the one asked for" if plan.left else ""
    return f"{folder.source}: {last}, {told}{beyond}."


def _status_row(entry: Entry, state: str) -> StatusRow:
    row = entry.row
    pending = entry.state in (State.PENDING, State.LATE, State.HALF_DONE)
    seconds = row.duration_ms / 1000 if row and row.duration_ms is not None else None
    return StatusRow(
        entry.name, state, row.applied_at if row else None, seconds, row.applied_by if row else None,
        row.chatops_version if row else None, entry.effect if pending else "",
    )  # fmt: skip


def _worth_showing(rows: Sequence[StatusRow]) -> list[StatusRow]:
    plain = [row for row in rows if row.state in ("applied", "adopted")]
    hidden = {row.name for row in plain[: max(0, len(plain) - NEWEST)]}
    return [row for row in rows if row.name not in hidden]
