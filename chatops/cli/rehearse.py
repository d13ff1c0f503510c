"""`chatops rehearse`."""

from __future__ import annotations

from typing import Annotated

from chatops.cli.declared import Context, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.cli.shared_options import Folder, Source, Yes, last_file
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"), formats=DOCUMENT_FORMATS)
def rehearse(
    ctx: Context,
    to: Annotated[str | None, last_file("The last file to rehearse: number or name.")] = None,
    directory: Folder = None,
    source: Source = None,
    max_hold: Annotated[
        str | None,
        option("--max-hold", metavar="TIME", help="Hold locks no longer (on production 2s), cancel and say so."),
    ] = None,
    max_wait: Annotated[str, option("--max-wait", metavar="TIME", help="How long to wait for locks.")] = "30s",
    allow_out_of_order: Annotated[bool, option("--allow-out-of-order", help="Rehearse files that come late, too.")] = False,
    yes: Yes = False,
) -> ExitCode:
    """Runs the pending files for real in a transaction that is rolled back, and measures what they do to others.

    While it runs it holds the locks that it measures: on production for 2 s at most. Reports each statement's locks, rewrites,
    scans and time, and whom each file blocks, for how long. Sequences keep the numbers that they gave out.

    Examples:
      chatops rehearse
      chatops --env production rehearse --max-hold 500ms
      chatops rehearse --dir supabase/migrations --to 017 -o json

    Exit codes: 0 every file went through · 1 a file keeps others waiting for longer than --max-hold · 4 a file fails, or
    refused · 5 a lock was not had within --max-wait
    """
    from chatops.flows import rehearse as flow  # here: help and completion load no flow

    asked = flow.RehearseRequest(to, directory, source, max_hold, max_wait, allow_out_of_order, yes)
    return flow.run(invocation_of(ctx), asked)
