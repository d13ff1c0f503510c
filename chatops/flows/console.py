"""What `console` does: looks once, and opens the desk on the terminal, or draws one look as a picture."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from chatops.console.app import Console
from chatops.console.picture import screenshot
from chatops.console.source import Source
from chatops.errors import ExitCode, NotATerminalError, RefusedError, UsageError
from chatops.flows import diagnose, run_checks
from chatops.flows.console_source import DeskSource
from chatops.flows.console_tenants import TenantsSource
from chatops.flows.run import Invocation


def open_console(
    invocation: Invocation, *, every: float, checks_every: float, picture: Path | None, size: str, light: bool,
    names: bool = False,
) -> ExitCode:  # fmt: skip
    """`chatops console`; `checks_every` in minutes, 0 for only on a key."""
    columns_and_rows = _size(size)
    # Textual draws on stderr, so that must be the terminal, too.
    if picture is None and not all(one is not None and one.isatty() for one in (sys.stdin, sys.stdout, sys.stderr)):
        raise NotATerminalError("console needs a terminal; a picture of one look: --screenshot FILE.svg")
    silent = [one.code for one in diagnose.snoozed(invocation, ())]
    checks = run_checks.choose(invocation.configuration, None, (), silent)
    names = names or invocation.medium().show_names

    def one_schema(run: Invocation) -> Source:
        return DeskSource(run, checks, show_names=names)

    many = invocation.has_tenants
    source: Source = TenantsSource(invocation, one_schema, show_names=names) if many else one_schema(invocation)
    app = Console(source, every=every, checks_every=checks_every * 60, light=light)
    if picture is not None:
        trouble = screenshot(app, picture, columns_and_rows, checks=bool(checks_every) and not many, light=light)
        if trouble is not None:
            raise RefusedError(f"no picture was made: {trouble}")
        invocation.note(f"one look, drawn in {picture}")
        return ExitCode.OK
    app.run(mouse=False)
    return ExitCode(app.return_code or 0)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,3})x(\d{2,3})", text)
    if found is None or int(found[1]) < 80 or int(found[2]) < 24:
        raise UsageError("--size takes columns and rows, such as 120x40, and at least 80x24")
    return int(found[1]), int(found[2])
