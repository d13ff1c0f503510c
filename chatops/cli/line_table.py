"""What `lines.json` says of a command's line: its options by spelling, its arguments in their order, and what is left out."""

from __future__ import annotations

from typing import Any

import typer.core

from chatops.cli.plain_line import Parameter
from chatops.cli.typer_line import SHARED

KINDS = ("boolean", "str", "int", "float", "path")
_USUAL = {"path": {"readable": True, "file_okay": True, "dir_okay": True, "name": "path"}}
"""What a type may ask beside its kind: the reader asks the same."""


def line_of(command: typer.core.TyperCommand | typer.core.TyperGroup) -> dict[str, Any]:
    """What a plain line of a command may hold; what typer alone can read is left out, and then so is every line with it."""
    options: dict[str, Parameter] = {}
    arguments: list[Parameter] = []
    defaults: dict[str, Any] = {}
    required: list[str] = []
    for one in command.params:
        assert isinstance(one, typer.core.TyperOption | typer.core.TyperArgument)
        shared = (one.name or "").startswith(SHARED)
        name = (one.name or "").removeprefix(SHARED)
        if one.required:
            required.append(name)
        elif one.expose_value:
            defaults[name] = one.default
        if isinstance(one, typer.core.TyperArgument):
            arguments.append(_parameter(name, one.type, many=one.nargs != 1))
        elif shared == bool(one.callback) and _is_plain(one):
            said = _parameter(name, one.type, many=one.multiple, shared=shared)
            options |= dict.fromkeys(one.opts, said)
    return {"options": options, "arguments": arguments, "defaults": defaults, "required": required}


def _is_plain(one: typer.core.TyperOption) -> bool:
    is_odd = one.secondary_opts or one.count or one.prompt or one.is_eager or one.nargs != 1 or one.envvar
    return not is_odd and (not one.is_flag or one.default is False)


def _parameter(name: str, kind: Any, *, many: bool, shared: bool = False) -> Parameter:
    """`kind` is one of typer's types, whose classes have no public name. Raises ValueError for one that a line cannot hold."""
    said = {key: value for key, value in vars(kind).items() if value}
    plain = kind.name.removesuffix(" range")
    least, most = said.pop("min", None), said.pop("max", None)
    if plain not in KINDS or said != _USUAL.get(plain, {}):
        raise ValueError(f"{name}: a plain line knows no {kind.name} with {said}")
    return Parameter(name, plain, many, least, most, shared)
