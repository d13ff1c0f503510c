"""`chatops migrate` for many databases or schemas at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatops import formatting, settings
from chatops.errors import ExitCode, NotATerminalError, worst
from chatops.flows.connection import started
from chatops.flows.run import Invocation
from chatops.flows.tell_migration import Teller
from chatops.migrations import fleet
from chatops.migrations.fleet import Member
from chatops.migrations.ledger import Run
from chatops.migrations.prepare import MigrationRequest
from chatops.migrations.source import Folder, revision_of
from chatops.provenance import provenance
from chatops.render.failure import failure
from chatops.screens import migrate_fleet as screen
from chatops.settings import Target


def targets_of(invocation: Invocation, all_schemas: str | None) -> list[Target] | None:
    """Every target that was named; None when it is the usual one."""
    named = invocation.env or invocation.environ.get("CHATOPS_ENV", "")
    if len(invocation.db) < 2 and "," not in named and all_schemas is None:
        return None
    found = settings.resolve_all(invocation.options, configuration=invocation.configuration)
    for target in found:
        for warning in target.warnings:
            invocation.warn(warning)
    ready = [started(target, invocation.note) for target in found]
    return ready if all_schemas is None else [one for target in ready for one in fleet.schemas(target, all_schemas)]


def migrate_all(
    invocation: Invocation, targets: Sequence[Target], folder: Folder, request: Callable[[Target], MigrationRequest], *,
    jobs: int, dry_run: bool, yes: bool, quiet: bool,
) -> ExitCode:  # fmt: skip
    """Looks at all, asks once, applies to each; the exit code is the worst."""
    revision = revision_of(folder.path)
    members = []
    for target, label in zip(targets, fleet.labels(targets), strict=True):
        known = provenance(invocation.argv, environment=target.name, schema=target.schema, environ=invocation.environ)
        members.append(fleet.Member(target, label, request(target), Run("migrate", known.annotations(), revision)))
    tellers = {member.label: Teller(invocation, f"{formatting.visible(member.label)}: ", quiet=quiet) for member in members}
    whole = fleet.Fleet(folder, members, jobs, lambda label, event: tellers[label](event))
    try:
        whole.look()
        for member in members:
            invocation.note(f"{formatting.visible(member.label)}: {screen.outlook(member)}")
        pending = [member for member in members if member.pending]
        if pending and not dry_run:
            _consent(invocation, pending, yes=yes)
            whole.apply()
        invocation.show(screen.answer(members))
    finally:
        whole.close()
    for member in members:
        if member.error is not None:
            invocation.note(f"{formatting.visible(member.label)}:")
            for line in failure(member.error):
                invocation.note(line)
    return worst(int(member.code) for member in members)


def _consent(invocation: Invocation, pending: Sequence[Member], *, yes: bool) -> None:
    """One question for all of them. Raises NotATerminalError where nobody is there and one of them is production."""
    production = [member.label for member in pending if member.target.production]
    if yes or (not production and not invocation.interactive):
        return
    if not invocation.interactive:
        raise NotATerminalError(f"migrate changes production ({', '.join(production)}): give --yes to go on; nothing was changed")
    names = ", ".join(member.label for member in pending)
    answer = invocation.ask(f"Apply these to {formatting.plural(len(pending), 'target')} ({names})? [y/N]", "--yes")
    if answer.lower() not in ("y", "yes"):
        raise NotATerminalError("nothing was changed")
