"""What each step of a deploy does; the receipt grows with each."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from chatops import formatting
from chatops.chats import scenarios
from chatops.checks import doctor, load, run, safety
from chatops.checks.findings import counts_as_found, findings
from chatops.db import Database
from chatops.deploys.command_text import command_mark, command_shown
from chatops.deploys.monitor_state import baseline_of
from chatops.deploys.receipt import Command, File, Receipt
from chatops.errors import ChatopsError, ExitCode, RefusedError
from chatops.files import write_file
from chatops.flows.code_step import run_command
from chatops.flows.migrate import RUNS
from chatops.flows.monitor import Watching
from chatops.flows.monitor_look import look
from chatops.flows.run import Invocation
from chatops.flows.state_files import default_path
from chatops.flows.tell_migration import Teller
from chatops.frozen import frozen
from chatops.migrations import events, ledger
from chatops.migrations import run as runs
from chatops.migrations.fingerprint import fingerprint
from chatops.migrations.lost_rights import RoleLoses, still_lost
from chatops.migrations.prepare import MigrationRequest, Prepared, refuse_pooler
from chatops.screens import lost_rights
from chatops.screens.scenarios import summary

# What the migration itself may mend: told before it, judged after it.
MENDED_BY_MIGRATE = ("tables", "objects")


@frozen
class DeployRequest:
    """What was asked for on the command line."""

    to: str | None
    directory: Path | None
    start: str | None
    skip_code: bool
    scenarios: bool
    monitor: str | None
    receipt: Path | None
    max_wait: str
    dry_run: bool
    yes: bool


class FoundError(ChatopsError):
    """A check of the deploy found something: the run did what it should."""

    exit_code = ExitCode.FOUND


class DeploySteps:
    """One deploy: what was asked, what was prepared, and the receipt."""

    def __init__(self, invocation: Invocation, request: DeployRequest, commands: Mapping[str, Sequence[str]]) -> None:
        self.invocation, self.asked = invocation, request
        self.commands = commands
        """The command lines of before, code and after."""
        self.path = request.receipt or default_path(invocation, "deploy")
        self.planned: tuple[str, ...] = ()
        self.code = ExitCode.OK
        pairs = (
            ("--to", request.to),
            ("--dir", request.directory),
            ("--monitor", request.monitor),
            ("--receipt", request.receipt),
        )
        self.words = [part for flag, value in pairs if value is not None for part in (flag, shlex.quote(str(value)))]
        self.words += ["--skip-code"] if not commands["code"] else []
        self.words += [] if request.scenarios else ["--no-scenarios"]
        self.prepared: Prepared
        self.losses: Sequence[RoleLoses] = ()
        """Which roles can do less once the files are in."""
        self.request: MigrationRequest
        self.receipt: Receipt
        self.database: Database

    def keep(self, receipt: Receipt) -> None:
        """Writes the receipt: after every step, so that a deploy that stops leaves one."""
        self.receipt = receipt
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self.path, receipt.text, private=True)

    def preflight(self) -> str:
        """Stops where the migration cannot work; says what it may mend."""
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
        passed = sum(point.verdict not in ("failed", "unknown") for point in points)
        told = f"{formatting.plural(len(points), 'check')} passed"
        return f"{passed} of {told}" if passed < len(points) else told

    def baseline(self) -> str:
        """The figures, findings and catalog of before, into the receipt."""

        with self.invocation.connect("read") as database:
            before = fingerprint(database).sha256
            found = look(database, self.invocation.here)
        self.keep(replace(self.receipt, before=before, baseline=baseline_of(found)))
        told = f"{formatting.plural(len(found.findings), 'finding')} before the deploy"
        if found.unseen is not None:
            return f"who waits cannot be seen ({found.unseen}); {told}"
        return f"{found.figures['waiting']:.0f} waiting, {told}"

    def migrate(self) -> str:
        """The pending files, as `chatops migrate` applies them."""

        done: list[events.Done] = []
        teller = Teller(self.invocation)

        def tell(event: events.Event) -> None:
            if isinstance(event, events.Done) and event.kind == "file":
                done.append(event)
            teller(event)

        run = ledger.Run("deploy", self.invocation.provenance.annotations(), self.receipt.revision)
        sums = {entry.file.name: entry.file.checksum for entry in self.prepared.plan.apply if entry.file is not None}
        try:
            if not self.prepared.nothing:
                runs.apply(self.database, self.prepared, self.request, run, tell)
                safety.keep(self.database)
                self.losses = still_lost(self.database, self.losses)
        finally:
            files = tuple(File(one.name, sums.get(one.name, ""), round(one.duration_ms, 1), round(one.waited_ms, 1), one.rows)
                          for one in done)  # fmt: skip
            kept = tuple(file for file in self.receipt.files if file.name not in sums or file.name not in {f.name for f in files})
            self.keep(replace(self.receipt, files=(*kept, *files)))
        after = fingerprint(self.invocation.connect("read"))
        self.keep(replace(self.receipt, after=after.sha256, objects=after.objects))
        if done:
            for line in lost_rights.since_now(self.losses, self.invocation.here(*RUNS)):
                self.invocation.note(line)
        return f"{formatting.plural(len(done), 'file')} applied" if done else "nothing was pending"

    def run_commands(self, step: str) -> str:
        """The commands of a step, each streamed to stderr; the first that fails stops the deploy. Those that ran before it are
        in the receipt, and are not run again."""
        lines = self.commands[step]
        done = self.receipt.ran(step, [command_mark(line) for line in lines]) if self.asked.start == step else 0
        for line in lines[:done]:
            self.invocation.note(f"  ran already: {command_shown(line)}")
        for line in lines[done:]:
            self.invocation.note(f"  $ {command_shown(line)}")
            started = time.monotonic()
            ended = run_command(self.invocation, line)
            seconds = round(time.monotonic() - started, 3)
            self.keep(self.receipt.with_command(Command(step, command_shown(line), command_mark(line), ended, seconds)))
            if ended:
                raise RefusedError(f"“{command_shown(line)}” ended with {ended}")
        told = formatting.plural(len(lines) - done, "command") + " ran"
        return (told + (f", {done} had run already" if done else "")) if lines else "skipped"

    def verify(self) -> str:
        """The schema checks, and the guide's tests; what they find stops the deploy with exit code 1."""
        checks = [check for check in load.shipped() if check.group == "schema"]
        with self.invocation.connect("read") as database, database.reading():
            survey = run.run(database, checks)
        bad = [one for one in findings(survey, self.invocation.here) if counts_as_found(one.result, "warning")]
        if bad:
            lines = [f"{one.code}: {one.result.reason or one.title}" for one in bad]
            raise FoundError(f"{formatting.plural(len(bad), 'schema check')} failed or could not run", details=lines,
                        next_steps=[("look", self.invocation.here("verify", "schema"))])  # fmt: skip
        told = f"{formatting.plural(len(checks), 'schema check')} passed"
        if self.asked.scenarios:
            played = scenarios.play(self.invocation.connect("act"))
            if played.lost:
                raise FoundError(f"{formatting.plural(len(played.lost), 'scenario')} failed or could not run",
                            details=[f"{step.name}: expected {step.expected}; seen {step.seen}" for step in played.lost],
                            next_steps=[("look", self.invocation.here("verify", "--scenarios"))])  # fmt: skip
            told += f"; {summary(played)}; no row of them remains"
        return told

    def watch(self) -> str:
        """The watch of --monitor, in this process."""
        watching = Watching(self.invocation, plan=self.asked.monitor or "", path=default_path(self.invocation, "monitor"),
                            baseline=self.receipt.baseline or None, anew=True, aside=True)  # fmt: skip
        self.code = watching.loop()
        return watching.verdict.sentence
