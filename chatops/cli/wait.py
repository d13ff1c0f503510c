"""`chatops wait`."""

from __future__ import annotations

from typing import Annotated

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of


@command(
    examples=["chatops wait --timeout 2m && chatops migrate --yes", "chatops --env staging wait -o json"],
    exits="0 ready · 2 usage · 3 not reached in time, or the password was rejected · 4 reached, and it takes no writes",
    formats=DOCUMENT_FORMATS,
)
def wait(
    ctx: typer.Context,
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="How long to wait.")] = "60s",
) -> None:
    """Waits until the server answers and takes writes: after a start, a restart or a failover.

    A look takes a transaction that may write and rolls it back. A password that is rejected ends it at once.
    """
    from chatops.flows import wait as flow  # here: help and completion load no flow

    flow.run(invocation_of(ctx), flow.WaitRequest(timeout))
