"""The demo on one screen: who is there, who waits, the worst findings, and three commands to try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chatops import formatting, sqlfiles
from chatops.chats.demo_facts import DemoFacts
from chatops.chats.reports import Queue, Summary
from chatops.checks.findings import Finding, findings
from chatops.checks.results import Survey
from chatops.migrations.source import DEPLOYED
from chatops.model import Answer, Column, Line, Span, Table, Text, named
from chatops.screens import tables
from chatops.screens.lines import SEVERITY_STYLES

SHOWN = 3


def answer(made: DemoFacts, summary: Summary, queue: Queue, survey: Survey, program: str) -> Answer:
    """At most 29 lines of at most 100 columns, so that it fits on one screen above the prompt; `program` is how it is typed."""

    def here(*words: str) -> str:
        return " ".join((program, "--db demo", *words))

    found = findings(survey, here)
    schema = "the newest migration" if made.healed else f"{DEPLOYED}, the deployed system"
    trouble = "mended by what diagnose prints" if made.healed else "with one of every trouble in it"
    head: list[Line] = [
        [Span(f"A chat platform on a Postgres of its own, {trouble}.", "strong")],
        f"{made.people} · {schema}",
        "",
        tables.queue_line(summary.queue, survey.now, away=False),
    ]
    waits = tables.queue_answer(queue, survey.now).tables[0]
    steps = _steps(found, here, program)
    commands = Table("commands", [Column("command", "command"), Column("what", "what")],
                     [{"command": line, "what": what} for line, what in steps], audience="machines")  # fmt: skip
    return Answer(
        "demo",
        [
            Text(head),
            tables.summary_table(summary),
            replace(waits, empty="nobody waits"),
            Text(["", *_finding_lines(found, here), "", *_step_lines(steps, program)]),
            _finding_rows(found),
            commands,
        ],
        {"size": made.size, "seed": made.seed, "healed": made.healed, "planted": made.planted},
        survey.now,
    )


def _finding_lines(found: list[Finding], here: Callable[..., str]) -> list[list[Span]]:
    if not found:
        return [[Span("healthy: nothing is wrong with it", "ok")]]
    lines = [
        [Span(f"{finding.word.upper():<8}", SEVERITY_STYLES[finding.word]), Span(f"  {finding.code:<8}  "), Span(finding.title)]
        for finding in found[:SHOWN]
    ]
    if more := formatting.and_more(len(found) - SHOWN):
        lines.append([Span(f"{more}: "), Span(here("diagnose"), "code")])
    return lines


def _finding_rows(found: list[Finding]) -> Table:
    columns = [
        *named("code", "severity"),
        *named("count", kind="number"),
        Column("title", "title"),
    ]
    rows = [
        {"code": finding.code, "severity": finding.word, "count": finding.result.count, "title": finding.title}
        for finding in found
    ]
    return Table("findings", columns, rows, audience="machines")


def _steps(found: list[Finding], here: Callable[..., str], program: str) -> list[tuple[str, str]]:
    """Three commands that work as pasted: finding, fix, clean; where nothing can be mended, a look around."""
    mendable = set(sqlfiles.names("repairs"))
    code = next((finding.code for finding in found if finding.code in mendable), None)
    if code is None:
        return [
            (here("diagnose"), "what is wrong now"),
            (here("stuck", "--longer-than", "10m"), "what does not move"),
            (f"{program} demo --reset", "make it anew, with trouble in it"),
        ]
    return [
        (here("diagnose", "--only", code), "the evidence"),
        (here("repair", code, "--yes"), "mends it, logged"),
        (here("diagnose", "--only", code), "clean"),
    ]


def _step_lines(steps: list[tuple[str, str]], program: str) -> list[list[Span]]:
    width = max(len(line) for line, _ in steps)
    head = "Try it, from finding to fix to clean" if "repair" in steps[1][0] else "Look around"
    folder = program.removesuffix("/chatops")
    # The commands that other commands print begin with the bare name.
    bare = f"; to type chatops alone: export PATH={folder if folder.startswith('/') else '$PWD/' + folder}:$PATH"
    lines = [[Span(head + (bare if folder != program else ":"), "strong")]]
    return lines + [[Span(f"{line:<{width}}", "code"), Span(f"  # {what}", "dim")] for line, what in steps]
