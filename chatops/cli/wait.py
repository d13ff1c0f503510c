"""`chatops wait`."""

from __future__ import annotations

from typing import Annotated

from chatops.cli import completion
from chatops.cli.declared import Context, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode


@command(formats=DOCUMENT_FORMATS)
def wait(
    ctx: Context,
    conditions: Annotated[
        list[str] | None,
        option(
            "--for",
            metavar="NAME=NUMBER",
            help="A code's count, or waiting, oldest, free, busy; also <, <=, >, >=.",
            autocompletion=completion.conditions,
        ),
    ] = None,
    timeout: Annotated[str, option("--timeout", metavar="TIME", help="How long to wait.")] = "60s",
) -> ExitCode:
    """Waits until the server answers and takes writes; with --for until findings and queue are so, as after a repair.

    A look takes a transaction that may write and rolls it back; with --for it only reads. A password that is rejected ends it
    at once.

    Examples:
      chatops wait --timeout 2m && chatops migrate --yes
      chatops --env staging wait -o json
      chatops wait --for 'CHAT003=0' --for 'oldest<5m' --timeout 10m

    Exit codes: 0 ready · 1 not so in time (--for) · 2 usage · 3 not reached, or the password was rejected · 4 it takes no
    writes
    """
    if conditions:
        from chatops.flows.wait_for import wait_for  # here: help and completion load no flow

        return wait_for(invocation_of(ctx), conditions, timeout)
    from chatops.flows import wait as flow

    flow.run(invocation_of(ctx), flow.WaitRequest(timeout))
    return ExitCode.OK
