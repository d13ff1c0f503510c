"""`chatops repair`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli.declared import Context, argument, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.cli.shared_options import Yes
from chatops.errors import ExitCode


@command(formats=DOCUMENT_FORMATS)
def repair(
    ctx: Context,
    codes: list[str] = argument(
        None,
        metavar="[CODE]…",
        autocompletion=completion.mendable,
        help="What to mend; everything that has a repair when not given.",
    ),
    chat: str | None = option(None, "--chat", metavar="CHAT", help="Only this chat.", autocompletion=completion.chats),
    since: str | None = option(None, "--since", metavar="TIME", help="How far findings look back in large tables (24h), or all."),
    dry_run: bool = option(False, "--dry-run", help="Run the real thing on the first rows and roll it back."),
    columns: bool = option(False, "--columns", help="Show a preview's changes by column."),
    everything: bool = option(False, "--all", help="A preview of all that one batch can try: 500 of each, not 20."),
    yes: Yes = False,
    reason: str | None = option(None, "--reason", metavar="TEXT", help="Why; kept in the log."),
    no_audit: bool = option(False, "--no-audit", help="On a database without schema chatops: mend without a log."),
) -> ExitCode:
    """Runs the set-based fix of a finding: in batches, each changed row locked, compared again, and logged with before and after.

    Rows that somebody else holds locked are left for the next run.

    Examples:
      chatops repair --dry-run
      chatops repair CHAT003 --dry-run --all
      chatops repair CHAT003 CHAT006 --reason 'after the deploy'
      chatops repair CHAT003 --chat 3f2b8c1e --yes

    Exit codes: 0 mended, or nothing to mend · 1 some rows are left · 4 refused, the answer was no, or no schema chatops
    """
    from chatops.flows.repair import RepairRequest, repair  # loads the driver

    request = RepairRequest(
        codes=tuple(codes or ()),
        chat=chat,
        since=since,
        dry_run=dry_run,
        yes=yes,
        reason=reason,
        audit=not no_audit,
        columns=columns,
        everything=everything,
    )
    return repair(invocation_of(ctx), request)
