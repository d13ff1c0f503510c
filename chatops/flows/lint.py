"""What `lint` does: choose the files, let squawk read them, show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from chatops.errors import ExitCode, NoDatabaseError
from chatops.flows.folder import FolderOptions
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.lint import lint, program
from chatops.migrations.plan import State, plan
from chatops.migrations.source import Folder, MigrationFile
from chatops.screens.lint import answer


@frozen
class LintRequest:
    """What was asked for; `everything` is every file of the folder, without a database."""

    directory: Path | None
    source: str | None
    everything: bool


def run(invocation: Invocation, request: LintRequest) -> ExitCode:
    """`chatops lint`."""
    folder = FolderOptions(request.directory, request.source).folder(invocation.configuration)
    program()
    files, server, schema = (
        (folder.files, None, invocation.schema or "public") if request.everything else pending(invocation, folder)
    )
    which = "pending" if server is not None else "numbered"
    shown = [shown_path(file) for file in files]
    findings = lint(files, schema=schema, server=server, shown=shown)
    show_paged(invocation, answer(findings, shown, which, invocation.medium().width))
    return ExitCode.FOUND if findings else ExitCode.OK


def pending(invocation: Invocation, folder: Folder) -> tuple[Sequence[MigrationFile], str | None, str]:
    """The pending files, the server's version and the target schema; every file, and no version, where no database is named."""
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
    path = Path(os.path.realpath(file.path))  # of a link that leads to itself, too
    here = Path.cwd().resolve()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(file.path)
