"""The commands as typer runs them: for help, for completion, and for every command line that is not plain."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer
import typer.core

from chatops import __version__
from chatops.cli import COMMANDS, help_page
from chatops.cli.declared import Context, Declared, Shared
from chatops.cli.options import COMMON_EPILOG, TOP, Call, common_options
from chatops.later import later

if TYPE_CHECKING:
    from chatops.local import about
else:
    about = later("chatops.local.about")

STOPPED = (typer.Abort,)
SHARED = "shared_"
"""What the name of an option begins with whose value goes to the run."""
VERBOSE = "chatops.verbose"
"""Where a line keeps that it was given --verbose."""
MISUSED: type[Exception] = typer.BadParameter.__mro__[2]
"""The vendored click's root of "the command line is wrong"; typer exports its leaf only."""

# `ctx: Any` in what follows: typer overrides a class whose own name for it is private.


class _HelpPage(typer.core.TyperCommand):
    """A command whose help looks as it does when nothing is loaded for it."""

    rewritten: Callable[[Sequence[str]], list[str]]
    """What its line stands for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the line; what is wrong with it knows of which command it is."""
        try:
            words = self.rewritten(args)
            options = [one for one in self.get_params(ctx) if one.param_type_name == "option"]
            known = {spelling for one in options for spelling in (*one.opts, *one.secondary_opts)}
            valued = [one for one in options if not (getattr(one, "is_flag", False) or getattr(one, "count", False))]
            _refuse_swallowed(known, {spelling: one.metavar or "a value" for one in valued for spelling in one.opts}, words)
            return super().parse_args(ctx, words)
        except MISUSED as error:
            error.ctx = getattr(error, "ctx", None) or ctx  # type: ignore[attr-defined]
            raise

    def format_help(self, ctx: Any, formatter: object) -> None:
        """Writes the page."""
        _write_page(ctx.info_name)


def _refuse_swallowed(known: Set[str], takes: Mapping[str, str], words: Sequence[str]) -> None:
    """Raises click's error where an option that takes a value stands before another option, which would become that value."""
    left = iter(words)
    for word in left:
        if word == "--":
            return
        if word in takes and (value := next(left, "")) in known:
            raise MISUSED(f"{word} needs {takes[word]}: {value} is an option; as a value: {word}={value}")


def _write_page(name: str) -> None:
    text = help_page.shown(help_page.pages()[name], sys.stdout)
    if not help_page.paged(text):
        sys.stdout.write(text.removesuffix("\n"))  # typer adds it


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
        _write_page("")


def run(arguments: list[str], call: Call) -> Any:
    """Runs one command; what it answers, or the exit code that typer has made of an interrupt or of nothing to run."""
    return group().main(args=arguments, prog_name="chatops", standalone_mode=False, obj=call)


SETTINGS = {"help_option_names": list(help_page.HELP_OPTIONS)}
"""Of every command: it keeps the help option that it was first asked for, with whatever stands above it then."""


def group() -> typer.core.TyperGroup:
    """All of chatops as typer runs it."""
    app = typer.Typer(
        name="chatops",
        cls=_Commands,
        add_completion=True,
        pretty_exceptions_enable=False,
        epilog=COMMON_EPILOG,
        context_settings=SETTINGS,
    )

    @app.callback(invoke_without_command=True)
    def chatops(ctx: typer.Context) -> None:
        """Operations and migrations for the chat platform's Postgres."""
        if ctx.invoked_subcommand is None and not ctx.resilient_parsing:
            from chatops.flows.start import show_start  # as in the file of a command

            raise typer.Exit(show_start(ctx.obj.run))

    found = typer.main.get_command(app)
    assert isinstance(found, typer.core.TyperGroup)
    found.params[:0] = [*map(_shared, common_options(TOP)), _verbose_option(), _version_option()]
    return found


@functools.cache
def _load(panel: str, name: str, line: str) -> typer.core.TyperCommand:
    function = getattr(importlib.import_module(f"chatops.cli.{name}"), name)
    single = typer.Typer(add_completion=False)
    text = f"{line}\n\n{function.__doc__ or ''}"
    single.command(
        name, cls=_HelpPage, help=text, short_help=line, rich_help_panel=panel, epilog=function.epilog, context_settings=SETTINGS
    )(_declared(function))
    command = typer.main.get_command(single)
    assert isinstance(command, _HelpPage)
    command.rewritten = getattr(function, "rewritten", list)
    command.params.extend(map(_shared, common_options(function.takes)))
    return command


def _declared(function: Callable[..., object]) -> Callable[..., object]:
    """The command with the signature that typer reads."""
    signature = inspect.signature(function, eval_str=True)
    parameters = [
        one.replace(annotation=_for_typer(one.annotation), default=_for_typer(one.default))
        for one in signature.parameters.values()
    ]

    @functools.wraps(function)
    def run(*args: object, **values: object) -> object:
        return function(*args, **values)

    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run


def _for_typer(said: object) -> Any:
    if isinstance(said, Declared):
        return (typer.Option if said.is_option else typer.Argument)(*said.words, **said.more)
    if said is Context:
        return typer.Context
    if get_origin(said) is Annotated:
        kind, *more = get_args(said)
        return Annotated[(kind, *map(_for_typer, more))]
    return said


def _shared(one: Shared) -> typer.core.TyperOption:
    """The option stores its value with the call instead of passing it on."""

    def store(ctx: typer.Context, param: object, value: object) -> object:
        if value not in (None, (), []) and value is not False and isinstance(ctx.obj, Call):
            setattr(ctx.obj.given, one.name, value)
        return value

    flag: dict[str, Any] = {"is_flag": True, "default": False} if one.value is bool else {}
    offers: dict[str, Any] = (
        {} if one.offers is None else {"autocompletion": lambda ctx, args, incomplete: one.offers(ctx, incomplete or "")}
    )
    return typer.core.TyperOption(
        param_decls=[f"{SHARED}{one.name}", *one.spellings], help=one.help, callback=store, expose_value=False, type=one.value,
        rich_help_panel=one.panel, metavar=one.metavar, multiple=one.multiple, **flag, **offers,
    )  # fmt: skip


def _verbose_option() -> typer.core.TyperOption:
    return typer.core.TyperOption(
        param_decls=[f"{SHARED}verbose", "--verbose"], is_flag=True, type=bool, default=False, is_eager=True,
        expose_value=False, callback=_verbose, help="With --version: what a report of a bug needs.",
    )  # fmt: skip


def _verbose(ctx: typer.Context, param: object, value: bool) -> None:
    ctx.meta[VERBOSE] = value


def _version_option() -> typer.core.TyperOption:
    return typer.core.TyperOption(
        param_decls=[f"{SHARED}version", "--version", "-V"], is_flag=True, type=bool, default=False,
        expose_value=False, callback=_version, help="Show the version and exit.",
    )  # fmt: skip


def _version(ctx: typer.Context, param: object, value: bool) -> None:
    if value:
        sys.stdout.write(about.report(os.environ) if ctx.meta.get(VERBOSE) else f"chatops {__version__}\n")
        raise typer.Exit(0)
