"""`chatops close`."""

from __future__ import annotations

import typer

from chatops.cli import shared_options as options
from chatops.cli.options import command
from chatops.errors import ExitCode
from chatops.flows.move_request import MOST, MoveRequest


@command(
    examples=["chatops close 3f2b8c1e --dry-run", "chatops close 3f2b8c1e --reason 'the user asked for it'"],
    exits="0 done · 2 unknown or ambiguous name · 4 refused, or it failed · 5 a chat moved meanwhile",
)
def close(
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
    """Ends chats: completed, held by nobody, in no queue.

    Whoever holds one loses it: the open assignment is closed, activity is removed. The user's messages go on to be stored, and
    nobody is called for them; `chatops reopen` brings the chat back. Undo it with `chatops undo`.
    """
    request = MoveRequest(
        command="close", names=chats or (), where=where, stuck=stuck, held_by=held_by, most=most, rate=rate,
        stop_after=stop_after, plan_out=plan_out, plan=plan, dry_run=dry_run, yes=yes, reason=reason, no_audit=no_audit,
    )  # fmt: skip
    return options.move(ctx, request)
