"""`chatops undo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode, RefusedError, worst
from chatops.flows import move_chats

if TYPE_CHECKING:
    from uuid import UUID

    from chatops.chats.undo import Undone


@move_chats.forcible
@command(
    examples=["chatops undo 8213 --dry-run", "chatops undo 3790b1d4-610d-4a33-b8fb-f3324c8309df --reason 'wrong shift'",
              "chatops undo plan.json"],
    exits="0 taken back · 2 no such action or plan · 4 it cannot be taken back · 5 something moved since",
)  # fmt: skip
def undo(
    ctx: typer.Context,
    what: str = typer.Argument(..., metavar="ACTION|PLAN", help="An action's number, a plan's id or its file."),
    force: list[str] = typer.Option([], "--force", metavar="[RULES]", help="busy: give a chat back to who holds another by now."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Do it and roll back."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    reason: str | None = typer.Option(None, "--reason", metavar="TEXT", help="Kept in the log; needed on production."),
) -> ExitCode:
    """Takes an action or a whole plan back: every column that it changed, where things are still as it left them.

    What moved since is left alone and listed. An undo is an action too, and can be undone.
    """
    from chatops.chats import audit, reassignment
    from chatops.chats import undo as taking
    from chatops.chats.carry_out import Conditions

    invocation = invocation_of(ctx)
    invocation.check_output()
    busy = reassignment.Rule.BUSY in reassignment.rules(force)
    wanted = _meant(what)
    move_chats.reason_and_yes(invocation, "undo", yes=yes, reason=reason, dry_run=dry_run, again=("undo", what))
    database = invocation.connect("act")
    conditions = Conditions(invocation.provenance, reason, rehearsal=dry_run)
    with move_chats.refusals_logged(database, "undo", conditions):
        with database.reading():
            invocation.banner(database)
            move_chats.writable(database)
            audit.require(database, invocation.here("adopt", "--ledger-only"))
            actions = taking.find(database, wanted)
            operators = reassignment.operators(database)
            busy = busy and not reassignment.one_chat_each(database)
        if all(one.problem for one in actions):
            raise RefusedError(f"action {actions[0].action_id} is not taken back: {actions[0].problem}; nothing was changed")
    asked = not dry_run and not yes and invocation.interactive
    if asked:
        move_chats.show_on_stderr(invocation, taking.preview(actions, operators, show_names=True, now=invocation.now))
    if not dry_run and not invocation.consent("Take it back" if len(actions) == 1 else "Take them back", yes=yes):
        raise RefusedError("nothing was changed")
    conditions = move_chats.with_reason(invocation, conditions, reason, dry_run=dry_run)
    results: dict[int, Undone] = {}
    with move_chats.progress(invocation, "undo", len(actions)) as advance:
        for some in taking.carry_out(database, actions, conditions, busy=busy):
            results.update((one.action_id, one) for one in some)
            advance(len(results))
    invocation.show(
        taking.outcome(actions, results, operators, rehearsal=dry_run, asked=asked, again=invocation.here("undo"),
                       show_names=invocation.medium().show_names, now=invocation.now)
    )  # fmt: skip
    codes = {"moved": ExitCode.CONFLICT, "refused": ExitCode.REFUSED, "failed": ExitCode.REFUSED}
    return worst(codes.get(one.outcome, ExitCode.OK) for one in results.values())


def _meant(what: str) -> str | UUID:
    from uuid import UUID

    from chatops.chats import plan_file

    try:
        return UUID(what)
    except ValueError:
        return plan_file.plan_id_of(Path(what)) if not what.isdigit() and Path(what).exists() else what
