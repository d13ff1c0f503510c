"""`chatops drain`."""

from __future__ import annotations

import typer

from chatops.cli import shared_options as options
from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode


@command(
    examples=["chatops drain op-12 --dry-run", "chatops drain op-12 --reason 'end of shift'",
              "chatops drain op-12 --release --yes"],
    exits="0 nothing is held any more · 2 unknown or ambiguous name · 4 refused · 5 a chat moved meanwhile",
)  # fmt: skip
def drain(
    ctx: typer.Context,
    operator: options.OneOperator,
    to: str = typer.Option("auto", "--to", metavar="OPERATOR", help="Who gets the chats; auto spreads over who is free."),
    release: bool = typer.Option(False, "--release", help="Release the chats instead of giving them to others."),
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    reason: options.Reason = None,
) -> ExitCode:
    """Makes an operator unavailable, so that no new chat comes to them, and moves or releases those they hold.

    A chat whose user waits goes to somebody who is free; when nobody is, and when we had the last word, it is released. What
    the operator was before is remembered: `chatops undrain` brings it back, `chatops undo` also the chats.
    """
    from chatops.flows.drain import empty

    return empty(invocation_of(ctx), operator, to, release=release, dry_run=dry_run, yes=yes, reason=reason)
