"""`chatops diagnose`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from chatops.cli import completion
from chatops.cli.options import CHECK_FORMATS, command, invocation_of
from chatops.errors import ExitCode, UsageError
from chatops.flows.replay_archive import REPLAY_HELP

if TYPE_CHECKING:
    from chatops.checks.try_repair import Rehearsed


@command(
    examples=["chatops diagnose", "chatops diagnose --since 1h --fail-on critical", "chatops diagnose 3f2b8c1e",
              "chatops diagnose --only CHAT003 --rows 50 -o json", "chatops diagnose --rehearse --yes",
              "chatops diagnose --since-file before.json --write json=now.json"],
    exits="0 nothing from --fail-on up · 1 findings, or checks that could not run · 4 --rehearse where nothing may be written",
    formats=CHECK_FORMATS,
)  # fmt: skip
def diagnose(
    ctx: typer.Context,
    chat: str = typer.Argument(
        "", metavar="[CHAT]", autocompletion=completion.chats, help="One chat: its state, its history and what is wrong with it."
    ),
    fail_on: str = typer.Option("warning", "--fail-on", metavar="SEVERITY", help="critical, warning, advice or never."),
    only: list[str] = typer.Option([], "--only", metavar="CODE", help="Only these checks (repeat, or commas)."),
    ignore: list[str] = typer.Option([], "--ignore", metavar="CODE", help="All but these checks."),
    since: str = typer.Option("24h", "--since", metavar="TIME", help="How far checks of history look back, or all."),
    rows: int = typer.Option(3, "--rows", min=1, max=1000, help="How many rows of evidence to show for each finding."),
    threshold: list[str] = typer.Option([], "--threshold", metavar="NAME=NUMBER", help="Measure against another number."),
    checks_dir: Path | None = typer.Option(None, "--checks-dir", metavar="DIR", help="Checks of your own beside ours."),
    timeout: float = typer.Option(14.0, "--timeout", min=1, max=3600, metavar="SECONDS", help="For all checks together."),
    since_file: Path | None = typer.Option(
        None, "--since-file", metavar="FILE", help="Say what is new and gone since this look (kept by --write json=FILE)."
    ),
    rehearse: bool = typer.Option(
        False, "--rehearse", help="Run each fix, look at what it does, roll it back: locks for 0.5 s at most."
    ),
    yes: bool = typer.Option(False, "--yes", "-y", help="With --rehearse: do not ask."),
    capture: Path | None = typer.Option(
        None, "--capture", metavar="FILE", help="Write an archive to look at again elsewhere, without names and message text."
    ),
    replay: Path | None = typer.Option(None, "--replay", metavar="FILE", help=REPLAY_HELP),
) -> ExitCode:
    """Findings, worst first, each with the command that previews its fix. Reads only, in one snapshot, and stores nothing.

    What is new, ongoing or gone is told against --since-file, else against the newest tick of chatops monitor, of this machine or
    kept in the database by --store.
    --rehearse writes, in transactions that are always rolled back.

    Is the deploy right: chatops verify. Can I work here: chatops doctor. What a code means: chatops explain CODE.
    """
    import time

    from chatops.checks import capture as captures
    from chatops.checks import compare_looks, load, run, thresholds
    from chatops.errors import ConnectionLostError
    from chatops.flows import replay_archive, run_checks
    from chatops.screens import diagnose, outcomes

    invocation = invocation_of(ctx)
    severity = run_checks.fail_on(fail_on)
    ignored = load.codes_of(ignore)
    silent = run_checks.snoozed(invocation, load.codes_of(only)) if not chat else []
    checks = run_checks.choose(checks_dir, load.codes_of(only), [*ignored, *(one.code for one in silent)])
    ignored += [f"{one.code} (snoozed until {one.until})" for one in silent if one.code not in ignored]
    given = thresholds.parse(threshold)
    run.window(since)
    invocation.check_output()
    if chat and (rehearse or since_file or capture):
        raise UsageError("--rehearse, --since-file and --capture are about the whole database, not about one chat")
    if replay and (rehearse or since_file or capture):
        raise UsageError("--replay goes alone: an archive is neither rehearsed on, compared nor captured again")
    archive = None
    if replay is not None:
        archive = replay_archive.replay(invocation, replay)
        since, given = archive.head["since"], {**captures.given(archive), **given}
    reader = run_checks.reader(invocation)
    earlier = compare_looks.read(since_file, invocation.target.shown()) if since_file else None
    compares = not chat and archive is None and earlier is None
    if rehearse and not invocation.interactive:
        run_checks.may_rehearse(invocation, yes=yes)
    survey = None
    tried: Mapping[str, Rehearsed] | None = None
    health, stored, where = None, None, invocation.target.name
    # An archive takes the time that it takes.
    ends = time.monotonic() + timeout
    try:
        with invocation.reading(ends=None if capture else ends + run.GRACE_SECONDS) as database:
            left = ends - time.monotonic()
            if chat:
                answer, survey = run_checks.about_chat(
                    invocation, database, chat, checks=checks, since=since, given=given, rows=rows, timeout=left
                )
            else:
                kept = rows if capture is None else max(rows, captures.MOST_EVIDENCE)
                survey = run.run(database, checks, since=since, given=given, rows=kept, whole_seconds=left,
                                 progress=run_checks.progress(invocation))  # fmt: skip
                health = run_checks.health(database, survey)
                stored = run_checks.stored_watch(database) if compares else None
                where = run_checks.place(invocation, database)
                if capture is not None:
                    run_checks.captured(invocation, captures.write(database, survey, capture), capture)
                    survey = run.with_rows(survey, rows)
                if archive is not None:
                    survey, where = captures.replayed(archive, survey), f"replay of {archive.path.name}"
    except ConnectionLostError:
        if survey is None:
            raise
    if not chat:
        if compares:
            earlier = run_checks.last_tick(invocation, stored)
        compared = compare_looks.compare(survey, earlier) if earlier is not None else None
        if rehearse:
            tried = run_checks.rehearsed(invocation, survey, yes=yes)
        answer = diagnose.diagnosis(survey, where, reader, health=health, ignored=ignored, changes=compared, rehearsed=tried)
    invocation.show(outcomes.with_outcomes(answer, survey, severity, invocation.here))
    if tried is not None and any(one.refused for one in tried.values()):
        return ExitCode.REFUSED
    return run_checks.exit_code(survey, severity)
