"""`chatops show`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli.declared import Context, argument, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.cli.shared_options import Replay
from chatops.errors import ExitCode


@command(formats=DOCUMENT_FORMATS)
def show(
    ctx: Context,
    what: str = argument(
        ...,
        metavar="[chat|operator]",
        help="What to show; guessed where it is left out.",
        autocompletion=completion.kinds_or_names,
    ),
    name: str = argument(
        "", metavar="NAME", help="An id, its beginning, part of a name, or a pasted address.", autocompletion=completion.either
    ),
    show_text: bool = option(False, "--show-text", help="Show what was written in messages."),
    rows: int | None = option(
        None, "--rows", min=1, max=10_000, help="How many events of the timeline (default 50; people see 10 of an operator)."
    ),
    replay: Replay = None,
) -> ExitCode:
    """A chat: state, why it is in it, what is wrong with it, why nobody gets it, its timeline. An operator: load and timeline.

    `chatops diagnose CHAT` shows the same of a chat and ends in 1 when something is wrong with it.

    Examples:
      chatops show 3f2b8c1e
      chatops show operator op-12
      chatops show chat 3f2b8c1e --show-text -o json

    Exit codes: 0 shown · 2 unknown or ambiguous name
    """
    from chatops.flows import show as flow

    return flow.show(invocation_of(ctx), what, name, show_text=show_text, rows=rows, replay=replay)
