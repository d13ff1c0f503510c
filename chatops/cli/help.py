"""`chatops help`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli.declared import Context, argument
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of


@command(takes=("output",), formats=DOCUMENT_FORMATS)
def help(  # noqa: A001 - the command's name
    ctx: Context,
    topic: str = argument(
        "", metavar="[TOPIC]", autocompletion=completion.topics, help="A page of the manual, or a command; a list when not given."
    ),
) -> None:
    """The manual, offline: the guide, on call, migrations, scale, safety, reference, findings, glossary.

    In a pager on a terminal. Connects to nothing.

    Examples:
      chatops help
      chatops help on-call
      chatops help migrate

    Exit codes: 0 shown · 2 no such page or command
    """
    from chatops.flows.manual import show  # reads the manual

    show(invocation_of(ctx), topic)
