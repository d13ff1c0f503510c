"""`chatops lint`."""

from __future__ import annotations

from typing import Annotated

from chatops.cli.declared import Context, option
from chatops.cli.options import LINTED_FORMATS, command, invocation_of
from chatops.cli.shared_options import Folder, Source
from chatops.errors import ExitCode


@command(formats=LINTED_FORMATS)
def lint(
    ctx: Context,
    directory: Folder = None,
    source: Source = None,
    everything: Annotated[bool, option("--all", help="Every file; needs no database.")] = False,
) -> ExitCode:
    """Reads the pending files for SQL that is unsafe on a busy table, with squawk; every file where no database is named.

    A rule is silenced where it is broken, with its reason: `-- squawk-ignore RULE`. What rehearse measures, this guesses from
    the text alone.

    Examples:
      chatops lint --all
      chatops lint --dir supabase/migrations
      chatops lint --all -o github --write junit=lint.xml

    Exit codes: 0 nothing unsafe · 1 something is · 2 squawk (the extra `lint`) is not installed
    """
    from chatops.flows import lint as flow  # here: help and completion load no flow

    return flow.run(invocation_of(ctx), flow.LintRequest(directory, source, everything))
