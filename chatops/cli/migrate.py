"""`chatops migrate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode, UsageError
from chatops.flows.run import Invocation
from chatops.model import Line, Span

if TYPE_CHECKING:
    from chatops.migrations.run import Prepared, Request
    from chatops.settings import Target


@command(
    examples=[
        "chatops migrate --dry-run",
        "chatops --env production migrate --to 017 --yes",
        "chatops migrate --dir supabase/migrations --to latest",
        "chatops migrate --dry-run -o sql > pending.sql",
        "chatops migrate --all-schemas 'tenant_*' --jobs 8 --yes",
    ],
    exits="0 everything asked for is in · 2 usage · 3 unreachable, or the connection was lost · 4 refused, or a file failed and "
    "was rolled back · 5 a lock or another migrator was in the way for longer than --max-wait",
    formats=(*DOCUMENT_FORMATS, "sql"),
)
def migrate(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Option(metavar="N|latest", help="The last file to apply: number or name.")] = None,
    directory: Annotated[Path | None, typer.Option("--dir", metavar="FOLDER", help="Numbered .sql files of your own.")] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="What the ledger calls --dir.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be applied (-o sql: its exact text).")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    max_wait: Annotated[str, typer.Option("--max-wait", metavar="TIME", help="How long to wait for locks, per file.")] = "5m",
    statement_timeout: Annotated[
        str | None, typer.Option("--statement-timeout", metavar="TIME", help="End a statement that takes longer.")
    ] = None,
    allow_out_of_order: Annotated[bool, typer.Option("--allow-out-of-order", help="Apply files that come late, too.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse files that share a number.")] = False,
    all_schemas: Annotated[
        str | None, typer.Option("--all-schemas", metavar="PATTERN", help="Every schema that matches, such as 'tenant_*'.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="How many targets at once, where there are several.")] = 4,
) -> ExitCode:
    """Applies the pending files in order, each in one transaction with its entry in the ledger, then the views that changed.

    Locks are asked for in short attempts, so that nobody waits for the migrator for long; who is in the way is named.
    With --db given several times, --env staging,production or --all-schemas each target goes its own way.
    """
    from chatops import formatting
    from chatops.cli.arguments import folder_options
    from chatops.flows.migrate_fleet import migrate_all, targets_of
    from chatops.migrations import ledger
    from chatops.migrations import run as runs
    from chatops.migrations.source import chosen, revision_of
    from chatops.screens import migrate

    invocation = invocation_of(ctx)
    invocation.check_output()
    as_sql = invocation.format() == "sql"
    if (as_sql and not dry_run) or any(name == "sql" for name, _ in invocation.writes()):
        raise UsageError("-o sql shows the text of a dry run on stdout: add --dry-run")
    folder = chosen(directory, source)
    own = folder_options(directory, source)
    words_again = [*(["--to", quoted(to)] if to is not None else []), *own]
    timeout = formatting.span(statement_timeout, "--statement-timeout") if statement_timeout is not None else None

    def request_for(target: Target) -> runs.Request:
        def here(*parts: str) -> str:
            return " ".join(part for part in ("chatops", target.flags, *parts) if part)

        return runs.Request(
            to=to,
            max_wait=formatting.span(max_wait, "--max-wait").total_seconds(),
            allow_out_of_order=allow_out_of_order,
            strict=strict,
            statement_timeout=f"{int(timeout.total_seconds() * 1000)}ms" if timeout is not None else None,
            again=here("migrate", *words_again, *(["--allow-out-of-order"] if allow_out_of_order else [])),
            adopt=here("adopt", *own),
            diagnose=here("diagnose"),
        )

    if (targets := targets_of(invocation, all_schemas)) is not None:
        if as_sql:
            raise UsageError("-o sql shows the text for one database: name one")
        return migrate_all(invocation, targets, folder, request_for, jobs=jobs, dry_run=dry_run, yes=yes)
    request = request_for(invocation.target)
    database = invocation.connect("migrate")
    before = ledger.read(database)
    invocation.banner(database)
    prepared = runs.prepare(database, before, folder, request)
    warn(invocation, prepared)
    runs.refuse_problems(prepared)
    run = ledger.Run("migrate", invocation.provenance.annotations(), revision_of(folder.path))
    if as_sql:
        from chatops.migrations.psql_text import exact_text

        invocation.emit(exact_text(prepared, request, run, database.target.schema))
        return ExitCode.OK
    if dry_run:
        invocation.show(migrate.plan_answer(prepared, invocation.medium().width, request.again))
        return ExitCode.OK
    if prepared.nothing:
        invocation.show(migrate.nothing_answer(prepared))
        return ExitCode.OK
    return go(invocation, database, prepared, request, run, yes=yes)


def go(invocation: Invocation, database: Any, prepared: Prepared, request: Request, run: Any, *, yes: bool) -> ExitCode:
    """Shows the plan, asks, applies it."""
    import time

    from chatops.migrations import run as runs
    from chatops.screens import migrate

    for line in migrate.plan_lines(prepared, invocation.medium().width):
        invocation.note(line)
    invocation.note("")
    if not invocation.consent("Apply these", yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    started = time.monotonic()
    outcome = runs.apply(database, prepared, request, run, Teller(invocation))
    seconds = time.monotonic() - started
    invocation.show(migrate.outcome_answer(prepared, outcome, seconds, invocation.here("verify")))
    return ExitCode.OK


def warn(invocation: Invocation, prepared: Prepared) -> None:
    """Says what does not keep a run from starting, and should be known."""
    from chatops import formatting

    for problem in prepared.problems:
        if problem.severity == "warning":
            invocation.warn(formatting.visible(f"{problem.where}  {problem.message}; {problem.hint}"))
    if prepared.folder.left_alone:
        invocation.note(f"without a number, and left alone: {formatting.visible(', '.join(prepared.folder.left_alone))}")


def quoted(text: str) -> str:
    """A word of a command line that pastes."""
    import shlex

    return shlex.quote(text)


class Teller:
    """Says on stderr how a run goes: one line per file, and who is in the way while it waits."""

    REPEAT_S = 15.0

    def __init__(self, invocation: Invocation, label: str = "") -> None:
        self.invocation = invocation
        self.label = label
        self.last: tuple[Any, ...] = ()
        self.at = 0.0
        self.holder = 0

    def __call__(self, event: Any) -> None:
        from chatops.migrations import run as runs
        from chatops.screens import migrate

        if isinstance(event, runs.Done):
            self.note(migrate.done_line(event))
        elif isinstance(event, runs.Installed):
            self.note([Span("  ✓ ", "ok"), Span(f"{'views':<28}  {self.fitting(event.names)}")])
        elif isinstance(event, runs.Held):
            if event.by.pid != self.holder:
                self.holder = event.by.pid
                self.note(f"  … another migrator is at work: {event.by}")
        elif isinstance(event, runs.Waiting):
            self.waiting(event)
        elif isinstance(event, runs.Step):
            self.note(f"  … {event.name:<28}  {event.number} of {event.of}: {event.text}")
        elif isinstance(event, runs.Note):
            self.note(f"       {event.text}")

    def note(self, line: Line) -> None:
        """One line, with the target's label where there are several."""
        from chatops import formatting

        if isinstance(line, str):
            line = formatting.visible(line)  # files and sessions have names that others gave them
        if self.label:
            line = [Span(self.label), *([Span(line)] if isinstance(line, str) else line)]
        self.invocation.note(line)

    def clipped(self, line: str) -> str:
        """The beginning of a line, as far as a terminal is wide; all of it in a log."""
        width = self.invocation.medium(stream=sys.stderr).width
        return line if not width or len(line) <= width else line[: width - 1] + "…"

    def fitting(self, names: tuple[str, ...]) -> str:
        """Names on one line of the terminal, else how many there are."""
        from chatops import formatting

        told, width = ", ".join(names), self.invocation.medium(stream=sys.stderr).width
        return told if not width or len(told) + 34 <= width else formatting.plural(len(names), "view")

    def waiting(self, event: Any) -> None:
        """A line when the picture changes, else now and then."""
        import time

        from chatops.migrations.locks import culprits as found

        culprits = found(event.blockers)
        picture = (event.name, tuple(blocker.pid for blocker in culprits if not blocker.waiting), event.unseen)
        if picture == self.last and time.monotonic() - self.at < self.REPEAT_S:
            return
        self.last, self.at = picture, time.monotonic()
        what = event.blockers[0].waits_for if event.blockers else "a lock"
        self.note(f"  … {event.name:<28}  waits for {what}, attempt {event.attempt} of {event.deadline_ms / 1000:.1f} s")
        for blocker in culprits[:3]:
            self.note(self.clipped(f"       blocked by {blocker}"))
        if len(culprits) > 3:
            self.note(f"       and by {len(culprits) - 3} more")
        if event.unseen:
            self.note(f"       who is in the way cannot be seen: {event.unseen}")
