"""`chatops rehearse`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode

PRODUCTION_HOLD = "2s"


@command(
    examples=[
        "chatops rehearse",
        "chatops --env production rehearse --max-hold 500ms",
        "chatops rehearse --dir supabase/migrations --to 017 -o json",
    ],
    exits="0 every file went through · 1 a file keeps others waiting for longer than --max-hold · 4 a file fails, or refused · "
    "5 a lock was not had within --max-wait",
    formats=DOCUMENT_FORMATS,
)
def rehearse(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Option(metavar="N|latest", help="The last file to rehearse: number or name.")] = None,
    directory: Annotated[Path | None, typer.Option("--dir", metavar="FOLDER", help="Numbered .sql files of your own.")] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="What the ledger calls --dir.")] = None,
    max_hold: Annotated[
        str | None,
        typer.Option("--max-hold", metavar="TIME", help="Hold locks no longer (on production 2s), cancel and say so."),
    ] = None,
    max_wait: Annotated[str, typer.Option("--max-wait", metavar="TIME", help="How long to wait for locks.")] = "30s",
    allow_out_of_order: Annotated[bool, typer.Option("--allow-out-of-order", help="Rehearse files that come late, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> ExitCode:
    """Runs the pending files for real in a transaction that is rolled back, and measures what they do to others.

    While it runs it holds the locks that it measures: on production for 2 s at most. Told by statement: locks, rewrites, scans,
    time; by file: whom it blocks, and for how long. Sequences keep the numbers that they gave out.
    """
    from chatops import formatting
    from chatops.flows.folder import folder_options
    from chatops.migrations import ledger
    from chatops.migrations import rehearse as rehearsals
    from chatops.migrations.prepare import MigrationRequest, prepare
    from chatops.migrations.source import chosen, revision_of
    from chatops.screens import migrate, rehearse

    invocation = invocation_of(ctx)
    invocation.check_output()
    folder = chosen(directory, source)
    if max_hold is None and invocation.target.production:
        max_hold = PRODUCTION_HOLD
    hold = None if max_hold is None else formatting.span(max_hold, "--max-hold").total_seconds()
    wait = formatting.span(max_wait, "--max-wait").total_seconds()
    adopt = invocation.here("adopt", *folder_options(directory, source))
    request = MigrationRequest(to=to, allow_out_of_order=allow_out_of_order, adopt=adopt)
    database = invocation.connect("migrate")
    before = ledger.read(database)
    invocation.banner(database)
    prepared = prepare(database, before, folder, request)
    if prepared.nothing:
        invocation.show(migrate.nothing_answer(prepared))
        return ExitCode.OK
    limit = f"for at most {formatting.duration(hold)} " if hold is not None else ""
    count = formatting.plural(len(rehearsals.pieces(prepared)), "pending file")
    question = f"Run {count} for real, holding their locks {limit}and rolling them back,"
    if not invocation.consent(question, yes=yes):
        invocation.note("nothing was run")
        return ExitCode.REFUSED
    run = ledger.Run("rehearse", invocation.provenance.annotations(), revision_of(folder.path))
    found = rehearsals.rehearse(
        database,
        prepared,
        run,
        max_hold=hold,
        max_wait=wait,
        tell=lambda line: invocation.note(f"  … {formatting.visible(line)}"),
    )
    invocation.show(rehearse.answer(found, invocation.target.name, before.facts, invocation.medium().width))
    if found.failed:
        return ExitCode.REFUSED
    return ExitCode.FOUND if found.too_long else ExitCode.OK
