"""What `adopt` does: survey, show, ask, record; and what corrects the ledger."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chatops import formatting
from chatops.checks import safety
from chatops.db import Database
from chatops.errors import ExitCode, RefusedError, UsageError
from chatops.flows import tenants
from chatops.flows.acting import told_when_stopped
from chatops.flows.ahead import refuse_ahead
from chatops.flows.folder import FolderOptions, folder_options, pin
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.adopt import for_history, record, survey
from chatops.migrations.carry_over import carried_over, carry_over_texts
from chatops.migrations.fitness import refuse_odd_strings, refuse_unfit
from chatops.migrations.plan import Entry, State, destination, plan
from chatops.migrations.proposal import propose
from chatops.migrations.source import Folder, revision_of
from chatops.model import Answer, Span, Text
from chatops.render.failure import failure
from chatops.screens.adopt import AdoptLook, answer, files_beyond, in_short, not_in, stated_warnings, undecided
from chatops.screens.tenants_files import ADOPT
from chatops.tables_there import require_place


@frozen
class AdoptRequest:
    """What was asked for."""

    to: str | None
    through: str | None
    accept: Sequence[str]
    ledger_only: bool
    edited: Sequence[str]
    forget: Sequence[str]
    directory: Path | None
    source: str | None
    diff: bool
    dry_run: bool
    yes: bool


def run(invocation: Invocation, asked: AdoptRequest) -> ExitCode:
    """`chatops adopt`."""
    corrects = bool(asked.edited or asked.forget)
    if asked.ledger_only and (asked.through is not None or asked.accept or asked.diff):
        raise UsageError("--ledger-only records no file: leave out --through, --accept and --diff")
    if asked.through is not None and asked.accept:
        raise UsageError("--through takes every file up to there as it is: leave out --accept")
    if corrects and (asked.through is not None or asked.accept or asked.ledger_only or asked.diff):
        raise UsageError("--edited and --forget correct the ledger and nothing else: leave the other options out")
    if invocation.has_tenants:  # those that record go one by one: they share the ledger
        most = 1 if asked.yes else tenants.MOST_JOBS
        return tenants.over_all(invocation, lambda one: run(one, asked), ADOPT, most_jobs=most)
    folder = FolderOptions(asked.directory, asked.source).folder(invocation.configuration)
    database = invocation.connect("migrate")
    require_place(database, database.glance())
    if corrects:
        return correct_ledger(invocation, database, folder, asked)
    if asked.ledger_only:
        return make_ledger(invocation, database, asked)
    return take_over(invocation, database, folder, asked)


def take_over(invocation: Invocation, database: Database, folder: Folder, asked: AdoptRequest) -> ExitCode:
    """Surveys, shows, asks, records."""
    if asked.to is not None:
        destination(folder, asked.to)  # refuses a name that no file has
    known = carried_over(ledger.read(database), folder)
    invocation.banner(database)
    refuse_unfit(database, known.ledger.facts, folder)
    refuse_odd_strings(database, known.ledger.facts, folder.files, "nothing was recorded")
    with invocation.seeing():
        found = survey(database, folder, known.ledger)
    proposal = propose(folder, found.judgement, through=asked.through, accept=asked.accept)
    told = for_history(found, proposal.files)
    own = [*pin(asked.to), *folder_options(asked.directory, asked.source)]
    given = [
        *(["--through", asked.through] if asked.through else []),
        *(part for one in asked.accept for part in ("--accept", one)),
    ]
    here = invocation.here("adopt", *own, *map(shlex.quote, given))
    migrate = invocation.here("migrate", *own)
    width = invocation.medium().width if invocation.format() == "table" else 0
    look = AdoptLook(found, proposal, told, here, migrate, diff=asked.diff, width=width, to=asked.to)
    for warning in stated_warnings(proposal):
        invocation.warn(warning)
    if proposal.stated and not asked.diff:
        invocation.note([Span("what differs: "), Span(f"{here} --diff --dry-run", "code")])
    if proposal.blocked:
        show_paged(invocation, answer(look))
        refusal = undecided(look)
        if asked.yes:
            raise refusal
        for line in failure(refusal):
            invocation.note(line)
        return ExitCode.FOUND
    if not (proposal.files or told.told) or asked.dry_run or not (asked.yes or invocation.interactive):
        show_paged(invocation, answer(look))
        return ExitCode.OK
    if not asked.yes:
        invocation.show(answer(replace(look, asked=True)))
        against = f", {len(proposal.stated)} of them against what the database shows," if proposal.stated else ""
        makes = "" if known.ledger.exists else " in a schema chatops that it makes"
        if invocation.interactive:
            invocation.note([Span(in_short(look), "strong")])
        if not invocation.consent(f"Record this{against or makes}", yes=False, always=True):
            invocation.note("nothing was changed")
            return ExitCode.REFUSED
    refuse_ahead(database)
    run_of = _run_of(invocation, folder)
    ledger.write(database, carry_over_texts(database.target.schema, folder, known.sources), run_of)
    record(database, found, proposal, told, run_of)
    with told_when_stopped(invocation, lambda: "the files were recorded", [("Go on", migrate)]):
        safety.keep(database, functions=True)
    if asked.yes:
        invocation.show(answer(replace(look, written=True)))
    late = " --allow-out-of-order" if proposal.late else ""
    if asked.to is not None and not not_in(look):
        done = f"Recorded. Nothing is left to apply up to --to {formatting.visible(asked.to)}. Check it: "
        said = [Span(done), Span(invocation.here("verify", "schema"), "code")]
        if files_beyond(look):
            migrate = invocation.here("migrate", *folder_options(asked.directory, asked.source), "--dry-run")
            said += [Span(" · what is later: "), Span(migrate, "code")]
        invocation.note(said)
    else:
        invocation.note([Span("recorded; what is next: "), Span(f"{migrate}{late} --dry-run", "code")])
    return ExitCode.OK


def _run_of(invocation: Invocation, folder: Folder) -> ledger.Run:
    return ledger.Run("adopt", invocation.provenance.annotations(), revision_of(folder.path))


def correct_ledger(invocation: Invocation, database: Database, folder: Folder, asked: AdoptRequest) -> ExitCode:
    """The way out for files that `status` calls edited or missing, and for a wrong adopt, once somebody has decided."""
    known = carried_over(ledger.read(database), folder)
    invocation.banner(database)
    entries = plan(folder, known.ledger.rows).entries
    wanted = [(_found(entries, name, State.EDITED, State.REFORMATTED), "edited") for name in asked.edited]
    wanted += [(_found(entries, name, State.MISSING, State.ADOPTED), "forget") for name in asked.forget]
    refuse_run_since([entry for entry, what in wanted if what == "forget"], entries)
    said = {"edited": "its present text counts as the one that was applied", "forget": "the ledger forgets it"}
    told = [f"{entry.name}: {said[what]}" for entry, what in wanted]
    if asked.dry_run:
        invocation.show(Answer("adopt", [Text([*told, "Nothing was changed."])], {"corrected": 0, "dry_run": True}))
        return ExitCode.OK
    if not asked.yes:
        for line in told:
            invocation.note(line)
    if not invocation.consent("Correct the ledger, and nothing else,", yes=asked.yes, always=True):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    refuse_ahead(database)
    run_of = _run_of(invocation, folder)
    ledger.write(database, carry_over_texts(database.target.schema, folder, known.sources), run_of)
    for entry, what in wanted:
        ledger.correct(database, entry if what == "edited" else replace(entry, file=None), run_of)
    lines = [*(told if asked.yes else []), "The ledger is corrected; nothing else was changed."]
    invocation.show(Answer("adopt", [Text(lines)], {"corrected": len(wanted)}))
    return ExitCode.OK


_IS = {
    State.PENDING: "is pending",
    State.APPLIED: "was applied",
    State.ADOPTED: "was adopted",
    State.EDITED: "was applied and edited since",
    State.REFORMATTED: "was applied",
    State.MISSING: "was applied and is missing from the folder",
    State.LATE: "is not applied",
    State.HALF_DONE: "stopped in the middle",
}
_WHY_NOT = "--forget takes back a wrong adopt, or a file of the ledger that has gone from the folder; it undoes no migration"


def _found(entries: Sequence[Entry], name: str, *states: State) -> Entry:
    """The entry that a name or number means, if it is in one of these states."""
    plain = name.removesuffix(".sql")
    found = [one for one in entries if one.name == plain] or [
        one for one in entries if plain.isdigit() and one.number == int(plain) and one.state in states
    ]
    if len(found) != 1 or found[0].state not in states:
        there = [one for one in entries if one.name == plain or (plain.isdigit() and one.number == int(plain))]
        what = " or ".join(state.value for state in states if state is not State.REFORMATTED)
        if not there:
            raise UsageError(f"neither the folder nor the ledger has a file {name}: chatops status lists them")
        raise UsageError(
            f"{there[0].name} {_IS[there[0].state]}, not {what}",
            details=[_WHY_NOT] if State.MISSING in states else [],
            next_steps=[("the state of each file", "chatops status")],
        )
    return found[0]


def refuse_run_since(forgotten: Sequence[Entry], entries: Sequence[Entry]) -> None:
    """Refuses to take an adopt back when files were run on the strength of it. Raises RefusedError."""
    adopted = [entry.row.started_at for entry in forgotten if entry.row is not None and entry.state is State.ADOPTED]
    since = [
        entry.name for entry in entries
        if adopted and entry.row is not None and entry.row.state != "adopted" and entry.row.started_at > min(adopted)
    ]  # fmt: skip
    if since:
        raise RefusedError(
            f"{', '.join(since)} ran after the adopt; nothing was changed",
            details=["what ran may build on the files that would be forgotten: a file of its own has to put it right"],
        )


def make_ledger(invocation: Invocation, database: Database, asked: AdoptRequest) -> ExitCode:
    """Makes chatops's own schema, and records nothing."""
    before = ledger.read(database)
    invocation.banner(database)
    if before.exists:
        invocation.show(Answer("adopt", [Text(["The ledger and the audit are there."])], {"recorded": 0}))
        return ExitCode.OK
    if asked.dry_run:
        lines = ["Would make the ledger and the audit; records no file. Nothing was changed."]
        invocation.show(Answer("adopt", [Text(lines)], {"recorded": 0, "dry_run": True}))
        return ExitCode.OK
    if not invocation.consent("Make the ledger and the audit, in a schema of their own,", yes=asked.yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    refuse_ahead(database)
    ledger.create(database)
    invocation.show(Answer("adopt", [Text(["The ledger and the audit are there now."])], {"recorded": 0}))
    return ExitCode.OK
