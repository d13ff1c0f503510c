"""`chatops repair`."""

from __future__ import annotations

from collections.abc import Callable

import typer

from chatops.cli import completion
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode
from chatops.flows.run import Invocation


@command(
    examples=["chatops repair --dry-run", "chatops repair CHAT003 CHAT006 --reason 'after the deploy'",
              "chatops repair CHAT003 --chat 3f2b8c1e --yes"],
    exits="0 mended, or nothing to mend · 1 some rows are left · 4 refused, or no schema chatops",
    formats=DOCUMENT_FORMATS,
)  # fmt: skip
def repair(
    ctx: typer.Context,
    codes: list[str] = typer.Argument(None, metavar="[CODE]…", help="What to mend; everything that has a repair when not given."),
    chat: str | None = typer.Option(None, "--chat", metavar="CHAT", help="Only this chat.", autocompletion=completion.chats),
    since: str = typer.Option("24h", "--since", metavar="TIME", help="How far findings of history look back, or all."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Run the real thing on the first rows and roll it back."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    reason: str | None = typer.Option(None, "--reason", metavar="TEXT", help="Why; kept in the log."),
    no_audit: bool = typer.Option(False, "--no-audit", help="On a database without schema chatops: mend without a log."),
) -> ExitCode:
    """Runs the set-based fix of a finding: in batches, each changed row locked, compared again, and logged with before and after.

    Rows that somebody else holds locked are left for the next run.
    """
    from chatops.checks import load, repair_plan

    invocation = invocation_of(ctx)
    invocation.check_output()
    wanted = load.codes_of(codes or [])
    with invocation.reading() as database:
        plan = repair_plan.plan(database, wanted, chat, audit=not no_audit, here=invocation.here, since=since)
    if not plan.codes:
        invocation.show(repair_plan.nothing_to_mend(plan))
        return plan.exit_code
    database = invocation.connect("act")
    annotations = invocation.provenance.annotations(reason=reason, plan_id=plan.id)
    if dry_run or (invocation.interactive and not yes):
        previews = repair_plan.previews(database, plan, annotations)
        further = [] if since == "24h" else ["--since", since]
        again = ["repair", *plan.codes, *further, *(["--chat", str(plan.chat_id)] if plan.chat_id else []),
                 *(["--no-audit"] if no_audit else [])]  # fmt: skip
        invocation.show(repair_plan.preview_answer(plan, previews, invocation.here(*again) if dry_run else None))
        if dry_run:
            return ExitCode.OK
    if not invocation.consent(f"Mend {plan.in_words}", yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.OK
    annotations = {**annotations, "chatops.reason": invocation.reason(reason)}
    done = repair_plan.carry_out(database, plan, annotations, progress=_progress(invocation))
    with invocation.reading() as reading:
        left = repair_plan.left(reading, plan)
    invocation.show(repair_plan.answer(plan, done, left, invocation.here))
    return ExitCode.FOUND if any(left.values()) else ExitCode.OK


def _progress(invocation: Invocation) -> Callable[[str, int], None] | None:
    """How many rows are mended, redrawn in place on a terminal's stderr."""
    import sys

    if not sys.stderr.isatty():
        return None

    def show(code: str, mended: int) -> None:
        sys.stderr.write(f"\r  {code} {mended:,} mended  \r")
        sys.stderr.flush()

    return show
