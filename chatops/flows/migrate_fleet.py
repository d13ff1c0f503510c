"""`chatops migrate` for many databases or schemas at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from chatops import formatting, schemas, settings
from chatops.checks import safety
from chatops.errors import ExitCode, NotATerminalError, RefusedError, StoppedError, UsageError, worst
from chatops.flows import ahead
from chatops.flows.connection import started
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.flows.tell_migration import Teller
from chatops.frozen import frozen
from chatops.migrations import fleet
from chatops.migrations.events import Done, Event, Installed, StepBegun
from chatops.migrations.fleet import Member
from chatops.migrations.heard import Said
from chatops.migrations.ledger import Ledger, Run
from chatops.migrations.prepare import MigrationRequest
from chatops.migrations.source import SHIPPED, Folder, revision_of
from chatops.provenance import provenance
from chatops.render.failure import failure
from chatops.screens import lost_rights, plan_summary
from chatops.screens import migrate_fleet as screen
from chatops.settings import Target

FEW = 5
"""So many targets are told of file by file; more of them in one line each."""


@frozen
class FleetOptions:
    """How many at once, how many first and alone, and after how many failures no further one begins."""

    jobs: int
    canary: int = 0
    max_failures: int | None = None


def targets_of(invocation: Invocation, all_schemas: str | None) -> list[Target]:
    """Every target that was named, where it is not the usual one."""
    if all_schemas is not None and invocation.schema is not None:
        raise UsageError("--schema and --all-schemas: one of them")
    found = settings.resolve_all(invocation.options, configuration=invocation.configuration)
    for target in found:
        for warning in target.warnings:
            invocation.warn(warning)
    ready = [started(target, invocation.note) for target in found]
    if all_schemas is None:
        return ready
    return [one for target in ready for one in schemas.schemas(target, all_schemas, invocation.note)]


def migrate_all(
    invocation: Invocation, targets: Sequence[Target], folder: Folder, request: Callable[[Target], MigrationRequest], *,
    how: FleetOptions, dry_run: bool, yes: bool, quiet: bool,
) -> ExitCode:  # fmt: skip
    """Looks at all, asks once, applies to each; the exit code is the worst."""
    revision = revision_of(folder.path)
    members = []
    who = provenance(invocation.argv, environment="", schema="", environ=invocation.environ)
    for target, label in zip(targets, schemas.labels(targets), strict=True):
        known = replace(who, environment=target.name, target_schema=target.schema)
        members.append(Member(target, label, request(target), Run("migrate", known.annotations(), revision)))
    telling = _Telling(invocation, members, quiet=quiet)
    keeping = (safety.statement(), safety.keep) if folder.source == SHIPPED else None
    whole = fleet.Fleet(folder, members, how.jobs, telling.of, telling.ended, how.max_failures, _refuse_ahead, keeping)
    with contextlib.closing(whole):
        whole.look()
        whole.look_for_losses()
        for line in screen.outlooks(members):
            invocation.note(line)
        pending = [member for member in members if member.pending]
        if not dry_run and (yes or not invocation.interactive):
            for told in lost_rights.of_many(screen.losses(pending)):
                invocation.note(told)
        if pending and not dry_run:
            _consent(invocation, pending, yes=yes)
            telling.begin(pending)
            whole.apply(canary=how.canary, go_on=lambda first: _go_on(invocation, first, len(pending) - len(first), yes=yes))
    show_paged(invocation, screen.answer(members))
    failed = [member for member in members if member.error is not None]
    for member in failed[:FEW]:
        assert member.error is not None
        invocation.note(f"{formatting.visible(member.label)}:")
        for told in failure(member.error):
            invocation.note(told)
    if more := formatting.and_more(len(failed) - FEW, "target"):
        invocation.note(f"{more} failed, as the table says")
    if pending and not dry_run and any(member.code for member in members):
        invocation.note("The same command again goes on where this run ended.")
    return worst(int(member.code) for member in members)


class _Telling:
    """What is said while they run: each file of a few targets, one line for each of many, with how far the whole is."""

    def __init__(self, invocation: Invocation, members: Sequence[Member], *, quiet: bool) -> None:
        self.invocation = invocation
        self.tellers = {
            member.label: Teller(invocation, f"{formatting.visible(member.label)}: ", quiet=quiet) for member in members
        }
        self.of_all = 0
        self.over = 0

    def begin(self, pending: Sequence[Member]) -> None:
        """From here on targets end."""
        self.of_all = len(pending)

    def of(self, label: str, event: Event) -> None:
        """An event of one target."""
        if self.of_all > FEW and (isinstance(event, (Done, Installed, StepBegun)) or _is_small_talk(event)):
            return
        self.tellers[label](event)

    def ended(self, member: Member) -> None:
        """One target's turn is over."""
        self.over += 1
        if self.of_all > FEW:
            self.invocation.note(f"{formatting.visible(member.label)}: {screen.done(member)}  ({self.over} of {self.of_all})")


def _is_small_talk(event: Event) -> bool:
    """A notice of a file: of many targets each would say the same, and nothing happened in any."""
    return isinstance(event, Said) and event.severity in ("NOTICE", "INFO", "DEBUG", "LOG")


def _refuse_ahead(ledger: Ledger) -> None:
    if newer := ahead.among(ledger.rows):
        raise RefusedError(f"{ahead.told(newer)}; nothing was changed")


def _go_on(invocation: Invocation, first: Sequence[Member], others: int, *, yes: bool) -> bool:
    """Whether the others follow the canaries, which are in and were looked at."""
    told = f"{formatting.plural(len(first), 'canary is', 'canaries are')} in and well"
    if yes or not invocation.interactive:
        invocation.note(f"{told}; {formatting.plural(others, 'other follows', 'others follow')}")
        return True
    try:
        answer = invocation.ask(f"{told}. Go on with {formatting.plural(others, 'other', 'others')}? [y/N]", "--yes")
    except StoppedError:
        return False  # the canaries are in: what was done is told
    return answer.lower() in ("y", "yes")


def _consent(invocation: Invocation, pending: Sequence[Member], *, yes: bool) -> None:
    """One question for all of them. Raises NotATerminalError where nobody is there and one of them is production."""
    production = [member.label for member in pending if member.target.production]
    if yes or (not production and not invocation.interactive):
        return
    if not invocation.interactive:
        raise NotATerminalError(
            f"migrate changes production ({screen.named(production)}): give --yes to go on; nothing was changed"
        )
    prepared = [member.prepared for member in pending if member.prepared is not None]
    for line in plan_summary.of_many(prepared, f"{pending[0].request.again} --dry-run"):
        invocation.note(line)
    for line in lost_rights.of_many(screen.losses(pending)):
        invocation.note(line)
    names = screen.named([member.label for member in pending])
    answer = invocation.ask(f"Migrate {formatting.plural(len(pending), 'target')} ({names})? [y/N]", "--yes")
    if answer.lower() not in ("y", "yes"):
        raise NotATerminalError("nothing was changed")
