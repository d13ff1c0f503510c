"""Reads a command line that holds nothing but what is declared, spelt out and in range; every other is typer's, errors too.

What is declared stands in `lines.json`, which `make help-file` writes from what typer has made of the commands: loading typer
takes longer than `summary` takes to ask.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from chatops.cli.options import Call
from chatops.frozen import frozen

FILE = os.path.join(os.path.dirname(__file__), "lines.json")  # noqa: PTH118, PTH120 - for each command
_NUMBER = {"int": (int, re.compile(r"[0-9]{1,18}")), "float": (float, re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?"))}


class _NotPlainError(Exception):
    """It takes typer to read this."""


class Parameter(NamedTuple):
    """What an option or argument takes (boolean, str, int, float or path), and where its value goes."""

    name: str
    kind: str
    many: bool = False
    least: float | None = None
    most: float | None = None
    shared: bool = False


@frozen
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


@functools.cache
def _lines() -> Mapping[str, Any]:
    with open(FILE, encoding="utf-8") as file:  # noqa: PTH123
        return cast("Mapping[str, Any]", json.load(file))


def _read(words: Sequence[str]) -> Plain:
    lines = _lines()
    left = iter(words)
    before, [name] = _taken(left, _options(lines[""]), arguments=1)
    if not name or name not in lines:
        raise _NotPlainError
    line = lines[name]
    function = getattr(importlib.import_module(f"chatops.cli.{name}"), name)
    found, given = _taken(iter(getattr(function, "rewritten", list)(list(left))), _options(line))
    own = {one.name: said if one.many else said[0] for one, said in found.items() if not one.shared}
    values = {**line["defaults"], **own, **_filled([Parameter(*one) for one in line["arguments"]], given)}
    if not values.keys() >= set(line["required"]):
        raise _NotPlainError
    kept = [(one.name, tuple(said) if one.many else said[0]) for one, said in (*before.items(), *found.items()) if one.shared]
    return Plain(name, function, values, kept)


def _options(line: Mapping[str, Any]) -> dict[str, Parameter]:
    return {spelling: Parameter(*said) for spelling, said in line["options"].items()}


def _taken(
    words: Iterator[str], known: Mapping[str, Parameter], arguments: int | None = None
) -> tuple[dict[Parameter, list[Any]], list[str]]:
    """The values of options and the arguments, until so many of these are there, or the end."""
    found: dict[Parameter, list[Any]] = {}
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
        is_flag = parameter is not None and parameter.kind == "boolean"
        if parameter is None or (equals and is_flag) or (parameter in found and not parameter.many):
            raise _NotPlainError
        read = True if is_flag else _value(parameter, value if equals else next(words, ""), apart=not equals)
        found.setdefault(parameter, []).append(read)
    return found, given


def _value(parameter: Parameter, text: str, *, apart: bool) -> Any:
    if not text or (apart and text.startswith("-")):
        raise _NotPlainError
    if parameter.kind == "str":
        return text
    if parameter.kind == "path":
        if os.path.exists(text) and not os.access(text, os.R_OK):  # noqa: PTH110 - before it is a path
            raise _NotPlainError
        return Path(text)
    number, pattern = _NUMBER[parameter.kind]
    if not pattern.fullmatch(text):
        raise _NotPlainError
    read = number(text)
    if (parameter.least is not None and read < parameter.least) or (parameter.most is not None and read > parameter.most):
        raise _NotPlainError
    return read


def _filled(known: Sequence[Parameter], given: Sequence[str]) -> dict[str, Any]:
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
