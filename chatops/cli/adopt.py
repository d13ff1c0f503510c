"""`chatops adopt`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode, UsageError
from chatops.flows.run import Invocation

if TYPE_CHECKING:
    from chatops.db import Database
    from chatops.migrations.source import Folder


@command(
    examples=[
        "chatops adopt",
        "chatops --env production adopt --through 016 --yes",
        "chatops adopt --dir supabase/migrations",
        "chatops adopt --ledger-only --yes",
    ],
    exits="0 taken over, or nothing to decide · 1 a file is partial or in conflict · 4 refused · 5 another migrator was at work",
    formats=DOCUMENT_FORMATS,
)
def adopt(
    ctx: typer.Context,
    through: Annotated[str | None, typer.Option(metavar="N", help="State it by hand: the files up to this one are in.")] = None,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="FILE", help="Take a partial or conflicting file as it is.")
    ] = None,
    ledger_only: Annotated[bool, typer.Option("--ledger-only", help="Make ledger and audit, record no file.")] = False,
    edited: Annotated[
        list[str] | None, typer.Option("--edited", metavar="FILE", help="Take an edited file's present text for the applied one.")
    ] = None,
    forget: Annotated[
        list[str] | None, typer.Option("--forget", metavar="FILE", help="Take a file that vanished out of the ledger.")
    ] = None,
    directory: Annotated[Path | None, typer.Option("--dir", metavar="FOLDER", help="Numbered .sql files of your own.")] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="What the ledger calls --dir.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show how a function's body differs from the file's.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show; never ask.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Record without asking.")] = False,
) -> ExitCode:
    """Proves from the catalog which files a database has, and records them as applied; runs none of them.

    applied: all that it makes is there · pending: nothing · partial: something is missing · conflict: a function has another
    body · unprovable: it moves data only. Without --yes nothing is written; off a terminal it only shows.
    """
    from chatops.flows.folder import folder_options
    from chatops.migrations.source import chosen

    invocation = invocation_of(ctx)
    invocation.check_output()
    if ledger_only and (through is not None or accept or diff):
        raise UsageError("--ledger-only records no file: leave out --through, --accept and --diff")
    if through is not None and accept:
        raise UsageError("--through takes every file up to there as it is: leave out --accept")
    if (edited or forget) and (through is not None or accept or ledger_only or diff):
        raise UsageError("--edited and --forget correct the ledger and nothing else: leave the other options out")
    folder = chosen(directory, source)
    database = invocation.connect("migrate")
    if edited or forget:
        return correct_ledger(invocation, database, folder, edited or [], forget or [], dry_run=dry_run, yes=yes)
    if ledger_only:
        return make_ledger(invocation, database, dry_run=dry_run, yes=yes)
    here = invocation.here("adopt", *folder_options(directory, source))
    return take_over(
        invocation, database, folder, here, through=through, accept=accept or [], diff=diff, dry_run=dry_run, yes=yes
    )


def take_over(
    invocation: Invocation, database: Database, folder: Folder, here: str, *, through: str | None, accept: list[str],
    diff: bool, dry_run: bool, yes: bool,
) -> ExitCode:  # fmt: skip
    """Surveys, shows, asks, records."""
    from chatops.migrations import adopt as adoption
    from chatops.migrations import ledger
    from chatops.migrations.source import revision_of
    from chatops.render.failure import failure

    before = ledger.read(database)
    invocation.banner(database)
    found = adoption.survey(database, folder, before)
    choice = adoption.choose(found, through=through, accept=accept)
    again = " ".join([here, *(["--through", quoted(through)] if through else []), *(f"--accept {quoted(one)}" for one in accept)])
    for warning in adoption.stated_warnings(choice):
        invocation.warn(warning)
    if choice.undecided:
        invocation.show(adoption.answer(found, choice, written=False, here=again, diff=diff))
        refusal = adoption.undecided(found, choice, here)
        if yes:
            raise refusal
        for line in failure(refusal):
            invocation.note(line)
        return ExitCode.FOUND
    if choice.nothing or dry_run or not (yes or invocation.interactive):
        invocation.show(adoption.answer(found, choice, written=False, here=again, diff=diff))
        return ExitCode.OK
    if not yes:
        invocation.show(adoption.answer(found, choice, written=False, here=again, diff=diff, asked=True))
        if not invocation.consent("Record this", yes=False, always=True):
            invocation.note("nothing was changed")
            return ExitCode.REFUSED
    run = ledger.Run("adopt", invocation.provenance.annotations(), revision_of(folder.path))
    adoption.record(database, found, choice, run)
    if yes:
        invocation.show(adoption.answer(found, choice, written=True, here=again, diff=diff))
    invocation.note(f"recorded; go on: {invocation.here('migrate', *here.partition(' adopt')[2].split())}")
    return ExitCode.OK


def correct_ledger(
    invocation: Invocation, database: Database, folder: Folder, edited: list[str], forget: list[str], *, dry_run: bool, yes: bool
) -> ExitCode:
    """The way out for files that `status` calls edited or missing, once somebody has decided that this is right."""
    from chatops.migrations import ledger
    from chatops.migrations.plan import State, plan
    from chatops.migrations.source import revision_of
    from chatops.model import Answer, Text

    before = ledger.read(database)
    invocation.banner(database)
    made = plan(folder, before.rows)
    known = {entry.name: entry for entry in made.of(State.EDITED, State.REFORMATTED, State.MISSING)}
    wanted = [(name.removesuffix(".sql"), "edited") for name in edited] + [
        (name.removesuffix(".sql"), "missing") for name in forget
    ]
    for name, what in wanted:
        state = known[name].state if name in known else None
        if (what == "missing") != (state is State.MISSING) or state is None:
            raise UsageError(f"{name} is not {what}: chatops status shows the state of each file")
    told = [
        f"{name}: {'its present text counts as the one that was applied' if what == 'edited' else 'the ledger forgets it'}"
        for name, what in wanted
    ]
    if dry_run:
        invocation.show(Answer("adopt", [Text([*told, "Nothing was changed."])], {"corrected": 0, "dry_run": True}))
        return ExitCode.OK
    if not yes:
        for line in told:
            invocation.note(line)
    if not invocation.consent("Correct the ledger, and nothing else,", yes=yes, always=True):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    run = ledger.Run("adopt", invocation.provenance.annotations(), revision_of(folder.path))
    for name, _ in wanted:
        ledger.correct(database, known[name], run)
    invocation.show(
        Answer(
            "adopt",
            [Text([*(told if yes else []), "The ledger is corrected; nothing else was changed."])],
            {"corrected": len(wanted)},
        )
    )
    return ExitCode.OK


def make_ledger(invocation: Invocation, database: Database, *, dry_run: bool, yes: bool) -> ExitCode:
    """Makes chatops's own schema, and records nothing."""
    from chatops.migrations import ledger
    from chatops.model import Answer, Text

    before = ledger.read(database)
    invocation.banner(database)
    if before.exists:
        invocation.show(Answer("adopt", [Text(["The ledger and the audit are there."])], {"recorded": 0}))
        return ExitCode.OK
    if dry_run:
        lines = ["Would make the ledger and the audit; records no file. Nothing was changed."]
        invocation.show(Answer("adopt", [Text(lines)], {"recorded": 0, "dry_run": True}))
        return ExitCode.OK
    if not invocation.consent("Make the ledger and the audit, in a schema of their own,", yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    ledger.create(database)
    invocation.show(Answer("adopt", [Text(["The ledger and the audit are there now."])], {"recorded": 0}))
    return ExitCode.OK


def quoted(text: str) -> str:
    """A word of a command line that pastes."""
    import shlex

    return shlex.quote(text)
