"""Command lines that stand in chatops.toml: the code step of `deploy`, what runs beside `monitor`.

They are shown before they run, and need a yes like any change: whoever wrote the file is not always who runs chatops. They get
no database URL and no password of the environment, unless their table says `pass_database = true`.
"""

from __future__ import annotations

from collections.abc import Sequence

from chatops import settings
from chatops.deploys.command_text import command_shown
from chatops.errors import NotATerminalError, RefusedError
from chatops.flows.run import Invocation
from chatops.formatting import plural
from chatops.model import Span
from chatops.settings import Configuration


def configured_commands(configuration: Configuration, table: str, key: str = "commands") -> tuple[str, ...]:
    """`[table] key` of chatops.toml, () when it is not there."""
    found = settings.table_of(configuration.data, table).get(key, ())
    return tuple(str(line) for line in found) if isinstance(found, list | tuple) else ()


def agree_to_commands(invocation: Invocation, table: str, commands: Sequence[str], *, yes: bool) -> None:
    """Shows the commands and asks whether they may run. Raises RefusedError where they may not."""
    if not commands:
        return
    invocation.note(f"[{table}] of {invocation.configuration.path} runs {plural(len(commands), 'command')}:")
    for line in commands:
        invocation.note([Span("  "), Span(command_shown(line))])
    if yes:
        return
    if not invocation.interactive:
        raise NotATerminalError(
            f"the commands of [{table}] in {invocation.configuration.path} need --yes where nobody can be asked; nothing was run"
        )
    if invocation.ask("Run them? [y/N]", "--yes").lower() not in ("y", "yes"):
        raise RefusedError("nothing was run")


def command_environment(invocation: Invocation, table: str) -> dict[str, str]:
    """The environment of a command: without whatever leads into a database, unless its table says `pass_database = true`."""
    if settings.table_of(invocation.configuration.data, table).get("pass_database") is True:
        return dict(invocation.environ)
    return settings.without_databases(invocation.environ)
