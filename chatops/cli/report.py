"""`chatops report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from chatops.cli.declared import Context, argument, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"), formats=DOCUMENT_FORMATS)
def report(
    ctx: Context,
    file: Annotated[
        Path | None, argument(metavar="[FILE]", help="A receipt of deploy, a state file of monitor, or a folder of these.")
    ] = None,
    last: Annotated[
        bool, option("--last", help="About the last migrate, adopt or deploy of the database, with a fresh look by all checks.")
    ] = False,
    to: Annotated[Path | None, option("--to", metavar="FILE", help="Where the page goes (default: beside it).")] = None,
) -> ExitCode:
    """One HTML file that needs nothing else: timeline, plots, findings. With -o markdown the same as tables on stdout.

    With a folder or --all-schemas one page about the watches that monitor keeps, the worst tenant first. Connects to nothing,
    save with --last: what went in, when, by whom, what was checked, what is newer or older, how to go back.

    Examples:
      chatops report deploy.json
      chatops report --last --to migration.html
      chatops report monitor.json --to day.html
      chatops report monitor.json -o markdown >> $GITHUB_STEP_SUMMARY
      chatops report --all-schemas 'tenant_*' --to tenants.html

    Exit codes: 0 the page is written · 2 the file is no receipt and no state of a monitor · 4 no ledger, or no run in it
    """
    from chatops.flows.report import report as run

    return run(invocation_of(ctx), file, to, last=last)
