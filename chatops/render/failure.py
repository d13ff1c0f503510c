"""A failure as lines: what happened, the evidence, the next command."""

from __future__ import annotations

from chatops import formatting
from chatops.errors import ChatopsError
from chatops.model import Line, Span


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
