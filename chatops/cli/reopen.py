"""`chatops reopen`."""

from __future__ import annotations

import typer

from chatops.cli import shared_options as options
from chatops.cli.options import command
from chatops.errors import ExitCode
from chatops.flows.move_request import MOST, MoveRequest


@command(
    examples=["chatops reopen 3f2b8c1e --dry-run", "chatops reopen --where CHAT018 --reason 'unblocked'"],
    exits="0 done · 2 unknown or ambiguous name · 4 refused, or it failed · 5 a chat moved meanwhile",
)
def reopen(
    ctx: typer.Context,
    chats: options.Chats = None,
    where: options.Where = None,
    stuck: options.Stuck = None,
    held_by: options.HeldBy = None,
    most: options.Most = MOST,
    rate: options.Rate = None,
    stop_after: options.StopAfter = None,
    plan_out: options.PlanOut = None,
    plan: options.Plan = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    reason: options.Reason = None,
    no_audit: options.NoAudit = False,
) -> ExitCode:
    """Opens ended chats again, whoever ended them: the reassignment limit, an admin, a block that was lifted.

    The user spoke last: in the queue, waiting since the oldest message that nobody has answered. We spoke last: it waits for the
    user. Undo it with `chatops undo`.
    """
    request = MoveRequest(
        command="reopen", names=chats or (), where=where, stuck=stuck, held_by=held_by, most=most, rate=rate,
        stop_after=stop_after, plan_out=plan_out, plan=plan, dry_run=dry_run, yes=yes, reason=reason, no_audit=no_audit,
    )  # fmt: skip
    return options.move(ctx, request)
