"""`chatops report`: one page about a deploy or a watch, from the file that it left."""

from __future__ import annotations

from pathlib import Path

from chatops.deploys import monitor_state, receipt
from chatops.errors import ExitCode, UsageError
from chatops.files import read_json, write_file
from chatops.flows.run import Invocation
from chatops.screens import report_page, report_tables


def report(invocation: Invocation, file: Path, to: Path | None) -> ExitCode:
    """Writes the page beside the file, or to `to`; with a format that was asked for, the same as tables on stdout."""
    kind = kind_of(file)
    if kind == "deploy":
        deploy = receipt.read(file)
        text, answer = report_page.of_receipt(deploy), report_tables.answer_of_receipt(deploy)
    elif kind == "monitor":
        watch = monitor_state.read(file)
        if watch is None:
            raise UsageError(f"{file} is gone")
        text, answer = report_page.of_watch(watch), report_tables.answer_of_watch(watch)
    else:
        raise UsageError(f"{file} is neither a receipt of deploy nor a state of monitor")
    shown = invocation.output is not None
    target = to or (None if shown else file.with_suffix(".html"))
    if target is not None:
        write_file(target, text, private=True)
    invocation.show(answer, None if shown else lambda piece: None)
    if not shown:
        invocation.emit(f"{target}\n")
    return ExitCode.OK


def kind_of(file: Path) -> object:
    """What a file says that it is; None when it is none of ours. Raises UsageError when it cannot be read."""
    try:
        found = read_json(file, "receipt of deploy, nor a state of monitor")
    except FileNotFoundError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    return found.get("kind") if isinstance(found, dict) else None
