"""`chatops diagnose`."""

from __future__ import annotations

from pathlib import Path

import typer

from chatops.cli.invocation import CHECK_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(
    examples=["chatops diagnose", "chatops diagnose --since 1h --fail-on critical", "chatops diagnose 3f2b8c1e",
              "chatops diagnose --only CHAT003 --rows 50 -o json"],
    exits="0 nothing from --fail-on up · 1 findings, or checks that could not run",
    formats=CHECK_FORMATS,
)  # fmt: skip
def diagnose(
    ctx: typer.Context,
    chat: str = typer.Argument("", metavar="[CHAT]", help="One chat: its state, its history and what is wrong with it."),
    fail_on: str = typer.Option("warning", "--fail-on", metavar="SEVERITY", help="critical, warning, advice or never."),
    only: list[str] = typer.Option([], "--only", metavar="CODE", help="Only these checks (repeat, or commas)."),
    ignore: list[str] = typer.Option([], "--ignore", metavar="CODE", help="All but these checks."),
    since: str = typer.Option("24h", "--since", metavar="TIME", help="How far checks of history look back, or all."),
    rows: int = typer.Option(3, "--rows", min=1, max=1000, help="How many rows of evidence to show for each finding."),
    threshold: list[str] = typer.Option([], "--threshold", metavar="NAME=NUMBER", help="Measure against another number."),
    checks_dir: Path | None = typer.Option(None, "--checks-dir", metavar="DIR", help="Checks of your own beside ours."),
    timeout: float = typer.Option(14.0, "--timeout", min=1, max=3600, metavar="SECONDS", help="For all checks together."),
) -> ExitCode:
    """Findings, worst first, each with the command that previews its fix. Reads only, in one snapshot, and stores nothing.

    Is the deploy right: chatops verify. Can I work here: chatops doctor. What a code means: chatops explain CODE.
    """
    from chatops.checks import load, outcomes, run, screens, thresholds
    from chatops.cli import checking
    from chatops.errors import ConnectionLostError

    invocation = invocation_of(ctx)
    severity = checking.fail_on(fail_on)
    ignored = load.codes_of(ignore)
    silent = checking.snoozed(invocation, load.codes_of(only)) if not chat else []
    checks = checking.choose(checks_dir, load.codes_of(only), [*ignored, *(one.code for one in silent)])
    ignored += [f"{one.code} (snoozed until {one.until})" for one in silent if one.code not in ignored]
    given = thresholds.parse(threshold)
    run.window(since)
    invocation.check_output()
    reader = checking.reader(invocation)
    survey = None
    try:
        with invocation.reading() as database:
            if chat:
                answer, survey = checking.about_chat(
                    invocation, database, chat, checks=checks, since=since, given=given, rows=rows, timeout=timeout
                )
            else:
                survey = run.run(database, checks, since=since, given=given, rows=rows, whole_seconds=timeout,
                                 progress=checking.progress(invocation))  # fmt: skip
                health = checking.health(database, survey)
                place = checking.place(invocation, database)
                answer = screens.diagnosis(survey, place, reader, health=health, ignored=ignored)
    except ConnectionLostError:
        if survey is None:
            raise
        answer = screens.diagnosis(survey, invocation.target.name, reader, ignored=ignored)
    invocation.show(outcomes.with_outcomes(answer, survey, severity, invocation.here))
    return checking.exit_code(survey, severity)
