"""A failure as lines for people, and as an answer for what watches checks."""

from __future__ import annotations

from chatops import formatting
from chatops.errors import ChatopsError
from chatops.model import Answer, Figure, Line, Outcome, Span
from chatops.render.format import Failure


def failure(error: ChatopsError) -> list[Line]:
    """Lines for stderr; text from the server is made visible, commands stand unbroken."""
    sqlstate = getattr(error, "sqlstate", None)
    code = f"  ({sqlstate})" if sqlstate else ""
    lines: list[Line] = [[Span("✗ ", "critical"), Span(formatting.visible(error.message, lines=True) + code)]]
    from_server = (getattr(error, "server_detail", None), getattr(error, "server_hint", None))
    details = [*filter(None, from_server), *error.details]
    lines += ["   " + formatting.visible(detail, lines=True) for detail in details]
    width = max((len(label) for label, _ in error.next_steps), default=0)
    for label, step in error.next_steps:
        lines.append([Span(f"   {label + ':':<{width + 1}} ", "dim"), Span(step, "code")])
    return lines


def unknown(failed: Failure) -> Answer:
    """A run without an answer as one outcome that nobody knows: what watches checks must not go on with an older file."""
    outcome = Outcome(f"chatops {failed.command}", "unknown", "critical", failed.error.message, counts=True)
    figures = [
        Figure("findings", 1.0, "Findings by severity; unknown: checks that could not be made.", {"severity": "unknown"}),
        Figure("checks_run", 0.0, "Checks that gave an answer."),
    ]
    return Answer(failed.command, [], figures=figures, outcomes=[outcome])
