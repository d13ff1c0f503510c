"""The shipped files on a database that chatops has made for itself, without a question."""

from __future__ import annotations

from chatops import formatting
from chatops.db import Database
from chatops.flows.run import Invocation
from chatops.migrations import events, ledger, source
from chatops.migrations import run as runs
from chatops.migrations.prepare import MigrationRequest, prepare, refuse_problems


def migrate_to(invocation: Invocation, database: Database, to: str) -> None:
    """Applies the shipped files up to that one, with one line about it."""
    folder = source.shipped()
    request = MigrationRequest(to=to, again=invocation.here("migrate", "--to", to), adopt=invocation.here("adopt"))
    prepared = prepare(database, ledger.read(database), folder, request)
    refuse_problems(prepared)
    run = ledger.Run(invocation.command, invocation.provenance.annotations(), source.revision_of(folder.path))
    done: list[str] = []

    def tell(event: events.Event) -> None:
        if isinstance(event, events.Done):
            done.append(event.name)

    runs.apply(database, prepared, request, run, tell)
    invocation.note(f"migrated to {to}: {formatting.plural(len(done), 'file')}")
