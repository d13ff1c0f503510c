"""Reads a command line that holds nothing but what is declared, spelt out and in range; every other is typer's, errors too.

Loading typer and building a command with it takes longer than `summary` takes to ask.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from chatops.cli import COMMANDS
from chatops.cli.declared import Context, Declared, Shared
from chatops.cli.options import TOP, Call, common_options

_LOOKS = frozenset(("help", "metavar", "autocompletion", "show_default"))
"""What a declaration says about its looks alone."""
_READ = {int: re.compile(r"[0-9]{1,18}"), float: re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")}


class _NotPlainError(Exception):
    """It takes typer to read this."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    """What one option or argument takes, and where its value goes."""

    name: str
    kind: type
    many: bool = False
    least: float | None = None
    most: float | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Plain:
    """A command, what its line says for it, and for the run as a whole."""

    name: str
    function: Callable[..., Any]
    values: Mapping[str, Any]
    shared: Sequence[tuple[str, Any]]

    def run(self, call: Call) -> Any:
        """What the command answers."""
        for name, value in self.shared:
            setattr(call.given, name, value)
        context = SimpleNamespace(
            obj=call, info_name=self.name, command=SimpleNamespace(callback=self.function), params=self.values
        )
        return self.function(context, **self.values)


def read(words: Sequence[str]) -> Plain | None:
    """What a line says; None where that is not plain."""
    try:
        return _read(words)
    except _NotPlainError:
        return None


def _read(words: Sequence[str]) -> Plain:
    left = iter(words)
    top = _of_all(common_options(TOP))
    before, [name] = _taken(left, top, arguments=1)
    if all(name != known for _, known, _ in COMMANDS):
        raise _NotPlainError
    function = getattr(importlib.import_module(f"chatops.cli.{name}"), name)
    own, arguments, values = _declared(function)
    shared = _of_all(common_options(function.takes))
    found, given = _taken(iter(getattr(function, "rewritten", list)(list(left))), {**own, **shared})
    values |= {one.name: said if one.many else said[0] for one, said in found.items() if not one.shared}
    values |= _filled(arguments, given)
    if any(value is ... or value is inspect.Parameter.empty for value in values.values()):
        raise _NotPlainError  # it must be given
    kept = [(one.name, tuple(said) if one.many else said[0]) for one, said in (*before.items(), *found.items()) if one.shared]
    return Plain(name, function, values, kept)


def _taken(
    words: Iterator[str], known: Mapping[str, _Parameter], arguments: int | None = None
) -> tuple[dict[_Parameter, list[Any]], list[str]]:
    """The values of options and the arguments, until so many of these are there, or the end."""
    found: dict[_Parameter, list[Any]] = {}
    given: list[str] = []
    while arguments is None or len(given) < arguments:
        word = next(words, None)
        if word is None:
            if arguments is not None:
                raise _NotPlainError
            break
        if not word.startswith("-") or word == "-":
            given.append(word)
            continue
        spelt, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        parameter = known.get(spelt)
        if parameter is None or (equals and parameter.kind is bool) or (parameter in found and not parameter.many):
            raise _NotPlainError
        read = True if parameter.kind is bool else _value(parameter, value if equals else next(words, ""), apart=not equals)
        found.setdefault(parameter, []).append(read)
    return found, given


def _value(parameter: _Parameter, text: str, *, apart: bool) -> Any:
    if not text or (apart and text.startswith("-")):
        raise _NotPlainError
    if parameter.kind is Path:
        if os.path.exists(text) and not os.access(text, os.R_OK):  # noqa: PTH110 - before it is a path
            raise _NotPlainError
        return Path(text)
    if (pattern := _READ.get(parameter.kind)) is None:
        return text
    if not pattern.fullmatch(text):
        raise _NotPlainError
    number = parameter.kind(text)
    if (parameter.least is not None and number < parameter.least) or (parameter.most is not None and number > parameter.most):
        raise _NotPlainError
    return number


def _filled(known: Sequence[_Parameter], given: Sequence[str]) -> dict[str, Any]:
    """The values of arguments, in their order; the last one may take all that is left."""
    values: dict[str, Any] = {}
    left = list(given)
    for place, parameter in enumerate(known, 1):
        if parameter.many and left:
            values[parameter.name] = left
            left = [] if place == len(known) else left
        elif left:
            values[parameter.name] = _value(parameter, left.pop(0), apart=True)
    if left:
        raise _NotPlainError
    return values


def _declared(function: Callable[..., object]) -> tuple[dict[str, _Parameter], list[_Parameter], dict[str, Any]]:
    """A command's options by their spellings, its arguments, and the default of each."""
    options: dict[str, _Parameter] = {}
    arguments: list[_Parameter] = []
    defaults: dict[str, Any] = {}
    for one in inspect.signature(function, eval_str=True).parameters.values():
        if one.annotation is Context:
            continue
        kind, said, default = one.annotation, one.default, one.default
        if get_origin(kind) is Annotated:
            kind, said = get_args(kind)
        if not isinstance(said, Declared) or not said.more.keys() <= _LOOKS | {"min", "max"}:
            raise _NotPlainError
        words = said.words
        if said is default:
            default, *words = said.words
        parameter = _parameter(one.name, kind, said)
        defaults[one.name] = default
        if not said.is_option:
            arguments.append(parameter)
            continue
        if parameter.kind is bool and (not words or default is not False):
            raise _NotPlainError  # there is a --no-… of it
        options |= dict.fromkeys(words or [f"--{one.name.replace('_', '-')}"], parameter)
    return options, arguments, defaults


def _parameter(name: str, annotation: object, said: Declared) -> _Parameter:
    kind: Any = annotation
    if get_origin(kind) in (Union, UnionType):
        kind, *others = (one for one in get_args(kind) if one is not NoneType)
        if others:
            raise _NotPlainError
    many = get_origin(kind) is list
    if many:
        [kind] = get_args(kind)
    if kind not in (str, int, float, bool, Path) or (many and kind not in (str, Path)):
        raise _NotPlainError
    return _Parameter(name, kind, many, said.more.get("min"), said.more.get("max"))


def _of_all(shared: Sequence[Shared]) -> dict[str, _Parameter]:
    parameters = [(one, _Parameter(one.name, one.value, one.multiple, shared=True)) for one in shared]
    return {spelling: parameter for one, parameter in parameters for spelling in one.spellings}
