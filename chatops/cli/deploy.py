"""`chatops deploy`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ChatopsError, ExitCode, RefusedError, UsageError
from chatops.files import write_file
from chatops.flows.run import Invocation
from chatops.model import Line, Span

if TYPE_CHECKING:
    from chatops.db import Database
    from chatops.deploys.receipt import Receipt
    from chatops.migrations.prepare import MigrationRequest, Prepared

# What the migration itself may mend: told before it, judged after it.
MENDED_BY_MIGRATE = ("tables", "objects")


@command(
    examples=[
        "chatops deploy --dry-run",
        "chatops --env production deploy --yes --receipt deploy.json",
        "chatops deploy --skip-code --monitor '15m*4,1h*23'",
        "chatops deploy --from code --receipt deploy.json --yes",
    ],
    exits="0 every step is done · 1 verify or monitor found something · 4 a step was refused or failed · 5 a lock was in the way",
    formats=DOCUMENT_FORMATS,
)
def deploy(
    ctx: typer.Context,
    to: Annotated[str | None, typer.Option(metavar="N|latest", help="The last file to apply: number or name.")] = None,
    directory: Annotated[Path | None, typer.Option("--dir", metavar="FOLDER", help="Numbered .sql files of your own.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="STEP", help="Go on at this step.")] = None,
    skip_code: Annotated[bool, typer.Option("--skip-code", help="The code is deployed by somebody else.")] = False,
    scenarios: Annotated[bool, typer.Option("--scenarios/--no-scenarios", help="Live through the guide's tests.")] = True,
    monitor: Annotated[str | None, typer.Option("--monitor", metavar="PLAN", help="Stay and watch, such as 15m*4,1h*23.")] = None,
    receipt: Annotated[Path | None, typer.Option("--receipt", metavar="FILE", help="Where the receipt is kept.")] = None,
    max_wait: Annotated[str, typer.Option("--max-wait", metavar="TIME", help="How long to wait for locks, per file.")] = "5m",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> ExitCode:
    """Looks before, notes the figures, migrates, runs the code step, verifies, and watches where --monitor is given.

    Stops at the first failure, says what is in place and how to go on. The code step is `[deploy] commands` of chatops.toml.
    """
    from chatops import formatting
    from chatops.deploys import receipt as receipts

    invocation = invocation_of(ctx)
    steps = receipts.remaining(start, monitored=monitor is not None)
    if monitor is not None:
        from chatops.deploys.schedule import parse

        parse(monitor)
    commands = code_commands(invocation.configuration)
    if "code" in steps and not commands and not skip_code and not dry_run:
        raise UsageError(
            "there is no code step: chatops.toml has no [deploy] commands",
            next_steps=[("the code goes out another way", invocation.here("deploy", "--skip-code")),
                        ("or write it down", "[deploy]\ncommands = [\"git push origin main\", \"vercel --prod\"]")],
        )  # fmt: skip
    run = Deploy(invocation, to=to, directory=directory, max_wait=formatting.span(max_wait, "--max-wait").total_seconds(),
                 commands=() if skip_code else commands, scenarios=scenarios, monitor=monitor, path=receipt)  # fmt: skip
    run.prepare(start)
    if dry_run:
        invocation.show(run.plan_answer(steps))
        return ExitCode.OK
    for line in run.plan_lines(steps):
        invocation.note(line)
    if not invocation.consent("Do this", yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    return run.all(steps)


def code_commands(configuration: Any) -> tuple[str, ...]:
    """`[deploy] commands` of chatops.toml. Raises UsageError when it is no list of texts."""
    table = configuration.data.get("deploy", {})
    found = table.get("commands", []) if isinstance(table, dict) else None
    if not isinstance(found, list) or not all(isinstance(line, str) and line.strip() for line in found):
        raise UsageError(f"{configuration.path}: [deploy] commands is a list of command lines, as texts")
    return tuple(found)


class Deploy:
    """One deploy: its steps, and the receipt that grows with each."""

    def __init__(
        self, invocation: Invocation, *, to: str | None, directory: Path | None, max_wait: float, commands: Sequence[str],
        scenarios: bool, monitor: str | None, path: Path | None,
    ) -> None:  # fmt: skip
        self.invocation = invocation
        self.to, self.directory, self.max_wait = to, directory, max_wait
        self.commands, self.scenarios, self.monitor = tuple(commands), scenarios, monitor
        self.given = path is not None
        from chatops.flows.state_files import default_path

        self.path = path or default_path(invocation, "deploy")
        self.planned: tuple[str, ...] = ()
        self.code = ExitCode.OK
        pairs = (("--to", to), ("--dir", directory), ("--monitor", monitor), ("--receipt", path))
        self.words = [part for flag, value in pairs if value is not None for part in (flag, shlex.quote(str(value)))]
        self.words += ["--skip-code"] if not commands else []
        self.words += [] if scenarios else ["--no-scenarios"]
        self.prepared: Prepared
        self.request: MigrationRequest
        self.receipt: Receipt
        self.database: Database

    def prepare(self, start: str | None) -> None:
        """Reads the ledger and the files; changes nothing. Raises what speaks against the migration."""
        from chatops import __version__, formatting
        from chatops.deploys import receipt as receipts
        from chatops.flows.folder import FolderOptions
        from chatops.flows.migrate import warn
        from chatops.migrations import ledger
        from chatops.migrations.prepare import MigrationRequest, prepare, refuse_problems
        from chatops.migrations.source import SHIPPED, revision_of

        invocation = self.invocation
        folder = FolderOptions(self.directory, SHIPPED if self.directory is None else None).folder()
        own = ["--dir", shlex.quote(str(self.directory))] if self.directory is not None else []
        self.request = MigrationRequest(to=self.to, max_wait=self.max_wait, again=invocation.here("deploy", *self.words),
                                    adopt=invocation.here("adopt", *own), diagnose=invocation.here("diagnose"))  # fmt: skip
        self.database = invocation.connect("migrate")
        before = ledger.read(self.database)
        invocation.banner(self.database)
        self.prepared = prepare(self.database, before, folder, self.request)
        warn(invocation, self.prepared)
        refuse_problems(self.prepared)
        facts = self.database.facts
        made = receipts.Receipt(
            chatops=__version__, environment=invocation.target.name, database=invocation.target.shown(),
            schema=invocation.target.schema, started=formatting.instant(facts.now if facts else None),
            revision=revision_of(folder.path),
        )  # fmt: skip
        self.receipt = made
        if start is None:
            return
        pending = [entry.name for entry in self.prepared.plan.apply]
        if pending and "migrate" not in receipts.remaining(start, monitored=True):
            raise RefusedError(
                f"{formatting.plural(len(pending), 'file is', 'files are')} pending, and --from {start} is behind migrate",
                next_steps=[("go on there", invocation.here("deploy", *self.words, "--from", "migrate"))],
            )
        if not self.path.exists():
            if self.given:
                raise UsageError(f"there is no receipt {self.path}: --from goes on with the deploy that wrote it")
            invocation.warn(f"no receipt of an earlier part at {self.path}: how it was before is not known")
        else:
            kept = receipts.read(self.path)
            if (kept.database, kept.schema) != (made.database, made.schema):
                raise UsageError(f"{self.path} is the receipt of {kept.database}, schema {kept.schema}, not of this database")
            self.receipt = kept

    # -- the plan -----------------------------------------------------------------------------------------------------

    def plan_rows(self, steps: Sequence[str]) -> list[dict[str, str]]:
        """Each step with what it will do here."""
        from chatops import formatting

        files = [entry.file.name for entry in self.prepared.plan.apply if entry.file is not None]
        told = {
            "preflight": "connection, role, rights, objects (doctor)",
            "baseline": "chats by state, queue, waits, findings; the catalog's fingerprint",
            "migrate": f"{formatting.plural(len(files), 'file')}: {', '.join(files)}" if files else "nothing pending",
            "code": " && ".join(shown(line) for line in self.commands) or "skipped",
            "verify": "schema checks" + (", then the guide's tests in a rolled-back transaction" if self.scenarios else ""),
            "monitor": self.monitor or "",
        }
        return [{"step": name, "does": told[name]} for name in steps]

    def plan_lines(self, steps: Sequence[str]) -> list[Line]:
        """The plan for people."""
        rows = self.plan_rows(steps)
        return ["", *([Span(f"  {row['step']:<10} "), Span(row["does"])] for row in rows),
                [Span(f"  receipt    {self.path}", "dim")], ""]  # fmt: skip

    def plan_answer(self, steps: Sequence[str]) -> Any:
        """`--dry-run`."""
        from chatops.model import Answer, Column, Table, Text

        table = Table("steps", [Column("step", "step"), Column("does", "what it does")], self.plan_rows(steps))
        again = self.invocation.here("deploy", *self.words)
        return Answer("deploy", [table, Text(["", [Span("Do it: "), Span(again, "code")]])], {"run": again}, self.invocation.now)

    # -- the steps ----------------------------------------------------------------------------------------------------

    def all(self, steps: Sequence[str]) -> ExitCode:
        """Takes the steps in order; the exit code. Raises what stopped it, told what is in place and how to go on."""
        from chatops.deploys.receipt import Step

        doing: dict[str, Callable[[], str]] = {
            "preflight": self.preflight, "baseline": self.baseline, "migrate": self.migrate, "code": self.run_code,
            "verify": self.verify, "monitor": self.watch,
        }  # fmt: skip
        self.planned = tuple(steps)
        for name in steps:
            started = time.monotonic()
            self.invocation.note([Span(f"{name}", "strong")])
            try:
                says = doing[name]()
            except (ChatopsError, KeyboardInterrupt) as stop:
                says = stop.message if isinstance(stop, ChatopsError) else "interrupted"
                self.keep(self.receipt.with_step(Step(name, "failed", says, round(time.monotonic() - started, 3))))
                raise self.stopped(name, stop) from None
            result = "skipped" if name == "code" and not self.commands else "done"
            step = Step(name, result, says, round(time.monotonic() - started, 3))  # type: ignore[arg-type]
            self.keep(self.receipt.with_step(step))
            self.invocation.note([Span("  ✓ ", "ok"), Span(says)])
        self.invocation.show(self.answer())
        return self.code

    def keep(self, receipt: Receipt) -> None:
        """Writes the receipt: after every step, so that a deploy that stops leaves one."""
        self.receipt = receipt
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self.path, receipt.text)

    def stopped(self, name: str, stop: BaseException) -> ChatopsError:
        """The failure of a step with what is in place, and the command that goes on."""
        from chatops.deploys.receipt import standing

        inner = stop if isinstance(stop, ChatopsError) else ChatopsError("interrupted")
        error = ChatopsError(
            f"the deploy stopped at {name}: {inner.message}",
            details=[*inner.details, "", "in place:", *(f"  {line}" for line in standing(self.receipt.steps, name, self.planned)),
                     f"  receipt: {self.path}"],
            next_steps=[*((label, step) for label, step in inner.next_steps if " deploy" not in step),
                        ("then go on", self.invocation.here("deploy", *self.words, "--from", name))],
        )  # fmt: skip
        error.exit_code = inner.exit_code if isinstance(stop, ChatopsError) else ExitCode.INTERRUPTED
        return error

    def preflight(self) -> str:
        """Stops where the migration cannot work; says what it may mend."""
        from chatops.checks import doctor
        from chatops.migrations.prepare import refuse_pooler

        invocation = self.invocation
        with invocation.connect("read") as database, database.reading():
            points = doctor.examine(database, lambda: invocation.connect("read"), invocation.here)
            standby = database.facts is not None and database.facts.standby
        tables = all(point.verdict == "ok" for point in points if point.area in ("tables", "reading"))
        bad = [point for point in points if point.verdict in ("failed", "unknown") and point.area not in MENDED_BY_MIGRATE]
        if self.prepared.plan.apply and tables:
            bad += [point for point in points if point.area == "migrating" and point.verdict != "ok"]
        bad += [point for point in points if point.area == "standby" and standby]
        if bad:
            raise RefusedError(f"{bad[0].says}", details=[f"{point.area}: {point.says}" for point in bad[1:]],
                               next_steps=[("mend it", point.remedy) for point in bad if point.remedy])  # fmt: skip
        refuse_pooler(self.database, self.prepared, self.request)
        for point in points:
            if point.verdict in ("failed", "unknown"):
                invocation.note(f"  ! {point.area}: {point.says}; verify looks again after migrate")
        return f"{len(points)} points looked at"

    def baseline(self) -> str:
        """The figures, findings and catalog of before, into the receipt."""
        from dataclasses import replace

        from chatops.deploys.monitor_state import baseline_of
        from chatops.flows.monitor import look
        from chatops.migrations.fingerprint import fingerprint

        with self.invocation.connect("read") as database:
            before = fingerprint(database).sha256
            found = look(database, self.invocation.here)
        self.keep(replace(self.receipt, before=before, baseline=baseline_of(found)))
        waiting = found.figures.get("waiting", 0)
        return f"{waiting} waiting, {len(found.findings)} findings before the deploy"

    def migrate(self) -> str:
        """The pending files, as `chatops migrate` applies them."""
        from dataclasses import replace

        from chatops import formatting
        from chatops.deploys.receipt import File
        from chatops.flows.tell_migration import Teller
        from chatops.migrations import events, ledger
        from chatops.migrations import run as runs
        from chatops.migrations.fingerprint import fingerprint

        done: list[Any] = []
        teller = Teller(self.invocation)

        def tell(event: Any) -> None:
            if isinstance(event, events.Done) and event.kind == "file":
                done.append(event)
            teller(event)

        run = ledger.Run("deploy", self.invocation.provenance.annotations(), self.receipt.revision)
        sums = {entry.file.name: entry.file.checksum for entry in self.prepared.plan.apply if entry.file is not None}
        try:
            if not self.prepared.nothing:
                runs.apply(self.database, self.prepared, self.request, run, tell)
        finally:
            files = tuple(File(one.name, sums.get(one.name, ""), round(one.duration_ms, 1), round(one.waited_ms, 1), one.rows)
                          for one in done)  # fmt: skip
            kept = tuple(file for file in self.receipt.files if file.name not in sums or file.name not in {f.name for f in files})
            self.keep(replace(self.receipt, files=(*kept, *files)))
        after = fingerprint(self.invocation.connect("read"))
        self.keep(replace(self.receipt, after=after.sha256, objects=after.objects))
        return f"{formatting.plural(len(done), 'file')} applied" if done else "nothing was pending"

    def run_code(self) -> str:
        """The commands of the code step, each streamed to stderr; the first that fails stops the deploy."""
        import subprocess
        import sys

        from chatops import formatting

        for line in self.commands:
            self.invocation.note(f"  $ {shown(line)}")
            # stdout carries only the answer, so a command's own goes to stderr, like its errors.
            stream = sys.stderr if hasattr(sys.stderr, "fileno") and _has_descriptor(sys.stderr) else None
            process = subprocess.Popen(line, shell=True, stdin=subprocess.DEVNULL, text=True, errors="backslashreplace",
                                       stdout=stream or subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
            try:
                for told in process.stdout or ():
                    self.invocation.note(f"    {formatting.visible(told.rstrip())}")
                ended = process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise
            if ended:
                raise RefusedError(f"“{shown(line)}” ended with {ended}")
        return f"{formatting.plural(len(self.commands), 'command')} ran" if self.commands else "skipped"

    def verify(self) -> str:
        """The schema checks, and the guide's tests; what they find stops the deploy with exit code 1."""
        from chatops import formatting
        from chatops.checks import load, run
        from chatops.checks.findings import counts_as_found, findings

        checks = [check for check in load.shipped() if check.group == "schema"]
        with self.invocation.connect("read") as database, database.reading():
            survey = run.run(database, checks)
        bad = [one for one in findings(survey, self.invocation.here) if counts_as_found(one.result, "warning")]
        if bad:
            lines = [f"{one.code}: {one.result.reason or one.title}" for one in bad]
            raise Found(f"{formatting.plural(len(bad), 'schema check')} failed or could not run", details=lines,
                        next_steps=[("look", self.invocation.here("verify", "schema"))])  # fmt: skip
        told = f"{formatting.plural(len(checks), 'schema check')} passed"
        if self.scenarios:
            from chatops.chats import scenarios

            played = scenarios.play(self.invocation.connect("act"))
            lost = [step for step in played.steps if step.result != "passed"]
            if lost:
                raise Found(f"{formatting.plural(len(lost), 'scenario')} failed or could not run",
                            details=[f"{step.name}: expected {step.expected}; seen {step.seen}" for step in lost],
                            next_steps=[("look", self.invocation.here("verify", "--scenarios"))])  # fmt: skip
            told += f", {formatting.plural(len(played.steps), 'scenario step')} too; nothing remains of them"
        return told

    def watch(self) -> str:
        """The watch of --monitor, in this process."""
        from chatops.flows.monitor import Watching
        from chatops.flows.state_files import default_path

        watching = Watching(self.invocation, plan=self.monitor or "", path=default_path(self.invocation, "monitor"),
                            baseline=self.receipt.baseline or None, anew=True, aside=True)  # fmt: skip
        self.code = watching.loop()
        return watching.verdict.sentence

    def answer(self) -> Any:
        """The end: what was done, and the next command."""
        from chatops.model import Answer, Column, Table, Text

        columns = [Column("name", "step"), Column("result", "result"), Column("seconds", "took", "duration"),
                   Column("says", "says")]  # fmt: skip
        here = self.invocation.here
        steps = [] if self.receipt.result_of("monitor") else [("watch its first day", here("monitor", "--plan", "'15m*4,1h*23'"))]
        steps += [("later, has anything drifted", here("verify", "--against", shlex.quote(str(self.path)))),
                  ("one page about it", f"chatops report {shlex.quote(str(self.path))}")]  # fmt: skip
        lines: list[Line] = ["", [Span("deployed", "ok")], *([Span(f"{label}: "), Span(line, "code")] for label, line in steps)]
        return Answer("deploy", [Table("steps", columns, list(self.receipt.steps)), Text(lines)],
                      {"receipt": str(self.path), "before": self.receipt.before, "after": self.receipt.after},
                      self.invocation.now)  # fmt: skip


def shown(line: str) -> str:
    """A command line as it may be shown and kept: without control characters and the passwords of URLs."""
    from chatops import formatting, settings

    return formatting.visible(settings.without_passwords(line))


class Found(ChatopsError):  # noqa: N818 - something was found: the run did what it should
    """A check found something."""

    exit_code = ExitCode.FOUND


def _has_descriptor(stream: Any) -> bool:
    import io

    try:
        stream.fileno()
    except (io.UnsupportedOperation, OSError):
        return False
    return True
