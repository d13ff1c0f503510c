"""One command, from its words to its exit code; and the one place where a failure becomes words."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from typing import Any

from chatops import interrupts
from chatops.cli import plain_line
from chatops.cli.options import Call
from chatops.errors import ChatopsError, ExitCode, UsageError

COMPLETES = "_CHATOPS_COMPLETE"
"""The variable by which a shell asks what may come next."""
UNUSABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What a file or folder that was named, or that chatops keeps things in, may be like."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code. `argv` is without the program's name; default: the process's own."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Closed by whoever started us: what is written there goes nowhere.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 - open as long as the process
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        # What an encoding lacks is told by its number; some lack a per cent sign.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    call = Call(arguments)
    before = interrupts.listening()
    try:
        code = _run(arguments, call)
        return call.run.exit_code(code) if call.is_run else code
    finally:
        if call.is_run:
            call.run.close()
        interrupts.given_back(before)


def _run(arguments: list[str], call: Call) -> int:
    try:
        if not all(map(_is_text, arguments)):
            raise UsageError("an argument is not UTF-8")
        plain = None if COMPLETES in os.environ else plain_line.read(arguments)
        result = _by_typer(arguments, call) if plain is None else plain.run(call)
        code = ExitCode(result) if isinstance(result, int) else ExitCode.OK
        if code is ExitCode.INTERRUPTED:
            raise KeyboardInterrupt  # typer has made an exit code of it, and said nothing
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the boundary: whatever it is becomes a sentence and an exit code
        return _ended(call, error)
    return code


def _is_text(word: str) -> bool:
    return word.isascii() or not any("\udc80" <= sign <= "\udcff" for sign in word)


def _by_typer(arguments: list[str], call: Call) -> Any:
    from chatops.cli import typer_line  # takes longer to load than many commands

    return typer_line.run(arguments, call)


def _ended(call: Call, error: BaseException) -> int:
    from chatops.flows import ends  # when something went wrong, not before

    typer_line = sys.modules.get("chatops.cli.typer_line")  # where it did not read the line, it has not failed to
    if isinstance(error, KeyboardInterrupt) or (typer_line is not None and isinstance(error, typer_line.STOPPED)):
        return ends.stopped(call.run)
    if isinstance(error, ChatopsError):
        return ends.failed(call.run, error, error.exit_code)
    if typer_line is not None and isinstance(error, typer_line.MISUSED):
        return ends.misused(call.run, error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return ends.failed(call.run, ChatopsError(f"the answer could not be written: {error.strerror}"), ExitCode.UNWRITTEN)
    if isinstance(error, OSError) and error.errno in UNUSABLE and error.filename is not None:
        return ends.failed(call.run, UsageError(f"cannot use {os.fsdecode(error.filename)}: {error.strerror}"), ExitCode.USAGE)
    return ends.crashed(call.run, error)
