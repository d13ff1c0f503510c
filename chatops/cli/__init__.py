"""The command line: the table of commands, and the one place where a failure becomes words and an exit code."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import typer
import typer.core

from chatops.cli.options import COMMON_EPILOG, Call, common_options
from chatops.errors import ChatopsError, ExitCode

# Panel, command, help line; in the order of the help. The module of a command bears its name.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("Deploy", "migrate", "Apply the pending migration files."),
    ("Deploy", "status", "Which files are in (for chats: summary)."),
    ("Deploy", "adopt", "Take over an existing database (baseline)."),
    ("Deploy", "rehearse", "Measure the pending files in a rolled-back transaction."),
    ("Deploy", "lint", "Check the pending files for unsafe SQL."),
    ("Deploy", "verify", "Is the deploy right? (what is wrong now: diagnose; can I work here: doctor)"),
    ("Deploy", "deploy", "The guide's five steps as one command."),
    ("Deploy", "monitor", "A deploy's first hour and first day."),
    ("Deploy", "report", "One page about a deploy or a day."),
    ("Look", "diagnose", "What is wrong now? (is the deploy right: verify; can I work here: doctor)"),
    ("Look", "summary", "Chats by state."),
    ("Look", "queue", "Who waits, and for how long."),
    ("Look", "stuck", "What does not move."),
    ("Look", "operators", "Who works, and on what."),
    ("Look", "show", "One chat or operator and its timeline."),
    ("Look", "explain", "What a code means, offline."),
    ("Act", "repair", "Mend what a finding names."),
    ("Act", "reassign", "Give a chat to an operator."),
    ("Act", "release", "Give a chat back to the queue."),
    ("Act", "drain", "Empty an operator: no new chats, held ones moved."),
    ("Act", "undrain", "Let a drained operator work again."),
    ("Act", "undo", "Reverse an action."),
    ("Act", "log", "Who did what, when and why."),
    ("Act", "snooze", "Silence a finding until a date."),
    ("Act", "guard", "The guards' emergency switch."),
    ("Set up", "demo", "A working system with trouble in it."),
    ("Set up", "simulate", "Hostile load on a database of its own: do the invariants hold?"),
    ("Set up", "doctor", "Can I work here? (is the deploy right: verify; what is wrong now: diagnose)"),
    ("Set up", "config", "Which setting won, and why."),
)


class _Commands(typer.core.TyperGroup):
    """Commands are imported when they are asked for, so that one does not pay for the others."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for _, name, _ in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        for panel, name, line in COMMANDS:
            if name == cmd_name:
                return _load(panel, name, line)
        return None


def _load(panel: str, name: str, line: str) -> typer.core.TyperCommand:
    function = getattr(importlib.import_module(f"chatops.cli.{name}"), name)
    single = typer.Typer(add_completion=False, rich_markup_mode="rich")
    more = (function.__doc__ or "").replace("[", "\\[")
    kind = getattr(function, "command_class", typer.core.TyperCommand)
    text = f"{line}\n\n{more}"
    single.command(name, cls=kind, help=text, short_help=line, rich_help_panel=panel, epilog=function.epilog)(function)
    command = typer.main.get_command(single)
    assert isinstance(command, typer.core.TyperCommand)
    command.params.extend(common_options(function.takes))
    return command


def _app() -> Any:
    app = typer.Typer(
        name="chatops",
        cls=_Commands,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        epilog=COMMON_EPILOG,
        context_settings={"help_option_names": ["--help", "-h"]},
    )

    @app.callback(invoke_without_command=True)
    def chatops(ctx: typer.Context) -> None:
        """Operations and migrations for the chat platform's Postgres."""
        if ctx.invoked_subcommand is None and not ctx.resilient_parsing:
            from chatops.cli.start import show_start

            raise typer.Exit(show_start(ctx.obj.run))

    group = typer.main.get_command(app)
    group.params[:0] = common_options(("connection", "debug", "version"))
    return group


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code. `argv` is without the program's name; default: the process's own."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Closed by whoever started us: what is written there goes nowhere.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 - open as long as the process
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    call = Call(arguments)
    restore = _interruptible()
    try:
        code = _run(arguments, call)
    finally:
        if "run" in vars(call):
            call.run.close()
        restore()
    return plugin_code(code, call.run.plugin_code) if call.given.is_plugin else code


def plugin_code(code: int, state: int | None) -> int:
    """The exit code by the rules of Nagios plugins: whatever kept the answer from being given is 3, unknown.

    >>> plugin_code(0, 0), plugin_code(1, 2), plugin_code(3, None), plugin_code(70, None)
    (0, 2, 3, 3)
    """
    if code not in (ExitCode.OK, ExitCode.FOUND):
        return 3
    return state if state is not None else 0 if code == ExitCode.OK else 3


def _run(arguments: list[str], call: Call) -> int:
    try:
        result = _app().main(args=arguments, prog_name="chatops", standalone_mode=False, obj=call)
        code = ExitCode(result) if isinstance(result, int) else ExitCode.OK
        if code is ExitCode.INTERRUPTED:
            raise KeyboardInterrupt  # typer has made an exit code of it, and said nothing
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (KeyboardInterrupt, typer.Abort):
        return call.run.failed(ChatopsError("interrupted; nothing that was not reported as done has been kept"),
                                 ExitCode.INTERRUPTED)  # fmt: skip
    except ChatopsError as error:
        return call.run.failed(error, error.exit_code)
    except _usage_errors() as error:
        return call.run.misused(error)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            return call.run.crashed(error)
        return call.run.failed(ChatopsError(f"the answer could not be written: {error.strerror}"), ExitCode.FOUND)
    except Exception as error:  # noqa: BLE001 - the boundary: a bug becomes a sentence and exit code 70
        return call.run.crashed(error)
    return code


def _usage_errors() -> type[Exception]:
    # The vendored click's root of "the command line is wrong"; typer exports its leaf only.
    found: type[Exception] = typer.BadParameter.__mro__[2]
    return found


def _interruptible() -> Any:
    """SIGTERM and a closed terminal end the statement like Ctrl-C does; returns what puts the old handlers back."""
    import threading

    if threading.current_thread() is not threading.main_thread():
        return lambda: None

    def interrupt(signum: int, frame: Any) -> None:
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    return lambda: [signal.signal(number, handler) for number, handler in previous.items()]
