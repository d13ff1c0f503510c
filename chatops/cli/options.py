"""The options that several commands share, and what marks a function as a command."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from chatops.cli import completion
from chatops.cli.declared import Context, Shared
from chatops.flows.given import CHECK_FORMATS, DOCUMENT_FORMATS, LINTED_FORMATS, TABLE_FORMATS, WATCHED_FORMATS, Formats, Given

if TYPE_CHECKING:
    # The run brings the driver and all that draws; a help text needs neither.
    from chatops.flows.run import Invocation

__all__ = [
    "CHECK_FORMATS",
    "DOCUMENT_FORMATS",
    "LINTED_FORMATS",
    "TABLE_FORMATS",
    "WATCHED_FORMATS",
    "Formats",
    "command",
    "common_options",
    "invocation_of",
]

F = TypeVar("F", bound=Callable[..., Any])

COMMON_EPILOG = (
    "Exit codes: 0 all well · 1 found something · 2 usage or configuration · 3 database unreachable · "
    "4 refused, or failed and rolled back · 5 conflict, safe to retry · 70 a bug in chatops · "
    "74 the answer could not be written · 130 interrupted"
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


READS = "0 always, when the database could be read"
"""How a command ends that says nothing of its exit codes: it only reads."""
_PAGE = re.compile(
    r"(?P<text>.*?)\n\n *Examples:\n(?P<examples>(?: +\S[^\n]*\n)+)(?:\n *Exit codes: (?P<exits>.*?))?\s*", re.DOTALL
)


def command(*, takes: Sequence[str] = ("connection", "output"), formats: Formats = TABLE_FORMATS) -> Callable[[F], F]:
    """Marks a function as a command; its docstring is its page: what it does, examples that paste, a line about its exit codes.

    `takes` names groups of shared options: connection, tenants, output, debug. Raises ValueError for a page without examples.
    """

    def mark(function: F) -> F:
        if function.__doc__ is None:  # python -OO leaves no docstring, and so no help
            function.__doc__ = "\n\nExamples:\n  chatops --help\n"
        page = _PAGE.fullmatch(function.__doc__)
        if page is None:
            raise ValueError(f"the docstring of {function.__name__} has no examples")
        examples = tuple(line.strip() for line in page["examples"].splitlines())
        exits = " ".join((page["exits"] or READS).split())
        function.__doc__ = page["text"]
        lines = ["Examples:", *(f"  {example}" for example in examples), f"Exit codes: {exits}"]
        function.epilog = "\n\n".join(lines)  # type: ignore[attr-defined]
        function.takes = (*takes, "debug")  # type: ignore[attr-defined]
        function.formats = formats  # type: ignore[attr-defined]
        function.examples = examples  # type: ignore[attr-defined]
        return function

    return mark


TOP = ("connection", "debug")
"""What stands before the command, too."""


def common_options(groups: Sequence[str]) -> list[Shared]:
    """The options that several commands share; what they say is kept in the run instead of being passed on."""
    made: list[Shared] = []
    if "connection" in groups or "config" in groups:
        text = "The chatops.toml to read, whosever it is."
        made.append(Shared("config", ("--config",), "Connection", text, metavar="FILE"))
    if "connection" in groups:
        made += [
            Shared("db", ("--db",), "Connection", "Connection URL, or local, or demo.", metavar="URL", multiple=True,
                   offers=completion.databases),
            Shared("env", ("--env",), "Connection",
                   "Environment of chatops.toml; commands with --all-schemas take several: a,b, 'prod-*', a group.",
                   metavar="NAME", offers=completion.environments),
            Shared("schema", ("--schema",), "Connection", "Schema of one tenant (default public).", metavar="NAME"),
        ]  # fmt: skip
    if "tenants" in groups:
        made += [
            Shared("all_schemas", ("--all-schemas",), "Connection",
                   "Every schema that matches, such as 'tenant_*', on one page.", metavar="PATTERN"),
            Shared("jobs", ("--jobs",), "Connection", "Connections at once, where there are several tenants (default 4).",
                   int, metavar="N"),
        ]  # fmt: skip
    if "output" in groups:
        made += [
            Shared("output", ("--output", "-o"), "Output", "table, plain, json, markdown …", metavar="FORMAT",
                   offers=completion.formats),
            Shared("write", ("--write",), "Output", "Also write FORMAT=FILE; may be given several times.",
                   metavar="FORMAT=FILE", multiple=True, offers=completion.written_formats),
            Shared("show_names", ("--show-names",), "Output", "Names of people in full, off a terminal too.", bool),
            Shared("utc", ("--utc",), "Output", "Instants in UTC in place of how long ago they were.", bool),
            Shared("raw", ("--raw",), "Output", "csv and tsv without the quote before what a spreadsheet would compute.", bool),
        ]  # fmt: skip
    if "debug" in groups:
        made.append(Shared("debug", ("--debug",), "Output", "Show the traceback of a bug.", bool))
    return made


def invocation_of(ctx: Context) -> Invocation:
    """The run that a command belongs to, told which command it is."""
    call = ctx.obj
    assert isinstance(call, Call)
    call.given.command = ctx.info_name or ""
    call.given.formats = getattr(ctx.command.callback, "__wrapped__", ctx.command.callback).__dict__.get("formats", TABLE_FORMATS)
    call.run.check_output()
    return call.run
