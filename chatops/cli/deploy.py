"""`chatops deploy`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from chatops.cli import completion
from chatops.cli import shared_options as options
from chatops.cli.declared import Context, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(formats=DOCUMENT_FORMATS)
def deploy(
    ctx: Context,
    to: options.LastFile = None,
    directory: options.Folder = None,
    start: Annotated[
        str | None, option("--from", metavar="STEP", autocompletion=completion.steps, help="Go on at this step.")
    ] = None,
    skip_code: Annotated[bool, option("--skip-code", help="The code is deployed by somebody else.")] = False,
    scenarios: Annotated[bool, option("--scenarios/--no-scenarios", help="Run the guide's tests.")] = True,
    monitor: Annotated[str | None, option("--monitor", metavar="PLAN", help="Stay and watch, such as 15m*4,1h*23.")] = None,
    receipt: Annotated[Path | None, option("--receipt", metavar="FILE", help="Where the receipt is kept.")] = None,
    max_wait: Annotated[str, option("--max-wait", metavar="TIME", help="How long to wait for locks, per file.")] = "5m",
    dry_run: Annotated[bool, option("--dry-run", help="Only show the plan.")] = False,
    yes: options.Yes = False,
) -> ExitCode:
    """Looks before, notes the figures, migrates, runs the code step, verifies, and watches where --monitor is given.

    Stops at the first failure, says what is in place and how to go on. The code step is `[deploy] commands` of chatops.toml;
    `before` (such as a back-up) runs before the migration, `after` at the end. --from code goes on at the command that failed.

    Examples:
      chatops deploy --dry-run
      chatops --env production deploy --yes --receipt deploy.json
      chatops deploy --skip-code --monitor '15m*4,1h*23'
      chatops deploy --from code --receipt deploy.json --yes

    Exit codes: 0 every step is done · 1 verify or monitor found something · 4 a step was refused or failed · 5 a lock was in
    the way
    """
    from chatops.flows import deploy as flow  # help and completion load no flow

    request = flow.DeployRequest(
        to=to, directory=directory, start=start, skip_code=skip_code, scenarios=scenarios, monitor=monitor, receipt=receipt,
        max_wait=max_wait, dry_run=dry_run, yes=yes,
    )  # fmt: skip
    return flow.deploy(invocation_of(ctx), request)
