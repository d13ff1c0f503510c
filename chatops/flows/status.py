"""`chatops status`: reads the ledger, and says of each file what has become of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chatops.errors import ExitCode
from chatops.flows.folder import folder_options
from chatops.flows.run import Invocation
from chatops.migrations import ledger
from chatops.migrations.plan import plan
from chatops.migrations.source import chosen
from chatops.screens import status as screen


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """What was asked for on the command line."""

    to: str | None
    directory: Path | None
    source: str | None
    exit_code: bool
    everything: bool


def status(invocation: Invocation, options: StatusOptions) -> ExitCode:
    """Every file with its state; 1 with --exit-code where something is to be done."""
    folder = chosen(options.directory, options.source)
    database = invocation.connect("read")
    before = ledger.read(database)
    invocation.banner(database)
    own = folder_options(options.directory, options.source)
    found = screen.status(
        folder, before, plan(folder, before.rows, options.to), whole=options.everything or invocation.format() != "table",
        adopt=invocation.here("adopt", *own), migrate=invocation.here("migrate", *own),
    )  # fmt: skip
    invocation.show(found.answer)
    return found.code if options.exit_code else ExitCode.OK
