"""`chatops config`: which setting won, and why."""

from __future__ import annotations

from chatops.cli.declared import Context
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of


@command(
    examples=["chatops config", "chatops --env production config -o json"],
    exits="0 shown · 2 no database named, or the configuration is malformed",
    formats=DOCUMENT_FORMATS,
)
def config(ctx: Context) -> None:
    """Shows each setting and where it came from; connects to nothing and never shows a password."""
    from chatops.flows.config import show

    show(invocation_of(ctx))
