"""`chatops reassign`."""

from __future__ import annotations

from pathlib import Path

import typer

from chatops.cli import completion
from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode
from chatops.flows.move_chats import MOST, RULES, Request, forcible, move


@forcible
@command(
    examples=["chatops reassign 3f2b8c1e --to op-31 --dry-run",
              "chatops reassign --where OPER001 --to auto --reason 'op-12 is gone'",
              "chatops reassign --from op-12 --to auto --plan-out plan.json", "chatops reassign --plan plan.json --yes"],
    exits="0 done · 2 unknown or ambiguous name · 4 a rule forbids it, or it failed · 5 a chat moved meanwhile",
)  # fmt: skip
def reassign(
    ctx: typer.Context,
    chats: list[str] = typer.Argument(
        None, metavar="[CHAT]…", autocompletion=completion.chats, help="Ids, beginnings of ids, parts of names; - for stdin."
    ),
    to: str | None = typer.Option(
        None, "--to", metavar="OPERATOR", autocompletion=completion.operators, help="Who gets it; auto spreads over who is free."
    ),
    where: str | None = typer.Option(None, "--where", metavar="CODE", help="The chats of a finding, such as CHAT003."),
    stuck: str | None = typer.Option(None, "--stuck", metavar="TIME", help="The chats stuck for longer: 30m, 2h."),
    held_by: str | None = typer.Option(
        None, "--from", metavar="OPERATOR", autocompletion=completion.operators, help="All chats that an operator holds."
    ),
    force: list[str] = typer.Option([], "--force", metavar="[RULES]", help=f"Break {', '.join(RULES)} (commas); alone: all."),
    most: int = typer.Option(MOST, "--max", min=1, metavar="N", help="Refuse more chats than this."),
    rate: str | None = typer.Option(None, "--rate", metavar="N/s", help="No faster than this."),
    stop_after: int | None = typer.Option(None, "--stop-after", min=1, metavar="N", help="Stop when N chats moved or failed."),
    plan_out: Path | None = typer.Option(None, "--plan-out", metavar="FILE", help="Write the plan and change nothing."),
    plan: Path | None = typer.Option(None, "--plan", metavar="FILE", help="Apply, or go on with, such a plan."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Do it and roll back."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    reason: str | None = typer.Option(None, "--reason", metavar="TEXT", help="Kept in the log; needed on production."),
    no_audit: bool = typer.Option(False, "--no-audit", help="Work without the log of schema chatops."),
) -> ExitCode:
    """Gives chats to an operator: before and after are shown, then asked; each chat is changed only if it is still so.

    Chats that you name are moved all or none; of a set, what can be moved is. The chat's open assignment is closed and a new
    one opened, in one transaction with a row of the log. Undo it with `chatops undo`.
    """
    request = Request(
        "reassign", chats or (), where, stuck, held_by, False, to, force, most, rate, stop_after, plan_out, plan, dry_run, yes,
        reason, no_audit,
    )  # fmt: skip
    return move(invocation_of(ctx), request)
