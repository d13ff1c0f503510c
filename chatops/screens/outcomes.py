"""Results for systems that watch: each check as passed, failed or unknown, and the numbers of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chatops.checks.findings import FailOn, Finding, counts_as_found, findings, tally
from chatops.checks.results import Survey
from chatops.model import Answer, Figure, Outcome
from chatops.screens.evidence import evidence
from chatops.screens.lines import Reader, looked_back

MOST_ROWS = 10
"""So many offending rows are evidence enough in a file."""


def with_outcomes(answer: Answer, survey: Survey, fail_on: FailOn, here: Callable[..., str]) -> Answer:
    """The answer with every check's outcome; `counts` is what makes the run end in 1."""
    reader = Reader(0, short_ids=False, show_names=False, here=here)  # a file outlives the moment: nobody is named in it
    found = {finding.code: finding for finding in findings(survey, here)}
    outcomes = [
        Outcome(
            name=result.check.code,
            status=result.status if survey.judged(result) else "not judged",
            severity=result.severity.value,
            message=_message(found.get(result.check.code), result.check.expected)
            if survey.judged(result)
            else not_judged(survey),
            help=_help(found.get(result.check.code)),
            counts=counts_as_found(result, fail_on),
            seconds=result.seconds,
            evidence="\n".join(evidence(row, survey, reader) for row in result.rows[:MOST_ROWS]),
        )
        for result in survey.results
    ]
    return replace(answer, outcomes=outcomes, figures=figures(survey))


def figures(survey: Survey) -> list[Figure]:
    """How many checks there were, how they ended, and how long it took."""
    by_word = [
        Figure("findings", float(number), "Findings by severity; unknown: checks that could not be made.", {"severity": word})
        for word, number in tally(survey).items()
    ]
    return [
        *by_word,
        Figure(
            "checks_not_judged",
            float(sum(not survey.judged(result) for result in survey.results)),
            "Checks of history that had too little of it to judge by.",
        ),
        Figure("checks", float(len(survey.results)), "Checks that were asked for."),
        Figure("checks_run", float(survey.ran), "Checks that gave an answer."),
        Figure("checks_duration_seconds", round(survey.seconds, 3), "How long the checks took."),
    ]


def not_judged(survey: Survey) -> str:
    """Why checks of history say nothing yet."""
    return f"only {looked_back(survey.since)} of history since the last migration"


def _message(finding: Finding | None, expected: str) -> str:
    if finding is None:
        return expected
    return (finding.result.reason or expected) if finding.result.status == "unknown" else finding.title


def _help(finding: Finding | None) -> str:
    return "" if finding is None else finding.command or finding.sql or finding.advice or ""
