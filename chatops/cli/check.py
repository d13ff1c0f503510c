"""`chatops check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from chatops.cli.declared import Context, option
from chatops.cli.options import LINTED_FORMATS, command, invocation_of
from chatops.cli.shared_options import Folder
from chatops.errors import ExitCode
from chatops.flows.folder import FolderOptions


@command(takes=("output",), formats=LINTED_FORMATS)
def check(
    ctx: Context,
    directory: Folder = None,
    on: Annotated[str | None, option("--on", metavar="URL", help="A throw-away server (default: embedded).")] = None,
    before: Annotated[
        list[Path] | None, option("--before", metavar="FILE", help="SQL to run first: stand-ins for a platform's objects.")
    ] = None,
    since: Annotated[str | None, option(metavar="N", help="Lint files from this one on; those before it are in.")] = None,
    all_files: Annotated[bool, option("--all-files", help="Also files named as if they undid another one.")] = False,
) -> ExitCode:
    """Applies a folder from nothing, for pull requests: in a database of its own, dropped at the end, as no superuser.

    One verdict: does every file apply, whom does each block on the tables before it, what does lint say. What the server lacks
    (an extension, a platform's schemas and roles) is named.

    Examples:
      chatops check --dir supabase/migrations
      chatops check --dir migrations --since 042 -o github --write junit=check.xml
      chatops check --dir migrations --on postgresql://postgres@localhost:5433/postgres --before tests/platform.sql

    Exit codes: 0 every file applies, nothing unsafe · 1 lint found something, or was not there · 4 a file does not apply, or
    refused
    """
    from chatops.flows import check as flow  # here: help and completion load no flow

    asked = flow.CheckRequest(FolderOptions(directory, None, all_files), on, before or [], since)
    return flow.run(invocation_of(ctx), asked)
