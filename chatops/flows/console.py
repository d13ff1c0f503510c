"""What `console` does: looks once, and opens the desk on the terminal, or draws one look as a picture."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from chatops.console.app import Console, screenshot
from chatops.errors import ExitCode, NotATerminalError, RefusedError, UsageError
from chatops.flows import diagnose, run_checks
from chatops.flows.console_source import DeskSource
from chatops.flows.run import Invocation


def open_console(invocation: Invocation, *, every: float, checks_every: float, picture: Path | None, size: str) -> ExitCode:
    """`chatops console`; `checks_every` in minutes, 0 for only on a key."""
    columns_and_rows = _size(size)
    if picture is None and not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        raise NotATerminalError("console needs a terminal; a picture of one look: --screenshot FILE.svg")
    silent = [one.code for one in diagnose.snoozed(invocation, ())]
    checks = run_checks.choose(invocation.configuration, None, (), silent)
    source = DeskSource(invocation, checks, show_names=invocation.medium().show_names)
    app = Console(source, every=every, checks_every=checks_every * 60)
    if picture is not None:
        trouble = screenshot(app, picture, columns_and_rows, checks=bool(checks_every))
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
