"""`chatops verify`."""

from __future__ import annotations

from pathlib import Path

import typer

from chatops.cli.options import CHECK_FORMATS, command, invocation_of
from chatops.errors import ExitCode, UsageError


@command(
    examples=["chatops verify", "chatops verify schema --write markdown=summary.md", "chatops verify --only CHAT003,CONF001",
              "chatops verify --scenarios", "chatops verify --against deploy.json",
              "chatops verify -o github --write junit=verify.xml"],
    exits="0 everything above advice passed · 1 something failed, or could not be checked",
    formats=CHECK_FORMATS,
)  # fmt: skip
def verify(
    ctx: typer.Context,
    group: str = typer.Argument("", metavar="[schema|data]", help="schema gates a deploy, data reports; both when not given."),
    only: list[str] = typer.Option([], "--only", metavar="CODE", help="Only these checks (repeat, or commas)."),
    skip: list[str] = typer.Option([], "--skip", metavar="CODE", help="All but these checks."),
    list_: bool = typer.Option(False, "--list", help="Show the checks and what they expect; connect to nothing."),
    since: str = typer.Option("migration", "--since", metavar="TIME", help="How far checks of history look back, or all."),
    fail_on: str = typer.Option("warning", "--fail-on", metavar="SEVERITY", help="critical, warning, advice or never."),
    threshold: list[str] = typer.Option([], "--threshold", metavar="NAME=NUMBER", help="Measure against another number."),
    checks_dir: Path | None = typer.Option(None, "--checks-dir", metavar="DIR", help="Checks of your own beside ours."),
    timeout: float = typer.Option(14.0, "--timeout", min=1, max=3600, metavar="SECONDS", help="For all checks together."),
    scenarios: bool = typer.Option(False, "--scenarios", help="Live through the guide's tests; always rolled back."),
    concurrent: bool = typer.Option(False, "--concurrent", help="With --scenarios: several sessions, in a copy dropped again."),
    against: Path | None = typer.Option(None, "--against", metavar="RECEIPT", help="What has changed since that deploy?"),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask (--scenarios writes, and rolls back)."),
) -> ExitCode:
    """Reads only, in one snapshot. A check that could not run is unknown, says why, and counts as failed.

    What is wrong now: chatops diagnose. Can I work here: chatops doctor.
    """
    import shlex
    from dataclasses import replace

    from chatops.checks import load
    from chatops.flows import run_checks
    from chatops.screens import diagnose, outcomes

    invocation = invocation_of(ctx)
    groups = ("schema", "data") if not group else (group,)
    if set(groups) - {"schema", "data"}:
        raise UsageError(f"verify looks at schema or data, not at {group!r}")
    if concurrent and not scenarios:
        raise UsageError("--concurrent is a way of --scenarios: give both")
    if scenarios or against is not None:
        from chatops.flows import verify_promises

        if group or only or skip or list_ or threshold or checks_dir is not None:
            raise UsageError("--scenarios and --against look at something else than checks: leave what chooses checks out")

        if concurrent and scenarios and against is None:
            return verify_promises.concurrent(invocation, yes=yes)
        if scenarios and against is not None:
            raise UsageError("--scenarios and --against are two questions: ask one at a time")
        return (
            verify_promises.against(invocation, against)
            if against is not None
            else verify_promises.scenarios(invocation, yes=yes)
        )
    severity = run_checks.fail_on(fail_on)
    checks = run_checks.choose(checks_dir, load.codes_of(only), load.codes_of(skip), groups)
    invocation.check_output()
    if list_:
        invocation.show(diagnose.catalogue(checks))
        return ExitCode.OK
    survey = run_checks.survey(invocation, checks, since=since, threshold=threshold, timeout=timeout)
    own = () if checks_dir is None else ("--checks-dir", shlex.quote(str(checks_dir)))
    answer = diagnose.verification(survey, replace(run_checks.reader(invocation), own=own), severity)
    invocation.show(outcomes.with_outcomes(answer, survey, severity, invocation.here))
    return run_checks.exit_code(survey, severity)
