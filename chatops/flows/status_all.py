"""`chatops status --all-schemas`: which files are in, for every tenant of a database, on one connection."""

from __future__ import annotations

import contextlib

from chatops.errors import ExitCode, UsageError
from chatops.flows.all_schemas import here
from chatops.flows.folder import pin
from chatops.flows.run import Invocation
from chatops.flows.status import StatusOptions
from chatops.migrations import fleet
from chatops.migrations.fleet import Fleet, Member
from chatops.migrations.ledger import Run
from chatops.migrations.prepare import MigrationRequest
from chatops.screens import all_schemas as screen


def status_all(invocation: Invocation, options: StatusOptions, pattern: str) -> ExitCode:
    """What is refused or pending by line, worst first; the others counted. 1 with --exit-code where something is to be done."""
    if invocation.schema is not None:
        raise UsageError("--schema and --all-schemas: one of them")
    folder = options.folder.folder(invocation.configuration)
    own = [*pin(options.to), *options.folder.words()]

    with contextlib.closing(invocation.connect("read")) as database, database.reading():
        invocation.banner(database)
    members = [
        Member(
            target,
            target.schema,
            MigrationRequest(options.to, again=here(target, "migrate", *own), adopt=here(target, "adopt", *own), reads_only=True),
            Run("status"),
        )
        for target in fleet.schemas(invocation.target, pattern)
    ]
    with contextlib.closing(Fleet(folder, members, 1, lambda label, event: None)) as whole:
        whole.look()
    invocation.show(screen.statuses(members, {one.target.schema: here(one.target, "status", *own) for one in members}))
    to_do = any(one.error is not None or one.pending for one in members)
    return ExitCode.FOUND if options.exit_code and to_do else ExitCode.OK
