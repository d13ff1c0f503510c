"""`chatops psql`."""

from __future__ import annotations

from chatops.cli.declared import Context, argument, option
from chatops.cli.options import command, invocation_of
from chatops.cli.shared_options import Yes


@command(takes=("connection",))
def psql(
    ctx: Context,
    arguments: list[str] | None = argument(
        None, metavar="[ARGUMENT]…", help="What psql is given, behind -- (as in: chatops psql -- -c 'select 1')."
    ),
    write: bool = option(False, "--write", help="May write. Asks first at a terminal; elsewhere production needs --yes."),
    yes: Yes = False,
) -> None:
    """psql on the named environment, read-only unless --write. Address and password go by variables: ps does not show them.

    Without --write it comes in as a role that only reads (pg_read_all_data, chatops_reader), where one of them sees all rows: it
    cannot write, lock tables or end sessions. Where there is none it says so: then read-only is but the default of the session,
    which a statement lifts (begin read write). doctor --create-roles makes such a role.

    With --write the log has who opened the session and when, when it was closed, and what -c was given, without passwords and
    words between quotes; of -f the name of the file, and nothing of what is typed or piped. undo cannot take it back. It writes
    though the database is set to be read-only.

    Examples:
      chatops psql
      chatops --env staging psql --write
      chatops psql -- -Atc 'select count(*) from chats'

    Exit codes: those of psql · 2 no psql here · 3 database unreachable · 4 refused
    """
    from chatops.flows.psql import open_psql

    open_psql(invocation_of(ctx), arguments or (), write=write, yes=yes)
