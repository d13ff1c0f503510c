"""`chatops adopt`."""

from __future__ import annotations

from typing import Annotated

from chatops.cli import completion
from chatops.cli.declared import Context, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.cli.shared_options import Folder, Source, last_file
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"), formats=DOCUMENT_FORMATS)
def adopt(
    ctx: Context,
    to: Annotated[str | None, last_file("Where migrate is to stop: kept in what is printed.")] = None,
    through: Annotated[
        str | None,
        option(metavar="N", autocompletion=completion.files, help="State it by hand: the files up to this one are in."),
    ] = None,
    accept: Annotated[
        list[str] | None, option("--accept", metavar="FILE", help="Take a partial or conflicting file as it is.")
    ] = None,
    ledger_only: Annotated[bool, option("--ledger-only", help="Make ledger and audit, record no file.")] = False,
    edited: Annotated[
        list[str] | None, option("--edited", metavar="FILE", help="Take an edited file's present text for the applied one.")
    ] = None,
    forget: Annotated[
        list[str] | None,
        option("--forget", metavar="FILE", help="Take back a wrong adopt, or forget a vanished file."),
    ] = None,
    directory: Folder = None,
    source: Source = None,
    diff: Annotated[bool, option("--diff", help="Show both texts of what is defined differently.")] = False,
    dry_run: Annotated[bool, option("--dry-run", help="Only show; never ask.")] = False,
    yes: Annotated[bool, option("--yes", "-y", help="Record without asking.")] = False,
) -> ExitCode:
    """Proves from the catalog which files a database has, and records them as applied; runs none of them.

    applied: what it makes is there · pending: it is not · partial: something is missing · conflict: something is defined
    differently · unprovable: the catalog cannot tell. Without --yes nothing is written; off a terminal it only shows.

    Examples:
      chatops adopt
      chatops --env production adopt --through 016 --yes
      chatops adopt --dir supabase/migrations
      chatops adopt --ledger-only --yes

    Exit codes: 0 taken over, or nothing to decide · 1 a file is partial or in conflict · 4 refused · 5 another migrator was
    at work
    """
    from chatops.flows import adopt as flow  # here: help and completion load no flow

    asked = flow.AdoptRequest(
        to, through, accept or [], ledger_only, edited or [], forget or [], directory, source, diff, dry_run, yes
    )  # fmt: skip
    return flow.run(invocation_of(ctx), asked)
