"""`chatops config`: which setting won, and why."""

from __future__ import annotations

from chatops.cli.declared import Context
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of


@command(formats=DOCUMENT_FORMATS)
def config(ctx: Context) -> None:
    """Shows each setting and where it came from; connects to nothing and never shows a password.

    Examples:
      chatops config
      chatops --env production config -o json

    Exit codes: 0 shown · 2 no database named, or the configuration is malformed
    """
    from chatops.flows.config import show

    show(invocation_of(ctx))
