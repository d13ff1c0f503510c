"""`chatops console`."""

from __future__ import annotations

from pathlib import Path

from chatops.cli.declared import Context, option
from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode, UsageError
from chatops.settings.extras import with_extra


@command(takes=("connection", "tenants"))
def console(
    ctx: Context,
    every: float = option(5.0, "--every", min=1, max=3600, metavar="SECONDS", help="How often it looks."),
    checks_every: float = option(
        5.0, "--checks-every", min=0, max=1440, metavar="MINUTES", help="How often the checks run; 0: only on the key f."
    ),
    screenshot: Path | None = option(None, "--screenshot", metavar="FILE.svg", help="One look as a picture; needs no terminal."),
    size: str = option("120x40", "--size", metavar="COLUMNSxROWS", help="With --screenshot: how large."),
    light: bool = option(False, "--light", help="With --screenshot: dark on light."),
    names: bool = option(False, "--show-names", help="With --screenshot: names of people in full."),
) -> ExitCode:
    """One screen to keep open: who waits and why, who is held unanswered, who is free, what is wrong, what was done last.

    Looks in one read-only snapshot every few seconds. `r`, `l`, `d` and `u` open the plan of reassign, release, drain and undo,
    by the rules of the commands; production starts read-only, W lets you act for ten minutes. `?` lists the keys.

    Of many tenants (--all-schemas, several environments) it begins with a page of all, the worst first; enter opens one.

    Examples:
      chatops console
      chatops --env production console --every 2
      chatops console --all-schemas 'tenant_*'
      chatops --env 'prod-*' console
      chatops console --screenshot desk.svg

    Exit codes: 0 when it was left · 2 Textual is not installed · 3 database unreachable at the beginning · 4 refused
    """
    try:
        from chatops.flows.console import open_console
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "textual":
            raise
        raise UsageError(
            "console needs Textual, which is not installed",
            next_steps=[with_extra("console")],
        ) from None

    return open_console(
        invocation_of(ctx), every=every, checks_every=checks_every, picture=screenshot, size=size, light=light, names=names
    )
