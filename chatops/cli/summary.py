"""`chatops summary`."""

from __future__ import annotations

from chatops.cli.declared import Context, option
from chatops.cli.options import WATCHED_FORMATS, command, invocation_of
from chatops.cli.shared_options import Watch
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"), formats=WATCHED_FORMATS)
def summary(
    ctx: Context,
    since: str | None = option(None, "--since", metavar="TIME", help="The hand-over of a shift: 8h, or an instant."),
    watch: Watch = None,
) -> ExitCode:
    """Operators and waits in one line, then each state with its share; the guide's `select * from chat_state_summary`.

    Examples:
      chatops summary
      chatops summary --watch 5
      chatops summary --since 8h
      chatops --env production summary -o json
      chatops summary --all-schemas 'tenant_*'
    """
    from chatops.flows import tables

    return tables.summary(invocation_of(ctx), watch, since)
