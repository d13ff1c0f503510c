"""The options that several commands share, and what marks a function as a command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import typer
import typer.core

from chatops import __version__
from chatops.cli import completion
from chatops.flows.given import CHECK_FORMATS, DOCUMENT_FORMATS, LINTED_FORMATS, TABLE_FORMATS, WATCHED_FORMATS, Formats, Given

if TYPE_CHECKING:
    # The run brings the driver and all that draws; a help text needs neither.
    from chatops.flows.run import Invocation

__all__ = [
    "CHECK_FORMATS",
    "DOCUMENT_FORMATS",
    "LINTED_FORMATS",
    "REPLAY_HELP",
    "TABLE_FORMATS",
    "WATCHED_FORMATS",
    "Formats",
    "command",
    "common_options",
    "invocation_of",
]

REPLAY_HELP = "Look at an archive of diagnose --capture: loaded into a scratch database of the embedded server, then dropped."

F = TypeVar("F", bound=Callable[..., Any])

COMMON_EPILOG = (
    "Exit codes: 0 all well · 1 found something · 2 usage or configuration · 3 database unreachable · "
    "4 refused, or failed and rolled back · 5 conflict, safe to retry · 70 a bug in chatops · "
    "74 no room for the answer · 130 interrupted"
)


class Call:
    """One call of the command line: what its shared options say, and the run that is made of it when somebody needs one."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.given = Given(list(argv))

    @property
    def is_run(self) -> bool:
        """Whether the run has been made."""
        return "run" in vars(self)

    @cached_property
    def run(self) -> Invocation:
        """The run, made when the options have been read."""
        from chatops.flows.run import Invocation  # not before it is needed: see above

        return Invocation(self.given)


def command(
    *, examples: Sequence[str], exits: str, takes: Sequence[str] = ("connection", "output"),
    formats: Formats = TABLE_FORMATS,
) -> Callable[[F], F]:  # fmt: skip
    """Marks a function as a command: two or more pasteable examples, a line about its exit codes, the options it shares.

    `takes` names groups of shared options: connection, tenants, output, debug.
    """

    def mark(function: F) -> F:
        lines = ["Examples:", *(f"  {example}" for example in examples), f"Exit codes: {exits}"]
        function.epilog = "\n\n".join(lines)  # type: ignore[attr-defined]
        function.takes = (*takes, "debug")  # type: ignore[attr-defined]
        function.formats = formats  # type: ignore[attr-defined]
        function.examples = tuple(examples)  # type: ignore[attr-defined]
        return function

    return mark


def shells(offers: Callable[[typer.Context, str], completion.Offers]) -> Callable[..., completion.Offers]:
    """A completion as the class of options takes it."""
    return lambda ctx, args, incomplete: offers(ctx, incomplete or "")


def common_options(groups: Sequence[str]) -> list[typer.core.TyperOption]:
    """The options that several commands share; they store their value on the call instead of passing it on."""

    def store(name: str) -> Callable[..., Any]:
        def callback(ctx: typer.Context, param: object, value: object) -> object:
            if value not in (None, (), []) and value is not False and isinstance(ctx.obj, Call):
                setattr(ctx.obj.given, name, value)
            return value

        return callback

    def option(flags: list[str], name: str, panel: str, text: str, **more: Any) -> typer.core.TyperOption:
        return typer.core.TyperOption(
            param_decls=[f"shared_{name}", *flags], help=text, callback=store(name), expose_value=False,
            rich_help_panel=panel, **more,
        )  # fmt: skip

    made: list[typer.core.TyperOption] = []
    if "connection" in groups or "config" in groups:
        text = "The chatops.toml to read, whosever it is."
        made.append(option(["--config"], "config", "Connection", text, type=str, metavar="FILE"))
    if "connection" in groups:
        made += [
            option(
                ["--db"],
                "db",
                "Connection",
                "Connection URL, or local, or demo.",
                multiple=True,
                type=str,
                metavar="URL",
                autocompletion=shells(completion.databases),
            ),
            option(
                ["--env"],
                "env",
                "Connection",
                "Environment of chatops.toml; commands with --all-schemas take several: a,b, 'prod-*', a group.",
                type=str,
                metavar="NAME",
                autocompletion=shells(completion.environments),
            ),
            option(["--schema"], "schema", "Connection", "Schema of one tenant (default public).", type=str, metavar="NAME"),
        ]
    if "tenants" in groups:
        made += [
            option(["--all-schemas"], "all_schemas", "Connection", "Every schema that matches, such as 'tenant_*', on one page.",
                   type=str, metavar="PATTERN"),
            option(["--jobs"], "jobs", "Connection", "Connections at once, where there are several tenants (default 4).",
                   type=int, metavar="N"),
        ]  # fmt: skip
    if "output" in groups:
        made += [
            option(["--output", "-o"], "output", "Output", "table, plain, json, markdown …", type=str, metavar="FORMAT",
                   autocompletion=shells(completion.formats)),
            option(["--write"], "write", "Output", "Also write FORMAT=FILE; may be given several times.",
                   multiple=True, type=str, metavar="FORMAT=FILE", autocompletion=shells(completion.written_formats)),
            option(["--show-names"], "show_names", "Output", "Names of people in full, off a terminal too.", is_flag=True,
                   type=bool, default=False),
            option(["--utc"], "utc", "Output", "Instants in UTC in place of how long ago they were.", is_flag=True, type=bool,
                   default=False),
            option(["--raw"], "raw", "Output", "csv and tsv without the quote before what a spreadsheet would compute.",
                   is_flag=True, type=bool, default=False),
        ]  # fmt: skip
    if "debug" in groups:
        made.append(
            option(["--debug"], "debug", "Output", "Show the traceback of a bug.", is_flag=True, type=bool, default=False)
        )
    if "version" in groups:
        made.append(
            typer.core.TyperOption(param_decls=["shared_version", "--version", "-V"], is_flag=True, type=bool, default=False,
                                   is_eager=True, expose_value=False, callback=_version, help="Show the version and exit.")
        )  # fmt: skip
    return made


def _version(ctx: typer.Context, param: object, value: bool) -> None:
    if value:
        sys.stdout.write(f"chatops {__version__}\n")
        raise typer.Exit(0)


def invocation_of(ctx: typer.Context) -> Invocation:
    """The run that a command belongs to, told which command it is."""
    call = ctx.obj
    assert isinstance(call, Call)
    call.given.command = ctx.info_name or ""
    call.given.formats = getattr(ctx.command.callback, "__wrapped__", ctx.command.callback).__dict__.get("formats", TABLE_FORMATS)
    call.run.check_output()
    return call.run
