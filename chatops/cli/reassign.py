"""`chatops reassign`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli import shared_options as options
from chatops.cli.declared import Context, option
from chatops.cli.options import command
from chatops.errors import ExitCode
from chatops.flows.move_request import MOST, RULES, MoveRequest


@options.forcible
@command(
    examples=["chatops reassign 3f2b8c1e --to op-31 --dry-run",
              "chatops reassign --where OPER001 --to auto --reason 'op-12 is gone'",
              "chatops reassign --from op-12 --to auto --plan-out plan.json", "chatops reassign --plan plan.json --yes"],
    exits="0 done · 2 unknown or ambiguous name · 4 a rule forbids it, or it failed · 5 a chat moved meanwhile",
)  # fmt: skip
def reassign(
    ctx: Context,
    chats: options.Chats = None,
    to: str | None = option(
        None, "--to", metavar="OPERATOR", autocompletion=completion.recipients, help="Who gets it; auto spreads over who is free."
    ),
    where: options.Where = None,
    stuck: options.Stuck = None,
    held_by: options.HeldBy = None,
    force: list[str] = option([], "--force", metavar="[RULES]", help=f"Break {', '.join(RULES)} (commas); alone: all."),
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
    """Gives chats to an operator. Shows before and after, then asks; a chat that changed meanwhile is skipped.

    Named chats: all or none. A set (--where, --from, --stuck): whatever can move. The open assignment is closed and a new one
    opened, in one transaction with a row of the log. Undo it with `chatops undo`.
    """
    request = MoveRequest(
        command="reassign", names=chats or (), to=to, where=where, stuck=stuck, held_by=held_by, force=force, most=most,
        rate=rate, stop_after=stop_after, plan_out=plan_out, plan=plan, dry_run=dry_run, yes=yes, reason=reason,
        no_audit=no_audit, every_row=every_row,
    )  # fmt: skip
    return options.move(ctx, request)
