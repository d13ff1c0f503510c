"""`chatops status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode


@command(
    examples=[
        "chatops status",
        "chatops --env production status --to 017 --exit-code",
        "chatops status --dir supabase/migrations -o json",
    ],
    exits="0 the database could be read · with --exit-code: 1 something is pending, late, half-done, edited or missing",
)
def status(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Option(metavar="N|latest", help="The last file that has to be in: number or name.")] = None,
    directory: Annotated[Path | None, typer.Option("--dir", metavar="FOLDER", help="Numbered .sql files of your own.")] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="What the ledger calls --dir.")] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 when something is to be done.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every applied file, on a terminal too.")] = False,
) -> ExitCode:
    """Every migration file with its state: applied, pending, edited, missing, late or half-done."""
    from chatops.cli.arguments import folder_options
    from chatops.migrations import ledger
    from chatops.migrations.plan import plan
    from chatops.migrations.source import chosen
    from chatops.screens import migrate

    invocation = invocation_of(ctx)
    invocation.check_output()
    folder = chosen(directory, source)
    database = invocation.connect("read")
    before = ledger.read(database)
    invocation.banner(database)
    whole = everything or invocation.format() != "table"
    own = folder_options(directory, source)
    found = migrate.status(
        folder, before, plan(folder, before.rows, to), whole=whole,
        adopt=invocation.here("adopt", *own), migrate=invocation.here("migrate", *own),
    )  # fmt: skip
    invocation.show(found.answer)
    return found.code if exit_code else ExitCode.OK
