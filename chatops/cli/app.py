"""The commands as typer runs them, and the one place where a failure becomes words and an exit code."""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
import typer.core

from chatops import interrupts
from chatops.cli import COMMANDS, help_page
from chatops.cli.options import COMMON_EPILOG, Call, common_options
from chatops.errors import ChatopsError, ExitCode, UsageError

UNUSABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What a file or folder that was named, or that chatops keeps things in, may be like."""


# `ctx: Any` in what follows: typer overrides a class whose own name for it is private.


class _HelpPage(typer.core.TyperCommand):
    """A command whose help looks as it does when nothing is loaded for it."""

    def format_help(self, ctx: Any, formatter: object) -> None:
        """Writes the page."""
        sys.stdout.write(help_page.shown(help_page.pages()[ctx.info_name], sys.stdout).removesuffix("\n"))  # typer adds it


class _Commands(typer.core.TyperGroup):
    """Commands are imported when they are asked for, so that one does not pay for the others."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the help."""
        return [name for _, name, _ in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> typer.core.TyperCommand | None:
        """The command of that name, loaded."""
        return next((_load(panel, name, line) for panel, name, line in COMMANDS if name == cmd_name), None)

    def format_help(self, ctx: Any, formatter: object) -> None:
        """Writes the page that lists them."""
        sys.stdout.write(help_page.shown(help_page.pages()[""], sys.stdout).removesuffix("\n"))


@functools.cache
def _load(panel: str, name: str, line: str) -> typer.core.TyperCommand:
    function = getattr(importlib.import_module(f"chatops.cli.{name}"), name)
    single = typer.Typer(add_completion=False)
    own = getattr(function, "command_class", None)
    kind = _HelpPage if own is None else type("Command", (_HelpPage, own), {})
    text = f"{line}\n\n{function.__doc__ or ''}"
    single.command(name, cls=kind, help=text, short_help=line, rich_help_panel=panel, epilog=function.epilog)(function)
    command = typer.main.get_command(single)
    assert isinstance(command, _HelpPage)
    command.params.extend(common_options(function.takes))
    return command


def group() -> typer.core.TyperGroup:
    """All of chatops as typer runs it."""
    app = typer.Typer(
        name="chatops",
        cls=_Commands,
        add_completion=True,
        pretty_exceptions_enable=False,
        epilog=COMMON_EPILOG,
        context_settings={"help_option_names": list(help_page.HELP_OPTIONS)},
    )

    @app.callback(invoke_without_command=True)
    def chatops(ctx: typer.Context) -> None:
        """Operations and migrations for the chat platform's Postgres."""
        if ctx.invoked_subcommand is None and not ctx.resilient_parsing:
            from chatops.flows.start import show_start  # as in the file of a command

            raise typer.Exit(show_start(ctx.obj.run))

    found = typer.main.get_command(app)
    assert isinstance(found, typer.core.TyperGroup)
    found.params[:0] = common_options(("connection", "debug", "version"))
    return found


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
        if any("\udc80" <= sign <= "\udcff" for word in arguments for sign in word):
            raise UsageError("an argument is not UTF-8")
        result = group().main(args=arguments, prog_name="chatops", standalone_mode=False, obj=call)
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


def _ended(call: Call, error: BaseException) -> int:
    from chatops.flows import ends  # when something went wrong, not before

    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return ends.stopped(call.run)
    if isinstance(error, ChatopsError):
        return ends.failed(call.run, error, error.exit_code)
    if isinstance(error, _usage_errors()):
        return ends.misused(call.run, error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return ends.failed(call.run, ChatopsError(f"the answer could not be written: {error.strerror}"), ExitCode.UNWRITTEN)
    if isinstance(error, OSError) and error.errno in UNUSABLE and error.filename is not None:
        return ends.failed(call.run, UsageError(f"cannot use {os.fsdecode(error.filename)}: {error.strerror}"), ExitCode.USAGE)
    return ends.crashed(call.run, error)


def _usage_errors() -> type[Exception]:
    # The vendored click's root of "the command line is wrong"; typer exports its leaf only.
    found: type[Exception] = typer.BadParameter.__mro__[2]
    return found
