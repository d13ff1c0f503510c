"""`chatops status`: reads the ledger, and says of each file what has become of it."""

from __future__ import annotations

from chatops.errors import ExitCode
from chatops.flows import ahead
from chatops.flows.folder import FolderOptions, pin
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.carry_over import carried_over
from chatops.migrations.plan import plan
from chatops.migrations.source import DEPLOYED, SHIPPED
from chatops.screens import status as screen
from chatops.tables_there import deployed, require_place, require_schema, right_database


@frozen
class StatusOptions:
    """What was asked for on the command line."""

    to: str | None
    folder: FolderOptions
    exit_code: bool
    everything: bool


def status(invocation: Invocation, options: StatusOptions) -> ExitCode:
    """Every file with its state; 1 with --exit-code where something is to be done."""
    listed = options.folder.listed(invocation.configuration)
    database = invocation.connect("read")
    before = ledger.read(database, lambda: listed.folder)
    folder = listed.folder
    invocation.banner(database, ahead_told=True)
    if newer := ahead.read_already(database, before.rows):
        invocation.warn(ahead.told(newer))
    if not before.facts.schema_there:
        with database.reading():
            require_schema(database)
    require_place(database, before.facts)
    asks = ""
    if not before.facts.has_chats and not before.exists and folder.source == SHIPPED:
        with database.reading():
            asks = right_database(database)[0]
    before = carried_over(before, folder).ledger
    if before.facts.has_supabase_history:
        # Here, not above: whoever has no such history does not pay for what reads files.
        from chatops.migrations.supabase_history import in_step, unrecorded, with_history

        before = with_history(before, unrecorded(in_step(database, folder, before), folder, before))
    own = [*pin(options.to), *options.folder.words()]
    by_hand = before.facts.has_chats and not before.knows(folder.source) and folder.source == SHIPPED
    found = screen.status(
        folder, before, plan(folder, before.rows, options.to), whole=options.everything or invocation.format() != "table",
        adopt=invocation.here("adopt", *own), migrate=invocation.here("migrate", *own),
        again=invocation.here("migrate", *options.folder.words(), "--again"), stand=deployed(database) if by_hand else DEPLOYED,
        doubt=f"This does not look like the chat platform's database: {asks}" if asks else "",
    )  # fmt: skip
    show_paged(invocation, found.answer)
    return found.code if options.exit_code else ExitCode.OK
