"""`chatops status` of many tenants: the ledgers of a database's schemas are read together, on one connection."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from chatops.db.sessions import Sessions
from chatops.errors import ExitCode
from chatops.flows import ahead
from chatops.flows.folder import pin
from chatops.flows.paste import here
from chatops.flows.run import Invocation
from chatops.flows.status import StatusOptions
from chatops.flows.tenants import found_tenants, jobs_of, show
from chatops.migrations.fleet import Fleet, Member
from chatops.migrations.ledger import Run
from chatops.migrations.prepare import MigrationRequest
from chatops.screens.tenants import TenantRow
from chatops.screens.tenants_files import STATUS, status_row


def status_all(invocation: Invocation, options: StatusOptions) -> ExitCode:
    """What is refused or pending by line, worst first; the others counted. 1 with --exit-code where something is to be done."""
    folder = options.folder.folder(invocation.configuration)
    own = [*pin(options.to), *options.folder.words()]

    def ask() -> Sequence[TenantRow]:
        jobs, sessions = jobs_of(invocation), Sessions(invocation.command)
        with contextlib.closing(sessions):
            tenants = found_tenants(invocation, sessions, jobs, chats=False)
        members = []
        for one in tenants:
            again, adopt = here(one.target, "migrate", *own), here(one.target, "adopt", *own)
            request = MigrationRequest(options.to, again=again, adopt=adopt, reads_only=True)
            members.append(Member(one.target, one.label, request, Run("status"), error=one.error))
        with contextlib.closing(Fleet(folder, members, jobs, lambda label, event: None)) as whole:
            whole.look()
        return [
            status_row(
                member,
                here(member.target, "status", *own),
                counts=options.exit_code,
                seen=one.error is None,
                newer=_newer(member),
            )
            for one, member in zip(tenants, members, strict=True)
        ]

    return show(invocation, ask, STATUS)


def _newer(member: Member) -> str | None:
    """What a newer chatops has left in a tenant."""
    found = ahead.among(member.prepared.ledger.rows) if member.prepared is not None else []
    return ahead.told(found) if found else None
