"""`chatops migrate --back FILE`: the statements that take a file back as it is here; nothing is changed."""

from __future__ import annotations

from chatops import db, formatting
from chatops.errors import ExitCode, RefusedError
from chatops.flows.folder import FolderOptions
from chatops.flows.run import Invocation
from chatops.migrations import ledger
from chatops.migrations.again import entry_of
from chatops.migrations.carry_over import carried_over
from chatops.migrations.going_back import forgetting, going_back, made, made_before, made_later, ours_alone
from chatops.migrations.objects_made import claims_of
from chatops.migrations.plan import State, listed, plan
from chatops.migrations.source import DEPLOYED, MigrationFile
from chatops.model import Answer, Text
from chatops.screens import going_back as screen


def back(invocation: Invocation, options: FolderOptions, name: str) -> ExitCode:
    """Writes them. Raises RefusedError for a file that nothing but another file or `remove` answers."""
    folder = options.folder(invocation.configuration)
    database = invocation.connect("migrate")
    known = carried_over(ledger.read(database), folder)
    invocation.banner(database)
    planned = plan(folder, known.ledger.rows)
    entry = entry_of(planned, name)
    called = formatting.visible(entry.name)
    if ours_alone(planned.source, entry.name):
        raise RefusedError(
            f"{called} goes with all of chatops, not by itself", next_steps=[("see", invocation.here("remove", "--dry-run"))]
        )
    if ours := [one.name for one in planned.entries if one.state.is_in and ours_alone(planned.source, one.name)]:
        # They are made on top of it, and `remove` brings back what they replaced, this file's functions among it.
        raise RefusedError(
            f"{listed(ours)} stand on {called}, and go first, all together",
            next_steps=[
                ("see", invocation.here("remove", "--dry-run")),
                ("first", invocation.here("remove")),
                ("then", invocation.here("adopt", "--to", DEPLOYED)),
                ("then", invocation.here("migrate", "--back", entry.name.partition("_")[0])),
                ("and, if no schema chatops is to stay", invocation.here("remove")),
            ],
        )
    if entry.file is not None and not made(entry.file.reading) and _makes_within(entry.file):
        raise RefusedError(
            f"{called} makes its functions and views in a DO block, each only where there was none: which of them came from it"
            " nobody knows, so no SQL can take it back",
            next_steps=[("its text", invocation.here("migrate", "--show", entry.name))],
        )
    if entry.file is None or not made(entry.file.reading):
        raise RefusedError(
            f"{called} makes no function and no view: what it does to tables and rows nothing takes back but a person",
            next_steps=[
                ("its text", invocation.here("migrate", "--show", entry.name)),
                ("the next file", invocation.here("new", "NAME")),
            ],
        )
    if later := made_later(entry, planned.entries):
        raise RefusedError(
            f"{', '.join(formatting.visible(one) for one in later)} made the same since: {called} goes after that",
            next_steps=[("files from 018 on, together", invocation.here("remove", "--dry-run"))],
        )
    found = going_back(database, entry.file.reading, planned.source, entry.name, is_in=entry.state.is_in)
    number, adopted = entry.name.partition("_")[0], entry.state is State.ADOPTED
    # What a person has to take back stays in the ledger, and so does what leaves an earlier file without what it made.
    whole = not found.beyond and not (adopted and made_before(entry, planned.entries))
    forget = forgetting(database.target.schema, entry.row) if entry.row is not None and whole else ""
    late = any(other.state.is_in for other in planned.entries[planned.entries.index(entry) + 1 :])
    anew = ("--to", number, *(["--allow-out-of-order"] if late else []))
    again = invocation.here("migrate", *(anew if forget else ("--again", number)), *options.words())
    text = screen.script(
        called, found, db.identifier(database.target.schema), again, forget, is_in=entry.state.is_in, adopted=adopted
    )
    if invocation.format() in ("table", "plain", "sql"):
        invocation.emit(text)
        return ExitCode.OK
    data = {"file": entry.name, "state": entry.state.value, "statements": [*found.statements, *([forget] if forget else [])],
            "ledger_forgets": bool(forget),
            "drops": list(found.dropped), "restores": list(found.restored), "beyond_lines": list(found.beyond)}  # fmt: skip
    invocation.show(Answer("migrate", [Text(list(text.splitlines()))], data, invocation.now))
    return ExitCode.OK


def _makes_within(file: MigrationFile) -> bool:
    """Whether a file makes functions or views by statements within others."""
    return any(one.there and one.thing.kind in ("function", "view") for one in claims_of(file.reading, ("public",)).told)
