"""What `rehearse` does: plan, ask, run and roll back, show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from chatops import formatting
from chatops.errors import ExitCode
from chatops.flows import tenants
from chatops.flows.folder import FolderOptions, pin
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.prepare import MigrationRequest, prepare
from chatops.migrations.rehearse import pieces, rehearse
from chatops.migrations.source import revision_of
from chatops.screens import migrate as migrate_screen
from chatops.screens.rehearse import answer
from chatops.screens.tenants_files import REHEARSE

PRODUCTION_HOLD = "2s"


@frozen
class RehearseRequest:
    """What was asked for; times as people type them."""

    to: str | None
    directory: Path | None
    source: str | None
    max_hold: str | None
    max_wait: str
    allow_out_of_order: bool
    yes: bool


def run(invocation: Invocation, asked: RehearseRequest) -> ExitCode:
    """`chatops rehearse`."""
    if invocation.has_tenants:
        if not tenants.consent(invocation, "Run the pending files for real and roll them back", yes=asked.yes):
            invocation.note("nothing was run")
            return ExitCode.REFUSED
        agreed = replace(asked, yes=True)
        return tenants.over_all(invocation, lambda one: run(one, agreed), REHEARSE, chats=False, most_jobs=1)
    options = FolderOptions(asked.directory, asked.source)
    folder = options.folder(invocation.configuration)
    longest = asked.max_hold or (PRODUCTION_HOLD if invocation.target.production else None)
    hold = None if longest is None else formatting.span(longest, "--max-hold").total_seconds()
    wait = formatting.span(asked.max_wait, "--max-wait").total_seconds()
    own = [*pin(asked.to), *options.words()]
    request = MigrationRequest(
        to=asked.to, allow_out_of_order=asked.allow_out_of_order, again=invocation.here("rehearse", *own),
        adopt=invocation.here("adopt", *own),
    )  # fmt: skip
    database = invocation.connect("migrate")
    before = ledger.read(database)
    invocation.banner(database)
    prepared = prepare(database, before, folder, request)
    if prepared.nothing:
        show_paged(invocation, migrate_screen.nothing_answer(prepared))
        return ExitCode.OK
    limit = f"for at most {formatting.duration(hold)} " if hold is not None else ""
    count = formatting.plural(len(pieces(prepared)) - bool(prepared.views), "pending file")
    count += " and the views" if prepared.views else ""
    if prepared.distributes:
        count = f"the distribution of the schema and {count}"
    question = f"Run {count} for real, holding their locks {limit}and rolling them back,"
    if not invocation.consent(question, yes=asked.yes):
        invocation.note("nothing was run")
        return ExitCode.REFUSED
    annotated = ledger.Run("rehearse", invocation.provenance.annotations(), revision_of(folder.path))
    found = rehearse(
        database, prepared, annotated, max_hold=hold, max_wait=wait,
        tell=lambda line: invocation.note(f"  … {formatting.visible(line)}"),
    )  # fmt: skip
    whole = invocation.here("rehearse", *pin(asked.to), *options.words(), "-o", "json")
    show_paged(invocation, answer(found, invocation.target.title, before.facts, invocation.medium().width, whole))
    if found.failed:
        return ExitCode.REFUSED
    return ExitCode.FOUND if found.too_long else ExitCode.OK
