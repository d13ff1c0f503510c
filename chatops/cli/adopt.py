"""`chatops adopt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chatops.cli.invocation import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode, UsageError


@command(
    examples=["chatops adopt --through 016", "chatops --env production adopt --through 016 --yes", "chatops adopt --ledger-only"],
    exits="0 taken over, or nothing was left to take over · 4 refused · 5 another migrator was at work",
    formats=DOCUMENT_FORMATS,
)
def adopt(
    ctx: typer.Context,
    through: Annotated[str | None, typer.Option(metavar="N", help="Record the files up to this one as applied.")] = None,
    ledger_only: Annotated[bool, typer.Option("--ledger-only", help="Make ledger and audit, record no file.")] = False,
    directory: Annotated[Path | None, typer.Option("--dir", metavar="FOLDER", help="Numbered .sql files of your own.")] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="What the ledger calls --dir.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be recorded.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> ExitCode:
    """Records files as applied that a database got by other means; runs none of them.

    Nothing but chatops's own schema is written.
    """
    from chatops import words
    from chatops.migrations import ledger, screens
    from chatops.migrations.plan import State, destination, plan
    from chatops.migrations.source import chosen, revision_of
    from chatops.model import Answer, Text

    invocation = invocation_of(ctx)
    invocation.check_output()
    if (through is None) == (not ledger_only):
        raise UsageError("say what to take over: --through N, or --ledger-only for the ledger and the audit alone")
    folder = chosen(directory, source)
    database = invocation.connect("migrate")
    before = ledger.read(database)
    invocation.banner(database)
    made = plan(folder, before.rows)
    if through is None:
        files = []
        lines = ["The ledger and the audit are there."] if before.exists else ["makes the ledger and the audit, records no file"]
    else:
        last = destination(folder, through)
        files = [entry.file for entry in made.of(State.PENDING, State.LATE) if entry.file and entry.file.key <= last]
        lines = [f"{words.plural(len(files), 'file')} of {folder.source} to record as applied, none of them is run:", ""]
        lines += [f"  {file.name}" for file in files]
    table = screens.adopted_table(files)
    if (not files and through is not None) or (through is None and before.exists):
        invocation.show(Answer("adopt", [table, Text(["Nothing to take over: the ledger has it all."])], {"recorded": 0}))
        return ExitCode.OK
    if dry_run:
        invocation.show(Answer("adopt", [table, Text([*lines, "", "Nothing was changed."])], {"recorded": 0, "dry_run": True}))
        return ExitCode.OK
    for line in lines:
        invocation.note(line)
    if not invocation.consent("Record this", yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    run = ledger.Run("adopt", invocation.provenance.annotations(), revision_of(folder.path))
    recorded = ledger.adopt(database, files, run) if files else 0
    if not files:
        ledger.create(database)
    told = f"{words.plural(recorded, 'file')} recorded as applied." if files else "The ledger and the audit are there now."
    invocation.show(Answer("adopt", [table, Text([f"{told} Go on: {invocation.here('migrate')}"])], {"recorded": recorded}))
    return ExitCode.OK
