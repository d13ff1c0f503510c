"""`chatops release`."""

from __future__ import annotations

from chatops.cli import shared_options as options
from chatops.cli.declared import Context, option
from chatops.cli.options import command
from chatops.errors import ExitCode
from chatops.flows.move_request import MOST, MoveRequest


@options.forcible
@command(
    examples=["chatops release 3f2b8c1e --dry-run", "chatops release --where OPER001 --reason 'op-12 is gone'",
              "chatops release --idle --max 500 --yes"],
    exits="0 done · 2 unknown or ambiguous name · 4 a rule forbids it, or it failed · 5 a chat moved meanwhile",
)  # fmt: skip
def release(
    ctx: Context,
    chats: options.Chats = None,
    idle: bool = option(False, "--idle", help="The chats whose operator is silent beyond the idle timeout, or gone."),
    where: options.Where = None,
    stuck: options.Stuck = None,
    held_by: options.HeldBy = None,
    force: list[str] = option([], "--force", metavar="[RULES]", help="Break the rule completed; alone: all."),
    most: options.Most = MOST,
    rate: options.Rate = None,
    stop_after: options.StopAfter = None,
    plan_out: options.PlanOut = None,
    plan: options.Plan = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    reason: options.Reason = None,
    no_audit: options.NoAudit = False,
    every_row: options.EveryRow = False,
) -> ExitCode:
    """Takes chats from their operator and puts each into the state that its messages say.

    The user spoke last: back in the queue. We spoke last: it waits for the user. Open assignments are closed, activity is
    removed. `--idle` does what the application's cron does: a chat that was given back as often as max_reassignments allows,
    with no reply since, is closed. Undo it with `chatops undo`.
    """
    request = MoveRequest(
        command="release", names=chats or (), idle=idle, where=where, stuck=stuck, held_by=held_by, force=force, most=most,
        rate=rate, stop_after=stop_after, plan_out=plan_out, plan=plan, dry_run=dry_run, yes=yes, reason=reason,
        no_audit=no_audit, every_row=every_row,
    )  # fmt: skip
    return options.move(ctx, request)
