"""`chatops drain`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli import shared_options as options
from chatops.cli.declared import Context, option
from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode


@command()
def drain(
    ctx: Context,
    operators: options.SomeOperators = None,
    to: str = option(
        "auto",
        "--to",
        metavar="OPERATOR",
        autocompletion=completion.recipients,
        help="Who gets the chats; auto spreads over who is free.",
    ),
    where: str | None = option(
        None,
        "--where",
        metavar="CODE",
        autocompletion=completion.operators_found,
        help="All operators of a finding, such as OPER003.",
    ),
    release: bool = option(False, "--release", help="Release the chats instead of giving them to others."),
    finish: bool = option(False, "--finish", help="They keep the chats they hold, answer them, and leave."),
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    reason: options.Reason = None,
) -> ExitCode:
    """Makes operators unavailable, so that no new chat comes to them, and moves or releases those they hold.

    A chat whose user waits goes to somebody who is free; when nobody is, and when we had the last word, it is released. What
    the operator was before is remembered: `chatops undrain` brings it back, `chatops undo` also the chats.

    Examples:
      chatops drain op-12 --dry-run
      chatops drain op-12 --reason 'end of shift'
      chatops drain op-12 --release --yes
      chatops drain op-12 op-31 --finish
      chatops drain --where OPER003 --dry-run

    Exit codes: 0 nothing is held any more · 2 unknown or ambiguous name · 4 refused · 5 a chat moved meanwhile
    """
    from chatops.flows.drain import DrainRequest, empty

    request = DrainRequest(
        names=operators or (), where=where, to=to, release=release, finish=finish, dry_run=dry_run, yes=yes, reason=reason
    )
    return empty(invocation_of(ctx), request)
