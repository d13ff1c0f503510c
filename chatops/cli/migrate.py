"""`chatops migrate`."""

from __future__ import annotations

from typing import Annotated

from chatops.cli import shared_options as options
from chatops.cli.declared import Context, option
from chatops.cli.options import Formats, command, invocation_of
from chatops.errors import ExitCode
from chatops.flows.folder import FolderOptions


@command(formats=Formats(also=("sql", "junit")))
def migrate(
    ctx: Context,
    to: options.LastFile = None,
    directory: options.Folder = None,
    source: options.Source = None,
    dry_run: Annotated[bool, option("--dry-run", help="Only say what would be applied (-o sql: its exact text).")] = False,
    yes: options.Yes = False,
    max_wait: Annotated[str, option("--max-wait", metavar="TIME", help="How long to wait for locks, per file.")] = "5m",
    statement_timeout: Annotated[
        str | None, option("--statement-timeout", metavar="TIME", help="End a statement that takes longer.")
    ] = None,
    allow_out_of_order: Annotated[bool, option("--allow-out-of-order", help="Apply files that come late, too.")] = False,
    strict: Annotated[bool, option("--strict", help="Refuse files that share a number.")] = False,
    all_files: Annotated[
        bool, option("--all-files", help="Also files that are named as if they undid something (007_slow_down.sql).")
    ] = False,
    all_schemas: Annotated[
        str | None, option("--all-schemas", metavar="PATTERN", help="Every schema that matches, such as 'tenant_*'.")
    ] = None,
    jobs: Annotated[int, option("--jobs", min=1, max=64, help="How many targets at once, where there are several.")] = 4,
    canary: Annotated[
        int, option("--canary", min=0, metavar="N", help="The first N targets, a look at them, then the others.")
    ] = 0,
    max_failures: Annotated[
        int | None, option("--max-failures", min=1, metavar="N", help="Begin no further target once N have failed.")
    ] = None,
    show: Annotated[str | None, option(metavar="FILE", help="Only write a file's text: number or name.")] = None,
    again: Annotated[
        str | None, option(metavar="FILE", help="Make functions, views and indexes of a file that is in once more.")
    ] = None,
    back: Annotated[str | None, option(metavar="FILE", help="Only write the SQL that takes a file back here.")] = None,
    quiet: Annotated[bool, option("--quiet", "-q", help="Of what the server says, only warnings.")] = False,
) -> ExitCode:
    """Applies the pending files in order, each in one transaction with its entry in the ledger, then the views that changed.

    Locks are asked for in short attempts, so that nobody waits for the migrator for long; chatops names the blocker.
    With --db given several times, --env staging,production or --all-schemas each database is migrated independently, through at
    most --jobs and two connections; the same command again goes on where a run ended.

    Examples:
      chatops migrate --dry-run
      chatops --env production migrate --to 017 --yes
      chatops migrate --dir supabase/migrations --to latest
      chatops migrate --dry-run -o sql > pending.sql
      chatops migrate --all-schemas 'tenant_*' --jobs 8 --canary 5 --yes
      chatops migrate --again 015 --dry-run
      chatops migrate --show 018
      chatops migrate --back 017

    Exit codes: 0 everything asked for is in · 2 usage · 3 unreachable, or the connection was lost · 4 refused, or a file
    failed and was rolled back · 5 a lock or another migrator was in the way for longer than --max-wait
    """
    from chatops.flows import migrate as flow  # help and completion load no flow

    folder = FolderOptions(directory, source, all_files)
    options = flow.MigrateOptions(
        to,
        folder,
        dry_run,
        yes,
        max_wait,
        statement_timeout,
        allow_out_of_order,
        strict,
        all_schemas,
        jobs,
        canary,
        max_failures,
        quiet,
        show,
        again,
        back,
    )
    return flow.migrate(invocation_of(ctx), options)
