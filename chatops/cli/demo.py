"""`chatops demo`."""

from __future__ import annotations

from typing import Annotated

from chatops.cli.declared import Context, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(takes=("output",), formats=DOCUMENT_FORMATS)
def demo(
    ctx: Context,
    size: Annotated[int | None, option(metavar="CHATS", help="How many chats (default 5000).", show_default=False)] = None,
    seed: Annotated[int | None, option(metavar="N", help="Another seed, other people and words (default 1).")] = None,
    healed: Annotated[bool, option("--healed", help="Go on to the newest migration, and do what diagnose prints.")] = False,
    reset: Annotated[bool, option("--reset", help="Make it anew.")] = False,
    stop: Annotated[bool, option("--stop", help="Stop the embedded server; the data stays.")] = False,
    remove: Annotated[bool, option("--remove", help="Remove it, and the server when nothing else is on it.")] = False,
    yes: Annotated[bool, option("--yes", "-y", help="Throw away the demo that is there without asking.")] = False,
) -> ExitCode:
    """Starts a Postgres of its own, builds the deployed system on it, fills it, and plants one example of every finding.

    Touches nothing but its own database, whatever other database is set; running it again is harmless. --db demo names that
    database for every other command. --reset and --remove throw away what is there: on a terminal they ask first, and the demo
    of a machine (root's, which others may use) goes with --yes alone where nobody can be asked.

    Examples:
      chatops demo
      chatops demo --size 100000 --seed 7 --reset
      chatops demo --healed
      chatops demo --remove

    Exit codes: 0 it is there · 2 usage · 3 the embedded server does not start · 4 it stays · 5 another demo is being made
    """
    from chatops.flows import demo as flow  # help and completion load no flow

    return flow.demo(
        invocation_of(ctx), flow.DemoRequest(size=size, seed=seed, healed=healed, reset=reset, stop=stop, remove=remove, yes=yes)
    )
