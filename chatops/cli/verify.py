"""`chatops verify`."""

from __future__ import annotations

from pathlib import Path

from chatops.cli import completion
from chatops.cli.declared import Context, may_be_left_out, option
from chatops.cli.options import CHECK_FORMATS, command, invocation_of
from chatops.cli.shared_options import ChecksDir, ChecksTimeout, FailOn, Only, Threshold
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"), formats=CHECK_FORMATS)
def verify(
    ctx: Context,
    group: str = may_be_left_out(
        "[schema|data]", completion.subjects, "schema gates a deploy, data reports; both when not given."
    ),
    only: Only = None,
    skip: list[str] = option([], "--skip", metavar="CODE", autocompletion=completion.codes, help="All but these checks."),
    list_: bool = option(False, "--list", help="Show the checks and what they expect; connect to nothing."),
    since: str = option("migration", "--since", metavar="TIME", help="How far checks of history look back, or all."),
    fail_on: FailOn = "warning",
    threshold: Threshold = None,
    checks_dir: ChecksDir = None,
    timeout: ChecksTimeout = 14.0,
    scenarios: bool = option(False, "--scenarios", help="Run the guide's tests; always rolled back."),
    concurrent: bool = option(False, "--concurrent", help="With --scenarios: several sessions, in a copy dropped again."),
    against: Path | None = option(None, "--against", metavar="RECEIPT", help="What has changed since that deploy?"),
    diff: bool = option(False, "--diff", help="With --against: what changed, line by line."),
    yes: bool = option(False, "--yes", "-y", help="Do not ask (--scenarios writes, and rolls back)."),
) -> ExitCode:
    """Reads only, in one snapshot. A check that could not run is unknown, says why, and counts as failed.
    What failed is told as older or newer than the last migration, as far as its rows, or looks of diagnose or a monitor,
    say when it began; both count.
    Open functions (DB001), locks, load and waits are looked at by diagnose: they come and go without a deploy.

    What is wrong now: chatops diagnose. Can I work here: chatops doctor.

    Examples:
      chatops verify
      chatops verify schema --write markdown=summary.md
      chatops verify --only CHAT003,CONF001
      chatops verify --scenarios
      chatops verify --against deploy.json
      chatops verify -o github --write junit=verify.xml

    Exit codes: 0 everything above advice passed · 1 something failed (however old it is), or could not be checked
    """
    from chatops.flows.verify import VerifyRequest, verify  # loads the driver

    request = VerifyRequest(
        group=group, only=tuple(only or ()), skip=tuple(skip), listed=list_, since=since, fail_on=fail_on,
        threshold=tuple(threshold or ()), checks_dir=checks_dir, timeout=timeout,
        scenarios=scenarios, concurrent=concurrent, against=against, diff=diff, yes=yes,
    )  # fmt: skip
    return verify(invocation_of(ctx), request)
