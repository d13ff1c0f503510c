"""`chatops lint`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatops.cli.options import TABLE_FORMATS, command, invocation_of
from chatops.errors import ExitCode
from chatops.flows.run import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatops.migrations.source import Folder, MigrationFile


@command(
    examples=[
        "chatops lint --all",
        "chatops lint --dir supabase/migrations",
        "chatops lint --all -o github --write junit=lint.xml",
    ],
    exits="0 nothing unsafe · 1 something is · 2 squawk (the extra `lint`) is not installed",
    formats=(*TABLE_FORMATS, "github", "junit"),
)
def lint(
    ctx: typer.Context,
    directory: Annotated[Path | None, typer.Option("--dir", metavar="FOLDER", help="Numbered .sql files of your own.")] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="What the ledger calls --dir.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every file; needs no database.")] = False,
) -> ExitCode:
    """Reads the pending files for SQL that is unsafe on a busy table, with squawk; every file where no database is named.

    A rule is silenced where it is broken, with its reason: `-- squawk-ignore RULE`. What rehearse measures, this guesses from
    the text alone.
    """
    from chatops.migrations import lint as linting
    from chatops.migrations.source import chosen

    invocation = invocation_of(ctx)
    invocation.check_output()
    folder = chosen(directory, source)
    linting.program()
    files, server, schema = (folder.files, None, invocation.schema or "public") if everything else pending(invocation, folder)
    which = "pending" if server is not None else "numbered"
    shown = [shown_path(file) for file in files]
    findings = linting.lint(files, schema=schema, server=server, shown=shown)
    invocation.show(linting.answer(findings, shown, which, invocation.medium().width))
    return ExitCode.FOUND if findings else ExitCode.OK


def pending(invocation: Invocation, folder: Folder) -> tuple[Sequence[MigrationFile], str | None, str]:
    """The pending files, the server's version and the target schema; every file, and no version, where no database is named."""
    from chatops.errors import NoDatabaseError
    from chatops.migrations import ledger
    from chatops.migrations.plan import State, plan

    try:
        database = invocation.connect("read")
    except NoDatabaseError:
        return folder.files, None, invocation.schema or "public"
    before = ledger.read(database)
    invocation.banner(database)
    open_ones = plan(folder, before.rows).of(State.PENDING, State.LATE, State.HALF_DONE)
    return [entry.file for entry in open_ones if entry.file is not None], before.facts.version.split()[0], database.target.schema


def shown_path(file: MigrationFile) -> str:
    """How an annotation names a file: from the current folder where it lies below it."""
    path = file.path.resolve()
    here = Path.cwd().resolve()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(file.path)
