"""`chatops simulate`."""

from __future__ import annotations

from typing import Annotated

from chatops.cli import completion
from chatops.cli.declared import Context, option
from chatops.cli.options import Formats, command, invocation_of
from chatops.errors import ExitCode


@command(formats=Formats(frozenset({"problems"})))
def simulate(
    ctx: Context,
    seconds: Annotated[int, option(metavar="S", min=1, max=3600, help="For how long.")] = 20,
    operators: Annotated[int, option(metavar="N", min=1, max=60, help="Operators; a third of them work in two tabs.")] = 12,
    users: Annotated[int, option(metavar="N", min=1, max=60, help="Users' sessions.")] = 4,
    chats: Annotated[int, option(metavar="N", min=1, max=5000, help="Chats that they write in.")] = 40,
    seed: Annotated[int, option(metavar="N", help="Repeats the schedule: who wants to do what, and when.")] = 1,
    writers: Annotated[
        str,
        option(
            metavar="HOW",
            autocompletion=completion.writers,
            help="application: as the deployed one writes; functions: through them.",
        ),
    ] = "application",
    original: Annotated[bool, option("--original", help="Stop at 017, the deployed system, and see it break.")] = False,
    faults: Annotated[bool, option("--faults", help="End some of their sessions at random.")] = False,
    keep: Annotated[bool, option("--keep", help="Keep the database afterwards.")] = False,
) -> ExitCode:  # fmt: skip
    """Operators who click twice, type slowly and vanish, users in bursts, the
    idle cron and an admin write at once, while another session looks whether
    the invariants I1 to I10 hold.

    On a database that it creates, and drops when it ends, on the server of --db
    or --env, else on the embedded server; never on a production server.

    Examples:
      chatops simulate
      chatops simulate --original --seconds 10
      chatops simulate --writers functions --seconds 60 --faults -o json

    Exit codes: 0 every invariant held · 1 one was broken, or that is unknown, or a statement failed that must not · 2 usage ·
    3 no server · 4 refused: a production environment · 130 interrupted
    """
    from chatops.flows import simulate as flow  # help and completion load no flow

    request = flow.SimulateRequest(
        seconds=seconds, operators=operators, users=users, chats=chats, seed=seed, writers=writers, original=original,
        faults=faults, keep=keep,
    )  # fmt: skip
    return flow.simulate(invocation_of(ctx), request)
