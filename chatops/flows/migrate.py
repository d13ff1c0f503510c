"""`chatops migrate` with the person: looks, says what it would do, asks, applies it, and says what it did."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.db import Database
from chatops.errors import ExitCode, UsageError
from chatops.flows import ahead
from chatops.flows.ahead import refuse_ahead
from chatops.flows.folder import FolderOptions, pin
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.later import later
from chatops.migrations import ledger
from chatops.migrations.ledger import Run
from chatops.migrations.lost_rights import RoleLoses, lost_rights, still_lost
from chatops.migrations.prepare import MigrationRequest, Prepared, prepare, refuse_problems
from chatops.migrations.source import SHIPPED, revision_of
from chatops.model import Text
from chatops.screens import migrate as screen
from chatops.screens.folder import folder_notes
from chatops.settings import Target

if TYPE_CHECKING:  # files that are applied, many tenants, one file again, the text for psql, what a plan would mend
    from chatops.checks import before_files, safety
    from chatops.flows import again, going_back, migrate_fleet, pager, plan_looks, tell_migration
    from chatops.migrations import figures_after, plan_locks, psql_text, repair_counts, run
    from chatops.screens import figures_after as figures_screen
    from chatops.screens import lost_rights as lost_screen
    from chatops.screens import plan_locks as plan_screen
    from chatops.screens import plan_summary
else:
    again, safety = later("chatops.flows.again"), later("chatops.checks.safety")
    before_files = later("chatops.checks.before_files")
    going_back = later("chatops.flows.going_back")
    migrate_fleet, tell_migration = later("chatops.flows.migrate_fleet"), later("chatops.flows.tell_migration")
    pager, plan_locks = later("chatops.flows.pager"), later("chatops.migrations.plan_locks")
    figures_screen = later("chatops.screens.figures_after")
    lost_screen, plan_screen = later("chatops.screens.lost_rights"), later("chatops.screens.plan_locks")
    plan_looks, plan_summary = later("chatops.flows.plan_looks"), later("chatops.screens.plan_summary")
    figures_after = later("chatops.migrations.figures_after")
    psql_text, repair_counts = later("chatops.migrations.psql_text"), later("chatops.migrations.repair_counts")
    run = later("chatops.migrations.run")


RUNS = ("psql", "--write", "--", "-c")
"""How a command begins that runs a statement."""


@frozen
class MigrateOptions:
    """What was asked for on the command line."""

    to: str | None
    folder: FolderOptions
    dry_run: bool
    yes: bool
    max_wait: str
    statement_timeout: str | None
    allow_out_of_order: bool
    strict: bool
    all_schemas: str | None
    jobs: int
    canary: int
    max_failures: int | None
    quiet: bool
    show: str | None
    again: str | None
    back: str | None = None

    def request(self, target: Target) -> MigrationRequest:
        """The same for one database, with the command lines that go with it."""

        def here(*parts: str) -> str:
            return " ".join(part for part in ("chatops", target.flags, *parts) if part)

        own = [*pin(self.to), *self.folder.words()]
        timeout = formatting.span(self.statement_timeout, "--statement-timeout") if self.statement_timeout is not None else None
        return MigrationRequest(
            to=self.to,
            max_wait=formatting.span(self.max_wait, "--max-wait").total_seconds(),
            allow_out_of_order=self.allow_out_of_order,
            strict=self.strict,
            statement_timeout=f"{int(timeout.total_seconds() * 1000)}ms" if timeout is not None else None,
            again=here("migrate", *own, *(["--allow-out-of-order"] if self.allow_out_of_order else [])),
            adopt=here("adopt", *own),
            diagnose=here("diagnose"),
            reads_only=self.dry_run,
        )


def migrate(invocation: Invocation, options: MigrateOptions) -> ExitCode:
    """Opens, plans, asks, applies, shows; for several databases or schemas each by itself."""
    as_sql = invocation.format() == "sql"
    of_one_file = options.show is not None or options.again is not None or options.back is not None
    if of_one_file and (options.to is not None or options.all_schemas):
        raise UsageError("--show, --again and --back are about one file of one database: leave out --to and --all-schemas")
    if options.show is not None:
        return again.show_file(invocation, options.folder.folder(invocation.configuration), options.show)
    if options.back is not None:
        return going_back.back(invocation, options.folder, options.back)
    if (as_sql and not options.dry_run) or any(name == "sql" for name, _ in invocation.writes()):
        raise UsageError("-o sql shows the text of a dry run on stdout: add --dry-run")
    if options.again is not None:
        return again.again(invocation, options.folder, options.again, dry_run=options.dry_run, yes=options.yes)
    listed = options.folder.listed(invocation.configuration)
    if options.all_schemas is not None or invocation.has_tenants:
        targets = migrate_fleet.targets_of(invocation, options.all_schemas)
        if as_sql:
            raise UsageError("-o sql shows the text for one database: name one")
        return migrate_fleet.migrate_all(
            invocation,
            targets,
            listed.folder,
            options.request,
            how=migrate_fleet.FleetOptions(options.jobs, options.canary, options.max_failures),
            dry_run=options.dry_run,
            yes=options.yes,
            quiet=options.quiet,
        )
    request = options.request(invocation.target)
    database = invocation.connect("migrate")
    before = ledger.read(database, lambda: listed.folder)
    folder = listed.folder
    invocation.banner(database, ahead_told=True)
    if newer := ahead.read_already(database, before.rows):
        invocation.warn(ahead.told(newer))
    prepared = prepare(database, before, folder, request)
    warn(invocation, prepared)
    losses = lost_rights(database, prepared) if not prepared.nothing else []
    if not invocation.interactive or options.yes or as_sql:
        warn_of_losses(invocation, losses if as_sql or not options.dry_run else ())
    if newer and not options.dry_run and not prepared.nothing:
        refuse_ahead(database, newer)
    refuse_problems(prepared)
    if as_sql:
        text = psql_text.exact_text(prepared, request, _this_run(invocation, prepared), database.target.schema)
        invocation.emit(text)
    elif options.dry_run:
        counts = repair_counts.count_repairs(database, prepared)
        told = _who_waits(invocation, database, prepared, options, request, losses, counts)
        width = invocation.medium().width
        pager.show_paged(invocation, screen.plan_answer(prepared, width, request.again, counts, told))
    elif prepared.nothing:
        if (prepared.carried or prepared.by_history) and (options.yes or not invocation.target.production):
            refuse_ahead(database, newer)
            teller = tell_migration.Teller(invocation, quiet=options.quiet)
            run.apply(database, prepared, request, _this_run(invocation, prepared), teller)
        invocation.show(screen.nothing_answer(prepared))
    else:
        refuse_ahead(database, newer)
        counts, decides = {}, None
        if invocation.interactive and not options.yes:  # counting reads all messages: only for somebody who is about to decide
            counts = repair_counts.count_repairs(database, prepared)
            decides = _who_waits(invocation, database, prepared, options, request, losses, counts)
        return go(
            invocation, database, prepared, request, yes=options.yes, quiet=options.quiet, counts=counts, told=decides,
            losses=losses,
        )  # fmt: skip
    return ExitCode.OK


def _who_waits(
    invocation: Invocation, database: Database, prepared: Prepared, options: MigrateOptions, request: MigrationRequest,
    losses: Sequence[RoleLoses], counts: Mapping[str, repair_counts.RepairCount],
) -> screen.Told:  # fmt: skip
    """Looked for only where somebody is about to decide: it takes a look at each statement."""
    own = [*pin(options.to), *options.folder.words()]
    ways = plan_screen.Ways(
        rehearse=invocation.here("rehearse", *own),
        diagnose=invocation.here("diagnose"),
        remove=invocation.here("remove", "--dry-run"),
        back=invocation.here("migrate", *options.folder.words(), "--back"),
        log=invocation.here("log"),
        whole=f"{request.again} --dry-run -o json",
        psql=invocation.here(*RUNS),
        max_wait=request.max_wait,
        met=plan_looks.met(database, prepared),
        no_roles=plan_looks.missing_roles(database, prepared),
        losses=losses,
        figures=figures_after.figures_after(database, prepared, counts),
    )
    return plan_locks.plan_locks(database, prepared, leave=True), ways


def _this_run(invocation: Invocation, prepared: Prepared) -> Run:
    """As the ledger is to know it."""
    return Run("migrate", invocation.provenance.annotations(), revision_of(prepared.folder.path))


def go(
    invocation: Invocation, database: Database, prepared: Prepared, request: MigrationRequest, *, yes: bool, quiet: bool,
    counts: Mapping[str, repair_counts.RepairCount], told: screen.Told | None = None, losses: Sequence[RoleLoses] = (),
) -> ExitCode:  # fmt: skip
    """Shows the plan, asks, applies it."""
    width = invocation.medium().width
    lines = [*screen.plan_lines(prepared, width, counts, told), ""]
    if invocation.interactive and not yes:  # the last lines, all of it in short, stand right above the question
        lines += plan_summary.lines(prepared, told[0], counts, told[1], width) if told is not None else []
        pager.show_beside(invocation, [Text(lines)])
    else:
        for line in lines:
            invocation.note(line)
    if not invocation.consent(f"Apply {plan_summary.these(prepared)}", yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    # Only for somebody who sits there: a look takes as long as verify, and what reads logs has a receipt of deploy.
    notes = invocation.interactive and not yes and prepared.folder.source == SHIPPED and prepared.ledger.facts.has_chats
    was = before_files.look(database) if notes else None
    figures = figures_screen.changed(told[1].figures, prepared.ledger.facts.now) if told is not None else ()
    started = time.monotonic()
    teller = tell_migration.Teller(invocation, quiet=quiet)
    outcome = run.apply(database, prepared, request, _this_run(invocation, prepared), teller)
    seconds = time.monotonic() - started
    if prepared.folder.source == SHIPPED:
        safety.keep(database)
        if was is not None:
            before_files.keep(database, was, figures)
    lost = still_lost(database, losses)
    prove, page = invocation.here("verify", "schema"), invocation.here("report", "--last")
    runs, log = invocation.here(*RUNS), (invocation.here("log", "--full"), invocation.here("log", "NUMBER"))
    invocation.show(screen.outcome_answer(prepared, outcome, seconds, prove, page, runs, log, lost))
    return ExitCode.OK


def warn_of_losses(invocation: Invocation, losses: Sequence[RoleLoses]) -> None:
    """Names who can do less once the files are in, with the grants that keep it, where no plan is shown that says it."""
    for one in losses:
        psql = invocation.here(*RUNS)
        keeps = "; ".join(f"{label}: {lost_screen.runs(psql, grant)}" for label, grant in lost_screen.grants(one))
        told = f"{one.role} ({lost_screen.who(one)}) {'; '.join(lost_screen.sentences(one))}; {keeps}"
        invocation.warn(formatting.visible(told))


def warn(invocation: Invocation, prepared: Prepared) -> None:
    """Says what does not keep a run from starting, and should be known."""
    for problem in prepared.problems:
        if problem.severity == "warning":
            invocation.warn(formatting.visible(f"{problem.where}  {problem.message}; {problem.hint}"))
    if prepared.history is not None and prepared.history.why_not is not None and prepared.plan.apply:
        invocation.warn(f"Supabase's history is not kept in step: {prepared.history.why_not}")
    for line in folder_notes(prepared.folder):
        invocation.note(line)
