"""`chatops deploy`: the guide's steps as one run: shown, asked about, taken in order, each in the receipt."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from chatops import __version__, formatting
from chatops.deploys import receipt as receipts
from chatops.deploys import schedule
from chatops.deploys.receipt import Step, standing
from chatops.errors import ChatopsError, ExitCode, RefusedError, UsageError
from chatops.flows.ahead import refuse_ahead
from chatops.flows.configured_commands import configured_commands
from chatops.flows.deploy_steps import DeployRequest, DeploySteps
from chatops.flows.folder import FolderOptions
from chatops.flows.migrate import RUNS, warn
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.migrations import ledger
from chatops.migrations.lost_rights import lost_rights
from chatops.migrations.prepare import MigrationRequest, prepare, refuse_problems
from chatops.migrations.source import SHIPPED, revision_of
from chatops.model import Span
from chatops.screens import deploy as screen

__all__ = ["DeployRequest", "deploy"]


def deploy(invocation: Invocation, request: DeployRequest) -> ExitCode:
    """Shows the plan, asks, and takes the steps from the one that was named; 1 when the watch found something."""
    named = {"before": "before", "code": "commands", "after": "after"}
    commands = {step: configured_commands(invocation.configuration, "deploy", key) for step, key in named.items()}
    steps = receipts.remaining(request.start, monitored=request.monitor is not None,
                               hooks=[step for step in ("before", "after") if commands[step]])  # fmt: skip
    if request.monitor is not None:
        schedule.parse(request.monitor)
    if "code" in steps and not commands["code"] and not request.skip_code and not request.dry_run:
        raise UsageError(
            "there is no code step: chatops.toml has no [deploy] commands",
            next_steps=[("the code goes out another way", invocation.here("deploy", "--skip-code")),
                        ("or write it down", "[deploy]\ncommands = [\"git push origin main\", \"vercel --prod\"]")],
        )  # fmt: skip
    if request.skip_code:
        commands["code"] = ()
    run = Deploy(invocation, request, commands)
    run.prepare()
    plan = screen.Plan(steps, run.prepared, run.commands, run.path, request.monitor, scenarios=request.scenarios,
                       losses=run.losses if "migrate" in steps else (), psql=invocation.here(*RUNS))  # fmt: skip
    if request.dry_run:
        show_paged(invocation, screen.plan_answer(plan, invocation.here("deploy", *run.words), invocation.now))
        return ExitCode.OK
    for line in screen.plan_lines(plan):
        invocation.note(line)
    # Commands of a file need a yes on every database: whoever wrote it is not always who runs chatops.
    if not invocation.consent("Do this", yes=request.yes, always=any(commands.get(step) for step in steps)):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    return run.all(steps)


class Deploy(DeploySteps):
    """One deploy from its plan to its end."""

    def prepare(self) -> None:
        """Reads the ledger and the files; changes nothing. Raises what speaks against the migration."""
        invocation, asked = self.invocation, self.asked
        folder = FolderOptions(asked.directory, SHIPPED if asked.directory is None else None).folder(invocation.configuration)
        own = ["--dir", shlex.quote(str(asked.directory))] if asked.directory is not None else []
        self.request = MigrationRequest(
            to=asked.to, max_wait=formatting.span(asked.max_wait, "--max-wait").total_seconds(),
            again=invocation.here("deploy", *self.words), adopt=invocation.here("adopt", *own),
            diagnose=invocation.here("diagnose"),
        )  # fmt: skip
        self.database = invocation.connect("migrate")
        before = ledger.read(self.database)
        invocation.banner(self.database)
        self.prepared = prepare(self.database, before, folder, self.request)
        warn(invocation, self.prepared)
        refuse_problems(self.prepared)
        refuse_ahead(self.database)
        self.losses = lost_rights(self.database, self.prepared)
        facts = self.database.facts
        made = receipts.Receipt(
            chatops=__version__, environment=invocation.target.name, database=invocation.target.shown(),
            schema=invocation.target.schema, started=formatting.instant(facts.now if facts else None),
            revision=revision_of(folder.path), role=facts.role if facts else "",
        )  # fmt: skip
        self.receipt = made
        if asked.start is None:
            return
        pending = [entry.name for entry in self.prepared.plan.apply]
        if pending and "migrate" not in receipts.remaining(asked.start, monitored=True, hooks=("before", "after")):
            raise RefusedError(
                f"{formatting.plural(len(pending), 'file is', 'files are')} pending, and --from {asked.start} is behind migrate",
                next_steps=[("go on there", invocation.here("deploy", *self.words, "--from", "migrate"))],
            )
        if not self.path.exists():
            if asked.receipt is not None:
                raise UsageError(f"there is no receipt {self.path}: --from goes on with the deploy that wrote it")
            invocation.warn(f"no receipt of an earlier part at {self.path}: how it was before is not known")
        else:
            kept = receipts.read(self.path)
            if (kept.database, kept.schema) != (made.database, made.schema):
                raise UsageError(f"{self.path} is the receipt of {kept.database}, schema {kept.schema}, not of this database")
            self.receipt = kept

    # -- the steps ----------------------------------------------------------------------------------------------------

    def all(self, steps: Sequence[str]) -> ExitCode:
        """Takes the steps in order; the exit code. Raises what stopped it, told what is in place and how to go on."""
        doing: dict[str, Callable[[], str]] = {
            "preflight": self.preflight, "baseline": self.baseline, "migrate": self.migrate,
            "verify": self.verify, "monitor": self.watch,
            **{step: partial(self.run_commands, step) for step in self.commands},
        }  # fmt: skip
        self.planned = tuple(steps)
        for name in steps:
            started = time.monotonic()
            self.invocation.note([Span(f"{name}", "strong")])
            try:
                says = doing[name]()
            except (ChatopsError, KeyboardInterrupt) as stop:
                says = stop.message if isinstance(stop, ChatopsError) else "interrupted"
                details = tuple(stop.details) if isinstance(stop, ChatopsError) else ()
                ended = Step(name, "failed", says, round(time.monotonic() - started, 3), details)
                self.receipt = self.receipt.with_step(ended)
                error = self.stopped(name, stop)
                self.keep(replace(self.receipt, next_steps=tuple(error.next_steps)))
                raise error from None
            skipped = name == "code" and not self.commands["code"]
            step = Step(name, "skipped" if skipped else "done", says, round(time.monotonic() - started, 3))
            self.keep(self.receipt.with_step(step))
            self.invocation.note([Span("  ✓ ", "ok"), Span(says)])
        here, file = self.invocation.here, shlex.quote(str(self.path))
        if (failed := self.receipt.failed) is not None:
            # An earlier part of this deploy failed and was stepped over: that is no deploy.
            again = [(f"go on with {failed.name}", here("deploy", *self.words, "--from", failed.name))]
            self.invocation.show(screen.end_answer(self.receipt, self.path, again, self.invocation.now))
            return ExitCode.FOUND
        self.sign()
        after = [] if self.receipt.result_of("monitor") else [("watch its first day", here("monitor", "--plan", "'15m*4,1h*23'"))]
        after += [("later, has anything drifted", here("verify", "--against", file)),
                  ("one page about it", f"chatops report {file}")]  # fmt: skip
        self.keep(replace(self.receipt, next_steps=tuple(after)))
        self.invocation.show(screen.end_answer(self.receipt, self.path, after, self.invocation.now))
        return self.code

    def sign(self) -> None:
        """Who deployed, and when it was over, into the receipt."""
        who, facts = self.invocation.provenance, self.database.facts
        by = [who.os_user, who.ci_run, None if facts is None else f"role {facts.role}"]
        signed = {"by": " · ".join(one for one in by if one), "at": formatting.instant(datetime.now(UTC))}
        self.keep(replace(self.receipt, signed=signed))

    def stopped(self, name: str, stop: BaseException) -> ChatopsError:
        """The failure of a step with what is in place, and the command that goes on."""
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
