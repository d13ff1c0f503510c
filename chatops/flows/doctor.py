"""`chatops doctor`: what works from here."""

from __future__ import annotations

from chatops import formatting
from chatops.checks import doctor as examination
from chatops.errors import ExitCode
from chatops.flows import tenants
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.migrations import ledger
from chatops.screens import doctor as screen
from chatops.screens.tenants_checks import DOCTOR


def doctor(invocation: Invocation) -> ExitCode:
    """1 when something is wrong or unknown."""
    if invocation.has_tenants:  # each has two connections at a time
        most = max(1, tenants.jobs_of(invocation) // 2)
        return tenants.over_all(invocation, doctor, DOCTOR, chats=False, most_jobs=most)
    with invocation.reading(chats=False) as database:
        points = examination.examine(database, lambda: invocation.connect("read"), invocation.here, invocation.asks)
        holder = ledger.migrator(database) if invocation.asks(of_database=False) else None
        if holder is not None and holder.is_gone:
            told = f"no migrator is at work, and its lock is held: {formatting.visible(str(holder))}"
            ended = f"select pg_terminate_backend({holder.pid});"
            points.append(examination.Point("migrators' lock", "failed", told, ended))
    show_paged(
        invocation, screen.answer(points, invocation.now, invocation.medium().width if invocation.format() == "table" else 0)
    )
    return ExitCode.OK if all(point.verdict in ("ok", "advice") for point in points) else ExitCode.FOUND
