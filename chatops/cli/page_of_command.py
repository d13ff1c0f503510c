"""What the help of a command says, read from the command itself."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import typer
import typer.core

from chatops.flows import complete_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatops.cli.help_page import Entry, Page, Panel

BY_USE = {
    "Safety": (
        "--dry-run", "--yes", "--reason", "--max", "--rate", "--stop-after", "--plan-out", "--plan", "--no-audit", "--force",
        "--max-wait", "--max-hold", "--statement-timeout", "--max-failures", "--canary",
    ),
    "Output": ("--columns", "--full", "--brief", "--rows", "--limit", "--top", "--watch", "--quiet", "--show-text", "--diff"),
}  # fmt: skip
"""Options of any command that stand together: how careful it is, and how much it shows."""
_VALUES = {"<int>": "N", "<int range>": "N", "<float>": "NUMBER", "<float range>": "NUMBER", "<str>": "TEXT", "<path>": "PATH"}


def page_of(command: typer.core.TyperCommand | typer.core.TyperGroup, ctx: typer.Context) -> Page:
    """What the help of a command says."""
    panels: dict[str, list[Entry]] = {"Arguments": [], "Options": [], "Safety": [], "Connection": [], "Output": []}
    for parameter in command.get_params(ctx):
        if isinstance(parameter, typer.core.TyperArgument | typer.core.TyperOption) and not parameter.hidden:
            option = isinstance(parameter, typer.core.TyperOption)
            panel = parameter.rich_help_panel or (_use(parameter.opts) if option else "Arguments")
            entry = _entry(parameter, ctx)
            if "--output" in entry["names"]:
                entry["help"] = f"{', '.join(_formats(command))}."
            panels.setdefault(panel, []).append(entry)
    if isinstance(command, typer.core.TyperGroup):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert isinstance(inner, typer.core.TyperCommand)
            panels.setdefault(inner.rich_help_panel or "Commands", []).append({"names": [name], "help": inner.short_help or ""})
    found: list[Panel] = [{"title": title, "entries": entries} for title, entries in panels.items() if entries]
    text = [" ".join(part.split()) for part in inspect.cleandoc(command.help or "").split("\n\n")]
    usage = " ".join(command.get_usage(ctx).removeprefix("Usage:").split())
    return {"usage": usage, "text": text, "panels": found, "epilog": (command.epilog or "").split("\n\n")}


def _formats(command: typer.core.TyperCommand | typer.core.TyperGroup) -> list[str]:
    callback = command.callback
    return [name for name, _ in complete_words.formats(getattr(getattr(callback, "__wrapped__", callback), "formats", None), "")]


def _use(spellings: Sequence[str]) -> str:
    return next((panel for panel, names in BY_USE.items() if not set(names).isdisjoint(spellings)), "Options")


def _entry(parameter: typer.core.TyperArgument | typer.core.TyperOption, ctx: typer.Context) -> Entry:
    record = parameter.get_help_record(ctx)
    line = _told(parameter.help or "")
    entry: Entry = {"names": [], "help": line}
    if extra := _told(record[1] if record else "").removeprefix(line).strip():
        entry["extra"] = extra
    if isinstance(parameter, typer.core.TyperArgument):
        entry["names"] = [(parameter.metavar or parameter.name or "").replace("[", "").replace("]", "")]
    else:
        spellings = [*parameter.opts, *parameter.secondary_opts]
        entry["names"] = [name for name in spellings if name.startswith("--")]
        if short := [name for name in spellings if not name.startswith("--")]:
            entry["short"] = short
        if not parameter.is_flag:
            entry["value"] = _VALUES.get(parameter.make_metavar(ctx), parameter.make_metavar(ctx))
        if parameter.multiple:
            entry["multiple"] = True
    if parameter.required:
        entry["required"] = True
    return entry


def _told(text: str) -> str:
    text = re.sub(r"([\w.]+)<=x<=([\w.]+)", r"\1 to \2", " ".join(text.split()))
    text = re.sub(r"\bx>=([\w.]+)", r"at least \1", text)
    return re.sub(r"(?<=default: )(\d+)\.0\b", r"\1", text)
