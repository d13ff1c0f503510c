"""`chatops report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ExitCode, UsageError
from chatops.files import write_file


@command(
    examples=["chatops report deploy.json", "chatops report monitor.json --to day.html",
              "chatops report monitor.json -o markdown >> $GITHUB_STEP_SUMMARY"],
    exits="0 the page is written · 2 the file is no receipt and no state of a monitor",
    takes=("output",),
    formats=DOCUMENT_FORMATS,
)  # fmt: skip
def report(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A receipt of deploy, or a state file of monitor.")],
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where the page goes (default: beside it).")] = None,
) -> ExitCode:
    """One HTML file that needs nothing else: timeline, plots, findings. With -o markdown the same as tables on stdout.

    Connects to nothing.
    """
    import json

    from chatops.deploys import monitor_state, receipt
    from chatops.screens import report_page

    invocation = invocation_of(ctx)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        kind = found.get("kind") if isinstance(found, dict) else None
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except ValueError:
        kind = None
    if kind == "deploy":
        kept_receipt = receipt.read(file)
        text, answer = report_page.of_receipt(kept_receipt), report_page.answer_of_receipt(kept_receipt)
    elif kind == "monitor":
        kept = monitor_state.read(file)
        if kept is None:
            raise UsageError(f"{file} is gone")
        text, answer = report_page.of_watch(kept), report_page.answer_of_watch(kept)
    else:
        raise UsageError(f"{file} is neither a receipt of deploy nor a state of monitor")
    shown = invocation.output is not None
    target = to or (None if shown else file.with_suffix(".html"))
    if target is not None:
        write_file(target, text)
    invocation.show(answer, None if shown else lambda piece: None)
    if not shown:
        invocation.emit(f"{target}\n")
    return ExitCode.OK
