"""What `check` does: make a database of its own, apply the folder from nothing, lint it, show one verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from chatops import formatting, settings
from chatops.errors import ExitCode, RefusedError, UsageError
from chatops.flows.connection import started
from chatops.flows.folder import FolderOptions
from chatops.flows.lint import shown_path
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.migrations.check_folder import check_folder, lacks
from chatops.migrations.ledger import Run
from chatops.migrations.lint import UnsafeStatement, lint, program
from chatops.migrations.plan import destination
from chatops.migrations.scratch import BeforeFile, scratch
from chatops.migrations.source import Folder, revision_of
from chatops.screens.check import CheckLook, answer, verdict


@frozen
class CheckRequest:
    """What was asked for. `on` is the server, None for the embedded one; `since` the first file that lint looks at."""

    folder: FolderOptions
    on: str | None
    before: Sequence[Path]
    since: str | None


def run(invocation: Invocation, asked: CheckRequest) -> ExitCode:
    """`chatops check`."""
    folder = asked.folder.folder(invocation.configuration)
    first = 0 if asked.since is None else _index(folder, asked.since)
    before = [BeforeFile(str(path), _text(path)) for path in asked.before]
    target = settings.resolve(settings.Options((asked.on or "local",)), configuration=invocation.configuration)
    if target.production and target.environment:
        raise RefusedError(f"--on names {target.environment}, a production environment; check works on a throw-away server")
    target = started(target, invocation.note)
    server = invocation.connect("migrate", target=target)
    if server.target.production and server.target.environment:  # known now that somebody answered
        raise RefusedError(
            f"--on leads to {server.target.environment}, a production environment; check works on a throw-away server"
        )
    shown = [shown_path(file) for file in folder.files]
    began = time.monotonic()
    texts = [file.reading.sent for file in folder.files]
    with invocation.under_way("checking the folder"), scratch(server, before, texts, invocation.command) as own:
        database = invocation.connect("migrate", target=own)
        facts = database.glance()
        invocation.note(f"Postgres {facts.version.split()[0]} · database {facts.database}, dropped at the end")
        missing = lacks(database, folder)
        run_of = Run("check", revision=revision_of(folder.path))
        found = check_folder(database, folder, run_of, lambda name: invocation.note(f"  … {formatting.visible(name)}"))
        database.close()
    version = facts.version.split()[0]
    unsafe, unlinted = _linted(folder, first, version, shown)
    look = CheckLook(found, shown, unsafe, unlinted, missing, version, time.monotonic() - began)
    show_paged(invocation, answer(look))
    return {"fails": ExitCode.REFUSED, "unsafe": ExitCode.FOUND, "not linted": ExitCode.FOUND, "good": ExitCode.OK}[verdict(look)]


def _index(folder: Folder, since: str) -> int:
    last = destination(folder, since)
    return next(index for index, file in enumerate(folder.files) if file.key >= last)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--before {path} cannot be read: {error}") from None


def _linted(folder: Folder, first: int, version: str, shown: Sequence[str]) -> tuple[list[UnsafeStatement], str | None]:
    """What lint finds from a file on, and why it did not look."""
    try:
        program()
    except UsageError as error:
        steps = "; ".join(f"{label}: {step}" for label, step in error.next_steps)
        return [], f"{error.message}; {steps}" if steps else error.message
    return lint(folder.files[first:], server=version, shown=shown[first:]), None
