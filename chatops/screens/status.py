"""`chatops status`, laid out: every migration file with its state, and what to do about those that are not plainly in."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.errors import ExitCode
from chatops.frozen import frozen
from chatops.later import later
from chatops.migrations.ledger import Ledger
from chatops.migrations.plan import Entry, MigrationPlan, State, stands_at, taking_over
from chatops.migrations.source import DEPLOYED, SHIPPED, Folder
from chatops.migrations.views import views
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.screens.folder import folder_notes

if TYPE_CHECKING:  # where a file was edited
    from chatops.migrations import made_again as making
else:
    making = later("chatops.migrations.made_again")

ROWS_IN_FULL = 30
NEWEST = 10
BEYOND = "not asked for"
"""The state of a file that is not in and lies beyond `--to`."""


@frozen
class StatusRow:
    """A file and its state; `duration` in seconds."""

    name: str
    state: str
    applied_at: datetime | None
    duration: float | None
    applied_by: str | None
    chatops_version: str | None
    effect: str


@frozen
class StatusAnswer:
    """Where a database stands: the answer and how a script should take it."""

    answer: Answer
    code: ExitCode


def status(
    folder: Folder, ledger: Ledger, plan: MigrationPlan, *, adopt: str, migrate: str, again: str, whole: bool,
    stand: str = DEPLOYED, doubt: str = "",
) -> StatusAnswer:  # fmt: skip
    """Every file with its state; `whole` lists all of them, else the newest applied ones and all that are not plainly in.

    `adopt` and `migrate` are the command lines for these files on this database, `again` the one to which a file's name comes;
    `stand` is how far a database without a ledger has come; `doubt` what speaks against its being the platform's at all.
    """
    unknown = ledger.facts.has_chats and not ledger.knows(folder.source) and (folder.source == SHIPPED or not ledger.rows)
    # Views go in after the newest file only: short of it, nothing is to be done about them.
    changed = [] if plan.left else [view for view in views(ledger, plan) if view.changed]
    later = {entry.name for entry in plan.left}
    rows = [_status_row(entry, "unknown" if unknown else BEYOND if entry.name in later and entry.state is State.PENDING
                        else entry.state.value) for entry in plan.entries]  # fmt: skip
    shown = rows if whole or len(rows) <= ROWS_IN_FULL else _worth_showing(rows)
    columns = [
        Column("name", "file"), Column("state", "state"), Column("applied_at", "ago", "age"),
        Column("duration", "took", "duration"), Column("applied_by", "as role"),
        Column("chatops_version", "chatops", audience="machines"), Column("effect", "effect", audience="machines"),
    ]  # fmt: skip
    odd = [state for state in (State.EDITED, State.REFORMATTED, State.MISSING, State.LATE, State.HALF_DONE) if plan.of(state)]
    pending = plan.apply
    lines: list[Line] = [*([[Span(doubt, "warning")]] if doubt else []), _headline(folder, plan, ledger, unknown=unknown)]
    if unknown and folder.source == SHIPPED:
        lines.append(f"  {stands_at(plan.to, stand)}")
    if unknown:
        lines.append([Span("  take it over: "), Span(taking_over(adopt, folder.source, plan.to, stand), "code")])
    after: list[Line] = []
    if len(shown) < len(rows):
        after.append(f"{formatting.plural(len(rows) - len(shown), 'earlier file')} not shown (--all)")
    for state in odd:
        after.append([Span(f"{state.value}", "warning"), Span(f"  {state.meaning}")])
        if (way_out := _CORRECTIONS.get(state)) is not None:
            label, option = way_out
            files = " ".join(f"{option} {shlex.quote(formatting.visible(entry.name))}" for entry in plan.of(state))
            after.append([Span(f"  {label}: "), Span(f"{adopt} {files}", "code")])
        if state is State.EDITED:
            names = [shlex.quote(formatting.visible(entry.name)) for entry in plan.of(state) if _has_functions(entry)]
            after += [[Span("  or make its functions again: "), Span(f"{again} {name} --dry-run", "code")] for name in names]
    if not unknown and ledger.exists and changed and not pending:
        after.append(f"{formatting.plural(len(changed), 'view')} to install again: {', '.join(view.name for view in changed)}")
    after += folder_notes(folder)
    for number, names in folder.duplicates.items():
        after.append(f"warning: {len(names)} files bear the number {number:03}: {formatting.visible(', '.join(names))}")
    if pending and not unknown and plan.may_stay:
        after.append([Span(f"one may stay at {DEPLOYED}; what the later files change: "), Span(f"{migrate} --dry-run", "code")])
    elif pending and not unknown:
        after.append(
            [
                Span(f"{'if it is the right one, ' if doubt else ''}apply {'it' if len(pending) == 1 else 'them'}: "),
                Span(migrate, "code"),
            ]
        )
    waiting = bool(pending or odd != [state for state in odd if state is State.REFORMATTED] or unknown
                   or (changed and folder.source == SHIPPED))  # fmt: skip
    data = {
        "source": folder.source, "ledger": ledger.exists, "last_in": plan.last_in.name if plan.last_in else None,
        "pending": len(pending), "views_changed": [view.name for view in changed], "left_alone": list(folder.left_alone),
    }  # fmt: skip
    body: list[Table | Text] = [Text(lines), Table("files", columns, shown)]
    if after:
        body.append(Text(["", *after]))
    return StatusAnswer(Answer("status", body, data, ledger.facts.now), ExitCode.FOUND if waiting else ExitCode.OK)


_CORRECTIONS = {
    State.EDITED: ("if the database is right as it is", "--edited"),
    State.MISSING: ("if it is gone for good", "--forget"),
}


def _has_functions(entry: Entry) -> bool:
    statements = entry.file.reading.statements if entry.file is not None else ()
    return any(made is not None and made.replaces for made in map(making.made_by, statements))


def _headline(folder: Folder, plan: MigrationPlan, ledger: Ledger, *, unknown: bool) -> str:
    if unknown:
        return "The chat tables are there, but no ledger says which files made them."
    pending = plan.apply
    last = f"{formatting.visible(plan.last_in.name)} is the last one in" if plan.last_in else "no file is in"
    told = f"{formatting.plural(len(pending), 'file is', 'files are')} pending" if pending else "nothing is pending"
    beyond = "".join(f" {formatting.visible(told)}" for told in (plan.beyond, plan.not_taken_back) if told)
    # Whose files these are goes without saying where they are chatops' own.
    return f"{'' if folder.source == SHIPPED else f'{folder.source}: '}{last}, {told}.{beyond}"


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
