"""Everything that speaks against a run, found before its first statement and reported all at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chatops.later import later
from chatops.migrations.plan import Entry, MigrationPlan, State
from chatops.migrations.source import Folder

if TYPE_CHECKING:  # where there is a problem: it brings the scanner
    from chatops.migrations import migration_text
    from chatops.migrations.edits import Edit
    from chatops.migrations.migration_text import Problem
else:
    migration_text = later("chatops.migrations.migration_text")


def problems(folder: Folder, plan: MigrationPlan, *, strict: bool = False, allow_out_of_order: bool = False) -> list[Problem]:
    """Errors, which keep every pending file from running, and warnings, in the order of the files."""
    found: list[Problem] = list(_numbers(folder, plan, strict=strict))
    applied_now = {entry.name for entry in plan.apply}
    for entry in plan.entries:
        if entry.state in (State.EDITED, State.REFORMATTED):
            found += _edited(entry)
        elif entry.state is State.MISSING:
            found.append(_missing(folder, plan, entry))
        elif entry.state is State.LATE and not allow_out_of_order:
            newest = plan.last_in.name if plan.last_in else ""
            found.append(
                _whole(entry, "late", f"is not applied, although {newest} is",
                       "give it a number after that one, or allow it with --allow-out-of-order")
            )  # fmt: skip
        if entry.state is State.HALF_DONE:
            found += _resumed(entry)
        if entry.name in applied_now and entry.file is not None:
            found += entry.file.reading.problems
            found += _named_for_undoing(entry)
    return found


def _numbers(folder: Folder, plan: MigrationPlan, *, strict: bool) -> Iterator[Problem]:
    pending = {entry.name for entry in plan.entries if not entry.state.is_in}
    for number, names in folder.duplicates.items():
        if strict or pending & set(names):
            first = next(file for file in folder.files if file.name == names[0])
            yield migration_text.Problem(
                first.shown, None, None, "duplicate-number",
                f"{len(names)} files bear the number {number}: {', '.join(names)}; they run in the order of their names",
                "give one of them a number of its own, before it is applied anywhere",
                "error" if strict else "warning",
            )  # fmt: skip


def _edited(entry: Entry) -> Iterator[Problem]:
    assert entry.file is not None
    assert entry.row is not None
    if entry.state is State.REFORMATTED:
        hint = "nothing to do; a run does not look at it again"
        yield _whole(entry, "reformatted", "differs from its applied text in blanks or comments alone", hint, "warning")
        return
    edits = entry.file.edits(entry.row.statements)
    hint = "put the applied text back, and the change into a new file"
    if edits is None or (entry.file.reading.problems and not entry.file.reading.statements):
        yield _whole(entry, "edited", "is not the text that was applied", hint)
        return
    for edit in edits:
        yield migration_text.Problem(entry.file.shown, edit.line, 1, "edited", _edit_text(edit), hint)


def _edit_text(edit: Edit) -> str:
    what = {
        "changed": "this statement is another than the one that was applied",
        "added": "this statement was added after the file had been applied",
        "removed": f"statement {edit.index + 1} of the applied text is gone",
    }
    return what[edit.what]


def _missing(folder: Folder, plan: MigrationPlan, entry: Entry) -> Problem:
    assert folder.latest is not None
    ahead = folder.key_of(entry.name) > folder.latest.key
    if ahead:
        message = "is in the database, and later than the last file here: the database is ahead"
        hint = "use the version of the files that has it"
    else:
        message, hint = "was applied, and is gone from the folder", "bring it back from the repository's history"
    return _whole(entry, "missing", message, hint, "warning" if ahead and not plan.apply else "error")


def _resumed(entry: Entry) -> Iterator[Problem]:
    """A half-done file goes on only if nothing that is finished was edited."""
    if entry.file is None or entry.row is None or entry.row.checksum == entry.file.checksum or not entry.row.steps_done:
        return
    edits = entry.file.edits(entry.row.statements, entry.row.steps_done)
    hint = "put the finished statements back as they were; what comes after them may be edited"
    if edits is None:
        yield _whole(entry, "half-done-edited", "stopped in the middle and was edited since", hint)
        return
    for edit in edits:
        yield migration_text.Problem(entry.file.shown, edit.line, 1, "half-done-edited", "a finished statement was edited", hint)


def _named_for_undoing(entry: Entry) -> Iterator[Problem]:
    if entry.file is not None and entry.file.named_for_undoing:
        yield _whole(
            entry, "named-for-undoing", "is named as if it undid another file, and no such file stands beside it",
            "if it is a migration, say --all-files; else move it out of the folder",
        )  # fmt: skip


def _whole(entry: Entry, code: str, message: str, hint: str, severity: str = "error") -> Problem:
    shown = entry.file.shown if entry.file else f"{entry.name}.sql"
    return migration_text.Problem(shown, None, None, code, message, hint, "warning" if severity == "warning" else "error")
