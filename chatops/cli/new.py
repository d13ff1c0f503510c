"""`chatops new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from chatops.cli.declared import Context, argument, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of


@command(takes=("output",), formats=DOCUMENT_FORMATS)
def new(
    ctx: Context,
    name: Annotated[str, argument(metavar="NAME", help="What it does, in a few words.")],
    directory: Annotated[Path | None, option("--dir", metavar="FOLDER", help="The folder of your files.")] = None,
    dry_run: Annotated[bool, option("--dry-run", help="Only say how it would be called.")] = False,
) -> None:
    """Writes the next file of a folder, numbered as the others are, with its `-- effect:` line ready.

    Connects to nothing. The folder may stand in chatops.toml, as dir under [migrations].

    Examples:
      chatops new 'keep drafts of replies' --dir supabase/migrations
      chatops new 'keep drafts of replies' --dry-run

    Exit codes: 0 the file is there · 2 usage · 4 it is there already, or cannot be written
    """
    from chatops.flows import new as flow  # here: help and completion load no flow

    flow.run(invocation_of(ctx), flow.NewRequest(name, directory, dry_run))
