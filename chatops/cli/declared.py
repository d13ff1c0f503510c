"""Options and arguments as commands declare them: in typer's words, without loading typer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from chatops.frozen import frozen


class Context(Protocol):
    """What a command knows of its call: `obj` is the `Call`, `info_name` the command's name."""

    obj: Any
    info_name: str | None
    command: Any
    params: dict[str, Any]


@frozen
class Declared:
    """An option, or else an argument: its default where it stands as one, its spellings, and what typer takes by name."""

    is_option: bool
    words: tuple[Any, ...]
    more: Mapping[str, Any]


@frozen
class Shared:
    """An option that several commands share; what is given is kept in the run's `Given` under `name`. A bool is a flag."""

    name: str
    spellings: tuple[str, ...]
    panel: str
    help: str
    value: type[str] | type[int] | type[bool] = str
    metavar: str | None = None
    multiple: bool = False
    offers: Any = None


def option(*words: object, **more: object) -> Any:
    """An option: its default (not within `Annotated`), its spellings, help and so on."""
    return Declared(True, words, more)


def may_be_left_out(metavar: str, offers: object, text: str) -> Any:
    """An argument that is "" where it is left out: what TAB offers for it, and its help."""
    return argument("", metavar=metavar, autocompletion=offers, help=text)


def argument(*words: object, **more: object) -> Any:
    """An argument: its default (not within `Annotated`), help and so on."""
    return Declared(False, words, more)
